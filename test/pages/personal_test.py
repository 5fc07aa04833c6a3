#!/usr/bin/env python3
"""personal_test.py: the file of personal data: all of one customer, nothing of
others, no secrets, whole or not at all. Ends with 'N passed, N failed'.
"""
import hashlib
import json
import re
import time

import harness
from harness import IDS, Page, Portal, Sandbox, check_error
from till import settings_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 " \
    "Firefox/140.0"
FILE = "/api/personal/data"

sandbox = Sandbox()
portal = Portal(sandbox, settings_of(sandbox, limits={"personalPerHour": 0}))


def ask(c, **how):
    answer = c.get(FILE, **how)
    assert answer.status == 200, (answer.status, answer.body[:500])
    return answer


def change(which, *statements):
    with harness.store(which) as db:
        for sql, values in statements:
            db.execute(sql, values)


def tables(which):
    with harness.store(which) as db:
        return harness.tables(db)


def every(c, path, key, **fields):
    """All rows of a page's JSON."""
    rows, page = [], 1
    while True:
        query = "&".join("%s=%s" % item for item in
                         {**fields, "page": page, "size": 100}.items())
        model = c.json("%s?%s" % (path, query))
        rows += model[key]
        if not model["page"]["more"]:
            return rows
        page += 1


def ids(rows):
    return sorted(row["id"] for row in rows)


def pay(c):
    answer = c.post_json("/api/refill", {"gateway": "paypal", "amount": "25"},
                         json_port=True)
    assert answer.status == 201, (answer.status, answer.body[:300])
    return answer.json["payment"]["id"]


def fetch_raw(which, client):
    """The bytes of the file, and whether it came whole."""
    env = {"REQUEST_METHOD": "GET", "REQUEST_URI": FILE + ".json",
           "DOCUMENT_URI": FILE + ".json", "QUERY_STRING": "",
           "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "localhost",
           "SERVER_PORT": "9080", "REMOTE_ADDR": "198.51.100.1",
           "HTTP_AUTHORIZATION": "Bearer " + client.bearer}
    body = b""
    with harness.socket.socket(harness.socket.AF_UNIX) as s:
        s.settimeout(harness.PATIENCE)
        s.connect(which.socket)
        s.sendall(harness.record(harness.BEGIN,
                                 harness.struct.pack("!HB5x", 1, 0)) +
                  harness.stream(harness.PARAMS, harness.encode_params(env)) +
                  harness.stream(harness.STDIN, b""))
        while True:
            head = harness.exactly(s, 8)
            if head[0] != 1 or head[1] == harness.END:
                return body.partition(b"\r\n\r\n")[2], head[0] == 1
            length = int.from_bytes(head[4:6], "big")
            body += harness.exactly(s, length + head[6])[:length]


# --- What is in it ------------------------------------------------------------

