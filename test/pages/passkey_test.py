#!/usr/bin/env python3
"""passkey_test.py: passkeys: adding them, logging in with them instead of the
password or after it, and everything that a browser or a key might lie about.
Ends with 'N passed, N failed'.
"""
import concurrent.futures
import json
import re

import harness
from authenticator import (BACKUP, ES256, KEY, MAY_BACKUP, PRESENT, RS256,
                           VERIFIED, Browser, Passkey, cbor, decode, encode)
from harness import IDS, PASSWORDS, Page, Portal, Sandbox, check_error, wait_for

ORIGIN, HOST = "https://portal.example", "portal.example"
HOME = "/api/security/passkeys"
sandbox = Sandbox()
SMTP = {"uri": "smtp://" + sandbox.control("GET", "/gateways")["smtp"],
        "from": "portal@example.net"}
portal = Portal(sandbox, {"publicUri": ORIGIN + "/", "smtp": SMTP, "limits": {
    "workerShare": 100}}, brands={
    "acme": (sandbox, {"publicUri": ORIGIN})}, workers=4)
asking = Portal(sandbox, {"publicUri": ORIGIN,
                          "session": {"requireFactor": True}})
without = Portal(sandbox)
strict = Portal(sandbox, {"publicUri": ORIGIN, "limits": {
    "loginPerAddress": 3, "loginPerName": 3, "loginWindow": 900}})
browser = Browser(ORIGIN)
folder = harness.make_folder()


def make(algorithm=ES256, **how):
    return Passkey(folder, algorithm, **how)


def post(c, path, fields=None, **how):
    return c.post_json(path, fields or {}, accept="application/json", **how)


def begin(c, who="heron", **proof):
    """The options to add a key with."""
    answer = post(c, HOME + "/new", proof or {"current": PASSWORDS[who]})
    assert answer.status == 200, answer.body
    return answer.json["public_key"]


def add(where, who="heron", key=None, name="Phone", c=None):
    """A key that is good for logging in, what adding it answered, and a
    program that is logged in."""
    key = key or make()
    c = c or where.client().token(who)
    answer = post(c, HOME, {"credential": browser.create(
        key, begin(c, who)), "name": name})
    assert answer.status == 201, answer.body
    if "token" in answer.json:
        c.bearer = answer.json["token"]
    return key, answer.json, c


def forget(where):
    with harness.store(where) as db:
        for table in ("passkey", "passkey_answered", "totp", "recovery_code",
                      "session", "throttle"):
            db.execute("delete from " + table)


def shown_options(answer):
    """What the page's script gets to add one with."""
    form = Page(answer.text).find("form", **{"data-passkey": "add"})
    return json.loads(form[0]["data-options"])


def options_of(c, path="/api/login/passkey"):
    return c.json(path)["public_key"]


def visitor(where, **how):
    """A browser on the page of the log-in."""
    c = where.client(**how)
    c.csrf = c.get("/api/login").csrf
    return c


def send(c, credential, path="/api/login/passkey", **more):
    return c.form(path, {"csrf": c.csrf, "credential": credential, **more})


def log_in(where, key, **lie):
    c = visitor(where)
    return c, send(c, browser.get(key, options_of(c), **lie))


def half(where, who="heron"):
    c = where.client()
    answer = c.try_login(who, PASSWORDS[who])
    assert answer.location.startswith("/api/login/code"), answer.location
    c.csrf = c.get("/api/login/code").csrf
    return c


# --- Adding -----------------------------------------------------------------------

