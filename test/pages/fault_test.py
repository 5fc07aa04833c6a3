#!/usr/bin/env python3
"""fault_test.py: the billing system refuses, hangs, lies or is away: what the
pages say, and that nobody sees another customer's data. Ends with 'N passed,
N failed'.
"""
import concurrent.futures
import json
import os
import shutil
import sqlite3

import harness
from failures import row
from harness import IDS, PASSWORDS, Portal, Sandbox

sandbox = Sandbox()
portal = Portal(sandbox, {"limits": {"answer": 8388608}})
# For calls that never come back. The deadline is long enough for a busy
# machine to answer all others in time.
hasty = Portal(sandbox, {"coreApi": {"deadlineMs": 1000},
                         "managementApi": {"deadlineMs": 1000}}, workers=16)

# The sections of each page, and the operations that they hang on.
SECTIONS = {
    "/api/dashboard": {"balance": "clients.get", "usage": "reports.summary",
                       "recent": "reports.xdrs"},
    "/api/rates": {"rates": "rates.search"},
}
# Whole answers: what travels in one batch with the faulty call is lost too.
BATCH = {"clients.get", "accounts.search", "services.search", "rates.search"}
PART = ("error", "wrong_type")
WHOLE = (("truncate", {}), ("refuse", {}), ("oversize", {"value": 9}))
SLOW = {"hang": {}, "late": {"value": 600}}


def lost(path, operation, whole):
    """The sections that cannot be shown."""
    return {section for section, needs in SECTIONS[path].items()
            if needs == operation or
            (whole and operation in BATCH and needs in BATCH)}


def check_page(t, client, path, gone, code, what):
    """The page stands, but for the sections that are gone."""
    status = 200
    if gone == set(SECTIONS[path]):
        status = 504 if code == "upstream_late" else 502
    answer = client.get(path, accept="application/json")
    t.status(answer, status, what + ", JSON")
    if status == 200 and answer.status == 200:
        model = answer.json
        t.equal(model.get("errors", {}), {
            section: {"code": code} for section in gone}, what + ": errors")
        for section in SECTIONS[path]:
            t.check((model[section] is None) == (section in gone),
                    "%s: section %s" % (what, section), model[section])
    elif answer.status == status:
        t.equal(answer.json["error"]["code"], code, what)
    answer = client.get(path)
    t.status(answer, status, what + ", HTML")
    page = harness.Page(answer.text)
    if status != 200:
        t.check(page.find("a", href=path), what + ": a link to try again")
        return
    t.equal(page.text.count("This part could not be loaded"), len(gone),
            what + ": sections that say so")
    t.equal(len([a for a in page.find("a", href=path)
                 if "btn" in a.get("class", "")]), len(gone),
            what + ": links to try again")


def test_parts(t):
    """[row: vcs-section]"""
    c = portal.client().login("heron")
    for path, sections in SECTIONS.items():
        for operation in sorted(set(sections.values()) | {
                "clients.get", "accounts.search", "services.search"}):
            for fault in PART:
                sandbox.fault(operation, fault)
                check_page(t, c, path, lost(path, operation, False),
                           "upstream", "%s, %s of %s" % (
                               path, fault, operation))
                sandbox.heal()


def test_wholes(t):
    c = portal.client().login("heron")
    for path, sections in SECTIONS.items():
        for operation in sorted(set(sections.values()) | {"clients.get"}):
            for fault, more in WHOLE:
                sandbox.fault(operation, fault, **more)
                check_page(t, c, path, lost(path, operation, True),
                           "upstream", "%s, %s of %s" % (
                               path, fault, operation))
                sandbox.heal()


def test_slow(t):
    c = hasty.client().login("heron")
    for path, sections in SECTIONS.items():
        for operation in sorted(set(sections.values())):
            fault = "late" if operation == "clients.get" else "hang"
            sandbox.fault(operation, fault, **SLOW[fault])
            check_page(t, c, path, lost(path, operation, True),
                       "upstream_late", "%s, %s of %s" % (
                           path, fault, operation))
            sandbox.heal()


def test_latency_is_no_failure(t):
    """[row: vcs-slow]"""
    c = portal.client().login("heron")
    for path, sections in SECTIONS.items():
        for operation in set(sections.values()):
            sandbox.fault(operation, "latency", value=100)
        check_page(t, c, path, set(), "", path + ", latency")
        sandbox.heal()


