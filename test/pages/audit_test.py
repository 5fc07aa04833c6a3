#!/usr/bin/env python3
"""audit_test.py: the audit trail: each event once, with the right data, for its
customer alone; what cannot be forged; bounds; files; a store that is locked.
Ends with 'N passed, N failed'.
"""
import base64
import csv
import email
import email.policy
import hashlib
import hmac
import io
import json
import re
import shutil
import struct

import harness
from harness import IDS, PASSWORDS, Page, Portal, Sandbox, wait_for
from till import Till

NOW = 1795521600  # Tuesday 2026-11-24 12:00 UTC
NEW = "correct horse 7"
SECRET = "audit, audit, audit, audit"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 " \
    "Firefox/140.0"
DEVICE = "Firefox on Linux"
HOME = "198.51.100.1"

sandbox = Sandbox("--now", str(NOW))
till = Till(sandbox, coreApi={"deadlineMs": 60000},
            vcs={"hookSecret": SECRET},
            limits={"resetPerHour": 0, "resetPerAddress": 0,
                    "auditRows": 60, "auditDays": 30},
            now=NOW)
portal = till.portal


def store(p=portal):
    return harness.store(p)


def fresh(p=portal):
    sandbox.heal()
    sandbox.reset()
    with store(p) as db:
        for table in ("audit", "audit_tally", "audit_name", "session",
                      "session_cut", "device", "throttle", "totp",
                      "recovery_code", "voucher"):
            db.execute("delete from " + table)


def browser(who="heron", p=portal, address=HOME, **how):
    how.setdefault("USER_AGENT", FIREFOX)
    c = p.client(address=address, **how)
    return c.login(who) if who else c


def trail(c, query="?size=100"):
    return c.json("/api/audit" + query)["audit"]


def events(c, query="?size=100"):
    return [row["event"] for row in trail(c, query)]


def entry(t, c, event, **wanted):
    """The one entry of an event; what it says."""
    found = [row for row in trail(c) if row["event"] == event]
    t.equal(len(found), 1, event + ": once")
    if not found:
        return {}
    for key, value in wanted.items():
        t.equal(found[0][key], value, "%s: %s" % (event, key))
    return found[0]


def send(c, path, fields, page=None):
    """A form of the browser's."""
    csrf = c.get(page or path).csrf or c.get("/api/profile").csrf
    return c.form(path, {"csrf": csrf, **fields}, accept="text/html")


def hook(event, client, p=portal):
    return p.client(address="192.0.2.200").request(
        "POST", "/api/hooks/vcs", json.dumps({
            "event": {"dt": "2026-11-01T00:00:00Z", "events_id": event,
                      "object_id": client}, "data": {}}).encode(),
        "application/json", X_PORTICO_SECRET=SECRET)


