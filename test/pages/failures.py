"""failures.py: the table "When something fails" of docs/operations.md, as the
tests read it. What a row promises is what they check: the statuses of its
pages and of its JSON, the codes of its JSON and of the log.
"""
import copy
import os
import re

import harness

DOCUMENT = os.path.join(harness.ROOT, "docs", "operations.md")
CHAPTER = "## When something fails"
STATUS = re.compile(r"\b[2-5]\d\d\b")
CODE = re.compile(r"`([a-z][a-z0-9_.]*)`")


class Row:
    def __init__(self, ident, what, html, json, log, remedy):
        self.ident, self.what = ident, what
        self.html = {int(s) for s in STATUS.findall(html)}
        self.json = {int(s) for s in STATUS.findall(json)}
        self.codes = set(CODE.findall(json))
        self.log = set(CODE.findall(log))

    def or_busy(self):
        """The same, or 503: the breaker has opened meanwhile."""
        other = copy.copy(self)
        other.html, other.json = self.html | {503}, self.json | {503}
        other.codes = self.codes | {"busy"}
        return other

    def page(self, t, answer, what):
        """An answer as a page; a redirect to the log-in is one."""
        what = "%s: %s" % (self.ident, what)
        t.check(answer.status in self.html, "%s: status %d, not of %s" % (
            what, answer.status, self.html), answer.body[-300:])
        if answer.status >= 500:
            t.equal(answer.kind, "text/html", what + ": a page")
            page = harness.Page(answer.text)
            t.check(page.find("h1"), what + ": a title")
            t.check(page.find("html", lang=None) == [] and
                    page.find("html"), what + ": not nginx's own words",
                    answer.text[:100])

    def data(self, t, answer, what):
        what = "%s: %s, JSON" % (self.ident, what)
        t.check(answer.status in self.json, "%s: status %d, not of %s" % (
            what, answer.status, self.json), answer.body[-300:])
        if answer.status >= 400 and answer.kind == "application/json" and \
                "error" in answer.json:
            t.check(answer.json["error"]["code"] in self.codes,
                    what + ": code", answer.json["error"])
        elif answer.status >= 400:
            t.fail(what + ": no error in JSON: %r" % answer.body[:200])
        if answer.status == 503:
            t.check(int(answer.header("retry-after") or 0) > 0,
                    what + ": Retry-After")

    def both(self, t, client, path, what=None):
        what = what or path
        self.page(t, client.get(path), what)
        self.data(t, client.get(path, accept="application/json"), what)

    def logged(self, t, portal):
        """Each of the codes that the row names."""
        for code in sorted(self.log):
            t.check(portal.logged(code), "%s: %s is logged" % (
                self.ident, code))


def read(text):
    """{id: Row}"""
    chapter = text.partition(CHAPTER + "\n")[2].partition("\n## ")[0]
    rows = {}
    for line in chapter.split("\n"):
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 6:
            ident = cells[0].strip("`")
            assert ident not in rows, ident + " stands there twice"
            rows[ident] = Row(ident, *cells[1:])
    return rows


with open(DOCUMENT) as f:
    rows = read(f.read())


def row(ident):
    return rows[ident]
