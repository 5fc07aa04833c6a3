#!/usr/bin/env python3
"""walk_test.py: walks the routing table. Its rows come from `portico routes`
alone, and each is asked in every form that it has (HTML, JSON, files): by
nobody, with parameters that are unknown or wrong, with another customer's ids
and rows, and with markup in every string of the billing system. A new row is
walked from its first day: where the tables below lack a value for it, the
test fails and says what to add. Ends with 'N passed, N failed'.
"""
import csv
import functools
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import urllib.parse
import xml.etree.ElementTree
import zipfile

import harness
from harness import IDS, PASSWORDS, Page, Portal, Sandbox, check_error
from till import settings_of

NOW = 1795521600  # Tuesday 2026-11-24 12:00 UTC
ME, OTHER = "heron", "osprey"

sandbox = Sandbox("--now", str(NOW))
# A theme with colours and a page of its own.
share = harness.make_share(os.path.join(sandbox.folder, "share"), walk={
    "theme.json": '{"pages": ["help"], "colors": {"accent": "#036"}}',
    "help.mustache": "{{<page}}{{$text}}<p>{{ui.brand}}</p>{{/text}}{{/page}}"})
portal = Portal(sandbox, settings_of(
    sandbox, coreApi={"deadlineMs": 60000}, theme="walk",
    publicUri="https://portal.example",
    vcs={"hookSecret": "walk, walk, walk, walk"},
    limits={"voucherPerHour": 100000, "resetPerHour": 0,
            "resetPerAddress": 0, "personalPerHour": 0}), now=NOW, env={"PORTICO_SHARE": share})
routes = json.loads(subprocess.run(
    [harness.PORTICO, "routes", "--json"], check=True, capture_output=True,
    timeout=harness.PATIENCE).stdout)
# Several things are called a code.
for row in routes:
    for p in row["parameters"]:
        p["table"] = p["name"]
        if p["name"] == "code" and row["path"].startswith(
                ("/api/login", "/api/security/")):
            p["table"] = "factor_code"


def begin_payment(who):
    """A payment of this customer's: its id, and PayPal's of it."""
    answer = portal.client().token(who).post_json(
        "/api/refill", {"gateway": "paypal", "amount": "25"}, json_port=True)
    assert answer.status == 201, (answer.status, answer.body[:300])
    return answer.json["payment"]["id"], re.search(
        r"token=(\w+)", answer.json["redirect_url"]).group(1)


MINE, MY_ORDER = begin_payment(ME)
THEIRS, THEIR_ORDER = begin_payment(OTHER)

def begin_reset():
    """The token of a letter to heron, as only its hash is kept."""
    token = secrets.token_urlsafe(32)
    with harness.store(portal) as db:
        db.execute("insert into reset values (?, 'default', ?, ?, ?)", (
            hashlib.sha256(token.encode()).hexdigest(), IDS[ME], ME,
            NOW + 900))
    return token


def change_passkeys(*statements):
    with harness.store(portal) as db:
        db.execute("delete from passkey")
        for statement in statements:
            db.execute(*statement)


class Walker(harness.Client):
    """Has no passkeys when he logs in: with one, he would need it."""

    def try_login(self, *args, **how):
        change_passkeys()
        return super().try_login(*args, **how)

    def token(self, who):
        change_passkeys()
        return super().token(who)


portal.client = lambda **how: Walker(portal, **how)


PASSKEY = "WALK" * 4


def begin_passkey():
    """The id of a passkey of heron's, who is logged in already."""
    change_passkeys(("insert into passkey values (?, 'default', ?, ?, 'aa', "
                     "'', 0, 'Phone', ?, 0)", (PASSKEY, IDS[ME], ME, NOW)))
    return PASSKEY


def session_of(c):
    """The id of another session than the client's; nobody has one."""
    if c.get("/api/security", accept="application/json").status != 200:
        return "A" * 64
    portal.client().token(ME)
    return [s["id"] for s in c.json("/api/security")["sessions"]
            if not s["current"]][0]


# --- What rows are walked with -------------------------------------------------
# A new parameter or path goes here. `good`: what heron may send (a function
# gets a client that is logged in); `bad`: what answers 400; `theirs`: ids of
# osprey's, for a parameter that names something of a customer's (404; 409 and
# 422 of a POST). Choices are tried one by one, and need no `good`.

