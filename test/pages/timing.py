#!/usr/bin/env python3
"""timing.py [TRIES]: whether the time of a refused log-in tells known, unknown
and archived names apart. TRIES (2,000) of each, in turn, against one worker;
prints the medians, the difference of each pair with the bounds that its median
is within in 95 of 100 cases (bootstrap), and the Mann-Whitney U test. Not run
by the tests: it needs a quiet machine and some minutes.
"""
import math
import random
import shutil
import statistics
import sys
import time

import harness
from harness import Portal, Sandbox

NAMES = {"known": "heron", "unknown": "nobody", "archived": "kestrel"}


def measure(tries):
    sandbox = Sandbox()
    portal = Portal(sandbox, workers=1)
    client = portal.client()
    # What the portal has of a customer who was here before shows neither.
    portal.client().login("heron")
    csrf = client.get("/api/login").csrf
    times = {what: [] for what in NAMES}
    lengths = {what: set() for what in NAMES}
    order = list(NAMES.items())
    for n in range(tries + 50):
        random.shuffle(order)
        for what, name in order:
            fields = {"csrf": csrf, "login": name.ljust(8, "x")
                      if what == "unknown" else name,
                      "password": "kestrel-demo-1" if n % 2 else "wrong"}
            begin = time.perf_counter_ns()
            answer = client.form("/api/login", fields)
            took = time.perf_counter_ns() - begin
            assert answer.status == 401, answer.status
            if n >= 50:  # the first ones warm up
                times[what].append(took / 1000)
                lengths[what].add(len(answer.body) - len(fields["login"]))
    portal.end()
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)
    return times, lengths


def mann_whitney(a, b):
    """z of the U test (normal approximation; ties share their ranks)."""
    merged = sorted([(x, 0) for x in a] + [(x, 1) for x in b])
    ranks = [0.0, 0.0]
    at = 0
    while at < len(merged):
        end = at
        while end < len(merged) and merged[end][0] == merged[at][0]:
            end += 1
        for _, which in merged[at:end]:
            ranks[which] += (at + 1 + end) / 2
        at = end
    u = ranks[0] - len(a) * (len(a) + 1) / 2
    mean = len(a) * len(b) / 2
    return (u - mean) / math.sqrt(mean * (len(a) + len(b) + 1) / 6)


def bounds(a, b, rounds=1000):
    found = sorted(
        statistics.median(random.choices(a, k=len(a))) -
        statistics.median(random.choices(b, k=len(b)))
        for _ in range(rounds))
    return found[int(rounds * 0.025)], found[int(rounds * 0.975)]


def main():
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    times, lengths = measure(tries)
    for what, found in times.items():
        print("%-9s n %d, median %.0f us, quartiles %s us, lengths %s" % (
            what, len(found), statistics.median(found),
            [round(q) for q in statistics.quantiles(found)],
            sorted(lengths[what])))
    for one, two in (("known", "unknown"), ("known", "archived"),
                     ("unknown", "archived")):
        z = mann_whitney(times[one], times[two])
        low, high = bounds(times[one], times[two])
        print("%s - %s: %+.1f us (95 %%: %+.1f to %+.1f), U test z %+.2f, "
              "p %.3f" % (one, two, statistics.median(times[one]) -
                          statistics.median(times[two]), low, high, z,
                          math.erfc(abs(z) / math.sqrt(2))))


if __name__ == "__main__":
    main()
