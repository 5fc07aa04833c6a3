#!/usr/bin/env python3
"""payment_cases_test.py: replays and races, what gateways do, VCS that is late
or stale, the store that is full or torn, secrets, and the contract of each
request: a case a function. Ends with 'N passed, N failed'.

PORTICO_SPECS is the folder of the gateways' published contracts (shared/specs
beside the tree where it is not set); what needs them is left out without them.
"""
import concurrent.futures
import contextlib
import glob
import http.server
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import harness
from harness import IDS, PATIENCE, wait_for
from till import GATEWAYS, Till

ROUNDS = int(os.environ.get("PORTICO_ROUNDS", "4"))  # of races, per gateway
LONG = 3600  # seconds of quiet, which no test waits for
HERON = IDS["heron"]

till = Till(workers=4)
sandbox = till.sandbox
# Others, of tests that want a store or settings of their own.
tills = [till]


# --- Helpers ------------------------------------------------------------------

def ids_at(begun, at=till):
    """What the gateway has of a payment: ids of money and of refunds."""
    ident, money = begun["payment"]["id"], at.money()
    if begun["payment"]["gateway"] == "paypal":
        mine = [c for c in money["paypal"] if c["custom_id"] == ident]
        return ([c["capture"] for c in mine],
                [r["refund"] for c in mine for r in c["refunds"]])
    mine = [c for c in money["anet"] if c["invoice"] == ident]
    return ([c["transaction"] for c in mine
             if c["type"] != "refundTransaction"],
            [c["transaction"] for c in mine
             if c["type"] == "refundTransaction"])


def booked(begun, at=till):
    """The amounts in VCS that are about a payment, in VCS's order."""
    paid, back = ids_at(begun, at)
    return [amount for _, amount, reference in at.credits(HERON)
            if reference.split(":")[-1] in paid + back]


def alarms(begun, at=till):
    return [line["what"] for line in
            at.story(begun["payment"]["id"])["story"]
            if line["what"].startswith("ALARM")]


def inner(begun, at=till):
    """The journal's own name of the state."""
    return at.story(begun["payment"]["id"])["state"]


def requests(gateway, operation=None, since=0):
    name = {"authorizenet": "anet"}.get(gateway, gateway)
    return [r for r in sandbox.control("GET", "/requests?to=" + name)
            if operation in (None, r["operation"]) and r["at"] > since]


def latest(gateway):
    """When the gateway was asked last."""
    return max([r["at"] for r in requests(gateway)], default=0)


def captures(begun):
    """The requests to capture that PayPal got."""
    return [r for r in requests("paypal", "paypal.capture")
            if begun["order"] in r["path"]]


def creates():
    """The additions that VCS has answered, or would have."""
    return sandbox.calls()["counts"].get("transactions.create", 0)


def is_sent():
    """Whether the addition that a fault waits for has come."""
    return not sandbox.control("GET", "/faults")


def journal(at=till):
    return harness.store(at.portal)


def change_settings(at, **more):
    """For the programs that start from now on."""
    with open(at.portal.config) as f:
        settings = harness.lay(more, json.load(f))
    with open(at.portal.config, "w") as f:
        json.dump(settings, f)


@contextlib.contextmanager
def quiet(seconds, at=till):
    """Reconcilers that wait so long before they look and add again."""
    change_settings(at, payment={"quietTime": seconds})
    try:
        yield
    finally:
        change_settings(at, payment={"quietTime": 1})


def at_once(*jobs):
    """Runs all of them at the same time; what each gave."""
    gate = threading.Barrier(len(jobs))

    def run(job):
        gate.wait(PATIENCE)
        return job()

    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        return [f.result() for f in [pool.submit(run, j) for j in jobs]]


def pay(client, gateway, amount="25.00", at=till):
    """Paid, and in VCS."""
    begun = at.begin(client, gateway, amount)
    at.approve(begun)
    at.come_back(client, begun)
    settle(client, begun, at=at)
    return begun


def looked(at=till):
    """Everything is looked at, also what would be next only in a week."""
    at.hurry()
    return at.reconcile()


def ends_in(client, begun, state, at=till):
    def is_there():
        looked(at)
        return inner(begun, at) == state

    wait_for("a payment that is " + state, is_there)


def settle(client, begun, state="paid", at=till):
    """The same by the customer's word of it."""
    def is_there():
        looked(at)
        return at.state(client, begun) == state

    wait_for("a payment that is " + state, is_there)


def balance(client, at=till):
    return float(at.balance(client))


def run(at, *words, env=None, before=None):
    """`portico payments`, not waited for."""
    return subprocess.Popen(
        [harness.PORTICO, "payments", *words, "--config", at.portal.config],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})},
        preexec_fn=before)


def finish(process):
    _, errors = process.communicate(timeout=PATIENCE)
    for word in ("Sanitizer", "runtime error"):
        assert word not in errors, errors[-3000:]
    return errors


def delivery_of(begun, kind):
    """The webhook of this kind about a payment."""
    mark = begun["payment"]["id"]
    found = [d for d in till.deliveries(kind=kind) if mark in d["body"]]
    return found[-1] if found else None


def give_back(begun, amount=None):
    """A refund in the gateway's own pages; its id."""
    more = {"amount": amount} if amount else {}
    if begun["payment"]["gateway"] == "paypal":
        return sandbox.control("POST", "/paypal/refund", {
            "capture": ids_at(begun)[0][0], **more})["id"]
    return sandbox.control("POST", "/anet/refund", {
        "transaction": ids_at(begun)[0][0], **more})["id"]


REFUNDED = {"paypal": "PAYMENT.CAPTURE.REFUNDED",
            "authorizenet": "net.authorize.payment.refund.created"}
PAID = {"paypal": "PAYMENT.CAPTURE.COMPLETED",
        "authorizenet": "net.authorize.payment.authcapture.created"}


def settle_batch(gateway):
    if gateway == "authorizenet":
        sandbox.control("POST", "/anet/settle", {})


def check_paid_once(t, client, begun, what, amount=25.0):
    t.equal(till.state(client, begun), "paid", what + ": state")
    t.equal(booked(begun), [amount], what + ": one credit")
    t.equal(len(ids_at(begun)[0]), 1, what + ": one charge")


# --- Replay and races ---------------------------------------------------------

def test_case_25_same_webhook_100_times_in_parallel(t):
    client = till.customer()
    for gateway in GATEWAYS:
        begun = till.begin(client, gateway)
        till.approve(begun)
        kind = ("CHECKOUT.ORDER.APPROVED" if gateway == "paypal"
                else PAID[gateway])
        hook = delivery_of(begun, kind)
        answers = at_once(*[lambda: till.deliver(hook)] * 100)
        t.equal({a.status for a in answers}, {200}, gateway + ": taken")
        wait_for("the credit", lambda: till.state(client, begun) == "paid")
        till.reconcile()
        check_paid_once(t, client, begun, gateway)
        with journal() as db:
            t.equal(db.execute("select count(*) from inbox where event_id = ?",
                               (hook["event"],)).fetchone()[0], 1,
                    gateway + ": in the inbox once")


def race(t, client, gateway):
    """One payment, everybody after it at once."""
    begun = till.begin(client, gateway)
    till.approve(begun)

    def hook(kind):
        def deliver():
            found = wait_for(kind, lambda: delivery_of(begun, kind))
            return till.deliver(found).status

        return deliver

    jobs = [lambda: till.come_back(client, begun).status, till.reconcile,
            hook(PAID[gateway])]
    if gateway == "paypal":
        jobs.append(hook("CHECKOUT.ORDER.APPROVED"))
    seen = at_once(*jobs)
    t.equal(seen[0], 303, gateway + ": the return page")
    t.equal(set(seen[2:]), {200}, gateway + ": the webhooks")
    settle(client, begun)
    check_paid_once(t, client, begun, gateway)


def test_case_26_return_page_webhooks_and_reconciler_at_once(t):
    client = till.customer()
    for gateway in GATEWAYS:
        for _ in range(ROUNDS):
            race(t, client, gateway)
    print("case 26: %d rounds" % (ROUNDS * len(GATEWAYS)))