DAYS = ["2026-02-30", "2026-1-1", "yesterday", "2026-13-01", "20260101"]
IDS_BAD = ["0", "-1", "x", "2147483648"]
PARAMETERS = {
    "account": dict(good="2001", bad=IDS_BAD, theirs=["2003", "2004"]),
    "amount": dict(good="25.00", bad=["", "x" * 41, "a\nb"]),
    "address": dict(good="1 Side St\nBoston", bad=["x" * 1001, "a\u2028b"]),
    "code": dict(good="101-000001", bad=["", "x", "x" * 41, "101 000001"],
                 theirs=["102-000001"]),  # a voucher in osprey's currency
    "company": dict(good="Walk & Sons", bad=["", "x" * 256, "a\nb"]),
    "credential": dict(good='{"id": "x"}', bad=["", "x" * 16385, "a\nb"]),
    "current": dict(good=PASSWORDS[ME], bad=["", "x" * 257]),
    "done": dict(),
    "end": dict(good=session_of, bad=["", "short", "x" * 65], theirs=[
        lambda c: other().json("/api/security")["sessions"][0]["id"]]),
    "email": dict(good="walk@heron.example", bad=["", "x", "a@b.de\nBcc: x"]),
    "factor_code": dict(good="123456", bad=["x" * 65, "a\nb"]),
    "from": dict(good="2026-10-01", bad=DAYS),
    "gateway": dict(good="paypal", bad=["", "x" * 33, "a\tb", "stripe"],
                    theirs=[]),  # everybody's
    "group_by": dict(),
    "invoice": dict(good="9006", bad=IDS_BAD, theirs=["9106", "9107"]),
    "locale": dict(good="en", bad=["", "xx", "e", "x" * 36, "../en", "en\n"]),
    "login": dict(good=ME, bad=["", "x" * 129, "a\tb", "\u009f"]),
    "name": dict(good="Phone", bad=["", "x" * 61, "a\nb", "\u2028"]),
    "new": dict(good="correct horse 7", bad=["", "x" * 257]),
    "next": dict(good="/api/rates", bad=["/" + "x" * 512]),
    "nonce": dict(good=lambda c: secrets.token_hex(8),
                  bad=["short", "x" * 65, "a" * 8 + "\n" + "b"]),
    "number": dict(good="0033 1 23456789", bad=["x" * 65, "a\nb"]),
    "package": dict(good="501", bad=IDS_BAD, theirs=["503"]),
    "page": dict(good="1", bad=[
        "0", "-1", "1.5", "abc", "1000001", "99999999999999999999", "1e3",
        "0x10", "+1", "１"]),
    "password": dict(good=PASSWORDS[ME], bad=["", "x" * 257]),
    "payment": dict(good=MINE, theirs=[THEIRS]),
    "q": dict(good="44", bad=["x" * 65, "a\nb", "a\tb", "\u0085", "\u2028"]),
    "registration_id": dict(good="NY-1", bad=["x" * 65], theirs=[]),
    "returned": dict(),
    "repeat": dict(good="correct horse 7", bad=["", "x" * 257]),
    "sent": dict(),
    "service": dict(good="1", bad=IDS_BAD, theirs=[]),  # everybody's
    "size": dict(good="100", bad=["9", "101", "-10", "0", "ten", "25 25"]),
    "sort": dict(bad=["-", "--code", "Code", "nothing", "code,name", "+code"]),
    "state": dict(),
    "tax_id": dict(good="US-1", bad=["x" * 65], theirs=[]),
    "time_format": dict(),
    "to": dict(good="2026-11-24", bad=DAYS),
    "token": dict(good=MY_ORDER, theirs=[THEIR_ORDER]),
    "version": dict(good=lambda c: c.json("/api/profile")["version"],
                    bad=["", "0" * 17], theirs=[
                        lambda c: other().json("/api/profile")["version"]]),
}

# What stands at ":id": heron's, osprey's, nobody's. `bare`: the query of a page
# that is asked without one.
PATHS = {
    "/api/hooks/:id": dict(mine="paypal", theirs=[], nobody=["stripe"]),
    "/api/invoices/:id/download": dict(
        mine="9005", theirs=["9101", "9105", "9106"], nobody=["999999"]),
    "/api/invoices/:id/pay": dict(
        mine="9006", theirs=["9106", "9107"], nobody=["999999", "0", "x"]),
    "/api/pages/:id": dict(
        mine="help", theirs=[], nobody=["nothing", "login", "menu", "0"]),
    "/api/theme/:id": dict(mine="0", theirs=[], nobody=[]),
    "/api/reset/:id": dict(
        mine=begin_reset, theirs=[], nobody=["A" * 43, "0", "x"]),
    # Osprey's are in passkey_test.py.
    "/api/security/passkeys/:id": dict(
        mine=begin_passkey, theirs=[], nobody=["A" * 16, "0", "x"]),
    "/api/security/passkeys/:id/remove": dict(
        mine=begin_passkey, theirs=[], nobody=["A" * 16, "0", "x"]),
    "/api/refill/cancel/:id": dict(
        mine="paypal", theirs=[], nobody=["stripe"], bare={"payment": MINE}),
    "/api/refill/payments/:id": dict(
        mine=MINE, theirs=[THEIRS], nobody=["RF" + "A" * 18, "0", "x"]),
    "/api/refill/return/:id": dict(
        mine="paypal", theirs=[], nobody=["stripe"], bare={"payment": MINE}),
}

# Rows that answer anybody.
PUBLIC = {
    "GET /api/login", "POST /api/login", "POST /api/language",
    "GET /api/health", "GET /api/docs", "GET /api/openapi.json",
    "POST /api/hooks/:id", "GET /api/theme/:id", "GET /api/metrics",
    "POST /api/hooks/vcs", "GET /api/reset", "POST /api/reset",
    "GET /api/reset/:id", "POST /api/reset/:id",
    "GET /api/login/passkey", "POST /api/login/passkey",
}

# Rows that need more than a walk has (factor_test.py and passkey_test.py do
# them), and what they answer to what is right.
REFUSED = {
    "POST /api/login/passkey": 401,
    "POST /api/security/passkeys": 422,
    "POST /api/security/passkeys/new": 422,
    "POST /api/security/passkeys/:id/remove": 422,
    "POST /api/security/totp/confirm": 409,  # nothing was begun
    "POST /api/security/totp/remove": 422,  # nothing to remove
}

# Rows that tidy line ends: what is edited must compare equal.
TIDIES = {"GET /api/profile"}

# Rows whose JSON answer holds no text that VCS's people typed.
NO_TEXTS = {
    "GET /api/login", "POST /api/login", "POST /api/logout",
    "POST /api/language", "GET /api/refill", "GET /api/voucher",
    "POST /api/voucher", "GET /api/password", "POST /api/password",
    "GET /api/health", "GET /api/docs", "GET /api/openapi.json",
    "GET /api/pages/:id", "GET /api/theme/:id",
    "GET /api/login/code", "POST /api/login/code",
    "GET /api/security/totp", "POST /api/security/totp",
    "POST /api/security/totp/confirm", "POST /api/security/totp/remove",
    "GET /api/login/passkey", "POST /api/login/passkey",
    "GET /api/login/code/passkey", "POST /api/login/code/passkey",
    "GET /api/security/passkeys", "POST /api/security/passkeys",
    "GET /api/security/passkeys/new", "POST /api/security/passkeys/new",
    "GET /api/security/passkeys/:id",
    "POST /api/security/passkeys/:id",
    "POST /api/security/passkeys/:id/remove",
    "GET /api/invoices/:id/download", "GET /api/refill/payments/:id",
    "GET /api/refill/return/:id", "GET /api/refill/cancel/:id",
    "GET /api/reset", "POST /api/reset", "GET /api/reset/:id",
    "POST /api/reset/:id", "GET /api/security", "POST /api/security/sessions",
    "GET /api/audit", "GET /api/personal",
}