def test_add(t):
    forget(portal)
    sandbox.control("DELETE", "/mail")
    c = portal.client().login("heron")
    other = portal.client().login("heron")
    page = c.get("/api/security")
    t.check('href="%s"' % HOME in page.text, "a link on the security page")
    page = c.get(HOME)
    t.status(page, 200, "the page")
    t.check("no passkeys yet" in page.text, "none yet")
    t.equal(c.json(HOME), {"passkeys": [], "most": 10, "codes_left": 0,
                           "required": False}, "as JSON")
    for fields, wanted in (({}, 422), ({"current": "x"}, 422),
                           ({"code": "123456"}, 422)):
        answer = c.form(HOME + "/new", {"csrf": page.csrf, **fields})
        t.status(answer, wanted, "without a proof: %s" % fields)
        t.check("data-options" not in answer.text, "no question then")
    t.status(c.form(HOME + "/new", {"current": PASSWORDS["heron"]}), 403,
             "without a token")
    answer = c.form(HOME + "/new", {"csrf": page.csrf,
                                    "current": PASSWORDS["heron"]})
    t.status(answer, 200, "with the password")
    options = shown_options(answer)
    t.equal(options["rp"], {"id": HOST, "name": "Client Portal"}, "the site")
    t.equal([p["alg"] for p in options["pubKeyCredParams"]], [ES256, RS256],
            "the algorithms")
    t.equal(options["authenticatorSelection"]["userVerification"], "required",
            "verification is asked for")
    t.equal(options["attestation"], "none", "no attestation")
    t.equal(options["excludeCredentials"], [], "none to exclude")
    user = decode(options["user"]["id"])
    t.check(len(user) == 32 and b"1001" not in user and b"heron" not in user,
            "the user's handle tells nothing")
    t.check("unsafe" not in answer.header("content-security-policy"),
            "the policy is as strict")
    key = make()
    old = c.cookies["portico"]
    answer = c.form(HOME, {"csrf": answer.csrf, "name": "My <b>key</b>",
                           "credential": browser.create(key, options)})
    t.status(answer, 200, "added")
    codes = re.findall(r"<code>([A-Z2-7-]{14})</code>", answer.text)
    t.equal(len(set(codes)), 10, "recovery codes with the first factor")
    t.check(c.cookies["portico"] != old, "a new cookie")
    t.status(other.get("/api/dashboard"), 303, "other sessions have ended")
    page = c.get(HOME)
    t.check("My &lt;b&gt;key" in page.text, "its name is on the page")
    t.check(codes[0] not in page.text, "the codes are not shown again")
    t.check("My &lt;b&gt;key" in c.get("/api/security").text,
            "and on the security page")
    model = c.json(HOME)
    t.equal((len(model["passkeys"]), model["codes_left"],
             model["passkeys"][0]["used"]), (1, 10, None), "as JSON")
    wait_for("a letter", lambda: "passkey" in json.dumps(
        sandbox.control("GET", "/mail")))


def test_only_public(t):
    """Nothing in the store logs anybody in."""
    forget(portal)
    key, answer, _ = add(portal)
    with harness.store(portal) as db:
        row = db.execute("select public_key, credential from passkey").fetchone()
        t.equal(bytes.fromhex(row[0]), cbor(key.cose()), "the public key")
        t.equal(bytes.fromhex(row[1]), key.id, "and its id")
    log = portal.log()
    t.check(not any(code in log for code in answer["recovery_codes"]),
            "no codes in the log")


