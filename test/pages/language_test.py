#!/usr/bin/env python3
"""language_test.py: every text of every page comes from the catalogue. The
pseudo-language en-XA puts each of its texts between ⟦ and ⟧: what stands
outside of them must be data. ar-XB is the same from right to left. Ends with
'N passed, N failed'.
"""
import hashlib
import json
import pathlib
import re
import secrets
import shutil
import subprocess
import time

import harness
from harness import IDS, PASSWORDS, Portal, Sandbox
from till import settings_of

ROOT = pathlib.Path(__file__).parents[2]
CATALOGUES = {p.stem: json.loads(p.read_text())
              for p in sorted((ROOT / "templates/locale").glob("*.json"))}

sandbox = Sandbox()
portal = Portal(sandbox, {"locales": ["en", "de", "en-XA", "ar-XB"],
                          "limits": {"loginPerName": 2},
                          "title": "Brand & Co"})

# Every language that is shipped, and all pages, refilling among them.
shipped = Portal(sandbox, settings_of(
    sandbox, locales=["en", *sorted(CATALOGUES.keys() - {"en"})],
    publicUri="https://portal.example", coreApi={"deadlineMs": 60000}))

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


KEY = re.compile(r"\b(?:%s)\.[a-z_.]+\b" % "|".join(
    sorted({key.partition(".")[0] for key in CATALOGUES["en"]})))


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
    t.check("/portal.rtl.css" in c.get("/api/login").text, "its style sheet")
    c.login("heron")
    t.check('dir="rtl"' in c.get("/api/dashboard").text, "kept at log-in")
    t.check("⟦" in c.get("/api/rates?page=0", accept="application/json")
            .json["error"]["message"], "JSON speaks it, too")
    c.cookies["portico-language"] = "xx"
    t.equal(c.get("/api/dashboard").header("content-language"), "en",
            "a language that is not there is not taken")


# --- The languages that are shipped -------------------------------------------

# What a row of the routing table shows beside its bare page.
EXAMPLES = {"/api/rates": ["?q=germany", "?q=zzzz"],
            "/api/rates/lookup": ["?number=%2B49301234567", "?number=0"],
            "/api/refill": ["?invoice=9006"],
            "/api/usage/detailed": ["?from=2001-01-01&to=2001-01-02",
                                    "?from=2026-02-30"]}


def find_pages():
    """Every page of the routing table, in each of its shapes."""
    rows = json.loads(subprocess.run(
        [harness.PORTICO, "routes", "--json"], check=True,
        timeout=harness.PATIENCE, capture_output=True).stdout)
    payment = shipped.client().token("heron").post_json(
        "/api/refill", {"gateway": "paypal", "amount": "25"}, json_port=True)
    assert payment.status == 201, (payment.status, payment.body[:300])
    for row in rows:
        if row["method"] != "GET" or not row["template"]:
            continue
        # A brand's own words; nothing is shipped there.
        if row["path"] == "/api/pages/:id":
            continue
        path = row["path"].replace(":id", payment.json["payment"]["id"])
        yield path
        for parameter in row["parameters"]:
            for choice in (parameter["choices"] or "").split("|"):
                if choice:
                    yield "%s?%s=%s" % (path, parameter["name"], choice)
        for query in EXAMPLES.get(row["path"], []):
            yield path + query


def begin_reset():
    """The token of a letter's link."""
    token = secrets.token_urlsafe(32)
    with harness.store(shipped) as db:
        db.execute("insert into reset values (?, 'default', 1001, 'heron', ?)",
                   (hashlib.sha256(token.encode()).hexdigest(),
                    int(time.time()) + 900))
    return token


def find_foreign(page, locale, data):
    """Texts of the English catalogue that have another in this language."""
    own = set(CATALOGUES[locale].values())
    english = {text for key, text in CATALOGUES["en"].items()
               if text not in own and "{" not in text}
    return [text for where, text in read_texts(page)
            if text in english and text not in data]


def check_language(t, answer, locale, what, data=()):
    page = harness.Page(answer.text)
    root = page.find("html")[0]
    t.equal((root.get("lang"), root.get("dir")),
            (locale, "rtl" if locale == "ar" else "ltr"),
            what + ": language and direction")
    t.equal(answer.header("content-language"), locale, what + ": header")
    keys = [text for where, text in read_texts(page)
            if KEY.fullmatch(text) or text in CATALOGUES["en"]]
    t.check(not keys, what + ": keys that are missing", keys[:3])
    foreign = find_foreign(page, locale, data)
    t.check(not foreign, what + ": English", foreign[:3])
    return page