MARK = "<img src=x onerror=alert(1)>\"'&{{x}}"
FORMULA = "=1+HYPERLINK(\"http://x.example\")|cmd' "
LINES = "\r\nSet-Cookie: walk=1\r\n\r\n<img src=x onerror=alert(1)>"
# A terminal's escape, text turned round, line ends of other worlds, no
# character at all.
CONTROLS = "walk\x01\x1b[2J\u202e\u2028\x7f\x85\ufffe"


# --- Rows and requests -----------------------------------------------------------

def name_of(row):
    return "%s %s" % (row["method"], row["path"])


def is_public(row):
    return "public" in row["flags"]


def is_lax(row):
    return "lax" in row["flags"]


def is_hook(row):
    """No page or form: who is not the gateway hears nothing."""
    return row["path"].startswith("/api/hooks/")


def is_apart(row):
    """What no customer is answered, with tests of its own."""
    return is_hook(row) or row["path"] == "/api/metrics"


def posts(row):
    return row["method"] == "POST"


def lacks(row):
    """What the tables above lack for a row, in words."""
    if is_public(row) != (name_of(row) in PUBLIC):
        yield ("%s is %s: if that is right, mend PUBLIC" % (
            name_of(row), "public" if is_public(row) else "not public"))
    if ":" in row["path"] and row["path"] not in PATHS:
        yield ("PATHS has nothing for %s: add an id of heron's, some of "
               "osprey's and one of nobody's" % row["path"])
    for p in row["parameters"]:
        known = PARAMETERS.get(p["table"])
        where = "the parameter '%s' of %s" % (p["name"], name_of(row))
        if known is None:
            yield ("PARAMETERS has nothing for %s: add a right value, wrong "
                   "ones, and osprey's if it names something of a "
                   "customer's" % where)
            continue
        if "good" not in known and not p["choices"]:
            yield "PARAMETERS has no right value for " + where
        if not p["choices"] and not known.get("bad") and not is_lax(row):
            yield "PARAMETERS has no wrong value for " + where
        looks = re.search(r"(^|_)id$", p["name"]) or re.search(
            r"\bid\b", p["about"] or "", re.I)
        if looks and "theirs" not in known:
            yield ("PARAMETERS has no ids of osprey's for %s, which looks "
                   "like an id: add 'theirs', empty if it is none" % where)


LACKING = {name_of(row): list(lacks(row)) for row in routes}


def rows(*methods, walked=True):
    """The rows to walk; one that lacks values has failed already."""
    return [row for row in routes if row["method"] in methods and
            not is_apart(row) and not (walked and LACKING[name_of(row)])]


def path_of(row, which=None):
    """The row's path with heron's id, or another."""
    mine = which or PATHS.get(row["path"], {}).get("mine", "1")
    return row["path"].replace(":id", mine() if callable(mine) else mine)


def choices(p):
    listed = (p["choices"] or "").split("|") if p["choices"] else []
    return listed + ["-" + c for c in listed if p["name"] == "sort"]


def good(p, c=None):
    value = PARAMETERS[p["table"]].get("good")
    return value(c) if callable(value) else value or choices(p)[0]


def required(row, c):
    return {p["name"]: good(p, c) for p in row["parameters"] if p["required"]}


def variants(row, c=None, every=False):
    """The queries that a page is asked with: none, all parameters at once,
    and each alone, with each choice (of long lists, such as orders of a
    table, the last two are enough unless `every` one is wanted)."""
    yield {}
    if row["parameters"]:
        yield {p["name"]: good(p, c) for p in row["parameters"]}
    for p in row["parameters"]:
        listed = choices(p)[1:] or [good(p, c)]
        for value in listed if every or len(listed) < 6 else listed[-2:]:
            yield {p["name"]: value}


def forms(row):
    return ["html", "json"] + row["files"]


def get(c, row, form, fields=(), which=None):
    path = path_of(row, which)
    fields = fields or PATHS.get(row["path"], {}).get("bare", {})
    accept = {"html": "text/html", "json": "application/json"}.get(form)
    if form in row["files"]:
        path += "." + form
    query = urllib.parse.urlencode(fields)
    answer = c.get(path + ("?" + query if query else ""), accept=accept)
    # A page may lead to another; what it leads to counts.
    if answer.status == 303 and not is_log_in(answer):
        answer = c.get(answer.location, accept=accept)
    return answer


def is_log_in(answer):
    return answer.location.split("?")[0] == "/api/login"


def post(c, row, form, fields, which=None):
    path = path_of(row, which)
    if form == "json":
        return c.post_json(path, fields, accept="application/json",
                           X_CSRF_Token=c.csrf or "")
    return c.form(path, {"csrf": c.csrf or "", **fields}, accept="text/html")


def client_for(row, form="json"):
    """Who may ask: nobody for public rows, else heron; with a token for the
    forms of pages."""
    c = portal.client()
    if is_public(row):
        if posts(row):
            c.csrf = c.get("/api/login").csrf
        return c
    if posts(row) and form == "json":
        return c.token(ME)
    c.login(ME)
    if posts(row):
        c.csrf = c.get("/api/dashboard").csrf
    return c


def other():
    return portal.client().token(OTHER)


