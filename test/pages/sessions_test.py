#!/usr/bin/env python3
"""sessions_test.py: the page Security; letters about devices and passwords; log-ins
under way; events of the billing system. Ends with 'N passed, N failed'.
"""
import base64
import email
import email.policy
import json
import shutil
import threading

import harness
from harness import IDS, PASSWORDS, Page, Portal, Sandbox, check_error, \
    wait_for

NEW = "correct horse 7"
SECRET = "a secret of twenty-one"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 " \
    "Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/" \
    "605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"

sandbox = Sandbox()
MAIL = {"uri": "smtp://" + sandbox.control("GET", "/gateways")["smtp"],
        "from": "portal@example.net"}
portal = Portal(sandbox, {"coreApi": {"deadlineMs": 60000}, "smtp": MAIL,
                          "vcs": {"hookSecret": SECRET}}, workers=4)


def letters():
    found = []
    for sent in sandbox.control("GET", "/mail"):
        mail = email.message_from_string(sent["data"],
                                         policy=email.policy.default)
        found.append((mail["to"], mail["subject"], mail.get_content()))
    return found


def fresh():
    sandbox.heal()
    sandbox.reset()
    sandbox.control("DELETE", "/mail")
    with harness.store(portal) as db:
        for table in ("session", "device", "session_cut", "throttle"):
            db.execute("delete from " + table)


def sessions(c):
    return c.json("/api/security")["sessions"]


def end(c, what, **how):
    return c.form("/api/security/sessions", {
        "csrf": c.get("/api/security").csrf, "end": what}, **how)


def is_in(c):
    return c.get("/api/profile").status == 200


# --- The page ---------------------------------------------------------------------

def test_list(t):
    fresh()
    c = portal.client(USER_AGENT=FIREFOX).login("heron")
    phone = portal.client(USER_AGENT=PHONE,
                          address="2001:db8::7").login("heron")
    program = portal.client(USER_AGENT="billing-sync/2.1 (x)").token("heron")
    portal.client().login("osprey")
    found = {s["device"]: s for s in sessions(c)}
    t.equal(sorted(found), ["Firefox on Linux", "Safari on iOS",
                            "billing-sync/2.1"], "heron's three")
    t.equal([d for d, s in found.items() if s["current"]],
            ["Firefox on Linux"], "this one")
    t.equal(found["Safari on iOS"]["address"], "2001:db8::7", "its address")
    t.equal(found["billing-sync/2.1"]["kind"], "api", "a program")
    t.check(all(s["created"]["iso"] and s["seen"]["text"] and
                len(s["id"]) == 64 for s in found.values()), "times, ids")
    page = c.get("/api/security")
    t.status(page, 200, "the page")
    for word in found:
        t.check(word in page.text, word)
    buttons = Page(page.text).find("button", name="end")
    t.equal(sorted(b["value"] for b in buttons), sorted(
        [s["id"] for s in found.values()] + ["others"]), "its buttons")
    t.status(end(c, found["Safari on iOS"]["id"]), 303, "end one")
    t.check("The session was ended" in c.get("/api/security").text, "told so")
    t.equal([is_in(c), is_in(phone)], [True, False], "it is out")
    t.status(program.get("/api/profile", json_port=True), 200, "others stay")
    t.status(end(c, "others"), 303, "end all others")
    t.status(program.get("/api/profile", json_port=True), 401, "they are out")
    t.check(is_in(c), "this one is not")
    t.equal(len(sessions(c)), 1, "one is left")
    page = c.get("/api/security")
    t.check('value="others"' not in page.text and
            "nowhere else" in page.text, "nothing else to end")
    answer = end(c, sessions(c)[0]["id"])
    t.equal((answer.status, answer.location), (303, "/api/login"),
            "ending one's own is a log-out")
    t.check(not is_in(c), "out")