def test_case_27_a_year_old_event_again(t):
    client = till.customer()
    for gateway in GATEWAYS:
        begun = pay(client, gateway)
        hook = delivery_of(begun, PAID[gateway])
        t.status(till.deliver(hook), 200, gateway + ": the first time")
        till.reconcile()
        with journal() as db:
            db.execute("update inbox set received = received - 31536000 "
                       "where event_id = ?", (hook["event"],))
        before = latest(gateway), creates()
        t.status(till.deliver(hook), 200, gateway + ": a year later")
        till.reconcile()
        t.equal((latest(gateway), creates()), before,
                gateway + ": nobody is asked anything")
        # An inbox that was emptied meanwhile.
        with journal() as db:
            db.execute("delete from inbox where event_id = ?",
                       (hook["event"],))
        t.status(till.deliver(hook), 200, gateway + ": a forgotten one")
        till.reconcile()
        check_paid_once(t, client, begun, gateway)


def test_case_28_same_event_with_another_body(t):
    client = till.customer()
    for gateway in GATEWAYS:
        begun = pay(client, gateway)
        hook = delivery_of(begun, PAID[gateway])
        till.deliver(hook)
        other = hook["body"].replace("25.00", "99.00")
        t.check(other != hook["body"], gateway + ": another body")
        name = "paypal" if gateway == "paypal" else "anet"
        headers = sandbox.control("POST", "/%s/sign" % name, {"body": other})
        t.status(till.hook(gateway, other, headers), 200, gateway)
        t.check(any(hook["event"] in line and "another body" in line
                    for line in till.portal.logged("payment.alarm")),
                gateway + ": an alarm")
        with journal() as db:
            kept = db.execute("select body from inbox where event_id = ?",
                              (hook["event"],)).fetchall()
        t.equal([r["body"] for r in kept], [hook["body"]],
                gateway + ": the first is kept")
        till.reconcile()
        check_paid_once(t, client, begun, gateway)


def test_case_29_refunded_before_completed_is_delivered(t):
    client = till.customer()
    before = balance(client)
    for gateway in GATEWAYS:
        begun = till.begin(client, gateway)
        if gateway == "paypal":
            sandbox.fault("paypal.capture", "lost_reply", times=1)
        till.approve(begun)
        if gateway == "paypal":
            till.come_back(client, begun)
        settle_batch(gateway)
        t.equal(booked(begun), [], gateway + ": not in VCS yet")
        give_back(begun)
        t.status(till.deliver(delivery_of(begun, REFUNDED[gateway])), 200,
                 gateway + ": REFUNDED")
        t.status(till.deliver(delivery_of(begun, PAID[gateway])), 200,
                 gateway + ": COMPLETED")
        ends_in(client, begun, "reversed")
        t.equal(booked(begun), [25.0, -25.0],
                gateway + ": credit, then debit, each once")
        t.equal(till.state(client, begun), "reversed", gateway + ": state")
    t.equal(balance(client), before, "the balance is as it was")


def test_case_30_refunds_in_parts_and_twice(t):
    client = till.customer()
    before = balance(client)
    for gateway in GATEWAYS:
        begun = pay(client, gateway)
        settle_batch(gateway)
        give_back(begun, "5.00")
        hook = delivery_of(begun, REFUNDED[gateway])
        for _ in range(2):
            t.status(till.deliver(hook), 200, gateway + ": refunded")
        wait_for("the debit", lambda: len(booked(begun)) == 2)
        ends_in(client, begun, "partly_reversed")
        t.equal(booked(begun), [25.0, -5.0], gateway + ": twice told")
        give_back(begun, "7.50")
        ends_in(client, begun, "partly_reversed")
        wait_for("the second", lambda: looked() and len(booked(begun)) == 3)
        t.equal(booked(begun), [25.0, -5.0, -7.5], gateway + ": two parts")
        give_back(begun)
        till.deliver(delivery_of(begun, REFUNDED[gateway]))
        ends_in(client, begun, "reversed")
        t.equal(booked(begun), [25.0, -5.0, -7.5, -12.5],
                gateway + ": partial, then full")
        till.deliver(hook)
        looked()
        t.equal(sum(booked(begun)), 0.0, gateway + ": the sum")
    t.equal(balance(client), before, "the balance is as it was")


def test_case_30_more_refunded_than_was_paid(t):
    client = till.customer()
    begun = pay(client, "authorizenet")
    settle_batch("authorizenet")
    give_back(begun, "1.00")
    sandbox.fault("anet.details", "amount", value="30.00")
    till.deliver(delivery_of(begun, REFUNDED["authorizenet"]))
    ends_in(client, begun, "review")
    sandbox.heal()
    t.equal(booked(begun), [25.0], "nothing is taken back")
    t.check(alarms(begun), "an alarm")


def test_case_31_two_tabs_two_orders_both_paid(t):
    client = till.customer()
    def long_ago():
        with journal() as db:
            db.execute("update receipt set created = created - 60")

    for gateway in GATEWAYS:
        long_ago()
        both = [till.begin(client, gateway) for _ in range(2)]
        for begun in both:
            till.approve(begun)
        for begun in both:
            till.come_back(client, begun)
            settle(client, begun)
        for begun in both:
            check_paid_once(t, client, begun, gateway)
        said = alarms(both[0]) + alarms(both[1])
        t.check(len(said) == 1, gateway + ": one alarm", said)
        # One after the other is nothing odd.
        long_ago()
        after = pay(client, gateway)
        t.equal(alarms(after), [], gateway + ": no alarm")


def test_case_32_hosted_form_sent_twice(t):
    client = till.customer()
    before = balance(client)
    begun = till.begin(client, "authorizenet")
    till.approve(begun)
    settle(client, begun)
    till.approve(begun)
    hooks = [d for d in till.deliveries(kind=PAID["authorizenet"])
             if begun["payment"]["id"] in d["body"]]
    t.equal(len(hooks), 2, "two transactions")
    t.status(till.deliver(hooks[1]), 200, "the second")
    wait_for("two credits", lambda: looked() and len(booked(begun)) == 2)
    t.equal(booked(begun), [25.0, 25.0], "two postings")
    t.check(alarms(begun), "an alarm")
    t.equal(till.state(client, begun), "paid", "state")
    # The second is charged back: no webhook tells.
    settle_batch("authorizenet")
    sandbox.control("POST", "/anet/chargeback",
                    {"transaction": ids_at(begun)[0][1]})
    wait_for("the debit", lambda: looked() and len(booked(begun)) == 3)
    t.equal(booked(begun), [25.0, 25.0, -25.0], "the second taken back")
    t.equal(balance(client), before + 25.0, "the balance")
    # Both at once, found by the reconciler.
    begun = till.begin(client, "authorizenet")
    at_once(*[lambda: till.approve(begun)] * 2)
    ends_in(client, begun, "done")
    t.equal(booked(begun), [25.0, 25.0], "both at once")


def test_case_33_reload_of_the_return_page_50_times(t):
    client = till.customer()
    for gateway in GATEWAYS:
        begun = till.begin(client, gateway)
        till.approve(begun)
        many = at_once(*[lambda: till.come_back(client, begun)] * 25)
        many += [till.come_back(client, begun) for _ in range(25)]
        t.equal({a.status for a in many}, {303}, gateway + ": each answers")
        settle(client, begun)
        check_paid_once(t, client, begun, gateway)
        if gateway == "paypal":
            t.equal(len(captures(begun)), 1, "one request to capture")


# --- What gateways do ---------------------------------------------------------

def held_at_paypal(client, status, reason):
    begun = till.begin(client, "paypal")
    sandbox.fault("paypal.capture", "state", value=status, reason=reason,
                  times=1)
    till.approve(begun)
    till.come_back(client, begun)
    return begun