def send(c, row, fields):
    """Pairs, in the query of a GET or in the body of a POST."""
    encoded = urllib.parse.urlencode(fields)
    path = path_of(row)
    if not posts(row):
        return c.get(path + "?" + encoded, json_port=True)
    return c.request("POST", path, encoded.encode(),
                     "application/x-www-form-urlencoded", json_port=True,
                     X_CSRF_Token=c.csrf or "")


# --- The tables are whole --------------------------------------------------------

def test_every_row_has_values(t):
    for row in routes:
        for what in LACKING[name_of(row)]:
            t.fail(what)
        t.check(row["method"] in ("GET", "POST"), name_of(row) + ": the walk "
                "knows GET and POST only; teach it this method")
    names = {p["table"] for row in routes for p in row["parameters"]}
    t.equal(set(PARAMETERS) - names, set(), "PARAMETERS that no row has")
    t.equal(set(PATHS) - {row["path"] for row in routes}, set(),
            "PATHS that no row has")
    t.equal((NO_TEXTS | PUBLIC | TIDIES | set(REFUSED)) - {name_of(row) for row in routes},
            set(), "names that no row has")


def test_values_are_right(t):
    """What is good is done: else all that follows would prove nothing."""
    for row in rows("GET"):
        c = client_for(row)
        for fields in variants(row, c, every=True):
            for form in forms(row):
                t.status(get(c, row, form, fields), 200, "%s %s %s" % (
                    name_of(row), form, fields))
        for form in {"csv", "xlsx"} - set(row["files"]):
            if ":" not in row["path"]:
                t.status(c.get(path_of(row) + "." + form), 404,
                         "%s has no %s" % (name_of(row), form))
    for row in rows("POST"):
        for form, wanted in (("json", (200, 201)), ("html", (303,))):
            c = client_for(row, form)
            fields = {p["name"]: good(p, c) for p in row["parameters"]}
            answer = post(c, row, form, fields)
            t.check(answer.status in wanted or
                    answer.status == REFUSED.get(name_of(row)),
                    "%s %s" % (name_of(row), form),
                    answer.status, answer.body[:300])
            sandbox.reset()


# --- Nobody ----------------------------------------------------------------------

def strangers():
    yield "a stranger", portal.client()
    c = portal.client()
    c.cookies["portico"] = "A" * 43
    yield "a made-up cookie", c
    c = portal.client()
    c.bearer = "A" * 43
    yield "a made-up bearer", c
    c = portal.client().token(ME)
    c.post_json("/api/logout", {}, accept="application/json")
    yield "a bearer that is over", c


def test_anonymous(t):
    for who, c in strangers():
        csrf = portal.client()
        csrf.csrf = csrf.get("/api/login").csrf
        c.cookies = {**csrf.cookies, **c.cookies}
        c.csrf = csrf.csrf
        sandbox.forget()
        for row in rows("GET", "POST"):
            for form in forms(row):
                what = "%s %s, %s" % (name_of(row), form, who)
                if posts(row):
                    if is_public(row):
                        continue
                    answer = post(c, row, form, required(row, csrf)
                                  if not row["path"].endswith("profile")
                                  else {"version": "0" * 16})
                else:
                    answer = get(c, row, form)
                if is_public(row):
                    t.status(answer, 200, what)
                elif form == "html" and "json_only" not in row["flags"]:
                    t.status(answer, 303, what)
                    t.check((answer.location or "").startswith("/api/login"),
                            what + ": to the log-in", answer.location)
                    t.equal(answer.body, b"", what + ": no more than that")
                else:
                    check_error(t, answer, 401, "login_required", what)
        counts = sandbox.calls()["counts"]
        t.check(not [name for name in counts if "." in name and name not in
                     ("rating.getTaxes", "packages.list")],
                who + " costs the billing system nothing", counts)


def test_hooks(t):
    """Who cannot sign hears neither what is wrong nor anything else."""
    for row in routes:
        if not is_hook(row):
            continue
        for which in ("paypal", "authorizenet", "stripe"):
            for kind, body in (("application/json", b"{}"),
                               ("application/json", MARK.encode()),
                               ("application/json", b""),
                               ("text/plain", LINES.encode()),
                               ("application/x-www-form-urlencoded", b"a=b")):
                answer = portal.client().request(
                    "POST", path_of(row, which), body, kind)
                what = "hook of %s, %.20r" % (which, body)
                t.check(answer.status in (
                    (404, 415) if which == "stripe" and ":id" in row["path"]
                    else (400, 401, 415)),
                        what, answer.status, answer.body[:200])
                t.equal(answer.kind, "application/json", what)
                check_headers(t, answer, what)
                t.check("img" not in answer.text, what + ": no echo")


def test_metrics(t):
    """For the operators' listener alone, which the web server names."""
    for c in (portal.client(), portal.client().login(ME),
              portal.client(PORTICO_METRICS="on")):
        for uri in ("/api/metrics", "/api/metrics.json",
                    "/api/metrics?PORTICO_METRICS=on"):
            answer = c.get(uri)
            t.check(answer.status in (400, 404), uri, answer.status)
            t.check("portico_payments" not in answer.text, uri)
    answer = portal.client().get("/api/metrics", env={"PORTICO_METRICS": "on"})
    t.status(answer, 200, "the operators'")
    t.equal(answer.kind, "text/plain", "its type")
    for line in answer.text.splitlines():
        t.check(re.match(r"# (HELP|TYPE) portico_\w+ .+|"
                         r'portico_\w+(\{(\w+="[^"\\]*",?)+\})? '
                         r'\d+(\.\d+)?\Z', line),
                "a line as Prometheus reads it", line)


# --- Unknown and wrong parameters ------------------------------------------------