def test_one_lost_connection_is_tried_again(t):
    """A kept connection may be dead: a call that only reads is sent again."""
    c = portal.client().login("heron")
    c.get("/api/dashboard")
    sandbox.fault("reports.summary", "lost_reply", times=1)
    check = c.get("/api/dashboard", accept="application/json")
    t.status(check, 200, "a lost reply")
    sandbox.heal()


def test_all_sections(t):
    c = portal.client().login("heron")
    for operation in ("clients.get", "reports.summary", "reports.xdrs"):
        sandbox.fault(operation, "error")
    check_page(t, c, "/api/dashboard", set(SECTIONS["/api/dashboard"]),
               "upstream", "nothing can be shown")
    sandbox.heal()


def test_the_error_is_not_shown(t):
    """What the billing system says is for the log."""
    c = portal.client().login("heron")
    sandbox.fault("*", "error", value="SQL near <b>'secret_table'\nX: y")
    for path in SECTIONS:
        for how in ({}, {"accept": "application/json"}):
            answer = c.get(path, **how)
            t.check("secret_table" not in answer.text, "not shown: " + path)
    sandbox.heal()
    lines = [line for line in portal.log().split("\n")
             if "secret_table" in line]
    t.check(lines, "but logged")
    t.check(all(" vcs.failed " in line for line in lines),
            "on lines of its own", lines[:2])
    t.check(not [line for line in portal.log().split("\n")
                 if line.startswith("X: y")], "no forged line")


# --- Every operation, every page ------------------------------------------------

# What a page cannot do without, and what travels with it.
RATES = ({"rates.search"}, {"clients.get", "services.search"})
MONEY = ({"transactions.search"}, {"clients.get"})
PAGES = {
    "/api/rates": RATES,
    "/api/rates?q=44": ({"rates.search"}, set()),
    "/api/rates/lookup?number=33123456": RATES,
    "/api/subscriptions": ({"clients_packages.search"}, {"clients.get"}),
    "/api/accounts": ({"accounts.search"}, {"clients.get"}),
    "/api/payments": MONEY,
    "/api/charges": MONEY,
    "/api/invoices": ({"invoices.list"}, set()),
    "/api/invoices/9005/download": (
        {"invoices.list", "invoices.getFile"}, set()),
    "/api/usage/summary": ({"reports.summary"}, set()),
    "/api/usage/detailed": ({"reports.xdrs"}, set()),
    "/api/profile": ({"clients.get"}, set()),
    "/api/password": (set(), set()),
    "/api/security": (set(), set()),
    "/api/security/totp": (set(), set()),
    "/api/usage/detailed.csv": ({"reports.xdrs"}, set()),
    "/api/payments.csv": ({"transactions.search"}, set()),
    "/api/rates.xlsx": ({"rates.search"}, set()),
}
# A list whose answer was cut, or is too big, is asked for in smaller pieces,
# without the rest. A file is handed on as it comes; billing_test.py breaks it.
NO_FAILURE = {("/api/payments", "clients.get", "truncate"),
              ("/api/payments", "clients.get", "oversize"),
              ("/api/charges", "clients.get", "truncate"),
              ("/api/charges", "clients.get", "oversize"),
              ("/api/invoices/9005/download", "invoices.getFile", "truncate"),
              ("/api/invoices/9005/download", "invoices.getFile", "oversize")}
ANSWERS = [("vcs-down", "error", {}, False),
           ("vcs-down", "refuse", {}, True),
           ("vcs-down", "lost_reply", {}, True),
           ("vcs-nonsense", "wrong_type", {}, False),
           ("vcs-nonsense", "truncate", {}, True),
           ("vcs-nonsense", "oversize", {"value": 9}, True),
           ("vcs-nonsense", "wrong_id", {}, False)]
# Operations that no page of these hangs on.
ELSEWHERE = {
    "rating.getTaxes": "test_health", "packages.list": "test_health",
    "clients.authenticate": "login_test.py", "clients.search": "reset_test.py",
    "clients.update": "account_test.py", "currencies.search": "login_test.py",
    "topup_cards.activate": "account_test.py",
    "transactions.create": "payment_cases_test.py"}


