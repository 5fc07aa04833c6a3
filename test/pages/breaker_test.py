#!/usr/bin/env python3
"""breaker_test.py: a billing system that hangs costs its own brand's customers
a section, and nobody else anything: the circuit breakers and each brand's share
of the workers. A gate stands before the sandbox's Core API, so that the test
says for how long nothing answers. Ends with 'N passed, N failed'.
"""
import http.client
import http.server
import threading
import time

import harness
from figures import figure, read
from harness import Portal, Sandbox, check_error, wait_for
from till import Till

OPEN, CLOSED = 2, 0
NEEDED = 5  # costly failures in a row (base/breaker.h)
JSON = {"accept": "application/json"}

first, second = Sandbox(), Sandbox()


class Gate(http.server.ThreadingHTTPServer):
    """Passes Core calls on; while it is shut they wait, for ever if need be."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sandbox):
        gate = self
        self.open = threading.Event()
        self.open.set()
        self.broken = False
        self.lock = threading.Lock()
        self.waiting = self.posts = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gate.wait()
                if gate.broken:
                    status, answer = 500, b"<h1>no</h1>"
                else:
                    there = http.client.HTTPConnection(
                        "127.0.0.1", sandbox.port, timeout=harness.PATIENCE)
                    there.request("POST", "/", body,
                                  {"Content-Type": "application/json"})
                    got = there.getresponse()
                    status, answer = got.status, got.read()
                    there.close()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.uri = "http://127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait(self):
        with self.lock:
            self.posts += 1
            self.waiting += 1
        self.open.wait()
        with self.lock:
            self.waiting -= 1

    def handle_error(self, *_):
        pass  # whoever asked has gone

    def shut(self):
        self.open.clear()

    def release(self):
        self.open.set()
        wait_for("what waited", lambda: self.waiting == 0)


class Crowd:
    """Customers who ask for the same page again and again, all at once."""

    def __init__(self, client, path, n):
        self.seen, self.stop = [], False
        self.threads = [threading.Thread(target=self.run, args=(client, path))
                        for _ in range(n)]
        for thread in self.threads:
            thread.start()

    def run(self, client, path):
        while not self.stop:
            self.seen.append(client.get(path, **JSON).status)

    def end(self):
        self.stop = True
        for thread in self.threads:
            thread.join()
        return set(self.seen)


def two_brands(gate, deadline, **how):
    return Portal(first, {"coreApi": {"uri": gate.uri,
                                      "deadlineMs": deadline}},
                  brands={"acme": (second, {})}, **how)


def state(p, brand="default", backend="core"):
    return figure(read(p), "portico_breaker_state", brand=brand,
                  backend=backend)


def opened(p, brand="default", backend="core"):
    return figure(read(p), "portico_breaker_opened_total", brand=brand,
                  backend=backend)


def refused(p):
    return figure(read(p), "portico_breaker_refused_total", brand="default",
                  backend="core")


def meets_refusal(client, path):
    """A request that the breaker answers; now and then one is a probe."""
    def is_refused():
        answer = client.get(path, **JSON)
        assert answer.status in (503, 504), answer.status
        return answer.status == 503 and answer

    return wait_for("an answer of the breaker", is_refused)


# --- Breakers -------------------------------------------------------------------

def test_opens_probes_and_closes(t):
    gate = Gate(first)
    p = two_brands(gate, 1500, workers=4)
    c = p.client().token("heron")
    other = p.client(brand="acme").token("heron")
    t.equal([state(p, backend=b) for b in ("core", "management", "reports")],
            [CLOSED] * 3, "at first")
    gate.shut()
    crowd = Crowd(c, "/api/rates", 6)
    for _ in range(20):
        t.status(other.get("/api/rates", **JSON), 200, "the other brand")
    wait_for("the breaker", lambda: opened(p))
    for _ in range(20):
        t.status(other.get("/api/rates", **JSON), 200, "the other brand, now")
    t.equal(crowd.end() - {503, 504}, set(), "late, then busy; nothing else")
    t.equal(state(p, "acme"), CLOSED, "the other brand's is closed")
    t.equal(opened(p, "acme"), 0, "and was")

    answer = meets_refusal(c, "/api/rates")
    check_error(t, answer, 503, "busy", "refused")
    t.check(int(answer.header("retry-after")) > 0, "when to come again")
    t.check(refused(p) > 0, "counted")
    t.equal(len(p.logged("vcs.breaker_open")), 1, "one line")

    # New workers know, too.
    t.check("reloaded" in p.reload(), "a reload")
    t.check(state(p) != CLOSED, "still open")
    meets_refusal(c, "/api/rates")
    t.equal(opened(p), 1, "once")

    # A probe waits at the gate, alone; the others are answered meanwhile.
    wait_for("the last probe's end", lambda: state(p) == OPEN)
    gate.release()
    gate.shut()
    posts = gate.posts
    probe = Crowd(c, "/api/rates", 1)
    wait_for("a probe", lambda: gate.posts > posts)
    meets_refusal(c, "/api/rates")
    probe.end()

    gate.release()
    wait_for("the billing system",
             lambda: c.get("/api/rates", **JSON).status == 200)
    t.equal(state(p), CLOSED, "closed")
    for _ in range(20):
        t.status(c.get("/api/rates", **JSON), 200, "as before")
    t.equal(len(p.logged("vcs.breaker_closed")), 1, "one line")
    t.equal(opened(p), 1, "opened once")


def test_sections(t):
    """Reports that hang: their sections fail alone, at once."""
    gate = Gate(first)
    p = two_brands(gate, 1500, workers=4)
    c = p.client().token("heron")
    first.fault("reports.summary", "hang")
    first.fault("reports.xdrs", "hang")
    try:
        crowd = Crowd(c, "/api/dashboard", 4)
        wait_for("the breaker", lambda: opened(p, backend="reports"))
        crowd.end()
        t.equal(state(p), CLOSED, "Core calls go on")

        def alone():
            answer = c.get("/api/dashboard", **JSON)
            assert answer.status == 200, answer.status
            codes = {e["code"] for e in answer.json["errors"].values()}
            return "busy" in codes and answer.json

        model = wait_for("sections that were not asked for", alone)
        t.equal(sorted(model["errors"]), ["recent", "usage"], "sections")
        t.check(model["balance"], "the balance is there")
    finally:
        first.heal()
    wait_for("the reports", lambda: "errors" not in c.json("/api/dashboard"))
    t.equal(state(p, backend="reports"), CLOSED, "closed")


def test_files(t):
    """Files that hang: they alone are not asked for."""
    p = Portal(first, {"managementApi": {"deadlineMs": 1500}}, workers=4)
    c = p.client().token("heron")
    path = c.json("/api/invoices")["invoices"][0]["download_url"]
    t.status(c.get(path), 200, "a file")
    first.fault("invoices.getFile", "hang")
    try:
        crowd = Crowd(c, path, 4)
        wait_for("the breaker", lambda: opened(p, backend="files"))
        t.equal(crowd.end() - {503, 504}, set(), "late, then busy")
        check_error(t, meets_refusal(c, path), 503, "busy", "refused")
        t.status(c.get("/api/invoices", **JSON), 200, "the list")
        t.equal([state(p, backend=b) for b in ("core", "management")],
                [CLOSED] * 2, "the others are closed")
    finally:
        first.heal()
    wait_for("a file", lambda: c.get(path).status == 200)
    t.equal(state(p, backend="files"), CLOSED, "closed")


def test_single_faults(t):
    """What fails fast, or one at a time, opens nothing, however often."""
    gate = Gate(first)
    p = two_brands(gate, 800, workers=4)
    c = p.client().token("heron")
    for fault, status, times in (("refuse", 502, 40), ("truncate", 502, 20),
                                 ("error", 502, 20),
                                 ("hang", 504, 2 * NEEDED)):
        first.fault("rates.search", fault)
        for _ in range(times):
            t.status(c.get("/api/rates", **JSON), status, fault)
        first.heal()
        t.status(c.get("/api/rates", **JSON), 200, "after " + fault)
    gate.broken = True
    crowd = Crowd(c, "/api/rates", 3)
    wait_for("many failures", lambda: len(crowd.seen) > 100)
    t.equal(crowd.end(), {502}, "500 of a web server, in parallel")
    gate.broken = False
    t.status(c.get("/api/rates", **JSON), 200, "after them")
    t.equal(refused(p), 0, "none was refused")
    t.equal(opened(p), 0, "it never opened")


# --- Shares -----------------------------------------------------------------------

def test_share(t):
    gate = Gate(first)
    p = two_brands(gate, 60000, workers=4)
    c = p.client().token("heron")
    other = p.client(brand="acme").token("heron")
    gate.shut()
    held = []
    threads = [threading.Thread(target=lambda: held.append(
        c.get("/api/rates", **JSON).status)) for _ in range(3)]
    for n, thread in enumerate(threads):
        thread.start()
        wait_for("a worker that waits", lambda: gate.waiting > n)
    slow = time.monotonic() + 0.3  # COUNTERS_SLOW_MS
    wait_for("them to be slow", lambda: time.monotonic() > slow)
    for n in range(10):
        answer = c.get("/api/rates", **JSON)
        check_error(t, answer, 503, "busy", "beyond the share")
        t.check(answer.header("retry-after"), "when to come again")
        t.status(c.get("/api/login"), 503, "a page without VCS, too")
        t.status(other.get("/api/rates", **JSON), 200, "the other brand")
    t.equal(figure(read(p), "portico_share_refused_total", brand="default"),
            20, "counted")
    t.equal(figure(read(p), "portico_share_refused_total", brand="acme"),
            0, "not the other's")
    t.equal(held, [], "all this while")

    # Workers from before a reload are beyond the new pool's number.
    p.process.send_signal(harness.signal.SIGHUP)
    wait_for("a reload", lambda: p.logged("pool.reloaded"))
    t.status(p.client().get("/api/login"), 200, "new workers")
    gate.release()
    for thread in threads:
        thread.join()
    t.equal(held, [200] * 3, "those who waited")
    for _ in range(20):
        t.status(c.get("/api/rates", **JSON), 200, "as before")


def test_share_within_a_burst(t):
    """VCS begins to hang while a burst has all workers: those beyond the share
    are free again long before the deadline, and nothing is said of VCS."""
    gate = Gate(first)
    p = two_brands(gate, 60000, workers=4)
    c = p.client().token("heron")
    other = p.client(brand="acme").token("heron")
    gate.shut()
    seen, threads = [], []
    for n in range(4):
        threads.append(threading.Thread(
            target=lambda: seen.append(c.get("/api/rates", **JSON))))
        threads[-1].start()
        wait_for("a worker that waits, or an answer",
                 lambda: gate.waiting > n or seen)
    t.status(other.get("/api/rates", **JSON), 200, "the other brand")
    wait_for("those beyond the share", lambda: seen)
    check_error(t, seen[0], 503, "busy", "beyond the share")
    t.check(seen[0].header("retry-after"), "when to come again")
    t.equal([x.status for x in seen], [503], "three wait on")
    gate.release()
    for thread in threads:
        thread.join()
    t.equal(sorted(x.status for x in seen), [200] * 3 + [503], "all")
    t.equal(opened(p), 0, "no breaker")
    c.get("/api/rates", **JSON)  # the next one of that worker has its time
    gate.shut()
    thread = threading.Thread(
        target=lambda: seen.append(c.get("/api/rates", **JSON)))
    thread.start()
    slow = time.monotonic() + 0.5
    wait_for("more than that time", lambda: time.monotonic() > slow)
    t.equal(len(seen), 4, "it waits")
    gate.release()
    thread.join()
    t.status(seen[4], 200, "one alone")


def test_no_share(t):
    """One brand alone has all; 100: no limit among several."""
    for brands in ({}, {"acme": (second, {})}):
        gate = Gate(first)
        p = Portal(first, {"coreApi": {"uri": gate.uri},
                           "limits": {"workerShare": 100}}
                   if brands else {"coreApi": {"uri": gate.uri}},
                   brands=brands, workers=2)
        c = p.client().token("heron")
        gate.shut()
        crowd = [threading.Thread(target=c.get, args=("/api/rates",))
                 for _ in range(2)]
        for n, thread in enumerate(crowd):
            thread.start()
            wait_for("a worker that waits", lambda: gate.waiting > n)
        gate.release()
        for thread in crowd:
            thread.join()
        t.equal(gate.waiting, 0, "both workers served it")


# --- Money ------------------------------------------------------------------------

def test_payments(t):
    """Money that comes while VCS is not asked: nothing was sent, for certain,
    and it is added once."""
    sandbox = Sandbox()
    gate = Gate(sandbox)
    one = Till(sandbox, workers=4, coreApi={"uri": gate.uri,
                                            "deadlineMs": 1500},
               payment={"quietTime": 3600})
    c = one.customer()
    begun = one.begin(c, "paypal")
    one.approve(begun)
    gate.shut()
    crowd = Crowd(c, "/api/rates", 4)
    wait_for("the breaker", lambda: opened(one.portal))
    for delivery in one.deliveries("paypal"):
        one.deliver(delivery)
    crowd.end()
    t.equal(one.credits(), [], "nothing was added")
    posts = one.story(begun["payment"]["id"])["postings"]
    t.equal({x["state"] for x in posts} - {"intent"}, set(),
            "nothing is in doubt")
    gate.release()
    wait_for("the billing system",
             lambda: c.get("/api/rates", **JSON).status == 200)
    one.hurry()
    one.settled(c, begun)  # without the hour that doubt would cost
    t.equal(len(one.credits()), 1, "once")


if __name__ == "__main__":
    harness.main(globals())
