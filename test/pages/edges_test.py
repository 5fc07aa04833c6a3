#!/usr/bin/env python3
"""edges_test.py: currencies without cents and with three decimals, amounts
that are 0 or negative, months in which the clock changes, zones of half hours
and zones where it is another day: every page as JSON and as HTML, in both
languages. Then customers who have nothing, and themes that show less. The
clocks of both sides stand still. Ends with 'N passed, N failed'.
"""
import csv
import datetime
import decimal
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import zoneinfo
from decimal import Decimal

import harness
from harness import IDS, Page, Portal, Sandbox

NANO = 10 ** 9
SPRING, AUTUMN = (int(datetime.datetime(
    *when, tzinfo=datetime.timezone.utc).timestamp())
    for when in ((2026, 4, 9, 17, 7), (2026, 11, 2, 17, 7)))
CURRENCIES = {"JPY": (29, 0), "KWD": (31, 3), "EUR": (28, 2)}
SIGNS = {"JPY": "\u00a5", "KWD": "KWD", "EUR": "\u20ac"}
ACCOUNTS = {"heron": [2001, 2002], "osprey": [2003, 2004]}
TIMED = {1, 3}  # services that are measured in seconds
GROUPS = ("day", "service", "account", "package", "code_name")
PRICES = {"price", "rate", "setup_fee"}  # shown with every digit
SLOT, DAY, BEFORE = 900, 86400, 98 * 86400  # of the sandbox's sums

PERIOD = "from=2026-10-01&to=2026-10-31"

sandboxes = {now: Sandbox("--now", str(now)) for now in (SPRING, AUTUMN)}
portals = {now: Portal(sandbox, {"locales": ["en", "de"]}, now=now)
           for now, sandbox in sandboxes.items()}
sandbox, portal = sandboxes[AUTUMN], portals[AUTUMN]


def portal_that_counts(now):
    """One whose billing system has no summary."""
    with open(os.path.join(harness.ROOT, "conf/vcs/default.json")) as f:
        profile = json.load(f)
    del profile["operations"]["usage.summary"]
    path = os.path.join(sandboxes[now].folder, "profile.json")
    with open(path, "w") as f:
        json.dump(profile, f)
    return Portal(sandboxes[now], {"locales": ["en", "de"], "coreApi": {"profile": path}}, now=now)


# When, who, in which zone and currency, which days.
CASES = [
    # 29 March has 23 hours in Berlin, 25 October 25.
    (SPRING, "osprey", "Europe/Berlin", "JPY", "2026-03-01", "2026-03-31"),
    (AUTUMN, "osprey", "Europe/Berlin", "KWD", "2026-10-01", "2026-10-31"),
    # Half an hour back on 5 April.
    (SPRING, "heron", "Australia/Lord_Howe", "KWD", "2026-03-11",
     "2026-04-09"),
    (AUTUMN, "heron", "Asia/Kolkata", "JPY", "2026-10-01", "2026-10-31"),
    # There it is the 3rd, or still the 1st for an hour more.
    (AUTUMN, "osprey", "Pacific/Kiritimati", "EUR", "2026-10-05",
     "2026-11-03"),
    (AUTUMN, "heron", "Pacific/Pago_Pago", "EUR", "2026-10-03",
     "2026-11-01"),
]


# --- What the billing system has ----------------------------------------------

def write(now, who, statements):
    """Changes the made data beneath the sandbox."""
    db = sqlite3.connect(sandboxes[now].folder + "/sandbox.db", timeout=30)
    with db:
        for sql, *values in statements:
            db.execute(sql, values)
    db.close()
    sandboxes[now].change(IDS[who])  # empties its cache


def anchor(now):
    day = now // DAY
    return (day - (day + 3) % 7) * DAY


