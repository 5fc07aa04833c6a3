#!/usr/bin/env python3
"""hosts_test.py: two portals that share a store on a PostgreSQL server, as two
hosts do; the server restarts, hangs and goes away; a host dies. And the move
from SQLite. Ends with 'N passed, N failed'.
"""
import collections
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "pages"))
import crash  # noqa: E402
import harness  # noqa: E402
import postgres  # noqa: E402
import till  # noqa: E402
from storm import HostStorm, Pair  # noqa: E402
from harness import PASSWORDS, Portal, Sandbox, wait_for  # noqa: E402

SEED = 20261128
NEW = "correct horse 7"
# Fast enough to lose what was not on the disk, if the portal's promises relied
# on more than the server's own log.
server = postgres.Postgres(synchronous_commit="off")
harness.SERVER = server.uri(tcp=True)


class Hosts:
    """Two portals, one store."""

    def __init__(self, settings=None, **how):
        self.sandbox = Sandbox()
        self.a = Portal(self.sandbox, settings, **how)
        shared = {"store": {"uri": self.uri}}
        self.b = Portal(self.sandbox, harness.lay(shared, settings or {}),
                        **how)

    @property
    def uri(self):
        return harness.store_uri(self.a.folder + "/portico.db")

    def both(self):
        return (self.a, self.b)

    def end(self):
        for portal in self.both():
            portal.end()
        self.sandbox.end()


def elsewhere(client, portal):
    """The same browser, sent to the other host by a load balancer."""
    other = portal.client()
    other.cookies, other.bearer = dict(client.cookies), client.bearer
    return other


# --- What is shared -------------------------------------------------------------

def test_sessions(t):
    hosts = Hosts()
    a, b = hosts.both()
    mine = a.client().login("heron")
    t.status(elsewhere(mine, b).get("/api/dashboard"), 200,
             "logged in at one, known at the other")
    token = a.client().token("heron")
    moved = elsewhere(token, b)
    t.status(moved.form("/api/logout", {}, json_port=True), 200,
             "logged out at the other")
    t.status(token.get("/api/dashboard", json_port=True), 401, "of both")
    page = elsewhere(mine, b).get("/api/password")
    answer = elsewhere(mine, b).form("/api/password", {
        "csrf": page.csrf, "current": PASSWORDS["heron"], "new": NEW,
        "repeat": NEW})
    t.status(answer, 303, "a form of one host, sent to the other")
    t.status(mine.get("/api/dashboard"), 303, "the old session is over there")
    hosts.end()


def test_throttles(t):
    hosts = Hosts({"limits": {"loginPerName": 5}})
    for i in range(5):
        answer = hosts.both()[i % 2].client().try_login("heron", "wrong")
        t.status(answer, 401, "failure %d" % i)
    for portal in hosts.both():
        t.status(portal.client().try_login("heron", PASSWORDS["heron"]), 429,
                 "both count the same")
    hosts.end()


# --- What fails -----------------------------------------------------------------

class Load:
    """Clients of all portals, again and again; which statuses they got."""

    def __init__(self, *portals, threads=4):
        self.statuses = collections.Counter()
        self.slowest = 0
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.clients = [portal.client().token("heron") for portal in portals]
        self.threads = [threading.Thread(target=self.ask, args=(i,))
                        for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def ask(self, number):
        client = self.clients[number % len(self.clients)]
        while not self.over.is_set():
            began = time.monotonic()
            try:
                status = client.get("/api/accounts", json_port=True).status
            except crash.GONE:
                status = "gone"
            with self.lock:
                self.statuses[status] += 1
                self.slowest = max(self.slowest, time.monotonic() - began)

    def wait_more(self, count=40):
        """Until so many more answers are right."""
        wanted = self.statuses[200] + count
        wait_for("answers", lambda: self.statuses[200] >= wanted)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        print("  statuses: %s, slowest %.2f s" % (
            dict(self.statuses), self.slowest))
        return self.statuses


def test_server_restarts(t):
    """A few 503s, nobody is logged out, and nothing said to be done is lost."""
    hosts = Hosts()
    load = Load(*hosts.both())
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGINT):
        load.wait_more()
        late = hosts.a.client().token("osprey")
        server.restart(how)
        load.wait_more()
        t.status(elsewhere(late, hosts.b).get("/api/dashboard",
                                              json_port=True),
                 200, "logged in just before the end")
    found = load.end()
    t.equal(set(found) - {200, 503}, set(), "nothing else")
    t.check(found[503] < 60, "few", found)
    hosts.end()


