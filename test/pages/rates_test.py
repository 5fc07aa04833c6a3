#!/usr/bin/env python3
"""rates_test.py: the page of rates: what it shows, search, sort, pages, large
tables, answers that are cut. Ends with 'N passed, N failed'.
"""
import datetime
import decimal
import re
import shutil
import sqlite3
import urllib.parse

import harness
from harness import IDS, Portal, Sandbox

sandbox = Sandbox()
portal = Portal(sandbox)
TABLES = {"heron": 19, "osprey": 20, "whale": 22}
UNITS = {1: "s", 2: "message", 3: "s"}
SERVICES = {1: "Voice", 2: "SMS & chat", 3: "Toll-free"}


def change_names():
    """Names that the made data lacks."""
    ids = [row["id"] for row in upstream("heron")[-6:]]
    db = sqlite3.connect(sandbox.folder + "/sandbox.db", timeout=30)
    names = ["Москва 'Центр'", "100% _under_score", "ΑΘΗΝΑ <i>x</i>",
             "Straße der Grüße", "القاهرة", "a\\b \"c\" `d`"]
    with db:
        for id, name in zip(ids, names):
            db.execute("UPDATE rates SET code_name = ? WHERE id = ?",
                       (name, id))
    db.close()
    sandbox.change(IDS["heron"], locale="en")  # empties its cache


def upstream(who, **more):
    return sandbox.core("rates.search", rate_tables_id=TABLES[who],
                        state="current", status="active", limit=10000,
                        order=["+code"], **more)


change_names()


def walk(c, query, size=100):
    """The rows of all pages."""
    rows, number = [], 1
    while True:
        model = c.json("/api/rates?%s&size=%d&page=%d" % (query, size,
                                                          number))
        rows += model["rates"]
        if not model["page"]["more"]:
            return rows
        assert len(model["rates"]) == size, "a page that is not full"
        number += 1


def key(row):
    return (row["code"], row["name"], row["service"]["id"])


def find(c, q, **more):
    return walk(c, urllib.parse.urlencode({"q": q, **more}))


def seconds(text):
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S%z").timestamp()


# --- Shape --------------------------------------------------------------------

def test_shape(t):
    c = portal.client().login("heron")
    model = c.json("/api/rates")
    t.equal(sorted(model), ["as_of", "filters", "page", "rates"], "members")
    t.equal(model["as_of"], None, "as VCS has them just now")
    t.equal(model["page"], {"number": 1, "size": 25, "more": True}, "page")
    t.equal(sorted(model["filters"]), ["q", "service", "services", "sort"],
            "filters")
    t.equal(model["filters"]["services"], [
        {"id": id, "name": name} for id, name in SERVICES.items()],
        "services")
    t.equal(list(model["rates"][0]), [
        "code", "name", "service", "price", "effective_from",
        "effective_till", "interval", "min_volume", "setup_fee"],
        "a rate's members")


def test_rows(t):
    """Every row, with every digit."""
    for who, currency, offset in (("heron", "USD", r"-0[45]:00"),
                                  ("osprey", "EUR", r"\+0[12]:00")):
        c = portal.client().login(who)
        rows, wanted = walk(c, "sort=code"), upstream(who)
        if not t.equal(len(rows), len(wanted), who + ": number of rows"):
            continue
        for row, raw in zip(rows, wanted):
            what = "%s %s" % (who, raw["code"])
            t.equal((row["code"], row["name"]),
                    (raw["code"], raw["code_name"]), what)
            t.equal(row["service"], {
                "id": raw["services_id"],
                "name": SERVICES[raw["services_id"]]}, what)
            for money, digits in ((row["price"], raw["value"]),
                                  (row["setup_fee"], raw["pay_setup"])):
                t.equal((money["amount"], money["currency"]),
                        (str(digits), currency), what + ": money")
                t.equal(sorted(money), ["amount", "currency", "text"], what)
                shown = re.sub(r"[^\d.,-]", "", money["text"])
                shown = (shown.replace(".", "").replace(",", ".")
                         if currency == "EUR" else shown.replace(",", ""))
                t.equal(decimal.Decimal(shown), decimal.Decimal(str(digits)),
                        what + ": text")
            unit = UNITS[raw["services_id"]]
            for quantity, value in ((row["interval"], raw["pay_interval"]),
                                    (row["min_volume"], raw["min_volume"])):
                t.equal((quantity["value"], quantity["unit"]), (value, unit),
                        what + ": quantity")
                t.check(quantity["text"], what + ": quantity's text")
            iso = row["effective_from"]["iso"]
            t.equal(datetime.datetime.fromisoformat(iso).timestamp(),
                    seconds(raw["effective_from"]), what + ": from")
            t.check(re.search(offset + "$", iso), what + ": zone", iso)
            if raw["effective_till"].startswith("9999"):
                t.equal(row["effective_till"], None, what + ": no end")
            else:
                t.equal(datetime.datetime.fromisoformat(
                    row["effective_till"]["iso"]).timestamp(),
                    seconds(raw["effective_till"]), what + ": till")