def calls_of(client, path):
    sandbox.forget()
    client.get(path)
    return set(sandbox.calls()["counts"])


def check_row(t, client, path, operation, fault, whole, wanted):
    """One page, as such or as JSON, while an operation fails."""
    needs, beside = PAGES[path]
    fails = (operation in needs or (whole and operation in beside)) and \
        (path, operation, fault) not in NO_FAILURE
    wanted = wanted if fails else row("vcs-beside")
    what = "%s, %s of %s" % (path, fault, operation)
    # Of many at once, some find the breaker open.
    if fault == "hang":
        wanted = wanted.or_busy()
    if client.bearer:
        wanted.data(t, client.get(path, json_port=True), what)
    elif "." not in path.split("/")[-1]:
        answer = client.get(path)
        wanted.page(t, answer, what)
        t.check(not fails or harness.Page(answer.text).find(
            "a", href=path), what + ": a link to try again")


def test_every_operation(t):
    """[row: vcs-down] [row: vcs-nonsense] [row: vcs-beside]
    [row: management-down]"""
    clients = portal.client().login("heron"), portal.client().token("heron")
    called = {path: calls_of(clients[1], path) for path in PAGES}
    operations = set().union(*called.values())
    with open(os.path.join(harness.ROOT, "conf/vcs/default.json")) as f:
        profile = {o["method"] for o in json.load(f)["operations"].values()}
    t.equal(operations | set(ELSEWHERE), profile, "every operation is here")
    for operation in sorted(operations):
        core = operation not in ("invoices.list", "invoices.getFile")
        for ident, fault, more, whole in ANSWERS:
            if fault == "wrong_id" and not core:
                continue  # one call a request there
            sandbox.fault(operation, fault, **more)
            for path in PAGES:
                for client in clients if operation in called[path] else ():
                    check_row(t, client, path, operation, fault, whole,
                              row(ident))
            sandbox.heal()
    for ident in ("vcs-down", "vcs-nonsense"):
        row(ident).logged(t, portal)
    for path in PAGES:
        t.status(clients[1].get(path, json_port=True), 200,
                 path + ", afterwards")


def test_every_operation_hangs(t):
    """All pages at once: each waits for its deadline."""
    wanted = row("vcs-late")
    clients = hasty.client().login("heron"), hasty.client().token("heron")
    called = {path: calls_of(clients[1], path) for path in PAGES}
    for operation in sorted(set().union(*called.values())):
        sandbox.fault(operation, "hang")
        with concurrent.futures.ThreadPoolExecutor(16) as threads:
            for done in [threads.submit(
                    check_row, t, client, path, operation, "hang", True,
                    wanted) for path in PAGES if operation in called[path]
                    for client in clients]:
                done.result()
        sandbox.heal()
    wanted.logged(t, hasty)


def test_mail_server_is_down(t):
    wanted = row("mail-down")
    at = sandbox.control("GET", "/gateways")["smtp"]
    p = Portal(sandbox, {"publicUri": "http://portal.example", "smtp": {
        "uri": "smtp://" + at, "from": "portal@example.net"}}, workers=1)
    for fault in ("refuse", "error", "cut"):
        sandbox.fault("smtp", fault)
        c = p.client()
        wanted.page(t, c.form("/api/reset", {
            "csrf": c.get("/api/reset").csrf, "login": "heron"}), fault)
        wanted.data(t, c.post_json("/api/reset", {"login": "heron"},
                                   accept="application/json"), fault)
        harness.wait_for("a failure in the log", lambda: len(
            p.logged("mail.failed")) >= 2)
        sandbox.heal()
    wanted.logged(t, p)


# --- Somebody else's ----------------------------------------------------------

# What only the other one has.
ALIEN = {
    "heron": ["Osprey", "osprey", '"id":1002', "Zentrale", "Süd",
              '"id":2003', '"id":2004', "مكتب", "EUR", "€", "493055501"],
    "osprey": ["Heron", "heron", '"id":1001', "O'Brien", '"id":2001',
               '"id":2002', "USD", "12125550"],
}


def check_no_alien(t, who, answer, what):
    text = answer.text
    for word in ALIEN[who]:
        t.check(word not in text, "%s: shows %s" % (what, word),
                text[max(0, text.find(word) - 80):text.find(word) + 80])