def test_everything(t):
    c = portal.client(USER_AGENT=FIREFOX).login("heron")
    api = portal.client().token("heron")
    mine = pay(api)
    a = ask(c)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    t.equal(a.kind, "application/json", "its type")
    t.check(re.match(r'attachment; filename="personal-data-heron-\d{4}-\d\d-'
                     r'\d\d\.json"\Z', a.header("content-disposition")),
            "its name", a.header("content-disposition"), day)
    t.equal(a.header("cache-control"), "no-store", "kept by nobody")
    data = a.json
    t.equal(data["complete"], True, "whole")
    t.equal(list(data)[0], "about", "what it is comes first")
    client = sandbox.core("clients.get", id=IDS["heron"])
    profile = c.json("/api/profile")["fields"]
    for key, value in profile.items():
        t.equal(data["profile"][key], value, key)
    t.equal((data["profile"]["id"], data["profile"]["login"],
             data["profile"]["name"], data["profile"]["currency"]),
            (IDS["heron"], "heron", client["name"], "USD"), "who")
    live = c.json("/api/dashboard")["balance"]["live"]
    t.equal(data["balance"]["live"],
            {key: live[key] for key in ("amount", "currency")}, "balance")
    t.equal(ids(data["accounts"]), ids(c.json("/api/accounts")["accounts"]),
            "accounts")
    t.equal(ids(data["subscriptions"]),
            ids(c.json("/api/subscriptions")["subscriptions"]),
            "subscriptions")
    t.check(data["accounts"] and data["subscriptions"], "there are some")
    t.equal(ids(data["invoices"]["rows"]),
            ids(every(c, "/api/invoices", "invoices")), "invoices")
    year = {"from": time.strftime("%Y-%m-%d", time.gmtime(
        time.time() - 365 * 86400)), "to": day}
    for key, path, rows in (("payments", "/api/payments", "payments"),
                            ("charges", "/api/charges", "charges"),
                            ("usage", "/api/usage/detailed", "rows")):
        theirs = every(c, path, rows, **year)
        t.equal(ids(data[key]["rows"]), ids(theirs), key)
        t.equal(data[key]["count"], len(data[key]["rows"]), key + ", counted")
        t.check(len(theirs) > 3, "there are some " + key, len(theirs))
    pages = {x["id"]: x for x in every(c, "/api/usage/detailed", "rows",
                                       **year)}
    for x in data["usage"]["rows"]:
        shown = pages[x["id"]]
        t.check(x["time"] == shown["time"]["iso"] and
                x["account"] == shown["account"]["name"] and
                x["destination"] == shown["destination"] and
                x["volume"] == shown["duration"]["value"] and
                x["cost"] == shown["cost"]["amount"], "an xDR", x, shown)
    for x in data["payments"]["rows"]:
        t.check(x["amount"]["currency"] == "USD" and x["time"], "a payment", x)
    sessions = data["sessions"]["rows"]
    t.check({"cookie", "bearer"} <= {s["kind"] for s in sessions} and
            FIREFOX in {s["agent"] for s in sessions}, "sessions", sessions)
    t.check(data["devices"]["count"] >= 1, "devices")
    found = [x for x in data["payment_attempts"]["rows"] if x["id"] == mine]
    t.equal([(x["gateway"], float(x["amount"]), x["currency"])
             for x in found], [("paypal", 25, "USD")], "a payment's attempt")
    t.check(any(x["payment"] == mine
                for x in data["payment_story"]["rows"]), "its story")


