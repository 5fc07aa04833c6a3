#!/usr/bin/env python3
"""account_test.py: what customers change: profile, password, voucher.
Ends with 'N passed, N failed'.
"""
import os
import shutil
import signal
import threading

import harness
from harness import IDS, PASSWORDS, Portal, Sandbox

sandbox = Sandbox()
portal = Portal(sandbox, {"coreApi": {"deadlineMs": 3000}}, workers=4)

FIELDS = ["company", "email", "address", "registration_id", "tax_id"]
THEIRS = {"company": "c_company", "email": "c_email_billing",
          "address": "c_address", "registration_id": "reg_id",
          "tax_id": "tax_id"}
WRITES = ("clients.update", "topup_cards.activate")


def fresh():
    sandbox.heal()
    sandbox.reset()
    sandbox.forget()


def sent_once(fault):
    """A call that hangs is on the sandbox's list once its client has gone."""
    return writes() <= 1 if fault == "hang" else writes() == 1


def writes():
    """Calls that change something; those that hang are not counted."""
    counts = sandbox.calls()["counts"]
    return sum(counts.get(name, 0) for name in WRITES)


def stored(who="heron"):
    row = sandbox.core("clients.get", id=IDS[who])
    return {ours: row[theirs] for ours, theirs in THEIRS.items()}


def balance(who="heron"):
    return float(sandbox.core("clients.get", id=IDS[who])["balance"])


def send(c, path, fields):
    return c.post_json(path, fields, accept="application/json")


def submit(c, path, fields):
    """The form, with the token of its page."""
    return c.form(path, {"csrf": c.get(path).csrf, **fields})


def at_once(n, work):
    answers = [None] * n

    def run(i):
        answers[i] = work(i)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def values(page):
    """What the fields of a page's forms hold."""
    parsed = harness.Page(page.text)
    found = {a.get("name"): a.get("value", "") for tag, a in parsed.elements
             if tag == "input"}
    for name in ("address",):
        start = page.text.find('<textarea')
        if start >= 0:
            inner = page.text[page.text.index(">", start) + 1:
                              page.text.index("</textarea>")]
            found[name] = harness.Page(inner).text if inner.strip() else ""
    return found


# --- Profile ------------------------------------------------------------------

def test_profile_shape(t):
    fresh()
    for who in ("heron", "osprey", "whale"):
        model = portal.client().token(who).json("/api/profile")
        t.equal(sorted(model), ["editable", "fields", "version"], who)
        t.equal(model["editable"], FIELDS, "editable")
        t.equal(model["fields"], stored(who), "the values of " + who)
        t.check(len(model["version"]) == 16, "a version", model["version"])
        page = portal.client().login(who).get("/api/profile")
        t.status(page, 200, who)
        held = values(page)
        for name in ("company", "email", "registration_id", "tax_id"):
            t.equal(held[name], stored(who)[name], name + " of " + who)
        t.equal(held["version"], model["version"], "the form's version")
        t.check("<b>Ltd" not in page.text, "escaped")


def test_profile_save(t):
    fresh()
    c = portal.client().login("heron")
    before = c.json("/api/profile")
    sandbox.forget()
    answer = submit(c, "/api/profile", {
        **before["fields"], "version": before["version"],
        "address": "Weg 1\r\n\r\n10115 Berlin\r\n", "tax_id": ""})
    t.status(answer, 303, "saved")
    t.equal(answer.location, "/api/profile", "back to the page")
    t.equal(writes(), 1, "one write")
    asked = [call for call in sandbox.calls()["calls"]
             if call["operation"] == "clients.update"]
    t.equal(len(asked), 1, "asked once")
    now = stored()
    t.equal(now["address"], "Weg 1\n\n10115 Berlin", "several lines")
    t.equal(now["tax_id"], "", "emptied")
    t.equal(now["company"], before["fields"]["company"], "the others stay")
    page = c.get("/api/profile")
    t.check("Your profile was saved" in page.text, "says so")
    t.check("Your profile was saved" not in c.get("/api/profile").text,
            "once")
    b = portal.client().token("heron")
    version = b.json("/api/profile")["version"]
    t.check(version != before["version"], "another version")
    answer = send(b, "/api/profile", {"version": version,
                                      "company": "Reiher \"GmbH\" <i> 🐦"})
    t.status(answer, 200, "one field, JSON")
    t.equal(answer.json["fields"], stored(), "the answer is the new state")
    t.equal(answer.json["fields"]["company"], "Reiher \"GmbH\" <i> 🐦",
            "and the field")
    t.check(answer.json["version"] != version, "with the new version")
    sandbox.forget()
    t.status(send(b, "/api/profile", {
        "version": answer.json["version"], **answer.json["fields"]}), 200,
        "nothing changed")
    t.equal(writes(), 0, "is no write")