def test_add_refused(t):
    forget(portal)
    c = portal.client().token("heron")
    old = begin(c)
    point = make().cose()
    lies = [
        ("another origin", dict(origin="https://portal.example.evil")),
        ("an origin of another scheme", dict(origin="http://portal.example")),
        ("an origin with a port", dict(origin=ORIGIN + ":443")),
        ("an origin with a path", dict(origin=ORIGIN + "/")),
        ("another site", dict(rp="example")),
        ("another type", dict(type="webauthn.get")),
        ("within another site", dict(cross=True)),
        ("no boolean", dict(cross="false")),
        ("another challenge", dict(challenge=encode(b"x" * 56))),
        ("no challenge", dict(challenge="")),
        ("nobody there", dict(flags=VERIFIED | KEY)),
        ("nobody verified", dict(flags=PRESENT | KEY)),
        ("a copy of what is never copied",
         dict(flags=PRESENT | VERIFIED | KEY | BACKUP)),
        ("a key that is not said", dict(flags=PRESENT | VERIFIED)),
        ("extensions that are not there",
         dict(flags=PRESENT | VERIFIED | KEY | 0x80)),
        ("another id", dict(id=b"another")),
        ("not JSON", dict(client=b"{")),
        ("a point off the curve", dict(cose=cbor({
            **point, -3: bytes(31) + b"\1"}))),
        ("a point at nothing", dict(cose=cbor({
            **point, -2: bytes(32), -3: bytes(32)}))),
        ("another curve", dict(cose=cbor({**point, -1: 2}))),
        ("another algorithm", dict(cose=cbor({**point, 3: -8}))),
        ("a short coordinate", dict(cose=cbor({**point, -2: b"x" * 31}))),
        ("a member more", dict(cose=cbor({**point, -4: b"private"}))),
        ("a member twice", dict(cose=b"\xa6" + cbor(point)[1:] +
                                cbor(1) + cbor(2))),
        ("a small RSA key", dict(cose=cbor({
            1: 3, 3: RS256, -1: b"\xff" * 128, -2: b"\1\0\1"}))),
        ("an even exponent", dict(cose=cbor({
            1: 3, 3: RS256, -1: b"\xff" * 256, -2: b"\2"}))),
        ("no CBOR", dict(attestation=b"\xff")),
        ("a list", dict(attestation=b"\x80")),
        ("an endless map", dict(attestation=b"\xbf")),
        ("a map of very many", dict(attestation=b"\xbb" + b"\xff" * 8)),
        ("a string longer than all", dict(
            attestation=b"\xa3" + cbor("authData") + b"\x5b" + b"\x7f" * 8)),
        ("deep lists", dict(attestation=cbor({"fmt": "none"})[:-5] +
                            b"\x81" * 5000)),
    ]
    for what, lie in lies:
        answer = post(c, HOME, {"credential": browser.create(
            make() if "id" in lie else KEYS[0], begin(c), **lie)})
        check_error(t, answer, 422, "refused", what)
    good = browser.create(KEYS[0], begin(c))
    body = json.loads(good)
    whole = decode(body["response"]["attestationObject"])
    for end in list(range(0, len(whole), 7)) + [len(whole) - 1]:
        body["response"]["attestationObject"] = encode(whole[:end])
        t.status(post(c, HOME, {"credential": json.dumps(body)}), 422,
                 "cut at %d" % end)
    for text in ("{}", "x", "[]", "null", json.dumps({"id": 1}), good[:-1],
                 good + " {}", good.replace('"type"', '"typ"'),
                 good.replace('"response"', '"answer"'),
                 good.replace("public-key", "password"), "\\u0000",
                 json.dumps({**json.loads(good), "response": []})):
        answer = post(c, HOME, {"credential": text})
        t.check(answer.status in (400, 422), "nonsense: %s" % text[:40],
                answer.status)
    other = portal.client().token("heron")
    t.status(post(other, HOME, {"credential": browser.create(
        KEYS[0], begin(c))}), 422, "a challenge of another session")
    theirs = portal.client().token("osprey")
    t.status(post(theirs, HOME, {"credential": browser.create(
        KEYS[0], begin(c))}), 422, "of another customer's")
    login = options_of(c)
    t.status(post(c, HOME, {"credential": browser.create(KEYS[0], {
        **old, "challenge": login["challenge"]})}), 422,
        "a challenge for logging in")
    t.equal(c.json(HOME)["passkeys"], [], "none was added")
    credential = browser.create(KEYS[0], old)
    t.status(post(c, HOME, {"credential": credential}), 201, "the truth is")


KEYS = [make(), make(RS256)]


def test_add_again(t):
    """A key is one customer's, a challenge is good once, and ten are enough."""
    forget(portal)
    key, _, c = add(portal)
    options = begin(c)
    t.equal([e["id"] for e in options["excludeCredentials"]],
            [encode(key.id)], "excluded the next time")
    check_error(t, post(c, HOME, {"credential": browser.create(
        key, options)}), 409, "conflict", "the same key")
    theirs = portal.client().token("osprey")
    check_error(t, post(theirs, HOME, {"credential": browser.create(
        key, begin(theirs, "osprey"))}), 409, "conflict",
        "another customer's key")
    key.user = decode(begin(c)["user"]["id"])
    options = begin(c)
    t.status(post(c, HOME, {"credential": browser.create(make(), options)}),
             201, "a second one")
    check_error(t, post(c, HOME, {"credential": browser.create(
        make(), options)}), 422, "refused", "with the same challenge")
    for _ in range(8):
        add(portal, c=c)
    check_error(t, post(c, HOME, {"credential": browser.create(
        make(), begin(c))}), 409, "conflict", "the eleventh")
    t.equal(len(c.json(HOME)["passkeys"]), 10, "ten")
    t.check("as many" in portal_page(portal, key, HOME), "the page says so")


def portal_page(where, key, path):
    c, answer = log_in(where, key)
    assert answer.status == 303, answer.body
    return c.get(path).text


# --- Logging in --------------------------------------------------------------------