def test_server_is_away(t):
    hosts = Hosts()
    client = hosts.a.client().token("heron")
    server.stop()
    for portal in hosts.both():
        health = portal.client().get("/api/health")
        t.status(health, 503, "health")
        t.equal(health.json["store"], "down", "health")
    for _ in range(20):
        answer = client.get("/api/dashboard", json_port=True)
        t.status(answer, 503, "a page")
        t.check(int(answer.header("retry-after") or 0) > 0, "Retry-After")
    t.check(any("away just now" in line
                for line in hosts.a.logged("db.open")), "most do not wait")
    server.start()
    wait_for("the store", lambda: client.get(
        "/api/dashboard", json_port=True).status == 200)
    t.equal(hosts.a.client().get("/api/health").json["store"], "ok", "back")
    hosts.end()


def sessions():
    return [int(pid) for (pid,) in server.sql(
        "select pid from pg_stat_activity where application_name = 'portico'")]


def test_server_hangs(t):
    """As behind a partition: nothing is refused, nothing answers."""
    hosts = Hosts(workers=1)
    client = hosts.a.client().token("heron")
    frozen = sessions()
    os.kill(server.process.pid, signal.SIGSTOP)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    for what in ("a statement", "a connection", "nor at once"):
        answer = client.get("/api/dashboard", json_port=True)
        t.status(answer, 503, what)
    t.check(any("no answer in time" in line
                for line in hosts.a.logged("db.lost")), "is given up")
    for pid in [server.process.pid] + frozen:
        os.kill(pid, signal.SIGCONT)
    wait_for("the store", lambda: client.get(
        "/api/dashboard", json_port=True).status == 200)
    hosts.end()


def test_a_host_dies(t):
    hosts = Hosts()
    load = Load(hosts.b)
    load.wait_more()
    doomed = crash.Mortal(hosts.sandbox, {"store": {"uri": hosts.uri}}, {}, 2,
                          None)
    client = doomed.client().token("heron")
    children = doomed.children()
    for pid in [doomed.process.pid] + children:
        os.kill(pid, signal.SIGKILL)
    t.status(elsewhere(client, hosts.b).get("/api/dashboard", json_port=True),
             200, "its customers go on at the other")
    load.wait_more()
    found = load.end()
    t.equal(set(found), {200}, "the other host does not notice")
    hosts.end()


def test_a_standby(t):
    """Nothing can be written there; pages are shown, and it ends by itself."""
    hosts = Hosts(workers=1)
    client = hosts.a.client().token("heron")
    ask = "alter database portico set default_transaction_read_only = %s"
    server.sql(ask % "on")
    server.restart()
    t.status(client.get("/api/dashboard", json_port=True), 200, "a page")
    answer = hosts.a.client().post_json("/api/login", {
        "login": "osprey", "password": PASSWORDS["osprey"]}, json_port=True)
    harness.check_error(t, answer, 503, "busy", "a log-in")
    t.status(client.form("/api/logout", {}, json_port=True), 503, "a log-out")
    t.check(any("25006" in line for line in hosts.a.logged("db.busy")),
            "and the log says why")
    server.sql("begin read write; " + ask % "off" + "; commit")
    server.restart()
    t.status(client.form("/api/logout", {}, json_port=True), 200, "again")
    hosts.end()


