#!/usr/bin/env python3
"""dashboard_test.py: the dashboard's numbers against what the billing system
answers, in the customer's zone, language and currency; names with markup;
calls that run side by side. The clocks of both stand still, so that days on
which the clock changes are tested. Ends with 'N passed, N failed'.
"""
import datetime
import decimal
import re
import shutil
import zoneinfo

import harness
from harness import IDS, Portal, Sandbox

# The clock changed in the 30 days before: in March in America on the 8th and
# in Europe on the 29th, in autumn on 1 November and 25 October.
SPRING = int(datetime.datetime(2026, 3, 31, 3, 30,
                               tzinfo=datetime.timezone.utc).timestamp())
AUTUMN = int(datetime.datetime(2026, 11, 10, 17, 7,
                               tzinfo=datetime.timezone.utc).timestamp())
ZONES = {"heron": "America/New_York", "osprey": "Europe/Berlin",
         "whale": "America/Los_Angeles"}
CURRENCIES = {"heron": "USD", "osprey": "EUR", "whale": "USD"}
ACCOUNTS = {"heron": [2001, 2002], "osprey": [2003, 2004],
            "whale": [2006, 2007, 2008, 2009]}
TIMED = {1, 3}  # services that are measured in seconds

sandboxes = {now: Sandbox("--now", str(now)) for now in (SPRING, AUTUMN)}
portals = {now: Portal(sandbox, now=now)
           for now, sandbox in sandboxes.items()}
sandbox, portal = sandboxes[AUTUMN], portals[AUTUMN]


def days(now, zone):
    """The last 30 days of a zone, and their first and last second."""
    zone = zoneinfo.ZoneInfo(zone)
    today = datetime.datetime.fromtimestamp(now, zone).date()
    first = today - datetime.timedelta(days=29)
    start = datetime.datetime.combine(first, datetime.time(), zone)
    end = datetime.datetime.combine(today + datetime.timedelta(days=1),
                                    datetime.time(), zone)
    return ([str(first + datetime.timedelta(days=n)) for n in range(30)],
            int(start.timestamp()), int(end.timestamp()) - 1)


