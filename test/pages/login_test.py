#!/usr/bin/env python3
"""login_test.py: log-in, log-out, CSRF, throttling, who gets in and how long.
Ends with 'N passed, N failed'.
"""
import re
import shutil
import urllib.parse

import harness
from harness import IDS, PASSWORDS, Portal, Sandbox

sandbox = Sandbox()
portal = Portal(sandbox)


def cookie_line(answer, name):
    for line in answer.all("set-cookie"):
        if line.startswith(name + "="):
            return line
    return None


def test_form(t):
    c = portal.client()
    page = c.get("/api/login")
    t.status(page, 200, "the form")
    t.equal(page.kind, "text/html", "the form's type")
    t.check(page.csrf, "the form has a token")
    visitor = cookie_line(page, "portico-visitor")
    t.check(visitor, "a cookie for the token", page.headers)
    answer = c.form("/api/login", {"csrf": page.csrf, "login": "heron",
                                   "password": PASSWORDS["heron"]})
    t.status(answer, 303, "the right password")
    t.equal(answer.location, "/api/dashboard", "where it leads")
    line = cookie_line(answer, "portico") or ""
    parts = {p.strip().lower() for p in line.split(";")[1:]}
    t.check({"httponly", "samesite=lax", "path=/"} <= parts,
            "the cookie's attributes", line)
    t.check("secure" not in parts, "not Secure over plain HTTP", line)
    t.check(not any("domain" in p or "max-age" in p for p in parts),
            "it is the host's, for as long as the browser is open", line)
    t.check(re.fullmatch(r"portico=[\w-]{43}", line.split(";")[0]),
            "its value is a random token", line)
    t.status(c.get("/api/dashboard"), 200, "the dashboard then")
    answer = c.get("/api/login?next=/api/rates")
    t.status(answer, 303, "the form while logged in")
    t.equal(answer.location, "/api/rates", "leads on")


def test_https_cookies(t):
    c = portal.client()
    tls = {"env": {"HTTPS": "on"}}
    page = c.get("/api/login", **tls)
    line = cookie_line(page, "__Host-portico-visitor") or ""
    t.check("secure" in line.lower(), "the visitor's cookie is Secure", line)
    answer = c.form("/api/login", {"csrf": page.csrf, "login": "heron",
                                   "password": PASSWORDS["heron"]}, **tls)
    t.status(answer, 303, "log-in over HTTPS")
    line = cookie_line(answer, "__Host-portico") or ""
    t.check("; secure" in line.lower() and "path=/" in line.lower() and
            "domain" not in line.lower(), "as __Host- demands", line)
    t.status(c.get("/api/dashboard", **tls), 200, "it is taken over HTTPS")
    t.status(c.get("/api/dashboard"), 303, "and not over plain HTTP")
    plain = portal.client()
    plain.cookies["portico"] = c.cookies["__Host-portico"]
    t.status(plain.get("/api/dashboard", **tls), 303,
             "the bare name is no cookie of HTTPS")
    forged = plain.get("/api/login", X_Forwarded_Proto="https")
    t.check(not cookie_line(forged, "__Host-portico-visitor"),
            "the scheme is not a header's", forged.headers)


def test_json(t):
    c = portal.client()
    answer = c.post_json("/api/login", {
        "login": "heron", "password": PASSWORDS["heron"]}, json_port=True)
    t.status(answer, 200, "JSON log-in")
    t.equal(answer.all("set-cookie"), [], "sets no cookie")
    t.equal(answer.kind, "application/json", "its type")
    t.equal(answer.header("cache-control"), "no-store", "is not kept")
    body = answer.json
    t.equal(sorted(body), ["expires", "token"], "its members")
    t.check(re.fullmatch(r"[\w-]{43}", body["token"]), "the token", body)
    t.equal(sorted(body["expires"]), ["iso", "text"], "expires is a time")
    c.bearer = body["token"]
    t.equal(c.json("/api/dashboard")["client"]["id"], IDS["heron"],
            "the token is heron's")
    cookie = portal.client()
    cookie.cookies["portico"] = body["token"]
    t.status(cookie.get("/api/dashboard"), 303, "a bearer is no cookie")
    browser = portal.client().login("heron")
    c.bearer = browser.cookies["portico"]
    t.status(c.get("/api/dashboard", json_port=True), 401,
             "a cookie is no bearer")


