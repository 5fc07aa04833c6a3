#!/usr/bin/env python3
"""refill_test.py: the pages of payments: shapes, statuses and forms; what an
amount may look like; which gateways there are; the letter and the entry in the
history. What a crash or a lie does to money is tested elsewhere. Ends with 'N
passed, N failed'.
"""
import email.policy
import html
import json
import re
import shutil
import urllib.parse

import harness
from harness import IDS, Page, Portal, check_error, check_error_page
from till import GATEWAYS, Till, settings_of

till = Till()
sandbox, portal = till.sandbox, till.portal
bare = Portal(sandbox)  # without any gateway
PAYMENT = ["amount", "created", "gateway", "id", "reference", "state", "text",
           "updated"]
JPY = 29
JSON = {"accept": "application/json"}


def fields_of(page):
    """What a browser would send of the refill form as it stands."""
    found = {e["name"]: e.get("value", "") for e in page.find("input")
             if e.get("name") in ("csrf", "nonce", "amount")}
    chosen = [e["value"] for e in page.find("input", type="radio")
              if "checked" in e]
    assert len(chosen) == 1, chosen
    return {**found, "gateway": chosen[0]}


def open_form(c, uri="/api/refill"):
    answer = c.get(uri)
    assert answer.status == 200, (answer.status, answer.body[:300])
    return answer, Page(answer.text)


def send_form(c, uri="/api/refill", action=None, **changes):
    _, page = open_form(c, uri)
    return c.form(action or "/api/refill", {**fields_of(page), **changes})


def post(c, uri="/api/refill", **fields):
    return c.post_json(uri, fields, **JSON)


def money_is(t, value, amount, currency, what):
    t.equal([value["amount"], value["currency"]], [amount, currency], what)
    t.check(value["text"], what + ": a text", value)


def check_payment(t, p, state, gateway, what):
    t.equal(sorted(p), PAYMENT, what + ": members")
    t.check(re.match(r"RF[A-Z2-7]{18}\Z", p["id"]), what + ": id", p["id"])
    t.equal([p["state"], p["gateway"]], [state, gateway], what)
    t.check(p["text"] and not p["text"].startswith("payment."),
            what + ": words", p["text"])
    for key in ("created", "updated"):
        t.equal(sorted(p[key]), ["iso", "text"], "%s: %s" % (what, key))


def source_of(answer, directive):
    policy = answer.header("content-security-policy")
    return re.search(directive + r" ([^;]*)", policy).group(1).split()


# --- JSON -------------------------------------------------------------------------

def test_shapes(t):
    c = till.customer("osprey")
    model = c.json("/api/refill")
    t.equal(sorted(model), ["gateways", "max", "min", "open", "past",
                            "presets"], "members")
    t.equal([g["id"] for g in model["gateways"]], list(GATEWAYS), "gateways")
    for g in model["gateways"]:
        t.equal(sorted(g), ["description", "id", "name"], "a gateway")
        t.check(not g["name"].startswith("gateway."), "its words", g)
    money_is(t, model["min"], "5", "EUR", "min")
    money_is(t, model["max"], "1000", "EUR", "max")
    t.equal([p["amount"] for p in model["presets"]],
            ["10", "25", "50", "100"], "presets")
    t.equal([model["open"], model["past"]], [[], []], "no payments")
    answer = post(c, gateway="paypal", amount="25.00")
    t.status(answer, 201, "begun")
    t.equal(sorted(answer.json), ["payment", "redirect_url"], "begun")
    begun = answer.json["payment"]
    check_payment(t, begun, "open", "paypal", "begun")
    money_is(t, begun["amount"], "25.00", "EUR", "its amount")
    at = sandbox.control("GET", "/gateways")
    t.check(answer.json["redirect_url"].startswith(at["paypal_web"] + "/"),
            "on to the gateway", answer.json["redirect_url"])
    stands = c.json("/api/refill/payments/" + begun["id"])
    t.equal(sorted(stands), sorted(PAYMENT + ["redirect_url"]), "stands")
    t.equal(stands["redirect_url"], answer.json["redirect_url"], "goes on")
    t.equal([p["id"] for p in c.json("/api/refill")["open"]], [begun["id"]],
            "it is open")
    t.equal(c.json("/api/refill")["past"], [], "and nothing is past")


