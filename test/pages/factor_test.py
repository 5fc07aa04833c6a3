#!/usr/bin/env python3
"""factor_test.py: the second factor: setting up an authenticator app, logging
in with it, and that the password alone opens nothing. Ends with 'N passed, N
failed'.
"""
import base64
import concurrent.futures
import email
import email.policy
import hashlib
import hmac
import json
import os
import re
import struct
import subprocess
import urllib.parse

import harness
from harness import (IDS, PASSWORDS, Page, Portal, Sandbox, check_error,
                     wait_for)

STEP = 30
sandbox = Sandbox()
routes = json.loads(subprocess.run(
    [harness.PORTICO, "routes", "--json"], check=True, capture_output=True,
    timeout=harness.PATIENCE).stdout)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now=1800000000):
        self.folder = harness.make_folder()
        self.path = os.path.join(self.folder, "now")
        library = os.path.join(self.folder, "clock.so")
        with open(library + ".c", "w") as f:
            f.write('#include <stdio.h>\n#include <time.h>\n'
                    'time_t time(time_t *t)\n{\n\tlong now = 0;\n'
                    '\tFILE *f = fopen("%s", "re");\n'
                    '\tif (f && fscanf(f, "%%ld", &now) != 1)\n'
                    '\t\tnow = 0;\n\tif (f)\n\t\tfclose(f);\n'
                    '\tif (t)\n\t\t*t = now;\n\treturn now;\n}\n' % self.path)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library,
                        library + ".c"], check=True, timeout=harness.PATIENCE)
        options = os.environ.get("ASAN_OPTIONS", "")
        # The workers may read the store's folder and the temporary one only.
        self.env = {"LD_PRELOAD": library, "TMPDIR": self.folder,
                    "ASAN_OPTIONS": options + ":verify_asan_link_order=0"}
        self.set(now)

    def set(self, now):
        self.now = now
        with open(self.path + ".new", "w") as f:
            f.write("%d" % now)
        os.rename(self.path + ".new", self.path)

    def step(self, n=1):
        self.set(self.now + n * STEP)


clock = Clock()
portal = Portal(sandbox, {
    "smtp": {"uri": "smtp://" + sandbox.control("GET", "/gateways")["smtp"],
             "from": "portal@example.net"}}, env=clock.env, workers=4)
asking = Portal(sandbox, {"session": {"requireFactor": True}}, env=clock.env)
KEY = "a key of the hosting team's, 32 characters"
strict = Portal(sandbox, {
    "session": {"factorKey": KEY},
    "limits": {"loginPerName": 3, "loginWindow": 900}}, env=clock.env)