def test_profile_bad(t):
    fresh()
    c = portal.client().token("heron")
    version = c.json("/api/profile")["version"]
    cases = [({"email": bad}, "email") for bad in (
        "x", "a@b", "a@@b.c", "a b@c.de", "a@.de", "a@b..de", "@b.de",
        "a@b.de, c@d.de", "a@b.de\n", "x" * 250 + "@b.de", "a@" + "b" * 253)]
    cases = [case for case in cases if not case[0]["email"].endswith("\n")]
    cases += [({"email": "a@b.de\nBcc: x@y.de"}, "email"),
              ({"email": ""}, "email"), ({"company": ""}, "company"),
              ({"company": "x" * 256}, "company"),
              ({"company": "a\nb"}, "company"),
              ({"address": "x" * 1001}, "address"),
              ({"address": "a\u2028b"}, "address"),
              ({"tax_id": "x" * 65}, "tax_id"),
              ({"tax_id": ["x"]}, "tax_id"),
              ({"tax_id": {"a": 1}}, "tax_id")]
    for name in ("status", "balance", "credit", "id", "client_id", "login",
                 "cp_password", "c_company", "reseller", "csrf_token"):
        cases.append(({name: "1"}, name))
    sandbox.forget()
    for fields, bad in cases:
        answer = send(c, "/api/profile", {"version": version, **fields})
        t.status(answer, 400, "%.60r" % fields)
        t.equal(list(answer.json["error"]["fields"]), [bad],
                "the field of %.60r" % fields)
    for version in (None, "", "x", "0" * 17):
        t.status(send(c, "/api/profile", {"version": version, "tax_id": "1"}),
                 400, "version %r" % version)
    t.equal(writes(), 0, "nothing was written")
    b = portal.client().login("heron")
    held = values(b.get("/api/profile"))
    answer = submit(b, "/api/profile", {
        "version": held["version"], "company": "<b>\"'New", "email": "x",
        "address": "<script>\r\nline", "registration_id": "", "tax_id": "7"})
    t.status(answer, 400, "the form")
    again = values(answer)
    t.equal((again["company"], again["email"], again["tax_id"]),
            ("<b>\"'New", "x", "7"), "what was typed is there again")
    t.equal(again["version"], held["version"], "the version stays")
    t.check('id="email-error"' in answer.text, "the field is marked")
    t.check("&lt;script&gt;" in answer.text, "escaped")


def test_profile_long_value_of_vcs(t):
    """What VCS has may be over our limits; only what changes is checked."""
    fresh()
    sandbox.change(IDS["heron"], c_email_billing="a@b.de; c@d.de",
                   c_company="x" * 400)
    c = portal.client().token("heron")
    model = c.json("/api/profile")
    answer = send(c, "/api/profile", {
        **model["fields"], "version": model["version"], "tax_id": "new"})
    t.status(answer, 200, "the others stay as they are")
    t.equal(stored()["email"], "a@b.de; c@d.de", "the list of addresses")


def test_profile_two_tabs(t):
    fresh()
    c = portal.client().login("heron")
    one, two = values(c.get("/api/profile")), values(c.get("/api/profile"))
    t.status(submit(c, "/api/profile", {
        "version": one["version"], "company": "First", "tax_id": "1"}), 303,
        "the first tab")
    answer = submit(c, "/api/profile", {
        "version": two["version"], "company": "Second", "tax_id": "2"})
    t.status(answer, 409, "the second")
    held = values(answer)
    t.equal((held["company"], held["tax_id"]), ("Second", "2"),
            "what was typed is kept")
    t.check("First" in answer.text, "the new value is shown")
    t.equal(stored()["company"], "First", "and not overwritten")
    t.check(held["version"] != two["version"], "the form's version is new")
    t.status(submit(c, "/api/profile", {
        "version": held["version"], "company": "Second", "tax_id": "2"}), 303,
        "knowingly, then")
    t.equal(stored()["company"], "Second", "saved")
    b = portal.client().token("heron")
    answer = send(b, "/api/profile", {"version": one["version"],
                                      "company": "Third"})
    t.status(answer, 409, "JSON")
    t.equal(answer.json["error"]["code"], "conflict", "its code")
    # A double click is no conflict: what it wants is there already.
    answer = submit(c, "/api/profile", {
        "version": held["version"], "company": "Second", "tax_id": "2"})
    t.status(answer, 303, "the same again")