def test_money_texts(t):
    texts = [r["price"]["text"] for r in
             portal.client().login("osprey").json("/api/rates")["rates"]]
    t.check(all(re.fullmatch(r"\d+,\d{2,}\u00a0€", x) for x in texts),
            "German euros", texts[:3])
    texts = [r["price"]["text"] for r in
             portal.client().login("heron").json("/api/rates")["rates"]]
    t.check(all(re.fullmatch(r"\$\d+\.\d{2,}", x) for x in texts),
            "American dollars", texts[:3])


# --- Search -------------------------------------------------------------------

def expected(rows, q):
    digits = re.sub(r"[ +().\-/]", "", q)
    code = digits if digits.isascii() and digits.isdigit() else None
    if code and code.startswith("00"):
        code = code[2:] or None
    return [row["code"] for row in rows if
            q.casefold() in row["code_name"].casefold() or
            (code and row["code"].startswith(code))]


def test_search(t):
    c = portal.client().login("heron")
    rows = upstream("heron")
    found = {}
    for q in ("49", "+49 30", "004930", "0049", "00 49-30", "(49) 30/",
              "germany", "GERMANY", "GeRmAnY-m", "são", "SÃO PAULO", "ü",
              "genève", "GENÈVE", "Москва", "МОСКВА", "москва 'ц", "αθηνα",
              "ΑΘΗΝΑ", "STRASSE", "grüsse", "القاهرة", "<b>", "</b>", "<i>x",
              "&", "&amp;", "%", "_", "100%", "a\\b", "\\", "'", "\"d2\"",
              "`d`", "''", "%%", "__", "*", ".", "..", "?", "[a-z]", "1",
              "000", "00", "0", "-", "+", "zzzz", "kingdom", "x" * 64,
              "Germany-Mobile \"D2\"", "' OR 1=1 --", "${x}", "{{t.app.name}}",
              "%s%n", "../../etc", "\u202e", "🐦"):
        got = [row["code"] for row in find(c, q)]
        found[q] = len(got)
        t.equal(sorted(got), sorted(expected(rows, q)), "q=%r" % q)
        model = c.json("/api/rates?" + urllib.parse.urlencode({"q": q}))
        t.equal(model["filters"]["q"], q, "says what was searched")
    for q in ("49", "+49 30", "germany", "são", "МОСКВА", "STRASSE", "<b>",
              "%", "_", "a\\b", "القاهرة"):
        t.check(found[q] > 0, "q=%r finds something" % q)
    for q in ("zzzz", "&amp;", "[a-z]", "' OR 1=1 --"):
        t.equal(found[q], 0, "q=%r finds nothing" % q)
    t.equal(found["+49 30"], found["004930"], "two ways to write a number")
    t.equal(find(c, "  germany "), find(c, "germany"), "white space is cut")