def numbers(model):
    """Ids and texts that stand for one row."""
    return json.dumps(model, sort_keys=True)


def test_foreign_rows(t):
    """[row: vcs-foreign] [row: vcs-foreign-client]"""
    for who in ("heron", "osprey"):
        c = portal.client().login(who)
        for path, sections in SECTIONS.items():
            good = c.json(path)
            for operation in sorted(set(sections.values()) |
                                    {"accounts.search"}):
                if path == "/api/rates" and operation == "accounts.search":
                    continue
                before = len(portal.logged("vcs.foreign_row"))
                sandbox.fault(operation, "foreign_rows")
                what = "%s, %s, %s" % (who, path, operation)
                html = c.get(path)
                answer = c.get(path, accept="application/json")
                sandbox.heal()
                t.status(answer, 200, what)
                check_no_alien(t, who, html, what + " HTML")
                check_no_alien(t, who, answer, what + " JSON")
                new = portal.logged("vcs.foreign_row")[before:]
                t.check(len(new) >= 2, what + ": is logged", new)
                t.check(all(" error " in line for line in new),
                        what + ": as an error", new[:1])
                model = answer.json
                if operation == "clients.get":
                    t.equal(model.get("errors"), {
                        "balance": {"code": "upstream"}}
                        if path == "/api/dashboard" else None, what)
                else:
                    t.equal(numbers(model), numbers(good),
                            what + ": the own rows are all there")


def test_foreign_rows_searched(t):
    """The same where the table is read to be searched."""
    c = portal.client().login("osprey")
    good = c.json("/api/rates?sort=-price&size=100")
    sandbox.fault("rates.search", "foreign_rows")
    for query in ("sort=-price&size=100", "q=49", "service=1&sort=name"):
        answer = c.get("/api/rates?" + query, accept="application/json")
        t.status(answer, 200, query)
        check_no_alien(t, "osprey", answer, query)
        currencies = {rate["price"]["currency"]
                      for rate in answer.json["rates"]}
        t.check(currencies <= {"EUR"}, "prices in EUR alone", currencies)
    sandbox.heal()
    t.equal(c.json("/api/rates?sort=-price&size=100"), good, "afterwards")


def test_foreign_client_at_log_in(t):
    sandbox.fault("clients.get", "foreign_rows")
    before = len(portal.logged("vcs.foreign_row"))
    answer = portal.client().try_login("heron", PASSWORDS["heron"])
    sandbox.heal()
    t.status(answer, 502, "log-in with somebody else's row")
    check_no_alien(t, "heron", answer, "the answer")
    t.check("portico=" not in str(answer.headers), "logs nobody in")
    t.check(len(portal.logged("vcs.foreign_row")) > before, "is logged")


def test_foreign_accounts_are_not_kept(t):
    """Accounts that came wrongly must not widen what is asked later."""
    c = portal.client().login("heron")
    sandbox.fault("accounts.search", "foreign_rows")
    c.get("/api/dashboard")
    sandbox.heal()
    sandbox.forget()
    answer = c.get("/api/dashboard", accept="application/json")
    check_no_alien(t, "heron", answer, "afterwards")
    t.equal(answer.json["client"]["id"], IDS["heron"], "heron's own")
    t.equal({call["client"] for call in sandbox.calls()["calls"]
             if call["client"]}, {IDS["heron"]}, "asked for heron alone")


def test_every_call_is_for_the_own_client(t):
    for who in ("heron", "osprey", "whale"):
        c = portal.client().login(who)
        sandbox.forget()
        c.get("/api/dashboard")
        clients = {call["client"] for call in sandbox.calls()["calls"]
                   if call["client"]}
        t.equal(clients, {IDS[who]}, "whose data was asked for")


# --- What is kept in the session ----------------------------------------------

def requests_of(client, path):
    sandbox.forget()
    model = client.json(path)
    return model, sandbox.calls()["http_requests"]


