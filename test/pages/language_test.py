#!/usr/bin/env python3
"""language_test.py: every text of every page comes from the catalogue. The
pseudo-language en-XA puts each of its texts between ⟦ and ⟧: what stands
outside of them must be data. ar-XB is the same from right to left. Ends with
'N passed, N failed'.
"""
import re
import shutil

import harness
from harness import IDS, PASSWORDS, Portal, Sandbox

sandbox = Sandbox()
portal = Portal(sandbox, {"locales": ["en", "de", "en-XA", "ar-XB"],
                          "limits": {"loginPerName": 2},
                          "title": "Brand & Co"})

TITLE = "Brand & Co"
# Attributes that a person reads or hears.
READ = {"placeholder", "aria-label", "title", "alt", "data-label", "content",
        "label", "aria-description", "aria-valuetext", "aria-placeholder"}
NOT_READ_CONTENT = {"viewport", "color-scheme", "theme-color"}
# Numbers, money, dates as ICU writes them in English.
MONEY = r"-?(?:[$€£¥]|[A-Z]{3}\u00a0)[\d,]+(?:\.\d+)?"
DATE = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{1,2}"
DATE += r"(?:, \d{4}(?:, \d{1,2}:\d\d[\u202f\u00a0 ][AP]M)?)?"
PLAIN = re.compile(r"(?:%s|%s|-?[\d.,]+|\d{4}-\d\d-\d\d|[–—·/:,.…\s]|[0-9a-f-]"
                   r"{16,64})*" % (MONEY, DATE))


KEY = re.compile(r"\b(?:app|dashboard|error|error_page|field|form|login|menu|"
                 r"pager|rates|section|toolbar|unit|usage)\.[a-z_.]+\b")


def strings(value):
    """All texts of a model, at any depth."""
    if isinstance(value, dict):
        return {s for v in value.values() for s in strings(v)}
    if isinstance(value, list):
        return {s for v in value for s in strings(v)}
    return {str(value)} if value is not None else set()


def strip(text):
    """Without what came from the catalogue; texts may hold others."""
    while True:
        less = re.sub("\u202b?⟦[^⟦⟧]*⟧\u202c?", "", text)
        if less == text:
            return less.strip()
        text = less


def is_data(text, data):
    rest = strip(text)
    if not rest or rest in data or PLAIN.fullmatch(rest):
        return True
    # A name beside a number, or a title beside the brand.
    for word in sorted(data, key=len, reverse=True):
        if len(word) > 2 and word in rest:
            rest = rest.replace(word, "")
    return PLAIN.fullmatch(rest.strip()) is not None


def read_texts(page):
    for text, stack in page.texts:
        yield "in <%s>" % (stack[-1] if stack else ""), text
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if not value:
                continue
            if name in READ and not (
                    tag == "meta" and
                    attributes.get("name") in NOT_READ_CONTENT):
                yield "%s of <%s>" % (name, tag), value
            if tag == "input" and name == "value" and attributes.get(
                    "type") in ("submit", "button", "reset"):
                yield "value of <input>", value


def check_page(t, answer, what, data=(), locale="en-XA", dir="ltr"):
    page = harness.Page(answer.text)
    root = page.find("html")[0]
    t.equal((root.get("lang"), root.get("dir")), (locale, dir),
            what + ": language and direction")
    t.equal(answer.header("content-language"), locale, what + ": header")
    data = set(data) | {TITLE} | names_of(page)
    texts = list(read_texts(page))
    t.check(sum("⟦" in text for _, text in texts) >= 3,
            what + ": texts of the catalogue", len(texts))
    strange = [text for text in texts if not is_data(text[1], data)]
    t.check(not strange, what + ": texts that are not in the catalogue",
            strange[:3])
    # Keys that the catalogue lacks are shown as they are.
    missing = [text for text in texts if KEY.search(strip(text[1]))]
    t.check(not missing, what + ": keys that are missing", missing[:3])


def names_of(page):
    """Languages are named in themselves."""
    return {text for text, stack in page.texts if "bdi" in stack and
            "button" in stack}


def speak(client, locale):
    client.cookies["portico-language"] = locale
    return client


def model_of(c, uri):
    return strings(c.json(uri)) if c else set()


def test_pages(t):
    for locale, dir in (("en-XA", "ltr"), ("ar-XB", "rtl")):
        for who in ("heron", "osprey", "whale"):
            c = speak(portal.client().login(who), locale)
            user = {who} | strings(c.json("/api/dashboard")["client"])
            for uri in ("/api/dashboard", "/api/rates", "/api/rates?page=2",
                        "/api/rates?q=germany&service=1&sort=-price&size=50",
                        "/api/rates?q=zzzz", "/api/rates?page=9999",
                        "/api/rates?sort=-effective_till"):
                answer = c.get(uri)
                t.status(answer, 200, uri)
                check_page(t, answer, "%s, %s, %s" % (locale, who, uri),
                           user | model_of(c, uri), locale, dir)


def test_log_in(t):
    for locale, dir in (("en-XA", "ltr"), ("ar-XB", "rtl")):
        c = speak(portal.client(), locale)
        page = c.get("/api/login")
        check_page(t, page, "log-in", (), locale, dir)
        nobody = "nobody-" + locale
        for fields, status in (({}, 400), ({"login": nobody}, 400),
                               ({"login": "x" * 200, "password": "y"}, 400),
                               ({"login": nobody, "password": "y",
                                 "nonsense": "z"}, 400),
                               ({"login": nobody, "password": "y"}, 401),
                               ({"login": nobody, "password": "y"}, 401),
                               ({"login": nobody, "password": "y"}, 429)):
            answer = c.form("/api/login", {"csrf": page.csrf, **fields})
            t.status(answer, status, "log-in with %r" % fields)
            check_page(t, answer, "log-in, %d" % status, (), locale, dir)
        answer = c.form("/api/login", {"login": "a", "password": "b"})
        t.status(answer, 403, "without a token")
        check_page(t, answer, "log-in, 403", (), locale, dir)


