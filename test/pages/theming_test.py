#!/usr/bin/env python3
"""theming_test.py: docs/theming.md, followed word by word: each of its files is
written as it stands there, and does what the text says; and what the check
says of mistakes in a brand's templates, texts and theme.json. Ends with
'N passed, N failed'.
"""
import csv
import io
import json
import os
import re
import shutil
import subprocess

import harness
from harness import Page, Portal, Sandbox, check_error

with open(os.path.join(harness.ROOT, "docs/theming.md")) as doc:
    SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", doc.read(),
                               re.M | re.S))
BLOCK = re.compile(r"^`([\w/.-]+)`:\n\n```\w+\n(.*?)^```$", re.M | re.S)
PNG = b"\x89PNG\r\n\x1a\n"
JSON = {"json_port": True}

sandbox = Sandbox()
plain = Portal(sandbox, workers=1)


def files_of(title):
    """The files that a section has, in its order."""
    found = [text for name, text in SECTIONS.items() if title in name]
    assert len(found) == 1, "no section " + title
    return BLOCK.findall(found[0])


def check(config):
    out = subprocess.run(
        [harness.PORTICO, "check", "--templates", "--config", config],
        capture_output=True, text=True, timeout=harness.PATIENCE,
        stdin=subprocess.DEVNULL)
    return out.returncode, out.stdout, out.stderr


class Acme(Portal):
    """A portal with a brand of files."""

    def __init__(self, files):
        self.files = files
        super().__init__(sandbox, workers=1, brands={"acme": (sandbox, {
            "title": "Acme Tel"})})

    def brand(self, name, theirs, settings=None):
        super().brand(name, theirs, settings)
        for path, text in self.files:
            self.brand_file(name, path, text)

    def acme(self, **how):
        return self.client(brand="acme", **how)


def follow(t, title, *more):
    """A portal whose brand has the files of a section; the check is content
    with them."""
    files = files_of(title)
    t.check(files, title + ": has files")
    p = Acme(files + list(more))
    status, out, err = check(p.config)
    t.equal((status, err), (0, ""), title + ": the check")
    t.check("--- brand acme" in out, title + ": looked at it", out)
    return p


def links(answer):
    return [e["href"] for e in Page(answer.text).find("a", class_="menu-link")
            if "?" not in e["href"]]


def sheets(answer):
    return [e["href"] for e in Page(answer.text).find(
        "link", rel="stylesheet")]


def heads(answer):
    return [text for text, stack in Page(answer.text).texts
            if "th" in stack and "thead" in stack]


def without_brand(text):
    """A page without what differs by request."""
    return re.sub(r'value="[^"]*"|/static/v-\w+/', "", text)


# --- The examples ---------------------------------------------------------------

def luminance(color):
    parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    return sum(w * (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4)
               for w, v in zip((0.2126, 0.7152, 0.0722), parts))


def contrast(a, b):
    x, y = sorted((luminance(a), luminance(b)))
    return (y + 0.05) / (x + 0.05)


def colors_of(css):
    """The variables of the light and of the dark set."""
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    return [dict(re.findall(r"--portico-([\w-]+): (#\w{6});", part))
            for part in (light, dark)]


def check_readable(t, css, what):
    for colors, grounds in zip(colors_of(css), (
            ["#ffffff", "#f6f7fb", "#f0f2f8"],
            ["#0f1218", "#171b24", "#1d222d", "#222835"])):
        t.equal(sorted(colors), ["accent", "accent-hover", "accent-soft",
                                 "accent-text", "on-accent"], what)
        for ground in grounds + [colors["accent-soft"]]:
            t.check(contrast(colors["accent-text"], ground) >= 4.5,
                    "%s: links on %s" % (what, ground), colors)
        t.check(colors["on-accent"] in ("#000000", "#ffffff"), what, colors)
        for behind in ("accent", "accent-hover"):
            t.check(contrast(colors["on-accent"], colors[behind]) >= 4.5,
                    "%s: the text on buttons" % what, colors)


