#!/usr/bin/env python3
"""status_test.py: every status of the design's table that a page of this
release can answer, in HTML and JSON; and which of the two. Ends with 'N
passed, N failed'.
"""
import json
import shutil
import subprocess

import harness
from harness import IDS, PASSWORDS, Portal, Sandbox
from harness import check_error as error, check_error_page as error_page

sandbox = Sandbox()
portal = Portal(sandbox)
routes = json.loads(subprocess.run(
    [harness.PORTICO, "routes", "--json"], check=True, capture_output=True,
    timeout=harness.PATIENCE).stdout)

for row in routes:
    row["described"] = row["path"].replace(":id", "{id}")
    row["path"] = row["path"].replace(":id", "0")

JSON = {"accept": "application/json"}
BODIES = ("application/x-www-form-urlencoded", "application/json")


def both(t, uri, status, code, what, method="GET", **how):
    c = portal.client().login("heron")
    error(t, c.request(method, uri, **JSON, **how), status, code,
          what + " in JSON")
    error_page(t, c.request(method, uri, **how), status, what + " in HTML")


def test_not_found(t):
    for path in ("/api/nothing", "/api/rates/x", "/api/dashboard/",
                 "/api/rates/", "/api", "/", "/api/Rates", "/api/rates.xml",
                 "/api/accounts.csv", "/api/dashboard.xlsx", "/api/rates.json.json",
                 "/api/login.csv", "/api/openapi",
                 "/api/rates;x=1", "/api/rates%2f"):
        c = portal.client()
        t.status(c.get(path), 404, path)
        error(t, c.get(path, json_port=True), 404, "not_found", path)
        if not path.endswith((".csv", ".xlsx")):
            t.status(portal.client().request("DELETE", path), 404,
                     "DELETE of " + path)
    both(t, "/api/nothing", 404, "not_found", "logged in")


def test_error_pages_of_a_customer(t):
    """Who is logged in stays so on an error page, and its forms work."""
    for method, uri, body in (("GET", "/api/nothing", b""),
                              ("POST", "/api/rates", b""),
                              ("GET", "/api/rates?q=%zz", b""),
                              ("POST", "/api/logout", b"x" * 70000)):
        c = portal.client().login("osprey")
        answer = c.request(method, uri, body, BODIES[0])
        what = "%s %s" % (method, uri)
        t.check(answer.status in (400, 404, 405, 413), what, answer.status)
        page = harness.Page(answer.text)
        t.equal(answer.header("content-language"), "de", what + ": language")
        t.check(page.find("form", action="/api/logout"), what + ": log-out")
        t.check(not page.find("a", href="/api/login"), what + ": no log-in")
        answer = c.form("/api/language", {"csrf": answer.csrf,
                                          "locale": "en"})
        t.status(answer, 303, what + ": its form works")
    page = harness.Page(portal.client().get("/api/nothing").text)
    t.check(page.find("a", href="/api/login"), "a stranger may log in")


def test_method(t):
    allowed = {}
    for row in routes:
        allowed.setdefault(row["path"], set()).add(row["method"])
        if row["method"] == "GET":
            allowed[row["path"]].add("HEAD")
    c = portal.client().login("heron")
    for path, methods in allowed.items():
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS",
                       "TRACE", "CONNECT", "get", "FOO"):
            if method in methods:
                continue
            answer = c.request(method, path, **JSON)
            error(t, answer, 405, "method_not_allowed", method + " " + path)
            t.equal(set((answer.header("allow") or "").replace(
                " ", "").split(",")), methods, "Allow of %s %s" % (
                    method, path))
            t.status(portal.client().request(method, path), 405,
                     "a stranger's %s %s" % (method, path))
    error_page(t, c.request("POST", "/api/rates"), 405, "HTML")


def test_head(t):
    c = portal.client().login("heron")
    for path in ("/api/dashboard", "/api/rates", "/api/health"):
        answer = c.request("HEAD", path)
        t.status(answer, 200, "HEAD " + path)
    t.status(portal.client().request("HEAD", "/api/rates"), 303, "HEAD")


def test_malformed(t):
    for uri in ("/api/rates?q=%zz", "/api/rates?q=%4", "/api/rates?q=%",
                "/api/rates?q=%ff", "/api/rates?q=%c0%af", "/api/rates?q=%00",
                "/api/rates?%ff=1", "/api/ra%zztes", "/api/rates%00",
                "/api//rates", "//api/rates", "/api/../api/rates",
                "/api/./rates", "/api/%2e%2e/api/rates", "/api\\rates",
                "/api/rates%0d%0aX:1", "api/rates", "/api/%ff",
                "/api/" + "x" * 3000):
        c = portal.client()
        t.status(c.get(uri), 400, uri[:60])
        error(t, c.get(uri, json_port=True), 400, "invalid_input", uri[:60])
    both(t, "/api/rates?q=%zz", 400, "invalid_input", "logged in")