def test_case_34_pending_then_completed_or_denied(t):
    client = till.customer()
    for status, state, sums in (("COMPLETED", "paid", [25.0]),
                                ("DENIED", "failed", [])):
        for told in (True, False):
            begun = held_at_paypal(client, "PENDING", "ECHECK")
            what = "%s, %s" % (status, "told" if told else "found")
            t.equal(inner(begun), "pending", what + ": held")
            looked()
            t.equal(booked(begun), [], what + ": no credit while held")
            t.equal(till.state(client, begun), "confirming", what)
            sandbox.control("POST", "/paypal/settle", {
                "capture": ids_at(begun)[0][0], "status": status})
            if told:
                kind = "PAYMENT.CAPTURE." + status
                till.deliver(delivery_of(begun, kind))
            settle(client, begun, state)
            t.equal(booked(begun), sums, what + ": credits")


def test_case_35_what_a_person_must_look_at(t):
    client = till.customer()
    begun = held_at_paypal(client, "PENDING", "PENDING_REVIEW")
    looked()
    t.equal(booked(begun), [], "PENDING_REVIEW: no credit")
    t.check(any("PENDING_REVIEW" in a for a in alarms(begun)),
            "PENDING_REVIEW: an alarm", alarms(begun))
    sandbox.control("POST", "/paypal/settle", {
        "capture": ids_at(begun)[0][0], "status": "DENIED"})
    settle(client, begun, "failed")
    for fault, more in (("state", {"value": "XYZ"}), ("no_captures", {}),
                        ("two_captures", {})):
        begun = till.begin(client, "paypal")
        till.approve(begun)
        # Whoever asks again hears the same.
        for operation in ("paypal.capture", "paypal.order.get"):
            sandbox.fault(operation, fault, **more)
        if fault == "no_captures":
            sandbox.fault("paypal.capture.get", "no_captures")
        till.come_back(client, begun)
        looked()
        sandbox.heal()
        t.equal(booked(begun), [], fault + ": no credit")
        t.equal(inner(begun), "review", fault + ": state")
        t.check(alarms(begun), fault + ": an alarm")
        looked()
        t.equal(booked(begun), [], fault + ": a person decides, not time")


def test_case_36_held_for_review_at_authorizenet(t):
    client = till.customer()
    for action, state, sums in (("approve", "paid", [25.0]),
                                ("decline", "failed", [])):
        for told in (True, False):
            what = "%s, %s" % (action, "told" if told else "found")
            begun = till.begin(client, "authorizenet")
            ident = till.approve(begun, "review")
            till.come_back(client, begun)
            looked()
            t.equal(inner(begun), "pending", what + ": held")
            t.equal(booked(begun), [], what + ": no credit while held")
            sandbox.control("POST", "/anet/review", {
                "transaction": ident, "action": action})
            if told:
                hook = delivery_of(begun, "net.authorize.payment.fraud.%sd"
                                   % action)
                for _ in range(2):
                    till.deliver(hook)
            settle(client, begun, state)
            looked()
            t.equal(booked(begun), sums, what + ": credits")
    begun = till.begin(client, "authorizenet")
    ident = till.approve(begun, "review")
    till.come_back(client, begun)
    sandbox.control("POST", "/anet/void", {"transaction": ident})
    settle(client, begun, "failed")
    t.equal(booked(begun), [], "void while held: no credit")


def test_case_37_ok_is_not_paid(t):
    client = till.customer()
    for fault, value in (("response_code", 2), ("response_code", 3),
                         ("response_code", 4), ("test_request", None)):
        what = "%s %s" % (fault, value)
        for lie in (False, True):
            begun = till.begin(client, "authorizenet")
            more = {"value": value} if value else {}
            sandbox.fault("anet.pay", fault, times=1, **more)
            if lie:  # the status says paid, the code does not
                sandbox.fault("anet.pay", "state", times=1,
                              value="capturedPendingSettlement")
            till.approve(begun)
            hook = delivery_of(begun, PAID["authorizenet"])
            if hook:
                till.deliver(hook)
            till.come_back(client, begun)
            looked()
            t.equal(booked(begun), [], what + ": no credit")
            t.check(till.state(client, begun) not in ("paid", "review"),
                    what + ": state", till.state(client, begun))
            sandbox.heal()
            # Another card, on the same form.
            if value != 4 or lie:
                paid = till.approve(begun)
                till.come_back(client, begun)
                settle(client, begun)
                t.equal([r for _, _, r in till.credits(HERON)
                         if r.endswith(":" + paid)],
                        ["an:sandbox:txn:" + paid], what + ": another card")
                t.equal(booked(begun), [25.0], what + ": once")


def test_case_38_answers_that_cannot_be_read(t):
    client = till.customer()
    spoiled = {
        "paypal": (("paypal.capture",), ("html", "empty", "truncate", "cut",
                                         "nested", "lost_reply", "hang")),
        "authorizenet": (("anet.unsettled", "anet.details"),
                         ("html", "empty", "truncate", "cut"))}
    for gateway, (operations, faults) in spoiled.items():
        for operation in operations:
            for fault in faults:
                what = "%s: %s" % (operation, fault)
                begun = till.begin(client, gateway)
                till.approve(begun)
                sandbox.fault(operation, fault)
                t.status(till.come_back(client, begun), 303, what)
                t.check(till.state(client, begun) in ("open", "confirming"),
                        what + ": unknown", till.state(client, begun))
                t.equal(booked(begun), [], what + ": no credit")
                sandbox.heal()
                settle(client, begun)
                check_paid_once(t, client, begun, what)
                if gateway == "paypal":
                    t.equal({r["headers"]["PayPal-Request-Id"]
                             for r in captures(begun)},
                            {begun["payment"]["id"] + "-capture"},
                            what + ": one request's name")
    for value in ("none", "space"):
        sandbox.fault("anet", "bom", value=value)
        begun = pay(client, "authorizenet")
        sandbox.heal()
        check_paid_once(t, client, begun, "byte order mark: " + value)


def test_case_39_401_in_between(t):
    client = till.customer()
    begun = till.begin(client, "paypal")
    till.approve(begun)
    before = latest("paypal")
    sandbox.fault("paypal.capture", "expire", times=1)
    till.come_back(client, begun)
    settle(client, begun)
    check_paid_once(t, client, begun, "one 401")
    t.equal(len({r["headers"]["PayPal-Request-Id"]
                 for r in captures(begun)}), 1, "the same request's name")
    t.check(requests("paypal", "paypal.token", before), "a new token")
    begun = till.begin(client, "paypal")
    till.approve(begun)
    sandbox.fault("paypal.capture", "status", value=401)
    before = latest("paypal")
    till.come_back(client, begun)
    t.check(1 <= len(captures(begun)) <= 2, "endless 401: no loop",
            len(captures(begun)))
    t.check(len(requests("paypal", "paypal.token", before)) <= 2,
            "endless 401: no loop of tokens")
    t.check(any("refuses our request" in line for line in
                till.portal.logged("payment.paypal")), "endless 401: alarm")
    t.equal(till.state(client, begun), "confirming", "endless 401: state")
    sandbox.heal()
    settle(client, begun)
    check_paid_once(t, client, begun, "endless 401, then not")


def test_case_40_too_often_and_500(t):
    client = till.customer()
    for faults in ([("status", 429, 1)], [("status", 500, 3)],
                   [("status_after", 500, 1)], [("status_after", 503, 2)],
                   [("status", 429, 1), ("status_after", 502, 1)]):
        begun = till.begin(client, "paypal")
        till.approve(begun)
        for fault, value, times in faults:
            sandbox.fault("paypal.capture", fault, value=value, times=times)
        till.come_back(client, begun)
        settle(client, begun)
        check_paid_once(t, client, begun, repr(faults))
        t.equal(len({r["headers"]["PayPal-Request-Id"]
                     for r in captures(begun)}), 1,
                "%r: one request's name" % faults)