def test_log_in(t):
    for algorithm in (ES256, RS256):
        forget(portal)
        key, _, _ = add(portal, key=make(algorithm))
        c = visitor(portal)
        t.check('action="/api/login/passkey"' in c.get("/api/login").text,
                "the page offers it")
        options = options_of(c)
        t.equal((options["rpId"], options["userVerification"],
                 options["allowCredentials"]), (HOST, "required", []),
                "what is asked")
        t.check(len(decode(options["challenge"])) >= 32, "a long challenge")
        answer = send(c, browser.get(key, options), next="/api/rates?q=44")
        t.status(answer, 303, "in, with %d" % algorithm)
        t.equal(answer.location, "/api/rates?q=44", "leads on")
        t.equal(c.json("/api/dashboard")["client"]["id"], IDS["heron"],
                "as heron")
        t.check(c.json(HOME)["passkeys"][0]["used"], "its use is noted")
        c, answer = log_in(portal, key)
        t.equal(answer.location, "/api/dashboard", "and again")
        c = visitor(portal)
        answer = send(c, browser.get(key, options_of(c)),
                      next="https://evil.example")
        t.equal(answer.location, "/api/dashboard", "never elsewhere")


def test_log_in_api(t):
    forget(portal)
    key, _, _ = add(portal)
    c = portal.client()
    answer = c.post_json("/api/login/passkey", {
        "credential": browser.get(key, options_of(c))})
    t.status(answer, 200, "a program")
    t.equal(answer.all("set-cookie"), [], "gets no cookie")
    c.bearer = answer.json["token"]
    t.equal(c.json("/api/dashboard")["client"]["id"], IDS["heron"], "is in")
    t.status(portal.client().post_json("/api/login", {
        "login": "heron", "password": PASSWORDS["heron"]}), 401,
        "the password alone is not enough for it")


def refused(t, answer, what, words=[]):
    """Always the same."""
    t.status(answer, 401, what)
    t.check("passkey was not accepted" in answer.text, what + ": words",
            answer.text[:200])
    text = re.sub(r'(csrf" value|request_id)[^>]*', "", answer.text)
    words.append(text)
    t.equal(text, words[0], what + ": the same answer")
    t.check(not answer.all("set-cookie") or "portico=" not in "".join(
        answer.all("set-cookie")), what + ": no session")


def test_lies(t):
    forget(portal)
    key, _, _ = add(portal)
    theirs, _, _ = add(portal, "osprey")
    words = []
    lies = [
        ("another origin", dict(origin="https://portal.example.evil")),
        ("a part of the origin", dict(origin="https://portal")),
        ("an origin in capitals", dict(origin="https://PORTAL.example")),
        ("a subdomain", dict(origin="https://a.portal.example")),
        ("another site", dict(rp="evil.example")),
        ("another type", dict(type="webauthn.create")),
        ("within another site", dict(cross=True)),
        ("another challenge", dict(challenge=encode(b"\0" * 56))),
        ("a challenge with padding", dict(challenge="AA==")),
        ("nobody there", dict(flags=VERIFIED)),
        ("nobody verified", dict(flags=PRESENT)),
        ("a copy of what is never copied",
         dict(flags=PRESENT | VERIFIED | BACKUP)),
        ("a key that is not there", dict(flags=PRESENT | VERIFIED | KEY)),
        ("extensions that are not there",
         dict(flags=PRESENT | VERIFIED | 0x80)),
        ("no data", dict(data=b"x" * 36)),
        ("an unknown key", dict(id=b"nobody's")),
        ("a very long id", dict(id=b"x" * 5000)),
        ("another customer's id", dict(id=theirs.id)),
        ("another customer's name", dict(user=theirs.user)),
        ("no name", dict(user=None)),
        ("a name that is nobody's", dict(user=b"1002")),
        ("another signature", dict(signature=b"\x30\x06\2\1\1\2\1\1")),
        ("an empty signature", dict(signature=b"\0")),
    ]
    for what, lie in lies:
        refused(t, log_in(portal, key, **lie)[1], what, words)
    c, answer = log_in(portal, key, flags=PRESENT | VERIFIED | MAY_BACKUP |
                       BACKUP)
    t.status(answer, 303, "a synced key is fine")