def test_not_somebody_elses(t):
    fresh()
    c = portal.client().login("heron")
    other = portal.client().login("osprey")
    theirs = sessions(other)[0]["id"]
    for what in (theirs, "A" * 64, "0" * 64, "otherS", "1' or '1"):
        t.status(end(c, what), 404, what)
    t.check(is_in(other), "osprey is still in")
    t.status(c.form("/api/security/sessions", {"end": "others"}), 403,
             "no CSRF token")
    t.status(end(other, "others"), 303, "osprey's others")
    t.check(is_in(c), "heron is still in")
    b = portal.client().token("heron")
    check_error(t, b.post_json("/api/security/sessions", {"end": "x"},
                               json_port=True), 400, "invalid_input",
                "too short", ["end"])
    t.equal(b.post_json("/api/security/sessions", {"end": "others"},
                        json_port=True).json, {"ended": True}, "JSON")


def test_odd_agents(t):
    fresh()
    for agent in ("", "<b>\"'&", "x" * 5000, "=1+1", "\x1b[2Jhttp://x.example",
                  "Firefox/" * 50):
        c = portal.client(USER_AGENT=agent).login("heron")
        page = c.get("/api/security")
        t.status(page, 200, repr(agent[:20]))
        t.check("<b>\"'" not in page.text and "\x1b" not in page.text and
                "http://x" not in page.text, repr(agent[:20]))
        t.check(all(s["device"] and len(s["device"]) <= 60
                    for s in sessions(c)), "names", sessions(c)[:3])


# --- Letters ----------------------------------------------------------------------

def test_new_device(t):
    fresh()
    c = portal.client(USER_AGENT=FIREFOX).login("heron")
    c.cookies = {"portico-device": c.cookies["portico-device"]}
    c.address = "203.0.113.77"
    c.login("heron")
    other = portal.client(USER_AGENT=PHONE, address="203.0.113.8")
    other.login("heron")
    wait_for("a letter", letters)
    to, subject, text = letters()[0]
    t.check("new device" in subject, "its subject", subject)
    t.check("Safari on iOS" in text and "203.0.113.8" in text, "says what",
            text)
    portal.client(USER_AGENT="sync/1").token("osprey")
    portal.client(USER_AGENT="sync/1", address="198.51.100.99").token("osprey")
    portal.client(USER_AGENT="sync/1", address="203.0.113.5").token("osprey")
    wait_for("osprey's", lambda: len(letters()) > 1)
    t.check("neuen Ger" in letters()[1][1] or "new device" in letters()[1][1],
            "a program from another network", letters()[1])
    t.equal(len(letters()), 2, "not the first device, none twice")
    stranger = portal.client()
    stranger.cookies["portico-device"] = c.cookies["portico-device"]
    t.status(stranger.get("/api/profile"), 303, "the cookie lets nobody in")
    with harness.store(portal) as db:
        kept = str(db.execute("select * from device").fetchall())
    t.check(c.cookies["portico-device"] not in kept, "only a hash is stored")


def test_letters_are_bounded(t):
    fresh()
    portal.client().token("heron")
    for n in range(9):
        portal.client(USER_AGENT="sync/%d" % n).token("heron")
    wait_for("letters", lambda: len(letters()) >= 5)
    portal.client(USER_AGENT="sync/1").token("heron")
    t.equal(len(letters()), 5, "five an hour")


def change_password(c, new=NEW, old=PASSWORDS["heron"]):
    return c.form("/api/password", {"csrf": c.get("/api/password").csrf,
                                    "current": old, "new": new, "repeat": new})


def test_password_letter(t):
    fresh()
    c = portal.client().login("heron")
    t.status(change_password(c), 303, "changed")
    wait_for("a letter", letters)
    t.check("password was changed" in letters()[0][1], "says so", letters()[0])
    t.check(NEW not in letters()[0][2], "not the password")


def test_no_mail_server(t):
    """Nothing is sent, nothing fails."""
    p = Portal(sandbox, workers=1)
    fresh()
    for agent in (FIREFOX, PHONE):
        p.client(USER_AGENT=agent).login("heron")
    t.equal(letters(), [], "no letter")
    t.check("mail.failed" not in p.log(), "no word of it", p.log()[-500:])