def test_profile_at_once(t):
    fresh()
    b = portal.client().token("heron")
    version = b.json("/api/profile")["version"]
    sandbox.forget()
    answers = at_once(6, lambda i: send(b, "/api/profile", {
        "version": version, "company": "Tab %d" % i}))
    t.equal(sorted(a.status for a in answers), [200] + [409] * 5,
            "one of six is saved")
    t.equal(writes(), 1, "one write")
    won = [i for i, a in enumerate(answers) if a.status == 200][0]
    t.equal(stored()["company"], "Tab %d" % won, "and it is that one")


def test_profile_faults(t):
    """[row: vcs-write-lost] [row: vcs-unconfirmed]"""
    for fault, status, changed in (("error", 502, False),
                                   ("lost_reply", 200, True),
                                   ("truncate", 200, True),
                                   ("hang", 504, None)):
        fresh()
        b = portal.client().token("heron")
        version = b.json("/api/profile")["version"]
        sandbox.forget()
        sandbox.fault("clients.update", fault)
        answer = send(b, "/api/profile", {"version": version,
                                          "company": "New " + fault})
        t.status(answer, status, fault)
        t.check(sent_once(fault), "sent once: " + fault)
        sandbox.heal()
        if changed is not None:
            t.equal(stored()["company"] == "New " + fault, changed,
                    "is it changed: " + fault)
        c = portal.client().login("heron")
        held = values(c.get("/api/profile"))
        sandbox.fault("clients.update", fault)
        answer = submit(c, "/api/profile", {
            "version": held["version"], "tax_id": "new"})
        t.status(answer, 303 if status == 200 else status, "HTML " + fault)
        if status != 200:
            t.equal(values(answer).get("tax_id"), "new",
                    "the form is there again: " + fault)
            t.check(("do not know" if fault == "hang" else
                     "Nothing was changed") in answer.text, "in words")
    fresh()
    b = portal.client().token("heron")
    version = b.json("/api/profile")["version"]
    for fault in ("error", "refuse", "hang", "wrong_type", "foreign_rows",
                  "truncate"):
        sandbox.heal()
        sandbox.forget()
        sandbox.fault("clients.get", fault)
        t.check(b.get("/api/profile", json_port=True).status in (502, 504),
                "GET with clients.get " + fault)
        answer = send(b, "/api/profile", {"version": version,
                                          "company": "No"})
        t.status(answer, 503, "POST with clients.get " + fault)
        t.equal(writes(), 0, "nothing is written: " + fault)
    sandbox.heal()


def test_profile_theme(t):
    fresh()
    p = Portal(sandbox, {"theme": "plain"},
               env={"PORTICO_SHARE": share_with_theme()})
    c = p.client().token("heron")
    model = c.json("/api/profile")
    t.equal(sorted(model["fields"]), ["address", "company", "email"],
            "hidden and unlisted ones are not there")
    t.equal(model["editable"], ["email"], "what may be edited")
    for name in ("company", "address", "tax_id", "registration_id"):
        answer = send(c, "/api/profile", {
            "version": model["version"], "email": "a@b.de", name: "x"})
        t.status(answer, 400, name + " may not be written")
        t.equal(list(answer.json["error"]["fields"]), [name], name)
    page = p.client().login("heron").get("/api/profile")
    t.equal(harness.Page(page.text).find("input", name="company"), [],
            "no field to type into")
    t.check("Main St" in page.text, "shown all the same")
    t.status(send(c, "/api/profile", {
        "version": model["version"], "email": "a@b.de"}), 200, "the e-mail")