def test_a_host_stops_in_a_transaction(t):
    """As one that is cut off there: the others' transactions wait for it, but
    not until the server notices that it is gone."""
    hosts = Hosts(workers=1)
    client = hosts.a.client().token("heron")
    with harness.store(hosts.a) as db:
        db.execute("create function nap() returns trigger language plpgsql as "
                   "'begin perform pg_sleep(1); return new; end'")
        db.execute("create trigger nap before insert on audit "
                   "for each row execute function nap()")
    login = threading.Thread(
        target=lambda: hosts.a.client().try_login("osprey", "osprey-demo-1"))
    login.start()
    wait_for("a transaction", lambda: server.sql(
        "select 1 from pg_stat_activity where wait_event = 'PgSleep'"))
    for pid in hosts.a.workers():
        os.kill(int(pid), signal.SIGSTOP)
    began = time.monotonic()
    with harness.store(hosts.a) as db:
        db.execute("drop trigger nap on audit")
        wait_for("the transactions' lock", lambda: db.execute(
            "select pg_try_advisory_xact_lock(-7308332)")[0][0])
    waited = time.monotonic() - began
    print("  the others wait for %.1f s" % waited)
    t.check(waited < 30, "seconds, not a minute", waited)
    t.status(hosts.b.client().try_login("whale", PASSWORDS["whale"]), 303,
             "the other host writes")
    for pid in hosts.a.workers():
        os.kill(int(pid), signal.SIGCONT)
    login.join()
    t.status(client.get("/api/dashboard", json_port=True), 200,
             "and the first one goes on")
    hosts.end()


# --- Money ------------------------------------------------------------------------