def test_rate_table_changes(t):
    c = portal.client().login("heron")
    own, usual = requests_of(c, "/api/rates")
    sandbox.change(IDS["heron"], orig_rate_table=22)
    model, more = requests_of(c, "/api/rates")
    t.check(numbers(model["rates"]) != numbers(own["rates"]),
            "the new table at once")
    wanted = sandbox.core("rates.search", rate_tables_id=22, state="current",
                          limit=25, order=["+code"])
    t.equal([r["code"] for r in model["rates"]], [r["code"] for r in wanted],
            "its codes")
    t.equal(more, usual + 1, "one more trip")
    model, again = requests_of(c, "/api/rates?sort=price")
    _, before = requests_of(c, "/api/rates?sort=price")
    t.equal(again, before, "then no more")
    _, again = requests_of(c, "/api/rates")
    t.equal(again, usual, "as before")
    sandbox.change(IDS["heron"], orig_rate_table=19)
    model, more = requests_of(c, "/api/rates?q=49")
    t.check(model["rates"] and all(r["code"].startswith("49") or
                                   "49" in r["name"]
                                   for r in model["rates"]),
            "searched in the right table", model["rates"][:1])
    model, _ = requests_of(c, "/api/rates")
    t.equal(model, own, "back again")
    sandbox.change(IDS["heron"], orig_rate_table=None)
    model, _ = requests_of(c, "/api/rates")
    t.equal(model["rates"], [], "no table, no rates")
    t.check("No rates yet" in c.get("/api/rates").text, "says so")
    sandbox.change(IDS["heron"], orig_rate_table=19)
    t.equal(c.json("/api/rates"), own, "and back")


def sql(statement):
    """Changes what the control interface has no word for."""
    db = sqlite3.connect(sandbox.folder + "/sandbox.db", timeout=30)
    with db:
        db.execute(statement)
    db.close()
    sandbox.change(IDS["heron"], tz="America/New_York")  # empties its cache


def test_accounts_change(t):
    c = portal.client().login("heron")
    _, usual = requests_of(c, "/api/dashboard")
    sql("UPDATE accounts SET clients_id = 1004 WHERE id = 2002")
    model, more = requests_of(c, "/api/dashboard")
    t.check(2002 not in {row["account"]["id"] for row in model["recent"]},
            "calls of an account that is no longer heron's", model["recent"])
    t.equal(more, usual + 3, "the page once more")
    _, again = requests_of(c, "/api/dashboard")
    t.equal(again, usual, "then as before")
    sql("UPDATE accounts SET clients_id = 1001 WHERE id = 2002")
    model, _ = requests_of(c, "/api/dashboard")
    t.check(2002 in {row["account"]["id"] for row in model["recent"]},
            "and back at once", model["recent"])
    sql("UPDATE accounts SET clients_id = 1004 WHERE clients_id = 1001")
    model, _ = requests_of(c, "/api/dashboard")
    t.equal(model["recent"], [], "no accounts, no calls")
    sql("UPDATE accounts SET clients_id = 1001 WHERE id IN (2001, 2002)")


def test_currency_changes(t):
    c = portal.client().login("heron")
    t.equal(c.json("/api/dashboard")["balance"]["live"]["currency"], "USD",
            "before")
    sql("UPDATE clients SET currencies_id = 30 WHERE id = 1001")
    live = c.json("/api/dashboard")["balance"]["live"]
    t.equal(live["currency"], "GBP", "the new currency at once")
    t.check("£" in live["text"], "its sign", live)
    sql("UPDATE clients SET currencies_id = 99 WHERE id = 1001")
    live = c.json("/api/dashboard")["balance"]["live"]
    t.equal(live["currency"], None, "one that nobody knows")
    sandbox.forget()
    c.json("/api/dashboard")
    t.check("currencies.search" not in sandbox.calls()["counts"],
            "is not asked for again and again")
    t.status(c.get("/api/dashboard"), 200, "in HTML")
    sql("UPDATE clients SET currencies_id = 27 WHERE id = 1001")
    t.equal(c.json("/api/dashboard")["balance"]["live"]["currency"], "USD",
            "and back")


