#!/usr/bin/env python3
"""soak_test.py: a small part of ./dev soak's mixed load, the same each time.
Ends with 'N passed, N failed'.
"""
import harness
from mixed import Mixed

SEED = 20261128


def test_mixed(t):
    storm = Mixed(SEED, 450, customers=("heron", "osprey"))
    storm.run()
    storm.end()
    print(storm.report(), flush=True)
    for wrong in storm.wrong:
        t.fail(wrong)
    t.check(storm.counts[200] > 220, "most went well", storm.counts)
    t.check(storm.counts[502] and storm.events["kill"], "a storm it was",
            storm.counts, storm.events)
    t.check(storm.compared > 15, "rows were compared", storm.compared)


if __name__ == "__main__":
    harness.main(globals())