def test_case_41_what_paypal_refuses(t):
    client = till.customer()
    # Captured by somebody else: a success.
    begun = till.begin(client, "paypal")
    till.approve(begun)
    token = requests("paypal", "paypal.order.create")[-1]["headers"][
        "Authorization"]
    urllib.request.urlopen(urllib.request.Request(
        sandbox.control("GET", "/gateways")["paypal"] +
        "/v2/checkout/orders/%s/capture" % begun["order"], b"{}", {
            "Authorization": token, "Content-Type": "application/json",
            "PayPal-Request-Id": "somebody-else"}), timeout=PATIENCE).close()
    till.come_back(client, begun)
    settle(client, begun)
    check_paid_once(t, client, begun, "captured already")
    # Between our look and our capture.
    begun = till.begin(client, "paypal")
    till.approve(begun)
    sandbox.fault("paypal.capture", "lost_reply", times=1)
    till.come_back(client, begun)
    sandbox.fault("paypal.capture", "issue", value="ORDER_ALREADY_CAPTURED",
                  times=1)
    settle(client, begun)
    check_paid_once(t, client, begun, "ORDER_ALREADY_CAPTURED")
    # An invoice that was paid before, and not by this order.
    begun = till.begin(client, "paypal")
    till.approve(begun)
    sandbox.fault("paypal.capture", "issue", value="DUPLICATE_INVOICE_ID")
    till.come_back(client, begun)
    sandbox.heal()
    looked()
    t.equal(inner(begun), "review", "DUPLICATE_INVOICE_ID: a person decides")
    t.check(alarms(begun), "DUPLICATE_INVOICE_ID: an alarm")
    t.equal(booked(begun), [], "DUPLICATE_INVOICE_ID: no credit")
    # A card that is declined, then another one.
    begun = till.begin(client, "paypal")
    till.approve(begun)
    sandbox.fault("paypal.capture", "issue", value="INSTRUMENT_DECLINED",
                  times=1)
    till.come_back(client, begun)
    t.equal(till.state(client, begun), "open", "INSTRUMENT_DECLINED: open")
    t.check(begun["order"] in till.payment(client, begun)["redirect_url"],
            "INSTRUMENT_DECLINED: the way to the same order")
    till.come_back(client, begun)
    settle(client, begun)
    check_paid_once(t, client, begun, "another card")
    t.equal([r["headers"]["PayPal-Request-Id"] for r in captures(begun)],
            [begun["payment"]["id"] + end for end in
             ("-capture", "-capture-2")], "another card: a new request")
    for issue in ("PAYER_CANNOT_PAY", "TRANSACTION_REFUSED",
                  "PAYEE_ACCOUNT_RESTRICTED"):
        begun = till.begin(client, "paypal")
        till.approve(begun)
        sandbox.fault("paypal.capture", "issue", value=issue, times=1)
        till.come_back(client, begun)
        t.equal(till.state(client, begun), "failed", issue)
        t.equal(booked(begun), [], issue + ": no credit")
    begun = till.begin(client, "paypal")
    till.come_back(client, begun)
    t.equal(till.state(client, begun), "open", "not approved")


def test_case_42_authorizenet_says_duplicate(t):
    """The form's duplicate is refused with a transaction of its own (code 3)
    or with none; the first one is found by the invoice number either way."""
    client = till.customer()
    for with_own in (True, False):
        begun = till.begin(client, "authorizenet")
        first = till.approve(begun)
        if with_own:
            sandbox.fault("anet.pay", "response_code", value=3, times=1)
            till.approve(begun)
        till.come_back(client, begun)
        settle(client, begun)
        looked()
        t.equal([r for _, _, r in till.credits(HERON)
                 if r.split(":")[-1] in ids_at(begun)[0]],
                ["an:sandbox:txn:" + first], "the first, once")
        t.equal(booked(begun), [25.0], "one credit")


def test_case_43_chargebacks_after_the_balance_is_spent(t):
    client = till.customer()
    # PayPal takes it back.
    begun = pay(client, "paypal")
    before = balance(client)
    sandbox.control("POST", "/paypal/reverse",
                    {"capture": ids_at(begun)[0][0]})
    till.deliver(delivery_of(begun, "PAYMENT.CAPTURE.REVERSED"))
    ends_in(client, begun, "reversed")
    t.equal(booked(begun), [25.0, -25.0], "reversed: a debit")
    t.check(alarms(begun), "reversed: an alarm")
    t.equal(balance(client), before - 25.0, "reversed: the balance")
    # The same, and no webhook comes.
    begun = pay(client, "paypal")
    sandbox.control("POST", "/paypal/reverse",
                    {"capture": ids_at(begun)[0][0]})
    ends_in(client, begun, "reversed")
    t.equal(booked(begun), [25.0, -25.0], "reversed, found: a debit")
    t.check(alarms(begun), "reversed, found: an alarm")
    # More than is left: the balance goes below zero.
    begun = pay(client, "authorizenet", "1000.00")
    settle_batch("authorizenet")
    sandbox.core("transactions.create", clients_id=HERON, type="payment",
                 amount=-(balance(client) - 1.0), currencies_id=27,
                 payment_accounts_id=1, notes="spent")
    transaction = {"transaction": ids_at(begun)[0][0]}
    sandbox.control("POST", "/anet/chargeback", transaction)
    ends_in(client, begun, "reversed")
    t.equal(booked(begun), [1000.0, -1000.0], "chargeback: a debit")
    t.check(alarms(begun), "chargeback: an alarm")
    t.check(balance(client) < -900.0, "below zero", balance(client))
    sandbox.control("POST", "/anet/chargeback",
                    {**transaction, "reversal": True})
    ends_in(client, begun, "done")
    for _ in range(2):
        looked()
    t.equal(booked(begun), [1000.0, -1000.0, 1000.0],
            "reversal: credited again, once")
    t.equal(till.state(client, begun), "paid", "reversal: state")


def test_case_43_chargeback_of_what_a_refund_left(t):
    client = till.customer()
    begun = pay(client, "authorizenet")
    settle_batch("authorizenet")
    transaction = {"transaction": ids_at(begun)[0][0]}
    give_back(begun, "10.00")
    ends_in(client, begun, "partly_reversed")
    sandbox.control("POST", "/anet/chargeback", transaction)
    ends_in(client, begun, "reversed")
    t.equal(booked(begun), [25.0, -10.0, -15.0], "what was left")
    sandbox.control("POST", "/anet/chargeback",
                    {**transaction, "reversal": True})
    ends_in(client, begun, "partly_reversed")
    looked()
    t.equal(booked(begun), [25.0, -10.0, -15.0, 15.0],
            "what the chargeback took comes back, and no more")


def test_case_43_void(t):
    client = till.customer()
    before = balance(client)
    begun = pay(client, "authorizenet")
    transaction = {"transaction": ids_at(begun)[0][0]}
    sandbox.control("POST", "/anet/void", transaction)
    hook = delivery_of(begun, "net.authorize.payment.void.created")
    for _ in range(2):
        till.deliver(hook)
    ends_in(client, begun, "reversed")
    t.equal(booked(begun), [25.0, -25.0], "void after the credit")
    t.equal(balance(client), before, "void: the balance")
    begun = till.begin(client, "authorizenet")
    sandbox.control("POST", "/anet/void", {"transaction": till.approve(begun)})
    looked()
    t.equal(booked(begun), [], "void before the credit")
    # Nobody will pay it any more, and nobody waits for it for ever.
    with journal() as db:
        db.execute("update payment set created = created - 86400 "
                   "where id = ?", (begun["payment"]["id"],))
    ends_in(client, begun, "expired")


# --- Clocks, and no webhooks --------------------------------------------------

def test_case_44_the_clock_jumps_while_adding(t):
    client = till.customer()
    now = int(time.time())
    with tempfile.TemporaryDirectory() as folder, quiet(LONG):
        clocks = []
        for name, jump in (("ahead", 7200), ("behind", -7200),
                           ("dst", 3600), ("far", 9 * 86400),
                           ("past", -9 * 86400)):
            where = os.path.join(folder, name)
            os.mkdir(where)
            clocks.append((name, harness.still_clock(where, now + jump)))
        begun = till.begin(client, "paypal")
        till.approve(begun)
        sandbox.forget()
        sandbox.fault("transactions.create", "late", value=600, times=1)
        looked()  # by the right clock
        t.equal(inner(begun), "adding", "no answer from VCS")
        t.check(is_sent(), "sent")
        for name, env in clocks:
            till.hurry()
            finish(run(till, "reconcile", env=env))
            t.equal(creates(), 0, name + ": the quiet time holds")
            t.equal(inner(begun), "adding", name + ": it waits")
        # It takes effect, late; then nobody adds it again, by any clock.
        sandbox.heal()
        wait_for("the late credit", lambda: booked(begun) == [25.0])
    for name, env in clocks[::-1]:
        with journal() as db:
            db.execute("update posting set state = 'sent', sent_ms = 0 "
                       "where payment_id = ?", (begun["payment"]["id"],))
            db.execute("update payment set state = 'adding' where id = ?",
                       (begun["payment"]["id"],))
        with tempfile.TemporaryDirectory() as again:
            jump = {"ahead": 7200, "behind": -7200, "dst": 3600,
                    "far": 9 * 86400, "past": -9 * 86400}[name]
            env = harness.still_clock(again, now + jump)
            till.hurry()
            finish(run(till, "reconcile", env=env))
        t.equal(inner(begun), "done", name + ": found in VCS")
        t.equal(booked(begun), [25.0], name + ": one credit")