def test_search_in_html(t):
    c = portal.client().login("heron")
    for q in ("<b>", "\"><script>alert(1)</script>", "'", "&lt;"):
        answer = c.get("/api/rates?" + urllib.parse.urlencode({"q": q}))
        t.status(answer, 200, q)
        page = harness.Page(answer.text)
        t.check(not page.find("script") and not page.find("b") and
                not page.find("i"), "q=%r makes no element" % q)
        t.equal(page.find("input", name="q")[0]["value"], q,
                "q=%r stands in the field" % q)
    page = harness.Page(c.get("/api/rates?q=%3Cb%3E").text)
    t.check("United Kingdom-Personal <b>070</b>" in page.text,
            "markup of a name is text", page.text[-800:])
    page = harness.Page(c.get("/api/rates?q=zzzz").text)
    t.check("No rate matches your search" in page.text, "nothing found")
    t.check(page.find("a", href="/api/rates"), "a way back")


def test_service(t):
    c = portal.client().login("heron")
    rows = upstream("heron")
    for service in (1, 2, 3, 4, 2147483647):
        got = walk(c, "service=%d" % service)
        t.equal([r["code"] for r in got],
                [r["code"] for r in rows if r["services_id"] == service],
                "service %d" % service)
    both = find(c, "germany", service=1)
    t.equal([r["code"] for r in both],
            [r["code"] for r in rows if "ermany" in r["code_name"] and
             r["services_id"] == 1], "both filters")
    t.equal(c.json("/api/rates?service=2")["filters"]["service"], 2, "said")
    page = harness.Page(c.get("/api/rates?service=2").text)
    t.equal([o["value"] for o in page.find("option") if "selected" in o],
            ["2", "25"], "chosen in the form")
    t.check(page.find("option", value="3"), "others can be chosen")


# --- Sort ---------------------------------------------------------------------

def number_of(member):
    return lambda r: decimal.Decimal(r[member]["amount"])


KEYS = {
    "code": lambda r: r["code"],
    "name": lambda r: r["name"].casefold(),
    "service": lambda r: r["service"]["name"].casefold(),
    "price": number_of("price"),
    "interval": lambda r: r["interval"]["value"],
    "min_volume": lambda r: r["min_volume"]["value"],
    "setup_fee": number_of("setup_fee"),
    "effective_from": lambda r: r["effective_from"]["iso"],
    "effective_till": lambda r: (r["effective_till"] or
                                 {"iso": "9999"})["iso"],
}


def test_sort(t):
    c = portal.client().login("heron")
    everything = sorted(key(r) for r in walk(c, "sort=code"))
    for name, by in KEYS.items():
        for sign in ("", "-"):
            sort = sign + name
            rows = walk(c, "sort=" + sort)
            t.equal(sorted(key(r) for r in rows), everything,
                    sort + ": each row once, pages do not overlap")
            values = [by(r) for r in rows]
            t.equal(values, sorted(values, reverse=sign == "-"),
                    sort + ": the order")
            t.equal([key(r) for r in walk(c, "sort=" + sort, 50)],
                    [key(r) for r in rows], sort + ": whatever the size")
            ties = [(a, b) for a, b in zip(rows, rows[1:])
                    if by(a) == by(b)]
            t.check(all(a["code"] <= b["code"] for a, b in ties),
                    sort + ": equal ones by code")
            found = find(c, "mobile", sort=sort)
            t.equal([r["code"] for r in found],
                    [r["code"] for r in rows if "obile" in r["name"]],
                    sort + ": of what was found")


def test_sort_links(t):
    c = portal.client().login("heron")
    page = harness.Page(c.get("/api/rates?q=49&sort=price&page=2&size=10")
                        .text)
    links = [a["href"] for a in page.find("a", class_="sorter")]
    links = [a["href"] for tag, a in page.elements
             if tag == "a" and a.get("class") == "sorter"]
    t.check("/api/rates?q=49&sort=-price&size=10" in links,
            "the other way round, from page 1", links)
    t.check("/api/rates?q=49&sort=name&size=10" in links, "another column")
    t.equal([th["aria-sort"] for th in page.find("th")
             if th.get("aria-sort", "none") != "none"], ["ascending"],
            "which column is sorted is said")
    for link in links:
        t.status(c.get(link), 200, link)


# --- Pages --------------------------------------------------------------------