def test_rows_of_the_store(t):
    """Each part, from rows that are put there."""
    now = int(time.time())

    def digest(text):
        return hashlib.sha256(text.encode()).hexdigest()

    def rows(client, login, word):
        return [
            ("insert into totp values ('default', ?, ?, 'on', ?, 1, ?)",
             (client, word + "-SECRET", word + "-SECRET", now)),
            ("insert into recovery_code values ('default', ?, ?)",
             (client, word + "-SECRET")),
            ("insert into passkey values (?, 'default', ?, ?, ?, ?, 1, ?, ?, 0)",
             (word + "-SECRET", client, word + "-login", word + "-SECRET",
              word + "-SECRET", word + "-key", now)),
            ("insert into audit values ('default', ?, 999, ?, ?, 'logout', ?,"
             " '', '', '', '', 1, ?, ?)",
             (client, now, now, word + "-item", word + "-address",
              word + "-agent")),
            ("insert into audit_name values ('default', ?, ?, ?)",
             (word + "-SECRET", client, now)),
            *(("insert into audit_tally values ('default', ?, 'login_failed',"
               " ?, 1, ?, ?, 3, ?, ?, ?)",
               (subject, word, now, now, word + place, word + "-agent",
                now + 900)) for place, subject in (
                    ("-1", word + "-SECRET"), ("-2", "client:%d" % client))),
            ("insert into reset values (?, 'default', ?, ?, ?)",
             (word + "-SECRET", client, word + "-login", now + 900)),
            ("insert into voucher values ('default', ?, ?, 'done', ?, ?)",
             (client, word + "-SECRET", word + "-amount", now)),
            ("insert into device values ('default', ?, ?, ?)",
             (client, word + "-SECRET", now - 77)),
            ("insert into session_cut values ('default', ?, ?, ?)",
             (client, (now - 5000) * 1000000, word + "-SECRET")),
            ("insert into throttle values ('default', 'login', ?, ?, 3, 0, ?)",
             (digest(login), now, now + 900)),
            ("insert into throttle values ('default', 'code', ?, ?, 2, 0, ?)",
             (digest(str(client)), now, now + 900)),
            # Somebody tried the customer's id as a login.
            ("insert into throttle values ('default', 'login', ?, ?, 9, 0, ?)",
             (digest(str(client)), now, now + 900)),
            ("insert into payment (id, brand, client_id, gateway, environment,"
             " amount, currency, state, nonce, invoice_id, invoice, locale,"
             " order_id, way, captures, why, mailed, tries, created, updated,"
             " due) values (?, 'default', ?, 'paypal', 'sandbox', '7', 'USD',"
             " 'done', ?, 0, null, 'en', ?, ?, 1, null, 1, 0, ?, ?, 0)",
             (word + "-payment", client, word + "-SECRET", word + "-order",
              "http://" + word + "-SECRET", now, now)),
            ("insert into receipt values ('paypal', 'sandbox', ?, 'default',"
             " ?, '7', 'USD', 'COMPLETED', 1, ?)",
             (word + "-money", word + "-payment", now)),
            ("insert into posting values (?, 'default', ?, ?, ?, '7', 'USD',"
             " 'posted', ?, 'boot', 1, 0, ?, ?)",
             (word + "-reference", word + "-payment", client, word + "-money",
              now, now, now)),
            ("insert into payment_story values (?, ?, ?, 0)",
             (word + "-payment", now * 1000, word + "-what"))]

    other = Portal(sandbox, settings_of(sandbox))
    c = other.client().token("heron")
    change(other, *rows(IDS["heron"], "heron", "mine"),
           *rows(IDS["osprey"], "osprey", "theirs"),
           # The same id, of another brand.
           ("insert into device values ('other', ?, 'x', 12345)",
            (IDS["heron"],)))
    a = ask(c)
    t.check("SECRET" not in a.text, "no secrets")
    t.check("theirs" not in a.text, "nothing of another's",
            [line for line in a.text.splitlines() if "theirs" in line])
    data = a.json
    t.equal(data["second_factors"]["rows"][0]["state"], "on", "app")
    t.equal(data["recovery_codes"]["rows"], [{"left": 1}], "codes")
    t.equal([x["name"] for x in data["passkeys"]["rows"]], ["mine-key"],
            "passkeys")
    t.check("mine-item" in [x["item"] for x in data["activity"]["rows"]],
            "activity")
    t.equal(sorted(x["address"] for x in data["failures"]["rows"]),
            ["mine-1", "mine-2"], "failures")
    t.equal(data["log_in_names"]["count"], 2, "names")
    t.equal(data["password_resets"]["rows"][0]["login"], "mine-login", "reset")
    t.equal([(v["state"], v["amount"]) for v in data["vouchers"]["rows"]],
            [("done", "mine-amount")], "vouchers")
    t.equal(sorted((x["kind"], x["count"])
                   for x in data["failed_tries"]["rows"]),
            [("code", 2), ("login", 3), ("personal", 1)], "failed tries")
    t.check(data["devices"]["count"] in (1, 2) and not any(
        x["seen"].startswith("1970") for x in data["devices"]["rows"]),
        "devices, not another brand's", data["devices"])
    t.equal(data["sessions_ended"]["count"], 1, "the end of sessions")
    t.equal([x["order_id"] for x in data["payment_attempts"]["rows"]],
            ["mine-order"], "attempts")
    t.equal([x["money_id"] for x in data["payment_receipts"]["rows"]],
            ["mine-money"], "receipts")
    t.equal([x["reference"] for x in data["payment_postings"]["rows"]],
            ["mine-reference"], "postings")
    t.equal([x["what"] for x in data["payment_story"]["rows"]],
            ["mine-what"], "story")
    # Who adds a table is asked whether it holds a customer's data.
    known = {"session", "session_cut", "device", "totp", "recovery_code",
             "reset", "throttle", "voucher", "payment", "receipt", "posting",
             "payment_story", "audit", "audit_tally", "audit_name", "passkey"}
    left_out = {"inbox",  # kept by event; the file says so
                "rate_table", "rate_copy", "rate_piece",  # a brand's
                "payment_sweep", "passkey_answered", "secret", "lease", "schema_migration"}
    t.equal(set(tables(other)) - known - left_out, set(),
            "tables that domain/personal.c does not know")