def test_case_44_the_machine_was_started_anew(t):
    """How long ago it was sent is not known, so the whole time begins."""
    client = till.customer()
    begun = till.begin(client, "paypal")
    till.approve(begun)
    sandbox.fault("transactions.create", "lost_reply", times=1)
    with quiet(LONG):
        looked()
        with journal() as db:
            db.execute("update posting set sent_boot = 'another', "
                       "sent_ms = 1, sent_at = 1 where payment_id = ?",
                       (begun["payment"]["id"],))
        sandbox.forget()
        for _ in range(2):
            looked()
        t.equal(sandbox.calls()["counts"].get("transactions.search", 0), 0,
                "no look-up yet")
        t.equal(creates(), 0, "nothing is added")
        with journal() as db:
            boot = db.execute("select sent_boot from posting "
                              "where payment_id = ?",
                              (begun["payment"]["id"],)).fetchone()[0]
        t.check(boot != "another", "the time begins with this start")
    settle(client, begun)
    check_paid_once(t, client, begun, "after the quiet time")


def test_case_44_another_host_looks_as_well(t):
    """Each host counts the quiet time by its own clock; that others come to the
    payment in between makes none of them begin anew."""
    client = till.customer()
    begun = till.begin(client, "paypal")
    till.approve(begun)
    sandbox.fault("transactions.create", "lost_reply", times=1)
    with quiet(LONG):
        looked()

    def look_and_be_followed():
        looked()
        with journal() as db:
            db.execute("update posting set sent_boot = sent_boot || "
                       "',host-' || length(sent_boot) || ' 5' "
                       "where payment_id = ?", (begun["payment"]["id"],))
        return inner(begun) == "done"

    with journal() as db:
        db.execute("update posting set sent_boot = 'another', sent_ms = 1 "
                   "where payment_id = ?", (begun["payment"]["id"],))
    wait_for("the end of the quiet time", look_and_be_followed)
    check_paid_once(t, client, begun, "after the quiet time")


def test_case_45_no_webhook_ever_comes(t):
    client = till.customer()
    for gateway in GATEWAYS:
        begun = till.begin(client, gateway)
        till.approve(begun)  # and the browser is closed
        settle(client, begun)
        check_paid_once(t, client, begun, gateway)
        settle_batch(gateway)
        give_back(begun, "5.00")
        ends_in(client, begun, "partly_reversed")
        t.equal(booked(begun), [25.0, -5.0], gateway + ": a refund too")
    # Paid, and settled before anybody looked.
    begun = till.begin(client, "authorizenet")
    till.approve(begun)
    settle_batch("authorizenet")
    ends_in(client, begun, "done")
    check_paid_once(t, client, begun, "settled already")
    # Paid on a form that we hold for expired.
    begun = till.begin(client, "authorizenet")
    with journal() as db:
        db.execute("update payment set created = created - 86400 "
                   "where id = ?", (begun["payment"]["id"],))
    ends_in(client, begun, "expired")
    till.approve(begun)
    settle_batch("authorizenet")
    ends_in(client, begun, "done")
    check_paid_once(t, client, begun, "expired, then paid")


# --- VCS ----------------------------------------------------------------------

def test_case_47_what_becomes_of_an_addition(t):
    client = till.customer()
    kinds = (("refuse", {"times": 1}), ("lost_reply", {"times": 1}),
             ("truncate", {"times": 1}), ("hang", {"times": 1}),
             ("late", {"value": 600, "times": 1}), ("error", {"times": 2}))
    # What follows the gateway is the same for both.
    for gateway, some in (("paypal", kinds), ("authorizenet", kinds[1:2])):
        for fault, more in some:
            what = "%s, %s" % (gateway, fault)
            begun = till.begin(client, gateway)
            till.approve(begun)
            sandbox.fault("transactions.create", fault, **more)
            if fault == "error":
                # Refused, in words: a person must see why.
                looked()
                sandbox.heal()
                looked()
                t.equal(booked(begun), [], what + ": not added")
                t.equal(inner(begun), "review", what)
                t.check(alarms(begun), what + ": an alarm")
                continue
            till.hurry()
            finish(run(till, "reconcile"))
            t.equal(till.state(client, begun), "confirming", what)
            # Late: it takes effect after our time-out.
            sandbox.heal()
            if fault == "late":
                wait_for(what, lambda: booked(begun) == [25.0])
            settle(client, begun)
            check_paid_once(t, client, begun, what)


def test_case_47_added_after_our_death(t):
    client = till.customer()
    for gateway in GATEWAYS:
        begun = till.begin(client, gateway)
        till.approve(begun)
        sandbox.forget()
        sandbox.fault("transactions.create", "late", value=600, times=1)
        with quiet(LONG):
            till.hurry()
            victim = run(till, "reconcile")
            wait_for("the addition", is_sent)
            victim.kill()
            victim.wait()
            victim.stderr.close()
            for _ in range(3):
                looked()
            t.equal(creates(), 0, gateway + ": nobody adds in quiet time")
            t.equal(booked(begun), [], gateway + ": not there yet")
            sandbox.heal()
            wait_for("the late credit", lambda: booked(begun) == [25.0])
        settle(client, begun)
        check_paid_once(t, client, begun, gateway)
        t.check(creates() <= 1, gateway + ": nobody sent it again", creates())


class Stale(http.server.BaseHTTPRequestHandler):
    """VCS's Core API, whose searches show what was there before."""
    to, stale = None, None

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (Stale.to, self.path), body,
            {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                out = answer.read()
        except OSError:
            self.close_connection = True
            return  # as the sandbox did
        if Stale.stale:
            found = json.loads(out, parse_float=Raw)
            for one in found if isinstance(found, list) else [found]:
                rows = one.get("result")
                if isinstance(rows, list):
                    rows[:] = [r for r in rows if Stale.stale not in
                               str(r.get("notes", ""))]
            out = re.sub(r'"~([^"]*)~"', r"\1", json.dumps(found)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)


class Raw(str):
    """A number's own digits, through json and back."""

    def __new__(cls, text):
        return super().__new__(cls, "~%s~" % text)


def test_case_48_look_ups_that_are_stale(t):
    client = till.customer()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stale)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Stale.to = sandbox.port
    core = "http://127.0.0.1:%d"
    begun = till.begin(client, "paypal")
    till.approve(begun)
    sandbox.forget()
    sandbox.fault("transactions.create", "lost_reply", times=1)
    change_settings(till, coreApi={"uri": core % server.server_port})
    try:
        with quiet(LONG):
            looked()
            t.equal(inner(begun), "adding", "no answer")
            t.equal(booked(begun), [25.0], "but it is there")
            Stale.stale = "pp:sandbox:cap"
            for _ in range(3):
                looked()
            t.equal(creates(), 1, "stale: nothing is added again")
        Stale.stale = None  # the lag is a part of the quiet time
        settle(client, begun)
        check_paid_once(t, client, begun, "found at last")
        t.equal(creates(), 1, "sent once")
    finally:
        change_settings(till, coreApi={"uri": core % sandbox.port})
        server.shutdown()
        server.server_close()
    # A look-up that fails is no answer.
    for fault in ("error", "truncate", "hang"):
        begun = till.begin(client, "authorizenet")
        till.approve(begun)
        sandbox.forget()
        sandbox.fault("transactions.search", fault)
        till.hurry()
        finish(run(till, "reconcile"))
        t.equal(creates(), 0, fault + ": nothing is added unlooked")
        sandbox.heal()
        settle(client, begun)
        check_paid_once(t, client, begun, fault)