def test_unknown_parameters(t):
    for row in rows("GET", "POST"):
        if is_lax(row):
            continue
        c = client_for(row, "html")
        base = required(row, c)
        names = {p["name"] for p in row["parameters"]}
        for unknown in ("nonsense", "Page", "page[]", "__proto__", "",
                        "пример", "<b>", "id", "client", "client_id",
                        "clients_id", "id_clients", "accounts_id"):
            if unknown in names:
                continue
            what = "%s, unknown %r" % (name_of(row), unknown)
            answer = send(c, row, [*base.items(), (unknown, IDS[OTHER])])
            check_error(t, answer, 400, "invalid_input", what)
            if answer.status == 400 and unknown:
                t.check(unknown in answer.json["error"]["fields"],
                        what + ": named", answer.json["error"]["fields"])
            for form in forms(row):
                if posts(row):
                    answer = post(c, row, form, {**base, unknown: "1"})
                else:
                    answer = get(c, row, form, {unknown: "1"})
                t.status(answer, 400, what + ", " + form)
                if form == "html" and not is_json(answer):
                    check_page(t, answer, what)
        if posts(row):
            # A form's parameters do not come in the address, too.
            answer = c.request("POST", path_of(row) + "?nonsense=1",
                               urllib.parse.urlencode(base).encode(),
                               "application/x-www-form-urlencoded",
                               json_port=True, X_CSRF_Token=c.csrf or "")
            t.status(answer, 400, name_of(row) + ", in the address")


def test_wrong_parameters(t):
    seen = 0
    for row in rows("GET", "POST"):
        c = client_for(row, "html")
        base = required(row, c)
        for p in row["parameters"]:
            name, where = p["name"], "%s, %s" % (name_of(row), p["name"])
            if not is_lax(row):
                twice = [*base.items(), (name, good(p, c)), (name, good(p, c))]
                check_error(t, send(c, row, twice), 400, "invalid_input",
                            where + " twice", [name])
            bad = list(PARAMETERS[p["table"]].get("bad", []))
            if p["choices"]:
                bad.append("no such choice")
            for value in bad:
                # An empty field of a form is as good as none.
                if not value and not p["required"]:
                    continue
                check_error(t, send(c, row, {**base, name: value}), 400,
                            "invalid_input", "%s=%.20r" % (where, value),
                            [name])
                seen += 1
                for form in forms(row):
                    if posts(row):
                        answer = post(c, row, form, {**base, name: value})
                    else:
                        answer = get(c, row, form, {**base, name: value})
                    t.status(answer, 400, "%s=%.20r, %s" % (
                        where, value, form))
            if p["required"]:
                less = {k: v for k, v in base.items() if k != name}
                check_error(t, send(c, row, less), 400, "invalid_input",
                            where + " is left out", [name])
    t.check(seen > 60, "enough was tried", seen)


def test_markup_in_parameters(t):
    """What was typed comes back as a text, whatever it is."""
    for row in rows("GET", "POST"):
        c = client_for(row)
        for p in row["parameters"] + [{"name": MARK}]:
            for value in (MARK, LINES):
                what = "%s, %.20s=%.20r" % (name_of(row), p["name"], value)
                for form in forms(row):
                    if posts(row):
                        c = client_for(row, form)
                        answer = post(c, row, form, {**required(row, c),
                                                     p["name"]: value})
                    else:
                        answer = get(c, row, form, {p["name"]: value})
                    t.check(answer.status in (200, 201, 303, 400, 401, 404,
                                              409, 422),
                            what + ": status", answer.status)
                    check_headers(t, answer, what)
                    if answer.kind == "text/html":
                        check_page(t, answer, what)
        sandbox.reset()


# --- Another customer's ----------------------------------------------------------

def leaves(value, key=None):
    """All (key, value) of a model that are not lists or objects."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key)
    elif value is not None:
        yield key, value


TYPED = {"name", "clients_name", "c_company", "c_email", "c_email_billing",
         "c_address", "reg_id", "tax_id", "cp_login", "notes", "ani", "ips",
         "packages_name", "src_number", "dst_number"}


def known_texts(who):
    """What people typed, or dialled, and only this customer has."""
    accounts = {"heron": [2001, 2002], "osprey": [2003, 2004]}[who]
    found = [
        sandbox.core("clients.get", id=IDS[who]),
        sandbox.core("accounts.search", clients_id=IDS[who]),
        sandbox.core("clients_packages.search", clients_id=IDS[who]),
        sandbox.core("transactions.search", clients_id=IDS[who], limit=500),
        sandbox.core("reports.xdrs", accounts_id=accounts, limit=500,
                     dt=["2026-11-01 00:00:00", "2026-11-24 12:00:00"],
                     order=["-dt"])]
    numbers = ["INV-%d" % n for n in (
        range(9001, 9009) if who == "heron" else range(9101, 9109))]
    return {line for key, value in leaves(found) if key in TYPED
            for line in str(value).split("\n") if len(line) > 4} | set(numbers)


def alien_texts():
    return sorted(known_texts(OTHER) - known_texts(ME)) + ["€"]


@functools.lru_cache(16)
def page_of(html):
    return Page(html)


def shown(answer):
    """All that an answer says, as people read it."""
    if is_json(answer):
        return json.dumps(answer.json, ensure_ascii=False, indent=0)
    if answer.kind == "text/html":
        page = page_of(answer.text)
        return page.text + "\n" + "\n".join(v for _, _, v in page.attributes)
    if answer.body[:2] == b"PK":
        return "\n".join(sheet_texts(answer.body))
    if answer.kind == "text/csv":
        return "\n".join("\n".join(r) for r in table(answer))
    return answer.body.decode("latin-1")


def is_json(answer):
    return answer.kind == "application/json"


def ids_in(model):
    return {(key, value) for key, value in leaves(model)
            if key in ("id", "key", "number", "download_url")}


def check_not_theirs(t, answer, aliens, ids, usual, what):
    """Nothing of osprey's; `usual` is what heron sees on a good day."""
    text = shown(answer)
    new = "\n".join(set(text.split("\n")) - set(usual.split("\n")))
    found = [word for word in aliens if word in new and word not in usual]
    # A token may hold these letters, too.
    found += re.findall(r"(?<![\w-])EUR(?![\w-])", text)
    t.check(not found, what + ": shows osprey's", found[:3])
    if is_json(answer) and answer.status == 200:
        found = ids_in(answer.json) & ids
        t.check(not found, what + ": osprey's ids", sorted(found, key=str)[:3])
    if answer.kind == "text/html":
        seen = {number for _, _, value in page_of(answer.text).attributes
                for number in re.findall(r"\d{4,}", value)}
        found = seen & {str(value) for _, value in ids} - set(
            re.findall(r"\d{4,}", usual))
        t.check(not found, what + ": osprey's ids", sorted(found)[:3])


