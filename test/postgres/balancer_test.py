#!/usr/bin/env python3
"""balancer_test.py: two hosts of one portal, each with the shipped nginx, a
PostgreSQL server and the load balancer of nginx/balancer.conf.example, each in
a network namespace of its own. Hosts die, are cut off and come back; customers
go on. Needs root. Ends with 'N passed, N failed'.
"""
import collections
import concurrent.futures
import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, part) for part in ("pages", "abuse")]
import crash  # noqa: E402
import harness  # noqa: E402
import pg  # noqa: E402
import postgres  # noqa: E402
import till  # noqa: E402
from front import Browser  # noqa: E402
from harness import PASSWORDS, Process, Sandbox, wait_for  # noqa: E402
from net import Net, Relay, why_not  # noqa: E402

GONE = crash.GONE + (http.client.HTTPException,)
THREADS = 6
TRUST = ssl.create_default_context()
TRUST.check_hostname, TRUST.verify_mode = False, ssl.CERT_NONE


def read(*path):
    with open(os.path.join(harness.ROOT, *path)) as f:
        return f.read()


# --- The machines -----------------------------------------------------------------

class Nginx(Process):
    """nginx with a site, in a namespace."""

    def __init__(self, net, name, site):
        self.folder = harness.make_folder()
        config = os.path.join(self.folder, "nginx.conf")
        temporary = "".join("%s_temp_path %s/%s;\n" % (
            kind, self.folder, kind) for kind in (
                "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(config, "w") as f:
            f.write("daemon off;\nuser root;\nworker_processes 2;\n"
                    "pid %s/pid;\nevents { worker_connections 1024; }\n"
                    "http {\ninclude /etc/nginx/mime.types;\n"
                    "access_log %s/all.log;\n%s%s}\n" % (
                        self.folder, self.folder, temporary,
                        site.replace("/var/log/nginx", self.folder)))
        with net.inside(name):
            super().__init__("nginx-" + name, self.folder, [
                "nginx", "-e", self.folder + "/error.log", "-p", self.folder,
                "-c", config],
                {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})

    def pids(self):
        pid = self.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [pid] + [int(word) for word in f.read().split()]

    def replace(self, old, new, beside):
        """In the lines of an address; then reloads, until nothing is served as
        it was before."""
        path = os.path.join(self.folder, "nginx.conf")
        with open(path) as f:
            lines = [line.replace(old, new) if beside + ":" in line else line
                     for line in f]
        with open(path, "w") as f:
            f.writelines(lines)
        before = set(self.pids()[1:])
        self.process.send_signal(signal.SIGHUP)
        wait_for("the old workers' end", lambda: not before & set(self.pids()))

    def lines(self):
        """The requests that it has answered."""
        return [line for name in ("portico.log", "all.log")
                if os.path.exists(os.path.join(self.folder, name))
                for line in open(os.path.join(self.folder, name))
                if "/api/health" not in line]


def site_of(net, portal):
    """What the package has on a host behind a proxy, with what the
    documentation says to change."""
    text = read("nginx", "portico-http.conf") + read("nginx", "portico.conf")
    text = re.sub(r"#(set_real_ip_from |)192\.0\.2\.10",
                  lambda m: m[1] + net.address("lb"), text)
    text = text.replace("#real_ip", "real_ip").replace(
        "/usr/share/portico", os.path.join(harness.BUILD, "share"))
    return text.replace("/run/portico/portico.sock", portal.socket)


class Host:
    """One of the portal's hosts."""

    def __init__(self, net, name, sandbox, settings):
        self.net, self.name, self.sandbox = net, name, sandbox
        self.settings = settings
        self.before = 0  # requests of those that died
        Relay(net, name, range(sandbox.port, sandbox.port + 6))
        self.start()

    def start(self):
        with self.net.inside(self.name):
            self.portal = crash.Mortal(self.sandbox, self.settings, {}, 4, 1)
        self.nginx = Nginx(self.net, self.name,
                           site_of(self.net, self.portal))
        wait_for("nginx of " + self.name, self.is_open)

    def is_open(self):
        assert self.nginx.process.poll() is None, self.nginx.log()
        with socket.socket() as s:
            return s.connect_ex((self.net.address(self.name), 9090)) == 0

    def in_flight(self):
        """The API's connections."""
        found = 0
        for kind in ("tcp", "tcp6"):
            with open("/proc/%d/net/%s" % (self.nginx.process.pid, kind)) as f:
                found += len(re.findall(r":%04X [0-9A-F:]+ 01 " % 9090,
                                        f.read()))
        return found

    def die(self):
        """Without a farewell."""
        for pid in (self.nginx.pids() + [self.portal.process.pid] +
                    self.portal.children()):
            os.kill(pid, signal.SIGKILL)
        self.nginx.process.wait()
        self.portal.process.wait()
        self.before += len(self.nginx.lines())

    def is_alive(self):
        return self.nginx.process.poll() is None

    def served(self):
        return self.before + (len(self.nginx.lines()) if self.is_alive()
                              else 0)

    def end(self):
        self.nginx.end()
        return self.portal.end()


class Lab:
    def __init__(self):
        self.net = Net("a", "b", "db", "lb")
        self.sandbox = Sandbox()
        with self.net.inside("db"):
            self.server = postgres.Postgres(
                listen_addresses=self.net.address("db"))
        with open(os.path.join(self.server.data, "pg_hba.conf"), "a") as f:
            f.write("host all all %s0/24 trust\n" % self.net.prefix)
        self.server.sql("select pg_reload_conf()")
        uri = self.server.uri(tcp=True).replace("127.0.0.1",
                                                self.net.address("db"))
        settings = till.settings_of(self.sandbox, store={"uri": uri}, coreApi={
            "deadlineMs": 30000}, payment={"deadlineMs": 30000}, limits={
            "loginPerName": 5, "loginPerAddress": 0, "loginPerNetwork": 0})
        self.a, self.b = (Host(self.net, name, self.sandbox, settings)
                          for name in "ab")
        self.balancer = Nginx(self.net, "lb", self.balancing())
        wait_for("the balancer", self.is_open)

    def balancing(self):
        """The example as it is shipped, with our names in it."""
        folder = harness.make_folder()
        pem = os.path.join(folder, "portal.pem")
        key = os.path.join(folder, "portal.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", key, "-out", pem, "-days", "2", "-subj",
             "/CN=portal.example.net"], check=True, capture_output=True,
            timeout=harness.PATIENCE)
        text = read("nginx", "balancer.conf.example")
        for was, now in (("192.0.2.11", self.net.address("a")),
                         ("192.0.2.12", self.net.address("b")),
                         ("/etc/ssl/portal.example.net.pem", pem),
                         ("/etc/ssl/private/portal.example.net.key", key)):
            assert was in text, was
            text = text.replace(was, now)
        return text

    def is_open(self):
        assert self.balancer.process.poll() is None, self.balancer.log()
        with socket.socket() as s:
            return s.connect_ex((self.net.address("lb"), 443)) == 0

    def browser(self, number=0):
        return Customer(self.net, number)

    def hosts(self):
        return (self.a, self.b)

    def rows(self, sql, *values):
        with pg.Connection(self.server.uri()) as db:
            return db.execute(sql, values)

    def sessions(self, host):
        return self.rows("select count(*) from pg_stat_activity where "
                         "client_addr = '%s'" % self.net.address(host.name))

    def mend(self):
        """After a test that did not come to its end."""
        self.net.join("b")
        self.net.meet("b", "db")
        for host in self.hosts():
            if not host.is_alive():
                host.start()

    def restart_server(self, how):
        with self.net.inside("db"):
            self.server.restart(how)

    def end(self):
        found = [host.end() for host in self.hosts()]
        logs = [host.portal.log() for host in self.hosts()]
        self.balancer.end()
        self.server.end()
        self.sandbox.end()
        return found, "\n".join(logs)


class Customer(Browser):
    """Speaks TLS to the balancer, from an address of its own."""
    port = 443

    def __init__(self, net, number):
        super().__init__(self)
        self.net, self.from_ = net, net.customer(number)

    def send(self, data, method="GET", json_port=False):
        with socket.create_connection(
                (self.net.address("lb"), 9090 if json_port else 443),
                harness.PATIENCE, (self.from_, 0)) as plain, \
                TRUST.wrap_socket(plain) as s:
            s.sendall(data)
            found = http.client.HTTPResponse(s, method=method)
            found.begin()
            body = found.read()
            head = "".join("%s: %s\r\n" % pair for pair in found.getheaders())
        return harness.Answer(("Status: %d\r\n%s\r\n" % (
            found.status, head)).encode("latin-1") + body)


# --- What is shared ---------------------------------------------------------------

def test_sessions(t):
    c = lab.browser().login("heron")
    before = [host.served() for host in lab.hosts()]
    seen = {c.get("/api/dashboard").status for _ in range(20)}
    t.equal(seen, {200}, "logged in once, known at both")
    more = [host.served() - was for host, was in zip(lab.hosts(), before)]
    print("  20 pages: %d by one host, %d by the other" % tuple(more))
    t.check(min(more) >= 5, "both were asked", more)
    t.check("secure" in str(lab.browser().get("/api/login").all(
        "set-cookie")).lower(), "the hosts know of TLS")
    trail = c.json("/api/audit")["audit"]
    t.equal({row["address"] for row in trail if row["event"] == "login"},
            {lab.net.customer(0)}, "and of the customer's address")
    other = lab.browser()
    other.cookies = dict(c.cookies)
    csrf = c.get("/api/dashboard").csrf
    t.status(c.form("/api/logout", {"csrf": csrf}), 303, "log-out")
    t.equal({other.get("/api/dashboard").status for _ in range(8)}, {303},
            "holds for both")


def test_throttles(t):
    """The sixth is refused, whichever host had the others."""
    before = [host.served() for host in lab.hosts()]
    statuses = [lab.browser().post_json("/api/login", {
        "login": "whale", "password": "wrong"}, json_port=True).status
        for _ in range(5)]
    t.equal(statuses, [401] * 5, "wrong passwords")
    t.check(all(host.served() > was for host, was in
                zip(lab.hosts(), before)), "both counted")
    t.equal({lab.browser().post_json("/api/login", {
        "login": "whale", "password": PASSWORDS["whale"]},
        json_port=True).status for _ in range(4)}, {429}, "at both")
    lab.rows("delete from throttle")


# --- Money -------------------------------------------------------------------------

class BalancedTill(till.Till):
    """A till behind the balancer."""

    def __init__(self):
        self.sandbox = lab.sandbox
        self.portal = self

    def client(self, **_):
        return lab.browser(1)


def test_one_host_advances_a_payment(t):
    """The browser comes back twice, and each webhook twice, at once, to
    whichever host; both reconcile every second."""
    shop = BalancedTill()
    c = lab.browser(2)
    c.bearer = token.bearer
    for turn in range(8):
        gateway = till.GATEWAYS[turn % 2]
        known = len(shop.deliveries())
        begun = shop.begin(c, gateway, "%d.00" % (20 + turn))
        shop.approve(begun)
        sent = shop.deliveries()[known:]
        lab.sandbox.forget()
        lab.sandbox.fault("transactions.search", "latency", value=300, times=8)
        jobs = [lambda: shop.come_back(c, begun)] * 2
        jobs += [lambda d=d: shop.send(d) for d in sent * 2]
        with concurrent.futures.ThreadPoolExecutor(len(jobs)) as crowd:
            for future in [crowd.submit(job) for job in jobs]:
                future.result()
        lab.sandbox.heal()
        wait_for("a payment", lambda: shop.state(c, begun) == "paid")
        t.equal(lab.sandbox.calls()["counts"].get("transactions.create"), 1,
                gateway + ": added once")
    wrong, held = crash.differences(shop)
    t.equal(wrong, [], "captures are credits")
    t.equal(len(held), 8, "all of them")


# --- One request -------------------------------------------------------------------

def die_with(send, operation):
    """What becomes of a request whose host dies; and the other host."""
    lab.sandbox.forget()
    lab.sandbox.fault(operation, "hang", times=1)
    with concurrent.futures.ThreadPoolExecutor(1) as aside:
        asked = aside.submit(send)
        wait_for(operation, lambda: not lab.sandbox.control("GET", "/faults"))
        victim, other = sorted(lab.hosts(), key=Host.in_flight, reverse=True)
        victim.die()
        answer = asked.result()
    victim.start()
    lab.sandbox.heal()
    return answer, other


def test_a_request_of_a_dead_host(t):
    """A GET is asked again of the other host; a POST that was sent never is,
    and one that was not yet goes to whoever is there."""
    c = lab.browser().token("heron")
    for path, operation in (("/api/rates", "rates.search"),
                            ("/api/accounts", "accounts.search")) * 2:
        answer, _ = die_with(lambda p=path: c.get(p, json_port=True),
                             operation)
        t.status(answer, 200, path)
    before = [host.served() for host in lab.hosts()]
    answer, other = die_with(lambda: c.post_json("/api/voucher", {
        "code": "101-000001"}, json_port=True), "topup_cards.activate")
    harness.check_error(t, answer, 502, "busy", "a voucher")
    t.check(int(answer.header("retry-after") or 0) > 0, "Retry-After")
    wait_for("VCS", lambda: lab.sandbox.calls()["counts"].get(
        "topup_cards.activate"))
    t.equal(lab.sandbox.calls()["counts"]["topup_cards.activate"], 1,
            "was sent once")
    t.equal(other.served(), before[lab.hosts().index(other)],
            "the other host has not seen it")
    lab.a.die()
    t.equal({lab.browser().post_json("/api/login", {
        "login": "osprey", "password": PASSWORDS["osprey"]},
        json_port=True).status for _ in range(6)}, {200},
        "what was not sent is nobody's yet")
    lab.a.start()


def test_no_host(t):
    for host in lab.hosts():
        host.die()
    page, data = lab.browser().get("/api/login"), lab.browser().get(
        "/api/login", json_port=True)
    t.status(page, 502, "a page")
    t.check("try again" in page.text and page.header("retry-after"), "words",
            page.text)
    harness.check_error(t, data, 502, "busy", "JSON")
    for host in lab.hosts():
        host.start()
    t.status(lab.browser().get("/api/login"), 200, "back")


# --- Under load --------------------------------------------------------------------

class Load:
    """Customers who look at pages and begin payments. Each payment has another
    amount, by which it is known whether one was sent twice."""

    def __init__(self):
        self.found = []  # (method, status, seconds, amount, began)
        self.lock, self.over = threading.Lock(), threading.Event()
        self.next = Load.first
        self.threads = [threading.Thread(target=self.ask, args=(i,),
                                         daemon=True) for i in range(THREADS)]
        for thread in self.threads:
            thread.start()

    first = 0

    def amount(self):
        with self.lock:
            self.next += 1
            Load.first = self.next
            return "%d.%02d" % (5 + self.next // 100, self.next % 100)

    def ask(self, number):
        c = lab.browser(number)
        c.bearer = token.bearer
        while not self.over.is_set():
            for path in ("/api/accounts", "/api/dashboard", "/api/rates"):
                self.note("GET", None, lambda p=path: c.get(
                    p, json_port=True))
            amount = self.amount()
            self.note("POST", amount, lambda: c.post_json("/api/refill", {
                "gateway": "paypal", "amount": amount}, json_port=True))

    def note(self, method, amount, send):
        began = time.monotonic()
        try:
            answer = send()
            status = answer.status
            if status not in (200, 201, 503):
                print("    %s %d: %.120s" % (method, status, answer.text))
        except GONE:
            status = "broken"
        with self.lock:
            self.found.append((method, status, time.monotonic() - began,
                               amount, began))

    def wait_more(self, count=80):
        """Until so many more are well."""
        wanted = self.good() + count
        wait_for("answers", lambda: self.good() >= wanted)

    def good(self):
        return sum(status in (200, 201) for _, status, *_ in self.found)

    def bad(self, method=None):
        return [one for one in self.found if one[1] not in (200, 201)
                and method in (None, one[0])]

    def end(self, t, what):
        self.over.set()
        for thread in self.threads:
            thread.join()
        counts = collections.Counter((m, s) for m, s, *_ in self.found)
        print("  %s: %s, slowest %.2f s" % (what, ", ".join(
            "%s %s: %d" % (*key, n) for key, n in sorted(
                counts.items(), key=str)),
            max(seconds for _, _, seconds, *_ in self.found)), flush=True)
        self.check_payments(t, what)
        return counts

    def check_payments(self, t, what):
        """None sent twice; none that was confirmed is lost."""
        held = collections.Counter(a for (a,) in lab.rows(
            "select amount from payment"))
        wrong = [(a, held[a]) for m, s, _, a, _ in self.found if m == "POST"
                 and (held[a] > 1 or s == 201 and held[a] != 1)]
        t.equal(wrong, [], what + ": payments, each once")


@contextlib.contextmanager
def loaded():
    load = Load()
    try:
        load.wait_more()
        yield load
    finally:
        load.over.set()
        lab.mend()


def test_a_host_dies(t):
    """It costs what it had in its hands, and nothing after that."""
    with loaded() as load:
        lab.b.die()
        at = time.monotonic()
        load.wait_more(160)
        before = lab.b.served()
        lab.b.start()
        wait_for("the host to be used again",
                 lambda: lab.b.served() > before + 40)
        load.end(t, "a host dies and comes back")
        t.equal(load.bad("GET"), [], "no page is lost")
        lost = load.bad("POST")
        t.check(len(lost) <= THREADS, "of what it was sent, only what was in "
                "flight", lost)
        t.check(all(began <= at for *_, began in lost), "nothing after it",
                lost)


def test_a_host_is_taken_out(t):
    """By the word "down" in the balancer: nothing at all is lost."""
    with loaded() as load:
        lab.balancer.replace("max_fails=0;", "max_fails=0 down;",
                             lab.net.address("b"))
        lab.b.die()
        load.wait_more()
        lab.b.start()
        lab.balancer.replace("max_fails=0 down;", "max_fails=0;",
                             lab.net.address("b"))
        before = lab.b.served()
        wait_for("the host to be used again",
                 lambda: lab.b.served() > before + 20)
        load.end(t, "a host is taken out, ended and put back")
        t.equal(load.bad(), [], "nothing is lost")


def test_a_host_is_cut_off(t):
    """Nothing is refused, and nothing answers. If it was in a transaction, the
    other host's wait for the server to end that."""
    with loaded() as load:
        lab.net.cut("b")
        at = time.monotonic()
        wait_for("the server to end its transactions", lambda: not lab.rows(
            "select 1 from pg_stat_activity where client_addr = '%s' and "
            "xact_start is not null" % lab.net.address("b")))
        whole = time.monotonic()
        load.wait_more(160)
        # Nobody waits for ever for what was on its way.
        before = lab.b.served()
        lab.net.join("b")
        wait_for("the host to be used again",
                 lambda: lab.b.served() > before + 40)
        load.end(t, "a host is cut off and comes back")
        t.check(whole - at < 30, "for seconds", whole - at)
        t.equal([one for one in load.bad() if one[-1] > whole], [],
                "nothing that was asked after that fails")
        lost = [one for one in load.bad() if one[1] != 503]
        t.check(len(lost) <= THREADS, "only what was in flight is lost", lost)
        t.check(all(began <= at + .1 for *_, began in lost), "and nothing "
                "later", lost)
        t.check(all(one[0] == "POST" for one in load.bad()),
                "pages come from the other host", load.bad())


def test_the_server_restarts(t):
    with loaded() as load:
        late = []
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGINT):
            late.append(lab.browser().token("osprey"))
            lab.restart_server(how)
            load.wait_more()
        counts = load.end(t, "PostgreSQL restarts three times")
        t.equal({status for _, status in counts} - {200, 201, 503}, set(),
                "nothing but a 503")
        t.check(len(load.bad()) <= 6 * THREADS, "few", len(load.bad()))
        t.equal({c.get("/api/dashboard", json_port=True).status for c in late},
                {200}, "who logged in just before is logged in")


def test_a_host_without_the_store(t):
    """A partition between host b and the server: the other host serves."""
    with loaded() as load:
        at = time.monotonic()
        lab.net.part("b", "db")
        load.wait_more(240)
        wait_for("the server to give its sessions up", lambda: lab.sessions(
            lab.b)[0][0] == 0)
        lab.net.meet("b", "db")
        load.wait_more()
        before = lab.b.served()
        wait_for("the host to be used again",
                 lambda: lab.b.served() > before + 40)
        counts = load.end(t, "a host is cut off from the server")
        other = [one for one in load.bad() if one[1] != 503]
        t.check({one[:2] for one in other} <= {("POST", 502)} and
                len(other) <= THREADS and all(
                    began <= at + .1 for *_, began in other),
                "nothing but a 503, and a 502 for a payment that was begun "
                "just then", other)
        t.check(not counts["GET", 503], "pages come from the other host",
                counts)
        with_b = lab.b.portal.client()
        with_b.bearer = token.bearer
        wait_for("its workers", lambda: {with_b.get(
            "/api/dashboard", json_port=True).status
            for _ in range(4)} == {200})
        t.check(True, "whole again")


def test_the_end(t):
    statuses, logs = lab.end()
    t.equal(statuses, [0, 0], "both end well")
    for word in ("Sanitizer", "runtime error"):
        t.check(word not in logs, word, logs[-3000:])


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print("passed over: " + reason + "\n0 passed, 0 failed")
        sys.exit(0)
    lab = Lab()
    token = lab.browser().token("heron")
    harness.main(globals())