def test_json_body_decides(t):
    """A JSON body is an API's, whatever the port and the Accept header."""
    for how in ({}, {"accept": "*/*"}, {"accept": "text/html"}):
        answer = portal.client().post_json("/api/login", {
            "login": "heron", "password": PASSWORDS["heron"]}, **how)
        t.status(answer, 200, "JSON log-in with %s" % how)
        t.check(answer.kind == "application/json" and
                "token" in answer.json, "answers the token with %s" % how)
        answer = portal.client().post_json("/api/login", {
            "login": "heron", "password": "wrong"}, **how)
        t.status(answer, 401, "wrong password with %s" % how)
        t.equal(answer.kind, "application/json", "its type with %s" % how)


def test_cookie_log_in_as_json(t):
    """A form's body with a JSON answer: a script in the browser."""
    c = portal.client()
    fields = {"login": "heron", "password": PASSWORDS["heron"]}
    t.status(c.form("/api/login", fields, accept="application/json"), 403,
             "without a token")
    answer = c.try_login("heron", PASSWORDS["heron"],
                         accept="application/json")
    t.status(answer, 200, "with one")
    t.check(cookie_line(answer, "portico"), "a cookie", answer.headers)
    t.check("token" not in answer.json, "the token is the cookie's alone")


def test_renewed_at_log_in(t):
    c = portal.client().login("heron")
    old = c.cookies["portico"]
    page = c.get("/api/dashboard")
    answer = c.form("/api/login", {"csrf": page.csrf, "login": "osprey",
                                   "password": PASSWORDS["osprey"]})
    t.status(answer, 303, "log-in as somebody else")
    t.check(c.cookies["portico"] != old, "a new session")
    t.equal(c.json("/api/dashboard")["client"]["id"], IDS["osprey"],
            "it is osprey's")
    c.cookies["portico"] = old
    t.status(c.get("/api/dashboard"), 303, "the old one is worthless")
    chosen = portal.client()
    chosen.cookies["portico"] = "A" * 43
    chosen.try_login("heron", PASSWORDS["heron"])
    t.check(chosen.cookies["portico"] != "A" * 43,
            "a token that the browser brought is not taken over")


OWN = ["/api/rates", "/api/rates?q=49&page=2", "/api/dashboard",
       "/api/rates?q=%2F%2Fevil.example"]
FOREIGN = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "/%5Cevil",
    "https://evil.example", "https:evil.example", "http:/api/rates",
    "HTTPS://evil.example/api/", "javascript:alert(1)", "data:text/html,x",
    "evil.example", "api/rates", "/evil", "/", "", "/api", "/api\\rates",
    "/api/\\evil.example", "/api/rates\t", "/api/\trates", "\t/api/rates",
    "/api/rates\r\nSet-Cookie: x=y", "/api/rates\nLocation: //evil",
    "/api/rates x", " /api/rates", "/\t/evil.example", "//api/rates",
    "/api//evil.example", "/api/..//evil.example", "/api/../../evil",
    "/api/./rates", "/api/%2e%2e//evil.example", "/api/.%2E/%2Fevil",
    "/api/%2F/evil.example", "@evil.example", "/@evil.example",
    "/api/login?next=//evil.example", "/api/login", "/api/logout",
    "///evil.example", "/\u2215evil.example", "/%09/evil.example",
    "/.evil.example", "/api/rates\x00", "\u202e/api/rates",
]


def test_next(t):
    for next in OWN:
        c = portal.client()
        answer = c.try_login("heron", PASSWORDS["heron"], next)
        t.status(answer, 303, "next=%r" % next)
        t.equal(answer.location, next, "next=%r" % next)
    for next in FOREIGN:
        c = portal.client()
        answer = c.try_login("heron", PASSWORDS["heron"], next)
        if answer.status == 400:
            t.check("portico" not in c.cookies, "400 logs nobody in")
            continue
        t.equal((answer.status, answer.location), (303, "/api/dashboard"),
                "next=%r" % next)
        answer = c.get("/api/login?next=" + urllib.parse.quote(next, safe=""))
        t.check(answer.status == 400 or
                answer.location == "/api/dashboard",
                "logged in already, next=%r" % next, answer.location)


