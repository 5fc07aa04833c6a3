#!/usr/bin/env python3
"""partition_test.py: a host in a network namespace of its own, whose way to the
PostgreSQL server is cut without a word, as by a dead switch. Needs root. Its
half minute is not in ./dev test. Ends with 'N passed, N failed'.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "pages"))
import harness  # noqa: E402
import postgres  # noqa: E402
from harness import Portal, Sandbox, wait_for  # noqa: E402
from net import why_not  # noqa: E402

PID = os.getpid()
NAME, LINK = "portico-%d" % PID, "pt%d" % PID
NET = "10.213.%d." % (PID % 250)


def ip(*words, check=True):
    subprocess.run(("ip",) + words, check=check, timeout=harness.PATIENCE)


def open_namespace():
    ip("netns", "add", NAME)
    ip("link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns",
       NAME)
    ip("addr", "add", NET + "1/30", "dev", LINK)
    ip("link", "set", LINK, "up")
    for words in (("addr", "add", NET + "2/30", "dev", "eth0"),
                  ("link", "set", "eth0", "up"), ("link", "set", "lo", "up")):
        ip("-n", NAME, *words)


def start_inside(*args, **how):
    """A portal in the namespace; nginx would reach its socket there."""
    start = subprocess.Popen
    harness.subprocess.Popen = lambda command, **more: start(
        ["ip", "netns", "exec", NAME] + command, **more)
    try:
        return Portal(*args, **how)
    finally:
        harness.subprocess.Popen = start


def state_of(portal):
    return portal.client().get("/api/health").json["store"]


def sessions_inside(server):
    return int(server.sql("select count(*) from pg_stat_activity "
                          "where client_addr = '%s2'" % NET)[0][0])


def test_partition(t):
    server = postgres.Postgres(listen_addresses=NET + "1,127.0.0.1")
    with open(os.path.join(server.data, "pg_hba.conf"), "a") as f:
        f.write("host all all %s0/30 trust\n" % NET)
    server.sql("select pg_reload_conf()")
    try:
        uri = server.uri(tcp=True)
        sandbox = Sandbox()
        near = Portal(sandbox, {"store": {"uri": uri}})
        far = start_inside(sandbox, {"store": {"uri": uri.replace(
            "127.0.0.1", NET + "1")}}, workers=1)
        t.equal((state_of(near), state_of(far)), ("ok", "ok"), "whole")
        t.check(sessions_inside(server) > 0, "over the link")
        ip("link", "set", LINK, "down")
        for _ in range(3):
            t.equal((state_of(near), state_of(far)), ("ok", "down"), "cut")
        t.check(far.logged("db.lost"), "a statement without an answer")
        # With its sessions, a host that is cut off loses its locks.
        wait_for("the server to give them up",
                 lambda: sessions_inside(server) == 0)
        ip("link", "set", LINK, "up")
        wait_for("the store", lambda: state_of(far) == "ok")
        t.equal(state_of(near), "ok", "whole again")
        for portal in (near, far):
            portal.end()
        sandbox.end()
    finally:
        server.end()


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print("passed over: " + reason + "\n0 passed, 0 failed")
        sys.exit(0)
    open_namespace()
    try:
        harness.main(globals())
    finally:
        ip("link", "del", LINK, check=False)
        ip("netns", "del", NAME, check=False)
