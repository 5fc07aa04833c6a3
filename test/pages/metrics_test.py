#!/usr/bin/env python3
"""metrics_test.py: /api/metrics: figures of the whole pool, whichever worker
answers, in Prometheus's text format; and the request's id on its way to the
billing system. Ends with 'N passed, N failed'.
"""
import http.server
import json
import os
import shutil
import signal
import threading

import harness
import till
from figures import OPERATOR, figure, parse, read
from harness import PASSWORDS, Portal, Sandbox, lay, wait_for

first, second = Sandbox(), Sandbox()
JSON = {"json_port": True}

# --- Tests ------------------------------------------------------------------------

class Two(Portal):
    def __init__(self, **how):
        limits = {"limits": {"loginPerName": 2, "loginPerAddress": 0,
                             "loginWindow": 600}}
        super().__init__(first, lay(limits, till.settings_of(first)),
                         brands={"acme": (second, lay(
                             {"limits": dict(limits["limits"])},
                             till.settings_of(second)))}, **how)

    def acme(self):
        return self.client(brand="acme")


def test_format(t):
    for bad in ("a 1", "# TYPE a counter\na 1\n",
                "# HELP a b\n# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n",
                "# HELP a b\n# TYPE a gauge\nb 1\n",
                "# HELP a b\n# TYPE a gauge\na 1\na 1\n",
                "# HELP a b\n# TYPE a gauge\na{x=1} 1\n"):
        try:
            parse(bad)
            t.fail("the parser takes %r" % bad)
        except AssertionError:
            t.check(True, "refused")
    p = Two(workers=2)
    samples = read(p)
    t.equal(figure(samples, "portico_brands", state="served"), 2, "brands")
    t.equal(figure(samples, "portico_brands", state="refused"), 0, "none bad")
    for brand in ("default", "acme"):
        t.equal(figure(samples, "portico_store_up", brand=brand), 1, "stores")
        for part in ("core", "management", "reports", "files"):
            for name in ("state", "opened_total", "refused_total"):
                t.equal(figure(samples, "portico_breaker_" + name, brand=brand,
                               backend=part), 0, "breakers")
        t.equal(figure(samples, "portico_share_refused_total", brand=brand),
                0, "shares")
    t.equal(figure(samples, "portico_workers", state="busy"), 1, "who answers")
    t.equal(figure(samples, "portico_workers", state="idle"), 1, "the other")


def test_only_for_operators(t):
    p = Two(workers=1)
    for env in ({}, {"PORTICO_METRICS": ""}, {"PORTICO_METRICS": "off"},
                {"HTTP_PORTICO_METRICS": "on"}):
        t.status(p.client().get("/api/metrics", env=env), 404, str(env))