def test_every_byte(t):
    """No byte of what is signed, nor of the signature, may be another one."""
    forget(portal)
    key, _, _ = add(portal, key=make(RS256))
    c = portal.client()
    good = json.loads(browser.get(key, options_of(c)))
    for name in ("authenticatorData", "clientDataJSON", "signature"):
        whole = decode(good["response"][name])
        step = 1 if name == "authenticatorData" else 5
        for at in range(0, len(whole), step):
            bad = whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1:]
            response = {**good["response"], name: encode(bad)}
            answer = c.post_json("/api/login/passkey", {
                "credential": json.dumps({**good, "response": response})})
            if not t.check(answer.status == 401, "%s, byte %d" % (name, at),
                           answer.status):
                return
    t.status(c.post_json("/api/login/passkey", {
        "credential": json.dumps(good)}), 200, "but the truth is taken")


def test_replay(t):
    forget(portal)
    key, _, _ = add(portal)
    c = visitor(portal)
    credential = browser.get(key, options_of(c))
    thief = visitor(portal)
    refused(t, send(thief, credential), "in another browser", [])
    t.status(send(c, credential), 303, "in its own")
    c.csrf = c.get("/api/profile").csrf
    t.status(send(c, credential), 401, "again")
    c = portal.client()
    options = options_of(c)
    one = browser.get(key, options)
    t.status(c.post_json("/api/login/passkey", {"credential": one}), 200,
             "over the API")
    t.status(c.post_json("/api/login/passkey", {"credential": one}), 401,
             "once")
    t.status(c.post_json("/api/login/passkey", {"credential": browser.get(
        key, options)}), 401, "nor signed anew")
    key.count += 100
    one = [browser.get(key, options_of(c)) for _ in range(1)][0]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        seen = list(pool.map(lambda _: portal.client().post_json(
            "/api/login/passkey", {"credential": one}).status, range(10)))
    t.equal(sorted(seen), [200] + [401] * 9, "of ten at once, one")
    old = options_of(c)
    when = int.from_bytes(decode(old["challenge"])[:8], "big")
    stale = decode(old["challenge"])
    stale = (when - 601).to_bytes(8, "big") + stale[8:]
    t.status(c.post_json("/api/login/passkey", {"credential": browser.get(
        key, {**old, "challenge": encode(stale)})}), 401,
        "a challenge whose time was changed")


def test_counter(t):
    forget(portal)
    key, _, _ = add(portal)
    t.status(log_in(portal, key, count=41)[1], 303, "counts up")
    for count in (41, 40, 0):
        refused(t, log_in(portal, key, count=count)[1], "%d" % count, [])
    t.check(portal.logged("passkey.counter"), "is logged")
    t.status(log_in(portal, key, count=42)[1], 303, "counts on")
    t.status(log_in(portal, key, count=2 ** 32 - 1)[1], 303, "to the end")
    forget(portal)
    key, _, _ = add(portal)
    for _ in range(2):
        t.status(log_in(portal, key, count=0)[1], 303, "one without a counter")


def test_who_may(t):
    """Another brand, and a customer who lost access."""
    forget(portal)
    key, _, _ = add(portal)
    c = visitor(portal, brand="acme")
    refused(t, send(c, browser.get(key, options_of(c))), "another brand", [])
    theirs = portal.client()
    c = portal.client(brand="acme")
    answer = c.post_json("/api/login/passkey", {
        "credential": browser.get(key, options_of(theirs))})
    t.status(answer, 401, "a challenge of another brand")
    for status in ("archived", "suspended"):
        sandbox.change(IDS["heron"], status=status)
        refused(t, log_in(portal, key)[1], status, [])
        sandbox.reset()
    t.status(log_in(portal, key)[1], 303, "active again")
    sandbox.fault("clients.get", "error")
    answer = log_in(portal, key)[1]
    t.check(answer.status in (502, 503), "billing in trouble", answer.status)
    sandbox.heal()


def test_throttle(t):
    forget(strict)
    key, _, _ = add(strict)
    for _ in range(3):
        refused(t, log_in(strict, key, id=b"x")[1], "a wrong one", [])
    c, answer = log_in(strict, key)
    t.status(answer, 429, "the right one then")
    t.check(int(answer.header("retry-after") or 0) > 0, "Retry-After")
    c = visitor(strict, address="203.0.113.9")
    t.status(send(c, browser.get(key, options_of(c))), 303,
             "from elsewhere it lets in")


# --- As the second step --------------------------------------------------------------

CODE = "/api/login/code/passkey"