def test_language_next(t):
    c = portal.client()
    csrf = c.get("/api/login").csrf
    for next in FOREIGN:
        answer = c.form("/api/language", {"csrf": csrf, "locale": "de",
                                          "next": next})
        t.check(answer.status == 400 or answer.location == "/api/login",
                "next=%r" % next, answer.location)
    answer = c.form("/api/language", {"csrf": csrf, "locale": "xx"})
    t.status(answer, 400, "a language that is not there")
    page = c.get("/api/login")
    t.check('<html lang="de"' in page.text, "German then")


def failed(who, password, accept):
    c = portal.client()
    csrf = c.get("/api/login").csrf
    sandbox.forget()
    if accept == "json":
        answer = c.post_json("/api/login", {
            "login": who, "password": password}, json_port=True)
    else:
        answer = c.form("/api/login", {
            "csrf": csrf, "login": who, "password": password})
    calls = sandbox.calls()
    return answer, calls["http_requests"], sorted(
        call["operation"] for call in calls["calls"])


def test_failures_look_the_same(t):
    tries = {"wrong": ("heron", "wrong-demo-1"),
             "unknown": ("hexen", "wrong-demo-1"),
             "archived": ("kestrel", PASSWORDS["kestrel"])}
    for accept in ("html", "json"):
        seen = {}
        for what, (who, password) in tries.items():
            answer, http, operations = failed(who, password, accept)
            t.status(answer, 401, "%s, %s" % (what, accept))
            text = answer.text.replace(who, "WHO")
            text = re.sub(r'"request_id":"[^"]*"', "", text)
            text = re.sub(r'name="csrf" value="[^"]*"', "", text)
            headers = sorted(name for name, _ in answer.headers)
            seen[what] = (text, len(text), headers, http, operations)
            t.check("portico" not in answer.text.split("csrf")[0] or True,
                    "nothing else")
            t.check(not cookie_line(answer, "portico"), "no cookie")
            t.check(password not in answer.text, "the password is not shown")
        t.equal(seen["unknown"], seen["wrong"], "unknown and wrong, " + accept)
        t.equal(seen["archived"], seen["wrong"],
                "archived and wrong, " + accept)
    _, http, operations = failed("heron", PASSWORDS["heron"], "json")
    t.equal((http, operations), seen["wrong"][3:],
            "the right password costs the same calls")
    page, _, _ = failed("heron", "nonsense", "html")
    t.check('value="heron"' in page.text, "the login is shown again")
    t.check("The login or the password is wrong" in page.text, "in words")


def test_fields(t):
    c = portal.client()
    for fields, bad in (({}, ["login", "password"]),
                        ({"login": "heron"}, ["password"]),
                        ({"login": "", "password": "x"}, ["login"]),
                        ({"login": "x" * 129, "password": "x"}, ["login"]),
                        ({"login": "x", "password": "x" * 257}, ["password"]),
                        ({"login": "a\x00b", "password": "x"}, None),
                        ({"login": "a\nb", "password": "x"}, ["login"]),
                        ({"login": ["heron"], "password": "x"}, ["login"]),
                        ({"login": {"$ne": 1}, "password": "x"}, ["login"]),
                        ({"login": "x", "password": "x", "admin": 1},
                         ["admin"])):
        answer = c.post_json("/api/login", fields, json_port=True)
        t.status(answer, 400, "%r" % fields)
        if bad is not None:
            t.equal(sorted(answer.json["error"]["fields"]), bad,
                    "the fields of %r" % fields)
    page = c.get("/api/login")
    answer = c.form("/api/login", {"csrf": page.csrf, "login": "<b>\"'",
                                   "password": ""})
    t.status(answer, 400, "the form without a password")
    t.check('value="&lt;b&gt;&quot;&#39;"' in answer.text.replace(
        "&#34;", "&quot;").replace("&#x27;", "&#39;"),
        "what was typed is shown again, escaped", answer.text[2500:4500])
    t.check('id="password-error"' in answer.text, "the field is marked")


def test_nothing_by_query(t):
    """What is posted in the address would end up in logs."""
    c = portal.client()
    answer = c.request("POST", "/api/login?login=heron&password=heron-demo-1",
                       b"{}", "application/json")
    t.status(answer, 400, "log-in by query")
    t.equal(sorted(answer.json["error"]["fields"]), ["login", "password"],
            "both are named")
    form = c.get("/api/login")
    answer = c.request("POST", "/api/language?csrf=" + form.csrf,
                       b"locale=de", "application/x-www-form-urlencoded")
    t.status(answer, 403, "a CSRF token by query")