def test_card_goes_by_its_status_page(t):
    c = till.customer("heron")
    begun = till.begin(c, "authorizenet")
    t.equal(begun["redirect_url"], "http://portal.example/api/refill/payments/"
            + begun["payment"]["id"], "the page with the button")
    web = portal.client().login("heron")
    answer = web.get("/api/refill/payments/" + begun["payment"]["id"])
    page = Page(answer.text)
    at = sandbox.control("GET", "/gateways")
    t.check(page.find("form", action=at["anet_page"], method="post"),
            "a form of the gateway's")
    t.check(page.find("input", type="hidden", name="token"), "its token")
    t.check(at["anet_page"].rsplit("/", 2)[0] in source_of(
        answer, "form-action"), "that the policy allows")
    inside = answer.text.split('action="%s"' % at["anet_page"])[1]
    t.check("csrf" not in inside.split("</form>")[0],
            "which does not learn our token")


def test_amounts(t):
    c = till.customer("heron")
    for amount in ("", " ", "x", "1,5", "25,00", "-25", "+25", "1e2", "0x20",
                   "25.", ".5", "25.001", "1 000", "1,000", "1.000,00", "NaN",
                   "２５", "٢٥", "25.00USD", "$25", "9" * 19, "0" * 41,
                   "25\n", "25\u00a0"):
        answer = post(c, gateway="paypal", amount=amount)
        check_error(t, answer, 400, "invalid_input", "amount %r" % amount,
                    ["amount"])
    for amount in (None, True, [], {}, ["25"]):
        answer = post(c, gateway="paypal", amount=amount)
        check_error(t, answer, 400, "invalid_input", "amount %r" % amount)
    for amount in ("0", "0.00", "4.99", "1000.01", "1" + "0" * 17):
        answer = post(c, gateway="paypal", amount=amount)
        check_error(t, answer, 422, "refused", "amount %r" % amount,
                    ["amount"])
    t.check("$5.00" in post(c, gateway="paypal", amount="1").json["error"][
        "fields"]["amount"], "the least is named")
    t.check("$1,000.00" in post(c, gateway="paypal", amount="2000").json[
        "error"]["fields"]["amount"], "the most is named")
    for amount in ("5", "5.00", "5.5", "1000", "1000.00", "0025.00"):
        answer = post(c, gateway="paypal", amount=amount)
        t.status(answer, 201, "amount " + amount)
    check_error(t, post(c, amount="25"), 400, "invalid_input", "no gateway",
                ["gateway"])
    check_error(t, post(c, gateway="paypal"), 400, "invalid_input",
                "no amount", ["amount"])
    for gateway in ("stripe", "PayPal", "../paypal", "vcs"):
        check_error(t, post(c, gateway=gateway, amount="25"), 400,
                    "invalid_input", gateway, ["gateway"])
    check_error(t, post(c, gateway="stripe", amount="x"), 400,
                "invalid_input", "all that is wrong", ["amount", "gateway"])


def test_a_number_is_an_amount_too(t):
    """A program may write 25.00 without quotes; its digits count."""
    c = till.customer("heron")
    body = b'{"gateway": "paypal", "amount": 25.10}'
    answer = c.request("POST", "/api/refill", body, "application/json", **JSON)
    t.check(answer.status in (201, 400), "a number", answer.status)
    if answer.status == 201:
        t.equal(answer.json["payment"]["amount"]["amount"], "25.10", "digits")