# --- Several at once, and the store -------------------------------------------

def test_case_49_a_second_reconciler(t):
    client = till.customer()
    all_of = [till.begin(client, g) for g in GATEWAYS * 2]
    for begun in all_of:
        till.approve(begun)
    till.hurry()
    for process in [run(till, "reconcile") for _ in range(4)]:
        finish(process)
    for begun in all_of:
        settle(client, begun)
        check_paid_once(t, client, begun, begun["payment"]["gateway"])


def test_case_49_stopped_while_it_holds_the_lock(t):
    client = till.customer()
    begun = till.begin(client, "paypal")
    till.approve(begun)
    sandbox.forget()
    sandbox.fault("transactions.create", "late", value=600, times=1)
    till.hurry()
    holder = run(till, "reconcile")
    wait_for("the addition", is_sent)
    holder.send_signal(signal.SIGSTOP)
    try:
        # As if it had been long ago: the lock alone keeps the others out.
        with journal() as db:
            db.execute("update posting set sent_ms = 0")
        for _ in range(3):
            looked()
        t.status(till.come_back(client, begun), 303, "the return page")
        till.deliver(delivery_of(begun, PAID["paypal"]))
        t.equal(creates(), 0, "no second writer")
        t.equal(inner(begun), "adding", "nobody else goes on")
        sandbox.heal()
        wait_for("the late credit", lambda: booked(begun) == [25.0])
    finally:
        holder.send_signal(signal.SIGCONT)
    finish(holder)
    settle(client, begun)
    check_paid_once(t, client, begun, "continued")
    t.equal(creates(), 1, "sent once")


def limit_files(size):
    """In a process to be: files end there, as if the disk were full."""
    def set_it():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE,
                           (size, resource.RLIM_INFINITY))

    return set_it


def own_till(name, **settings):
    """A portal with a store of its own, that a full disk does not kill."""
    script = os.path.join(harness.make_folder(), "portico-" + name)
    with open(script, "w") as f:
        f.write("#!/bin/sh\ntrap '' XFSZ\nexec '%s' \"$@\"\n"
                % harness.PORTICO)
    os.chmod(script, 0o755)
    real, harness.PORTICO = harness.PORTICO, script
    try:
        made = Till(sandbox, **settings)
    finally:
        harness.PORTICO = real
    tills.append(made)
    return made


def pids_of(process):
    """A program and its workers."""
    pid = process.process.pid
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [pid] + [int(child) for child in f.read().split()]


FRAME = 4096 + 24  # what the write-ahead log takes for a page


@harness.sqlite_only("no page of PostgreSQL's lies in a file of ours")
def test_case_50_no_room_at_each_write(t):
    """The n-th page after now does not fit, for each n: what was sent to a
    gateway or to VCS is in the journal all the same."""
    own = own_till("full")
    client = own.customer()
    log = os.path.join(own.portal.folder, "portico.db-wal")
    for gateway in GATEWAYS:
        begun = own.begin(client, gateway)
        own.approve(begun)
        ident = begun["payment"]["id"]
        sandbox.forget()
        failed = 0
        for pages in range(0, 80, 1 if gateway == "paypal" else 3):
            own.hurry()
            room = os.path.getsize(log) + pages * FRAME
            errors = finish(run(own, "reconcile", before=limit_files(room)))
            failed += " db.busy" in errors
            with journal(own) as db:
                state = db.execute("select state from payment where id = ?",
                                   (ident,)).fetchone()[0]
                tries = sum(r[0] for r in db.execute(
                    "select tries from posting where payment_id = ? "
                    "and state <> 'intent'", (ident,)))
                # What was sent is quiet now.
                db.execute("update posting set sent_ms = 0")
            t.check(creates() <= tries, "%s, %d pages: added, but not in the "
                    "journal" % (gateway, pages), creates(), tries)
            if gateway == "paypal":
                t.check(not captures(begun) or state not in
                        ("creating", "redirected"), "%d pages: captured, but "
                        "not in the journal" % pages, state)
            if state == "done":
                break
        t.check(failed >= 2, gateway + ": some writes failed", failed)
        settle(client, begun, at=own)
        t.equal(booked(begun, own), [25.0], gateway + ": one credit")
        t.equal(creates(), 1, gateway + ": sent once")
        # Just before the addition: the look-up failed, then the room is gone.
        begun = own.begin(client, gateway)
        own.approve(begun)
        sandbox.forget()
        sandbox.fault("transactions.search", "error")
        looked(own)
        sandbox.heal()
        t.equal(inner(begun, own), "adding", gateway + ": to be added")
        own.hurry()
        finish(run(own, "reconcile", before=limit_files(0)))
        t.equal(creates(), 0, gateway + ": not sent, for want of a journal")
        settle(client, begun, at=own)
        t.equal(booked(begun, own), [25.0], gateway + ": added later")