def share_with_theme():
    """The installed files, with one more theme."""
    import json
    import os
    import tempfile
    whole = os.path.join(os.path.dirname(harness.PORTICO), "share")
    mine = tempfile.mkdtemp(dir=sandbox.folder)
    for name in os.listdir(whole):
        if name not in ("templates", "static"):
            os.symlink(os.path.join(whole, name), os.path.join(mine, name))
    for name in ("templates", "static"):
        os.mkdir(os.path.join(mine, name))
        for inner in os.listdir(os.path.join(whole, name)):
            os.symlink(os.path.join(whole, name, inner),
                       os.path.join(mine, name, inner))
    os.mkdir(os.path.join(mine, "templates", "plain"))
    os.symlink(os.path.join(whole, "static", "default"),
               os.path.join(mine, "static", "plain"))
    with open(os.path.join(whole, "templates/default/theme.json")) as f:
        theme = json.load(f)
    theme["profile"] = {"fields": [
        {"name": "company", "mode": "view"}, {"name": "email", "mode": "edit"},
        {"name": "address", "mode": "view"},
        {"name": "tax_id", "mode": "hidden"}]}
    with open(os.path.join(mine, "templates/plain/theme.json"), "w") as f:
        json.dump(theme, f)
    return mine


# --- Password -----------------------------------------------------------------

GOOD = "correct horse 7"


def change(c, current, new=GOOD, repeat=None):
    return send(c, "/api/password", {
        "current": current, "new": new,
        "repeat": new if repeat is None else repeat})


def right(password, who="heron"):
    try:
        return sandbox.core("clients.authenticate", cp_login=who,
                            cp_password=password) == {"id": IDS[who]}
    except KeyError:
        return False


def test_password_rules(t):
    fresh()
    b = portal.client().token("heron")
    t.equal(b.json("/api/password")["rules"], {"min": 10, "max": 128},
            "the rules")
    page = portal.client().login("heron").get("/api/password")
    t.check("10 to 128 characters" in page.text, "shown before")
    old = PASSWORDS["heron"]
    sandbox.forget()
    for new, bad in (("short pw1", "new"), ("x" * 9 + "é" * 0, "new"),
                     ("ab " * 43, "new"), (old, "new"),
                     ("password123", "new"), ("PASSWORD123", "new"),
                     ("1234567890", "new"), ("aaaaaaaaaaaa", "new"),
                     ("O'Heron & Söhne <b>Ltd</b> \"Blue\" 🐦", "new")):
        answer = change(b, old, new)
        t.status(answer, 422, "%.40r" % new)
        t.equal(list(answer.json["error"]["fields"]), [bad], "%.40r" % new)
    answer = change(b, old, GOOD, GOOD + " ")
    t.status(answer, 422, "the repetition differs")
    t.equal(list(answer.json["error"]["fields"]), ["repeat"], "its field")
    t.check("clients.authenticate" not in sandbox.calls()["counts"],
            "none of these tries the current one")
    for fields, bad in (({}, ["current", "new", "repeat"]),
                        ({"current": old, "new": GOOD}, ["repeat"]),
                        ({"current": old, "new": "a\x00b" * 9,
                          "repeat": GOOD}, None),
                        ({"current": old, "new": "x" * 257,
                          "repeat": "x"}, ["new"]),
                        ({"current": old, "new": GOOD, "repeat": GOOD,
                          "login": "osprey"}, ["login"])):
        answer = send(b, "/api/password", fields)
        t.status(answer, 400, "%.60r" % fields)
        if bad:
            t.equal(sorted(answer.json["error"]["fields"]), bad,
                    "%.60r" % fields)
    for wrong in ("wrong", "%", "_" * len(old), old.upper(), old + " ",
                  " " + old, PASSWORDS["osprey"]):
        answer = change(b, wrong)
        t.status(answer, 422, "current %r" % wrong)
        t.equal(list(answer.json["error"]["fields"]), ["current"], wrong)
    t.equal(writes(), 0, "nothing was written")
    page = submit(portal.client().login("heron"), "/api/password", {
        "current": "not-the-one-1", "new": GOOD, "repeat": GOOD})
    t.status(page, 422, "the form")
    t.check(GOOD not in page.text and "not-the-one" not in page.text,
            "no password is shown")
    t.check('id="current-error"' in page.text, "the field is marked")
    for new in ("        a b", "ünïcödé wörds", "🐦🐦🐧🐧🦅🦅🐳🐳🐋🐋x"):
        fresh()
        b = portal.client().token("heron")
        t.status(change(b, old, new), 200, "%r is fine" % new)
        t.check(right(new), "%r, to the byte" % new)