def test_foreign(t):
    theirs = till.begin(till.customer("osprey"), "paypal")
    ident = theirs["payment"]["id"]
    c = till.customer("heron")
    for ident in (ident, "RF" + "A" * 18, "x", "0", ident.lower()):
        check_error(t, c.get("/api/refill/payments/" + ident, **JSON), 404,
                    "not_found", "payment " + ident)
    for what in ("return", "cancel"):
        for gateway in ("paypal", "authorizenet", "stripe"):
            answer = c.get("/api/refill/%s/%s?token=%s&payment=%s" % (
                what, gateway, theirs["order"], theirs["payment"]["id"]),
                **JSON)
            check_error(t, answer, 404, "not_found", what + " " + gateway)
    osprey = till.customer("osprey")
    t.equal(till.state(osprey, theirs), "open", "theirs stays")
    web = portal.client().login("heron")
    check_error_page(t, web.get("/api/refill/payments/" +
                                theirs["payment"]["id"]), 404, "as a page")


def test_invoices(t):
    c = till.customer("heron")
    rows = c.json("/api/invoices")["invoices"]
    paid = next(i for i in rows if i["state"] == "paid")
    late = next(i for i in rows if i["state"] == "overdue")
    due = "%.2f" % (float(late["total"]["amount"]) -
                    float(late["paid"]["amount"]))
    t.check(float(late["paid"]["amount"]) > 0, "a part of it is paid")
    answer = post(c, "/api/invoices/%d/pay" % late["id"], gateway="paypal")
    t.status(answer, 201, "an invoice")
    money_is(t, answer.json["payment"]["amount"], due, "USD", "what is due")
    answer = post(c, "/api/invoices/%d/pay" % late["id"], gateway="paypal",
                  amount="1")
    check_error(t, answer, 400, "invalid_input", "no other amount", ["amount"])
    answer = post(c, "/api/invoices/%d/pay" % paid["id"], gateway="paypal")
    check_error(t, answer, 422, "refused", "paid already")
    t.check(not answer.json["error"]["message"].startswith("refill."),
            "in words")
    for ident in (9106, 999999, 0, "x"):
        answer = post(c, "/api/invoices/%s/pay" % ident, gateway="paypal")
        check_error(t, answer, 404, "not_found", "invoice %s" % ident)
    check_error(t, post(c, "/api/invoices/%d/pay" % late["id"],
                        gateway="stripe"), 400, "invalid_input",
                "gateway", ["gateway"])
    web = portal.client().login("heron")
    answer, page = open_form(web, "/api/refill?invoice=%d" % late["id"])
    t.check(late["number"] in page.text and "$" + due in page.text,
            "number and amount", page.text[-900:])
    t.check(page.find("form", action="/api/invoices/%d/pay" % late["id"]),
            "the form")
    t.check(not page.find("input", name="amount"), "no amount to type")
    answer = web.get("/api/refill?invoice=%d" % paid["id"])
    t.equal([answer.status, answer.location], [303, "/api/invoices"], "paid")
    t.check("is paid" in web.get("/api/invoices").text, "and says so")
    answer = c.get("/api/refill?invoice=%d" % paid["id"], **JSON)
    check_error(t, answer, 422, "refused", "paid, for programs")
    t.check("is paid" in answer.json["error"]["message"], "says so, too")
    check_error_page(t, web.get("/api/refill?invoice=9106"), 404, "osprey's")
    answer = send_form(web, "/api/refill?invoice=%d" % late["id"],
                       "/api/invoices/%d/pay" % late["id"])
    t.status(answer, 303, "an invoice's form")
    links = Page(web.get("/api/invoices").text).find("a")
    t.equal(sorted(a["href"] for a in links if "invoice=" in a["href"]),
            sorted("/api/refill?invoice=%d" % i["id"] for i in rows
                   if i["state"] != "paid"), "links to pay")


# --- Who may not pay now ------------------------------------------------------------