@harness.sqlite_only("no page of PostgreSQL's lies in a file of ours")
def test_case_50_pages_and_webhooks_without_room(t):
    own = own_till("full-pages")
    client = own.customer()
    begun = own.begin(client, "paypal")
    own.approve(begun)
    hook = delivery_of(begun, "CHECKOUT.ORDER.APPROVED")

    def check_nothing_done(what):
        before = latest("paypal")
        t.status(own.deliver(hook), 503, what + ": the webhook")
        answer = client.post_json("/api/refill", {
            "gateway": "paypal", "amount": "25.00"}, json_port=True)
        t.status(answer, 503, what + ": a new payment")
        own.come_back(client, begun)
        t.equal([r["path"] for r in requests("paypal", None, before)
                 if r["method"] == "POST" and
                 r["operation"] != "paypal.token"], [],
                what + ": no outside call")
        with journal(own) as db:
            t.equal([r[0] for r in db.execute("select state from payment")],
                    ["redirected"], what + ": state")

    for pid in pids_of(own.portal):
        resource.prlimit(pid, resource.RLIMIT_FSIZE,
                         (0, resource.RLIM_INFINITY))
    check_nothing_done("no room")
    for pid in pids_of(own.portal):
        resource.prlimit(pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with journal(own) as db:
        t.check(harness.lock(db), "locked")
        check_nothing_done("nobody else may write")
        db.rollback()
    t.status(own.deliver(hook), 200, "the webhook comes again")
    settle(client, begun, at=own)
    t.equal(booked(begun, own), [25.0], "one credit")


def copy_store(own, folder, cut=None, flip=None):
    """The store as a crash would leave it; a settings file for it."""
    for end in ("", "-wal"):
        shutil.copy(os.path.join(own.portal.folder, "portico.db" + end),
                    os.path.join(folder, "portico.db" + end))
    log = os.path.join(folder, "portico.db-wal")
    with open(log, "r+b") as f:
        if cut is not None:
            f.truncate(cut)
        if flip is not None:
            f.seek(flip)
            byte = f.read(1)[0]
            f.seek(flip)
            f.write(bytes([byte ^ 1]))
    with open(own.portal.config) as f:
        settings = harness.lay(
            {"store": {"uri": "sqlite:%s/portico.db" % folder}}, json.load(f))
    config = os.path.join(folder, "customer-params.json")
    with open(config, "w") as f:
        json.dump(settings, f)
    return config


def told(config, ident):
    done = subprocess.run(
        [harness.PORTICO, "payments", "show", ident, "--json", "--config",
         config], capture_output=True, text=True, timeout=PATIENCE)
    return json.loads(done.stdout) if done.returncode == 0 else None


@harness.sqlite_only("the log of PostgreSQL is its own")
def test_case_51_torn_tail_of_the_journal(t):
    own = own_till("torn")
    client = own.customer()
    begun = pay(client, "paypal", at=own)
    ident = begun["payment"]["id"]
    whole = [line["what"] for line in own.story(ident)["story"]
             if "mailed" not in line["what"]]
    log = os.path.getsize(os.path.join(own.portal.folder, "portico.db-wal"))
    seen = set()
    for cut in range(log - 1, 32, -FRAME * 5):
        with tempfile.TemporaryDirectory() as folder:
            kind = {"cut": cut} if cut % 2 else {"flip": cut}
            config = copy_store(own, folder, **kind)
            found = told(config, ident)
            if not found:
                continue  # from before the payment
            story = [line["what"] for line in found["story"]
                     if "mailed" not in line["what"]]
            t.equal(story, whole[:len(story)],
                    "cut at %d: what was committed, and nothing else" % cut)
            last = [line for line in story if " -> " in line]
            state = last[-1].split(" -> ")[1].split(":")[0] if last else \
                "creating"
            t.equal(found["state"], state, "cut at %d: state" % cut)
            if state == "creating" or (len(story), state) in seen:
                continue  # nobody had the way to it, so nobody paid it
            seen.add((len(story), state))
            # Whoever goes on from there neither loses nor doubles it.
            with sqlite3.connect(folder + "/portico.db") as db:
                db.execute("update posting set sent_ms = 0")
                db.execute("update payment set due = 1 where due > 0")
            db.close()
            done = subprocess.run(
                [harness.PORTICO, "payments", "reconcile", "--config",
                 config], capture_output=True, text=True, timeout=PATIENCE)
            t.check("Sanitizer" not in done.stderr, "clean", done.stderr)
            found = told(config, ident)
            t.equal(found["state"], "done", "cut at %d: goes on" % cut)
            t.equal(booked(begun, own), [25.0], "cut at %d: one credit" % cut)
    t.check(len(seen) >= 4, "several states", seen)


# --- Environments, secrets, contracts -----------------------------------------

LIVE = {"paypal": {"environment": "live"},
        "authorizenet": {"environment": "live"}}


def test_case_52_sandbox_payments_under_live_settings(t):
    own = own_till("env")
    client = own.customer()
    both = [own.begin(client, gateway) for gateway in GATEWAYS]
    for begun in both:
        own.approve(begun)
    change_settings(own, **LIVE)
    before = [latest(gateway) for gateway in GATEWAYS]
    own.hurry()
    errors = own.reconcile().stderr
    for begun, gateway, old in zip(both, GATEWAYS, before):
        ident = begun["payment"]["id"]
        t.check(any(" error " in line and " payment.gateway " in line
                    and ident in line
                    for line in errors.split("\n")),
                gateway + ": an error is logged", errors[-600:])
        t.equal([r["operation"] for r in requests(gateway, since=old)
                 if begun["order"] in r["path"] + r["body"]], [],
                gateway + ": no outside call")
        t.equal(inner(begun, own), "redirected", gateway + ": state")
        t.equal(booked(begun, own), [], gateway + ": no credit")
    # Pages and webhooks of a live portal on the same store.
    with open(own.portal.config) as f:
        live = harness.Portal(sandbox, json.load(f))
    mine = live.client().token("heron")
    for begun, gateway in zip(both, GATEWAYS):
        before = latest(gateway)
        mine.get("/api/refill/return/%s?payment=%s&token=%s" % (
            gateway, begun["payment"]["id"], begun["order"]))
        t.equal(latest(gateway), before, gateway + ": the return page")
        t.check(any(begun["payment"]["id"] in line for line in
                    live.logged("payment.gateway")), gateway + ": logged")
    was, own.portal = own.portal, live
    hook = delivery_of(both[0], "CHECKOUT.ORDER.APPROVED")
    t.status(own.deliver(hook), 401, "a sandbox's certificate, in live")
    # The same money id in another environment is another money.
    begun = own.begin(mine, "paypal", "7.00")
    own.approve(begun)
    own.come_back(mine, begun)
    wait_for("paid, live", lambda: own.state(mine, begun) == "paid")
    own.portal = was
    capture = ids_at(begun)[0][0]
    t.equal([r for _, _, r in own.credits(HERON) if r.endswith(capture)],
            ["pp:live:cap:" + capture], "the key has the environment")
    with journal(own) as db:
        row = dict(db.execute("select * from receipt where money_id = ?",
                              (capture,)).fetchone())
        t.equal(row["environment"], "live", "the receipt's too")
        ask = ("insert into receipt (%s) values (%s)" % (
            ", ".join(row), ", ".join("?" * len(row))))
        try:
            db.execute(ask, list(row.values()))
            t.fail("one money, two receipts")
        except sqlite3.IntegrityError:
            t.passed += 1
        db.execute("begin")
        db.execute(ask, list({**row, "environment": "sandbox"}.values()))
        db.rollback()
    # Back in the sandbox they go on.
    change_settings(own, paypal={"environment": "sandbox"},
                    authorizenet={"environment": "sandbox"})
    for begun in both:
        ends_in(client, begun, "done", own)
        t.equal(booked(begun, own), [25.0], "under its own settings")


def secrets():
    at = sandbox.control("GET", "/gateways")
    found = {at["paypal_secret"], at["anet_key"], at["anet_signature"],
             harness.TOKEN, "portal-api-demo", *harness.PASSWORDS.values()}
    for request in requests("paypal"):
        value = request["headers"].get("Authorization", "")
        found.add(value.partition(" ")[2])
    for request in requests("authorizenet"):
        for key in re.findall(r'"transactionKey":"([^"]+)"', request["body"]):
            found.add(key)
    return {s for s in found if s}


def test_case_53_secrets_are_nowhere(t):
    client = till.customer()
    shown = {}
    for gateway in GATEWAYS:
        begun = pay(client, gateway)
        for path in ("/api/refill", "/api/payments", "/api/refill/payments/" +
                     begun["payment"]["id"], "/api/refill/payments/RFNONE"):
            for how in ({}, {"accept": "application/json"}):
                shown["%s %s" % (path, how)] = client.get(path, **how).body
        shown["story"] = json.dumps(till.story(begun["payment"]["id"]))
        operation = "paypal.order.create" if gateway == "paypal" else \
            "anet.token"
        for fault in ("error", "html"):
            sandbox.fault(operation, "status" if fault == "error" else fault)
            for json_port in (False, True):
                shown["%s %s %s" % (gateway, fault, json_port)] = \
                    client.post_json("/api/refill", {
                        "gateway": gateway, "amount": "25.00"},
                        json_port=json_port).body
            sandbox.heal()
    shown["list"] = till.command("list").stdout
    # Credentials that are refused: the error names the setting alone.
    wrong = "wrong-secret-0123456789"
    change_settings(till, paypal={"clientSecret": wrong},
                    authorizenet={"apiTransactionKey": wrong[:16]})
    with open(till.portal.config) as f:
        settings = json.load(f)
    till.hurry()
    done = till.reconcile()
    shown["reconcile"] = done.stdout + done.stderr
    t.check("clientSecret" in done.stderr or "apiTransactionKey" in
            done.stderr, "the setting is named", done.stderr[-500:])
    at = sandbox.control("GET", "/gateways")
    change_settings(till, paypal={"clientSecret": at["paypal_secret"]},
                    authorizenet={"apiTransactionKey": at["anet_key"]})
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "customer-params.json")
        settings["authorizenet"]["apiSignatureKey"] = [wrong]
        with open(config, "w") as f:
            json.dump(settings, f)
        done = subprocess.run([harness.PORTICO, "check", "--config", config],
                              capture_output=True, text=True,
                              timeout=PATIENCE)
        shown["check"] = done.stdout + done.stderr
        t.check("apiSignatureKey" in shown["check"], "check names it")
    for one in tills:
        shown[one.portal.log_path] = one.portal.log()
        for pid in pids_of(one.portal):
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                shown["arguments of %d" % pid] = f.read()
    known = secrets() | {wrong, wrong[:16], client.bearer}
    t.check(len(known) > 10, "secrets are known", len(known))
    for name, text in shown.items():
        text = text if isinstance(text, bytes) else text.encode()
        found = [s[:4] + "..." for s in known if s.encode() in text]
        t.equal(found, [], name)
        t.check(not re.search(rb"(?i)bearer [A-Za-z0-9_-]{12}", text),
                name + ": no bearer")
    # What a crash leaves: the service writes no cores.
    unit = os.path.join(harness.ROOT, "conf", "systemd", "portico.service")
    with open(unit) as f:
        t.check("LimitCORE=0" in f.read(), "no core dumps")
    for one in tills:
        for name in ("portico.db", "portico.db-wal"):
            path = os.path.join(one.portal.folder, name)
            if os.path.exists(path):
                t.equal(os.stat(path).st_mode & 0o077, 0,
                        name + ": for our eyes only")


