#!/usr/bin/env python3
"""reset_test.py: forgotten passwords: the letter, its link, what may not show.
Ends with 'N passed, N failed'.
"""
import email
import email.policy
import json
import os
import re
import shutil
import threading

import harness
from harness import IDS, PASSWORDS, Portal, Sandbox, check_error, wait_for

NEW = "correct horse 7"
URI = "https://portal.example"

sandbox = Sandbox()
SETTINGS = {
    "publicUri": URI,
    "coreApi": {"deadlineMs": 3000},
    "smtp": {"uri": "smtp://" + sandbox.control("GET", "/gateways")["smtp"],
             "from": "portal@example.net"},
    "limits": {"resetPerHour": 0, "resetPerAddress": 0}}
portal = Portal(sandbox, SETTINGS, workers=2)


def settings(**more):
    return harness.lay(more, {name: dict(value) if isinstance(value, dict)
                              else value for name, value in SETTINGS.items()})


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


def ask(who, p=portal, **how):
    """The form; its answer."""
    c = p.client(**how)
    return c.form("/api/reset", {"csrf": c.get("/api/reset").csrf,
                                 "login": who})


def ask_for_link(who="heron", p=portal):
    """The path of the letter's link."""
    before = len(letters())
    answer = ask(who, p)
    assert answer.status == 303, (answer.status, answer.body[:300])
    wait_for("a letter", lambda: len(letters()) > before)
    return re.search(URI + r"(/api/reset/\S+)", letters()[-1][2]).group(1)


def choose(path, new=NEW, repeat=None, p=portal):
    c = p.client()
    page = c.get(path)
    return c.form(path, {"csrf": page.csrf or c.get("/api/login").csrf,
                         "new": new, "repeat": repeat or new})


def row_count(p=portal):
    with harness.store(p) as db:
        return db.execute("select count(*) from reset").fetchone()[0]


def try_password(who, password):
    return portal.client().try_login(who, password).status


# --- The way that it is meant --------------------------------------------------

def test_whole_way(t):
    fresh()
    inside = portal.client().login("heron")
    program = portal.client().token("heron")
    wait_for("a letter about the program", letters)
    sandbox.control("DELETE", "/mail")
    t.check('href="/api/reset"' in portal.client().get("/api/login").text,
            "the log-in page leads there")
    path = ask_for_link()
    to, subject, text = letters()[-1]
    row = sandbox.core("clients.get", id=IDS["heron"])
    t.equal(to.strip("<>"), row["c_email_billing"], "to VCS's address")
    t.check("a new password" in subject and "heron" in text, "its words",
            subject, text)
    t.check("15 minutes" in text, "says how long", text)
    token = path.rsplit("/", 1)[1]
    found = harness.store_bytes(portal)
    t.check(b"reset" in found, "the store was read")
    t.check(token.encode() not in found, "only a hash is stored")
    page = portal.client().get(path)
    t.status(page, 200, "the link")
    t.equal(page.header("referrer-policy"), "no-referrer", "no referrer")
    t.status(portal.client().get(path), 200, "a look does not use it up")
    t.equal(try_password("heron", PASSWORDS["heron"]), 303, "nor changes it")
    answer = choose(path)
    t.equal((answer.status, answer.location), (303, "/api/login?done=reset"),
            "chosen")
    t.check("Your password was changed" in
            portal.client().get(answer.location).text, "and told so")
    t.equal(try_password("heron", NEW), 303, "the new one logs in")
    t.equal(try_password("heron", PASSWORDS["heron"]), 401, "the old does not")
    t.status(inside.get("/api/dashboard"), 303, "sessions end")
    t.status(program.get("/api/dashboard", json_port=True), 401, "tokens too")
    t.status(choose(path), 404, "once is all")
    t.equal(try_password("heron", NEW), 303, "and changed nothing")
    wait_for("a letter that says so", lambda: [
        s for _, s, text in letters() if "was changed" in s and
        "198.51.100.1" in text])
    t.check(not [line for line in portal.log().split("\n") if token in line],
            "the token is in no log line")


def test_german(t):
    fresh()
    ask_for_link("osprey")
    t.check("ein neues Passwort" in letters()[0][1], "in German", letters())