def test_unconfirmed(t):
    """Who sees no credit yet shall not pay again."""
    c = till.customer("heron")
    begun = till.begin(c, "paypal")
    till.approve(begun)
    sandbox.fault("transactions.create", "truncate")
    till.come_back(c, begun)
    t.equal(till.state(c, begun), "confirming", "it is between the two")
    answer = post(c, gateway="paypal", amount="25")
    check_error(t, answer, 422, "refused", "another one")
    t.check("being confirmed" in answer.json["error"]["message"], "why")
    web = portal.client().login("heron")
    answer = send_form(web, amount="30")
    t.status(answer, 422, "as a page")
    page = Page(answer.text)
    t.check("being confirmed" in page.text, "says why")
    t.equal([e["value"] for e in page.find("input", id="amount")], ["30"],
            "what was typed stays")
    sandbox.heal()
    till.hurry()
    till.settled(c, begun)
    t.status(post(c, gateway="paypal", amount="25"), 201, "afterwards")


def test_client_is_not_known_to_be_active(t):
    c = till.customer("heron")
    web = portal.client().login("heron")
    _, page = open_form(web)
    sandbox.forget()
    sandbox.fault("clients.get", "error")
    answer = post(c, gateway="paypal", amount="25")
    check_error(t, answer, 503, "busy", "VCS does not confirm the customer")
    answer = web.form("/api/refill", {**fields_of(page), "amount": "25"})
    t.status(answer, 503, "the form")
    sandbox.heal()
    t.equal([name for name in sandbox.calls()["counts"]
             if name.startswith("paypal")], [], "no gateway was asked")
    t.status(post(c, gateway="paypal", amount="25"), 201, "afterwards")


def test_gateway_is_down(t):
    """[row: gateway-down]"""
    c = till.customer("heron")
    web = portal.client().login("heron")
    for gateway, operation in (("paypal", "paypal.order.create"),
                               ("authorizenet", "anet.token")):
        for fault in ("html", "empty", "truncate"):
            what = "%s, %s" % (gateway, fault)
            sandbox.fault(operation, fault)
            answer = post(c, gateway=gateway, amount="25")
            check_error(t, answer, 502, "upstream", what)
            t.check("Nothing was charged" in answer.json["error"]["message"],
                    what + ": words", answer.json)
            _, page = open_form(web)
            fields = {**fields_of(page), "amount": "44", "gateway": gateway}
            answer = web.form("/api/refill", fields)
            t.status(answer, 502, what + ", as a page")
            again = fields_of(Page(answer.text))
            t.equal([again["amount"], again["gateway"], again["nonce"]],
                    ["44", gateway, fields["nonce"]], what + ": form again")
            sandbox.heal()
            answer = web.form("/api/refill", again)
            t.status(answer, 303, what + ": sent again")
    t.equal([p["amount"]["amount"] for p in c.json("/api/refill")["open"]]
            .count("44"), 6, "each form is one payment")


# --- HTML -----------------------------------------------------------------------------

