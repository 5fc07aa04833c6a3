#!/usr/bin/env python3
"""memory_test.py: what a worker holds for itself: little, after all pages in
all languages, and no more after many of them; and one that a gateway's trust
store has made too large ends after its request. Of the program without
sanitizers, which have memory of their own. Ends with 'N passed, N failed'.
"""
import os
import re

import harness
import till
from harness import Portal, Sandbox, lay, wait_for

harness.PORTICO = os.path.join(harness.BUILD, "portico")

MOST_KB = 3 * 1024
LANGUAGES = ["en", "de", "es", "uk", "ar"]
PAGES = ["/api/login", "/api/dashboard", "/api/rates",
         "/api/rates?q=1&sort=-price&size=100",
         "/api/rates/lookup?number=4915112345678", "/api/refill",
         "/api/voucher", "/api/payments?size=100", "/api/charges",
         "/api/invoices", "/api/usage/summary?group_by=account",
         "/api/usage/detailed?size=100", "/api/subscriptions", "/api/accounts",
         "/api/profile", "/api/password", "/api/security", "/api/audit",
         "/api/docs", "/api/openapi.json", "/api/health", "/api/nothing",
         "/api/usage/detailed.csv", "/api/rates.xlsx",
         "/api/usage/summary.xlsx"]

sandbox = Sandbox()


def open_portal(**settings):
    portal = Portal(sandbox, lay(settings, {
        **till.settings_of(sandbox), "locales": LANGUAGES,
        "pool": {"maxRequests": 0}}), workers=1)
    portal.client().get("/api/health")
    return portal


def worker_of(portal):
    path = "/proc/%d/task/%d/children" % (portal.process.pid,
                                          portal.process.pid)
    with open(path) as f:
        return int(f.read().split()[0])


def private_kb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(kb) for kb in re.findall(r"Private_\w+: +(\d+)",
                                                f.read()))


def resident_bytes(pid):
    """As worker.c counts them."""
    with open("/proc/%d/statm" % pid) as f:
        _, resident, files = [int(n) for n in f.read().split()[:3]]
    return (resident - files) * os.sysconf("SC_PAGESIZE")


def walk(visitors):
    """All pages, each in each language, HTML and JSON; the largest size that
    was seen after one of them."""
    pid, most = worker_of(visitors[0].portal), 0
    for page in PAGES:
        for i, language in enumerate(LANGUAGES):
            visitors[i % len(visitors)].get(page, accept_language=language,
                                            json_port=i == 4)
            # The next answer says that what this one took was given back.
            visitors[0].get("/api/health")
            most = max(most, private_kb(pid))
    assert worker_of(visitors[0].portal) == pid, "another worker"
    return most


def open_visited():
    portal = open_portal()
    return portal, [portal.client().login("heron"),
                    portal.client().login("osprey")]


def test_small_and_flat(t):
    """Beside another worker, as in any pool: the code of libraries is neither's
    alone."""
    _, others = open_visited()
    walk(others)
    portal, visitors = open_visited()
    first = max(walk(visitors) for _ in range(2))
    t.check(first <= MOST_KB, "private memory", "%d KB" % first)
    later = max(walk(visitors) for _ in range(4))
    t.check(later <= first + 256, "does not grow",
            "%d KB, then %d KB" % (first, later))
    t.check("worker.retired" not in portal.log(), "nobody had to end",
            portal.log())


def test_trust_store(t):
    """PayPal over TLS: its certificate is not trusted, after the store of all
    authorities was read."""
    at = "https://127.0.0.1:%d" % (sandbox.port + 1)

    def visit(portal):
        c = portal.client().token("heron")
        for _ in range(3):
            c.get("/api/refill", json_port=True)
        return c

    light = open_portal(paypal={"uri": at})
    visit(light)
    limit = resident_bytes(worker_of(light)) + (512 << 10)
    portal = open_portal(paypal={"uri": at}, pool={"maxMemory": limit})
    c = visit(portal)
    pid = worker_of(portal)
    t.check("worker.retired" not in portal.log(), "is within the limit",
            portal.log())
    answer = c.post_json("/api/refill", {"gateway": "paypal",
                                         "amount": "25.00"}, json_port=True)
    t.check(answer.status >= 500, "PayPal is not trusted", answer.status)
    wait_for("another worker", lambda: portal.logged("worker.retired") and
             worker_of(portal) != pid)
    t.check("more than pool.maxMemory" in portal.log(), "says why",
            portal.log())
    t.status(c.get("/api/refill", json_port=True), 200, "the next one serves")


if __name__ == "__main__":
    harness.main(globals())