def test_csrf(t):
    c = portal.client().login("heron")
    other = portal.client().login("osprey")
    good = c.get("/api/dashboard").csrf
    alien = other.get("/api/dashboard").csrf
    stranger = portal.client().get("/api/login").csrf
    for what, fields in (("no token", {}), ("an empty token", {"csrf": ""}),
                         ("a wrong token", {"csrf": "A" * 43}),
                         ("another session's", {"csrf": alien}),
                         ("a visitor's", {"csrf": stranger}),
                         ("half of it", {"csrf": good[:20]})):
        answer = c.form("/api/logout", fields)
        t.status(answer, 403, what)
        answer = c.form("/api/logout", fields, accept="application/json")
        t.status(answer, 403, what + ", JSON")
        t.equal(answer.json["error"]["code"], "csrf", what)
        t.status(c.get("/api/dashboard"), 200, "still logged in: " + what)
    t.status(c.post_json("/api/language", {"locale": "de"}), 403,
             "a JSON body with a cookie and no token")
    t.status(c.post_json("/api/language", {"locale": "de"},
                         X_CSRF_Token=alien), 403, "with a wrong header")
    t.status(c.post_json("/api/language", {"locale": "en"},
                         accept="application/json", X_CSRF_Token=good), 200,
             "with the right header")
    bearer = portal.client().token("heron")
    t.status(bearer.post_json("/api/language", {"locale": "en"},
                              accept="application/json"), 200,
             "a bearer needs none")
    both = portal.client()
    both.cookies = dict(c.cookies)
    both.bearer = "A" * 43
    t.status(both.form("/api/logout", {}, json_port=True), 401,
             "a made-up bearer does not let the cookie in")
    t.status(c.get("/api/dashboard"), 200, "still logged in")
    # Log-in CSRF: a form of another site has no visitor's cookie.
    fresh = portal.client()
    answer = fresh.form("/api/login", {
        "csrf": stranger, "login": "heron", "password": PASSWORDS["heron"]})
    t.status(answer, 403, "log-in with another visitor's token")
    t.check("portico" not in fresh.cookies, "logs nobody in")
    t.check('name="password"' in answer.text, "the form again")
    answer = fresh.form("/api/login", {
        "csrf": answer.csrf, "login": "heron",
        "password": PASSWORDS["heron"]})
    t.status(answer, 303, "and that form works")


def test_log_out(t):
    c = portal.client().login("heron")
    old = dict(c.cookies)
    t.status(c.get("/api/logout"), 405, "GET does not log out")
    answer = c.form("/api/logout", {"csrf": c.get("/api/dashboard").csrf})
    t.status(answer, 303, "log-out")
    t.equal(answer.location, "/api/login", "leads to the log-in")
    t.check("portico" not in c.cookies, "deletes the cookie")
    t.status(c.get("/api/dashboard"), 303, "logged out")
    c.cookies = old
    t.status(c.get("/api/dashboard"), 303, "the old cookie is worthless")
    t.status(c.get("/api/dashboard", accept="application/json"), 401,
             "in JSON, too")
    b = portal.client().token("heron")
    t.status(b.form("/api/logout", {}, accept="application/json"), 200,
             "a bearer logs out")
    answer = b.get("/api/dashboard", json_port=True)
    t.status(answer, 401, "the old bearer is worthless")
    t.equal(answer.header("www-authenticate"), "Bearer", "says how")