def test_zone_and_language_change(t):
    c = portal.client().login("heron")
    sandbox.change(IDS["heron"], tz="Asia/Kathmandu", locale="de")
    answer = c.get("/api/dashboard", accept="application/json")
    t.check(answer.json["recent"][0]["time"]["iso"].endswith("+05:45"),
            "the zone at once", answer.json["recent"][0])
    t.check("USD" in answer.text and "$" in answer.text, "money")
    page = c.get("/api/dashboard")
    t.check('<html lang="de"' in page.text, "the language at once")
    sandbox.change(IDS["heron"], tz="Nowhere/Land", locale="xx")
    t.status(c.get("/api/dashboard"), 200, "a zone that nobody knows")
    sandbox.change(IDS["heron"], tz="America/New_York", locale="en")
    page = c.get("/api/dashboard")
    t.check('<html lang="en"' in page.text, "and back")


# --- Management ---------------------------------------------------------------

def health(portal, wanted):
    """An answer is kept for two seconds: asks until a fresh one came."""
    sandbox.forget()

    def fresh():
        answer = portal.client().get("/api/health")
        if any(call["api"] == "management" or wanted
               for call in sandbox.calls()["calls"]):
            return answer
        return None

    return harness.wait_for("a fresh answer", fresh)


def test_health(t):
    p = Portal(sandbox, workers=1)
    t.equal(health(p, False).json, {"status": "ok", "store": "ok", "vcs": {
        "core": "ok", "management": "ok"}}, "all is well")
    sandbox.fault("packages.list", "expire", times=1)
    answer = health(p, False)
    t.status(answer, 200, "an expired session")
    t.equal(answer.json["vcs"]["management"], "ok", "logs in again")
    calls = sandbox.calls()["counts"].get("packages.list", 0)
    t.check(calls in (1, 2), "once", calls)
    sandbox.heal()
    sandbox.fault("packages.list", "error")
    answer = health(p, False)
    t.status(answer, 200, "Management refuses")
    t.equal(answer.json, {"status": "degraded", "store": "ok", "vcs": {
        "core": "ok", "management": "down"}}, "Management refuses")
    sandbox.heal()
    t.equal(health(p, False).json["status"], "ok", "and again")
    sandbox.fault("rating.getTaxes", "error")
    answer = health(p, False)
    t.status(answer, 503, "Core refuses")
    t.equal(answer.json["vcs"], {"core": "down", "management": "ok"}, "Core")
    sandbox.heal()


def test_management_talks_nonsense(t):
    p = Portal(sandbox, workers=1)
    for fault in ("wrong_type", "truncate", "refuse", "lost_reply"):
        sandbox.fault("packages.list", fault)
        answer = health(p, False)
        t.status(answer, 200, fault)
        t.equal(answer.json["vcs"]["core"], "ok", fault)
        if fault != "wrong_type":  # a ping takes any answer
            t.equal(answer.json["vcs"]["management"], "down", fault)
        sandbox.heal()
    t.equal(health(p, False).json["status"], "ok", "and again")


def test_health_is_not_asked_all_day(t):
    p = Portal(sandbox, workers=1)
    p.client().get("/api/health")
    sandbox.forget()
    for _ in range(50):
        p.client().get("/api/health")
    t.check(sandbox.calls()["http_requests"] < 50, "answers are kept",
            sandbox.calls()["http_requests"])


def test_management_is_verified(t):
    other = Sandbox()
    wrong = other.folder + "/ca.pem"
    for what, settings, wanted in (
            ("another CA", {"caFile": wrong}, "down"),
            ("the system's CAs", {"caFile": ""}, "down"),
            ("another name", {"serverName": "billing.example"}, "down"),
            ("a wrong password", {"password": "nonsense-1"}, "down"),
            ("not set", {"login": "", "password": ""}, "not_set")):
        p = Portal(sandbox, {"managementApi": settings}, workers=1)
        answer = p.client().get("/api/health")
        t.equal(answer.json["vcs"]["management"], wanted, what)
        t.equal(answer.json["vcs"]["core"], "ok", what)
        t.check("nonsense-1" not in p.log(), "no password in the log")
        t.check(harness.TOKEN not in p.log(), "no token in the log")
    other.end()
    shutil.rmtree(other.folder, ignore_errors=True)


def test_no_secrets_in_the_log(t):
    sandbox.fault("clients.authenticate", "truncate")
    portal.client().try_login("heron", "secret-word-1")
    sandbox.heal()
    for secret in ("secret-word-1", *PASSWORDS.values(), harness.TOKEN,
                   "portal-api-demo"):
        t.check(secret not in portal.log(), "%s in the log" % secret)


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