def test_one_host_advances_a_payment(t):
    """The browser at one host, webhooks and reconcilers at both, at once."""
    pair = Pair()
    a, b = pair.portals
    clients = [portal.client() for portal in (a, b)]
    token = a.client().token("heron").bearer
    for client in clients:
        client.bearer = token
    for gateway in till.GATEWAYS * 2:
        begun = pair.begin(clients[0], gateway)
        pair.approve(begun)
        sent = pair.deliveries()[-2:]
        pair.sandbox.forget()
        # Long enough for the others to come in between.
        pair.sandbox.fault("transactions.search", "latency", value=300,
                           times=8)
        jobs = [lambda c=c: pair.come_back(c, begun) for c in clients]
        jobs += [lambda d=d: pair.send(d) for d in sent * 2]
        jobs += [pair.reconcile] * 2
        threads = [threading.Thread(target=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pair.sandbox.heal()
        pair.settled(clients[1], begun)
        t.equal(pair.sandbox.calls()["counts"].get("transactions.create"), 1,
                gateway + ": added once")
    wrong, held = crash.differences(pair)
    t.equal(wrong, [], "one to one")
    t.equal(len(held), 4, "four payments")
    pair.end()


def test_storm(t):
    payments = int(os.environ.get("PORTICO_STORM", "16"))
    storm = HostStorm(server, SEED, payments, customers=6, threads=3)
    wrong, held = storm.run()
    print("  %d payments begun, %d captured, %d kills, %d restarts of "
          "PostgreSQL" % (storm.begun, len(held), storm.kills,
                          storm.restarts))
    t.equal(wrong, [], "after %d kills: one to one" % storm.kills)
    t.check(len(held) >= payments / 3 and storm.kills > 3, "a storm it was",
            len(held), storm.kills)
    storm.end()


# --- TLS --------------------------------------------------------------------------

def test_tls(t):
    """Verified, by workers that may read the authority's file and no other."""
    safe = postgres.Postgres(tls=True)
    authority = os.path.join(harness.make_folder(), "ca.pem")
    with open(safe.folder + "/cert.pem") as f, open(authority, "w") as out:
        out.write(f.read())
    uri = ("postgresql://portico@127.0.0.1:%d/portico?sslmode=verify-full"
           "&sslrootcert=" % safe.port)
    sandbox = Sandbox()
    portal = Portal(sandbox, {"store": {"uri": uri + authority}})
    portal.client().login("heron")
    t.equal(safe.sql("select count(*) from pg_stat_ssl s join "
                     "pg_stat_activity a on a.pid = s.pid where s.ssl and "
                     "a.application_name = 'portico'")[0][0] > "0", True,
            "over TLS")
    found = portico("check", config=portal.config)
    t.check(" over TLS, schema " in found.stdout, "check", found.stdout[-900:])
    portal.end()
    with open(portal.config) as f:
        settings = harness.json.load(f)
    settings["store"]["uri"] = uri + os.path.join(sandbox.folder, "ca.pem")
    with open(portal.config, "w") as f:
        harness.json.dump(settings, f)
    found = portico("check", config=portal.config)
    t.check("certificate verify failed" in found.stderr,
            "another authority's", found.stderr)
    sandbox.end()
    safe.end()


# --- Moving -----------------------------------------------------------------------

def portico(*words, config):
    return harness.subprocess.run(
        [harness.PORTICO, *words, "--config", config], capture_output=True,
        text=True, timeout=harness.PATIENCE, check=False)


def test_move(t):
    """One command; whoever was logged in still is."""
    sandbox = Sandbox()
    on_server, harness.SERVER = harness.SERVER, None
    old = Portal(sandbox)
    client = old.client().login("heron")
    found = portico("check", config=old.config)
    t.check("store (SQLite 3." in found.stdout, "check", found.stdout)
    old.end()
    source = "sqlite:" + old.folder + "/portico.db"
    harness.SERVER = on_server
    new = Portal(sandbox)
    new.client().login("osprey")
    done = portico("store", "copy", source, config=new.config)
    t.equal(done.returncode, 1, "not into a store that was used")
    t.check("is not empty" in done.stderr, "says why", done.stderr)
    new.end()
    schema = harness.store_uri(new.folder + "/portico.db").split("%3D")[-1]
    server.sql("drop schema %s cascade; create schema %s" % (schema, schema))
    for words, why in (
            (("store", "copy", "sqlite:/nowhere/x.db"), "nowhere"),
            (("store", "copy", "sqlite:" + old.folder + "/none.db"), "no store"),
            (("store", "copy", "mysql:x"), "neither"),
            (("store", "copy", harness.store_uri(
                new.folder + "/portico.db")), "the same store")):
        done = portico(*words, config=new.config)
        t.equal(done.returncode, 1, why)
        t.check(why in done.stderr, why, done.stderr)
    t.check(not os.path.exists(old.folder + "/none.db"), "none was made")
    done = portico("store", "copy", source, config=new.config)
    t.equal(done.returncode, 0, "copied: " + done.stderr)
    t.check("session" in done.stdout, "tells of tables", done.stdout)
    found = portico("check", config=new.config)
    t.check("store (PostgreSQL " in found.stdout, "check", found.stdout)
    again = Portal(sandbox, {"store": {"uri": harness.store_uri(
        new.folder + "/portico.db")}})
    t.status(elsewhere(client, again).get("/api/dashboard"), 200,
             "still logged in")
    # And back.
    again.end()
    harness.SERVER = None
    back = Portal(sandbox, workers=1)
    back.end()
    os.remove(back.folder + "/portico.db")
    done = portico("store", "copy", on_server_uri(new, on_server),
                   config=back.config)
    t.equal(done.returncode, 0, "back: " + done.stderr)
    harness.SERVER = on_server
    last = Portal(sandbox, {"store": {"uri": "sqlite:" + back.folder +
                                      "/portico.db"}})
    t.status(elsewhere(client, last).get("/api/dashboard"), 200,
             "still logged in there")
    last.end()
    sandbox.end()


def on_server_uri(portal, base):
    harness.SERVER, was = base, harness.SERVER
    try:
        return harness.store_uri(portal.folder + "/portico.db")
    finally:
        harness.SERVER = was


def test_check_tells_what_is_wrong(t):
    sandbox = Sandbox()
    portal = Portal(sandbox, workers=1)
    portal.end()
    for uri, word in (
            (server.uri(tcp=True, database="none"), 'database "none"'),
            ("postgresql://u:geheim@127.0.0.1:1/d", "refused"),
            ("postgresql://u:%zzgeheim@h/d", "no URI of PostgreSQL"),
            (server.uri("missing"), "search_path")):
        path = os.path.join(portal.folder, "customer-params.json")
        with open(path) as f:
            settings = harness.json.load(f)
        settings["store"]["uri"] = uri
        with open(path, "w") as f:
            harness.json.dump(settings, f)
        found = portico("check", config=path)
        t.equal(found.returncode, 1, uri)
        t.check(word in found.stderr and "WRONG   store" in found.stdout,
                uri, found.stderr)
        t.check("geheim" not in found.stdout + found.stderr, "no password")
    sandbox.end()


if __name__ == "__main__":
    try:
        harness.main(globals())
    finally:
        server.end()