# --- A log-in under way --------------------------------------------------------------

def test_old_password_under_way(t):
    """VCS has said yes to the old password, and then it is changed."""
    fresh()
    c = portal.client().login("heron")
    late = portal.client()
    csrf = late.get("/api/login").csrf
    found = {}
    sandbox.forget()
    sandbox.fault("accounts.search", "latency", value=3000, times=1)

    def log_in():
        found["answer"] = late.form("/api/login", {
            "csrf": csrf, "login": "heron", "password": PASSWORDS["heron"]})

    thread = threading.Thread(target=log_in)
    thread.start()
    wait_for("VCS's yes", lambda: sandbox.calls()["counts"].get(
        "clients.authenticate"))
    answer = change_password(c)
    t.status(answer, 303, "changed meanwhile")
    t.check(thread.is_alive(), "the log-in is still under way")
    thread.join()
    t.check(not is_in(late), "it comes to nothing", found["answer"].status)
    t.check(is_in(c), "who changed it stays")
    t.status(portal.client().try_login("heron", NEW), 303, "the new one does")


# --- Events of the billing system -------------------------------------------------------

def send(event, client, data=None, secret=SECRET, p=portal, body=None, **how):
    how = how or ({"X_PORTICO_SECRET": secret} if secret is not None else {})
    return p.client(address="192.0.2.200").request(
        "POST", "/api/hooks/vcs", (body or json.dumps({
            "event": {"dt": "2026-11-01T00:00:00Z", "events_id": event,
                      "object_id": client},
            "data": data or {}})).encode(), "application/json", **how)


def test_events(t):
    for event, data, out in (
            ("clients.archive", {}, True), ("clients.delete", {}, True),
            ("clients.update", {"status": "suspended"}, True),
            ("clients.update", {"status": "active"}, False),
            ("clients.update", {"name": "x"}, False),
            ("clients.balance_zero", {}, False),
            ("clients.accounts.delete", {}, False)):
        fresh()
        c = portal.client().login("heron")
        other = portal.client().login("osprey")
        t.status(send(event, IDS["heron"], data), 200, event)
        with harness.store(portal) as db:
            left = [row[0] for row in db.execute(
                "select client_id from session order by client_id")]
        t.equal(left, [IDS["osprey"]] if out else
                [IDS["heron"], IDS["osprey"]], "%s %s" % (event, data))
        t.equal([is_in(c), is_in(other)], [not out, True], event)
    basic = "Basic " + base64.b64encode(("vcs:" + SECRET).encode()).decode()
    for how in ({"AUTHORIZATION": basic},
                {"AUTHORIZATION": "Bearer " + SECRET.replace(" ", "")},):
        fresh()
        t.status(send("clients.update", 1, **how),
                 200 if how["AUTHORIZATION"] == basic else 401, str(how))


def test_strangers_events(t):
    fresh()
    c = portal.client().login("heron")
    for secret in (None, "", "x", SECRET + "x", SECRET[:-1], SECRET.upper()):
        answer = send("clients.archive", IDS["heron"], secret=secret)
        check_error(t, answer, 401, "login_required", repr(secret))
    t.check(is_in(c), "ended nobody's")
    for body in ("", "[]", "{", '{"event":1}', '{"event":{"events_id":[]}}',
                 '{"event":{"events_id":"clients.archive"}}',
                 '{"event":{"events_id":"clients.archive","object_id":-1}}'):
        t.status(send("", 0, body=body or " "), 400, body)
    t.status(portal.client().get("/api/hooks/vcs"), 405, "GET")
    for _ in range(60):
        send("clients.archive", 1, secret="wrong")
    t.status(send("clients.archive", IDS["heron"]), 429, "too many")
    t.check(is_in(c), "still in")
    t.status(send("clients.archive", IDS["heron"],
                  p=Portal(sandbox, workers=1)), 404, "not set up")


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
