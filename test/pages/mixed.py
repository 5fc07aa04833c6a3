"""mixed.py: the engine of the soak: visitors who do everything at once through
nginx, while the billing system fails in every way, workers are killed, the
pool is reloaded and the store is locked. What each visitor and each turn of
the weather does follows from the seed and the number of the request.

Every answer is looked at: its status is one that DESIGN's table has for what
was asked; it holds nothing of another customer; and a list that is shown has
the rows that the customer had before the storm, no more and no fewer.
"""
import collections
import datetime
import http.client
import io
import json
import os
import random
import re
import signal
import sys
import threading
import time
import urllib.parse
import zipfile

import harness
import till
from harness import IDS, PASSWORDS, Portal, Sandbox, wait_for

sys.path.insert(0, os.path.join(harness.ROOT, "test", "abuse"))

from front import Nginx  # noqa: E402

CUSTOMERS = ("heron", "osprey", "whale")
# What they have: an invoice and its file, one that is not theirs, an account.
OWN = {"heron": ("9005", "9101", "2001"), "osprey": ("9101", "9005", "2003"),
       "whale": (None, "9005", "2006")}
TROUBLE = {502, 503, 504}
TODAY = datetime.date.today()
PERIOD = "from=%s&to=%s" % (TODAY - datetime.timedelta(days=40),
                            TODAY - datetime.timedelta(days=2))

# Path, and the member whose rows are compared.
LISTS = [("/api/payments?" + PERIOD, "payments"),
         ("/api/charges?" + PERIOD, "charges"),
         ("/api/invoices?size=100", "invoices"),
         ("/api/usage/detailed?" + PERIOD, "rows"),
         ("/api/subscriptions", "subscriptions"),
         ("/api/accounts", "accounts")]
PAGES = [path for path, _ in LISTS] + [
    "/api/dashboard", "/api/dashboard", "/api/rates", "/api/rates?q=4",
    "/api/rates?sort=-price", "/api/rates/lookup?number=4930123456",
    "/api/usage/summary?" + PERIOD, "/api/invoices?state=unpaid",
    "/api/usage/summary?group_by=account&" + PERIOD, "/api/voucher",
    "/api/refill", "/api/profile", "/api/password", "/api/security",
    "/api/security/totp"]
FILES = ["/api/payments.csv?" + PERIOD, "/api/charges.xlsx?" + PERIOD,
         "/api/usage/detailed.csv?" + PERIOD, "/api/rates.csv?q=4",
         "/api/usage/summary.xlsx?" + PERIOD]
# For whale these are a second's work: now and then.
HEAVY = {"/api/rates?q=4", "/api/rates?sort=-price", "/api/rates.csv?q=4",
         "/api/usage/detailed.csv?" + PERIOD}
ANYBODY = ["/api/login", "/api/docs", "/api/openapi.json", "/api/reset"]

OPERATIONS = ["clients.get", "clients.authenticate", "clients.update",
              "accounts.search", "services.search", "rates.search",
              "clients_packages.search", "reports.xdrs", "reports.summary",
              "transactions.search", "invoices.list", "invoices.getFile",
              "topup_cards.activate", "paypal.order.create", "anet.token"]
FAULTS = [("latency", 20), ("latency", 120), ("error", "storm"),
          ("truncate", None), ("refuse", None), ("wrong_type", None),
          ("oversize", 9), ("foreign_rows", None), ("lost_reply", None),
          ("hang", None), ("late", 1), ("wrong_id", None), ("cut", None),
          ("expire", None)]

# Codes of the log that a storm explains.
EXPLAINED = {"vcs.failed", "vcs.foreign_row", "vcs.order", "vcs.offset",
             "db.busy", "pool.crashed", "export.broken", "payment.paypal",
             "payment.anet", "pool.killed", "mail.failed",
             # of a locked store, and of a billing system that hangs
             "audit.lost", "pool.reload_refused", "vcs.breaker_open",
             "vcs.breaker_closed"}
LOCKED = "the store cannot be brought to this version"  # a reload, just then
CONNECTIONS = 16 + 6  # of HTTP that a worker keeps; the store, a log
CURRENCIES = {"EUR", "USD", "€"}
# As words: a token of random letters has these three now and then.
CURRENCY = re.compile(r"(?<![\w-])(?:EUR|USD)(?![\w-])|€")
TOKEN = re.compile(r"[\w.@+-]{7,}")