def test_json(t):
    fresh()
    c = portal.client()
    answer = c.post_json("/api/reset", {"login": "heron"})
    t.status(answer, 200, "asked")
    t.equal(answer.json, {"sent": True}, "its answer")
    wait_for("a letter", letters)
    path = re.search(URI + r"(/api/reset/\S+)", letters()[0][2]).group(1)
    t.equal(c.json(path)["rules"]["min"], 10, "the rules")
    t.equal(c.post_json(path, {"new": NEW, "repeat": NEW}).json,
            {"changed": True}, "chosen")
    check_error(t, c.get(path, accept="application/json"), 404, "not_found",
                "used up")


def test_rules(t):
    fresh()
    path = ask_for_link()
    for new, repeat, word in (("short", None, "at least 10"),
                              (NEW, NEW + "x", "not the same"),
                              ("heron", None, "at least 10"),
                              ("password123", None, "easy to guess")):
        answer = choose(path, new, repeat)
        t.status(answer, 422, new)
        t.check(word in answer.text, new + ": why")
        t.check('action="%s"' % path in answer.text, "the form again")
    c = portal.client()
    t.status(c.form(path, {"new": NEW, "repeat": NEW}), 403, "no CSRF token")
    t.status(choose(path), 303, "the link is still good")


def test_gone_is_gone(t):
    """Made up, used up, expired, another brand's: no difference."""
    fresh()
    path = ask_for_link()
    with harness.store(portal) as db:
        db.execute("update reset set expires = expires - 900")
    pages = []
    for what, where in (("expired", path), ("made up", "/api/reset/" + "A" * 43),
                        ("odd", "/api/reset/x")):
        answer = portal.client().get(where)
        t.status(answer, 404, what)
        t.equal(answer.header("referrer-policy"), "no-referrer", what)
        pages.append(re.sub(r'value="[^"]*"|/api/reset/[^"&]+', "",
                            answer.text))
        t.status(choose(where), 404, what + ", POST")
    t.equal(len(set(pages)), 1, "the same page")
    t.equal(try_password("heron", PASSWORDS["heron"]), 303, "nothing changed")
    with harness.store(portal) as db:
        db.execute("update reset set expires = expires + 900, brand = 'x'")
    t.status(portal.client().get(path), 404, "another brand's")


def test_once_at_a_time(t):
    """Two at once: one wins."""
    fresh()
    path = ask_for_link()
    passwords = ["correct horse %d" % n for n in range(4)]
    found = {}

    def work(password):
        found[password] = choose(path, password).status

    threads = [threading.Thread(target=work, args=(p,)) for p in passwords]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal(sorted(found.values()), [303, 404, 404, 404], "one of four")
    won = [p for p in passwords if found[p] == 303][0]
    t.equal(try_password("heron", won), 303, "and it is the one")


# --- What may not show ----------------------------------------------------------

def shape(answer):
    return (answer.status, len(answer.body), [
        (name, value if name not in ("set-cookie", "x-request-id") else "")
        for name, value in answer.headers])


def test_no_oracle(t):
    fresh()
    p = Portal(sandbox, settings(limits={"resetPerHour": 2}))
    shapes = [shape(ask(who, p)) for who in (
        "heron", "nobody", "kestrel", "heron", "heron", "heron", "nobody",
        "nobody", "' or 1=1 --")]
    t.equal(len(set(map(str, shapes))), 1, "one answer")
    wait_for("the letters", lambda: len(letters()) == 2)
    ask("osprey", p)
    wait_for("osprey's", lambda: len(letters()) == 3)
    t.equal([re.search("login (\\w+)|namen (\\w+)", text).group(0)
             for _, _, text in letters()],
            ["login heron", "login heron", "namen osprey"],
            "heron's two, and no more")
    t.equal(row_count(p), 3, "tokens")


def test_nothing_asked_before_the_answer(t):
    """VCS hangs: the answer does not wait for it."""
    fresh()
    sandbox.fault("clients.search", "hang", times=2)
    p = Portal(sandbox, settings(coreApi={"deadlineMs": 60000}), workers=4)
    shapes = [shape(ask(who, p)) for who in ("heron", "nobody")]
    t.equal(str(shapes[0]), str(shapes[1]), "one answer")
    t.equal(shapes[0][0], 303, "at once")
    sandbox.heal()
    p.process.kill()
    p.process.wait()
    Portal.started.remove(p)