def test_password_sessions(t):
    fresh()
    c = portal.client().login("heron")
    tab = portal.client().login("heron")
    api = portal.client().token("heron")
    other = portal.client().login("osprey")
    before = c.cookies["portico"]
    answer = submit(c, "/api/password", {
        "current": PASSWORDS["heron"], "new": GOOD, "repeat": GOOD})
    t.status(answer, 303, "changed")
    t.equal(answer.location, "/api/password", "where it leads")
    t.check(right(GOOD) and not right(PASSWORDS["heron"]), "in VCS")
    t.check(c.cookies["portico"] != before, "a new cookie")
    page = c.get("/api/password")
    t.status(page, 200, "still logged in")
    t.check("Your password was changed" in page.text, "says so")
    t.check("Your password was changed" not in c.get("/api/password").text,
            "once")
    t.equal(c.json("/api/dashboard")["balance"]["live"]["currency"], "USD",
            "the session keeps what it knows")
    t.status(tab.get("/api/dashboard"), 303, "the other browser is out")
    t.status(api.get("/api/dashboard", json_port=True), 401,
             "and the token is worth nothing")
    t.status(other.get("/api/dashboard"), 200, "somebody else stays")
    c.cookies["portico"] = before
    t.status(c.get("/api/dashboard"), 303, "the old cookie is out, too")
    c = portal.client()
    c.try_login("heron", GOOD)
    b = portal.client()
    b.bearer = c.post_json("/api/login", {
        "login": "heron", "password": GOOD},
        accept="application/json").json["token"]
    answer = change(b, GOOD, "another good one")
    t.status(answer, 200, "with a bearer")
    old, b.bearer = b.bearer, answer.json["token"]
    t.check(not answer.all("set-cookie"), "no cookie")
    t.status(b.get("/api/dashboard", json_port=True), 200, "the new token")
    b.bearer = old
    t.status(b.get("/api/dashboard", json_port=True), 401, "the old token")
    t.status(c.get("/api/dashboard"), 303, "the cookie's session is out")


def test_password_throttle(t):
    fresh()
    p = Portal(sandbox, {"limits": {"loginPerName": 3, "loginWindow": 600}})
    b, other = p.client().token("heron"), p.client().token("heron")
    for n in range(3):
        t.status(change((b, other)[n % 2], "wrong"), 422, "try %d" % n)
    sandbox.forget()
    answer = change(b, PASSWORDS["heron"])
    t.status(answer, 429, "the right one comes too late")
    t.check(0 < int(answer.header("retry-after") or 0) <= 600, "Retry-After")
    t.check("clients.authenticate" not in sandbox.calls()["counts"],
            "and is not tried")
    t.status(change(p.client().token("osprey"), "wrong"), 422,
             "somebody else may")
    c = p.client().login("heron")
    page = submit(c, "/api/password", {
        "current": PASSWORDS["heron"], "new": GOOD, "repeat": GOOD})
    t.status(page, 429, "the form")
    t.check('name="current"' in page.text, "again")
    t.check(right(PASSWORDS["heron"]), "not changed")


def test_password_faults(t):
    """[row: vcs-write-lost]"""
    old = PASSWORDS["heron"]
    for fault, status in (("error", 502), ("lost_reply", 200),
                          ("truncate", 200), ("hang", 504)):
        fresh()
        b = portal.client().token("heron")
        sandbox.forget()
        sandbox.fault("clients.update", fault)
        answer = change(b, old)
        t.status(answer, status, fault)
        t.check(sent_once(fault), "sent once: " + fault)
        if status == 200:
            t.check(right(GOOD), "changed: " + fault)
            continue
        t.check(("do not know" if fault == "hang" else "stays valid")
                in answer.json["error"]["message"], "in words", answer.text)
        t.status(b.get("/api/dashboard", json_port=True), 200,
                 "still logged in")
        page = submit(portal.client().login("heron"), "/api/password", {
            "current": old, "new": GOOD, "repeat": GOOD})
        t.status(page, status, "HTML " + fault)
        t.check('name="current"' in page.text, "the form again")
    for fault in ("error", "refuse", "hang", "wrong_type", "truncate"):
        fresh()
        b = portal.client().token("heron")
        sandbox.forget()
        sandbox.fault("clients.authenticate", fault)
        # An error of that method is how VCS says that it is the wrong one.
        t.check(change(b, old).status in (
            (422,) if fault == "error" else (502, 504)), fault)
        t.equal(writes(), 0, "nothing is written: " + fault)
    fresh()