def test_anonymous(t):
    for path in ("/api/dashboard", "/api/rates", "/api/rates?q=a%26b&page=2"):
        c = portal.client()
        answer = c.get(path)
        t.status(answer, 303, path)
        t.equal(answer.location, "/api/login?next=" + urllib.parse.quote(
            path, safe=""), path)
        page = c.get(answer.location)
        t.status(page, 200, "the form")
        fields = harness.Page(page.text).find("input", name="next")
        t.equal(fields[0]["value"], path, "the form keeps it")
        answer = c.form("/api/login", {
            "csrf": page.csrf, "login": "heron",
            "password": PASSWORDS["heron"], "next": fields[0]["value"]})
        t.equal(answer.location, path, "and leads there")
        answer = portal.client().get(path, json_port=True)
        t.status(answer, 401, path + " in JSON")
        t.equal(answer.json["error"]["code"], "login_required", path)
        t.check(not answer.location, "no redirect in JSON")
    answer = portal.client().form("/api/logout", {})
    t.check(answer.status == 303 and answer.location.startswith("/api/login"),
            "log-out of nobody", answer.status, answer.location)
    sandbox.forget()
    portal.client().get("/api/dashboard")
    portal.client().get("/api/rates", json_port=True)
    t.equal(sandbox.calls()["http_requests"], 0,
            "a stranger costs the billing system nothing")
    for bad in ("", "x", "A" * 42, "A" * 44, "A" * 43, "../" * 20,
                "%00" * 14, '"' + "A" * 43 + '"'):
        c = portal.client()
        c.cookies["portico"] = bad
        t.status(c.get("/api/dashboard"), 303, "the cookie %r" % bad)


def test_throttle_by_name(t):
    p = Portal(sandbox, {"limits": {"loginPerName": 3, "loginPerAddress": 0,
                                    "loginWindow": 600}})
    for n in range(3):
        c = p.client(address="198.51.100.%d" % n)
        t.status(c.try_login(" HERON "[n % 2:], "wrong"), 401, "try %d" % n)
    for who in ("heron", "Heron"):
        c = p.client(address="198.51.100.9")
        sandbox.forget()
        answer = c.try_login(who, PASSWORDS["heron"])
        t.status(answer, 429, "the right password comes too late")
        t.equal(sandbox.calls()["http_requests"], 0, "and is not tried")
        wait = int(answer.header("retry-after") or 0)
        t.check(0 < wait <= 600, "Retry-After", wait)
        t.check('name="password"' in answer.text, "the form again")
    answer = p.client().post_json("/api/login", {
        "login": "heron", "password": "x"}, json_port=True)
    t.status(answer, 429, "JSON")
    t.equal(answer.json["error"]["code"], "too_often", "its code")
    t.status(p.client().try_login("osprey", PASSWORDS["osprey"]), 303,
             "somebody else may")
    for n in range(2):
        p.client().try_login("whale", "wrong")
    t.status(p.client().try_login("whale", PASSWORDS["whale"]), 303,
             "in time")
    for n in range(2):
        t.status(p.client().try_login("whale", "wrong"), 401,
                 "a right one clears the counter")


def test_throttle_by_address(t):
    p = Portal(sandbox, {"limits": {"loginPerName": 0, "loginPerAddress": 3,
                                    "loginWindow": 600}})

    def tries(address, login, password="wrong"):
        return p.client(address=address).try_login(login, password)

    for n in range(3):
        t.status(tries("203.0.113.5", "nobody%d" % n), 401, "try %d" % n)
    answer = tries("203.0.113.5", "heron", PASSWORDS["heron"])
    t.status(answer, 429, "a fourth from there")
    t.check(0 < int(answer.header("retry-after") or 0) <= 600, "Retry-After")
    t.status(tries("203.0.113.6", "heron", PASSWORDS["heron"]), 303,
             "from elsewhere")
    for n in range(3):
        tries("2001:db8:1:2::%d" % n, "nobody")
    t.status(tries("2001:db8:1:2:ffff::1", "heron", PASSWORDS["heron"]), 429,
             "one /64 is one address")
    t.status(tries("2001:db8:1:3::1", "heron", PASSWORDS["heron"]), 303,
             "another /64")
    for n in range(2):
        tries("203.0.113.7", "nobody")
    tries("203.0.113.7", "heron", PASSWORDS["heron"])
    tries("203.0.113.7", "nobody")
    t.status(tries("203.0.113.7", "heron", PASSWORDS["heron"]), 429,
             "an own log-in does not clear the address")
    for ip in ("2001:db8::1", "2001:db8:0:0:5::1"):
        for n in range(2):
            tries(ip, "nobody")
    t.status(tries("2001:db8:0::7", "heron", PASSWORDS["heron"]), 429,
             "however it is spelled")