def state_of(who):
    """What nobody else may change."""
    row = sandbox.core("clients.get", id=IDS[who])
    return row, sandbox.core("transactions.search", clients_id=IDS[who],
                             limit=1000)


def their_ids(row, theirs, mine, fields):
    """Ids of osprey's answer to the same question that heron's has not."""
    if is_public(row):
        return set()
    answers = [get(c, row, "json", fields) for c in (theirs, mine)]
    if not all(is_json(a) and a.status == 200 for a in answers):
        return set()
    return ids_in(answers[0].json) - ids_in(answers[1].json)


def test_their_ids(t):
    aliens, theirs = alien_texts(), other()
    for row in rows("GET"):
        c = client_for(row)
        for which in PATHS.get(row["path"], {}).get("theirs", []):
            t.status(get(theirs, row, "json", which=which), 200,
                     "%s, %s is osprey's" % (name_of(row), which))
            for form in forms(row):
                what = "%s %s, osprey's %s" % (name_of(row), form, which)
                answer = get(c, row, form, which=which)
                t.status(answer, 404, what)
                check_not_theirs(t, answer, aliens, set(), "", what)
        for which in PATHS.get(row["path"], {}).get("nobody", []):
            t.status(get(c, row, "json", which=which), 404, name_of(row))
        for p in row["parameters"]:
            for value in PARAMETERS[p["table"]].get("theirs", []):
                fields = {p["name"]: value}
                t.status(get(theirs, row, "json", fields), 200,
                         "%s, %s is osprey's" % (name_of(row), fields))
                for form in forms(row):
                    what = "%s %s, osprey's %s" % (name_of(row), form, fields)
                    answer = get(c, row, form, fields)
                    t.status(answer, 404, what)
                    check_not_theirs(t, answer, aliens, set(), "", what)
                    nobody = get(c, row, form, {p["name"]: "987654"})
                    t.equal(nobody.status, answer.status,
                            what + ": as one that nobody has")


def test_their_values_in_forms(t):
    aliens, before = alien_texts(), state_of(OTHER)
    for row in rows("POST"):
        for p in row["parameters"]:
            for value in PARAMETERS[p["table"]].get("theirs", []):
                for form in forms(row):
                    c = client_for(row, form)
                    fields = {q["name"]: good(q, c) for q in row["parameters"]}
                    fields[p["name"]] = value(c) if callable(value) else value
                    mine = state_of(ME)
                    answer = post(c, row, form, fields)
                    what = "%s %s, osprey's %s" % (
                        name_of(row), form, p["name"])
                    t.check(answer.status in (404, 409, 422), what + ": "
                            "refused", answer.status)
                    check_not_theirs(t, answer, aliens, set(), "", what)
                    t.equal(state_of(ME), mine, what + ": nothing is done")
        for which in PATHS.get(row["path"], {}).get("theirs", []) + PATHS.get(
                row["path"], {}).get("nobody", []):
            for form in forms(row):
                c = client_for(row, form)
                fields = {q["name"]: good(q, c) for q in row["parameters"]}
                answer = post(c, row, form, fields, which)
                what = "%s %s, at %s" % (name_of(row), form, which)
                t.status(answer, 404, what)
                check_not_theirs(t, answer, aliens, set(), "", what)
    t.equal(state_of(OTHER), before, "osprey has what he had")


def operations_of(c, row, fields):
    """What the billing system is asked for such a request."""
    sandbox.forget()
    if posts(row):
        post(c, row, "json", fields)
    else:
        get(c, row, "json", fields)
    return sorted(sandbox.calls()["counts"])


def test_foreign_rows(t):
    """Rows of osprey's among heron's: from each operation alone, then from
    all at once."""
    aliens, theirs, faulty = alien_texts(), other(), 0
    for row in rows("GET"):
        c = client_for(row)
        for fields in variants(row, c):
            usual = {form: shown(get(c, row, form, fields))
                     for form in forms(row)}
            ids = their_ids(row, theirs, c, fields)
            asked = operations_of(c, row, fields)
            for operation in asked + ["*"] * bool(asked):
                sandbox.fault(operation, "foreign_rows")
                before = len(portal.logged("vcs.foreign_row"))
                for form in forms(row):
                    what = "%s %s %s, rows of %s" % (
                        name_of(row), form, fields, operation)
                    answer = get(c, row, form, fields)
                    t.check(answer.status in (200, 404, 502, 503),
                            what + ": status", answer.status)
                    check_not_theirs(t, answer, aliens, ids, usual[form], what)
                sandbox.heal()
                faulty += len(portal.logged("vcs.foreign_row")) > before
    t.check(faulty > 40, "rows were foreign, and it was logged", faulty)