def test_too_large(t):
    c = portal.client()
    body = b"login=" + b"x" * 70000
    for kind in BODIES:
        error(t, c.request("POST", "/api/login", body, kind, json_port=True),
              413, "too_large", kind)
    error_page(t, c.request("POST", "/api/login", body, BODIES[0]), 413,
               "HTML")
    error(t, c.request("POST", "/api/login", b"x", BODIES[1], json_port=True,
                       env={"CONTENT_LENGTH": "9" * 30}), 413, "too_large",
          "a huge length")


def test_type(t):
    c = portal.client()
    for kind in ("text/plain", "multipart/form-data; boundary=x", "text/xml",
                 "application/jsonx", "", "application/json; charset=latin1",
                 "application/x-www-form-urlencoded; charset=utf-16"):
        error(t, c.request("POST", "/api/login", b"login=a&password=b", kind,
                           json_port=True), 415, "unsupported_type", kind)
    error_page(t, c.request("POST", "/api/login", b"a=b", "text/plain"), 415,
               "HTML")


def test_bad_bodies(t):
    c = portal.client()
    for body in (b"", b"{", b"[]", b"null", b"1", b'"x"', b'{"login":}',
                 b"{'login':1}",
                 b'{"login":"a","password":"b"}{}', b"\xff\xfe",
                 b'{"login":"\xff","password":"b"}', b"[" * 10000,
                 b'{"a":' * 10000, b'{"login":"a\\u0000","password":"b"}'):
        answer = c.request("POST", "/api/login", body, BODIES[1],
                           json_port=True)
        error(t, answer, 400, "invalid_input", repr(body[:40]))
    for body in (b"login=%zz&password=x", b"login=%ff&password=x"):
        answer = c.request("POST", "/api/login", body, BODIES[0],
                           json_port=True)
        error(t, answer, 400, "invalid_input", repr(body))
    answer = c.request("POST", "/api/login", b'{"login":"a"', BODIES[1],
                       json_port=True, env={"CONTENT_LENGTH": "500"})
    error(t, answer, 400, "invalid_input", "shorter than announced")


def test_bad_bodies_of_forms(t):
    """A body that cannot be read is refused before anybody asks whose form it
    was: no page to show again, and above all no end of the worker."""
    for row in routes:
        if row["method"] != "POST" or "/hooks/" in row["path"]:
            continue
        for who in (portal.client(), portal.client().login("heron")):
            for body in (b"a=%zz", b"a=\xff", b"a=b\xfa"):
                t.status(who.request("POST", row["path"], body, BODIES[0]),
                         400, "%s %r" % (row["path"], body))


def test_brand(t):
    c = portal.client()
    for brand in ("acme", "DEFAULT", "../default", "default ", "d" * 3000):
        how = {"env": {"PORTICO_BRAND": brand}}
        error(t, c.get("/api/dashboard", json_port=True, **how), 421,
              "unknown_brand", "brand %.20s" % brand)
        error_page(t, c.get("/api/login", **how), 421, "brand %.20s" % brand)
    in_default = portal.client().login("heron")
    t.status(in_default.get("/api/dashboard", env={"PORTICO_BRAND": "acme"}),
             421, "a session does not help")


def test_upstream(t):
    c = portal.client().login("heron")
    p = Portal(sandbox, {"coreApi": {"deadlineMs": 1500}})
    slow = p.client().login("heron")
    for fault, client, status, code in (
            ("refuse", c, 502, "upstream"), ("truncate", c, 502, "upstream"),
            ("error", c, 502, "upstream"), ("oversize", None, 502, "upstream"),
            ("wrong_type", c, 502, "upstream"),
            ("hang", slow, 504, "upstream_late"),
            ("late", slow, 504, "upstream_late")):
        if client is None:
            sandbox.fault("*", "oversize", value=17)
            client = c
        else:
            sandbox.fault("*", fault)
        for uri in ("/api/dashboard", "/api/rates"):
            answer = client.get(uri)
            error_page(t, answer, status, "%s, %s" % (uri, fault))
            page = harness.Page(answer.text)
            t.check([a for a in page.find("a", href=uri)],
                    "%s, %s: a link to try again" % (uri, fault))
            error(t, client.get(uri, **JSON), status, code,
                  "%s, %s" % (uri, fault))
        sandbox.heal()
        t.status(client.get("/api/dashboard"), 200, "after " + fault)


def test_gone(t):
    """Nobody listens at the billing system's address."""
    p = Portal(sandbox, {"coreApi": {
        "uri": "http://127.0.0.1:%d" % (sandbox.port + 3)}})
    c = p.client()
    answer = c.try_login("heron", PASSWORDS["heron"])
    error_page(t, answer, 502, "log-in")
    error(t, c.post_json("/api/login", {"login": "a", "password": "b"},
                         **JSON), 502, "upstream", "log-in")
    t.status(c.get("/api/login"), 200, "the form stands")
    health = c.get("/api/health")
    t.status(health, 503, "health")
    t.equal(health.json, {"status": "down", "store": "ok", "vcs": {
        "core": "down", "management": "ok"}}, "health")