def test_logo_and_colours(t):
    logos = [("static/image-resources/logo-%s.png" % n, PNG + n.encode())
             for n in ("login", "panel")]
    p = follow(t, "Logo and colours", *logos)
    c = p.acme()
    page = c.get("/api/login")
    found = sheets(page)
    t.check(len(found) == 1, "a page waits for one stylesheet", found)
    t.check(any(e["src"].endswith("/brand/image-resources/logo-login.png")
                for e in Page(page.text).find("img")), "the logo")
    whole = c.get(found[0])
    t.status(whole, 200, "the stylesheet")
    t.equal(whole.kind, "text/css", "is one")
    t.check("immutable" in whole.header("cache-control"), "kept for ever")
    t.equal(whole.all("set-cookie"), [], "and nobody's")
    css = c.get("/api/theme/0")
    t.status(css, 200, "the colours")
    order = [whole.text.find(part) for part in (
        "Bootstrap", "--portico-logo-height:", css.text,
        "--portico-logo-height: 2.5rem")]
    t.check(-1 not in order and order == sorted(order),
            "Bootstrap, the theme, its colours, its own", order)
    light, dark = colors_of(css.text)
    t.equal((light["accent"], dark["accent"]), ("#0b7a75", "#4fd1c5"),
            "the accents")
    t.equal((light["on-accent"], dark["on-accent"]), ("#ffffff", "#000000"),
            "white on the dark one, black on the light one")
    check_readable(t, css.text, "the document's colours")
    c.login("heron")
    inner = c.get("/api/dashboard")
    t.check(any(e["src"].endswith("/brand/image-resources/logo-panel.png")
                for e in Page(inner.text).find("img")), "the panel's logo")
    t.equal(sheets(inner), found, "the same style")
    for path, body in (("0123456789ab", css.body),
                       ("ltr-0123456789ab", whole.body)):
        old = c.get("/api/theme/" + path)
        t.equal((old.status, old.body), (200, body), "a page from before")
        t.check("immutable" not in (old.header("cache-control") or ""),
                "keeps nothing wrong", old.headers)
    t.status(p.client().get(found[0]), 404, "the other brand has no colours")
    shipped = sheets(p.client().get("/api/login"))
    t.check(len(shipped) == 1 and shipped[0].endswith("/default/portal.css"),
            "and has the shipped stylesheet", shipped)
    p.brand_file("acme", "templates/theme.json",
                 '{"colors": {"accent": "#aa0055"}}')
    p.reload()
    t.check(sheets(p.acme().get("/api/login"))[0] != found[0],
            "another colour, another address")


def test_any_colour_can_be_read(t):
    """Even those that the check finds fault with."""
    p = Acme([("templates/theme.json", '{"colors": {"accent": "#036"}}')])
    for colors in ({"accent": "#fc0"}, {"accent": "#fff"}, {"accent": "#000"},
                   {"accent": "#808080"}, {"accent": "#00F", "accent_dark":
                                           "#00f"},
                   {"accent": "#e00", "accent_dark": "#fff"},
                   {"accent": "#7f7", "accent_dark": "#000"}):
        p.brand_file("acme", "templates/theme.json",
                     json.dumps({"colors": colors}))
        p.reload()
        css = p.acme().get("/api/theme/0")
        check_readable(t, css.text, str(colors))
    for colors in ({}, {"accent": "red"}, {"accent": None}, [], "#fff", None,
                   {"accent": "#12345"}, {"accent": "#fff;}body{x:y"}):
        p.brand_file("acme", "templates/theme.json",
                     json.dumps({"colors": colors}))
        p.reload()
        t.check(sheets(p.acme().get("/api/login"))[0].endswith(
            "/default/portal.css"), "none: %s" % (colors,))


def test_menu_and_static_page(t):
    p = follow(t, "static page")
    c = p.acme(accept_language="en").login("heron")
    for uri in ("/api/dashboard", "/api/pages/help"):
        t.equal(sorted(set(links(c.get(uri)))), sorted([
            "/api/dashboard", "/api/rates", "/api/pages/help", "/api/refill",
            "/api/invoices"]), uri + ": the menu")
    answer = c.get("/api/pages/help")
    t.status(answer, 200, "the page")
    page = Page(answer.text)
    t.equal([text for text, stack in page.texts if "h1" in stack],
            ["Help & contact"], "its heading")
    t.check("Help & contact – Acme Tel" in page.text, "its title")
    t.check("around the clock" in page.text, "its text")
    t.check([e for e in page.find("a", href="/api/pages/help")
             if e.get("aria-current") == "page"], "its entry is marked")
    t.check(page.find("a", href="https://status.acme.example/"), "its links")
    t.check(answer.header("content-security-policy"), "under the policy")
    german = p.acme(accept_language="de")
    german.cookies = dict(c.cookies, **{"portico-language": "de"})
    t.check("Hilfe &amp; Kontakt" in german.get("/api/pages/help").text,
            "in German")
    t.equal(c.json("/api/pages/help"), {"page": "help"}, "no data")
    t.status(p.acme().get("/api/pages/help"), 303, "for customers only")
    t.status(p.acme().get("/api/pages/help", **JSON), 401, "in JSON")
    t.status(c.get("/api/pages/help?x=1"), 400, "takes no parameters")
    t.status(c.form("/api/pages/help", {}), 405, "is looked at")
    for name in ("nothing", "login", "layout", "menu", "default", "help/x",
                 "..", "HELP", "help%00", "%2e%2e"):
        answer = c.get("/api/pages/" + name)
        t.check(answer.status in (400, 404), "not listed: " + name,
                answer.status)
    other = p.client().login("heron")
    t.status(other.get("/api/pages/help"), 404, "the other brand has none")