def test_foreign_rows_of_forms(t):
    aliens = alien_texts()
    for row in rows("POST"):
        fields = required(row, client_for(row))
        asked = operations_of(client_for(row), row, fields)
        sandbox.reset()
        before = state_of(OTHER)
        for operation in asked + ["*"]:
            for form in forms(row):
                what = "%s %s, rows of %s" % (name_of(row), form, operation)
                c = client_for(row, form)
                fields = {p["name"]: good(p, c) for p in row["parameters"]}
                sandbox.fault(operation, "foreign_rows")
                answer = post(c, row, form, fields)
                sandbox.heal()
                t.check(answer.status != 500, what + ": status", answer.status)
                check_not_theirs(t, answer, aliens, set(), "", what)
                t.equal(state_of(OTHER), before, what + ": osprey's stays")
                sandbox.reset()


def session_of(store, client):
    """Its row."""
    for token in [client.bearer or "", *client.cookies.values()]:
        row = store.execute("select * from session where token_hash = ?", (
            hashlib.sha256(token.encode()).hexdigest(),)).fetchone()
        if row:
            return row
    raise AssertionError("no session")


def test_kept_ids(t):
    """Ids that the session keeps are no key: here they become osprey's."""
    aliens, theirs = alien_texts(), other()
    store = harness.store(portal)
    for row in rows("GET"):
        if is_public(row):
            continue
        clean = client_for(row)
        usual = {form: shown(get(clean, row, form)) for form in forms(row)}
        ids = their_ids(row, theirs, clean, {})
        for form in forms(row):
            c = client_for(row)
            mine, its = session_of(store, c), session_of(store, theirs)
            mixed = {**json.loads(mine["kept"]), **{
                key: value for key, value in json.loads(its["kept"]).items()
                if key not in ("zone", "locale")}}
            store.execute("update session set kept = ? where token_hash = ?",
                          (json.dumps(mixed), mine["token_hash"]))
            answer = get(c, row, form)
            what = "%s %s, kept ids of osprey's" % (name_of(row), form)
            t.status(answer, 200, what)
            check_not_theirs(t, answer, aliens, ids, usual[form], what)
            # Tokens and challenges differ, which session asks, and what was
            # asked before.
            if form != "html" and row["path"] not in (
                    "/api/security", "/api/audit", "/api/personal/data",
                    "/api/login/code/passkey"):
                t.check(shown(answer) == usual[form], what + ": heron's own")
    store.close()


# --- Markup ----------------------------------------------------------------------

NAME = re.compile(r"[a-z][a-z0-9-]*(:[a-z]+)?\Z")


def check_headers(t, answer, what):
    names = {name for name, _ in answer.headers}
    t.check(all(re.match(r"[a-z0-9-]+\Z", name) for name in names),
            what + ": names of headers", names)
    t.check(not any("walk=1" in value for value in answer.all("set-cookie")),
            what + ": no forged cookie")
    for value in answer.all("content-disposition"):
        t.check(re.match(r'attachment; filename="[^"\\\r\n]*"'
                         r"(; filename\*=UTF-8''[!-~]*)?\Z", value),
                what + ": the file's name", value)
        t.check("/" not in value.split(";")[1], what + ": no path", value)


def check_page(t, answer, what):
    """No element, attribute or script that the portal did not write."""
    text = answer.text
    t.check("<img src=x" not in text, what + ": unescaped",
            text[max(0, text.find("<img src=x") - 100):][:200])
    page = Page(text)
    bad = [tag for tag, _ in page.elements if tag == "img" and
           "onerror" in dict(_)]
    bad += [name for _, name, _ in page.attributes
            if name.startswith("on") or not NAME.match(name)]
    t.check(not bad, what + ": elements and attributes", bad[:3])
    t.check(not [v for _, n, v in page.attributes
                 if n in ("href", "src", "action", "formaction") and
                 re.match(r"\s*(javascript|data):", v, re.I)],
            what + ": addresses")
    return shown(answer)


def check_whole(t, text, what):
    """Each mark is there from its first character to its last."""
    t.equal(text.count(MARK), text.count("onerror=alert(1)"),
            what + ": the text is exact")


def tidy(text):
    return text.replace("\r\n", "\n").strip()


def compare(plain, marked, mark, tidies, where=""):
    """What is wrong with a model that should be the plain one with the mark in
    front of texts; and True for each text that is marked rightly."""
    if isinstance(plain, dict) and isinstance(marked, dict):
        if sorted(plain) != sorted(marked):
            yield "members of '%s'" % where
        # What was asked before counts as well.
        for key in set(plain) & set(marked) - {"version", "challenge",
                                               "times"}:
            yield from compare(plain[key], marked[key], mark, tidies,
                               where + "." + key)
    elif isinstance(plain, list) and isinstance(marked, list):
        if len(plain) != len(marked):
            yield "length of '%s'" % where
        for both in zip(plain, marked):
            yield from compare(*both, mark, tidies, where)
    elif marked != plain:
        wanted = mark + (plain or "") if isinstance(marked, str) else plain
        good = marked == (tidy(wanted) if tidies else wanted)
        yield good or "%s: %r, not %r" % (where, marked, wanted)


def check_model(t, plain, marked, mark, tidies, what):
    found = list(compare(plain, marked, mark, tidies))
    wrong = [text for text in found if text is not True]
    t.check(not wrong, what + ": the texts are exact", wrong[:3])
    return len(found) - len(wrong)


def table(answer):
    return list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig"),
                                       newline="")))


def is_decimal(cell):
    return re.match(r"-?\d+(\.\d+)?\Z", cell)


FORMULA_START = r"[\s\u3000]*[=+\-@＝＋－＠]|[\t\r\n]"