def test_too_often_by_address(t):
    fresh()
    p = Portal(sandbox, settings(limits={"resetPerAddress": 3}))
    for n in range(3):
        t.status(ask("nobody%d" % n, p), 303, "wish %d" % n)
    answer = ask("nobody4", p)
    t.status(answer, 429, "a fourth from there")
    t.check(0 < int(answer.header("retry-after")) <= 3600, "Retry-After")
    t.status(ask("nobody5", p, address="203.0.113.9"), 303, "from elsewhere")


def test_tokens_cannot_be_tried(t):
    p = Portal(sandbox, settings(limits={"loginPerAddress": 4}))
    for n in range(4):
        t.status(p.client().get("/api/reset/%043d" % n), 404, "try %d" % n)
    t.status(p.client().get("/api/reset/%043d" % 5), 429, "one more")
    t.status(p.client(address="203.0.113.9").get("/api/reset/" + "0" * 43),
             404, "from elsewhere")


def test_foreign_rows(t):
    """A VCS that does not know the argument answers with everybody."""
    fresh()
    with open(os.path.join(harness.ROOT, "conf/vcs/default.json")) as f:
        profile = json.load(f)
    del profile["operations"]["client.find"]["params"]["cp_login"]
    path = os.path.join(portal.folder, "deaf.json")
    with open(path, "w") as f:
        json.dump(profile, f)
    p = Portal(sandbox, settings(coreApi={"profile": path}), workers=1)
    for who in ("nobody", "kestrel", "' or 1=1 --"):
        ask(who, p)
    ask_for_link("osprey", p)
    t.equal([s for _, s, _ in letters()],
            ["Client Portal: ein neues Passwort"], "nobody else's")
    # Two customers of one log-in: it is not clear whose it is.
    sandbox.change(IDS["heron"], cp_login="osprey")
    ask("osprey", p)
    fresh()
    ask_for_link("heron", p)
    t.equal(len(letters()), 1, "no letter in between")
    del profile["operations"]["client.find"]
    with open(path, "w") as f:
        json.dump(profile, f)
    p = Portal(sandbox, settings(coreApi={"profile": path}), workers=1)
    t.status(p.client().get("/api/reset"), 404, "without it: no such thing")


def test_host_is_not_believed(t):
    fresh()
    c = portal.client()
    c.form("/api/reset", {"csrf": c.get("/api/reset").csrf, "login": "heron"},
           HOST="evil.example", X_FORWARDED_HOST="evil.example",
           env={"SERVER_NAME": "evil.example"})
    wait_for("a letter", letters)
    t.check("evil" not in letters()[0][2], "the link is publicUri's")


# --- When it goes wrong -----------------------------------------------------------

def test_vcs_in_trouble(t):
    for fault, status in (("error", 502), ("refuse", 502),
                          ("lost_reply", 303)):
        fresh()
        path = ask_for_link()
        sandbox.fault("clients.update", fault)
        answer = choose(path)
        t.status(answer, status, fault)
        sandbox.heal()
        if status != 303:
            t.check('action="%s"' % path in answer.text, "the form again")
            t.status(choose(path), 303, "the link is still good")
    fresh()
    path = ask_for_link()
    sandbox.change(IDS["heron"], status="suspended")
    t.status(choose(path), 404, "suspended meanwhile")
    sandbox.change(IDS["heron"], status="active")


def test_locked_out_customer_gets_in(t):
    fresh()
    p = Portal(sandbox, settings(limits={"loginPerName": 2}))
    for _ in range(2):
        p.client().try_login("heron", "wrong")
    t.status(p.client().try_login("heron", PASSWORDS["heron"]), 429, "locked")
    t.status(choose(ask_for_link("heron", p), p=p), 303, "a new password")
    t.status(p.client().try_login("heron", NEW), 303, "lets him in")


def test_not_set_up(t):
    """No mail server, or no address for the link: no such thing."""
    for without in ({"publicUri": ""}, {"smtp": {"uri": ""}},
                    {"smtp": {"from": ""}}):
        p = Portal(sandbox, settings(**without), workers=1)
        c = p.client()
        page = c.get("/api/login")
        t.check("/api/reset" not in page.text, "no link", without)
        t.status(c.get("/api/reset"), 404, "no page")
        t.status(c.get("/api/reset/" + "A" * 43), 404, "no link's page")
        t.status(c.form("/api/reset", {"csrf": page.csrf, "login": "heron"}),
                 404, "no form")


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