def test_form(t):
    web = portal.client().login("heron")
    answer, page = open_form(web)
    at = sandbox.control("GET", "/gateways")
    origins = ["/".join(u.split("/")[:3])
               for u in (at["paypal_web"], at["anet_page"])]
    t.equal(source_of(answer, "form-action"), ["'self'"] + origins,
            "where forms may lead")
    for uri in ("/api/dashboard", "/api/invoices", "/api/payments",
                "/api/voucher", "/api/nothing"):
        t.equal(source_of(web.get(uri), "form-action"), ["'self'"], uri)
    t.check(not page.find("script"), "no script")
    answer = send_form(web, amount="25.00")
    t.equal([answer.status, "/".join(answer.location.split("/")[:3])],
            [303, origins[0]], "off to PayPal")
    answer = send_form(web, amount="25.00", gateway="authorizenet")
    t.status(answer, 303, "a card")
    t.check(answer.location.startswith("/api/refill/payments/RF"),
            "to the page with the button", answer.location)
    for amount, status, word in (("x", 400, "digits"), ("1", 422, "$5.00"),
                                 ("1001", 422, "$1,000.00"), ("", 400, "")):
        answer = send_form(web, amount=amount, gateway="authorizenet")
        what = "amount '%s'" % amount
        t.status(answer, status, what)
        page = Page(answer.text)
        t.check(word in page.text, what + ": says why", page.text[-800:])
        t.equal([e["value"] for e in page.find("input", id="amount")],
                [amount], what + ": stays")
        t.equal(fields_of(page)["gateway"], "authorizenet",
                what + ": the choice stays")
        t.equal(answer.text.count('id="error-summary-title"'), 1,
                what + ": one summary")
        t.equal(source_of(answer, "form-action"), ["'self'"] + origins,
                what + ": may lead on")
    answer = web.form("/api/refill", {"gateway": "paypal", "amount": "25"})
    t.status(answer, 403, "without our token")
    answer = web.form("/api/refill", {"gateway": "paypal", "amount": "25",
                                      "csrf": "x" * 43})
    t.status(answer, 403, "with another")


def test_presets(t):
    for who, typed in (("heron", "25"), ("osprey", "25")):
        web = portal.client().login(who)
        _, page = open_form(web)
        links = [a["href"] for a in page.find("a")
                 if a.get("href", "").startswith("/api/refill?amount=")]
        t.equal(links, ["/api/refill?amount=%s" % n
                        for n in ("10", "25", "50", "100")], who)
        _, page = open_form(web, links[1])
        t.equal(fields_of(page)["amount"], typed, who + ": is filled in")
    own = Portal(sandbox, settings_of(sandbox, refill={
        "presets": ["7.50"], "min": "2.5", "max": "80"}))
    web = own.client().login("osprey")
    _, page = open_form(web, "/api/refill?amount=7.50")
    t.equal(fields_of(page)["amount"], "7,50", "as Germans write it")
    t.check("2,50" in page.text and "80,00" in page.text, "the bounds")
    answer = send_form(web, "/api/refill?amount=7.50")
    t.status(answer, 303, "and can be sent as it stands")
    for amount in ("<b>", "1e9", "x" * 40):
        answer, page = open_form(web, "/api/refill?" + urllib.parse.urlencode(
            {"amount": amount}))
        t.equal(fields_of(page)["amount"], amount, "any text is a text")


def test_german(t):
    web = portal.client().login("osprey")
    for typed, amount in (("25,00", "25.00"), ("25,5", "25.5"), ("25", "25"),
                          ("25.00", "25.00"), ("999,99", "999.99")):
        answer = send_form(web, amount=typed)
        t.status(answer, 303, typed)
        model = web.json("/api/refill")
        t.check(amount in [p["amount"]["amount"] for p in model["open"]],
                typed + ": exact", [p["amount"] for p in model["open"]])
    for typed in ("1.000", "1.000,00", "25,001", "25,00 €", "25,0,0", ",5"):
        answer = send_form(web, amount=typed)
        t.status(answer, 400, typed)
        t.check("25,00" in Page(answer.text).text, typed + ": how to write it")
    answer = send_form(web, amount="4,99")
    t.status(answer, 422, "too little")
    t.check("5,00\u00a0€" in Page(answer.text).text, "in German")


