#!/usr/bin/env python3
"""usage_test.py: the summary of usage and the detailed usage, as pages and
files.

Sums and rows are compared with what the billing system itself holds, digit by
digit; further portals have profiles of billing systems that lack the summary,
or that ignore the filters.
"""
import csv
import datetime
import io
import json
import os
import re
import shutil
import socket
import zipfile
from collections import Counter
from decimal import Decimal

import harness
from harness import IDS, Digits, Page

SUMMARY = "/api/usage/summary"
DETAILED = "/api/usage/detailed"
ROW = {"id", "time", "account", "source", "destination", "code", "name",
       "service", "duration", "rate", "cost"}
ACCOUNTS = {"heron": [2001, 2002], "osprey": [2003, 2004],
            "whale": [2006, 2007, 2008, 2009]}
PACKAGES = {2001: 501, 2003: 503, 2008: 505}
GROUPS = ("day", "service", "account", "package", "code_name")
MESSAGES = 2  # the service without a duration

sandbox = harness.Sandbox()
PROFILE = json.load(open(os.path.join(harness.ROOT, "conf/vcs/default.json")))


def portal_with(name, change, **settings):
    """A portal whose billing system differs."""
    profile = json.loads(json.dumps(PROFILE))
    change(profile["operations"])
    path = os.path.join(sandbox.folder, name + ".json")
    with open(path, "w") as f:
        json.dump(profile, f)
    return harness.Portal(sandbox, {
        "coreApi": {"profile": path}, **settings})


portal = harness.Portal(sandbox)
clients = {}


def customer(who, which=None):
    which = which or portal
    if (who, which) not in clients:
        clients[who, which] = which.client().token(who)
    return clients[who, which]


def week():
    """Seven whole days that are over in every zone."""
    to = datetime.datetime.now(datetime.timezone.utc).date()
    return [str(to - datetime.timedelta(n)) for n in (9, 3)]


FROM, TO = week()
WEEK = "from=%s&to=%s" % (FROM, TO)
# All that the sandbox has, up to that day.
ALL = "from=%s&to=%s" % (
    datetime.date.fromisoformat(TO) - datetime.timedelta(300), TO)


def known(who, **filters):
    """The xDRs of that week in the billing system, the newest first."""
    zone = {"heron": "America/New_York", "osprey": "Europe/Berlin",
            "whale": "America/Los_Angeles"}[who]
    return sandbox.core(
        "reports.xdrs", accounts_id=ACCOUNTS[who], __tz=zone,
        dt=[FROM + " 00:00:00", TO + " 23:59:59"], order=["-dt"],
        limit=50000, **filters)


def money(value):
    return Decimal(value["amount"])


def group_of(row, group):
    return {"day": row["dt"][:10], "service": str(row["services_id"]),
            "account": str(row["accounts_id"]),
            "package": str(PACKAGES.get(row["accounts_id"], "")) or None,
            "code_name": row["code_name"]}[group]


def sums(rows, group):
    """{key: (events, seconds, messages, cost)}"""
    out = {}
    for row in rows:
        message = row["services_id"] == MESSAGES
        old = out.get(group_of(row, group), (0, 0, 0, Decimal(0)))
        out[group_of(row, group)] = (
            old[0] + 1, old[1] + (0 if message else row["volume"]),
            old[2] + (row["volume"] if message else 0),
            old[3] + Decimal(row["cost"]))
    return out


def shown(model):
    """The same of an answer, without days on which nothing happened."""
    return {row["group"]["key"]: (
        row["events"], row["volume"]["value"],
        sum(q["value"] for q in row.get("other", [])), money(row["cost"]))
        for row in model["rows"] if row["events"]}


def check_total(t, model, what):
    rows, total = model["rows"], model["total"]
    t.equal((total["events"], total["volume"]["value"], money(total["cost"]),
             sum(q["value"] for q in total.get("other", []))),
            (sum(r["events"] for r in rows),
             sum(r["volume"]["value"] for r in rows),
             sum((money(r["cost"]) for r in rows), Decimal(0)),
             sum(q["value"] for r in rows for q in r.get("other", []))),
            what + ": the total is the sum of the rows")