def cost_of(now, who, row, cost):
    """What makes an xDR cost that, with the sums that it is part of."""
    at = int(moment(row["dt"]).timestamp()) - anchor(now) + BEFORE
    more = int((cost - Decimal(row["cost"])) * NANO)
    what = (IDS[who], row["accounts_id"], row["services_id"])
    return [("UPDATE xdrs SET cost = cost + ? WHERE id = ?", more, row["id"]),
            ("UPDATE slots SET cost = cost + ? WHERE clients_id = ? AND"
             " accounts_id = ? AND services_id = ? AND slot = ?", more, *what,
             at // SLOT),
            # Which code it had does not matter to a sum of codes' names as
            # long as it is the xDR's own.
            ("UPDATE days SET cost = cost + ? WHERE clients_id = ? AND"
             " accounts_id = ? AND services_id = ? AND day = ? AND codes_id ="
             " (SELECT codes_id FROM xdrs WHERE id = ?)", more, *what,
             at // DAY, row["id"])]


def doctor(now, who):
    """Amounts that the made data lacks: nothing, below nothing, the least."""
    zone = {"heron": "America/New_York", "osprey": "Europe/Berlin"}[who]
    first = {SPRING: "2026-03-12", AUTUMN: "2026-10-12"}[now]
    statements = []
    for row, cost in zip(xdrs(now, who, zone, first, first)[:3],
                         ("0", "-1234.567890125", "0.000000001")):
        statements += cost_of(now, who, row, Decimal(cost))
    at = now - 12 * DAY
    for id, kind, amount in ((1, "payment", "0"), (2, "payment", "-77.5"),
                             (3, "payment", "0.000000001"),
                             (4, "charge", "0"), (5, "charge", "1234567.5"),
                             (6, "charge", "-0.0005")):
        statements.append((
            "REPLACE INTO transactions (id, clients_id, type, status, amount,"
            " currencies_id, c_dt, payment_accounts_id, notes) SELECT"
            " ?, id, ?, 'processed', ?, currencies_id, ?, 1, 'edge' FROM"
            " clients WHERE id = ?", IDS[who] * 1000 + id, kind,
            int(Decimal(amount) * NANO), at - id, IDS[who]))
    for id, total in ((1, "0"), (2, "-12.345678"), (3, "0.5")):
        statements.append((
            "REPLACE INTO invoices SELECT ?, ?, clients_id, type, 'normal',"
            " from_dt, to_dt, dt, due_dt, ?, 0, ?, 0, currencies_id FROM"
            " invoices WHERE clients_id = ? AND state = 'normal' ORDER BY id"
            " LIMIT 1", IDS[who] * 1000 + id, "EDGE-%d-%d" % (IDS[who], id),
            int(Decimal(total) * NANO), int(Decimal(total) * NANO),
            IDS[who]))
    write(now, who, statements)


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S%z")


def bounds(zone, first, last):
    zone = zoneinfo.ZoneInfo(zone)
    start = datetime.datetime.combine(
        datetime.date.fromisoformat(first), datetime.time(), zone)
    end = datetime.datetime.combine(
        datetime.date.fromisoformat(last) + datetime.timedelta(1),
        datetime.time(), zone)
    return start.timestamp(), end.timestamp()


def xdrs(now, who, zone, first, last):
    """The xDRs of these days of a zone, the newest first."""
    start, end = bounds(zone, first, last)
    rows = []
    while True:
        page = sandboxes[now].core(
            "reports.xdrs", accounts_id=ACCOUNTS[who], order=["-dt"],
            dt=[datetime.datetime.fromtimestamp(
                at, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S+0000")
                for at in (start, end - 1)], limit=5000, offset=len(rows))
        rows += page
        if len(page) < 5000:
            return rows


# --- What the pages should say ------------------------------------------------

def digits_of(value):
    return max(0, -value.normalize().as_tuple().exponent)


def text_of(value, currency, locale, every_digit):
    """An amount as people of that language write it."""
    digits = CURRENCIES[currency][1]
    if every_digit:
        digits = max(digits, digits_of(value))
    value = value.quantize(Decimal(1).scaleb(-digits),
                           decimal.ROUND_HALF_EVEN)
    number = "{:,f}".format(abs(value))
    sign = "-" if value.is_signed() else ""
    if locale == "de":
        number = number.translate(str.maketrans(",.", ".,"))
        return "%s%s\u00a0%s" % (sign, number, SIGNS[currency])
    space = "\u00a0" if len(SIGNS[currency]) > 1 else ""
    return sign + SIGNS[currency] + space + number


def find_money(model, key=""):
    """All money of a model, with the key that it stands under."""
    if isinstance(model, dict):
        if set(model) == {"amount", "currency", "text"}:
            yield key, model
            return
        for name, value in model.items():
            yield from find_money(value, name)
    elif isinstance(model, list):
        for value in model:
            yield from find_money(value, key)


def amount(value):
    assert re.fullmatch(r"-?\d+(\.\d+)?", value["amount"]), value
    return Decimal(value["amount"])


def total(values):
    return sum((amount(v) for v in values), Decimal(0))


def check_money(t, model, currency, locale, what):
    found = list(find_money(model))
    t.check(found, what + ": there is money")
    wrong = [(key, m) for key, m in found
             if m["currency"] != currency or m["text"] != text_of(
                 amount(m), currency, locale, key in PRICES)]
    t.check(not wrong, what + ": amounts as people write them", wrong[:2],
            wrong and text_of(amount(wrong[0][1]), currency, locale,
                              wrong[0][0] in PRICES))


def look(t, c, uri, currency, locale):
    """A page as JSON; its amounts also stand in the HTML."""
    model = c.json(uri)
    what = "%s in %s, %s" % (uri, currency, locale)
    check_money(t, model, currency, locale, what)
    answer = c.get(uri, accept="text/html")
    t.status(answer, 200, what)
    t.equal(answer.header("content-language"), locale, what)
    text = Page(answer.text).text
    lost = [m["text"] for key, m in find_money(model)
            if m["text"] not in text and not (
                key == "rate" and uri == "/api/dashboard")]
    t.check(not lost, what + ": not in the HTML", lost[:3])
    return model


def every_page(t, c, uri, name, currency, locale):
    rows, number = [], 1
    while True:
        model = look(t, c, "%s&size=100&page=%d" % (uri, number), currency,
                     locale)
        rows += model[name]
        if not model["page"]["more"]:
            return rows, model
        number += 1


# --- Usage --------------------------------------------------------------------

def local_day(row, zone):
    return str(moment(row["dt"]).astimezone(zone).date())


def sums_by_day(rows, zone, first, last):
    """{day: (events, seconds, messages, cost)}, each day of the period."""
    zone = zoneinfo.ZoneInfo(zone)
    day = datetime.date.fromisoformat(first)
    out = {}
    while str(day) <= last:
        out[str(day)] = (0, 0, 0, Decimal(0))
        day += datetime.timedelta(1)
    for row in rows:
        old = out[local_day(row, zone)]
        timed = row["services_id"] in TIMED
        out[local_day(row, zone)] = (
            old[0] + 1, old[1] + timed * row["volume"],
            old[2] + (not timed) * row["volume"],
            old[3] + Decimal(row["cost"]))
    return out


def check_summary(t, c, rows, case, locale):
    now, who, zone, currency, first, last = case
    what = "%s, %s, %s" % (who, zone, locale)
    wanted = sums_by_day(rows, zone, first, last)
    t.check(len(wanted) in (30, 31), what + ": a month")
    cost = sum(w[3] for w in wanted.values())
    for group in GROUPS:
        model = look(t, c, "/api/usage/summary?from=%s&to=%s&group_by=%s" % (
            first, last, group), currency, locale)
        t.equal((model["total"]["events"], amount(model["total"]["cost"])),
                (len(rows), cost), what + ": total by " + group)
        t.equal((total(r["cost"] for r in model["rows"]),
                 sum(r["events"] for r in model["rows"]),
                 sum(r["volume"]["value"] for r in model["rows"])),
                (cost, len(rows), model["total"]["volume"]["value"]),
                what + ": the rows make the total, by " + group)
        if group == "day":
            t.equal({r["group"]["key"]: (
                r["events"], r["volume"]["value"],
                sum(q["value"] for q in r.get("other", [])),
                amount(r["cost"])) for r in model["rows"]}, wanted,
                what + ": day by day")
    lines = list(csv.reader(io.StringIO(c.get(
        "/api/usage/summary.csv?from=%s&to=%s" % (first, last)).body.decode(
            "utf-8-sig"))))
    head = next(i for i, line in enumerate(lines) if len(line) >= 3)
    t.check(lines[head][-1].endswith("(%s)" % currency), what + ": the file",
            lines[head])
    t.equal([(line[0], Decimal(line[-1])) for line in lines[head + 1:]],
            [(day, w[3]) for day, w in wanted.items()], what + ": the file")


def check_detailed(t, c, rows, case, locale):
    now, who, zone, currency, first, last = case
    what = "%s, %s, %s: detailed" % (who, zone, locale)
    shown, _ = every_page(t, c, "/api/usage/detailed?from=%s&to=%s" % (
        first, last), "rows", currency, locale)
    zone = zoneinfo.ZoneInfo(zone)
    t.equal([(r["id"], amount(r["cost"]), amount(r["rate"]),
              r["time"]["iso"]) for r in shown],
            [(r["id"], Decimal(r["cost"]), Decimal(r["rate"]),
              moment(r["dt"]).astimezone(zone).isoformat()) for r in rows],
            what)


def check_dashboard(t, c, case, locale):
    now, who, zone, currency, _, _ = case
    what = "%s, %s, %s: dashboard" % (who, zone, locale)
    today = datetime.datetime.fromtimestamp(now, zoneinfo.ZoneInfo(zone))
    first = str(today.date() - datetime.timedelta(29))
    model = look(t, c, "/api/dashboard", currency, locale)
    usage = model["usage"]
    t.equal((usage["from"], usage["to"]), (first, str(today.date())),
            what + ": today")
    wanted = sums_by_day(xdrs(now, who, zone, first, usage["to"]), zone,
                         first, usage["to"])
    t.equal({d["date"]: (d["events"], d["volume"]["value"],
                         amount(d["total"])) for d in usage["series"]},
            {day: (w[0], w[1], w[3]) for day, w in wanted.items()},
            what + ": day by day")
    t.equal(amount(usage["total"]), total(
        d["total"] for d in usage["series"]), what + ": total")
    t.equal(amount(model["balance"]["available"]),
            amount(model["balance"]["live"]) +
            amount(model["balance"]["credit"]), what + ": available")


# --- Billing ------------------------------------------------------------------

def check_billing(t, c, case, locale):
    now, who, zone, currency, first, last = case
    start, end = bounds(zone, first, last)
    for name, kind, sign in (("payments", "payment", 1),
                             ("charges", "charge", -1)):
        what = "%s, %s, %s: %s" % (who, zone, locale, name)
        wanted = {r["id"]: sign * Decimal(r["amount"])
                  for r in sandboxes[now].core(
                      "transactions.search", clients_id=IDS[who],
                      limit=10000)
                  if r["type"] == kind and
                  start <= moment(r["c_dt"]).timestamp() < end}
        t.check(0 in wanted.values() and min(wanted.values()) < 0,
                what + ": amounts of 0 and below")
        rows, model = every_page(t, c, "/api/%s?from=%s&to=%s" % (
            name, first, last), name, currency, locale)
        t.equal({r["id"]: amount(r["amount"]) for r in rows}, wanted, what)
        t.equal(amount(model["total"]), total(r["amount"] for r in rows),
                what + ": the rows make the total")
    rows, model = every_page(t, c, "/api/invoices?state=all", "invoices",
                             currency, locale)
    t.check({Decimal(0), Decimal("-12.345678")} <= {
        amount(r["total"]) for r in rows}, "odd invoices are there")
    t.equal(amount(model["owed"]), sum(
        (amount(r["total"]) - amount(r["paid"]) for r in rows
         if r["state"] != "paid"), Decimal(0)), "owed")
    t.check(all(r["state"] == "paid" for r in rows
                if amount(r["total"]) <= amount(r["paid"])),
            "nothing is due of what is nothing", [
                (r["number"], r["state"], r["total"]["amount"])
                for r in rows if amount(r["total"]) <= amount(r["paid"])])


def check_rates(t, c, case, locale):
    currency = case[3]
    rows, _ = every_page(t, c, "/api/rates?sort=price", "rates", currency,
                         locale)
    t.check(any(digits_of(amount(r["price"])) == 9 for r in rows),
            "rates of nine decimals")
    prices = [amount(r["price"]) for r in rows]
    t.equal(prices, sorted(prices), "in order of price")
    for number in ("+49 30 1234567", "+1 212 555 0142"):
        model = look(t, c, "/api/rates/lookup?number=" +
                     number.replace("+", "%2B").replace(" ", "%20"), currency,
                     locale)
        t.check(model["rate"] and model["example"], number + ": a rate")
    look(t, c, "/api/subscriptions", currency, locale)


def test_amounts_and_days(t):
    counting = {now: portal_that_counts(now) for now in sandboxes}
    for now, who in {case[:2]: 0 for case in CASES}:
        doctor(now, who)
    for case in CASES:
        now, who, zone, currency, first, last = case
        sandboxes[now].change(IDS[who], tz=zone, locale="en",
                              currencies_id=CURRENCIES[currency][0])
        rows = xdrs(now, who, zone, first, last)
        t.check(len(rows) > 300, "%s has usage" % who, len(rows))
        for locale in ("en", "de"):
            sandboxes[now].change(IDS[who], locale=locale)
            c = portals[now].client().login(who)
            check_dashboard(t, c, case, locale)
            check_summary(t, c, rows, case, locale)
            check_billing(t, c, case, locale)
            check_detailed(t, c, rows, case, locale)
            check_rates(t, c, case, locale)
        c = counting[now].client().login(who)
        check_dashboard(t, c, case, "de")
        check_summary(t, c, rows, case, "de")
    for s in sandboxes.values():
        for who, currency in (("heron", 27), ("osprey", 28)):
            s.change(IDS[who], currencies_id=currency)
        s.reset()


# --- Nothing there ------------------------------------------------------------

class Empty(harness.html.parser.HTMLParser):
    """The texts and links of what stands in place of a list."""

    def __init__(self, text):
        super().__init__()
        self.depth, self.texts, self.links = 0, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        classes = (dict(attributes).get("class") or "").split()
        if tag == "div" and (self.depth or "empty" in classes):
            self.depth += 1
        if self.depth and tag == "a":
            self.links.append(dict(attributes)["href"])

    def handle_endtag(self, tag):
        self.depth -= self.depth > 0 and tag == "div"

    def handle_data(self, data):
        if self.depth and data.strip():
            self.texts.append(data.strip())


# What somebody reads who has nothing yet, and what to do about it.
NOTHING = [
    ("/api/dashboard", "No charges in the last 30 days",
     "Once you use a service"),
    ("/api/dashboard", "No usage yet", "appear here"),
    ("/api/rates", "No rates yet", "contact your provider"),
    ("/api/rates/lookup?number=4930123", "There is no rate for this number",
     "Check the number"),
    ("/api/usage/summary", "No usage in this period", "Choose another"),
    ("/api/usage/detailed", "No usage in this period", "Choose another"),
    ("/api/payments", "No payments in this period", "Choose another period"),
    ("/api/charges", "No charges in this period", "Choose another period"),
    ("/api/invoices", "No invoices yet", "Your first invoice appears"),
    ("/api/subscriptions", "You have no subscriptions", "Ask your provider"),
    ("/api/accounts", "You have no accounts", "Contact them"),
]
# What heron reads who has, and where the way out leads.
NO_MATCH = [
    ("/api/rates?q=zzzz", "No rate matches your search", "/api/rates"),
    ("/api/rates?page=90", "beyond the end", "/api/rates"),
    ("/api/rates?q=a&page=90", "beyond the end", "/api/rates?q=a"),
    ("/api/rates/lookup?number=999", "no rate for this number",
     "/api/rates"),
    ("/api/usage/summary?package=502&" + PERIOD, "No usage matches",
     "/api/usage/summary?" + PERIOD),
    ("/api/usage/detailed?package=502&" + PERIOD, "No usage matches",
     "/api/usage/detailed?" + PERIOD),
    ("/api/usage/detailed?page=900&" + PERIOD, "no rows on this page",
     "/api/usage/detailed?" + PERIOD),
    ("/api/payments?page=900&" + PERIOD, "beyond the end",
     "/api/payments?" + PERIOD),
    ("/api/charges?page=900&" + PERIOD, "beyond the end",
     "/api/charges?" + PERIOD),
    ("/api/invoices?state=paid&page=900", "beyond the end",
     "/api/invoices?state=paid"),
]


def test_a_customer_with_nothing(t):
    new = {"id": 1005, "name": "Wren", "cp_login": "wren",
           "cp_password": "wren-demo-1"}
    sandbox.control("POST", "/clients", new)
    harness.PASSWORDS["wren"] = new["cp_password"]
    c = portal.client().login("wren")
    for uri, title, hint in NOTHING:
        answer = c.get(uri)
        t.status(answer, 200, uri)
        texts = "\n".join(Empty(answer.text).texts)
        t.check(title in texts, uri + ": says what is not there", texts)
        t.check(hint in texts, uri + ": and what to do", texts)
        t.check("<svg class=\"chart\"" not in answer.text and
                "<tbody>" not in answer.text, uri + ": no empty frames")
        t.status(c.get(uri, accept="application/json"), 200, uri)
    for uri in ("/api/rates?q=x", "/api/rates?q=x&sort=-price&service=1",
                "/api/rates?page=3&sort=service", "/api/rates.csv",
                "/api/rates.xlsx", "/api/rates.csv?q=x",
                "/api/usage/summary.csv", "/api/usage/detailed.xlsx",
                "/api/payments.csv", "/api/profile", "/api/voucher",
                "/api/password", "/api/invoices?state=overdue",
                *("/api/usage/summary?group_by=" + g for g in GROUPS)):
        t.status(c.get(uri), 200, uri)
    sandbox.change(1005, locale="de")
    c = portal.client().login("wren")
    for uri, title, _ in NOTHING:
        found = Empty(c.get(uri).text)
        t.check(len(found.texts) >= 2 and title not in found.texts,
                uri + ": in German", found.texts)
    c = portal.client().login("heron")
    for uri, title, way in NO_MATCH:
        found = Empty(c.get(uri).text)
        t.check(title in "\n".join(found.texts), uri, found.texts)
        t.equal(found.links, [way], uri + ": the way out")
        t.status(c.get(way), 200, way)
        t.check(not Empty(c.get(way).text).texts, way + ": has rows")


# --- Themes ------------------------------------------------------------------

def share_with(theme, name):
    """What is installed, with another theme.json; the folder."""
    share = harness.make_share(os.path.join(sandbox.folder, name))
    path = os.path.join(share, "templates/default/theme.json")
    os.remove(path)
    with open(path, "w") as f:
        f.write(theme if isinstance(theme, str) else json.dumps(theme))
    return share


def shipped():
    with open(os.path.join(harness.ROOT,
                           "templates/default/theme.json")) as f:
        return json.load(f)


def texts():
    with open(os.path.join(harness.ROOT, "templates/locale/en.json")) as f:
        return json.load(f)


def heads(answer):
    return [text for text, stack in Page(answer.text).texts
            if "th" in stack and "thead" in stack]


def csv_head(answer):
    lines = list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig"))))
    return next(line for line in lines if len(line) >= 3)


# Each table, and a column of it that the theme leaves out.
TABLES = [("rates", "/api/rates", "interval", True),
          ("usage_summary", "/api/usage/summary?" + PERIOD, "events", True),
          ("usage_detailed", "/api/usage/detailed?" + PERIOD, "rate", True),
          ("payments", "/api/payments?" + PERIOD, "description", True),
          ("charges", "/api/charges?" + PERIOD, "status", True),
          ("invoices", "/api/invoices", "paid", False)]


def as_file(uri, kind):
    path, _, query = uri.partition("?")
    return "%s.%s?%s" % (path, kind, query)


def test_theme_leaves_out_columns(t):
    theme, words = shipped(), texts()
    for name, _, column, _ in TABLES:
        theme[name]["columns"].remove(column)
        theme[name]["columns"].reverse()
    other = Portal(sandbox, env={"PORTICO_SHARE": share_with(
        theme, "columns")}, now=AUTUMN)
    before, after = portal.client().login("heron"), other.client().login(
        "heron")
    for name, uri, column, has_file in TABLES:
        label = words["%s.column.%s" % (name, column)]
        t.equal(after.json(uri), before.json(uri), name + ": the same JSON")
        one, two = heads(before.get(uri)), heads(after.get(uri))
        t.check(label in one and len(one) >= 3, name + ": was there", one)
        # A column of buttons stays where it is.
        one = [h for h in one if h != label and h in [
            words["%s.column.%s" % (name, c)] for c in theme[name]["columns"]
            if "%s.column.%s" % (name, c) in words]]
        t.equal([h for h in two if h in one], one[::-1],
                name + ": the others, in the theme's order")
        t.check(label not in two, name + ": is gone", two)
        if not has_file:
            continue
        one = csv_head(before.get(as_file(uri, "csv")))
        two = csv_head(after.get(as_file(uri, "csv")))
        t.equal(two, [h for h in one[::-1] if not re.fullmatch(
            re.escape(label) + r"( \(.*\))?", h)],
            name + ": the file follows")
        t.equal(len(one), len(two) + 1, name + ": it was in the file")
        t.status(after.get(as_file(uri, "xlsx")), 200, name + ": a sheet")
    t.equal(after.json("/api/rates?sort=-interval"),
            before.json("/api/rates?sort=-interval"),
            "sorted by what is not shown")


def test_theme_leaves_out_pages(t):
    theme = shipped()
    gone = {"/api/charges", "/api/password", "/api/usage/detailed"}
    for group in theme["menu"]:
        group["items"] = [i for i in group["items"] if i["path"] not in gone]
    other = Portal(sandbox, env={"PORTICO_SHARE": share_with(
        theme, "menu")}, now=AUTUMN)
    c = other.client().login("heron")

    def links(answer):
        return [e[1]["href"] for e in Page(answer.text).elements
                if e[0] == "a" and e[1].get("class") == "menu-link"]

    wanted = [i["path"] for group in theme["menu"] for i in group["items"]]
    before = portal.client().login("heron")
    for uri in ["/api/dashboard", "/api/invoices", *sorted(gone)]:
        answer = c.get(uri)
        t.status(answer, 200, uri + ": the page itself stays")
        shown = links(answer)
        t.equal([u for u in shown if u in wanted],
                wanted * (len(shown) // len(wanted)), uri + ": the menu")
        t.check(not gone & set(shown), uri + ": its entry is gone", shown)
        t.check(gone & set(links(before.get(uri))), "and was there")
        t.equal(c.json(uri), before.json(uri), uri + ": the same JSON")


def test_theme_leaves_out_filters(t):
    theme = shipped()
    theme["usage_summary"]["filters"] = ["account"]
    theme["usage_summary"]["groupings"] = ["service", "code_name"]
    theme["usage_detailed"]["filters"] = []
    theme["profile"]["fields"] = [{"name": "company", "mode": "view"}]
    other = Portal(sandbox, env={"PORTICO_SHARE": share_with(
        theme, "filters")}, now=AUTUMN)
    before, c = portal.client().login("heron"), other.client().login("heron")
    for uri, wanted in (("/api/usage/summary", ["account", "group_by"]),
                        ("/api/usage/detailed", ["size", "time_format"])):
        page = Page(c.get("%s?%s" % (uri, PERIOD)).text)
        t.equal([e[1]["name"] for e in page.elements if e[0] == "select"],
                wanted, uri + ": the filters")
        for query in ("", "&service=2", "&package=501", "&account=2001"):
            t.equal(c.json("%s?%s%s" % (uri, PERIOD, query)),
                    before.json("%s?%s%s" % (uri, PERIOD, query)),
                    uri + ": the same JSON" + query)
    uri = "/api/usage/summary?" + PERIOD
    t.equal(c.json(uri)["filters"]["group_by"], "day",
            "for programs nothing changes")
    page = Page(c.get(uri).text)
    t.equal([(o["value"], "selected" in o) for o in page.find("option")][-2:],
            [("service", True), ("code_name", False)], "the groupings")
    t.equal(heads(c.get(uri))[0], "Service",
            "the first grouping is what is shown")
    t.equal(csv_head(c.get(as_file(uri, "csv")))[0], "Service",
            "and what its file has")
    t.equal(c.get(as_file(uri, "csv") + "&group_by=code_name").body,
            before.get(as_file(uri, "csv") + "&group_by=code_name").body,
            "another one, when it is asked for")
    profile = c.json("/api/profile")
    t.equal((list(profile["fields"]), profile["editable"]), (["company"], []),
            "fields that are hidden")
    page = Page(c.get("/api/profile").text)
    t.check(not page.find("textarea") and not page.find(
        "input", name="tax_id"), "no form for them")


# --- Mistakes in themes --------------------------------------------------------

def check(share):
    """(status, what was said) of `portico check --templates`."""
    out = subprocess.run(
        [harness.PORTICO, "check", "--templates", "--config", portal.config],
        env={**os.environ, "PORTICO_SHARE": share}, capture_output=True,
        text=True, timeout=harness.PATIENCE, stdin=subprocess.DEVNULL)
    return out.returncode, out.stdout, out.stderr


MISTAKES = [
    (lambda m: m["menu"][0]["items"][1].update(path="/api/tariffs"),
     "menu[0].items[1].path", '"/api/tariffs" is no page', "portico routes"),
    (lambda m: m["menu"][0]["items"][1].update(path="javascript:alert(1)"),
     "menu[0].items[1].path", "is no page", "portico routes"),
    (lambda m: m["menu"][0]["items"][1].update(path="/api/logout"),
     "menu[0].items[1].path", "is no page", "portico routes"),
    (lambda m: m["menu"][1]["items"][0].update(icon="rocket"),
     "menu[1].items[0].icon", '"rocket" is no icon', "portico.css"),
    (lambda m: m["menu"][1]["items"][0].update(icon="char"),
     "menu[1].items[0].icon", '"char" is no icon', "portico.css"),
    (lambda m: m["menu"][2]["items"][0].update(page="paymints"),
     "menu[2].items[0].page", 'no text "menu.paymints"', "locale/en.json"),
    (lambda m: m["menu"][2].update(key="money"),
     "menu[2].key", 'no text "menu.money"', "locale/en.json"),
    (lambda m: m["menu"][2].pop("key"), "menu[2]", 'has no "key"', "menu.KEY"),
    (lambda m: m.update(menu={}), "menu", "must be a list", "theme.json"),
    (lambda m: m["rates"]["columns"].append("prise"),
     "rates.columns[9]", '"prise" is not known', "choose of: code, name"),
    (lambda m: m["rates"].update(brief=["price", "sum"]),
     "rates.brief[1]", '"sum" is not known', "choose of: code"),
    (lambda m: m["rates"].update(columns="code"),
     "rates.columns", "must be a list", "choose of: code"),
    (lambda m: m["charges"]["columns"].insert(0, None),
     "charges.columns[0]", "is not known", "choose of: time"),
    (lambda m: m["usage_summary"]["filters"].append("country"),
     "usage_summary.filters[3]", '"country" is not known',
     "choose of: service, account, package"),
    (lambda m: m["usage_summary"]["groupings"].append("week"),
     "usage_summary.groupings[5]", '"week" is not known', "choose of: day"),
    (lambda m: m["rates"].update(filters=["service"]),
     "rates.filters", "is not known", "theme.json"),
    (lambda m: m["profile"]["fields"].append({"name": "iban",
                                              "mode": "edit"}),
     "profile.fields[5].name", '"iban" is not known', "choose of: company"),
    (lambda m: m["profile"]["fields"][0].update(mode="readonly"),
     "profile.fields[0].mode", '"readonly" is not known',
     "choose of: hidden, view, edit"),
    (lambda m: m.update(invoice={"columns": []}),
     "invoice", "is not known", "theme.json"),
    (lambda m: m.update(invoices=[]), "invoices", "must be an object",
     "theme.json"),
    (lambda m: m.update(pages="help"), "pages", "must be a list",
     "NAME.mustache"),
    (lambda m: m.update(pages=["help"]), "pages[0]",
     'there is no template "help"', "write templates/help.mustache"),
    (lambda m: m.update(pages=["menu", "../x"]), "pages[1]", "is no name",
     "letters, digits"),
    (lambda m: m.update(pages=["menu", None]), "pages[1]", "is no name",
     "letters, digits"),
    (lambda m: m["menu"][0]["items"][1].update(path="/api/pages/help"),
     "menu[0].items[1].path", '"/api/pages/help" is no page', '"pages"'),
    (lambda m: m.update(colors=["#000"]), "colors", "must be an object",
     '"accent"'),
    (lambda m: m.update(colors={"accent": "red"}), "colors.accent",
     "is no colour", "#rrggbb"),
    (lambda m: m.update(colors={"accent": "#12"}), "colors.accent",
     "is no colour", "#rrggbb"),
    (lambda m: m.update(colors={"accent": "#036", "acent_dark": "#fff"}),
     "colors.acent_dark", "is not known", "choose of: accent, accent_dark"),
    (lambda m: m.update(colors={"accent_dark": "#8cf"}), "colors.accent",
     "is missing", "#0b7a75"),
    (lambda m: m.update(colors={"accent": "#fc0"}), "colors.accent",
     "#ffcc00 cannot be read on a white ground: its contrast is 1.5:1",
     "make it darker: #"),
    (lambda m: m.update(colors={"accent": "#777777"}), "colors.accent",
     "its contrast is 4.4:1, 4.5:1 is needed", "#767676 can be read"),
    (lambda m: m.update(colors={"accent": "#036", "accent_dark": "#036"}),
     "colors.accent_dark", "cannot be read on a dark ground",
     "make it lighter: #"),
]


def test_mistakes_in_themes(t):
    share = share_with(shipped(), "mistakes")
    path = os.path.join(share, "templates/default/theme.json")
    status, out, err = check(share)
    t.equal((status, err), (0, ""), "the shipped one is right")
    t.check("OK      theme %s" % path in out, "and is named", out)
    for change, where, what, remedy in MISTAKES:
        theme = shipped()
        change(theme)
        with open(path, "w") as f:
            json.dump(theme, f, indent=1)
        status, out, err = check(share)
        lines = [line for line in err.split("\n") if line]
        t.equal((status, len(lines)), (1, 1), "%s: one mistake: %s" % (
            where, lines))
        at = re.match(r"%s:(\d+): %s: " % (re.escape(path), re.escape(where)),
                      lines[0] if lines else "")
        t.check(at and what in lines[0] and
                remedy in lines[0].split("; ", 1)[1],
                "%s: %s" % (where, what), lines)
        word = re.search(r"(\w+)$", where) or re.match('"(.*?)"', what)
        if at and word:
            with open(path) as f:
                line = f.read().split("\n")[int(at.group(1)) - 1]
            t.check('"%s"' % word.group(1) in line or "has no" in what or
                    "is missing" in what or "path" in where or
                    "name" in where,
                    where + ": the line", line)
        t.check("WRONG   theme " in out, where + ": in the list", out)
    theme = shipped()
    theme["menu"][0]["items"].append({"page": "lookup", "icon": "info",
                                      "path": "https://help.example/"})
    with open(path, "w") as f:
        json.dump(theme, f)
    t.equal(check(share)[0], 0, "the menu may lead elsewhere")
    for locale in ("en", "de"):
        name = os.path.join(share, "templates/locale/%s.json" % locale)
        with open(name) as f:
            words = json.load(f)
        del words["charges.column.status"]
        with open(name, "w") as f:
            json.dump(words, f)
    _, _, err = check(share)
    t.check('charges.columns[2]: no text "charges.column.status"; add it to '
            'templates/locale/en.json' in err, "a column's text", err)
    with open(path, "w") as f:
        f.write('{"menu": [')
    status, _, err = check(share)
    t.check(status == 1 and path in err and "mend the JSON" in err,
            "no JSON at all", err)


def test_odd_themes(t):
    """A theme that nobody checked breaks no page."""
    odd = {"menu": [None, {"key": None, "items": [None, 5, {"page": 1}]}, 7],
           "profile": {"fields": [None, {"name": 3}]}}
    for name, uri, _, _ in TABLES:
        odd[name] = {"columns": [None, 5, {}, "nothing", "time"],
                     "filters": [None, 3], "groupings": [None, "week"]}
    for number, theme in enumerate((odd, {}, {name: [] for name in odd},
                                    {name: None for name in odd})):
        other = Portal(sandbox, env={"PORTICO_SHARE": share_with(
            theme, "odd-%d" % number)}, now=AUTUMN)
        c = other.client().login("heron")
        for _, uri, _, has_file in TABLES:
            t.status(c.get(uri), 200, uri)
            if has_file:
                t.status(c.get(as_file(uri, "csv")), 200, uri + " as CSV")
        for uri in ("/api/dashboard", "/api/profile", "/api/voucher"):
            t.status(c.get(uri), 200, uri)


def clean():
    for s in sandboxes.values():
        s.end()
        shutil.rmtree(s.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