def test_errors(t):
    for locale, dir in (("en-XA", "ltr"), ("ar-XB", "rtl")):
        for c in (speak(portal.client(), locale),
                  speak(portal.client().login("heron"), locale)):
            user = {"heron"} if "portico" in c.cookies else set()
            if user:
                user |= strings(c.json("/api/dashboard"))
            for method, uri, status in (
                    ("GET", "/api/nothing", 404),
                    ("POST", "/api/dashboard", 405),
                    ("GET", "/api/rates?q=%zz", 400)):
                answer = c.request(method, uri)
                t.status(answer, status, uri)
                check_page(t, answer, "%d" % status, user, locale, dir)
            answer = c.request("POST", "/api/login", b"x", "text/plain")
            check_page(t, answer, "415", user, locale, dir)
            answer = c.request("POST", "/api/login", b"x" * 70000,
                               "application/x-www-form-urlencoded")
            check_page(t, answer, "413", user, locale, dir)
            answer = c.get("/api/login", env={"PORTICO_BRAND": "acme"})
            t.status(answer, 421, "an unknown brand")
            check_page(t, answer, "421", user, locale, dir)


def test_bad_parameters(t):
    c = speak(portal.client().login("heron"), "en-XA")
    # Below what is wrong the page shows what it shows by itself.
    user = strings(c.json("/api/dashboard")) | strings(c.json("/api/rates"))
    for query in ("page=0", "size=1000", "sort=x", "q=" + "x" * 65,
                  "nonsense=1", "q=a&q=b", "service=x"):
        answer = c.get("/api/rates?" + query)
        t.status(answer, 400, query)
        name = query.split("=")[0]
        check_page(t, answer, query, user | {"heron", name, name + ":"})
        made = c.get("/api/rates?" + query, accept="application/json")
        error = made.json["error"]
        t.equal(strip(error["message"]), "", "the message in JSON")
        for text in error["fields"].values():
            t.equal(strip(text), "", "a field's text in JSON: " + query)


def test_failed_sections(t):
    c = speak(portal.client().login("heron"), "en-XA")
    user = strings(c.json("/api/dashboard")) | {"heron"}
    for operation, uri in (("clients.get", "/api/dashboard"),
                           ("reports.summary", "/api/dashboard"),
                           ("reports.xdrs", "/api/dashboard"),
                           ("services.search", "/api/dashboard"),
                           ("services.search", "/api/rates"),
                           ("accounts.search", "/api/dashboard")):
        sandbox.fault(operation, "error", value="words of the other side")
        answer = c.get(uri)
        data = user | strings(c.json(uri))
        sandbox.heal()
        t.status(answer, 200, operation)
        check_page(t, answer, "%s without %s" % (uri, operation), data)
    sandbox.fault("*", "error")
    answer = c.get("/api/dashboard")
    sandbox.heal()
    t.status(answer, 502, "nothing there")
    check_page(t, answer, "502", user)


def test_nothing_there(t):
    c = speak(portal.client().login("osprey"), "en-XA")
    sandbox.change(IDS["osprey"], orig_rate_table=None, balance="-200")
    for uri in ("/api/rates", "/api/dashboard"):
        check_page(t, c.get(uri), uri + " with little in it",
                   strings(c.json(uri)) | {"osprey"} |
                   strings(c.json("/api/dashboard")))
    sandbox.change(IDS["osprey"], orig_rate_table=20)


def test_languages(t):
    c = portal.client()
    page = harness.Page(c.get("/api/login").text)
    t.equal([b["value"] for b in page.find("button", name="locale")],
            ["en", "de", "en-XA", "ar-XB"], "the form of languages")
    for accept, wanted in ((None, "en"), ("de", "de"), ("de-CH", "de"),
                           ("fr, de;q=0.5", "de"), ("fr", "en"),
                           ("en;q=0.1, de;q=0.9", "de"), ("*", "en"),
                           ("DE", "de"), ("de;q=0", "en"), (";;,,q=", "en"),
                           ("ar-XB", "ar-XB"), ("x" * 5000, "en"),
                           ("de;q=abc", None), ("en-XA, de", "en-XA")):
        client = portal.client(**({"accept_language": accept}
                                  if accept else {}))
        answer = client.get("/api/login")
        if wanted:
            t.equal(answer.header("content-language"), wanted,
                    "Accept-Language: %.40s" % accept)
        else:
            t.status(answer, 200, "Accept-Language: %s" % accept)
    answer = c.form("/api/language", {"csrf": c.get("/api/login").csrf,
                                      "locale": "ar-XB"})
    t.equal((answer.status, answer.location), (303, "/api/login"), "chosen")
    t.check('dir="rtl"' in c.get("/api/login").text, "right to left then")
    t.check("bootstrap.rtl" in c.get("/api/login").text, "its style sheet")
    c.login("heron")
    t.check('dir="rtl"' in c.get("/api/dashboard").text, "kept at log-in")
    t.check("⟦" in c.get("/api/rates?page=0", accept="application/json")
            .json["error"]["message"], "JSON speaks it, too")
    c.cookies["portico-language"] = "xx"
    t.equal(c.get("/api/dashboard").header("content-language"), "en",
            "a language that is not there is not taken")


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