def test_no_decimals(t):
    sandbox.change(IDS["heron"], currencies_id=JPY)
    c = till.customer("heron")
    for amount in ("500.5", "500.00", "500.0"):
        check_error(t, post(c, gateway="paypal", amount=amount), 400,
                    "invalid_input", amount, ["amount"])
    answer = post(c, gateway="paypal", amount="500")
    t.status(answer, 201, "whole yen")
    money_is(t, answer.json["payment"]["amount"], "500", "JPY", "yen")
    answer = post(c, gateway="authorizenet", amount="500")
    check_error(t, answer, 422, "refused", "a card of another currency",
                ["amount"])
    model = c.json("/api/refill")
    t.check("paypal" in [g["id"] for g in model["gateways"]], "still PayPal")
    settings = settings_of(sandbox, refill={"gateways": ["authorizenet"]})
    cards = Portal(sandbox, settings, workers=1)
    c = cards.client().token("heron")
    answer = post(c, gateway="authorizenet", amount="500")
    check_error(t, answer, 422, "refused", "a card alone", ["amount"])
    t.equal(c.json("/api/refill")["gateways"], [], "no way is left")
    answer = cards.client().login("heron").get("/api/refill")
    t.equal([answer.status, answer.location], [303, "/api/voucher"],
            "which is as good as none")
    sandbox.change(IDS["heron"], currencies_id=27)


def test_nonce(t):
    c = till.customer("heron")
    web = portal.client().login("heron")
    _, page = open_form(web)
    fields = {**fields_of(page), "amount": "26.00"}
    first, second = (web.form("/api/refill", fields) for _ in range(2))
    t.equal([first.status, second.status], [303, 303], "a double click")
    t.equal(first.location, second.location, "leads to one payment")
    t.equal([p["amount"]["amount"] for p in c.json("/api/refill")["open"]]
            .count("26.00"), 1, "of which there is one")
    _, page = open_form(web)
    t.check(fields_of(page)["nonce"] != fields["nonce"], "a form of its own")
    third = web.form("/api/refill", {**fields_of(page), "amount": "26.00"})
    t.check(third.location != first.location, "is a payment of its own")
    one, other = (post(c, gateway="paypal", amount="27.00",
                       nonce="program-1") for _ in range(2))
    t.equal(one.json["payment"]["id"], other.json["payment"]["id"], "programs")
    for gateway, amount in (("paypal", "27.01"), ("authorizenet", "27.00")):
        other = post(c, gateway=gateway, amount=amount, nonce="program-1")
        t.check(other.json["payment"]["id"] != one.json["payment"]["id"],
                "another wish is another payment", gateway, amount)
        t.equal([other.json["payment"]["amount"]["amount"],
                 other.json["payment"]["gateway"]], [amount, gateway],
                "as it was asked for")
        again = post(c, gateway=gateway, amount=amount, nonce="program-1")
        t.equal(again.json["payment"]["id"], other.json["payment"]["id"],
                "and is one, too")
    theirs = post(till.customer("osprey"), gateway="paypal", amount="27.00",
                  nonce="program-1")
    t.check(theirs.json["payment"]["id"] != one.json["payment"]["id"],
            "is the customer's own")
    for nonce in ("short", "x" * 65):
        check_error(t, post(c, gateway="paypal", amount="27.00", nonce=nonce),
                    400, "invalid_input", nonce, ["nonce"])


# --- Which gateways -------------------------------------------------------------------

def test_no_gateway(t):
    c = bare.client().token("heron")
    t.equal(c.json("/api/refill")["gateways"], [], "none")
    for gateway in GATEWAYS:
        t.status(post(c, gateway=gateway, amount="25"), 404, gateway)
        for what in ("return", "cancel"):
            t.status(c.get("/api/refill/%s/%s" % (what, gateway)), 404, what)
        answer = bare.client().post_json("/api/hooks/" + gateway, {"id": "1"},
                                         **JSON)
        t.status(answer, 404, "hook of " + gateway)
    t.status(post(c, "/api/invoices/9006/pay", gateway="paypal"), 404, "pay")
    web = bare.client().login("heron")
    answer = web.get("/api/refill")
    t.equal([answer.status, answer.location], [303, "/api/voucher"], "instead")
    t.check("not available" in web.get("/api/voucher").text, "and says so")
    page = Page(web.get("/api/invoices").text)
    t.check(not [a for a in page.find("a") if "invoice=" in a["href"]],
            "no invoice can be paid")
    t.equal(source_of(web.get("/api/voucher"), "form-action"), ["'self'"],
            "nowhere else")


