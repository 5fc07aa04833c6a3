"""crash.py: payments while everything is killed: the engine of the crash tests.

Whatever ends when, afterwards each money that a gateway has taken stands in
VCS once: no more, no less. The program under test is one with crash points
(-DCRASH_POINTS=ON).
"""
import collections
import os
import random
import signal
import subprocess
import threading
import time

import harness
import till
from harness import Portal, Sandbox, wait_for

# In the order of a payment's way. What each gateway has no part in is passed
# without a crash, and the test says so.
POINTS = ["journal.after", "create.before", "create.after", "create.stored",
          "inbox.before", "inbox.after", "capture.before", "capture.after",
          "receipt.before", "receipt.after", "prepare.after",
          "post.sent.before", "post.sent.after", "post.added.after",
          "post.done.before", "post.done.after"]
BEGINNING = POINTS[:4]
HOOKS = ("inbox.before", "inbox.after")
GONE = (EOFError, OSError)


class Sturdy(Sandbox):
    """A sandbox that is killed and comes back with what it had."""

    def restart(self):
        self.process.kill()
        self.process.wait()
        self.start_again()

    def start_again(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                self.process.args, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        self.ready("sandbox: ready")


class Crashing(till.Till):
    """A till whose processes die. `at`: the file that names a crash point."""

    def __init__(self, sandbox=None, reconcile=None, workers=2, **settings):
        self.sandbox = sandbox or Sturdy()
        self.at = os.path.join(self.sandbox.folder, "crash-at")
        self.portal = Mortal(
            self.sandbox, till.settings_of(self.sandbox, **settings),
            env={"PORTICO_CRASH_AT": self.at}, workers=workers,
            reconcile=reconcile)

    def crash_at(self, point):
        with open(self.at + ".new", "w") as f:
            f.write(point)
        os.rename(self.at + ".new", self.at)

    def has_crashed(self):
        return not os.path.exists(self.at)

    def disarm(self):
        if os.path.exists(self.at):
            os.remove(self.at)

    def rows(self, sql, *values):
        with harness.store(self.portal) as db:
            return db.execute(sql, values).fetchall()


class Mortal(Portal):
    """A portal whose workers may be killed: that is in its log, as it should
    be, and no failure."""

    def __init__(self, sandbox, settings, env, workers, reconcile):
        self.reconcile = reconcile
        command = subprocess.Popen
        words = ["--reconcile", str(reconcile)] if reconcile else []

        def start(args, **how):
            return command(args + (words if args[1:2] == ["serve"] else []),
                           **how)

        harness.subprocess.Popen = start
        try:
            super().__init__(sandbox, settings, env, workers)
        finally:
            harness.subprocess.Popen = command
        Portal.started.remove(self)

    def children(self):
        pid = self.process.pid
        try:
            with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
                return [int(word) for word in f.read().split()]
        except OSError:
            return []


# --- One to one -----------------------------------------------------------------

def taken(money):
    """What the gateways hold: their references, and the amounts."""
    held = {}
    for c in money["paypal"]:
        if c["status"] in ("COMPLETED", "REFUNDED", "PARTIALLY_REFUNDED"):
            held["pp:sandbox:cap:" + c["capture"]] = float(c["amount"])
    for x in money["anet"]:
        if (x["type"] == "authCaptureTransaction"
                and str(x["response_code"]) == "1"
                and x["status"] not in ("voided", "declined")):
            held["an:sandbox:txn:" + x["transaction"]] = float(x["amount"])
    return held


def differences(one):
    """Captures against credits: what is lost, doubled, or of nobody."""
    held = taken(one.money())
    credits = one.credits()
    count = collections.Counter(reference for _, _, reference in credits)
    amounts = {reference: amount for _, amount, reference in credits}
    wrong = ["lost: " + r for r in held if not count[r]]
    wrong += ["%d times: %s" % (n, r) for r, n in count.items() if n > 1]
    wrong += ["of nobody: " + r for r in count if r not in held]
    wrong += ["another amount: " + r for r in held
              if r in amounts and amounts[r] != held[r]]
    return wrong, held


# --- One payment, one crash --------------------------------------------------------

def try_quietly(action):
    """A request whose worker may die."""
    try:
        return action()
    except GONE:
        return None


def find_begun(one, gateway, before):
    """The payment that a crash interrupted, from the journal."""
    row = [row for row in one.rows(
        "select id, order_id, state from payment where gateway = ?", gateway)
        if row[0] not in before]
    if not row:
        return None
    return {"payment": {"id": row[0][0], "gateway": gateway},
            "order": row[0][1], "state": row[0][2]}


def one_payment(one, client, gateway, point):
    """Begins and pays with a crash at `point`. True: it came to the crash."""
    before = {row[0] for row in one.rows("select id from payment")}
    if point in BEGINNING:
        one.crash_at(point)
    begun = try_quietly(lambda: one.begin(client, gateway))
    if not begun:
        def is_open():
            one.hurry()
            one.reconcile()
            found = find_begun(one, gateway, before)
            return found if found and found["state"] == "redirected" else None

        begun = wait_for("a way to the gateway", is_open)
    if point not in BEGINNING:
        one.crash_at(point)
    one.approve(begun)
    if point in HOOKS:
        for d in one.deliveries():
            try_quietly(lambda d=d: one.send(d))
    else:
        try_quietly(lambda: one.come_back(client, begun))
    crashed = one.has_crashed()
    one.disarm()

    def is_done():
        one.hurry()
        one.reconcile()
        return find_begun(one, gateway, before)["state"] == "done"

    wait_for("the payment after " + point, is_done)
    return crashed


# --- Many payments, kills at any moment ----------------------------------------------

class Storm:
    """Customers who pay while workers, the reconciler and the sandbox die."""

    def __init__(self, seed, payments, customers=12, threads=4):
        self.random = random.Random(seed)
        self.seed, self.wanted = seed, payments
        self.threads = threads
        self.begun = self.kills = self.lost = 0
        self.lock = threading.Lock()
        self.calm = threading.Event()
        self.standing = threading.Lock()  # held while the sandbox is away
        self.one = Crashing(
            reconcile=1, workers=4,
            coreApi={"deadlineMs": 400}, managementApi={"deadlineMs": 400},
            payment={"quietTime": 2, "deadlineMs": 400})
        self.clients = []
        for i in range(customers):
            name = "storm%d" % i
            self.one.sandbox.control("POST", "/clients", {
                "id": 2001 + i, "cp_login": name, "cp_password": name})
            harness.PASSWORDS[name] = name
            self.clients.append(name)

    def faults(self):
        """VCS that books late, or books and says nothing; gateways that do
        what they do not answer."""
        control = self.one.sandbox.control
        for operation, kind, value in (
                ("transactions.create", "late", 1),
                ("transactions.create", "lost_reply", 1),
                ("transactions.create", "late", 0.7),
                ("paypal.capture", "lost_reply", 1),
                ("paypal.order.create", "lost_reply", 1),
                ("anet.details", "status", 503),
                ("paypal.capture", "status", 500),
                ("transactions.search", "truncate", 1)):
            with self.lock:
                after = self.random.randrange(1, 8)
            control("POST", "/faults", {
                "operation": operation, "fault": kind, "value": value,
                "times": 1, "after": after})

    def kill_one(self):
        with self.lock:
            dice, wait = self.random.random(), self.random.uniform(.03, .35)
        if dice < 0.12:
            with self.standing:
                self.one.sandbox.process.kill()
                self.one.sandbox.process.wait()
                self.one.sandbox.start_again()
                self.faults()
        else:
            victims = self.one.portal.children()
            if victims:
                with self.lock:
                    victim = self.random.choice(victims)
                try:
                    os.kill(victim, signal.SIGKILL)
                except OSError:
                    return wait
        self.kills += 1
        return wait

    def killer(self):
        while not self.calm.wait(0.01):
            self.calm.wait(self.kill_one())

    def log_in(self, name):
        return self.one.portal.client().token(name)

    def pay(self, client, gateway, dice):
        begun = self.one.begin(client, gateway, "%d.00" % dice.randrange(5, 90))
        with self.lock:
            self.begun += 1
        self.one.approve(begun)
        back = dice.random()
        hooks = [threading.Thread(target=self.hand_over, args=(d,))
                 for d in self.one.deliveries()[-3:]]
        if back < 0.6:
            for hook in hooks:
                hook.start()
        if back > 0.3:
            try_quietly(lambda: self.one.come_back(client, begun))
        for hook in hooks:
            if hook.ident:
                hook.join()

    def hand_over(self, delivery):
        try:
            self.one.send(delivery)
        except GONE:
            pass

    def customer(self, number):
        with self.lock:
            dice = random.Random(self.random.random())
        mine = self.clients[number::self.threads]
        logged = {}
        while self.begun < self.wanted:
            name = dice.choice(mine)
            try:
                if name not in logged:
                    logged[name] = self.log_in(name)
                self.pay(logged[name], dice.choice(till.GATEWAYS), dice)
            except (AssertionError, *GONE):
                # Refused, or the worker died: the next one.
                logged.pop(name, None) if dice.random() < .1 else None
                with self.lock:
                    self.lost += 1
                time.sleep(0.01)

    def run(self):
        """Then all is left in peace, and looked at."""
        threads = [threading.Thread(target=self.customer, args=(i,))
                   for i in range(self.threads)]
        killer = threading.Thread(target=self.killer)
        self.faults()
        for thread in threads:
            thread.start()
        killer.start()
        for thread in threads:
            thread.join()
        self.calm.set()
        killer.join()
        self.one.sandbox.heal()
        return self.settle()

    def unfinished(self):
        return self.one.rows(
            "select id, state from payment where state in ('creating', "
            "'capturing', 'captured', 'adding', 'debiting')")

    def settle(self):
        """Until nothing is under way and every money has its receipt."""
        def is_calm():
            self.one.hurry()
            self.one.reconcile()
            if self.unfinished():
                return False
            wrong, _ = differences(self.one)
            return not any(w.startswith("lost") for w in wrong) or \
                time.monotonic() > end

        end = time.monotonic() + 45
        wait_for("the storm's end", is_calm)
        wrong, held = differences(self.one)
        review = self.one.rows(
            "select id, why from payment where state = 'review'")
        return wrong + ["review: %s %s" % row for row in review], held

    def end(self):
        self.one.portal.end()
        self.one.sandbox.end()