def test_pages(t):
    c = portal.client().login("heron")
    whole = [key(r) for r in walk(c, "sort=code")]
    for query in ("sort=code", "sort=-code", "sort=price", "q=4"):
        rows = [key(r) for r in walk(c, query)]
        for size in (10, 25, 33, 100):
            t.equal([key(r) for r in walk(c, query, size)], rows,
                    "%s in pages of %d" % (query, size))
        for beyond in ((len(rows) + 99) // 100 + 1, 1000, 1000000):
            model = c.json("/api/rates?%s&size=100&page=%d" % (query, beyond))
            t.equal(model["rates"], [], "%s, page %d" % (query, beyond))
            t.equal(model["page"], {"number": beyond, "size": 100,
                                    "more": False}, "page %d" % beyond)
    answer = c.get("/api/rates?page=1000000")
    t.status(answer, 200, "beyond the last page, HTML")
    last = len(whole) // 10 + (len(whole) % 10 > 0)
    t.equal(c.json("/api/rates?size=10&page=%d" % last)["page"]["more"],
            False, "the last page is the last")
    t.equal(c.json("/api/rates?size=10&page=%d" % (last - 1))["page"]["more"],
            True, "the one before is not")


def test_pager(t):
    c = portal.client().login("heron")
    page = harness.Page(c.get("/api/rates?q=4&size=10&page=2").text)
    t.equal([a["href"] for a in page.find("a", rel="prev")],
            ["/api/rates?q=4&size=10"], "to page 1")
    t.equal([a["href"] for a in page.find("a", rel="next")],
            ["/api/rates?q=4&page=3&size=10"], "to page 3")
    t.check("Rows 11–20" in page.text, "which rows these are")
    page = harness.Page(c.get("/api/rates").text)
    t.equal(page.find("a", rel="prev"), [], "nothing before page 1")
    t.check("(" not in "".join(a for _, n, a in page.attributes
                               if n == "href"), "links are plain")


def test_exactly_one_page(t):
    """As many rows as a page holds: there is no second page."""
    c = portal.client().login("heron")
    rows = upstream("heron")
    by_prefix = {}
    for row in rows:
        for n in (1, 2, 3):
            by_prefix.setdefault(row["code"][:n], []).append(row)
    exact = [p for p, found in by_prefix.items()
             if 10 <= len(expected(rows, p)) <= 100]
    t.check(exact, "such a search exists")
    for prefix in exact[:5]:
        size = len(expected(rows, prefix))
        model = c.json("/api/rates?q=%s&size=%d" % (prefix, size))
        t.equal((len(model["rates"]), model["page"]["more"]), (size, False),
                "q=%s" % prefix)
        if size > 10:
            model = c.json("/api/rates?q=%s&size=%d" % (prefix, size - 1))
            t.equal((len(model["rates"]), model["page"]["more"]),
                    (size - 1, True), "q=%s, one less" % prefix)


# --- Large tables -------------------------------------------------------------

def test_whale(t):
    c = portal.client().login("whale")
    first = sandbox.core("rates.search", rate_tables_id=22, state="current",
                         status="active", limit=10000, order=["+code"])
    rest = sandbox.core("rates.search", rate_tables_id=22, state="current",
                        status="active", limit=10000, offset=10000,
                        order=["+code"])
    t.equal(len(first), 10000, "the table is larger than what is searched")
    t.check(len(rest) > 100, "by some rows", len(rest))
    model = c.json("/api/rates?sort=-price")
    t.equal(model["page"].get("searched"), 10000, "says so")
    dearest = max(decimal.Decimal(r["value"]) for r in first)
    t.equal(decimal.Decimal(model["rates"][0]["price"]["amount"]), dearest,
            "the dearest of the first 10,000")
    page = c.get("/api/rates?sort=-price")
    t.check("only its first 10,000 rows were searched" in page.text,
            "in words")
    last = first[-1]["code"]
    t.equal([r["code"] for r in find(c, last)],
            [r["code"] for r in first if r["code"].startswith(last)],
            "the last of the first 10,000")
    beyond = rest[len(rest) // 2]["code"]
    got = [r["code"] for r in find(c, beyond)]
    t.check(beyond not in got, "one behind them is not found", got)
    plain = c.json("/api/rates")
    t.check("searched" not in plain["page"], "in the order of codes, all are "
            "there", plain["page"])
    t.check("only its first" not in c.get("/api/rates").text, "and no words")
    number = 10000 // 100 + 2
    t.equal([r["code"] for r in c.json(
        "/api/rates?size=100&page=%d" % number)["rates"]],
        [r["code"] for r in rest[100:200]], "page %d" % number)
    count = len(first) + len(rest)
    model = c.json("/api/rates?size=100&page=%d" % ((count + 99) // 100))
    t.equal((len(model["rates"]), model["page"]["more"]),
            (count % 100 or 100, False), "the last page")


def test_first_page_costs_one_page(t):
    c = portal.client().login("whale")
    c.get("/api/rates")
    sandbox.forget()
    c.get("/api/rates?page=3")
    calls = sandbox.calls()
    t.equal(calls["counts"].get("rates.search"), 1, "one page is asked for")
    t.equal(calls["http_requests"], 1, "in one request")


def test_as_many_as_searched(t):
    """A table of just as many rows as are searched is searched whole."""
    count = len(upstream("heron"))
    for most, limited in ((count, False), (count - 1, True)):
        p = Portal(sandbox, {"limits": {"tableRows": most}})
        page = p.client().login("heron").json("/api/rates?q=4")["page"]
        t.equal("searched" in page, limited, "%d of %d rows" % (most, count))


def test_truncated(t):
    """A cut answer is asked for in halves."""
    c = portal.client().login("whale")
    good = c.json("/api/rates?sort=-price&size=100")
    for times in (1, 2, 4):
        sandbox.fault("rates.search", "truncate", times=times)
        sandbox.forget()
        model = c.json("/api/rates?sort=-price&size=100")
        t.equal(model, good, "%d cut answers" % times)
        t.check(sandbox.calls()["counts"]["rates.search"] > 1 + times,
                "asked again", sandbox.calls()["counts"])
        sandbox.heal()
    sandbox.fault("rates.search", "truncate")
    answer = c.get("/api/rates?sort=-price", accept="application/json")
    t.status(answer, 502, "all answers cut")
    calls = sandbox.calls()["counts"]["rates.search"]
    sandbox.heal()
    t.check(calls < 100, "it gives up", calls)


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


def test_lookup(t):
    """The longest code of a service that is timed; digits as dialled."""
    c = portal.client().login("heron")
    codes = {row["code"]: row for row in upstream("heron")
             if UNITS[row["services_id"]] == "s"}

    def longest(digits):
        return next((digits[:n] for n in range(len(digits), 0, -1)
                     if digits[:n] in codes), None)

    for number, digits in (("+49 (30) 1234-567", "49301234567"),
                           ("0044 7700 900123", "447700900123"),
                           ("1" * 18, "1" * 18), ("999", "999")):
        answer = c.json("/api/rates/lookup?number=" +
                        urllib.parse.quote(number))
        code = longest(digits)
        t.equal(answer["number"], digits, "digits of " + number)
        t.equal(answer["rate"] and answer["rate"]["code"], code,
                "code of " + number)
        if not code:
            t.equal(answer["example"], None, "no example without a rate")
            continue
        row = codes[code]
        billed = max(200, row["min_volume"])
        billed = -(-billed // row["pay_interval"]) * row["pay_interval"]
        cost = (decimal.Decimal(str(row["value"])) * billed / 60 +
                decimal.Decimal(str(row["pay_setup"])))
        got = decimal.Decimal(answer["example"]["cost"]["amount"])
        t.check(abs(got - cost) < decimal.Decimal("1e-9"),
                "what 200 s cost", got, cost)
    for number in ("1" * 19, "abc", "+", "00"):
        answer = c.get("/api/rates/lookup?number=" +
                       urllib.parse.quote(number), accept="application/json")
        t.status(answer, 400, number)


if __name__ == "__main__":
    harness.main(globals(), clean)