def test_columns_and_filters(t):
    p = follow(t, "columns and filters")
    c = p.acme(accept_language="en").login("heron")
    other = p.client(accept_language="en").login("heron")
    t.equal(heads(c.get("/api/rates")), ["Destination", "Code", "Price",
                                         "Valid from"], "rates")
    for uri, filters in (("/api/usage/summary", ["group_by", "service"]),
                         ("/api/usage/detailed", ["account", "service"])):
        found = [e["name"] for e in Page(c.get(uri).text).find("select")]
        t.equal(sorted(set(found) & {"service", "account", "package",
                                     "group_by"}), filters, uri)
    t.equal(len(heads(c.get("/api/usage/detailed"))), 5, "detailed")
    t.equal([o["value"] for o in Page(c.get("/api/usage/summary").text).find(
        "option")][-2:], ["day", "service"], "groupings")
    lines = csv.reader(io.StringIO(c.get("/api/usage/detailed.csv").text))
    t.equal(max(len(line) for line in lines), 5, "the file follows")
    profile = Page(c.get("/api/profile").text)
    t.check(profile.find("input", name="email") and not profile.find(
        "input", name="company") and not profile.find("input", name="tax_id"),
        "the profile")
    for uri in ("/api/rates", "/api/usage/detailed", "/api/usage/summary"):
        t.equal(c.json(uri), other.json(uri), uri + ": the same JSON")
    t.equal(heads(c.get("/api/payments")), heads(other.get("/api/payments")),
            "other tables are the shipped ones")


def test_smaller_changes(t):
    p = follow(t, "Smaller changes")
    c = p.acme(accept_language="en")
    t.check("Welcome to Acme" in c.get("/api/login").text, "one text")
    c.login("heron")
    other = p.client(accept_language="en").login("heron")
    footer = re.compile(r"<footer.*?</footer>", re.S)
    for uri in ("/api/dashboard", "/api/rates", "/api/voucher",
                "/api/profile", "/api/accounts", "/api/nothing"):
        one, two = c.get(uri).text, other.get(uri).text
        t.equal(footer.findall(one)[-1:], [
            '<footer class="foot">Acme Tel · 1 Main Street, Springfield'
            "</footer>"], uri + ": the block")
        t.check("Springfield" not in two, uri + ": is acme's")
    one, two = (without_brand(footer.sub("", x.get("/api/accounts").text))
                for x in (c, other))
    t.equal([line for line in one.split("\n") if "Acme" not in line
             and line.strip()],
            [line for line in two.split("\n") if "Client Portal" not in line
             and line.strip()], "the rest is the shipped page")


def test_upgrade(t):
    """What a brand does not override follows the shipped theme."""
    share = harness.make_share(os.path.join(sandbox.folder, "share"))
    path = os.path.join(share, "templates/default/layout.mustache")
    files = files_of("Smaller changes")

    class Upgraded(Acme):
        def __init__(self):
            self.files = files
            Portal.__init__(self, sandbox, workers=1, brands={
                "acme": (sandbox, {})}, env={"PORTICO_SHARE": share})

    p = Upgraded()
    c = p.acme().login("heron")
    t.check("Springfield" in c.get("/api/rates").text, "before")
    with open(path) as f:
        text = f.read()
    os.unlink(path)
    with open(path, "w") as f:
        f.write(text.replace("{{>notice}}", "{{>notice}}\n<p>New in 2.0</p>"))
    p.reload()
    for uri in ("/api/rates", "/api/profile"):
        page = c.get(uri).text
        t.check("New in 2.0" in page and "Springfield" in page,
                uri + ": both")


# --- Mistakes ----------------------------------------------------------------------

TEMPLATE, TEXTS, THEME = ("templates/login.mustache", "templates/locale/en.json",
                          "templates/theme.json")