def test_shipped_pages(t):
    pages = list(find_pages())
    t.check(len(pages) > 30, "pages of the routing table", len(pages))
    data = None
    for locale in CATALOGUES:
        c = speak(shipped.client().login("heron"), locale)
        if data is None:
            data = strings(c.json("/api/dashboard")) | {"heron"}
        for uri in pages:
            answer = c.get(uri)
            wanted = (400 if "02-30" in uri else
                      303 if uri.startswith("/api/login") else
                      404 if uri.startswith((
                          "/api/reset/", "/api/security/passkeys/RF"))
                      else 200)
            t.status(answer, wanted, "%s, %s" % (locale, uri))
            if wanted != 303:
                check_language(t, answer, locale, "%s, %s" % (locale, uri),
                               data)
        nobody = speak(shipped.client(), locale)
        page = nobody.get("/api/login")
        check_language(t, page, locale, locale + ", log-in")
        check_language(t, nobody.get("/api/login?done=reset"), locale,
                       locale + ", log-in after a new password")
        check_language(t, nobody.get("/api/reset/" + begin_reset()), locale,
                       locale + ", new password")
        check_language(t, nobody.form("/api/login", {"csrf": page.csrf}),
                       locale, locale + ", log-in refused")
        check_language(t, c.get("/api/nothing"), locale, locale + ", 404")


def test_shipped_choice(t):
    page = harness.Page(shipped.client().get("/api/login").text)
    t.equal([b["value"] for b in page.find("button", name="locale")],
            ["en", "ar", "de", "es", "uk"], "the form of languages")
    for accept, wanted in (
            ("es", "es"), ("es-MX,es;q=0.9,en;q=0.8", "es"), ("uk-UA", "uk"),
            ("ru, uk;q=0.7, en;q=0.3", "uk"), ("ar-EG", "ar"), ("ar", "ar"),
            ("fr, ar;q=0.1", "ar"), ("fr", "en"), ("ar;q=0, es;q=0.1", "es")):
        answer = shipped.client(accept_language=accept).get("/api/login")
        t.equal(answer.header("content-language"), wanted,
                "Accept-Language: " + accept)
    for locale in ("es", "uk", "ar"):
        c = shipped.client(accept_language="de")
        answer = c.form("/api/language", {"csrf": c.get("/api/login").csrf,
                                          "locale": locale})
        t.status(answer, 303, "chosen: " + locale)
        check_language(t, c.get("/api/login"), locale, "chosen: " + locale)
        c.login("heron")
        check_language(t, c.get("/api/profile"), locale,
                       "kept at log-in: " + locale)
        text = c.get("/api/rates?page=0", accept="application/json")
        t.check(CATALOGUES[locale]["error.invalid_input"] in
                text.json["error"]["message"], locale + ": JSON speaks it")


def test_customers_language(t):
    """VCS knows a customer's language; it is taken where none was chosen."""
    for locale in ("es", "uk", "ar"):
        sandbox.change(IDS["osprey"], locale=locale)
        c = shipped.client(accept_language="en").login("osprey")
        check_language(t, c.get("/api/profile"), locale,
                       "customer's own: " + locale)
    sandbox.change(IDS["osprey"], locale="de")


def test_arabic_marks(t):
    """What runs from left to right stays together within Arabic words."""
    c = speak(shipped.client().login("heron"), "ar")
    refill = c.get("/api/refill")
    t.check("US$\u200e" in refill.text, "US$ is closed")
    t.check(re.search("\u2068\u200f[\\d,.]+\u00a0US\\$\u200e\u2069",
                      harness.Page(refill.text).text), "amounts are set apart")
    lookup = c.get("/api/rates/lookup")
    t.check('type="tel"' in lookup.text and
            'placeholder="+49 30 1234567"' in lookup.text, "a number")
    rows = [text for text, stack in harness.Page(
        c.get("/api/usage/detailed").text).texts if "td" in stack]
    numbers = [text for text in rows if re.fullmatch(r"\d{8,15}", text)]
    t.check(len(numbers) > 20, "numbers have the digits that are dialled")


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
