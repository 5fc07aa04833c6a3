#!/usr/bin/env python3
"""payment_crash_test.py: case 46: a process that ends just before or after any
step of a payment, for both gateways; then a small storm of kills. ./dev soak
makes a big one.
"""
import harness
from crash import (BEGINNING, HOOKS, POINTS, Crashing, Storm, differences,
                   one_payment)
from till import GATEWAYS

SEED = 20261127
# Authorize.Net takes the money by itself.
NOT_ITS = {"authorizenet": ("capture.before", "capture.after")}


def test_each_point(t):
    one = Crashing()
    for gateway in GATEWAYS:
        client = one.customer()
        for point in POINTS:
            what = "%s, %s" % (gateway, point)
            crashed = one_payment(one, client, gateway, point)
            t.equal(crashed, point not in NOT_ITS.get(gateway, ()),
                    what + ": the process ended there")
            wrong, held = differences(one)
            t.equal(wrong, [], what + ": one to one")
            t.check(held, "money was taken")
    t.equal(len(held), 2 * len(POINTS), "a payment each time")
    t.equal(one.rows("select id from payment where state <> 'done'"), [],
            "all are done")
    one.portal.end()
    one.sandbox.end()


def test_storm(t):
    storm = Storm(SEED, 24, customers=6, threads=3)
    wrong, held = storm.run()
    t.equal(wrong, [], "after %d kills: one to one" % storm.kills)
    t.check(len(held) > 10 and storm.kills > 5, "a storm it was",
            len(held), storm.kills)
    storm.end()


if __name__ == "__main__":
    harness.main(globals())