def check_csv(t, answer, plain, mark, what):
    """Each cell is the plain one, or marked, and none is a formula."""
    lines, usual = table(answer), table(plain)
    if not t.equal([len(x) for x in lines], [len(x) for x in usual],
                   what + ": rows and cells"):
        return 0
    cells = list(zip((cell for line in lines for cell in line),
                     (cell for line in usual for cell in line)))
    wrong = [cell for cell, _ in cells if not is_decimal(cell) and
             re.match(FORMULA_START, cell)]
    t.check(not wrong, what + ": formulas", wrong[:3])
    changed = [both for both in cells if both[0] != both[1]]
    wrong = [both for both in changed
             if both[0].removeprefix("'") != csv_text(
                 mark + both[1].removeprefix("'"))]
    t.check(not wrong, what + ": the texts are exact", wrong[:3])
    return len(changed) - len(wrong)


def csv_text(text):
    """Without what no file may hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)


def sheet_texts(body):
    """All texts of a workbook; parts that are no XML raise."""
    texts = []
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        for name in book.namelist():
            if not name.endswith((".xml", ".rels")):
                continue
            for e in xml.etree.ElementTree.fromstring(
                    book.read(name)).iter():
                if e.tag.endswith("}f"):
                    texts.append("FORMULA " + (e.text or ""))
                elif e.text:
                    texts.append(e.text)
    return texts


def check_sheet(t, answer, what):
    texts = sheet_texts(answer.body)
    t.check(not [x for x in texts if x.startswith("FORMULA")],
            what + ": a formula")
    return "\n".join(texts)


def check_form(t, answers, form, mark, tidies, what):
    """One answer with markup in the billing system; how many marks."""
    plain, marked = answers
    t.status(marked, 200, what)
    check_headers(t, marked, what)
    if marked.status != 200:
        return 0
    if is_json(marked) and is_json(plain):
        return check_model(t, plain.json, marked.json, mark, tidies, what)
    if form == "csv":
        return check_csv(t, marked, plain, mark, what)
    if form == "xlsx":
        return check_sheet(t, marked, what).count(mark)
    if marked.kind == "text/html":
        text = check_page(t, marked, what)
        if mark == MARK:
            check_whole(t, text, what)
        return text.count(mark.strip()[:4])
    t.equal(marked.body, plain.body, what + ": the file")
    return 0


def check_log(t):
    t.check(not [line for line in portal.log().split("\n")
                 if line.startswith(("Set-Cookie", "<img"))],
            "no line of the log is forged")
    t.check("\x1b" not in portal.log(), "nor does it drive a terminal")


def test_markup(t):
    marks = (MARK, FORMULA, LINES, CONTROLS)
    for row in rows("GET"):
        if row["path"] == "/api/audit":
            continue  # each file makes an entry; audit_test.py forges some
        c, name = client_for(row), name_of(row)
        seen = {(form, mark): 0 for form in forms(row) for mark in marks}
        for fields in variants(row, c):
            plain = {f: get(c, row, f, fields) for f in forms(row)}
            for mark in marks:
                sandbox.fault("*", "markup", value=mark)
                for form in forms(row):
                    seen[form, mark] += check_form(
                        t, (plain[form], get(c, row, form, fields)), form,
                        mark, name in TIDIES, "%s %s %s, %.8r" % (
                            name, form, fields, mark))
                sandbox.heal()
        for form, mark in seen if name not in NO_TEXTS else ():
            # XLSX has its own way with controls.
            t.check(seen[form, mark] or (form == "xlsx" and mark != MARK),
                    "%s %s, %.8r: no text of VCS's was seen: mend the values "
                    "that it is asked with, or add the row to NO_TEXTS" % (
                        name, form, mark))
        t.check(not seen["json", MARK] or name not in NO_TEXTS,
                name + " has texts: take it out of NO_TEXTS")
    check_log(t)


def test_markup_of_forms(t):
    """What a POST answers, done and refused; and the page that follows."""
    for mark in (MARK, LINES):
        for row in rows("POST"):
            for form in forms(row):
                for right in (True, False):
                    what = "%s %s %s, %.8r" % (name_of(row), form, right, mark)
                    c = client_for(row, form)
                    fields = {p["name"]: good(p, c)
                              for p in row["parameters"]}
                    if not right:
                        fields.update(
                            {name: value + "9"
                             for name, value in fields.items()
                             if name in required(row, c)})
                    sandbox.fault("*", "markup", value=mark)
                    answer = post(c, row, form, fields)
                    t.check(answer.status != 500, what, answer.status)
                    check_headers(t, answer, what)
                    if is_json(answer):
                        for _, value in leaves(answer.json):
                            at = str(value).find(mark.strip())
                            t.check(at <= 2, what + ": exact", value)
                    elif answer.status == 303:
                        answer = c.get(answer.location)
                    if answer.kind == "text/html":
                        check_page(t, answer, what)
                    sandbox.reset()
    check_log(t)


def test_markup_everywhere(t):
    """Every string is markup: dates, states, codes, too. An error page will
    do, but no broken one."""
    for mark in (MARK, LINES):
        for row in rows("GET"):
            c = client_for(row)
            if mark == LINES and row["template"] and not row["files"]:
                continue  # no header of its answers comes from VCS
            for fields in variants(row, c):
                asked = operations_of(c, row, fields)
                for operation in asked + ["*"] * bool(asked):
                    sandbox.fault(operation, "markup_all", value=mark)
                    for form in forms(row):
                        what = "%s %s %s, all of %s" % (
                            name_of(row), form, fields, operation)
                        answer = get(c, row, form, fields)
                        t.check(answer.status in (200, 303, 401, 404, 502,
                                                  503), what + ": status",
                                answer.status)
                        check_headers(t, answer, what)
                        if is_json(answer):
                            t.check(isinstance(answer.json, dict), what)
                        elif answer.kind == "text/html":
                            check_page(t, answer, what)
                        elif form == "csv":
                            check_csv(t, answer, answer, mark, what)
                        elif form == "xlsx":
                            check_sheet(t, answer, what)
                    sandbox.heal()
                    if operation in ("clients.get", "*"):
                        c = client_for(row)
    check_log(t)


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