def stamp(seconds):
    return datetime.datetime.fromtimestamp(
        seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S+0000")


def xdrs(now, who, start, end):
    rows = []
    while True:
        page = sandboxes[now].core(
            "reports.xdrs", accounts_id=ACCOUNTS[who], order=["-dt"],
            dt=[stamp(start), stamp(end)], limit=5000, offset=len(rows))
        rows += page
        if len(page) < 5000:
            return rows


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S%z")


def money(t, value, amount, currency, what):
    t.equal(sorted(value), ["amount", "currency", "text"], what)
    t.equal((value["amount"], value["currency"]), (str(amount), currency),
            what)
    t.check(value["text"], what + ": text")


def amount(value):
    assert re.fullmatch(r"-?\d+(\.\d+)?", value["amount"]), value
    return decimal.Decimal(value["amount"])


# --- Shape and numbers --------------------------------------------------------

def test_shape(t):
    for who in ZONES:
        model = portal.client().login(who).json("/api/dashboard")
        t.equal(sorted(model), ["balance", "client", "recent", "usage"],
                "members")
        t.equal(sorted(model["client"]), ["id", "name"], "client")
        t.equal(sorted(model["balance"]), ["available", "credit", "live"],
                "balance")
        t.equal(sorted(model["usage"]), ["events", "from", "series", "to",
                                         "total", "volume"], "usage")
        t.equal(sorted(model["usage"]["series"][0]), [
            "date", "events", "total", "volume"], "series")
        t.equal(sorted(model["recent"][0]), [
            "account", "code", "cost", "destination", "duration", "id",
            "name", "rate", "service", "source", "time"], "recent")
        for volume in (model["usage"]["volume"],
                       model["usage"]["series"][3]["volume"],
                       model["recent"][0]["duration"]):
            t.equal(sorted(volume), ["text", "unit", "value"], "a quantity")
            t.check(isinstance(volume["value"], int), "its value is a number")


def test_balance(t):
    for who, id in IDS.items():
        if who == "kestrel":
            continue
        raw = sandbox.core("clients.get", id=id)
        model = portal.client().login(who).json("/api/dashboard")
        t.equal(model["client"], {"id": id, "name": raw["name"]}, who)
        balance = model["balance"]
        money(t, balance["live"], raw["balance"], CURRENCIES[who], who)
        money(t, balance["credit"], raw["credit"], CURRENCIES[who], who)
        t.equal(amount(balance["available"]), decimal.Decimal(raw["balance"])
                + decimal.Decimal(raw["credit"]), who + ": available")


def test_every_digit(t):
    c = portal.client().login("heron")
    for value in ("12.5", "0.000000001", "-7.123456789", "99999999.99",
                  "123456789.123456789"):
        sandbox.change(IDS["heron"], balance=value)
        raw = sandbox.core("clients.get", id=IDS["heron"])["balance"]
        live = c.json("/api/dashboard")["balance"]["live"]
        t.equal(live["amount"], str(raw), "a balance of " + value)
        t.equal(amount(live), decimal.Decimal(value), "a balance of " + value)
    live = c.json("/api/dashboard")["balance"]["live"]
    t.equal(live["text"], "$123,456,789.12", "rounded in the text")
    sandbox.change(IDS["heron"], balance="-45")
    page = harness.Page(c.get("/api/dashboard").text)
    t.check("is-negative" in str(page.attributes), "below zero is marked")
    t.check("Your balance is low" in page.text, "a low balance is said")
    sandbox.change(IDS["heron"], balance="1000")
    page = harness.Page(c.get("/api/dashboard").text)
    t.check("Your balance is low" not in page.text, "a good one is not")
    t.check("$1,000.00" in page.text, "the balance")
    t.equal(len([x for x, _ in page.texts if x == "$1,000.00"]), 2,
            "on the page and in its bar")


def check_usage(t, now, who):
    zone = ZONES[who]
    what = "%s, %s" % (who, stamp(now)[:10])
    dates, start, end = days(now, zone)
    model = portals[now].client().login(who).json("/api/dashboard")["usage"]
    t.equal((model["from"], model["to"]), (dates[0], dates[-1]), what)
    t.equal([d["date"] for d in model["series"]], dates, what + ": days")
    wanted = {date: [decimal.Decimal(0), 0, 0] for date in dates}
    for row in xdrs(now, who, start, end):
        day = wanted[str(moment(row["dt"]).astimezone(
            zoneinfo.ZoneInfo(zone)).date())]
        day[0] += decimal.Decimal(row["cost"])
        day[1] += row["volume"] if row["services_id"] in TIMED else 0
        day[2] += 1
    for d in model["series"]:
        cost, volume, events = wanted[d["date"]]
        at = "%s, %s" % (what, d["date"])
        t.equal(amount(d["total"]), cost, at + ": total")
        t.equal(d["volume"]["value"], volume, at + ": volume")
        t.equal(d["events"], events, at + ": events")
        t.equal(d["total"]["currency"], CURRENCIES[who], at)
    t.equal(amount(model["total"]), sum(d[0] for d in wanted.values()),
            what + ": total")
    t.equal(model["volume"]["value"], sum(d[1] for d in wanted.values()),
            what + ": volume")
    t.equal(model["events"], sum(d[2] for d in wanted.values()),
            what + ": events")
    t.check(model["events"] > 100, what + ": there is something to add up")


def test_usage_by_day(t):
    for now in (SPRING, AUTUMN):
        for who in ZONES:
            check_usage(t, now, who)


def test_other_zones(t):
    """Zones of half hours, and one whose day starts at 01:00 in March."""
    for zone in ("Asia/Kathmandu", "Pacific/Kiritimati", "America/St_Johns",
                 "Australia/Lord_Howe", "Asia/Beirut", "UTC"):
        for now in (SPRING, AUTUMN):
            sandboxes[now].change(IDS["heron"], tz=zone)
            ZONES["heron"] = zone
            check_usage(t, now, "heron")
            sandboxes[now].change(IDS["heron"], tz="America/New_York")
    ZONES["heron"] = "America/New_York"


def test_recent(t):
    accounts = {}
    for who in ZONES:
        for row in sandbox.core("accounts.search", clients_id=IDS[who]):
            accounts[row["id"]] = row["name"]
    services = {row["id"]: row for row in sandbox.core("services.search")}
    for now in (SPRING, AUTUMN):
        for who, zone in ZONES.items():
            _, start, end = days(now, zone)
            rows = xdrs(now, who, start, end)[:10]
            recent = portals[now].client().login(who).json(
                "/api/dashboard")["recent"]
            t.equal([r["id"] for r in recent], [r["id"] for r in rows],
                    who + ": the latest ten")
            for shown, raw in zip(recent, rows):
                what = "%s, %d" % (who, raw["id"])
                t.equal([shown[k] for k in ("source", "destination", "code",
                                            "name")],
                        [raw[k] for k in ("src_number", "dst_number", "code",
                                          "code_name")], what)
                t.equal(shown["account"], {
                    "id": raw["accounts_id"],
                    "name": accounts[raw["accounts_id"]]}, what)
                service = services[raw["services_id"]]
                t.equal(shown["service"], {
                    "id": service["id"], "name": service["name"]}, what)
                t.equal((shown["duration"]["value"],
                         shown["duration"]["unit"]),
                        (raw["volume"], service["unit"]), what)
                money(t, shown["rate"], raw["rate"], CURRENCIES[who], what)
                money(t, shown["cost"], raw["cost"], CURRENCIES[who], what)
                there = moment(raw["dt"]).astimezone(zoneinfo.ZoneInfo(zone))
                t.equal(shown["time"]["iso"], there.isoformat(), what)


def test_german(t):
    c = portal.client().login("osprey")
    answer = c.get("/api/dashboard")
    t.equal(answer.header("content-language"), "de", "the language")
    page = harness.Page(answer.text)
    t.check('<html lang="de" dir="ltr"' in answer.text, "is said in the page")
    model = c.json("/api/dashboard")
    for value in (*model["balance"].values(), model["usage"]["total"],
                  model["recent"][0]["cost"]):
        t.check(re.fullmatch(r"-?[\d.]+,\d\d\u00a0€", value["text"]),
                "euros", value)
    t.check(model["balance"]["live"]["text"] in page.text, "in the page")
    t.check("Guthaben" in page.text or "Kontostand" in page.text, "words")
    sandbox.change(IDS["osprey"], balance="12.5")
    t.equal(c.json("/api/dashboard")["balance"]["live"]["text"],
            "12,50\u00a0€", "12,50 €")
    t.check(re.fullmatch(r"10\. Nov\. 2026, \d\d:\d\d",
                         model["recent"][0]["time"]["text"]),
            "a German time", model["recent"][0]["time"])
    english = portal.client(accept_language="en").login("osprey")
    t.equal(english.get("/api/dashboard").header("content-language"), "de",
            "the customer's language comes before the browser's")
    t.equal(portal.client(accept_language="de-AT,en;q=0.5").get(
        "/api/login").header("content-language"), "de",
        "the browser's counts before the log-in")


# --- Names --------------------------------------------------------------------

def elements(page, *names):
    return [tag for tag, _ in page.elements if tag in names]


def test_names(t):
    names = ["O'Brien & <b>Söhne</b> \"x\" 🐦", "<script>alert(1)</script>",
             "شركة العميل", "\u202eevil\u202c", "{{t.app.name}} {0} %s %n",
             "</title></bdi><img src=x onerror=alert(1)>", "a" * 200,
             "&lt;b&gt; &amp;", "'; DROP TABLE session; --", "⟦x⟧", "null"]
    c = portal.client().login("heron")
    before = sandbox.core("clients.get", id=IDS["heron"])["name"]
    for name in names:
        sandbox.change(IDS["heron"], name=name)
        t.equal(c.json("/api/dashboard")["client"]["name"], name,
                "intact in JSON: %r" % name)
        for path in ("/api/dashboard", "/api/rates", "/api/nothing"):
            answer = c.get(path)
            page = harness.Page(answer.text)
            if path == "/api/dashboard":
                t.check([x for x, _ in page.texts].count(name) >= 2,
                        "in the page and in its bar: %r" % name)
            t.check(not elements(page, "b", "script", "i", "big") and
                    not page.find("img", src="x"),
                    "makes no element: %r in %s" % (name, path))
    sandbox.change(IDS["heron"], name="")
    t.status(c.get("/api/dashboard"), 200, "no name")
    sandbox.change(IDS["heron"], name=before)
    for who in ZONES:
        c = portal.client().login(who)
        model = c.json("/api/dashboard")
        page = harness.Page(c.get("/api/dashboard").text)
        t.check(model["client"]["name"] in page.text, who + ": the name")
        t.check(not elements(page, "b", "i", "big", "script"),
                who + ": no element out of data")
        for row in model["recent"]:
            for text in (row["name"], row["source"], row["destination"]):
                t.check(not text or text in page.text,
                        "%s: %s" % (who, text))


# --- The chart ----------------------------------------------------------------

def test_chart(t):
    c = portal.client().login("heron")
    model = c.json("/api/dashboard")["usage"]
    page = harness.Page(c.get("/api/dashboard").text)
    bars = [a for tag, a in page.elements if tag == "rect"]
    t.equal(len(bars), 30, "a bar for each day")
    totals = [amount(d["total"]) for d in model["series"]]
    heights = [float(b["height"]) for b in bars]
    t.equal(heights.index(max(heights)), totals.index(max(totals)),
            "the highest bar")
    for total, bar in zip(totals, bars):
        wanted = float(total / max(totals)) * max(heights)
        t.check(abs(float(bar["height"]) - max(wanted, 2 if total else 0)) <= 1,
                "a bar's height", total, bar)
        t.equal(float(bar["y"]) + float(bar["height"]),
                float(bars[0]["y"]) + heights[0], "all stand on one line")
    xs = [float(b["x"]) for b in bars]
    t.equal(xs, sorted(set(xs)), "from left to right")
    for d in model["series"]:
        t.check(d["total"]["text"] in page.text, "its number is in the table")


def test_nothing_used(t):
    """A customer without usage."""
    now = AUTUMN + 40 * 86400  # the made data ends before
    empty = Sandbox("--now", str(AUTUMN))
    p = Portal(empty, now=now)
    c = p.client().login("heron")
    model = c.json("/api/dashboard")
    t.equal(model["recent"], [], "no calls")
    t.equal((model["usage"]["events"], amount(model["usage"]["total"]),
             model["usage"]["volume"]["value"]), (0, 0, 0), "nothing")
    t.equal(len(model["usage"]["series"]), 30, "thirty days of it")
    page = harness.Page(c.get("/api/dashboard").text)
    t.check("No charges in the last 30 days" in page.text, "says so")
    t.check("No usage yet" in page.text, "says so")
    empty.end()
    shutil.rmtree(empty.folder, ignore_errors=True)


# --- Calls --------------------------------------------------------------------

def test_calls_overlap(t):
    c = portal.client().login("heron")
    c.get("/api/dashboard")
    sandbox.fault("*", "latency", value=300)
    sandbox.forget()
    c.get("/api/dashboard")
    calls = sandbox.calls()
    sandbox.heal()
    t.equal(calls["http_requests"], 3, "a batch, and two reports beside it")
    t.equal(sorted(call["operation"] for call in calls["calls"]), [
        "accounts.search", "clients.get", "reports.summary", "reports.xdrs",
        "services.search"], "what was asked")
    t.check(max(call["started"] for call in calls["calls"]) <
            min(call["ended"] for call in calls["calls"]),
            "no call waits for another", calls["calls"])
    sandbox.forget()
    c.get("/api/rates")
    t.equal(sandbox.calls()["http_requests"], 1, "the rates: one request")


def test_next_visit_is_as_cheap(t):
    c = portal.client().login("osprey")
    for _ in range(2):
        sandbox.forget()
        c.get("/api/dashboard")
        t.equal(sandbox.calls()["http_requests"], 3, "three requests")


def clean():
    for s in sandboxes.values():
        s.end()
        shutil.rmtree(s.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