def test_second_step(t):
    forget(portal)
    key, made, _ = add(portal)
    theirs, _, _ = add(portal, "osprey")
    c = half(portal)
    page = c.get("/api/login/code")
    t.check('action="%s"' % CODE in page.text, "the page offers it")
    t.check("6 digits" not in page.text, "and no code of an app")
    for path in ("/api/dashboard", HOME, "/api/security", HOME + "/abc"):
        t.status(c.get(path), 303, "nothing else answers: " + path)
    t.status(c.form(HOME + "/new", {"csrf": c.csrf,
                                    "current": PASSWORDS["heron"]}), 303,
             "nor may one be added")
    options = options_of(c, CODE)
    t.equal([e["id"] for e in options["allowCredentials"]],
            [encode(key.id)], "the customer's keys are asked for")
    t.equal(options["userVerification"], "preferred", "a touch will do")
    old = c.cookies["portico"]
    for what, lie in (("another origin", dict(origin="https://evil.example")),
                      ("another customer's", dict(id=theirs.id)),
                      ("nobody there", dict(flags=VERIFIED)),
                      ("another type", dict(type="webauthn.create"))):
        answer = send(c, browser.get(key, options_of(c, CODE), **lie), CODE)
        t.status(answer, 422, what)
        t.status(c.get("/api/dashboard"), 303, what + " opens nothing")
    t.status(send(c, browser.get(theirs, options_of(c, CODE)), CODE), 422,
             "another customer's key")
    t.status(send(c, browser.get(key, options_of(portal.client())), CODE), 422,
             "a challenge of the log-in page")
    answer = send(c, browser.get(key, options_of(c, CODE), flags=PRESENT,
                                 user=None), CODE, next="/api/rates")
    t.status(answer, 303, "a touch")
    t.equal(answer.location, "/api/rates", "leads on")
    t.check(c.cookies["portico"] != old, "a new token")
    t.equal(c.json("/api/dashboard")["client"]["id"], IDS["heron"], "heron's")
    t.check("second_passkey" in [x["item"] for x in c.json(
        "/api/audit")["audit"]], "in the audit trail")
    c = half(portal)
    answer = c.form("/api/login/code", {"csrf": c.csrf, "code": "123456"})
    t.status(answer, 422, "a code, where there is no app")
    answer = c.form("/api/login/code", {
        "csrf": c.csrf, "code": made["recovery_codes"][0]})
    t.status(answer, 303, "a recovery code lets in")
    c = half(portal)
    t.status(c.form("/api/login/code", {
        "csrf": c.csrf, "code": made["recovery_codes"][0]}), 422, "once")


def test_second_step_throttle(t):
    forget(strict)
    key, made, _ = add(strict)
    c = half(strict)
    for _ in range(3):
        answer = send(c, browser.get(key, options_of(c, CODE), rp="x"), CODE)
        t.status(answer, 422, "a wrong one")
    t.status(send(c, browser.get(key, options_of(c, CODE)), CODE), 429,
             "the right one then")
    t.status(c.form("/api/login/code", {
        "csrf": c.csrf, "code": made["recovery_codes"][0]}), 429,
        "nor a recovery code")


def test_asked_for(t):
    """A brand that asks for a factor has enough with a passkey."""
    forget(asking)
    c = asking.client()
    answer = c.try_login("heron", PASSWORDS["heron"])
    t.equal(answer.location, "/api/security/totp", "leads to a factor")
    page = c.get("/api/security/totp")
    t.check('href="%s"' % HOME in page.text, "or to passkeys")
    page = c.get(HOME)
    t.status(page, 200, "their page")
    t.check("/api/dashboard" not in page.text, "without a menu")
    t.check(not Page(page.text).find("input", name="current"),
            "nobody asks for the password again")
    t.status(c.get("/api/dashboard"), 303, "nothing else")
    answer = c.form(HOME + "/new", {"csrf": page.csrf})
    t.status(answer, 200, "begun")
    options = shown_options(answer)
    key = make()
    t.status(c.form(HOME, {"csrf": page.csrf, "credential": browser.create(
        key, options, flags=PRESENT | KEY)}), 422, "a lie")
    t.status(c.get("/api/dashboard"), 303, "opens nothing")
    answer = c.form(HOME, {"csrf": page.csrf, "credential": browser.create(
        key, options)})
    t.status(answer, 200, "added")
    t.status(c.get("/api/dashboard"), 200, "then everything")
    c, answer = log_in(asking, key)
    t.equal(answer.location, "/api/dashboard", "it is both factors")
    mine = c.json(HOME)["passkeys"][0]["id"]
    answer = c.form("%s/%s/remove" % (HOME, mine), {
        "csrf": c.get(HOME).csrf, "current": PASSWORDS["heron"]})
    t.status(answer, 303, "removed")
    t.equal(c.get("/api/dashboard").location, "/api/security/totp",
            "and asked for again")