def test_no_secrets(t):
    """What the store keeps instead of tokens, and the tokens."""
    c = portal.client().login("heron")
    api = portal.client().token("heron")
    c.form("/api/security/totp", {"csrf": c.get("/api/security/totp").csrf})
    text = ask(api).text
    with harness.store(portal) as db:
        secrets = [row[0] for row in db.execute(
            "select token_hash from session union all select device_hash "
            "from device union all select secret from totp union all "
            "select session from totp union all select nonce from payment "
            "union all select value from secret union all "
            "select subject from throttle union all "
            "select subject from audit_name")]
    secrets += [api.bearer, *c.cookies.values(), harness.TOKEN,
                harness.PASSWORDS["heron"]]
    t.check(len(secrets) > 8, "there are some", len(secrets))
    for secret in secrets:
        t.check(secret not in text, "a secret", secret)


def strings(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def test_nothing_of_others(t):
    """Not even where the billing system sends another's rows."""
    them = portal.client().token("osprey")
    theirs = ask(them).json
    pay(them)
    c = portal.client().token("heron")
    for part in ("clients.get", "accounts.search", "clients_packages.search",
                 "transactions.search", "reports.xdrs", "invoices.list"):
        sandbox.fault(part, "foreign_rows")
    answer = c.get(FILE)
    sandbox.heal()
    t.check(answer.status in (200, 502, 503), "an answer", answer.status)
    for text in (answer.text, ask(c).text):
        for row in theirs["payments"]["rows"] + theirs["charges"]["rows"]:
            t.check('"id":%d,' % row["id"] not in text, "a transaction",
                    row["id"])
        for word in ("osprey", theirs["profile"]["name"],
                     *[i["number"] for i in theirs["invoices"]["rows"]],
                     *[a["ani"] for a in theirs["accounts"] if a["ani"]]):
            t.check(json.dumps(word)[1:-1] not in text, "a word", word)
    t.equal(theirs["profile"]["time_zone"], "Europe/Berlin", "osprey's own")
    t.check(re.search(r"[+]0[12]:00\Z", theirs["about"]["made"]),
            "in osprey's zone", theirs["about"]["made"])
    t.check(theirs["about"]["text"].startswith("Alles"), "and language")


def test_who_may(t):
    check_error(t, portal.client().get(FILE, json_port=True), 401,
                "login_required", "nobody")
    a = portal.client().get(FILE, accept="text/html")
    t.equal((a.status, a.location.split("?")[0]), (303, "/api/login"),
            "a browser goes to the log-in")
    c = portal.client().login("heron")
    t.equal(c.get(FILE + ".json").json["complete"], True, "as .json")
    t.status(c.get(FILE + ".csv"), 404, "no CSV")
    t.status(c.post_json(FILE, {}, json_port=True), 405, "no POST")
    sandbox.change(1001, status="archive")
    t.status(c.get(FILE, json_port=True), 401, "who is archived")
    sandbox.reset()


# --- Faults -------------------------------------------------------------------

OPERATIONS = ("clients.get", "accounts.search", "clients_packages.search",
              "invoices.list", "transactions.search", "reports.xdrs")


def test_faults(t):
    """No file is better than one that lies."""
    c = portal.client().token("heron")
    for operation in OPERATIONS:
        for fault in ("error", "truncate", "wrong_type"):
            sandbox.fault(operation, fault)
            body, whole = fetch_raw(portal, c)
            sandbox.heal()
            what = "%s, %s" % (operation, fault)
            if whole:
                model = json.loads(body)
                t.check("error" in model and "profile" not in model, what,
                        list(model))
            else:
                t.check(not body.endswith(b"}\n"), what)
    t.equal(ask(c).json["complete"], True, "afterwards")


def test_store_away(t):
    other = Portal(sandbox, settings_of(sandbox), workers=1)
    c = other.client().token("heron")
    change(other, ("drop table payment_story", ()))
    body, whole = fetch_raw(other, c)
    t.check(not whole and b'"usage"' in body, "a broken file", len(body))
    t.check(other.logged("personal.broken"), "and a line in the log")


# --- Bounds -------------------------------------------------------------------

def resident(which):
    most = 0
    with open("/proc/%d/task/%d/children" % ((which.process.pid,) * 2)) as f:
        children = f.read().split()
    for pid in children:
        with open("/proc/%s/status" % pid) as f:
            most = max(most, int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]))
    return most  # KiB