# --- Voucher ------------------------------------------------------------------

def redeem(c, code):
    return send(c, "/api/voucher", {"code": code})


def paid(who, code):
    rows = sandbox.core("transactions.search", clients_id=IDS[who],
                        notes="Top-up card " + code)
    return len(rows)


def test_voucher(t):
    fresh()
    b = portal.client().token("heron")
    t.equal(sorted(b.json("/api/voucher")["balance"]),
            ["available", "credit", "live"], "the balance before")
    before = balance()
    answer = redeem(b, "  101-000001 ")
    t.status(answer, 200, "redeemed")
    t.equal(sorted(answer.json), ["balance", "credited"], "its shape")
    credited = answer.json["credited"]
    t.equal((float(credited["amount"]), credited["currency"],
             credited["text"]), (25.0, "USD", "$25.00"), "credited")
    t.equal(sorted(answer.json["balance"]), ["available", "credit", "live"],
            "balance")
    t.check(float(answer.json["balance"]["live"]["amount"]) > before + 24.9,
            "read again after", before, answer.json)
    again = redeem(b, "101-000001")
    t.status(again, 200, "again: the success again")
    t.equal(again.json["credited"], answer.json["credited"], "the same")
    t.equal(paid("heron", "101-000001"), 1, "credited once")
    t.equal(writes(), 1, "asked once")
    other = redeem(portal.client().token("whale"), "101-000001")
    t.status(other, 422, "somebody else's try")
    c = portal.client().login("whale")
    answer = submit(c, "/api/voucher", {"code": "90817263"})
    t.status(answer, 303, "by PIN, in HTML")
    t.equal(answer.location, "/api/voucher", "where it leads")
    page = c.get("/api/voucher")
    t.check("$50.00 was added to your balance" in page.text, "says so")
    t.check("was added" not in c.get("/api/voucher").text, "once")
    german = portal.client(ACCEPT_LANGUAGE="de").login("osprey")
    submit(german, "/api/voucher", {"code": "102-000001"})
    t.check("Guthaben: 20,00\u00a0€." in german.get("/api/voucher").text,
            "German, euros")


def test_voucher_refused(t):
    fresh()
    b = portal.client().token("heron")
    words = {}
    for code, what in (("101-000002", "already been redeemed"),
                       ("101-000003", "expired"),
                       ("nonsense", "no such voucher"),
                       ("201-000001", "another provider"),
                       ("102-000001", "another currency")):
        answer = redeem(b, code)
        t.status(answer, 422, code)
        words[code] = answer.json["error"]["fields"].get("code", "")
        t.check(what in words[code], "its own words", words[code])
    for code in ("", "ab", "x" * 41, "a b c", "a'b--", "../../x", "é12345",
                 "101_000001", "%00abc", None, ["101-000001"]):
        answer = redeem(b, code)
        t.status(answer, 400, "%r" % code)
        t.equal(list(answer.json["error"]["fields"]), ["code"], "%r" % code)
    t.status(send(b, "/api/voucher", {"code": "101-000001",
                                      "client_id": 1002}), 400, "unknown")
    t.equal(paid("heron", "101-000001"), 0, "nothing was credited")
    page = submit(portal.client().login("heron"), "/api/voucher",
                  {"code": "nonsense"})
    t.status(page, 422, "the form")
    t.check('value="nonsense"' in page.text, "what was typed")
    t.check('id="code-error"' in page.text, "the field is marked")