# --- One key -----------------------------------------------------------------------

def test_manage(t):
    forget(portal)
    key, made, c = add(portal)
    other, _, _ = add(portal, "osprey")
    mine = made["passkey"]["id"]
    theirs = portal.client()
    theirs.bearer = portal.client().post_json("/api/login/passkey", {
        "credential": browser.get(other, options_of(theirs))}).json["token"]
    one = "%s/%s" % (HOME, mine)
    t.equal(c.json(one)["passkey"]["name"], "Phone", "its name")
    for path in (one, HOME + "/" + "A" * 16, HOME + "/0"):
        who = theirs if path == one else c
        check_error(t, who.get(path, accept="application/json"), 404,
                    "not_found", "somebody else's: " + path)
        check_error(t, post(who, path, {"name": "x"}), 404, "not_found",
                    "to rename")
        check_error(t, post(who, path + "/remove", {
            "current": PASSWORDS["osprey"]}), 404, "not_found", "to remove")
    t.equal(c.json(one)["passkey"]["name"], "Phone", "it is as it was")
    for name, wanted in (("", 400), ("x" * 61, 400), ("a\nb", 400),
                         ("Büro \u2019s", 200)):
        t.status(post(c, one, {"name": name}), wanted, "name %r" % name)
    t.equal(c.json(one)["passkey"]["name"], "Büro \u2019s", "renamed")
    for fields in ({}, {"current": "x"}, {"code": "x"}):
        check_error(t, post(c, one + "/remove", fields), 422, "refused",
                    "removing with %s" % fields)
    page, answer = log_in(portal, key)
    t.status(page.get(one), 200, "its page")
    csrf = page.get(one).csrf
    t.status(page.form(one, {"name": "x"}), 403, "without a token")
    t.status(page.form(one + "/remove", {"current": PASSWORDS["heron"]}), 403,
             "likewise")
    answer = page.form(one + "/remove", {"csrf": csrf, "current": ""})
    t.status(answer, 422, "the form again")
    answer = page.form(one + "/remove", {"csrf": csrf,
                                         "code": made["recovery_codes"][1]})
    t.status(answer, 303, "with a recovery code")
    wait_for("a letter", lambda: "passkey was removed" in json.dumps(
        sandbox.control("GET", "/mail")))
    refused(t, log_in(portal, key)[1], "the removed key", [])
    t.equal(portal.client().try_login("heron", PASSWORDS["heron"]).location,
            "/api/dashboard", "the password is enough")
    with harness.store(portal) as db:
        left = db.execute("select count(*) from recovery_code where "
                          "client_id = 1001").fetchone()[0]
    t.equal(left, 0, "the recovery codes are gone")
    seen = [(x["event"], x["item"]) for x in portal.client().token(
        "heron").json("/api/audit?size=100")["audit"]]
    for event, item in (("passkey_added", "Phone"), ("login", "passkey"),
                        ("passkey_removed", "Büro \u2019s")):
        t.check((event, item) in seen, "in the audit trail: " + event, seen)


def test_without_site(t):
    c = without.client().login("heron")
    for path in (HOME, HOME + "/x", "/api/login/passkey"):
        t.status(c.get(path, accept="application/json"), 404, path)
    csrf = c.get("/api/profile").csrf
    for path in (HOME, HOME + "/new", HOME + "/x", HOME + "/x/remove",
                 "/api/login/passkey"):
        fields = {"credential": "x", "name": "x"} if path == HOME else {
            "current": "x"} if path.endswith(("new", "remove")) else {
            "credential": "x"} if "login" in path else {"name": "x"}
        t.status(c.form(path, {"csrf": csrf, **fields}), 404, "to " + path)
    t.check(HOME not in c.get("/api/security").text, "no section")
    t.check("passkey" not in without.client().get("/api/login").text,
            "no button")
    t.check(HOME not in c.get("/api/security/totp").text, "no link")


harness.main(globals())