def test_limit(t):
    other = Portal(sandbox, settings_of(sandbox,
                                        limits={"personalPerHour": 2}))
    c = other.client().token("heron")
    sandbox.fault("invoices.list", "error")
    for _ in range(4):
        t.status(c.get(FILE, json_port=True), 502, "what fails is not counted")
    sandbox.heal()
    for _ in range(2):
        t.status(c.get(FILE, json_port=True), 200, "two an hour")
    a = c.get(FILE, json_port=True)
    check_error(t, a, 429, "too_often", "the third")
    t.check(0 < int(a.header("retry-after")) <= 3600, "when",
            a.header("retry-after"))
    t.status(other.client().token("osprey").get(FILE, json_port=True), 200,
             "osprey's own limit")
    t.status(c.get("/api/personal", json_port=True), 200, "the page")


def test_whale(t):
    """A list over the bound says so; memory does not grow with the file."""
    other = Portal(sandbox, settings_of(sandbox, limits={
        "personalPerHour": 0, "personalRows": 1500}), workers=1)
    c = other.client().token("whale")
    data = ask(c).json
    t.equal((data["usage"]["count"], len(data["usage"]["rows"]),
             data["usage"]["complete"], data["complete"]),
            (1500, 1500, False, False), "cut")
    t.equal(data["invoices"]["complete"], True, "what is whole says so")
    before = resident(other)
    body, whole = fetch_raw(portal, portal.client().token("whale"))
    t.check(whole, "all of it")
    data = json.loads(body)
    t.equal(data["complete"], True, "all of it, it says")
    for key in ("usage", "payments", "charges", "invoices"):
        rows = ids(data[key]["rows"])
        t.equal(len(rows), len(set(rows)), key + ", none twice")
    t.check(data["usage"]["count"] > 5000, "a lot", data["usage"]["count"])
    print("whale: %d bytes, %d xDRs; %d KiB, and %d with 1500 rows a list" % (
        len(body), data["usage"]["count"], resident(portal), before))
    t.check(resident(portal) < before + 8 * 1024, "memory",
            resident(portal), before)


def test_page(t):
    c = portal.client().login("heron")
    page = c.get("/api/personal")
    t.status(page, 200, "the page")
    links = [v for tag, name, v in Page(page.text).attributes
             if tag == "a" and name == "href"]
    t.check(FILE in links, "the file", links)
    for path in ("/api/profile", "/api/security"):
        t.check('href="/api/personal"' in c.get(path).text, "from " + path)
    t.equal(c.json("/api/personal"), {
        "file_url": FILE, "files_per_hour": 0, "rows_most": 1000000}, "JSON")


def clean():
    sandbox.end()


if __name__ == "__main__":
    harness.main(globals(), clean)