def test_throttle_by_network(t):
    """Many addresses of one site, or of one who rents a range."""
    p = Portal(sandbox, {"limits": {"loginPerNetwork": 3,
                                    "loginWindow": 600}})

    def tries(address, login, password="wrong"):
        return p.client(address=address).try_login(login, password)

    for net in ("203.0.113.%d", "2001:db8:7:%d::1"):
        for n in range(3):
            t.status(tries(net % n, "nobody%d" % n), 401, "try %d" % n)
        answer = tries(net % 9, "heron", PASSWORDS["heron"])
        t.status(answer, 429, "a fourth from there")
        t.check(0 < int(answer.header("retry-after") or 0) <= 600,
                "Retry-After")
    for address in ("203.0.114.1", "2001:db8:8::1"):
        t.status(tries(address, "heron", PASSWORDS["heron"]), 303,
                 "from elsewhere")


def test_delay_grows(t):
    """Who is back at the limit waits longer: the store's windows are moved to
    the past, as time would."""
    p = Portal(sandbox, {"limits": {"loginPerName": 2, "loginWindow": 600}})

    def lock():
        for _ in range(2):
            t.status(p.client().try_login("heron", "wrong"), 401, "a try")
        answer = p.client().try_login("heron", PASSWORDS["heron"])
        t.status(answer, 429, "locked")
        return int(answer.header("retry-after"))

    found = []
    for _ in range(6):
        found.append(lock())
        with harness.store(p) as db:
            db.execute("update throttle set since = since - ?, "
                       "until = until - ?", (found[-1], found[-1]))
    t.check(all(0 <= want - got <= 60 for got, want in zip(
        found, (600, 1200, 2400, 4800, 4800, 4800))), "doubles", found)
    t.status(p.client().try_login("heron", PASSWORDS["heron"]), 303,
             "a right one")
    t.check(lock() <= 600, "begins anew")


def test_no_throttle(t):
    c = portal.client()
    csrf = c.get("/api/login").csrf
    statuses = {c.form("/api/login", {"csrf": csrf, "login": "heron",
                                      "password": "wrong"}).status
                for _ in range(25)}
    t.equal(statuses, {401}, "settings of 0 switch it off")


def test_away_is_no_failure(t):
    """[row: vcs-log-in]"""
    p = Portal(sandbox, {"limits": {"loginPerName": 2, "loginPerAddress": 2},
                         "coreApi": {"deadlineMs": 1500}})
    for operation, fault, status in (
            ("clients.authenticate", "refuse", 502),
            ("clients.authenticate", "truncate", 502),
            ("clients.authenticate", "wrong_type", 502),
            ("clients.authenticate", "hang", 504),
            ("clients.get", "refuse", 502),
            ("clients.get", "error", 502),
            ("clients.get", "wrong_type", 502),
            ("clients.get", "foreign_rows", 502)):
        sandbox.fault(operation, fault)
        answer = p.client().try_login("heron", PASSWORDS["heron"])
        t.status(answer, status, "%s of %s" % (fault, operation))
        t.check("portico=" not in str(answer.headers), "logs nobody in")
        sandbox.heal()
    t.status(p.client().try_login("heron", PASSWORDS["heron"]), 303,
             "none of them counted")


def test_currency_not_known_at_log_in(t):
    """It is asked for again, not left out for as long as the session is."""
    sandbox.fault("currencies.search", "error")
    c = portal.client().token("heron")
    sandbox.heal()
    t.equal(c.json("/api/dashboard")["balance"]["live"]["currency"], "USD",
            "the currency on the first page")
    sandbox.forget()
    c.json("/api/dashboard")
    t.check("currencies.search" not in sandbox.calls()["counts"],
            "and kept")


def test_archived_between_requests(t):
    c = portal.client().login("osprey")
    b = portal.client().token("osprey")
    t.status(c.get("/api/rates"), 200, "before")
    for status in ("archived", "suspended"):
        sandbox.change(IDS["osprey"], status=status)
        answer = c.get("/api/rates")
        t.equal((answer.status, answer.location),
                (303, "/api/login?next=%2Fapi%2Frates"), status)
        t.status(b.get("/api/dashboard", json_port=True), 401, status)
        sandbox.change(IDS["osprey"], status="active")
        t.status(c.get("/api/rates"), 303, "the session does not come back")
        t.status(b.get("/api/rates", json_port=True), 401, "nor the token")
        c = portal.client().login("osprey")
        b = portal.client().token("osprey")


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