class Schema:
    """The part of JSON Schema that PayPal's OpenAPI files use."""

    def __init__(self, path):
        with open(path) as f:
            self.root = json.load(f)

    def find(self, schema):
        while "$ref" in schema:
            at = self.root
            for part in schema["$ref"].lstrip("#/").split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            schema = at
        return schema

    TYPES = {"string": str, "object": dict, "array": list, "boolean": bool,
             "integer": int, "number": (int, float)}

    def names(self, schema):
        """The members that an object may have, whatever part says so."""
        schema = self.find(schema)
        found = set(schema.get("properties", {}))
        for key in ("allOf", "oneOf", "anyOf"):
            for part in schema.get(key, []):
                found |= self.names(part)
        return found

    def wrong(self, value, schema, path="", closed=True):
        """What is wrong with a value, as texts."""
        schema = self.find(schema)
        kind = self.TYPES.get(schema.get("type"))
        if kind and (not isinstance(value, kind) or
                     (kind is not bool and isinstance(value, bool))):
            return ["%s is no %s" % (path, schema["type"])]
        found = []
        for part in schema.get("allOf", []):
            found += self.wrong(value, part, path, False)
        for key in ("oneOf", "anyOf"):
            tried = [self.wrong(value, part, path, False)
                     for part in schema.get(key, [])]
            if tried and all(tried):
                found.append("%s fits none of %s" % (path, key))
        if "enum" in schema and value not in schema["enum"]:
            found.append("%s: %r is not listed" % (path, value))
        if isinstance(value, str):
            if not schema.get("minLength", 0) <= len(value) <= schema.get(
                    "maxLength", 1 << 30):
                found.append("%s: of %d characters" % (path, len(value)))
            if "pattern" in schema and not re.search(schema["pattern"],
                                                     value):
                found.append("%s: %r is not as written" % (path, value))
        if isinstance(value, list):
            if not schema.get("minItems", 0) <= len(value) <= schema.get(
                    "maxItems", 1 << 30):
                found.append("%s: %d items" % (path, len(value)))
            for i, item in enumerate(value):
                found += self.wrong(item, schema.get("items", {}),
                                    "%s/%d" % (path, i))
        if isinstance(value, dict):
            for name in schema.get("required", []):
                if name not in value:
                    found.append("%s/%s is missing" % (path, name))
            known = self.names(schema)
            for name, item in value.items():
                if name in schema.get("properties", {}):
                    found += self.wrong(item, schema["properties"][name],
                                        "%s/%s" % (path, name))
                elif closed and known and name not in known:
                    found.append("%s/%s is not known" % (path, name))
        return found

    def operation(self, method, path):
        """(path as the file spells it, its parameters, the operation)."""
        for name, item in self.root["paths"].items():
            pattern = re.sub(r"\{[^}]+\}", "([^/]+)", name)
            match = re.fullmatch(".*" + pattern, path)
            if match and method.lower() in item:
                names = re.findall(r"\{([^}]+)\}", name)
                return item[method.lower()], dict(zip(names, match.groups()))
        return None, None

    def wrong_request(self, request):
        operation, parts = self.operation(request["method"], request["path"])
        if not operation:
            return None
        found = []
        for parameter in operation.get("parameters", []):
            parameter = self.find(parameter)
            name, place = parameter["name"], parameter["in"]
            given = (parts.get(name) if place == "path" else
                     request["query"].get(name) if place == "query" else
                     {k.lower(): v for k, v in request["headers"].items()}
                     .get(name.lower()))
            if given is not None:
                found += self.wrong(given, parameter.get("schema", {}), name)
            elif parameter.get("required"):
                found.append(name + " is missing")
        body = operation.get("requestBody")
        if body and request["body"]:
            schema = self.find(body)["content"]["application/json"]["schema"]
            found += self.wrong(json.loads(request["body"]), schema)
        elif request["body"]:
            found.append("a body where none belongs")
        return found


def find_specs():
    for folder in (os.environ.get("PORTICO_SPECS", ""),
                   os.path.join(harness.ROOT, "..", "shared", "specs")):
        if folder and os.path.exists(os.path.join(
                folder, "checkout_orders_v2.json")):
            return os.path.abspath(folder)
    return None


def test_case_54_requests_keep_to_paypals_contract(t):
    specs = find_specs()
    if not specs:
        print("case 54: left out, for want of the contracts")
        return
    schemas = [Schema(os.path.join(specs, name)) for name in
               ("checkout_orders_v2.json", "payments_payment_v2.json")]
    # The validator finds what is wrong.
    good = next(r for r in requests("paypal", "paypal.order.create"))
    for bad in ({"intent": "SELL"}, {"purchase_units": []}, {"more": 1}):
        spoiled = {**good, "body": json.dumps(
            {**json.loads(good["body"]), **bad})}
        t.check(schemas[0].wrong_request(spoiled), "validator", bad)
    seen = {}
    for request in requests("paypal"):
        if request["path"].startswith("/v1/") or request["status"] is None:
            continue
        answers = [a for a in (s.wrong_request(request) for s in schemas)
                   if a is not None]
        what = "%s %s" % (request["method"], re.sub(
            "/[0-9A-Z]{17}", "/ID", request["path"]))
        seen[what] = seen.get(what, 0) + 1
        if not answers:
            t.fail(what + ": of no contract")
        elif answers[0]:
            t.fail("%s: %s" % (what, answers[0]))
    t.check(len(seen) >= 3, "several kinds", seen)
    t.passed += sum(seen.values())
    for request in requests("paypal"):
        if request["method"] == "POST" and "/v2/" in request["path"]:
            t.check(request["headers"].get("PayPal-Request-Id"),
                    "each has a name", request["path"])


def test_case_54_requests_keep_to_authorizenets_contract(t):
    specs = find_specs()
    tool = specs and os.path.join(specs, "..", "tools", "anet_check.py")
    schema = specs and os.path.join(specs, "AnetApiSchema.xsd")
    if not specs or not os.path.exists(tool) or not os.path.exists(schema) \
            or not shutil.which("xmllint"):
        print("case 54: left out, for want of the schema or xmllint")
        return
    # Ids differ, their lengths and letters do not: one of each is enough.
    kinds = {}
    for request in requests("authorizenet"):
        if request["path"].endswith(".api") and request["body"]:
            like = re.sub(r"RF[A-Z2-7]{18}", "RF" + "A" * 18, request["body"])
            like = re.sub(r'Id":"[0-9]+"', 'Id":"1"', like)
            like = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "T", like)
            kinds.setdefault(like, request["body"])
    t.check(len(kinds) >= 4, "several kinds", len(kinds))
    bodies = list(kinds.values())
    page = next(b for b in bodies if "getHostedPaymentPageRequest" in b)
    swapped = re.sub(r'("refId":"[^"]*"),("transactionRequest":\{.*?\}\]\}\})',
                     r"\2,\1", page)
    t.check(swapped != page, "another order")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "request.json")
        for body, good in [(swapped, False)] + [(b, True) for b in bodies]:
            with open(path, "w") as f:
                f.write(body)
            done = subprocess.run([sys.executable, tool, path, schema],
                                  capture_output=True, text=True,
                                  timeout=PATIENCE)
            t.check((done.returncode == 0) == good,
                    list(json.loads(body))[0], done.stdout[-300:])


def clean():
    for folder in glob.glob(os.path.join(harness.BUILD, "test", "pages-*")):
        if os.path.isdir(folder) and any(
                p.startswith(("portico-full", "portico-torn", "portico-env"))
                for p in os.listdir(folder)):
            shutil.rmtree(folder, ignore_errors=True)
    sandbox.end()


if __name__ == "__main__":
    harness.main(globals(), clean)