def code_of(secret, steps=0):
    key = base64.b32decode(secret)
    mac = hmac.new(key, struct.pack(">Q", NOW // 30 + steps),
                   hashlib.sha1).digest()
    at = mac[-1] & 15
    number = struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff
    return "%06d" % (number % 1000000)


def lines(answer):
    return list(csv.reader(io.StringIO(
        answer.body.decode("utf-8-sig")), delimiter=","))


# --- Events -----------------------------------------------------------------------

def test_log_ins(t):
    fresh()
    c = browser()
    entry(t, c, "login", item="password", what="With the password", times=1,
          device=DEVICE, address=HOME, old=None, new=None, amount=None)
    t.equal(events(c), ["login"], "nothing else: a first device is no news")
    row = trail(c)[0]
    t.equal(row["time"]["iso"], "2026-11-24T07:00:00-05:00", "its time")
    other = browser(USER_AGENT="billing-sync/2.1", address="2001:db8::7")
    entry(t, c, "new_device", device="billing-sync/2.1",
          address="2001:db8::7", what=None)
    t.equal(events(c), ["new_device", "login", "login"], "the newest first")
    send(other, "/api/logout", {}, "/api/profile")
    entry(t, c, "logout", device="billing-sync/2.1")
    t.status(other.get("/api/audit"), 303, "who is out sees nothing")


def test_failed_log_ins(t):
    fresh()
    c = browser()
    for _ in range(3):
        t.equal(browser(None, address="203.0.113.66").try_login(
            "heron", "wrong").status, 401, "a wrong password")
    browser(None, address="203.0.113.67").try_login("heron", "wrong")
    rows = [r for r in trail(c) if r["event"] == "login_failed"]
    t.equal(sorted((r["times"], r["address"]) for r in rows), [
        (1, "203.0.113.67"), (3, "203.0.113.66")], "counted by address")
    t.equal({r["device"] for r in rows}, {DEVICE}, "with what")
    other = browser("osprey")
    t.check("login_failed" not in events(other), "another's name")
    # Before the first log-in, too.
    browser(None).try_login("whale", "wrong")
    whale = browser("whale")
    entry(t, whale, "login_failed", times=1)
    # IPv6: a network is one host's.
    for i in range(3):
        browser(None, address="2001:db8:1:2::%d" % i).try_login("heron", "x")
    rows = [r for r in trail(c) if r["event"] == "login_failed" and
            ":" in r["address"]]
    t.equal([(r["times"], r["address"]) for r in rows],
            [(3, "2001:db8:1:2::2")], "its last address")


def test_a_name_changes_hands(t):
    fresh()
    browser()
    browser(None, address="203.0.113.1").try_login("heron", "wrong")
    with store() as db:
        db.execute("update audit_name set client_id = 1004")
    c = browser()
    t.check("login_failed" not in events(c), "what was another's stays his")


def writes_of(p, act):
    """How often the store is written to: what strace cannot say here, the
    log of the store can: frames and commits of its write-ahead log."""
    with store(p) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        before = db.execute("pragma data_version").fetchone()[0]
        act()
        db.execute("begin")
        changed = db.execute("pragma data_version").fetchone()[0] != before
        db.execute("commit")
    with open(p.folder + "/portico.db-wal", "rb") as f:
        head, data = f.read(32), f.read()
    if not head:
        return 0, changed
    size = struct.unpack(">I", head[8:12])[0]
    commits = [data[at + 4:at + 8] != b"\0\0\0\0"
               for at in range(0, len(data), 24 + size)]
    return sum(commits), changed


@harness.sqlite_only("its log shows each write")
def test_names_cost_the_same(t):
    """Known, unknown and archived ones: the same words and as many writes."""
    fresh()
    browser()
    counts = {}
    for name in ("heron", "nobody", "kestrel", "osprey"):
        def act():
            answer = browser(None, address="203.0.113.5").try_login(
                name, "wrong")
            t.equal(answer.status, 401, name)

        act()
        counts[name] = writes_of(portal, act)[0]
    t.check(counts["heron"] > 0, "they are written", counts)
    t.equal(len(set(counts.values())), 1, "as often: %s" % counts)
    with store() as db:
        rows = db.execute("select subject, expires - time from audit_tally "
                          "order by 2").fetchall()
    t.equal([d for _, d in rows], [86400] * 3 + [30 * 86400],
            "of names that nobody has had, a day")
    t.check(all(re.fullmatch("[0-9a-f]{64}", s) for s, _ in rows),
            "as hashes alone")


def test_passwords(t):
    fresh()
    c = browser()
    t.status(send(c, "/api/password", {"current": "wrong", "new": NEW,
                                       "repeat": NEW}), 422, "a wrong one")
    entry(t, c, "password_failed", times=1, device=DEVICE)
    t.status(send(c, "/api/password", {
        "current": PASSWORDS["heron"], "new": NEW, "repeat": NEW}), 303,
        "the right one")
    entry(t, c, "password_changed", device=DEVICE, address=HOME, what=None)
    text = json.dumps(trail(c))
    t.check(NEW not in text and PASSWORDS["heron"] not in text, "no password")


def test_reset(t):
    fresh()
    c = browser()
    stranger = browser(None, address="203.0.113.9")
    sandbox.control("DELETE", "/mail")
    for who in ("heron", "nobody"):
        t.status(stranger.form("/api/reset", {
            "csrf": stranger.get("/api/reset").csrf, "login": who}), 303, who)
    wait_for("the letter", lambda: sandbox.control("GET", "/mail"))
    wait_for("its entry", lambda: "reset_asked" in events(c))
    entry(t, c, "reset_asked", times=1, device=DEVICE, address="203.0.113.9")
    mail = email.message_from_string(
        sandbox.control("GET", "/mail")[-1]["data"],
        policy=email.policy.default).get_content()
    path = re.search(r"/api/reset/[\w-]{43}", mail).group(0)
    t.status(stranger.form(path, {"csrf": stranger.get(path).csrf,
                                  "new": NEW, "repeat": NEW}), 303, "done")
    c = browser(None)
    c.try_login("heron", NEW)
    entry(t, c, "reset_done", device=DEVICE, address="203.0.113.9")


def test_sessions(t):
    fresh()
    c = browser()
    phone = browser(USER_AGENT="billing-sync/2.1")
    ident = [s["id"] for s in c.json("/api/security")["sessions"]
             if not s["current"]][0]
    t.status(send(c, "/api/security/sessions", {"end": ident},
                  "/api/security"), 303, "end one")
    t.status(phone.get("/api/profile"), 303, "it is out")
    entry(t, c, "session_ended", what="billing-sync/2.1", device=DEVICE)
    browser()
    send(c, "/api/security/sessions", {"end": "others"}, "/api/security")
    entry(t, c, "sessions_ended", what=None, device=DEVICE)
    t.status(send(c, "/api/security/sessions", {"end": "A" * 64},
                  "/api/security"), 404, "one that there is not")
    t.equal(events(c).count("session_ended"), 1, "which is no entry")
    mine = [s["id"] for s in c.json("/api/security")["sessions"]
            if s["current"]][0]
    send(c, "/api/security/sessions", {"end": mine}, "/api/security")
    entry(t, browser(), "logout", device=DEVICE)


def test_ended_by_the_billing_system(t):
    fresh()
    browser(), browser("osprey")
    t.status(hook("clients.archive", IDS["heron"]), 200, "an event")
    c = browser()
    entry(t, c, "sessions_revoked", device=None, address=None)
    sandbox.change(IDS["heron"], status="stop")
    t.status(c.get("/api/profile"), 303, "no longer active")
    sandbox.reset()
    t.equal([r["times"] for r in trail(browser())
             if r["event"] == "sessions_revoked"], [2], "and without an event")
    t.check("sessions_revoked" not in events(browser("osprey")), "heron's")


def test_second_factor(t):
    fresh()
    c = browser()
    page = c.form("/api/security/totp", {
        "csrf": c.get("/api/security").csrf}, accept="application/json")
    secret = page.json["secret"]
    answer = c.form("/api/security/totp/confirm", {
        "csrf": c.get("/api/security").csrf, "code": code_of(secret, -1)},
        accept="application/json")
    t.status(answer, 200, "set up")
    codes = answer.json["recovery_codes"]
    entry(t, c, "factor_added", device=DEVICE)
    d = browser()
    t.equal(events(c).count("login"), 1, "a password alone is no log-in")
    entry(t, c, "code_asked", times=1, device=DEVICE)
    t.status(send(d, "/api/login/code", {"code": "000000"}), 422, "wrong")
    entry(t, c, "code_failed", times=1)
    t.status(send(d, "/api/login/code", {"code": codes[0]}), 303, "recovery")
    entry(t, c, "recovery_used", device=DEVICE, what=None)
    how = [r["item"] for r in trail(c) if r["event"] == "login"]
    t.equal(how, ["code", "password"], "how each log-in was")
    program = portal.client().post_json("/api/login", {
        "login": "heron", "password": PASSWORDS["heron"],
        "code": code_of(secret)}, accept="application/json")
    t.status(program, 200, "a program, with the code")
    how = [r["item"] for r in trail(c) if r["event"] == "login"]
    t.equal(how, ["code", "code", "password"], "with both")
    t.status(send(d, "/api/security/totp/remove", {"current": "x" * 12},
                  "/api/security"), 422, "a wrong password")
    entry(t, c, "password_failed", times=1)
    t.status(send(d, "/api/security/totp/remove",
                  {"current": PASSWORDS["heron"]}, "/api/security"), 303,
             "removed")
    entry(t, d, "factor_removed", device=DEVICE)
    text = json.dumps(trail(d))
    t.check(secret not in text and not any(x in text for x in codes),
            "no secret, no code")


def test_profile(t):
    fresh()
    c = browser()
    before = c.json("/api/profile")["fields"]
    t.status(send(c, "/api/profile", {
        "email": "new@heron.example", "tax_id": "US-77",
        "version": c.json("/api/profile")["version"]}), 303, "saved")
    rows = {r["item"]: r for r in trail(c) if r["event"] == "profile_changed"}
    t.equal(sorted(rows), ["email", "tax_id"], "an entry for each field")
    t.equal((rows["email"]["old"], rows["email"]["new"]),
            (before["email"], "new@heron.example"), "both values")
    t.equal(rows["tax_id"]["what"], "Tax ID: %s → US-77" % before["tax_id"],
            "in words")
    send(c, "/api/profile", {"email": "x",
                             "version": c.json("/api/profile")["version"]})
    sandbox.fault("clients.update", "error")
    send(c, "/api/profile", {"email": "other@heron.example",
                             "version": c.json("/api/profile")["version"]})
    sandbox.heal()
    t.equal(len([e for e in events(c) if e == "profile_changed"]), 2,
            "what was refused is none")


def test_voucher(t):
    fresh()
    c = browser()
    t.status(send(c, "/api/voucher", {"code": "101-000001"}), 303, "redeemed")
    row = entry(t, c, "voucher_redeemed", what="$25.00", item=None)
    t.equal(row["amount"]["amount"], "25.0", "its amount")
    send(c, "/api/voucher", {"code": "101-000001"})
    t.equal(events(c).count("voucher_redeemed"), 1, "a used one is none")


def test_payments(t):
    fresh()
    c = till.customer()
    c.headers["USER_AGENT"] = FIREFOX
    begun = till.begin(c, "paypal")
    ident = begun["payment"]["id"]
    row = entry(t, c, "payment_begun", item=ident, device=DEVICE, address=HOME,
                what="$25.00 · " + ident)
    t.equal((row["amount"]["amount"], row["amount"]["currency"]),
            ("25.00", "USD"), "its amount")
    till.approve(begun)
    till.come_back(c, begun)
    till.settled(c, begun)
    till.come_back(c, begun)
    entry(t, c, "payment_paid", item=ident, device=None, address=None)
    # The reconciler and a webhook, without a session.
    again = till.begin(c, "authorizenet", "30.00")
    till.approve(again, "decline")
    till.hurry()
    till.reconcile()
    sandbox.control("POST", "/paypal/refund", {
        "capture": till.money()["paypal"][-1]["capture"]})
    for delivery in till.deliveries("paypal"):
        till.deliver(delivery)
    till.hurry()
    till.settled(c, begun, "reversed")
    entry(t, c, "payment_reversed", item=ident, device=None)
    t.equal(events(c).count("payment_paid"), 1, "still once")
    cancelled = till.begin(c, "paypal", "11.00")
    till.come_back(c, cancelled, "cancel")
    entry(t, c, "payment_cancelled", item=cancelled["payment"]["id"])
    t.check(not [e for e in events(browser("osprey"))
                 if e.startswith("payment")], "heron's alone")


def test_files(t):
    fresh()
    c = browser()
    t.status(c.get("/api/invoices/9005/download"), 200, "an invoice")
    entry(t, c, "invoice_downloaded", what="INV-9005.pdf", device=DEVICE)
    t.status(c.get("/api/invoices/9101/download"), 404, "osprey's")
    t.equal(events(c).count("invoice_downloaded"), 1, "which is no entry")
    t.status(c.get("/api/payments.csv?from=2026-11-01&to=2026-11-20"), 200,
             "a table")
    entry(t, c, "exported", what="payments_2026-11-01_2026-11-20.csv")
    for _ in range(5):
        c.get("/api/payments.csv?from=2026-11-01&to=2026-11-20")
    row = entry(t, c, "exported", times=6)
    t.equal(row.get("what"), "payments_2026-11-01_2026-11-20.csv · 6 times "
            "since Nov 24, 2026, 7:00\u202fAM", "in words")
    c.get("/api/rates.xlsx")
    t.equal([r["item"] for r in trail(c) if r["event"] == "exported"],
            ["rates_2026-11-24.xlsx", "payments_2026-11-01_2026-11-20.csv"],
            "another one is another entry")


# --- Whose ------------------------------------------------------------------------

def test_nobody_elses(t):
    fresh()
    acme = Portal(sandbox, {"limits": {"auditRows": 60}}, brands={
        "acme": (sandbox, {"store": {"uri": harness.store_uri(
            portal.folder + "/shared.db")}})}, now=NOW)
    acme.brand("acme", sandbox, {"store": {
        "uri": harness.store_uri(acme.folder + "/portico.db")}})
    acme.reload()
    c, d = browser(p=acme), browser(p=acme, brand="acme")
    browser("osprey", p=acme)
    browser(None, p=acme).try_login("heron", "wrong")
    browser(None, p=acme, brand="acme").try_login("heron", "wrong")
    send(c, "/api/voucher", {"code": "101-000001"})
    t.equal(sorted(events(c)), ["login", "login_failed", "voucher_redeemed"],
            "the one brand's")
    t.equal(sorted(events(d)), ["login", "login_failed"], "the other's, of "
            "the same store and the same number")
    t.equal([r["times"] for r in trail(d)], [1, 1], "counted apart")
    for query in ("?client=1001", "?client_id=1001", "?brand=default"):
        t.status(d.get("/api/audit" + query, accept="application/json"), 400,
                 query)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        t.status(c.request(method, "/api/audit", b"{}", "application/json"),
                 405, method + ": nothing can be changed")


# --- Forging ------------------------------------------------------------------------

EVIL = ["x\u202egnp.exe", "a\u2066b\u2069\u200fc", "\u200b\ufeffzero",
        "e\u0301\u00ad", "t\U000e0041ag", "=1+HYPERLINK(\"http://x\")",
        "@SUM(1)", "-1+1|cmd", "<img src=x onerror=alert(1)>\"'&{{x}}",
        "\u2068x\u2069 → y", "x" * 255, "\u05d0\u05d1\u05d2 → \u05d3"]
HIDDEN = re.compile("[\0-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f"
                    "\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")


def test_forging_by_values(t):
    fresh()
    c = browser()
    for i, evil in enumerate(EVIL):
        answer = send(c, "/api/profile", {
            "company": evil, "address": "Line 1\r\nLine 2\nLogged in %d" % i,
            "version": c.json("/api/profile")["version"]})
        t.status(answer, 303, repr(evil))
    rows = trail(c)
    changed = [r for r in rows if r["event"] == "profile_changed"]
    t.equal(len(changed), 2 * len(EVIL), "one each, and no more")
    t.equal(len(rows), 2 * len(EVIL) + 1, "nothing else")
    for row in changed:
        for key in ("what", "old", "new"):
            text = row[key] or ""
            t.check(not HIDDEN.search(text), "hidden characters", text)
            t.check(len(text) <= 450, "length", len(text))
    t.check(any(r["new"] == "x" * 200 + "…" for r in changed), "cut")
    t.check(any(r["new"] == "Line 1 Line 2 Logged in 3" for r in changed),
            "one line")
    page = c.get("/api/audit?size=100")
    t.check(not [a for a in Page(page.text).attributes
                 if a[1].startswith("on")], "markup is text")
    texts = [text for text, where in Page(page.text).texts if "td" in where]
    t.check(any("\u2068x → y\u2069" in text for text in texts),
            "isolated on the page, its own isolates gone", texts[:9])
    table = lines(c.get("/api/audit.csv"))
    cells = [cell for line in table for cell in line]
    t.check(all(not re.match(r"[=+\-@\t\r]", cell) for cell in cells),
            "no formula in the file")
    t.check("\u2068" not in "".join(cells), "nor isolates")


def test_forging_by_headers(t):
    fresh()
    c = browser()
    evil = "=cmd|x (\x1b[2J\u202e)\r\nlogin"
    for agent in (evil, "x" * 5000, "<script>", "", "é\u202eü/1"):
        browser(None, USER_AGENT=agent).try_login("heron", "wrong")
        browser(USER_AGENT=agent)
    for row in trail(c):
        t.check(row["device"] is None or (
            len(row["device"]) <= 60 and row["device"].isascii()),
            "a short name", row["device"])
    t.equal({e for e in events(c)}, {"login", "login_failed", "new_device"},
            "no entry of their making")
    with store() as db:
        t.check(db.execute("select max(length(agent)) from audit")
                .fetchone()[0] <= 255, "cut in the store")
    table = lines(c.get("/api/audit.csv"))
    t.check(all(not re.match(r"[=+@]", cell) for line in table
                for cell in line), "no formula in the file")
    for name in ("heron\r\nlogin", "heron\u202e", "x" * 129, "HERON"):
        browser(None, address="203.0.113.77").try_login(name, "wrong")
    t.check("203.0.113.77" not in json.dumps(trail(c)),
            "another name is not his")


# --- Bounds ---------------------------------------------------------------------------

def test_rows(t):
    """limits.auditRows is 60 here."""
    fresh()
    c = browser()
    for i in range(70):
        send(c, "/api/profile", {
            "tax_id": "T-%d" % i,
            "version": c.json("/api/profile")["version"]})
    with store() as db:
        t.equal(db.execute("select count(*) from audit").fetchone()[0], 60,
                "no more are kept")
    rows = trail(c)
    t.equal([r["new"] for r in rows[:2]], ["T-69", "T-68"], "the newest stay")
    other = browser("osprey")
    t.equal(events(other), ["login"], "others keep theirs")


def test_a_flood(t):
    """Pushes nothing out, and leaves the newest of itself."""
    fresh()
    c = browser()
    send(c, "/api/voucher", {"code": "101-000001"})
    own = set(events(c))
    for i in range(130):
        browser(None, address="203.0.%d.%d" % (i, i)).try_login("heron", "x")
    for i in range(130):
        with store() as db:  # a second each
            db.execute("update audit_tally set time = time - 1")
        browser(None, address="192.0.%d.%d" % (i, i)).try_login("heron", "x")
    with store() as db:
        count = db.execute("select count(*) from audit_tally").fetchone()[0]
    t.check(100 <= count <= 101, "of a name, so many", count)
    t.check(own <= set(events(c, "?size=100&page=2") + events(c)),
            "the customer's own are all there")
    for i in range(40):
        browser(None).try_login("nobody%d" % i, "x")
    with store() as db:
        db.execute("update audit_tally set expires = 1")
        browser(None).try_login("nobody", "x")
        t.equal(db.execute("select count(*) from audit_tally").fetchone()[0],
                1, "what is over goes")


def test_programs(t):
    """Who logs in all day fills no trail."""
    fresh()
    c = browser()
    send(c, "/api/voucher", {"code": "101-000001"})
    for _ in range(70):
        portal.client().token("heron")
    rows = trail(c)
    t.equal([(r["event"], r["times"]) for r in rows if r["event"] != "new_device"
             ], [("login", 70), ("voucher_redeemed", 1), ("login", 1)],
            "one entry for the hour")
    with store() as db:
        db.execute("update audit set time = time - 3600")
    portal.client().token("heron")
    t.equal(events(c).count("login"), 3, "the next hour has its own")


def test_age(t):
    """limits.auditDays is 30 here."""
    fresh()
    c = browser()
    browser("osprey")
    with store() as db:
        db.execute("update audit set time = time - 31 * 86400")
        db.execute("update audit_name set seen = 1 where client_id = 1002")
    t.equal(events(c), [], "not of these days")
    send(c, "/api/voucher", {"code": "101-000001"})
    with store() as db:
        t.equal(db.execute("select event from audit").fetchall(),
                [("voucher_redeemed",)], "the old ones go, everybody's")
    browser()
    with store() as db:
        t.equal(db.execute("select client_id from audit_name").fetchall(),
                [(1001,)], "and names that nobody uses")


# --- The page ---------------------------------------------------------------------------

def test_periods_and_pages(t):
    fresh()
    c = browser()
    for i in range(30):
        with store() as db:
            db.execute("update audit set time = time - 86400")
        portal.client().token("heron")
    found = c.json("/api/audit?from=2026-11-20&to=2026-11-22")
    t.equal(found["filters"], {"from": "2026-11-20", "to": "2026-11-22"},
            "the period")
    t.equal(sorted({r["time"]["iso"][:10] for r in found["audit"]}),
            ["2026-11-20", "2026-11-21", "2026-11-22"], "its days")
    first = c.json("/api/audit?size=10")
    second = c.json("/api/audit?size=10&page=2")
    t.equal((len(first["audit"]), first["page"]["more"]), (10, True), "a page")
    both = [r["time"]["iso"] for r in first["audit"] + second["audit"]]
    t.equal(both, sorted(both, reverse=True), "in order")
    page = c.get("/api/audit?size=10&page=99")
    t.check("table.beyond" not in page.text and page.status == 200, "beyond")
    page = c.get("/api/audit?from=2026-01-01&to=2026-01-02")
    t.check("Nothing happened in this period" in page.text, "empty")
    t.check("The last 60 entries are kept, and none longer than 30 days." in
            page.text, "says what is kept")
    t.check('href="/api/audit"' in c.get("/api/security").text, "a link")


def test_export(t):
    fresh()
    c = browser()
    send(c, "/api/profile", {"tax_id": "US-78", "version": c.json(
        "/api/profile")["version"]})
    browser(None).try_login("heron", "wrong")
    answer = c.get("/api/audit.csv")
    t.status(answer, 200, "the file")
    t.check("audit_2026-10-26_2026-11-24.csv" in
            answer.header("content-disposition"), "its name")
    table = lines(answer)
    at = next(i for i, line in enumerate(table) if "Event" in line)
    t.equal(table[at], ["Time", "Event", "Details", "Before", "After",
                        "Device", "Address", "Times"], "its header")
    t.equal([line[1] for line in table[at + 1:]],
            ["Profile changed", "Logged in", "Log-in failed"], "its rows")
    t.check(any("US-78" in line[2] for line in table[at + 1:]), "its details")
    t.check(any(line[3:5] == ["US-12-3456789", "US-78"]
                for line in table[at + 1:]), "old and new apart",
            table[at + 1])
    t.check("exported" in events(c), "and is an entry itself")
    german = browser("osprey")
    table = lines(german.get("/api/audit.csv"))
    t.check(any("Ereignis" in line for line in table), "in his language")
    t.status(c.get("/api/audit.xlsx"), 200, "a sheet")


def test_every_event_has_words(t):
    with open(harness.ROOT + "/fcgi/domain/audit.c") as f:
        names = re.findall(r'\[AUDIT_\w+\] = \{"(\w+)"', f.read())
    t.check(len(names) > 25, "events", len(names))
    for language in ("en", "de", "es", "uk", "ar"):
        with open("%s/templates/locale/%s.json" % (
                harness.ROOT, language)) as f:
            texts = json.load(f)
        for name in names:
            t.check(texts.get("audit.state." + name), language + " " + name)


# --- The store ----------------------------------------------------------------------------

@harness.sqlite_only("its log shows each write")
def test_reading_writes_nothing(t):
    fresh()
    c = browser()
    for path in ("/api/dashboard", "/api/rates", "/api/payments",
                 "/api/invoices", "/api/usage/summary", "/api/profile",
                 "/api/security", "/api/audit", "/api/audit?page=2",
                 "/api/subscriptions", "/api/accounts", "/api/refill"):
        c.get(path)  # ids that the session keeps
        commits, changed = writes_of(portal, lambda: t.status(
            c.get(path), 200, path))
        t.equal((commits, changed), (0, False), path + ": no write")
    t.equal(writes_of(portal, lambda: portal.client().token("heron"))[1],
            True, "a write would be seen")


def test_a_locked_store(t):
    """What cannot be written is logged; what VCS has done stays done."""
    fresh()
    c = browser()
    csrf = c.get("/api/invoices").csrf
    before = len(portal.logged("audit.lost"))
    with store() as db:
        t.check(harness.lock(db), "locked")
        t.status(c.get("/api/invoices/9005/download"), 200, "a file")
        t.status(c.get("/api/audit"), 200, "the trail can be read")
        t.check(c.form("/api/security/sessions", {
            "csrf": csrf, "end": "others"}).status in (500, 503),
            "what is the store's own is not done")
        db.execute("rollback")
    t.equal(len(portal.logged("audit.lost")) - before, 1, "one is lost")
    line = portal.logged("audit.lost")[-1]
    t.check("client:1001: invoice_downloaded" in line, "says which", line)
    t.equal(events(c), ["login"], "and neither entry nor end of sessions")


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