# File, its text, the line, what is said, a word of the remedy.
MISTAKES = [
    (TEMPLATE, "<p>\n{{{x}}}\n", 2, "raw output", "escaped"),
    (TEMPLATE, "<p>\n\n{{#a}}\n", 3, "not closed", "{{/a}}"),
    (TEMPLATE, "{{/a}}", 1, "nothing is open", "opening"),
    (TEMPLATE, "{{#a}}\n{{#b}}\n{{/a}}{{/b}}", 3, "wrong section", "line 2"),
    (TEMPLATE, "x\n{{>nothing}}", 2, "no such template: nothing", "create it"),
    (TEMPLATE, "x\n{{<nothing}}{{/nothing}}", 2, "nothing", ""),
    (TEMPLATE, "x\n{{t.no.text}}", 2, "no.text", "catalogue"),
    (TEMPLATE, "x\n<p onclick=\"{{x}}\">", 2, "onclick", ""),
    (TEMPLATE, "x\n\n<a href=\"{{x}}\">", 3, "URL", "_url"),
    (TEMPLATE, "x\n<p class={{x}}>", 2, "unquoted attribute", "quotes"),
    (TEMPLATE, "x\n<script>\n{{x}}</script>", 3, "script", ""),
    (TEMPLATE, "x {{a", 1, "without an end", "}}"),
    (TEXTS, "{\n\"login.title\": 7\n}", 2, "not a text", "KEY"),
    (TEXTS, "{\n\"a.b\": \"x\",\n\"login.title\": \"{0\"}", 3, "not closed",
     "mend"),
    (TEXTS, "{\n\"login.title\": \"x\",\n}", 3, "", "mend the JSON"),
    (TEXTS, "{\n\n\"x\" \"y\"}", 3, "", "mend the JSON"),
    ("templates/locale/de.json", "{\n\"app.count\": \"viele\"}", 2,
     "differ from the English", "{N}"),
    (THEME, "{\n\"menu\": [\n}", 3, "", "mend the JSON"),
    (THEME, "{\n\"menu\": [],\n\"pages\": [\n\"help\"\n]}", 4,
     'no template "help"', "templates/help.mustache"),
    (THEME, "{\n\n\"colors\": {\n\"accent\": \"#fc0\"}}", 4,
     "cannot be read on a white ground", "make it darker: #"),
    (THEME, "{\"rates\": {\n\"columns\": [\"code\",\n\"prise\"]}}", 3,
     '"prise" is not known', "choose of: code"),
    (THEME, "{\n\"rate\": {}}", 2, "is not known", "theme.json"),
    (THEME, "{\"menu\": [{\"key\": \"usage\", \"items\": [\n"
     "{\"page\": \"rates\", \"icon\": \"tag\",\n\"path\": \"/api/rate\"}]}]}",
     3, '"/api/rate" is no page', "portico routes"),
    (THEME, "{\"menu\": [{\"key\": \"usage\", \"items\": [\n"
     "{\"page\": \"tariffs\", \"icon\": \"tag\", \"path\": \"/api/rates\"}]}]}",
     2, 'no text "menu.tariffs"', "locale/en.json"),
    (THEME, "{\"menu\": [{\"key\": \"usage\", \"items\": [\n"
     "{\"page\": \"rates\", \"icon\": \"rocket\", \"path\": \"/api/rates\"}]}]}",
     2, '"rocket" is no icon', "client_portal_custom.css"),
]


def test_mistakes(t):
    p = Acme([])
    folder = p.folder + "/brands/acme"
    t.equal(check(p.config)[0], 0, "none yet")
    for name, text, line, what, remedy in MISTAKES:
        p.brand_file("acme", name, text)
        status, out, err = check(p.config)
        about = "%s: %r" % (name, text)
        t.equal(status, 1, about)
        where = "%s/%s:%d" % (folder, name, line)
        said = [s for s in err.split("\n") if s.startswith(where) and
                not s[len(where)].isdigit()]
        t.check(said and what in said[0] and remedy in said[0].split(
            "; ", 1)[-1] and "; " in said[0], about + ": is said", err)
        t.equal(len([s for s in err.split("\n") if s]), 1, about + ": once")
        t.check("WRONG" in out and "acme" in out, about + ": listed", out)
        before = out.split("brand acme")[0]
        t.check("WRONG" not in before.rpartition("WRONG   ")[0],
                about + ": the default brand is right", out)
        os.unlink(os.path.join(folder, name))
    t.equal(check(p.config)[0], 0, "none any more")


def test_unreadable(t):
    p = Acme([])
    for name in (TEMPLATE, TEXTS, THEME):
        path = os.path.join(p.folder, "brands/acme", name)
        os.makedirs(path)
        status, _, err = check(p.config)
        t.check(status == 1 and path in err, name + ": is no file", err)
        t.check(any("; " in s for s in err.split("\n") if path in s),
                name + ": a remedy", err)
        os.rmdir(path)


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