def test_summary(t):
    for who in ("heron", "osprey", "whale"):
        rows = known(who)
        t.check(len(rows) > 50, who + " has usage", len(rows))
        for group in GROUPS:
            what = "%s by %s" % (who, group)
            model = customer(who).json(
                "%s?%s&group_by=%s" % (SUMMARY, WEEK, group))
            t.equal(shown(model), sums(rows, group), what)
            check_total(t, model, what)
            keys = [r["group"]["key"] for r in model["rows"]]
            costs = [money(r["cost"]) for r in model["rows"]]
            if group == "day":
                t.equal(keys, sorted(keys), what + ": in order of days")
                t.equal(len(keys), 7, what + ": every day")
            else:
                t.equal(costs, sorted(costs, reverse=True),
                        what + ": the biggest first")
            t.check(all(r["group"]["text"] for r in model["rows"]),
                    what + ": texts")
            t.equal(set(model["rows"][0]) - {"other"},
                    {"group", "events", "volume", "cost"}, "a row's shape")
            t.check("counted" not in model, what + ": VCS added up")
    model = customer("heron").json("%s?%s&group_by=account" % (SUMMARY, WEEK))
    t.equal({r["group"]["text"] for r in model["rows"]},
            {"Head office <b>PBX</b>", "O'Brien's desk \U0001f4de"}, "names")
    t.equal(set(model["filters"]), {
        "from", "to", "service", "account", "package", "group_by",
        "services", "accounts", "packages"}, "filters")
    t.equal([p["id"] for p in model["filters"]["packages"]], [501, 504, 502],
            "the packages to choose from")


FILTERS = [("service=2", lambda r: r["services_id"] == 2),
           ("account=2001", lambda r: r["accounts_id"] == 2001),
           ("package=501", lambda r: r["accounts_id"] == 2001),
           ("package=504", lambda r: False),
           ("account=2002&package=501", lambda r: False),
           ("service=1&account=2002",
            lambda r: r["services_id"] == 1 and r["accounts_id"] == 2002)]


def check_filters(t, which, what):
    rows = known("heron")
    c = customer("heron", which)
    for query, wanted in FILTERS:
        mine = [r for r in rows if wanted(r)]
        for group in GROUPS:
            model = c.json("%s?%s&group_by=%s&%s" % (
                SUMMARY, WEEK, group, query))
            t.equal(shown(model), sums(mine, group), "%s: %s by %s" % (
                what, query, group))
            check_total(t, model, what + ": " + query)
        detailed = []
        number, more = 1, True
        while more:
            model = c.json("%s?%s&size=100&page=%d&%s" % (
                DETAILED, WEEK, number, query))
            detailed += model["rows"]
            more, number = model["page"]["more"], number + 1
        t.equal(list(dict.fromkeys(r["id"] for r in detailed)),
                [r["id"] for r in mine],
                "%s: detailed, %s" % (what, query))


def test_filters(t):
    check_filters(t, portal, "filters")


def test_filters_that_vcs_ignores(t):
    def deaf(operations):
        del operations["xdr.list"]["params"]["services_id"]
        del operations["usage.summary"]["params"]["services_id"]
        del operations["usage.summary"]["params"]["accounts_id"]

    check_filters(t, portal_with("deaf", deaf), "a VCS that ignores filters")


def test_detailed(t):
    for who in ("heron", "osprey", "whale"):
        rows = known(who)
        c = customer(who)
        seen, number, more = [], 1, True
        while more and number < 4:
            sandbox.forget()
            model = c.json("%s?%s&page=%d" % (DETAILED, WEEK, number))
            calls = sandbox.calls()
            t.check(re.search(r'"reports.xdrs": 1\b', json.dumps(calls)),
                    "one page of the billing system's", calls)
            seen += model["rows"]
            more, number = model["page"]["more"], number + 1
        wanted = rows[:75]
        t.equal([r["id"] for r in seen], [r["id"] for r in wanted],
                who + ": the rows, the newest first")
        for row, theirs in zip(seen, wanted):
            t.equal(set(row), ROW, who + ": a row's shape")
            t.equal((row["source"], row["destination"], row["code"],
                     row["name"], row["account"]["id"], row["service"]["id"],
                     row["duration"]["value"], row["rate"]["amount"],
                     row["cost"]["amount"]),
                    (theirs["src_number"], theirs["dst_number"],
                     theirs["code"], theirs["code_name"],
                     theirs["accounts_id"], theirs["services_id"],
                     theirs["volume"], str(theirs["rate"]),
                     str(theirs["cost"])), who + ": a row")
            t.equal(row["time"]["iso"][:19].replace("T", " "),
                    theirs["dt"][:19], who + ": its time in its zone")
            t.equal(row["duration"]["unit"],
                    "message" if theirs["services_id"] == MESSAGES else "s",
                    who + ": a message has no seconds")
    page = customer("whale").json("%s?page=500&size=10" % DETAILED)
    t.equal(page["page"], {"number": 500, "size": 10, "more": True},
            "a page far behind")
    page = customer("heron").json("%s?page=100000" % DETAILED)
    t.equal((page["rows"], page["page"]["more"]), ([], False),
            "behind the end")