def private_kb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) for line in f
                   if line.startswith(("Private_Clean:", "Private_Dirty:")))


def anonymous_kb(pid):
    """What is not files; shared with its workers or not."""
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith("RssAnon:"))


def descriptors(pid):
    """What a process has open, by name."""
    found = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            found.append(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except OSError:
            continue
    return found


def leaves(value, key=""):
    """(key, text) of everything in a model."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key)
    elif value is not None:
        yield key, str(value)


def plain(body):
    """An answer's text, an Excel file's too."""
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as z:
            body = b" ".join(z.read(n) for n in z.namelist()
                             if n.startswith("xl/"))
    return body.decode(errors="replace")


def tokens(text):
    """The longer words: what could name somebody. And currencies: osprey's is
    another than heron's and whale's."""
    return set(TOKEN.findall(text)) | set(CURRENCY.findall(text))


class Answer:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.kind = (response.getheader("content-type") or "").split(";")[0]
        self.cookies = [value for name, value in response.getheaders()
                        if name.lower() == "set-cookie"]
        self.retry = response.getheader("retry-after")

    @property
    def json(self):
        return json.loads(self.body)


class Broken(Exception):
    """The transfer ended before the answer did."""


class Visitor:
    """A customer's browser, or a program with a token."""

    def __init__(self, storm, who, kind):
        self.storm, self.who, self.kind = storm, who, kind
        self.cookies, self.bearer = {}, None
        self.inside = False
        self.links = {}

    def ask(self, method, uri, fields=None, data=None, bare=False):
        """An answer; `bare`: as somebody who is not logged in."""
        port = self.storm.nginx.port + (self.kind == "bearer")
        headers, body = {}, None
        if self.cookies and not bare:
            headers["Cookie"] = "; ".join(
                "%s=%s" % p for p in self.cookies.items())
        if self.bearer and not bare:
            headers["Authorization"] = "Bearer " + self.bearer
        if fields is not None:
            body = urllib.parse.urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if data is not None:
            body = json.dumps(data)
            headers["Content-Type"] = "application/json"
        link = self.links.get(port)
        if not link:
            link = self.links[port] = http.client.HTTPConnection(
                "localhost", port, timeout=harness.PATIENCE)
        try:
            try:
                link.request(method, uri, body, headers)
                response = link.getresponse()
            except http.client.RemoteDisconnected:
                # nginx had closed it in the meantime, unused for too long.
                link.close()
                link.request(method, uri, body, headers)
                response = link.getresponse()
            answer = Answer(response, response.read())
        except (http.client.HTTPException, OSError) as e:
            link.close()
            raise Broken("%s: %s" % (type(e).__name__, e)) from e
        if not bare:
            for line in answer.cookies:
                name, _, value = line.split(";")[0].partition("=")
                if "max-age=0" in line.lower():
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = value
        return answer

    def csrf(self, uri):
        answer = self.ask("GET", uri)
        found = re.search(rb'name="csrf" value="([^"]*)"', answer.body)
        return answer, found.group(1).decode() if found else None

    def log_in(self, password=None):
        """The answer; self.inside says whether it worked."""
        self.cookies, self.bearer, self.inside = {}, None, False
        password = password or PASSWORDS[self.who]
        if self.kind == "bearer":
            answer = self.ask("POST", "/api/login", data={
                "login": self.who, "password": password})
            if answer.status == 200:
                self.bearer, self.inside = answer.json["token"], True
            return answer
        answer, token = self.csrf("/api/login")
        if token is None:
            return answer
        answer = self.ask("POST", "/api/login", {
            "csrf": token, "login": self.who, "password": password})
        self.inside = answer.status == 303
        return answer

    def post(self, page, uri, fields):
        """A form of a page, or the same as JSON."""
        if self.kind == "bearer":
            return self.ask("POST", uri, data=fields)
        answer, token = self.csrf(page)
        if token is None:
            return answer
        return self.ask("POST", uri, {"csrf": token, **fields})


class Mixed:
    def __init__(self, seed, requests, threads=6, workers=4,
                 customers=CUSTOMERS):
        self.customers = customers
        self.seed, self.wanted, self.threads = seed, requests, threads
        self.sandbox = Sandbox()
        self.tmp = harness.make_folder()
        self.portal = Mortal(self.sandbox, till.settings_of(
            self.sandbox, coreApi={"deadlineMs": 600},
            managementApi={"deadlineMs": 600},
            limits={"answer": 8388608, "voucherPerHour": 0},
            payment={"deadlineMs": 600}), env={"TMPDIR": self.tmp},
            workers=workers)
        self.nginx = Nginx(self.portal)
        self.lock = threading.Lock()
        self.weather = random.Random("%s weather" % seed)
        self.done = 0
        self.counts = collections.Counter()   # by status
        self.actions = collections.Counter()
        self.events = collections.Counter()
        self.wrong, self.broken, self.aliens, self.compared = [], 0, 0, 0
        self.steady = None  # from this request on, no worker is ended
        self.memory = {}
        self.helpers = []

    # --- What is whose --------------------------------------------------------

    @staticmethod
    def ask_calmly(visitor, path):
        """In peace. That the machine has other things to do is no failure."""
        end = time.monotonic() + harness.PATIENCE
        while True:
            answer = visitor.ask("GET", path)
            if answer.status != 504 or time.monotonic() > end:
                return answer

    def learn(self):
        """In peace: what each customer's pages hold."""
        self.rows, self.balance, self.own, mine = {}, {}, {}, {}
        for who in self.customers:
            program = Visitor(self, who, "bearer")
            browser = Visitor(self, who, "cookie")
            program.log_in()
            browser.log_in()
            assert program.inside and browser.inside, who
            self.own[who], mine[who] = set(), set()
            for path in sorted(set(PAGES)) + FILES + ANYBODY:
                for visitor in (program, browser):
                    answer = self.ask_calmly(visitor, path)
                    assert answer.status in (200, 303), (path, answer.status,
                                                  answer.body[:300])
                    self.own[who] |= tokens(plain(answer.body))
                    if answer.kind == "application/json":
                        mine[who] |= self.names(answer.json)
            for path, member in LISTS:
                self.rows[who, path] = self.ids(
                    self.ask_calmly(program, path).json, member)
            self.balance[who] = float(self.ask_calmly(
                program, "/api/dashboard").json["balance"]["live"]["amount"])
        for who in self.customers:
            others = CURRENCIES.union(*(
                mine[o] for o in self.customers if o != who))
            setattr(self, "alien_" + who, others - self.own[who])
            assert len(others - self.own[who]) > 20, "too few marks"

    @staticmethod
    def names(model):
        """Words that name somebody: no figures, no dates."""
        return {word for key, text in leaves(model) if key in (
            "name", "company", "email", "number", "reference", "source",
            "identifiers", "login", "tax_id", "registration_id")
            for word in TOKEN.findall(text) if not re.fullmatch(
                r"[\d.-]+", word) or len(word) >= 9}

    @staticmethod
    def ids(model, member):
        return [row["id"] for row in model[member]]

    def look(self, visitor, path, answer, what):
        """Nothing of somebody else; and the own is all there."""
        who = visitor.who
        found = tokens(plain(answer.body)) & getattr(self, "alien_" + who)
        if found:
            self.aliens += 1
            self.say("%s: %s sees %s" % (what, who, sorted(found)[:5]))
        if answer.status != 200 or answer.kind != "application/json":
            return
        model = answer.json
        for listed, member in LISTS:
            if listed == path:
                self.compared += 1
                if self.ids(model, member) != self.rows[who, path]:
                    self.aliens += 1
                    self.say("%s: rows of %s: %s" % (
                        what, who, self.ids(model, member)[:5]))
        if path == "/api/dashboard" and model["balance"]:
            self.compared += 1
            live = float(model["balance"]["live"]["amount"])
            # It is live: what is used is taken off.
            if model["client"]["id"] != IDS[who] or not (
                    0.95 < live / self.balance[who] < 1.05):
                self.aliens += 1
                self.say("%s: %s sees %s, %s" % (
                    what, who, model["client"], model["balance"]["live"]))

    def say(self, what):
        with self.lock:
            if len(self.wrong) < 200:
                self.wrong.append(what)

    # --- What visitors do -----------------------------------------------------

    @staticmethod
    def choose(v, dice, paths):
        path = dice.choice(paths)
        while v.who == "whale" and path in HEAVY and dice.random() > 0.01:
            path = dice.choice(paths)
        return path

    def page(self, v, dice):
        path = self.choose(v, dice, PAGES)
        return path, v.ask("GET", path), {200}

    def file(self, v, dice):
        path = self.choose(v, dice, FILES)
        return path, v.ask("GET", path), {200, 429}

    def download(self, v, dice):
        mine = OWN[v.who][0]
        path = "/api/invoices/%s/download" % (mine or "999999")
        return path, v.ask("GET", path), {200, 429} if mine else {404, 429}

    def theirs(self, v, dice):
        other = dice.choice([c for c in self.customers if c != v.who])
        path = dice.choice((
            "/api/invoices/%s/download" % OWN[v.who][1],
            "/api/usage/detailed?account=" + OWN[other][2],
            "/api/refill/payments/RF" + "A" * 18))
        return path, v.ask("GET", path), {404, 429}

    def malformed(self, v, dice):
        path = dice.choice(("/api/rates?page=0", "/api/payments?from=x",
                            "/api/accounts?nonsense=1"))
        return path, v.ask("GET", path), {400}

    def anybody(self, v, dice):
        path = dice.choice(ANYBODY)
        return path, v.ask("GET", path, bare=True), {200}

    def nobody(self, v, dice):
        path = dice.choice(PAGES)
        return path, v.ask("GET", path, bare=True), (
            {401} if v.kind == "bearer" else {303})

    def health(self, v, dice):
        return "health", v.ask("GET", "/api/health", bare=True), {200, 503}

    def guess(self, v, dice):
        other = Visitor(self, v.who, v.kind)
        other.links = v.links
        return "wrong log-in", other.log_in("guess"), {401}

    def again(self, v, dice):
        """Out and in."""
        try:
            answer = v.post("/api/dashboard", "/api/logout", {})
            ended = {200} if v.kind == "bearer" else {303, 200}
            if answer.status not in ended | TROUBLE:
                self.say("log-out: %d" % answer.status)
        finally:
            v.inside = False
        return "log-in", v.log_in(), self.ways_in(v)

    @staticmethod
    def ways_in(v):
        """An error of VCS is how it says that a password is wrong."""
        return {200 if v.kind == "bearer" else 303, 401}

    def forged(self, v, dice):
        if v.kind == "bearer":
            return self.malformed(v, dice)
        return "forged", v.ask("POST", "/api/profile", {
            "csrf": "x", "version": "0", "company": "forged"}), {403}

    def profile(self, v, dice):
        form = v.ask("GET", "/api/profile")
        version = re.search(rb'"version"(?::| value=)"(\w+)"', form.body)
        if not version:
            return "/api/profile", form, {200}
        return "profile", v.post("/api/profile", "/api/profile", {
            "version": version.group(1).decode(),
            "company": "%s %d" % (v.who.title(), dice.randrange(1000))}), (
                {200, 303, 409})

    def language(self, v, dice):
        return "language", v.post("/api/dashboard", "/api/language", {
            "locale": dice.choice(("en", "de"))}), {200, 303}

    def voucher(self, v, dice):
        return "voucher", v.post("/api/voucher", "/api/voucher", {
            "code": "no-such-%d" % dice.randrange(1000)}), {
                422, 409}  # one at a time of a customer

    def refill(self, v, dice):
        answer = v.post("/api/refill", "/api/refill", {
            "gateway": dice.choice(till.GATEWAYS),
            "amount": "%d.00" % dice.randrange(10, 60)})
        # The card's gateway takes no euros.
        return "refill", answer, {201, 303, 200} | (
            {422} if v.who == "osprey" else set())

    ACTIONS = [(page, 64), (file, 6), (download, 3), (theirs, 4),
               (malformed, 2), (anybody, 4), (nobody, 2), (health, 2),
               (guess, 1), (again, 3), (forged, 1), (profile, 3),
               (language, 1), (voucher, 2), (refill, 2)]

    def act(self, v, dice, action):
        what = action.__name__
        if not v.inside and what not in ("anybody", "nobody", "health"):
            path, answer, good = "log-in", v.log_in(), self.ways_in(v)
        else:
            path, answer, good = action(self, v, dice)
        what = "%s %s as %s %s" % (what, path, v.who, v.kind)
        with self.lock:
            self.counts[answer.status] += 1
        if answer.status not in good | TROUBLE:
            self.say("%s: status %d, not of %s: %r" % (
                what, answer.status, sorted(good), answer.body[:200]))
        if answer.status == 503 and not answer.retry and path != "health":
            self.say(what + ": 503 without Retry-After")
        self.look(v, path, answer, what)

    def visit(self, number):
        dice = random.Random("%s visitor %d" % (self.seed, number))
        visitors = [Visitor(self, who, kind) for who in self.customers
                    for kind in ("cookie", "bearer")]
        choices, weights = zip(*self.ACTIONS)
        while True:
            with self.lock:
                self.done += 1
                turn = self.done
            if turn > self.wanted:
                return
            if turn % 12 == 0:
                self.change_weather(turn)
            action = dice.choices(choices, weights)[0]
            v = dice.choice(visitors)
            try:
                self.act(v, dice, action)
            except Broken as e:
                # A worker was killed while it answered: said at once.
                with self.lock:
                    self.broken += 1
                    self.counts["broken transfer"] += 1
                if not re.match("IncompleteRead|RemoteDisconnected", str(e)):
                    self.say("%s: %s" % (action.__name__, e))
            except Exception as e:
                self.say("%s: %s: %s" % (
                    action.__name__, type(e).__name__, e))
            with self.lock:
                self.actions[action.__name__] += 1

    # --- The weather ------------------------------------------------------------

    def change_weather(self, turn):
        with self.lock:
            dice = random.Random("%s weather %d" % (self.seed, turn))
        kind = dice.choices(
            ("fault", "heal", "kill", "leave", "reload", "lock"),
            (50, 24, 10, 3, 3, 4))[0]
        if turn > self.wanted * 3 // 4:
            if self.steady is None:
                self.steady = turn
                self.memory["early"] = None
            if kind in ("kill", "leave", "reload"):
                kind = "heal"
            if turn >= self.wanted * 85 // 100 and \
                    self.memory.get("early") is None:
                self.memory["early"] = self.sizes()
        with self.lock:
            self.events[kind] += 1
        getattr(self, "do_" + kind)(dice)

    def do_fault(self, dice):
        kind, value = dice.choice(FAULTS)
        more = {} if value is None else {"value": value}
        try:
            self.sandbox.fault(dice.choice(OPERATIONS), kind,
                               times=dice.randrange(1, 12), **more)
        except OSError:
            self.sandbox.heal()  # too many

    def do_heal(self, dice):
        self.sandbox.heal()

    def end_one(self, dice, how):
        victims = sorted(int(pid) for pid in self.portal.workers())
        if victims:
            try:
                os.kill(dice.choice(victims), how)
            except OSError:
                pass

    def do_kill(self, dice):
        self.end_one(dice, signal.SIGKILL)

    def do_leave(self, dice):
        self.end_one(dice, signal.SIGTERM)

    def do_reload(self, dice):
        self.portal.process.send_signal(signal.SIGHUP)

    def do_lock(self, dice):
        """Another program holds the store, for longer than is waited for."""
        def hold():
            with harness.store(self.portal) as db:
                if harness.lock(db):
                    time.sleep(seconds)
                    db.execute("rollback")

        seconds = dice.choice((0.05, 0.3, 0.3, 2.5))
        self.helpers.append(threading.Thread(target=hold, daemon=True))
        self.helpers[-1].start()

    def sizes(self):
        """Private memory of each worker, KiB."""
        found = {}
        for pid in self.portal.workers():
            try:
                found[int(pid)] = private_kb(int(pid))
            except OSError:
                continue
        return found

    # --- The whole run ------------------------------------------------------------

    def run(self):
        """What was wrong."""
        self.learn()
        parent = self.portal.process.pid
        self.memory["parent early"] = anonymous_kb(parent)
        open_before = max(len(descriptors(int(pid)))
                          for pid in self.portal.workers())
        parent_before = len(descriptors(parent))
        began = time.monotonic()
        threads = [threading.Thread(target=self.visit, args=(i,), daemon=True)
                   for i in range(self.threads)]
        for thread in threads:
            thread.start()
        for thread in threads + self.helpers:
            thread.join()
        self.seconds = time.monotonic() - began
        self.memory["late"] = self.sizes()
        self.memory["parent late"] = anonymous_kb(parent)
        self.sandbox.heal()
        self.after()
        self.check_remains(parent, parent_before, open_before)
        self.check_log()
        return self.wrong

    def after(self):
        """As soon as the faults are over, everything is well."""
        wait_for("all workers", lambda: len(self.portal.workers()) >= 4)
        for who in self.customers:
            for kind in ("bearer", "cookie"):
                v = Visitor(self, who, kind)
                v.log_in()
                if not v.inside:
                    self.say("afterwards: %s cannot log in" % who)
                    continue
                for path in sorted(set(PAGES)) + FILES:
                    answer = self.ask_calmly(v, path)
                    if answer.status != 200 or (
                            answer.kind == "application/json"
                            and answer.json.get("errors")):
                        self.say("afterwards: %s: %d" % (path, answer.status))
                    self.look(v, path, answer, "afterwards " + path)

    def check_remains(self, parent, parent_before, open_before):
        workers = [int(pid) for pid in self.portal.workers()]
        for pid in workers:
            names = descriptors(pid)
            # Kept connections come and go.
            if len(names) > open_before + CONNECTIONS:
                self.say("a worker has %d files open, %d before: %s" % (
                    len(names), open_before, collections.Counter(
                        n.split(":")[0] for n in names)))
            if [n for n in names if n.startswith(self.tmp)]:
                self.say("a temporary file is still open")
        if len(descriptors(parent)) > parent_before:
            self.say("the parent has more files open: %s" % (
                descriptors(parent)))
        # A reload has the old settings and the new ones for a moment.
        if self.memory["parent late"] > \
                self.memory["parent early"] * 2 + 4096:
            self.say("the parent grew: %s" % self.memory)
        if os.listdir(self.tmp):
            self.say("temporary files: %s" % os.listdir(self.tmp))
        left = [n for n in os.listdir(self.portal.folder) if n not in (
            "nginx", "portico.log", "customer-params.json") and
            not n.startswith("portico.db")]
        if left:
            self.say("files in the portal's folder: %s" % left)
        early, late = self.memory.get("early") or {}, self.memory["late"]
        # A sanitizer's memory, and that of a few requests, say nothing.
        if self.wanted >= 20000 and "asan" not in harness.PORTICO and \
                sum(late.values()) > sum(early.values()) * 1.1 + 1024:
            self.say("the workers grew from %s to %s KiB" % (early, late))

    def check_log(self):
        self.codes = collections.Counter()
        for line in self.portal.log().split("\n"):
            found = re.match(r"\S+ (error|warn)\w* \[\d+\] ([a-z_.]+)", line)
            if found:
                self.codes[found.group(2)] += 1
                if found.group(2) not in EXPLAINED and not (
                        found.group(2) == "config" and LOCKED in line):
                    self.say("the log: " + line[:300])
                if found.group(2) == "pool.crashed" and \
                        "SIGKILL" not in line:
                    self.say("the log: " + line[:300])
            elif "Sanitizer" in line or "runtime error" in line:
                self.say("the log: " + line[:300])

    def end(self):
        self.nginx.end()
        status = self.portal.end()
        if status:
            self.say("the portal ended with %d" % status)
        if "Sanitizer" in self.portal.log():
            self.say("a sanitizer speaks: " + self.portal.log()[-3000:])
        self.sandbox.end()

    def report(self):
        early, late = self.memory.get("early") or {}, self.memory["late"]
        both = sorted(set(early) & set(late))
        return "\n".join((
            "seed %s: %d requests in %.0f s, %.0f a second" % (
                self.seed, self.wanted, self.seconds,
                self.wanted / self.seconds),
            "statuses: " + ", ".join("%s: %d" % pair for pair in sorted(
                self.counts.items(), key=str)),
            "weather: " + ", ".join("%s: %d" % pair for pair in sorted(
                self.events.items())),
            "log: " + ", ".join("%s: %d" % pair for pair in sorted(
                self.codes.items())),
            "answers with something of another customer, or without their "
            "own: %d; compared row by row: %d" % (self.aliens, self.compared),
            "private memory of workers, KiB, early and late: " + ", ".join(
                "%d %d" % (early[pid], late[pid]) for pid in both),
            "of the parent: %d %d" % (self.memory["parent early"],
                                      self.memory["parent late"])))


class Mortal(Portal):
    """A portal whose workers may be killed: that is in its log, as it should
    be, and no failure."""

    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        Portal.started.remove(self)