def test_one_gateway(t):
    for gateway in GATEWAYS:
        settings = settings_of(sandbox)
        del settings[next(g for g in GATEWAYS if g != gateway)]
        one = Portal(sandbox, settings)
        c = one.client().token("heron")
        t.equal([g["id"] for g in c.json("/api/refill")["gateways"]],
                [gateway], gateway + " alone")
        missing = next(g for g in GATEWAYS if g != gateway)
        check_error(t, post(c, gateway=missing, amount="25"), 400,
                    "invalid_input", missing, ["gateway"])
        t.status(c.get("/api/refill/return/" + missing), 404, "return")
        t.status(one.client().post_json("/api/hooks/" + missing, {}), 404,
                 "hook")
        web = one.client().login("heron")
        answer, page = open_form(web)
        t.equal(fields_of(page)["gateway"], gateway, "it is chosen")
        t.equal(len(source_of(answer, "form-action")), 2, "one origin")
        t.status(send_form(web, amount="25"), 303, "and can be used")


def test_order(t):
    for order in (["authorizenet", "paypal"], ["authorizenet"]):
        own = Portal(sandbox, settings_of(sandbox, refill={"gateways": order}))
        c = own.client().token("heron")
        t.equal([g["id"] for g in c.json("/api/refill")["gateways"]], order,
                "in the brand's order")
        _, page = open_form(own.client().login("heron"))
        t.equal(fields_of(page)["gateway"], order[0], "the first is chosen")


# --- The status page -------------------------------------------------------------------

def look(c, begun, query=""):
    answer = c.get("/api/refill/payments/" + begun["payment"]["id"] + query)
    assert answer.status == 200, (answer.status, answer.body[:300])
    return answer, Page(answer.text)


def test_refresh(t):
    """Only what goes on by itself is looked at again by itself."""
    c, web = till.customer("heron"), portal.client().login("heron")
    begun = till.begin(c, "paypal")
    answer, page = look(web, begun)
    t.equal(answer.header("refresh"), None, "open")
    t.check(page.find("a", href=html.unescape(begun["redirect_url"])),
            "leads on to the gateway")
    answer, _ = look(web, begun, "?returned=1")
    t.equal(answer.header("refresh"), "5", "open, back from the gateway")
    till.approve(begun)
    sandbox.fault("transactions.create", "truncate")
    answer = till.come_back(web, begun)
    t.equal([answer.status, answer.location],
            [303, "/api/refill/payments/%s?returned=1" % begun["payment"][
                "id"]], "back")
    answer, page = look(web, begun)
    t.equal(answer.header("refresh"), "5", "confirming")
    t.check("by itself" in page.text, "and says so")
    answer = web.get("/api/refill/payments/" + begun["payment"]["id"], **JSON)
    t.equal(answer.header("refresh"), None, "not for programs")
    sandbox.heal()
    till.hurry()
    till.settled(c, begun)
    answer, page = look(web, begun, "?returned=1")
    t.equal(answer.header("refresh"), None, "paid")
    t.check("by itself" not in page.text, "nothing to wait for")
    t.check(page.find("a", href="/api/dashboard"), "leads home")
    check_error(t, c.get("/api/refill/payments/%s?returned=2" % begun[
        "payment"]["id"], **JSON), 400, "invalid_input", "another value",
        ["returned"])


def test_cancel(t):
    web, c = portal.client().login("heron"), till.customer("heron")
    before = till.balance(c)
    for gateway in GATEWAYS:
        begun = till.begin(c, gateway)
        answer = till.come_back(web, begun, "cancel", utm="x")
        t.equal([answer.status, answer.location], [303, "/api/refill"],
                gateway)
        t.check("Nothing was charged" in web.get("/api/refill").text, "says")
        t.equal(till.state(c, begun), "cancelled", gateway)
        answer, page = look(web, begun)
        t.check(page.find("a", href="/api/refill"), "can be tried again")
        t.check(begun["redirect_url"] not in answer.text, "leads nowhere")
        answer = till.come_back(web, begun, "cancel")
        t.equal(till.state(c, begun), "cancelled", "twice")
    t.equal(till.balance(c), before, "no money")


