"""weak_test.py: weak patterns that were read in other portals' source, tried on
this one.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import sqlite3
import time

from published_test import (MARK, at_once, check_cells, front, heron, json_of,
                            nowhere, page, portal, routes, sandbox, save)
from harness import IDS, PASSWORDS, Page, check_error

GOOD = "correct horse 7"


def store(sql):
    path = os.path.join(portal.folder, "portico.db")
    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=30)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def test_weak_wildcards_as_current_password(t):
    b = front.customer("osprey")
    for current in ("%", "_" * len(PASSWORDS["osprey"]), "osprey%"):
        answer = json_of(b, "/api/password", {
            "current": current, "new": GOOD, "repeat": GOOD})
        check_error(t, answer, 422, "refused", current, ["current"])
    t.status(front.browser().try_login("osprey", "%"), 401, "nor to log in")
    t.status(front.browser().try_login("osprey", PASSWORDS["osprey"]), 303,
             "the password is as it was")


def test_weak_passwords_are_kept_nowhere(t):
    c = front.browser("osprey")
    token = c.cookies["portico"]
    words = [PASSWORDS[who].encode() for who in ("heron", "osprey")]
    for name in os.listdir(portal.folder):
        path = os.path.join(portal.folder, name)
        if os.path.isdir(path) or name.endswith(".so"):
            continue
        with open(path, "rb") as f:
            data = f.read()
        for word in words + [token.encode()]:
            t.check(word not in data, "no secret in " + name)
    for text in (json.dumps(sandbox.control("GET", "/mail")),
                 front.nginx.access_log().decode(errors="replace")):
        for word in words:
            t.check(word.decode() not in text, "nor in mails and logs")
    for row in routes:
        if row["method"] == "GET" and ":" not in row["path"]:
            t.check(words[1] not in c.get(row["path"]).body, row["path"])


def test_weak_answers_that_tell_who_exists(t):
    def shape(login, path="/api/login"):
        answer = front.browser().post_json(path, {
            "login": login, **({"password": "wrong"} if path == "/api/login"
                               else {})}, json_port=True)
        return answer.status, re.sub(r'"request_id":"[^"]*"', "", answer.text)

    known = shape("heron")
    t.equal(known[0], 401, "a known login")
    for login in ("nobody-at-all", "kestrel", "Heron2"):
        t.equal(shape(login), known, "as " + login)
    reset = shape("heron", "/api/reset")
    t.equal(shape("nobody-at-all", "/api/reset"), reset, "the reset")


def test_weak_credit_straight_from_a_post(t):
    """Replayed, pending, a fraction more or less, twice."""
    begun = front.begin(heron, "paypal", "10.00")
    front.approve(begun)
    front.come_back(heron, begun)
    front.settled(heron, begun)
    before = front.credits()
    genuine = front.deliveries("paypal", "PAYMENT.CAPTURE.COMPLETED")[-1]
    for _ in range(3):
        t.status(front.deliver(genuine), 200, "the same event again")
    front.hurry()
    front.reconcile()
    t.equal(front.credits(), before, "is one credit")
    for fault, value, state in (("amount", "10.99", "review"),
                                ("amount", "9.99", "review"),
                                ("state", "PENDING", "confirming")):
        begun = front.begin(heron, "paypal", "10.00")
        front.approve(begun)
        sandbox.fault("paypal.capture", fault, value=value, times=1,
                      **({"reason": "ECHECK"} if fault == "state" else {}))
        front.come_back(heron, begun)
        sandbox.heal()
        t.equal(front.state(heron, begun), state, "%s %s" % (fault, value))
        t.equal(front.credits(), before, "%s: no credit" % value)
    nowhere(t, ("/api/paypal_response", "/api/ipn", "/api/refill/ipn"),
            "another way to say it is paid")


def test_weak_one_voucher_many_times_at_once(t):
    before = float(sandbox.core("clients.get", id=IDS["heron"])["balance"])
    answers = at_once(8, lambda _: json_of(
        front.portal.client().token("heron"), "/api/voucher",
        {"code": "101-000001"}))
    after = float(sandbox.core("clients.get", id=IDS["heron"])["balance"])
    t.check(all(a.status in (200, 422, 503) for a in answers) and
            200 in [a.status for a in answers], "answers",
            [a.status for a in answers])
    t.check(24.9 < after - before < 25.1, "one credit", after - before)
    sandbox.reset()


def test_weak_files_by_name(t):
    for path in ("/api/invoices/heron.pdf/download",
                 "/api/invoices/9005.pdf/download",
                 "/api/invoices/9005x/download", "/api/exports/1",
                 "/static/invoices/9005.pdf", "/static/../portico.db",
                 "/portico.db"):
        answer = heron.get(path)
        t.status(answer, 404, path)
        t.check(b"%PDF" not in answer.body, path + ": a file")


def test_weak_impersonation(t):
    nowhere(t, ("/api/login/relogin", "/api/relogin", "/api/impersonate",
                "/api/login/as/1002", "/api/sso", "/api/loginas"),
            "a log-in for staff")
    for name in ("as", "client_id", "token", "key", "sso"):
        answer = front.browser().post_json("/api/login", {
            "login": "heron", "password": PASSWORDS["heron"], name: "1002"},
            json_port=True)
        t.status(answer, 400, name)
        t.status(front.browser().get("/api/login?%s=1002" % name), 400,
                 name + " by GET")


def test_weak_requests_of_other_sites(t):
    c = front.browser("osprey")
    sandbox.forget()
    for row in routes:
        path = row["path"].replace(":id", "9106")
        if row["method"] != "POST" or "hook" in row["flags"]:
            continue
        for csrf in ("", "A" * 43, page.get("/api/profile").csrf):
            fields = {p["name"]: "1" for p in row["parameters"]}
            answer = c.form(path, {**fields, "csrf": csrf},
                            Origin="http://evil.example")
            t.status(answer, 403, path)
        query = "?" + "&".join("%s=1" % p["name"] for p in row["parameters"])
        t.check(not row["parameters"] or
                c.get(path + query).status in (303, 400, 404, 405),
                path + ": no change by GET")
    counts = sandbox.calls()["counts"]
    t.check(not [n for n in counts if "update" in n or "activate" in n],
            "nothing was written", counts)
    t.status(c.get("/api/dashboard"), 200, "still logged in")
    c = front.browser()
    before = c.get("/api/login") and dict(c.cookies)
    c.cookies["portico"] = fixed = "A" * 43
    c.try_login("heron", PASSWORDS["heron"])
    t.check(c.cookies["portico"] not in (fixed, *before.values()),
            "a new session at log-in")


def test_weak_words_that_a_deny_list_takes(t):
    for name in ("Copy Shop", "Print & Rename Ltd", "While You Wait",
                 "Select Union Drop Table GmbH", "O'Neill -- Sons",
                 "Script <Alert> Inc", "null", "eval(x)", "50% off_"):
        t.status(save(heron, company=name, address="1 Select St"), 200, name)
        t.equal(heron.json("/api/profile")["fields"]["company"], name, name)
        found = Page(page.get("/api/profile").text).find("input",
                                                        name="company")
        t.equal(found[0].get("value"), name, "shown: " + name)
    sandbox.reset()


def test_weak_errors_that_tell_too_much(t):
    sandbox.fault("*", "error", value="SQLSTATE[42P01] at /opt/vcs/x.php:77")
    for path in ("/api/dashboard", "/api/rates", "/api/payments",
                 "/api/payments.csv", "/api/profile"):
        for accept in ("text/html", "application/json"):
            answer = heron.get(path, accept=accept)
            t.check("SQLSTATE" not in answer.text and "/opt/" not in
                    answer.text, path + ": the inside", answer.text[-200:])
    sandbox.heal()
    for name in ("display_errors", "debug", "XDEBUG_SESSION", "trace"):
        answer = heron.get("/api/dashboard?%s=1" % name, json_port=True)
        check_error(t, answer, 400, "invalid_input", name, [name])
        t.check(".c:" not in answer.text, "no place in the source")
    t.check(not front.browser().get("/api/login").header("x-powered-by") and
            not re.search(r"\d", front.browser().get("/x").header("server")),
            "no versions")


def test_weak_queries_kept_in_the_session(t):
    """What a file holds comes from its own address, not from a page before."""
    c = front.browser("osprey")
    c.get("/api/payments?from=2026-01-01&to=2026-01-02")
    c.get("/api/rates?q=44&sort=-code")
    full = c.get("/api/rates.csv")
    t.equal(full.body, front.browser("osprey").get("/api/rates.csv").body,
            "the file")
    check_cells(t, full, "rates")
    kept = " ".join(str(row) for row in store("select * from session"))
    t.check(not re.search(r"(?i)select |where |order by", kept), "no SQL kept")


def test_weak_scope_and_cookies(t):
    for account in ("2003", "2004"):
        t.status(heron.get("/api/usage/detailed?account=" + account,
                           json_port=True), 404, "calls of another's account")
    c = front.browser()
    lines = c.get("/api/login").all("set-cookie")
    c.take_cookies(c.try_login("heron", PASSWORDS["heron"]))
    lines += front.browser("heron").get("/api/login").all("set-cookie")
    answer = front.browser().try_login("heron", PASSWORDS["heron"],
                                       X_Forwarded_Proto="https")
    lines += answer.all("set-cookie")
    t.check([x for x in lines if x.startswith("portico=")], "cookies", lines)
    for line in lines:
        t.check("HttpOnly" in line and "SameSite=Lax" in line and
                "Domain" not in line, "its attributes", line)
        t.check("__Host-" not in line, "a forged scheme counts for nothing")
    t.check(MARK not in str(lines), "no text in it")


def code_of(secret, step):
    """What an app shows (RFC 6238)."""
    mac = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"),
                   hashlib.sha1).digest()
    at = mac[-1] & 15
    return "%06d" % ((int.from_bytes(mac[at:at + 4], "big") & 0x7fffffff)
                     % 1000000)


CLAIMS = ("", "?code=ok", "?factor=1&step=2", "?lack=0", "?verified=true")


def test_weak_second_factor_that_the_browser_counts(t):
    """With the password alone, whatever the browser claims beside it."""
    b = front.customer("osprey")
    secret = json_of(b, "/api/security/totp", {}).json["secret"]
    step = int(time.time()) // 30
    answer = json_of(b, "/api/security/totp/confirm",
                     {"code": code_of(secret, step)})
    t.status(answer, 200, "it is on")
    recovery = answer.json["recovery_codes"]
    c = front.browser()
    answer = c.try_login("osprey", PASSWORDS["osprey"])
    t.check((answer.location or "").startswith("/api/login/code"),
            "the password leads to the code", answer.location)
    half = dict(c.cookies)
    for row in routes:
        if row["method"] != "GET" or ":" in row["path"] or \
                "public" in row["flags"] or \
                row["path"].startswith("/api/login/code"):
            continue
        for claim in CLAIMS if row["path"] == "/api/dashboard" else CLAIMS[:1]:
            answer = c.get(row["path"] + claim)
            t.status(answer, 303, row["path"] + claim)
            t.equal(answer.body, b"", row["path"] + " tells nothing")
    for name, value in (("lack", "0"), ("factor", "ok"), ("verified", "true")):
        c.cookies = {**half, name: value}
        t.status(c.get("/api/dashboard"), 303, "a cookie of one's own: " + name)
    c.cookies = half
    csrf = c.get("/api/login/code").csrf
    for code in (code_of(secret, step), "000000", "%", recovery[0] + "0"):
        answer = c.form("/api/login/code", {"csrf": csrf, "code": code})
        t.check(answer.status in (400, 422), "no code: " + code, answer.status)
    t.status(c.get("/api/dashboard"), 303, "and still half a log-in")
    answer = json_of(front.browser(), "/api/login", {
        "login": "osprey", "password": PASSWORDS["osprey"], "code": ""})
    t.check(answer.status in (401, 422) and not answer.all("set-cookie"),
            "nor by the API", answer.status)
    answer = json_of(b, "/api/login", {
        "login": "osprey", "password": PASSWORDS["osprey"],
        "code": recovery[0]})
    t.status(answer, 200, "a recovery code is one")
    b.bearer = answer.json["token"]
    answer = json_of(b, "/api/security/totp/remove", {"code": recovery[1]})
    t.status(answer, 200, "and it ends")