def test_bad_parameters(t):
    c = customer("heron")
    for path in (SUMMARY, DETAILED):
        for query, status in (
                ("account=2003", 404), ("account=1", 404),
                ("service=99", 404), ("package=503", 404),
                ("account=x", 400), ("account=0", 400), ("service=-1", 400),
                ("from=2026-02-30", 400), ("from=2026-11-02&to=2026-11-01",
                                           400),
                ("from=2024-01-01&to=2026-01-01", 400), ("nothing=1", 400),
                ("group_by=planet" if path == SUMMARY else "size=9", 400),
                ("group_by=" + "x" * 5000 if path == SUMMARY else
                 "time_format=epoch", 400)):
            for suffix in ("", ".csv", ".xlsx"):
                answer = c.get("%s%s?%s" % (path, suffix, query),
                               json_port=True)
                t.status(answer, status, path + suffix + "?" + query)
                t.equal(answer.kind, "application/json", "an error is JSON")
        nobody = portal.client()
        for suffix in ("", ".csv", ".xlsx"):
            t.status(nobody.get(path + suffix, json_port=True), 401,
                     path + suffix + " for nobody")


def read_csv(answer, columns=3):
    text = answer.body.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    head = next(i for i, row in enumerate(rows) if len(row) >= columns)
    return rows[:head], rows[head], rows[head + 1:]