def test_declined(t):
    c, web = till.customer("heron"), portal.client().login("heron")
    begun = till.begin(c, "authorizenet")
    till.approve(begun, "decline")
    till.come_back(web, begun)
    state = till.state(c, begun)
    t.check(state in ("open", "failed"), "a declined card", state)


# --- After the money --------------------------------------------------------------------

def letters():
    """[(to, subject, text)] of the sandbox's outbox."""
    found = []
    for sent in sandbox.control("GET", "/mail"):
        mail = email.message_from_string(sent["data"],
                                         policy=email.policy.default)
        found.append((mail["to"], mail["subject"], mail.get_content()))
    return found


def test_letter_and_history(t):
    """In the customer's language; the gateway's reference is in both."""
    for who, subject, words in (("heron", "Your payment", "Thank you"),
                                ("osprey", "Ihre Zahlung", "Vielen Dank")):
        sandbox.control("DELETE", "/mail")
        c = till.customer(who)
        before = float(till.balance(c))
        begun = till.begin(c, "paypal")
        till.approve(begun)
        till.come_back(c, begun)
        till.settled(c, begun)
        p = till.payment(c, begun)
        t.check(p["reference"], who + ": a reference", p)
        t.equal(round(float(till.balance(c)) - before, 2), 25.0,
                who + ": 25.00 more")
        till.reconcile()
        till.reconcile()
        found = [letter for letter in letters() if p["reference"] in letter[2]]
        t.equal(len(found), 1, who + ": one letter")
        if found:
            to, head, text = found[0]
            t.check(who in to, who + ": to the customer", to)
            t.check(subject in head and p["amount"]["text"] in head,
                    who + ": subject", head)
            for word in (words, p["reference"], p["amount"]["text"]):
                t.check(word in text, "%s: '%s' in it" % (who, word), text)
        rows = c.json("/api/payments")["payments"]
        mine = [r for r in rows if p["reference"] in json.dumps(r)]
        t.equal(len(mine), 1, who + ": one entry")
        if mine:
            t.equal(float(mine[0]["amount"]["amount"]), 25.0, "its amount")
            t.check("PayPal" in mine[0]["description"], "names the gateway",
                    mine[0])
        past = c.json("/api/refill")["past"]
        t.check(begun["payment"]["id"] in [x["id"] for x in past], "is past")


def test_list_and_show(t):
    c = till.customer("heron")
    begun = till.begin(c, "authorizenet", "31.00")
    ident = begun["payment"]["id"]
    listed = till.command("list").stdout
    line = next((x for x in listed.splitlines() if ident in x), "")
    for word in ("authorizenet", "31.00", "USD", "1001", "redirected"):
        t.check(word in line, "list: " + word, line)
    till.approve(begun)
    till.hurry()
    till.settled(c, begun)
    told = till.command("show", ident).stdout
    for word in (ident, "done", "added in VCS", "receipts", "postings"):
        t.check(word in told, "show: " + word, told)
    story = till.story(ident)
    t.equal([story["state"], story["gateway"]], ["done", "authorizenet"],
            "as JSON")
    t.equal(len(story["postings"]), 1, "one posting")
    for text in (told, listed, json.dumps(story)):
        t.check("sbTransKey" not in text and "secret" not in text.lower(),
                "no secret")
    missing = till.command("show", "RF" + "A" * 18, check=False)
    t.equal(missing.returncode, 1, "none of this id")
    t.check("RFAAAA" in missing.stderr, "says so", missing.stderr)
    for words in ((), ("show",), ("list", "x"), ("nonsense",)):
        t.equal(till.command(*words, check=False).returncode, 2,
                "usage: %s" % (words,))


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