def test_store_away(t):
    p = Portal(sandbox)
    c = p.client().login("heron")
    token = p.client().token("heron")
    db = harness.store(p)
    harness.wait_for("the lock", lambda: harness.lock(db))
    answer = p.client().post_json("/api/login", {
        "login": "heron", "password": PASSWORDS["heron"]}, **JSON)
    error(t, answer, 503, "busy", "log-in while the store is locked")
    t.check(int(answer.header("retry-after") or 0) > 0, "Retry-After")
    answer = p.client().try_login("heron", PASSWORDS["heron"])
    error_page(t, answer, 503, "log-in while the store is locked")
    t.check(int(answer.header("retry-after") or 0) > 0, "Retry-After")
    t.check("portico=" not in str(answer.headers), "logs nobody in")
    t.status(c.get("/api/dashboard"), 200, "pages can be read")
    answer = token.form("/api/logout", {}, **JSON)
    error(t, answer, 503, "busy", "log-out that cannot be done")
    db.execute("rollback")
    t.status(token.get("/api/dashboard", **JSON), 200, "was not done")
    t.status(token.form("/api/logout", {}, **JSON), 200, "and can be then")
    t.status(token.get("/api/dashboard", **JSON), 401, "done")
    db.close()


# --- HTML or JSON -------------------------------------------------------------

def test_format(t):
    c = portal.client().login("heron")
    html, made = "text/html", "application/json"
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    for uri, accept, json_port, wanted in (
            ("/api/rates", None, False, html),
            ("/api/rates", None, True, made),
            ("/api/rates", "*/*", False, html),
            ("/api/rates", "*/*", True, made),
            ("/api/rates", made, False, made),
            ("/api/rates", html, True, html),
            ("/api/rates", browser, True, html),
            ("/api/rates", browser, False, html),
            ("/api/rates", "image/png", False, html),
            ("/api/rates", "image/png", True, made),
            ("/api/rates", "text/html;q=0.4, application/json", False, made),
            ("/api/rates", "application/json;q=0.1, text/html", True, html),
            ("/api/rates", "application/json;q=0, */*", False, html),
            ("/api/rates", "application/problem+json", False, made),
            ("/api/rates", ",;,q=;", False, html),
            ("/api/rates.json", html, False, made),
            ("/api/rates.json", None, False, made),
            ("/api/rates.json?page=2", browser, False, made),
            ("/api/dashboard.json", None, False, made),
            ("/api/health", html, False, made),
            ("/api/health.json", html, False, made),
            ("/api/openapi.json", html, False, made)):
        answer = c.get(uri, accept=accept, json_port=json_port)
        t.status(answer, 200, uri)
        t.equal(answer.kind, wanted, "%s, %s, port %s" % (
            uri, accept, json_port))
        t.check("utf-8" in answer.header("content-type"), "its charset")
        t.equal(answer.header("cache-control"), "public, max-age=300"
                if "openapi" in uri else "no-store", uri + ": kept or not")
    t.status(portal.client().get("/api/rates.json"), 401, "anonymous, .json")
    t.equal(c.get("/api/health", accept=html).json["status"], "ok", "health")


def test_html_headers(t):
    c = portal.client().login("heron")
    for uri in ("/api/login", "/api/dashboard", "/api/rates", "/api/nothing"):
        client = portal.client() if uri == "/api/login" else c
        answer = client.get(uri)
        policy = answer.header("content-security-policy") or ""
        t.check("default-src 'none'" in policy and "unsafe" not in policy,
                uri + ": policy", policy)
        t.check("frame-ancestors 'none'" in policy, uri + ": no frames")
        t.equal(answer.header("content-language"), "en", uri)
        page = harness.Page(answer.text)
        t.check(not [a for a in page.attributes if a[1].startswith("on") or
                     a[1] == "style"], uri + ": nothing inline")
        t.check(not page.find("style") and not [
            s for s in page.find("script") if "src" not in s],
            uri + ": no inline style or script")


# --- Parameters; walk_test.py tries those of every row -------------------------

def test_bad_parameter_in_html(t):
    c = portal.client().login("heron")
    for query in ("page=0", "size=7", "nonsense=1", "sort=x", "q=a&q=b",
                  "service=<b>"):
        answer = c.get("/api/rates?" + query)
        error_page(t, answer, 400, "rates?" + query)
        t.check("<b>" not in answer.text.replace("<bdi", ""),
                "rates?%s: escaped" % query)


def test_openapi_names_all(t):
    paths = portal.client().get("/api/openapi.json").json["paths"]
    for row in routes:
        t.check(row["method"].lower() in paths.get(row["described"], {}),
                "%(method)s %(path)s is described" % row)


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