def test_requests(t):
    """Many requests by many workers: none is lost."""
    p = Two(workers=4)
    before = read(p)
    total = 400
    done = []

    def run(brand):
        c = p.client(brand=brand)
        for _ in range(total // 4):
            c.get("/api/login")
            c.get("/api/nothing")
            done.append(1)

    threads = [threading.Thread(target=run, args=(b,))
               for b in ("default", "default", "acme", "acme")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    p.client(brand="nobody").get("/api/login")
    p.acme().get("/api/dashboard")
    after = read(p)

    def grown(name, **labels):
        return figure(after, name, **labels) - figure(before, name, **labels)

    for brand, more in (("default", 1), ("acme", 0)):  # and the figures
        t.equal(grown("portico_requests_total", brand=brand, status="2xx"),
                total // 2 + more, brand + ": answered")
        t.equal(grown("portico_requests_total", brand=brand, status="4xx"),
                total // 2, brand + ": not found")
        t.check(grown("portico_request_seconds_sum", brand=brand) > 0,
                brand + ": took time")
    t.equal(grown("portico_requests_total", brand="acme", status="3xx"), 1,
            "sent to the log-in")
    t.equal(grown("portico_request_seconds_count", brand="acme"), total + 1,
            "all of acme's")
    t.equal(grown("portico_requests_total", brand="", status="4xx"), 1,
            "nobody's")
    # Each answer is the whole pool's.
    t.equal({figure(read(p), "portico_requests_total", brand="acme",
                    status="4xx") for _ in range(12)},
            {figure(after, "portico_requests_total", brand="acme",
                    status="4xx")}, "whoever is asked")


def test_logins(t):
    p = Two(workers=2)

    def counts(brand):
        samples = read(p)
        return [figure(samples, "portico_logins_total", brand=brand, result=r)
                for r in ("done", "refused", "throttled", "failed")]

    p.acme().login("heron")
    p.acme().token("osprey")
    for _ in range(2):
        p.acme().try_login("whale", "wrong")
    for _ in range(3):
        p.acme().try_login("whale", PASSWORDS["whale"])
    second.fault("*", "refuse")
    p.acme().try_login("heron", PASSWORDS["heron"])
    second.heal()
    t.equal(counts("acme"), [2, 2, 3, 1], "acme's")
    t.equal(counts("default"), [0, 0, 0, 0], "the other's")


def test_backends(t):
    p = Two(workers=2)
    one, two = p.client().token("heron"), p.acme().token("heron")
    before = read(p)

    def calls(samples, brand, backend):
        return [figure(samples, "portico_backend_calls_total", brand=brand,
                       backend=backend, result=r)
                - figure(before, "portico_backend_calls_total", brand=brand,
                         backend=backend, result=r)
                for r in ("ok", "refused", "failed", "late")]

    def requests(samples, brand, backend, what="count"):
        name = "portico_backend_request_seconds_" + what
        return (figure(samples, name, brand=brand, backend=backend) -
                figure(before, name, brand=brand, backend=backend))

    second.forget()
    two.json("/api/dashboard")
    two.json("/api/profile")
    asked = second.calls()
    samples = read(p)
    core, management = (calls(samples, "acme", b)
                        for b in ("core", "management"))
    t.check(core[0] > 1 and core[1:] == [0, 0, 0], "Core calls", core)
    t.equal(requests(samples, "acme", "core") + requests(
        samples, "acme", "management"), asked["http_requests"],
        "as many as the VCS had")
    t.check(requests(samples, "acme", "core", "sum") > 0, "took time")
    t.equal(calls(samples, "default", "core"), [0, 0, 0, 0], "acme's alone")
    first.fault("*", "error")
    one.get("/api/dashboard", **JSON)
    samples = read(p)
    t.check(calls(samples, "default", "core")[1] > 0, "refused",
            calls(samples, "default", "core"))
    first.heal()
    first.fault("*", "truncate")
    one.get("/api/dashboard", **JSON)
    first.heal()
    t.check(calls(read(p), "default", "core")[2] > 0, "nonsense")
    two.post_json("/api/refill", {"gateway": "paypal", "amount": "10"}, **JSON)
    two.post_json("/api/refill", {"gateway": "authorizenet", "amount": "10"},
                  **JSON)
    two.get("/api/invoices/9005/download")
    samples = read(p)
    for backend in ("paypal", "authorizenet", "files"):
        t.check(calls(samples, "acme", backend)[0] > 0, backend,
                calls(samples, "acme", backend))
        t.equal(calls(samples, "default", backend), [0, 0, 0, 0], backend)
    t.equal(figure(samples, "portico_payments", brand="acme",
                   state="redirected"), 2, "payments")
    t.equal(figure(samples, "portico_payments", brand="default",
                   state="redirected"), 0, "the other's")


def test_late(t):
    p = Portal(first, {"coreApi": {"deadlineMs": 300}}, workers=1)
    c = p.client().token("heron")
    first.fault("*", "hang", times=1)
    c.get("/api/dashboard", **JSON)
    first.heal()
    t.check(figure(read(p), "portico_backend_calls_total", brand="default",
                   backend="core", result="late") > 0, "late")


def test_pool(t):
    p = Two(workers=2)
    p.acme().get("/api/login")
    p.reload()
    p.brand_file("acme", "customer-params.json", "{")
    p.reload()
    with open(p.config, "a") as f:
        f.write("{")
    t.check("refused" in p.reload(), "a mistake")
    samples = read(p)
    t.equal([figure(samples, "portico_reloads_total", result=r)
             for r in ("done", "refused")], [2, 1], "reloads")
    t.equal([figure(samples, "portico_brands", state=s)
             for s in ("served", "refused")], [2, 1], "one serves as it was")
    t.equal(figure(samples, "portico_requests_total", brand="acme",
                   status="2xx"), 1, "counted over reloads")


def test_crash(t):
    """A worker that dies leaves no trace among the workers."""
    p = Portal(first, workers=2)
    victim = min(p.workers())
    os.kill(int(victim), signal.SIGKILL)
    wait_for("another", lambda: len(p.workers() - {victim}) == 2)
    samples = read(p)
    t.equal(figure(samples, "portico_worker_crashes_total"), 1, "a crash")
    t.equal(figure(samples, "portico_workers", state="idle") +
            figure(samples, "portico_workers", state="busy"), 2, "two serve")
    with open(p.log_path, "r+") as f:  # it was wanted
        text = f.read().replace("pool.crashed", "pool.killed")
        f.seek(0)
        f.truncate()
        f.write(text)


@harness.sqlite_only("a folder stands where its file should be")
def test_store_down(t):
    p = Two(workers=1)
    for end in ("", "-wal", "-shm", "-lock"):
        if os.path.exists(p.folder + "/acme.db" + end):
            os.unlink(p.folder + "/acme.db" + end)
    os.mkdir(p.folder + "/acme.db")
    samples = read(p)
    t.equal(figure(samples, "portico_store_up", brand="acme"), 0, "is down")
    t.equal(figure(samples, "portico_store_up", brand="default"), 1, "is up")
    t.check(not any(name == "portico_payments" and ("brand", "acme") in labels
                    for name, labels in samples), "nothing is made up")


# --- The request's id -----------------------------------------------------------

class Ear(http.server.ThreadingHTTPServer):
    """A billing system that only hears."""
    daemon_threads = True

    def __init__(self):
        self.heard = []
        super().__init__(("127.0.0.1", 0), Hearing)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Hearing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers[
            "content-length"])))
        self.server.heard.append((asked["method"] if isinstance(
            asked, dict) else "batch", self.headers.get_all("x-request-id")))
        body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x"}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_request_id(t):
    ear = Ear()
    at = "http://127.0.0.1:%d" % ear.server_address[1]
    p = Portal(first, {"coreApi": {"uri": at}, "managementApi": {
        "uri": at + "/jsonrpc/", "caFile": ""}}, workers=1)
    ids = ["%032x" % n for n in (0xabc, 0xdef)]
    for n, ident in enumerate(ids):
        ear.heard.clear()
        p.client().post_json("/api/login", {
            "login": "heron", "password": "x"}, env={"REQUEST_ID": ident},
            **JSON)
        p.client().get("/api/health", env={"REQUEST_ID": ident})
        t.check(len(ear.heard) >= (3 if n == 0 else 1), "both APIs were asked",
                ear.heard)
        t.equal({tuple(found or ()) for _, found in ear.heard}, {(ident,)},
                "each call has the request's id, once")
    ear.shutdown()


def clean():
    for s in (first, second):
        s.end()
        shutil.rmtree(s.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