def test_detailed_files(t):
    c = customer("heron")
    rows = known("heron")[::-1]
    answer = c.get("%s.csv?%s" % (DETAILED, WEEK))
    t.status(answer, 200, "CSV")
    t.equal(answer.header("content-disposition"),
            'attachment; filename="usage_detailed_%s_%s.csv"' % (FROM, TO),
            "its name")
    notes, head, body = read_csv(answer)
    t.check("America/New_York" in str(notes), "the zone on top", notes)
    t.equal([dict(zip(head, r))["Time"] for r in body],
            [r["dt"][:19] for r in rows], "all rows, the oldest first")
    t.equal([dict(zip(head, r))["Cost (USD)"] for r in body],
            [str(r["cost"]) for r in rows], "the costs with all digits")
    t.equal({dict(zip(head, r))["Account"] for r in body},
            {"Head office <b>PBX</b>", "O'Brien's desk \U0001f4de"},
            "names, not ids")
    for format, pattern in (("iso", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-05:00"),
                            ("local", r"Nov \d+, 20\d\d, \d+:\d\d\W[AP]M"),
                            ("sheet", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")):
        _, head, body = read_csv(c.get("%s.csv?%s&time_format=%s" % (
            DETAILED, WEEK, format)))
        t.check(len(body) == len(rows) and all(
            re.fullmatch(pattern.replace("Nov", r"\w+"), r[0]) or
            format == "iso" and re.fullmatch(
                pattern.replace("05", "04"), r[0]) for r in body),
            "times as " + format, body[0])
    _, head, body = read_csv(c.get("%s.csv?%s&service=2" % (DETAILED, WEEK)))
    t.equal(len(body), sum(r["services_id"] == 2 for r in rows), "a filter")
    t.check(all(re.fullmatch(r"\d+ messages?", dict(zip(head, r))[
        "Duration (s)"]) for r in body), "messages are no seconds", body[:1])
    answer = c.get("%s.xlsx?%s" % (DETAILED, WEEK))
    with zipfile.ZipFile(io.BytesIO(answer.body)) as sheet:
        text = sheet.read("xl/worksheets/sheet1.xml").decode()
    t.equal(text.count("<row "), len(rows) + 3, "the rows of the XLSX")
    t.check("<f>" not in text, "no formula")


def test_files_of_many_pieces(t):
    """20,000 xDRs are more than one piece: none is missing, none twice."""
    query = ALL + "&time_format=iso"
    c = customer("whale")
    theirs = []
    while len(theirs) % 5000 == 0:
        theirs += sandbox.core(
            "reports.xdrs", accounts_id=ACCOUNTS["whale"], order=["+dt"],
            __tz="America/Los_Angeles", limit=5000, offset=len(theirs),
            dt=["2000-01-01 00:00:00", TO + " 23:59:59"])
    t.check(len(theirs) > 15000, "whale has many", len(theirs))
    _, head, body = read_csv(c.get("%s.csv?%s" % (DETAILED, query)))
    wanted = Counter((r["src_number"], r["dst_number"], str(r["cost"]))
                     for r in theirs)
    at = [head.index(k) for k in ("Source", "Destination number",
                                  "Cost (USD)")]
    t.equal(Counter(tuple(r[i] for i in at) for r in body), wanted,
            "every row once")
    times = [datetime.datetime.fromisoformat(r[0]) for r in body]
    t.equal(times, sorted(times), "in order of time")
    sandbox.fault("reports.xdrs", "truncate", times=3)
    _, head, again = read_csv(c.get("%s.csv?%s" % (DETAILED, query)))
    sandbox.heal()
    t.check(again == body, "answers that were cut are asked for in halves",
            len(again), len(body))


def test_files_of_wide_rows(t):
    """Nobody knows how many columns a billing system's xDRs have: of wide ones
    fewer are asked for at a time."""
    uri = "%s.csv?%s" % (DETAILED, ALL)
    whole = customer("whale").get(uri).body
    for what, more in (("300 columns", {"column_%d" % i: i
                                        for i in range(300)}),
                       ("8 KB of text", {"note": "x" * 8000})):
        wide = harness.Between(sandbox, "reports.xdrs", lambda _, rows: [
            {**row, **more} for row in rows])
        p = harness.Portal(sandbox, {"coreApi": {"uri": wide.uri}})
        t.check(p.client().token("whale").get(uri).body == whole, what)
        p.end()


def test_broken_in_the_middle(t):
    """The transfer breaks; nothing but rows was sent."""
    uri = "%s.csv?%s" % (DETAILED, ALL)
    c = customer("whale")
    whole = c.get(uri).body
    env = {"REQUEST_METHOD": "GET", "REQUEST_URI": uri,
           "DOCUMENT_URI": uri.split("?")[0],
           "QUERY_STRING": uri.split("?")[1],
           "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "localhost",
           "SERVER_PORT": "9080", "REMOTE_ADDR": "198.51.100.1",
           "HTTP_AUTHORIZATION": "Bearer " + c.bearer}
    sent, broken = b"", False
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(harness.PATIENCE)
        s.connect(portal.socket)
        s.sendall(harness.record(harness.BEGIN, b"\0\1\0" + b"\0" * 5) +
                  harness.stream(harness.PARAMS, harness.encode_params(env)) +
                  harness.stream(harness.STDIN, b""))
        # The rest does not fit between the two, so the worker still has to
        # ask for it.
        head = harness.exactly(s, 8)
        sandbox.fault("reports.xdrs", "error")
        while True:
            if head[0] != 1 or head[1] == harness.END:
                broken = head[0] != 1
                break
            length = int.from_bytes(head[4:6], "big")
            sent += harness.exactly(s, length + head[6])[:length]
            head = harness.exactly(s, 8)
    sandbox.heal()
    body = sent.partition(b"\r\n\r\n")[2]
    t.check(broken, "no end of the answer", sent[-200:])
    t.check(0 < len(body) < len(whole), "cut", len(body), len(whole))
    t.check(whole.startswith(body), "rows only", body[-300:])
    t.check(portal.logged("export.broken"), "logged")
    answer = c.get(uri)
    t.check(answer.body == whole, "the next one is whole")


def test_faults(t):
    c = customer("heron")
    for operation, path in (("reports.summary", SUMMARY),
                            ("reports.xdrs", DETAILED)):
        for fault in ("error", "wrong_type", "truncate", "refuse"):
            sandbox.fault(operation, fault)
            for suffix in ("", ".csv", ".xlsx"):
                answer = c.get("%s%s?%s" % (path, suffix, WEEK),
                               json_port=True)
                t.status(answer, 502, "%s with %s: %s" % (
                    path, operation, fault) + suffix)
                t.equal(answer.kind, "application/json", "a proper error")
            sandbox.heal()
        sandbox.fault("clients_packages.search", "error")
        model = c.json("%s?%s" % (path, WEEK))
        t.equal(model["filters"]["packages"], [], "without packages")
        t.check(model["rows"], "the rows are there all the same")
        sandbox.heal()


def test_foreign_rows(t):
    c = customer("heron")
    before = [c.json("%s?%s" % (p, WEEK)) for p in (SUMMARY, DETAILED)]
    for operation in ("reports.summary", "reports.xdrs"):
        sandbox.fault(operation, "foreign_rows")
    summary, detailed = [c.json("%s?%s" % (p, WEEK))
                         for p in (SUMMARY, DETAILED)]
    _, head, body = read_csv(c.get("%s.csv?%s" % (DETAILED, WEEK)))
    sandbox.heal()
    t.check(detailed["rows"] and all(
        r["account"]["id"] in ACCOUNTS["heron"] for r in detailed["rows"]),
        "detailed: only heron's")
    own = {"Head office <b>PBX</b>", "O'Brien's desk \U0001f4de"}
    t.equal({dict(zip(head, r))["Account"] for r in body}, own,
            "file: only heron's")
    mine = {r["group"]["key"]: money(r["cost"]) for r in before[0]["rows"]}
    t.check(all(money(r["cost"]) <= mine[r["group"]["key"]]
                for r in summary["rows"]), "summary: nothing was added")
    t.check(portal.logged("vcs.foreign_row"), "an incident")


def test_no_summary_in_vcs(t):
    """The portal adds up by itself, says so, and stops at its limit."""
    def lacking(operations):
        operations["usage.summary"]["method"] = "reports.nothing"

    other = portal_with("lacking", lacking)
    rows = known("heron")
    c = customer("heron", other)
    for group in GROUPS:
        model = c.json("%s?%s&group_by=%s" % (SUMMARY, WEEK, group))
        t.equal(shown(model), sums(rows, group), "added up by " + group)
        check_total(t, model, "added up")
        t.equal((model["counted"], model["partial"]), (len(rows), False),
                "says how many")
    check_filters(t, other, "added up")
    page = Page(c.get("%s?%s" % (SUMMARY, WEEK)).text)
    t.check("the portal added up %d events" % len(rows) in page.text,
            "the page says so", page.text[:900])
    small = portal_with("small", lacking, limits={"summaryRows": 100})
    model = customer("heron", small).json("%s?%s" % (SUMMARY, WEEK))
    t.equal((model["counted"], model["partial"], model["total"]["events"]),
            (100, True, 100), "no more than the limit")
    t.equal(shown(model), sums(rows[::-1][:100], "day"), "the first ones")
    page = Page(customer("heron", small).get(
        "%s?%s" % (SUMMARY, WEEK)).text)
    t.check("not the whole period" in page.text, "the page says so")
    notes, _, _ = read_csv(customer("heron", small).get(
        "%s.csv?%s" % (SUMMARY, WEEK)))
    t.check("not the whole period" in str(notes), "the file too", notes)


def as_values(model):
    """Amounts as values: 3.10 is 3.1."""
    return json.loads(json.dumps(model), object_hook=lambda o: {
        k: str(Decimal(v).normalize()) if k == "amount" else v
        for k, v in o.items()})


def test_dashboard_without_summary(t):
    """The dashboard adds up likewise, whichever way VCS lacks the report."""
    def unknown(operations):
        operations["usage.summary"]["method"] = "reports.nothing"

    def left_out(operations):
        del operations["usage.summary"]

    for change in (unknown, left_out):
        other = portal_with("dashboard-" + change.__name__, change)
        for who in ("heron", "osprey", "whale"):
            what = "%s, %s" % (change.__name__, who)
            wanted = customer(who).json("/api/dashboard")
            model = customer(who, other).json("/api/dashboard")
            t.equal(model["usage"].pop("counted"), model["usage"]["events"],
                    what + ": says how many")
            t.equal(model["usage"].pop("partial"), False, what + ": all")
            t.equal(as_values(model), as_values(wanted),
                    what + ": the same dashboard")
            t.check(model["usage"]["events"] > 100, what + ": has usage")
        model = customer("heron", other).json("/api/dashboard")["usage"]
        page = Page(customer("heron", other).get(
            "/api/dashboard", accept="text/html").text)
        t.check("the portal added up {:,} events".format(model["counted"]) in
                page.text, change.__name__ + ": the page says so")
    t.check(not other.logged("vcs.failed"), "left out on purpose is no fault")
    page = Page(customer("heron").get(
        "/api/dashboard", accept="text/html").text)
    t.check("added up" not in page.text, "nothing to say where VCS adds up")
    small = portal_with("dashboard-small", unknown,
                        limits={"summaryRows": 100})
    model = customer("heron", small).json("/api/dashboard")["usage"]
    t.equal((model["counted"], model["partial"], model["events"],
             sum(d["events"] for d in model["series"])),
            (100, True, 100, 100), "no more than the limit")
    t.equal((sum(money(d["total"]) for d in model["series"]),
             sum(d["volume"]["value"] for d in model["series"])),
            (money(model["total"]), model["volume"]["value"]),
            "the total is the sum of the days")
    page = Page(customer("heron", small).get(
        "/api/dashboard", accept="text/html").text)
    t.check("first 100 events only" in page.text, "the page says so",
            page.text[:900])


def test_stale_session(t):
    """Ids that the session keeps changed: files are right at once."""
    c = portal.client().token("heron")
    for table in (20, 19):
        sandbox.change(IDS["heron"], orig_rate_table=table)
        for path in (SUMMARY, DETAILED):
            answer = c.get("%s.csv?%s" % (path, WEEK))
            t.status(answer, 200, path + " after a change")
            t.check(len(read_csv(answer)[2]) >= 7, path + ": its rows")


def test_accounts_never_known(t):
    """The accounts failed at the log-in and fail since: that is no customer
    without calls."""
    sandbox.fault("accounts.search", "wrong_type", times=1000)
    try:
        c = portal.client().token("heron")
        model = c.json("/api/dashboard")
        t.equal(sorted(model.get("errors", {})), ["recent"], "the calls")
        t.equal(model["recent"], None, "not empty")
        for path in (DETAILED, DETAILED + ".csv", DETAILED + "?account=2001",
                     SUMMARY + "?account=2001"):
            t.status(c.get(path), 502, path)
        t.check(c.json(SUMMARY)["rows"], "sums are the customer's")
    finally:
        sandbox.heal()
    sandbox.fault("accounts.search", "error", times=1000)
    t.status(c.get(DETAILED + "?account=2001"), 502, "VCS refuses")
    sandbox.heal()
    t.check(c.json(DETAILED)["rows"], "all there again")
    t.check(c.json(DETAILED + "?account=2001")["rows"], "of the account, too")


def test_theme(t):
    """A theme leaves out columns, filters and groupings."""
    base = json.load(open(os.path.join(
        harness.ROOT, "templates/default/theme.json")))
    base["usage_summary"] = {"columns": ["day", "service", "cost"],
                             "filters": ["service"],
                             "groupings": ["day", "service"]}
    share = os.path.join(sandbox.folder, "share")
    os.makedirs(os.path.join(share, "templates"))
    built = os.path.join(harness.BUILD, "share")
    for name in ("conf", "static"):
        os.symlink(os.path.realpath(os.path.join(built, name)),
                   os.path.join(share, name))
    shutil.copytree(os.path.join(harness.ROOT, "templates"),
                    os.path.join(share, "templates"), dirs_exist_ok=True)
    with open(os.path.join(share, "templates/default/theme.json"), "w") as f:
        json.dump(base, f)
    other = harness.Portal(sandbox, env={"PORTICO_SHARE": share})
    page = Page(customer("heron", other).get("%s?%s" % (
        SUMMARY, WEEK), accept="text/html").text)
    names = [a["name"] for a in (e[1] for e in page.elements
                                 if e[0] == "select")]
    t.equal(names, ["service", "group_by"], "the filters")
    t.equal([o["value"] for o in page.find("option")][-2:],
            ["day", "service"], "the groupings")
    t.equal(len(page.find("th", scope="col")), 2, "the columns")
    _, head, _ = read_csv(customer("heron", other).get(
        "%s.csv?%s" % (SUMMARY, WEEK)), 2)
    t.equal(head, ["Day", "Charges (USD)"], "the file's columns")


def test_out_of_order(t):
    """Rows in another order than was asked for would be lost on the way."""
    def backwards(operations):
        operations["xdr.list"]["params"]["order"] = ["-dt"]

    other = portal_with("backwards", backwards)
    answer = customer("heron", other).get("%s.csv?%s" % (DETAILED, WEEK),
                                          json_port=True)
    t.status(answer, 502, "no file with holes")
    t.check(other.logged("vcs.order"), "the reason is logged")


def test_offset_that_vcs_ignores(t):
    """Files begin at a time and end all the same."""
    def deaf(operations):
        del operations["xdr.list"]["params"]["offset"]

    other = portal_with("no-offset", deaf)
    uri = "%s.csv?%s" % (DETAILED, ALL)
    t.check(customer("whale", other).get(uri).body ==
            customer("whale").get(uri).body, "the same file")


def test_pages(t):
    for who, title in (("heron", "Usage summary"),
                       ("osprey", "Nutzungs\u00fcbersicht")):
        c = portal.client().login(who)
        model = c.json("%s?%s" % (SUMMARY, WEEK))
        page = Page(c.get("%s?%s" % (SUMMARY, WEEK)).text)
        t.check(title in page.text, who + ": the title")
        t.check(model["total"]["cost"]["text"] in page.text,
                who + ": the total")
        bars = [a for a in page.elements if a[0] == "rect"]
        t.equal(len(bars), 7, who + ": a bar a day")
        high = max(bars, key=lambda b: float(b[1]["height"]))
        most = max(range(7), key=lambda i: money(model["rows"][i]["cost"]))
        t.equal(bars.index(high), most, who + ": the highest bar")
        for group in GROUPS[1:]:
            answer = c.get("%s?%s&group_by=%s" % (SUMMARY, WEEK, group))
            t.status(answer, 200, who + " by " + group)
            t.check("<b>PBX" not in answer.text and "<O'C" not in answer.text,
                    who + ": names are text")
            bars = Page(answer.text).find("rect")
            t.check(0 < len(bars) <= 13, who + ": bars", len(bars))
        answer = c.get("%s?%s" % (DETAILED, WEEK))
        t.status(answer, 200, who + ": detailed")
        page = Page(answer.text)
        links = [v for tag, n, v in page.attributes
                 if tag == "a" and n == "href"]
        t.check(any(v.startswith(DETAILED + ".csv?") for v in links),
                who + ": a link to the CSV", links)
        t.check(any("page=2" in v and FROM in v for v in links),
                who + ": the next page keeps the period", links)
    year = Page(c.get("%s?from=2025-12-01&to=2026-11-30" % SUMMARY).text)
    t.check(year.find("svg", class_="chart") or
            "Keine Nutzung" in year.text, "a year")
    empty = c.get("%s?from=2020-01-01&to=2020-01-31" % SUMMARY)
    t.check("Keine Nutzung in diesem Zeitraum" in empty.text, "nothing there")
    t.check("<svg class=\"chart\"" not in empty.text, "no chart of nothing")


def test_limits_of_a_sheet(t):
    """A sheet that is too big says where it would fit."""
    tiny = harness.Portal(sandbox, {"limits": {"exportFile": 1048576}})
    answer = customer("whale", tiny).get("%s.xlsx?%s" % (DETAILED, ALL),
                                         json_port=True)
    t.status(answer, 413, "too big for its limit")
    t.check("CSV" in answer.json["error"]["message"], "points to CSV",
            answer.body)


def clean():
    sandbox.end()


if __name__ == "__main__":
    harness.main(globals(), clean)