def test_voucher_at_once(t):
    fresh()
    p = Portal(sandbox, workers=4)  # whose store knows no voucher yet
    clients = [p.client().token("heron") for _ in range(5)]
    browsers = [p.client().login("heron") for _ in range(5)]
    tokens = [c.get("/api/voucher").csrf for c in browsers]
    before = balance()
    sandbox.forget()

    def work(i):
        if i % 2:
            return redeem(clients[i // 2], "101-000001")
        return browsers[i // 2].form("/api/voucher", {
            "csrf": tokens[i // 2], "code": "101-000001"})
    answers = at_once(10, work)
    t.equal(sorted(a.status for a in answers), [200] * 5 + [303] * 5,
            "each is told of the success")
    t.equal(paid("heron", "101-000001"), 1, "credited once")
    t.check(24.9 < balance() - before < 25.1, "to the balance, once")
    t.equal(writes(), 1, "asked once")


def test_voucher_two_customers(t):
    fresh()
    p = Portal(sandbox)
    both = [p.client().token("heron"), p.client().token("whale")]
    answers = at_once(2, lambda i: redeem(both[i], "101-000001"))
    t.equal(sorted(a.status for a in answers), [200, 422], "one of two")
    t.equal(paid("heron", "101-000001") + paid("whale", "101-000001"), 1,
            "credited once")


def test_voucher_throttle(t):
    fresh()
    p = Portal(sandbox, {"limits": {"voucherPerHour": 4}})
    b = p.client().token("heron")
    t.status(redeem(b, "101-000001"), 200, "a success")
    for n in range(4):
        t.status(redeem(b, "wrong-%d" % n), 422, "try %d" % n)
    sandbox.forget()
    answer = redeem(b, "101-000004")
    t.status(answer, 429, "too many")
    t.check(0 < int(answer.header("retry-after") or 0) <= 3600, "Retry-After")
    t.equal(writes(), 0, "and is not tried")
    t.status(redeem(b, "101-000001"), 200, "an old success is no try")
    page = submit(p.client().login("heron"), "/api/voucher",
                  {"code": "101-000004"})
    t.status(page, 429, "the form")
    t.check('name="code"' in page.text, "again")
    t.status(redeem(p.client().token("whale"), "101-000004"), 200,
             "somebody else may")
    o = p.client().token("osprey")
    answers = at_once(8, lambda i: redeem(o, "guess-%d" % i))
    t.equal(sorted(a.status for a in answers), [422] * 4 + [429] * 4,
            "parallel guesses do not slip through")


def test_voucher_faults(t):
    """[row: vcs-write-lost] [row: vcs-unconfirmed]"""
    for fault, status in (("lost_reply", 502), ("hang", 504),
                          ("error", 502), ("truncate", 502)):
        fresh()
        # A store of its own each time, as the sandbox begins anew.
        p = Portal(sandbox, {"coreApi": {"deadlineMs": 2000},
                             "limits": {"voucherPerHour": 1}})
        b = p.client().token("heron")
        sandbox.forget()
        sandbox.fault("topup_cards.activate", fault, times=1)
        answer = redeem(b, "101-000001")
        t.status(answer, status, fault)
        t.check("do not know yet" in answer.json["error"]["message"],
                "says so", answer.text)
        t.check(sent_once(fault), "sent once: " + fault)
        sandbox.heal()
        sandbox.forget()
        credited = paid("heron", "101-000001")
        answer = redeem(b, "101-000001")
        t.equal(writes(), 1, "a later try asks again: " + fault)
        if credited:
            t.status(answer, 422, "it was: " + fault)
            t.check("your own earlier try" in
                    answer.json["error"]["fields"]["code"], "kindly",
                    answer.text)
        else:
            t.status(answer, 200, "now it is: " + fault)
        t.equal(paid("heron", "101-000001"), 1, "once: " + fault)
        page = submit(p.client().login("whale"), "/api/voucher",
                      {"code": "101-000004"})
        t.status(page, 303, "others go on")
        p.end()
    fresh()
    p = Portal(sandbox, {"coreApi": {"deadlineMs": 2000}})
    b = p.client().token("heron")
    c = p.client().login("heron")
    for fault in ("error", "hang", "foreign_rows"):
        sandbox.heal()
        sandbox.forget()
        sandbox.fault("clients.get", fault)
        t.status(redeem(b, "101-000001"), 503, "not confirmed: " + fault)
        t.equal(writes(), 0, "nothing is written: " + fault)
    sandbox.heal()
    csrf = c.get("/api/voucher").csrf
    sandbox.fault("topup_cards.activate", "hang", times=1)
    answers = at_once(2, lambda i: c.form("/api/voucher", {
        "csrf": csrf, "code": "101-000001"}))
    t.check(504 in [a.status for a in answers], "a hang and a double click",
            [a.status for a in answers])
    t.check(all("voucher" in a.text for a in answers if a.status != 303),
            "the form again")
    t.check(paid("heron", "101-000001") <= 1, "never twice")
    fresh()


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(word) for word in f.read().split()]


def test_voucher_crash(t):
    """A worker dies while VCS is asked: the try is neither lost nor free."""
    fresh()
    p = Portal(sandbox, {"coreApi": {"deadlineMs": 60000}}, workers=1)
    b = p.client().token("heron")

    def ask(sql):
        with harness.store(p) as db:
            return db.execute(sql).fetchall()

    def cut_off():
        try:
            redeem(b, "101-000001")
        except (EOFError, OSError):
            return
        t.fail("an answer from a dead worker")

    sandbox.fault("topup_cards.activate", "hang", times=1)
    request = threading.Thread(target=cut_off)
    request.start()
    harness.wait_for("the call", lambda: ask("select state from voucher"))
    t.equal(ask("select state from voucher"), [("begun",)], "written before")
    t.check("101-000001" not in repr(ask("select * from voucher")),
            "the code itself is not kept")
    for worker in children(p.process.pid):
        os.kill(worker, signal.SIGKILL)
    request.join()
    sandbox.heal()
    ask("update lease set until = 0")  # as if its time were over
    answer = redeem(b, "101-000001")
    t.status(answer, 200, "the next worker goes on")
    t.equal(paid("heron", "101-000001"), 1, "credited once")
    t.equal(ask("select state from voucher"), [("done",)], "settled")
    # The same, but the lost try had been credited.
    ask("update voucher set state = 'begun'")
    answer = redeem(b, "101-000001")
    t.status(answer, 422, "used")
    t.check("your own earlier try" in answer.json["error"]["fields"]["code"],
            "kindly", answer.text)
    p.end()
    with open(p.log_path, "w"):
        pass  # that a worker was killed is no fault here


# --- All ----------------------------------------------------------------------

POSTS = (("/api/profile", {"version": "0" * 16, "company": "Evil"}),
         ("/api/password", {"current": PASSWORDS["heron"], "new": GOOD,
                            "repeat": GOOD}),
         ("/api/voucher", {"code": "101-000001"}))


def test_who(t):
    fresh()
    alien = portal.client().login("osprey").get("/api/profile").csrf
    for path, fields in POSTS:
        nobody = portal.client()
        t.status(nobody.get(path), 303, "nobody: GET " + path)
        answer = nobody.form(path, {**fields, "csrf": alien})
        t.status(answer, 303, "nobody: POST " + path)
        t.check(answer.location.startswith("/api/login"), "to the log-in")
        answer = nobody.post_json(path, fields, json_port=True)
        t.status(answer, 401, "nobody: JSON " + path)
        c = portal.client().login("heron")
        for token in (None, "", "x" * 43, alien):
            answer = c.form(path, {**fields, **(
                {} if token is None else {"csrf": token})})
            t.status(answer, 403, "token %r of %s" % (token, path))
            t.check('name="csrf"' in answer.text, "the form again")
        t.status(send(c, path, fields), 403, "JSON with a cookie " + path)
        t.status(c.get(path + "?x=1"), 400, "unknown parameter " + path)
        t.status(c.get(path + ".csv"), 404, "no file " + path)
        sandbox.change(IDS["heron"], status="suspended")
        answer = portal_post(c, path, fields)
        t.check(answer.status in (303, 403) and
                "login" in (answer.location or "login"), "suspended " + path,
                answer.status)
        sandbox.change(IDS["heron"], status="active")
    t.equal(writes(), 0, "nothing was written")
    t.equal(stored()["company"][:7], "O'Heron", "nothing changed")


def portal_post(c, path, fields):
    """With the token of a page that needs no active customer."""
    return c.form(path, {**fields, "csrf": portal_csrf(c)})


def portal_csrf(c):
    return c.get("/api/login").csrf or ""


def test_log(t):
    """No secret is in the portal's log."""
    for secret in (GOOD, PASSWORDS["heron"], "101-000001", "73514826"):
        t.check(secret not in portal.log(), "not in the log", secret)


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