def code_of(secret, now=None):
    """What an app shows (RFC 6238)."""
    key = base64.b32decode(secret)
    count = struct.pack(">Q", (now or clock.now) // STEP)
    mac = hmac.new(key, count, hashlib.sha1).digest()
    at = mac[-1] & 15
    number = struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff
    return "%06d" % (number % 1000000)


def wrong_code(secret):
    near = {code_of(secret, clock.now + n * STEP) for n in range(-2, 3)}
    return next(c for c in ("000000", "000001", "000002", "000003", "000004",
                            "000005") if c not in near)


def post(c, path, fields=None, **how):
    return c.post_json(path, fields or {}, accept="application/json", **how)


def set_up(where, who="heron"):
    """An app's secret and the recovery codes."""
    c = where.client().token(who)
    answer = post(c, "/api/security/totp")
    assert answer.status == 200, answer.body
    secret = answer.json["secret"]
    answer = post(c, "/api/security/totp/confirm", {"code": code_of(secret)})
    assert answer.status == 200, answer.body
    clock.step()
    return secret, answer.json["recovery_codes"]


def forget(where):
    with harness.store(where) as db:
        for table in ("totp", "recovery_code", "session", "throttle"):
            db.execute("delete from " + table)


def half(where, who="heron"):
    c = where.client()
    answer = c.try_login(who, PASSWORDS[who])
    assert answer.status == 303, answer.body[:300]
    return c, answer


def give(c, code, next=None):
    page = c.get("/api/login/code" + (
        "?next=" + urllib.parse.quote(next) if next else ""))
    fields = {"csrf": page.csrf or "", "code": code}
    if next:
        fields["next"] = next
    return c.form("/api/login/code", fields)


# --- Setting up -------------------------------------------------------------------

def test_set_up(t):
    forget(portal)
    c = portal.client().login("heron")
    other = portal.client().login("heron")
    page = c.get("/api/security/totp")
    t.status(page, 200, "the page")
    t.check('action="/api/security/totp"' in page.text, "offers to begin")
    answer = c.form("/api/security/totp", {"csrf": page.csrf})
    t.status(answer, 303, "begun")
    page = c.get(answer.location)
    t.check(Page(page.text).find("svg", role="img"), "a QR code is drawn")
    model = c.json("/api/security/totp")
    secret = model["secret"]
    t.check(re.fullmatch(r"[A-Z2-7]{32}", secret), "the secret", model)
    shown = "".join(Page(page.text).text.split())
    t.check(secret in shown, "is on the page as text")
    uri = urllib.parse.urlsplit(model["uri"])
    t.equal((uri.scheme, uri.netloc, urllib.parse.parse_qs(uri.query)),
            ("otpauth", "totp", {"secret": [secret],
                                 "issuer": ["Client Portal"]}), "its address")
    for text in (page.text, json.dumps(model)):
        t.check("api.qrserver" not in text and "http://" not in
                text.replace("http://www.w3.org", ""), "nobody else draws it")
    seen = other.json("/api/security/totp")
    t.equal((seen["state"], seen["secret"]), ("off", None),
            "another session does not see it")
    answer = c.form("/api/security/totp/confirm",
                    {"csrf": page.csrf, "code": wrong_code(secret)})
    t.status(answer, 422, "a wrong code")
    t.check(secret in "".join(Page(answer.text).text.split()),
            "the form comes again with the secret")
    old = c.cookies["portico"]
    answer = c.form("/api/security/totp/confirm",
                    {"csrf": page.csrf, "code": code_of(secret)})
    t.status(answer, 200, "the right one")
    codes = re.findall(r"<code>([A-Z2-7-]{14})</code>", answer.text)
    t.equal(len(set(codes)), 10, "ten recovery codes")
    t.check(secret not in answer.text, "the secret is not shown again")
    t.check(c.cookies["portico"] != old, "a new cookie")
    t.status(other.get("/api/dashboard"), 303, "other sessions have ended")
    page = c.get("/api/security/totp")
    t.status(page, 200, "the page then")
    t.check(not any(code in page.text for code in codes) and
            secret not in page.text, "neither codes nor secret again")
    model = c.json("/api/security/totp")
    t.equal((model["state"], model["codes_left"], model["secret"]),
            ("on", 10, None), "its state")
    check_error(t, post(c, "/api/security/totp", X_CSRF_Token=page.csrf), 409,
                "conflict", "to begin again")


def test_not_in_clear(t):
    forget(portal)
    secret, codes = set_up(portal)
    found = harness.store_bytes(portal)
    t.check(b"totp" in found, "the store was read")
    raw = base64.b32decode(secret)
    for what, value in [("base32", secret.encode()), ("bytes", raw),
                        ("hex", raw.hex().encode()),
                        ("base64", base64.b64encode(raw).rstrip(b"="))] + [
                            (code, form.encode()) for code in codes
                            for form in (code, code.replace("-", ""))]:
        t.check(value not in found and value.upper() not in found,
                "not in the store: " + what)
    log = portal.log()
    t.check(secret not in log and not any(c in log for c in codes),
            "not in the log")
    t.check(not re.search(code_of(secret), log), "nor the codes")


# --- Half a log-in -------------------------------------------------------------------

OPEN = {"GET /api/login", "POST /api/login", "POST /api/language",
        "GET /api/health", "GET /api/docs", "GET /api/openapi.json",
        "GET /api/theme/:id", "GET /api/metrics", "POST /api/hooks/:id",
        "GET /api/reset", "POST /api/reset", "GET /api/reset/:id",
        "POST /api/reset/:id", "POST /api/hooks/vcs",
        "GET /api/login/passkey", "POST /api/login/passkey"}
STEP_ROWS = {"GET /api/login/code", "POST /api/login/code",
             "GET /api/login/code/passkey", "POST /api/login/code/passkey",
             "POST /api/logout"}
FIRST_ROWS = {"GET /api/security/totp", "POST /api/security/totp",
              "POST /api/security/totp/confirm", "POST /api/logout",
              "GET /api/security/passkeys", "POST /api/security/passkeys",
              "GET /api/security/passkeys/new",
              "POST /api/security/passkeys/new"}


def ask(c, row, accept, suffix=""):
    path = row["path"].replace(":id", "9005") + suffix
    if row["method"] == "GET":
        return c.get(path, accept=accept)
    return c.form(path, {"csrf": c.csrf, **{
        p["name"]: "1" for p in row["parameters"] if p["required"]}},
        accept=accept)


def walk(t, make, mine, code, where):
    """Every row of the routing table but `mine` refuses; all in vain for the
    billing system."""
    walked = 0
    for row in routes:
        name = "%s %s" % (row["method"], row["path"])
        if name in OPEN | mine:
            continue
        c, _ = make()
        c.csrf = c.get(where).csrf
        sandbox.forget()
        if "json_only" not in row["flags"]:
            answer = ask(c, row, "text/html")
            t.status(answer, 303, name + " as a page")
            t.check((answer.location or "").startswith(where),
                    name + " leads on", answer.location)
            t.equal(answer.body, b"", name + " says nothing")
        check_error(t, ask(c, row, "application/json"), 401, code,
                    name + " as JSON", [])
        for suffix in row["files"]:
            answer = ask(c, row, None, "." + suffix)
            t.status(answer, 401, name + " as " + suffix)
        walked += 1
        calls = {k for k in sandbox.calls()["counts"] if "." in k}
        t.check(not calls, name + " asks the billing system nothing", calls)
    t.check(walked > 25, "enough rows were walked", walked)


def test_password_alone(t):
    forget(portal)
    set_up(portal)
    c, answer = half(portal)
    t.check(answer.location.startswith("/api/login/code"), "leads to the code",
            answer.location)
    page = c.get(answer.location)
    t.status(page, 200, "its page")
    for name in ("Heron", "/api/profile", "toolbar", "class=\"bar\""):
        t.check(name not in page.text, "shows nothing of the customer: " + name)
    walk(t, lambda: half(portal), STEP_ROWS, "code_required",
         "/api/login/code")
    for path in ("/api/health", "/api/docs", "/api/openapi.json"):
        t.status(c.get(path), 200, path + " is everybody's")
    t.check("Heron" not in c.get("/api/docs").text, "as for a stranger")
    answer = c.form("/api/language", {"csrf": page.csrf, "locale": "de"})
    t.status(answer, 303, "the language")
    t.status(c.form("/api/login/code", {"code": "123456"}), 403,
             "the code without a token")
    answer = c.form("/api/logout", {"csrf": page.csrf})
    t.status(answer, 303, "log-out")
    t.equal(c.get("/api/login/code").location.split("?")[0], "/api/login",
            "ends it")


def test_asked_for(t):
    """A brand that asks for a factor: first that, then anything else."""
    forget(asking)
    c, answer = half(asking)
    t.equal(answer.location, "/api/security/totp", "leads to setting it up")
    page = c.get("/api/security/totp")
    t.status(page, 200, "its page")
    t.check("/api/dashboard" not in page.text, "without a menu")
    walk(t, lambda: half(asking), FIRST_ROWS, "factor_required",
         "/api/security/totp")
    check_error(t, asking.client().post_json("/api/login", {
        "login": "heron", "password": PASSWORDS["heron"]}), 401,
        "factor_required", "a program", [])
    t.status(c.form("/api/security/totp", {"csrf": page.csrf}), 303, "begun")
    secret = c.json("/api/security/totp")["secret"]
    answer = c.form("/api/security/totp/confirm",
                    {"csrf": page.csrf, "code": "x"})
    t.status(answer, 422, "wrong")
    t.check("/api/usage" not in answer.text, "still without a menu")
    t.status(c.get("/api/dashboard"), 303, "nothing else yet")
    old = c.cookies["portico"]
    answer = c.form("/api/security/totp/confirm",
                    {"csrf": page.csrf, "code": code_of(secret)})
    t.status(answer, 200, "confirmed")
    t.status(c.get("/api/dashboard"), 200, "then everything")
    thief = asking.client()
    thief.cookies["portico"] = old
    t.equal(thief.get("/api/dashboard").location.split("?")[0], "/api/login",
            "the token of before is worth nothing")
    clock.step()
    page = c.get("/api/security/totp")
    answer = c.form("/api/security/totp/remove", {
        "csrf": page.csrf, "current": PASSWORDS["heron"]})
    t.status(answer, 303, "removed")
    t.equal(c.get("/api/dashboard").location, "/api/security/totp",
            "and asked for again")


# --- Codes ------------------------------------------------------------------------------

def test_code(t):
    forget(portal)
    secret, _ = set_up(portal)
    c, _ = half(portal)
    old = c.cookies["portico"]
    answer = give(c, wrong_code(secret))
    t.status(answer, 422, "a wrong code")
    t.check(Page(answer.text).find("input", name="code"), "the form again")
    t.status(c.get("/api/dashboard"), 303, "nothing opens")
    answer = give(c, " %s %s " % (code_of(secret)[:3], code_of(secret)[3:]),
                  "/api/rates?q=44")
    t.status(answer, 303, "the right one, with spaces")
    t.equal(answer.location, "/api/rates?q=44", "leads on")
    t.check(c.cookies["portico"] != old, "a new token")
    t.equal(c.json("/api/dashboard")["client"]["id"], IDS["heron"], "heron's")
    t.equal(c.get("/api/login/code").location, "/api/dashboard",
            "the page of the code then")
    thief = portal.client()
    thief.cookies["portico"] = old
    t.equal(thief.get("/api/login/code").location.split("?")[0], "/api/login",
            "the half token is worth nothing")
    again, _ = half(portal)
    t.status(give(again, code_of(secret)), 422, "the same code again")
    clock.step()
    t.status(give(again, code_of(secret, clock.now - STEP)), 422,
             "nor a step later")
    for bad in ("//evil.example", "https://evil.example", "/api/login"):
        c, _ = half(portal)
        clock.step()
        answer = give(c, code_of(secret), bad)
        t.equal(answer.location, "/api/dashboard", "never to " + bad)


def test_half_ends(t):
    forget(portal)
    secret, _ = set_up(portal)
    c, _ = half(portal)
    clock.set(clock.now + 900)
    answer = give(c, code_of(secret))
    t.check(answer.status in (303, 403), "half a log-in ends after 15 minutes",
            answer.status)
    t.equal(c.get("/api/dashboard").location.split("?")[0], "/api/login",
            "and opens nothing")


def parallel(tries):
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        return [a.status for a in pool.map(lambda f: f(), tries)]


def test_parallel_replay(t):
    forget(portal)
    secret, codes = set_up(portal)
    for what, code in (("the app's", code_of(secret)), ("recovery", codes[0])):
        halves = []
        for _ in range(10):
            c, _ = half(portal)
            halves.append((c, c.get("/api/login/code").csrf))
        seen = parallel([lambda c=c, csrf=csrf: c.form("/api/login/code", {
            "csrf": csrf, "code": code}) for c, csrf in halves])
        t.equal(sorted(seen), [303] + [422] * 9,
                "of ten with one code (%s) one is in" % what)


def test_recovery(t):
    forget(portal)
    secret, codes = set_up(portal)
    c, _ = half(portal)
    t.status(give(c, codes[0].lower().replace("-", " ")), 303, "one lets in")
    t.equal(c.json("/api/security/totp")["codes_left"], 9, "it is gone")
    c, _ = half(portal)
    t.status(give(c, codes[0]), 422, "once")
    theirs, their_codes = set_up(portal, "osprey")
    t.status(give(c, their_codes[0]), 422, "not another customer's")
    t.status(give(c, code_of(theirs)), 422, "nor the code of theirs")
    t.status(give(c, codes[9]), 303, "another one does")


def test_api(t):
    forget(portal)
    secret, codes = set_up(portal)
    body = {"login": "heron", "password": PASSWORDS["heron"]}
    c = portal.client()
    answer = c.post_json("/api/login", body)
    check_error(t, answer, 401, "code_required", "without a code", [])
    t.equal(answer.all("set-cookie"), [], "no cookie")
    check_error(t, c.post_json("/api/login", {**body, "password": "x",
                                              "code": code_of(secret)}),
                401, "login_required", "a wrong password with a code", [])
    check_error(t, c.post_json("/api/login", {**body,
                                              "code": wrong_code(secret)}),
                422, "refused", "a wrong code", ["code"])
    answer = c.post_json("/api/login", {**body, "code": code_of(secret)})
    t.status(answer, 200, "both")
    c.bearer = answer.json["token"]
    t.equal(c.json("/api/dashboard")["client"]["id"], IDS["heron"], "is in")
    answer = portal.client().post_json("/api/login", {
        **body, "code": code_of(secret)})
    check_error(t, answer, 422, "refused", "once", ["code"])


def test_remove(t):
    forget(portal)
    secret, codes = set_up(portal)
    c, _ = half(portal)
    give(c, codes[0])
    csrf = c.get("/api/security/totp").csrf
    for fields, wanted in (({}, 422), ({"current": "x"}, 422),
                           ({"code": wrong_code(secret)}, 422),
                           ({"code": codes[0]}, 422)):
        answer = c.form("/api/security/totp/remove", {"csrf": csrf, **fields})
        t.status(answer, wanted, "with %s" % fields)
        t.equal(c.json("/api/security/totp")["state"], "on", "it stays")
    answer = c.form("/api/security/totp/remove", {
        "csrf": csrf, "code": code_of(secret)})
    t.status(answer, 303, "with a code")
    t.equal(c.json("/api/security/totp")["state"], "off", "it is gone")
    t.equal(portal.client().try_login("heron", PASSWORDS["heron"]).location,
            "/api/dashboard", "the password is enough")
    secret, codes = set_up(portal)
    t.check(secret, "set up again")


def test_password_change_keeps_it(t):
    forget(portal)
    secret, codes = set_up(portal)
    c, _ = half(portal)
    give(c, codes[0])
    csrf = c.get("/api/password").csrf
    new = "correct horse 7"
    answer = c.form("/api/password", {
        "csrf": csrf, "current": PASSWORDS["heron"], "new": new,
        "repeat": new})
    t.status(answer, 303, "a new password")
    t.status(c.get("/api/dashboard"), 200, "stays whole")
    answer = portal.client().try_login("heron", new)
    t.check(answer.location.startswith("/api/login/code"),
            "asks for the code all the same", answer.location)
    sandbox.reset()


def subjects():
    return [email.message_from_string(
        sent["data"], policy=email.policy.default)["subject"]
        for sent in sandbox.control("GET", "/mail")]


def test_letters(t):
    """Whoever sets it up or removes it, the customer hears of it."""
    forget(portal)
    sandbox.control("DELETE", "/mail")
    secret, codes = set_up(portal)
    wait_for("a letter", lambda: any("turned on" in s for s in subjects()))
    c, _ = half(portal)
    give(c, codes[0])
    answer = c.form("/api/security/totp/remove", {
        "csrf": c.get("/api/security/totp").csrf, "code": codes[1]})
    t.status(answer, 303, "removed")
    wait_for("another", lambda: any("turned off" in s for s in subjects()))
    for sent in sandbox.control("GET", "/mail"):
        t.check(secret not in sent["data"] and not any(
            code in sent["data"] for code in codes), "without secrets")


def test_throttle(t):
    """Three wrong codes, wherever they are tried, and the right one waits."""
    forget(strict)
    secret, codes = set_up(strict)
    c, _ = half(strict)
    for code in (wrong_code(secret), "AAAA-BBBB-CCCC"):
        t.status(give(c, code), 422, "a wrong code")
    body = {"login": "heron", "password": PASSWORDS["heron"]}
    check_error(t, strict.client().post_json("/api/login", {
        **body, "code": wrong_code(secret)}), 422, "refused", "over the API",
        ["code"])
    answer = give(c, code_of(secret))
    t.status(answer, 429, "the right code then")
    t.check(0 < int(answer.header("retry-after") or 0) <= 900, "Retry-After",
            answer.headers)
    check_error(t, strict.client().post_json("/api/login", {
        **body, "code": codes[0]}), 429, "too_often", "and a recovery code")
    clock.set(clock.now + 900)
    c, _ = half(strict)
    t.status(give(c, code_of(secret)), 303, "until the window is over")


def test_throttle_parallel(t):
    forget(strict)
    secret, _ = set_up(strict)
    c, _ = half(strict)
    csrf = c.get("/api/login/code").csrf
    seen = parallel([lambda: c.form("/api/login/code", {
        "csrf": csrf, "code": wrong_code(secret)})] * 20)
    t.check(seen.count(422) <= 5, "of twenty at once few are looked at", seen)
    t.check(seen.count(422) + seen.count(429) == 20, "the rest waits", seen)


def test_store_away(t):
    """A secret that does not open lets nobody in."""
    forget(portal)
    secret, _ = set_up(portal)
    with harness.store(portal) as db:
        db.execute("update totp set secret = replace(secret, 'a', 'b')")
    c, _ = half(portal)
    t.status(give(c, code_of(secret)), 500, "a damaged secret")
    t.status(c.get("/api/dashboard"), 303, "opens nothing")
    t.check(portal.logged("factor.key"), "is logged")


harness.main(globals())
