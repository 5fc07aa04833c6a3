#!/usr/bin/env python3
"""mirror_test.py: the mirror of rate tables: what it shows agrees with VCS,
in every order, and nobody waits for it. Ends with 'N passed, N failed'.
"""
import decimal
import hashlib
import os
import random
import re
import shutil
import sqlite3
import time
import urllib.parse

import harness
from harness import IDS, Portal, Sandbox

sandbox = Sandbox()
other_sandbox = Sandbox()
WHALE, HERON, OSPREY = 22, 19, 20
SERVICES = {1: "Voice", 2: "SMS & chat", 3: "Toll-free"}
harness.PATIENCE = 180  # it reads whole tables, and gives way to others
QUICK = {"rates": {"refresh": 3600, "least": 100}}


def change(where, sql, *values):
    """What VCS has."""
    db = sqlite3.connect(where.folder + "/sandbox.db", timeout=30)
    with db:
        db.execute(sql, values)
    db.close()
    where.change(IDS["heron"], locale="en")  # empties its cache


def upstream(where, table):
    rows = []
    while True:
        more = where.core("rates.search", rate_tables_id=table,
                          state="current", status="active", limit=5000,
                          offset=len(rows), order=["+code"])
        if not more:
            return rows
        rows += more


def age(c, query=""):
    return c.json("/api/rates?size=10" + query)["as_of"]


def await_copy(c, since=None):
    """Until the mirror shows a copy, another than `since`."""
    return harness.wait_for("a copy of the rates", lambda: (
        age(c) not in (None, since) and age(c)))


def key(row):
    return (row["code"], row["name"], row["service"]["id"],
            row["price"]["amount"], row["setup_fee"]["amount"],
            row["interval"]["value"], row["min_volume"]["value"])


def raw_key(row):
    return (row["code"], row["code_name"], row["services_id"],
            str(row["value"]), str(row["pay_setup"]), row["pay_interval"],
            row["min_volume"])


NUMBER = decimal.Decimal
KEYS = {
    "code": lambda r: r["code"].encode(),
    "name": lambda r: r["code_name"].casefold().encode(),
    "service": lambda r: SERVICES[r["services_id"]].casefold().encode(),
    "price": lambda r: NUMBER(r["value"]),
    "interval": lambda r: r["pay_interval"],
    "min_volume": lambda r: r["min_volume"],
    "setup_fee": lambda r: NUMBER(r["pay_setup"]),
    "effective_from": lambda r: r["effective_from"],
    "effective_till": lambda r: r["effective_till"],  # 9999: no end
}


def reference(rows, q=None, service=None, sort="code"):
    """What is to be found, and in which order."""
    digits = "".join(x for x in q or "" if x not in " +()-./")
    code = digits if digits.isascii() and digits.isdigit() else None
    if code and code.startswith("00"):
        code = code[2:] or None
    found = [r for r in rows if
             (not service or r["services_id"] == service) and
             (not q or q.casefold() in r["code_name"].casefold() or
              code and r["code"].startswith(code))]
    found.sort(key=lambda r: (r["code"].encode(), r["id"]))
    found.sort(key=KEYS[sort.lstrip("-")], reverse=sort[0] == "-")
    return found


def check_query(t, c, rows, size, number, **query):
    model = c.json("/api/rates?" + urllib.parse.urlencode(
        {**query, "size": size, "page": number}))
    found = reference(rows, **query)
    wanted = found[(number - 1) * size:number * size]
    what = "%s, page %d of %d" % (query, number, size)
    t.check(model["as_of"], what + ": from the mirror")
    t.equal([key(r) for r in model["rates"]], [raw_key(r) for r in wanted],
            what)
    t.equal(model["page"], {"number": number, "size": size,
                            "more": len(found) > number * size}, what)


# --- Against VCS itself ---------------------------------------------------------

def end(t, p):
    """Of a portal that reads all the time: not beside the other tests."""
    Portal.started.remove(p)
    t.equal(p.end(), 0, "a good end")
    t.check(not re.search("Sanitizer|runtime error|pool.crashed", p.log()),
            "nothing else in its log")


def test_first_visit(t):
    """It does not wait, and answers as without a mirror."""
    p = Portal(sandbox, QUICK)
    c = p.client().login("whale")
    rows = upstream(sandbox, WHALE)
    sandbox.fault("rates.search", "latency", value=1500, times=100)
    model = c.json("/api/rates")
    t.equal(p.logged("rates.mirrored"), [], "nobody waits for a copy")
    t.equal(model["as_of"], None, "VCS's own page")
    t.equal([r["code"] for r in model["rates"]],
            [r["code"] for r in rows[:25]], "its rows")
    model = c.json("/api/rates?sort=-price")
    t.equal((model["as_of"], model["page"].get("searched")), (None, 10000),
            "the first rows are searched")
    page = c.get("/api/rates?sort=-price").text
    t.check("only its first 10,000 rows" in page and
            "We are preparing the rest" in page, "and it says so")
    sandbox.heal()
    await_copy(c)
    page = c.get("/api/rates?sort=-price").text
    t.check("only its first" not in page, "then all are")
    t.check("Rates as of" in page and "1 min ago" in page, "with their age")
    model = c.json("/api/rates?sort=-price")
    t.check("searched" not in model["page"], "JSON likewise")
    dearest = max(NUMBER(r["value"]) for r in rows)
    t.equal(NUMBER(model["rates"][0]["price"]["amount"]), dearest,
            "the dearest of all")


def test_agrees(t):
    """Every order, both ways; words, services, pages near and far."""
    names = ["Москва 'Центр'", "100% _under_score", "ΑΘΗΝΑ <i>x</i>",
             "Straße der Grüße", "القاهرة", "a\\b \"c\" `d`", "日本東京"]
    for i, name in enumerate(names):
        change(sandbox, "UPDATE rates SET code_name = ? WHERE id = "
               "(SELECT id FROM rates WHERE rate_tables_id = ? "
               "ORDER BY id LIMIT 1 OFFSET ?)", name, WHALE, 3000 + i * 700)
    rows = upstream(sandbox, WHALE)
    c = Portal(sandbox, QUICK).client().login("whale")
    await_copy(c)
    last = (len(rows) + 99) // 100
    for sort in KEYS:
        for sign in ("", "-"):
            for number in (1, 2, last // 2, last - 1, last, last + 1):
                check_query(t, c, rows, 100, number, sort=sign + sort)
    words = ("49", "+49 30", "0044", "germany", "mobile", "москва", "ÜSS",
             "STRASSE", "القاهرة", "日", "日本東", "%", "_", "100%", "\\", "'",
             "\"", "<i>x", "a", "e", "1", "area 0012", "zzzz", "' OR 1=1",
             "AND", "NEAR(", "*", "^4", "-", "0", "x" * 64)
    chance = random.Random(7)
    for q in words:
        found = len(reference(rows, q=q))
        for service in (None, 1, 2, 4):
            query = {"q": q, "sort": chance.choice(["", "-"]) +
                     chance.choice(list(KEYS))}
            if service:
                query["service"] = service
            size = chance.choice((10, 25, 100))
            for number in {1, max(1, found // size),
                           chance.randrange(found // size + 2) + 1}:
                check_query(t, c, rows, size, number, **query)
    for service in (1, 2, 3, 2147483647):
        check_query(t, c, rows, 25, 1, service=service, sort="-price")
        check_query(t, c, rows, 25, 2, service=service, sort="service")


def test_pages_without_vcs(t):
    """A page of the mirror costs VCS no rates; VCS is asked whose they are."""
    c = Portal(sandbox, QUICK).client().login("whale")
    await_copy(c)
    sandbox.forget()
    c.get("/api/rates?sort=-price&page=77&q=a")
    calls = sandbox.calls()
    t.equal(calls["counts"].get("rates.search", 0), 0, "no rates asked for")
    t.check(calls["counts"].get("clients.get", 0) +
            calls["counts"].get("clients.search", 0) >= 1, "but the customer",
            calls["counts"])
    t.equal(calls["http_requests"], 1, "in one request")


# --- Whose ----------------------------------------------------------------------

def test_whose(t):
    """The table is the one that VCS says in this request."""
    p = Portal(sandbox, QUICK)
    heron, whale = (p.client().login(who) for who in ("heron", "whale"))
    await_copy(heron)
    await_copy(whale)
    own = [r["code"] for r in heron.json("/api/rates?sort=price")["rates"]]
    theirs = [r["code"] for r in whale.json("/api/rates?sort=price")["rates"]]
    t.check(own != theirs, "two tables")
    change(sandbox, "UPDATE clients SET orig_rate_table = ? WHERE id = ?",
           WHALE, IDS["heron"])
    got = [r["code"] for r in heron.json("/api/rates?sort=price")["rates"]]
    t.equal(got, theirs, "another table from the next request on")
    change(sandbox, "UPDATE clients SET orig_rate_table = ? WHERE id = ?",
           HERON, IDS["heron"])
    got = [r["code"] for r in heron.json("/api/rates?sort=price")["rates"]]
    t.equal(got, own, "and back")
    sandbox.fault("clients.get", "error", times=5)
    answer = heron.get("/api/rates?sort=price", accept="application/json")
    sandbox.heal()
    t.check(answer.status >= 500, "VCS does not say whose: nothing",
            answer.status)
    change(sandbox, "UPDATE clients SET orig_rate_table = NULL WHERE id = ?",
           IDS["heron"])
    model = heron.json("/api/rates?sort=price")
    t.equal((model["rates"], model["as_of"]), ([], None), "no table, no rates")
    change(sandbox, "UPDATE clients SET orig_rate_table = ? WHERE id = ?",
           HERON, IDS["heron"])


def test_brands(t):
    """Two brands with tables of the same number, in one store."""
    change(other_sandbox, "UPDATE rates SET value = value + 1000000000 "
           "WHERE rate_tables_id = ?", HERON)
    p = Portal(sandbox, QUICK, brands={"acme": (other_sandbox, {
        **QUICK, "store": {"uri": "sqlite:/unused"}})})
    with open(p.config) as f:
        uri = harness.json.load(f)["store"]["uri"]
    p.brand("acme", other_sandbox, {**QUICK, "store": {"uri": uri}})
    p.reload()
    one = p.client().login("heron")
    two = p.client(brand="acme").login("heron")
    await_copy(one)
    await_copy(two)
    for c, where in ((one, sandbox), (two, other_sandbox)):
        rows = upstream(where, HERON)
        check_query(t, c, rows, 100, 1, sort="-price")
        check_query(t, c, rows, 100, 2, q="a", sort="name")


def key_of(where, brand="default"):
    """Whose copies the store has them as."""
    uri = "http://127.0.0.1:%d" % where.port
    return brand + " " + hashlib.sha256(uri.encode()).hexdigest()[:12]


def test_another_vcs(t):
    """The tables of another billing system are not those of the one before,
    though they have its numbers."""
    change(other_sandbox, "UPDATE rates SET value = value + 2000000000 "
           "WHERE rate_tables_id = ?", OSPREY)
    p = Portal(sandbox, QUICK)
    c = p.client().login("osprey")
    await_copy(c)
    check_query(t, c, upstream(sandbox, OSPREY), 25, 1, sort="-price")
    with open(p.config) as f:
        settings = harness.json.load(f)
    settings["coreApi"]["uri"] = "http://127.0.0.1:%d" % other_sandbox.port
    with open(p.config, "w") as f:
        harness.json.dump(settings, f)
    p.reload()
    rows = upstream(other_sandbox, OSPREY)
    prices = {NUMBER(r["value"]) for r in rows}
    shown = c.json("/api/rates?sort=-price&size=100")["rates"]
    t.check(shown and {NUMBER(r["price"]["amount"]) for r in shown} <= prices,
            "its prices at once")
    await_copy(c)
    check_query(t, c, rows, 25, 1, sort="-price")


def test_one_that_hangs(t):
    """A billing system that hangs holds up its own brand's tables: the next
    brand waits for one of them, not for all."""
    slow = {**QUICK, "coreApi": {"deadlineMs": 1000}}
    p = Portal(sandbox, slow, brands={"acme": (other_sandbox, {
        **QUICK, "store": {"uri": "sqlite:/unused"}})})
    with open(p.config) as f:
        uri = harness.json.load(f)["store"]["uri"]
    p.brand("acme", other_sandbox, {**QUICK, "store": {"uri": uri}})
    p.reload()
    theirs = p.client(brand="acme").login("heron")
    sandbox.fault("rates.search", "hang", times=100000)
    with harness.store(p) as store:
        for table in (WHALE, HERON, OSPREY):
            store.execute(
                "insert into rate_table (brand, table_id, used, generation, "
                "next_try, failures) values (?, ?, ?, 0, 0, 0)",
                (key_of(sandbox), table, int(time.time())))
    theirs.get("/api/rates")
    await_copy(theirs)
    harness.wait_for("its end", lambda: p.logged("rates.mirrored"))
    sandbox.heal()
    lines = p.log().split("\n")
    done = next(i for i, x in enumerate(lines) if "rates.mirrored" in x)
    failed = [x for x in lines[:done] if "rates.mirror_failed" in x]
    t.check(len(failed) <= 1, "it waited for one", failed)


# --- Reading --------------------------------------------------------------------

def test_foreign_piece(t):
    """A piece with another table's rows alone is no end: nothing is taken for
    whole."""
    bad = [0]

    def swap(params, rows):
        if params.get("offset", 0) >= 1000 and bad[0]:
            bad[0] -= 1
            return [{**r, "rate_tables_id": 999} for r in rows]
        return rows

    between = harness.Between(sandbox, "rates.search", swap)
    p = Portal(sandbox, {**QUICK, "coreApi": {"uri": between.uri}})
    c = p.client().token("whale")
    bad[0] = 1
    try:
        c.get("/api/rates.csv")
        t.fail("a file that looks whole")
    except EOFError:
        t.check(p.logged("export.broken"), "a broken file")
    bad[0] = 1
    t.status(c.get("/api/rates.xlsx"), 502, "no workbook")
    bad[0] = 1
    c.get("/api/rates")
    harness.wait_for("a failure", lambda: p.logged("rates.mirror_failed"))
    t.check(not p.logged("rates.mirrored"), "no copy")


def test_price_that_cannot_be_read(t):
    """The row is not shown, but those behind it are."""
    def spoil(params, rows):
        return [{**r, "value": None} if i + int(params.get("offset") or 0) == 3
                else r for i, r in enumerate(rows)]

    between = harness.Between(sandbox, "rates.search", spoil)
    c = Portal(sandbox, {"coreApi": {"uri": between.uri}}).client().login(
        "whale")
    model = c.json("/api/rates?size=10")
    t.check(model["page"]["more"], "more", model["page"])
    t.check("page=2" in c.get("/api/rates?size=10").text, "a next page")


def test_clock_was_ahead(t):
    """A copy made while the clock was wrong is not kept until then."""
    p = Portal(sandbox, QUICK)
    c = p.client().login("heron")
    await_copy(c)
    before = copies(p)[0][0]
    with harness.store(p) as store:
        store.execute("update rate_table set next_try = next_try + 34560000, "
                      "used = used + 34560000")
        wake(p)
        harness.wait_for("another reading", lambda: before not in [
            g for g, state in copies(p) if state == "whole"])
        harness.wait_for("the time of its use", lambda: not store.execute(
            "select 1 from rate_table where used > %d" % (
                time.time() + 3600)).fetchall())


def test_forgotten_while_read(t):
    """By another host: it waits until the reader is done."""
    p = Portal(sandbox, QUICK)
    c = p.client().login("whale")
    sandbox.fault("rates.search", "latency", value=500, times=100000)
    c.get("/api/rates")
    harness.wait_for("a reading", lambda: any(
        state == "filling" for _, state in copies(p)))
    with open(p.config) as f:
        uri = harness.json.load(f)["store"]["uri"]
    with harness.store(p) as store:
        store.execute("update rate_table set used = 1")
        # Looked at after the one that is read: when it is gone, that was.
        store.execute(
            "insert into rate_table (brand, table_id, used, generation, "
            "next_try, failures) values (?, 999, 0, 0, ?, 0)",
            (key_of(sandbox), int(time.time()) + 600))
        q = Portal(sandbox, {**QUICK, "store": {"uri": uri}})
        harness.wait_for("the other host's round", lambda: not store.execute(
            "select 1 from rate_table where table_id = 999").fetchall())
        t.check(store.execute("select 1 from rate_table where table_id = %d" %
                              WHALE).fetchall(), "not the one that is read")
        sandbox.heal()
        harness.wait_for("its end", lambda: p.logged("rates.mirrored"))
        t.check(not store.execute(
            "select 1 from rate_copy where state = 'whole' and table_id not "
            "in (select table_id from rate_table)").fetchall(), "none is lost")
    t.equal(q.end(), 0, "a good end")
    Portal.started.remove(q)



def await_reading(p):
    """Until the table is read once more from now on."""
    before = len(p.logged("rates.mirrored"))
    harness.wait_for("a reading",
                     lambda: len(p.logged("rates.mirrored")) > before + 1)


def test_truncated(t):
    """Answers that are cut lose no row."""
    rows = upstream(sandbox, WHALE)
    p = Portal(sandbox, {"rates": {"refresh": 1, "least": 100}})
    c = p.client().login("whale")
    await_copy(c)
    for times in (1, 6):
        sandbox.forget()
        sandbox.fault("rates.search", "truncate", times=times)
        await_reading(p)
        sandbox.heal()
        for number in (1, 50, len(rows) // 100 + 1):
            check_query(t, c, rows, 100, number, sort="price")
        for sort in ("name", "-code"):
            check_query(t, c, rows, 100, 60, sort=sort)
    t.check(not p.logged("rates.mirror_failed"), "no failure",
            p.logged("rates.mirror_failed"))
    end(t, p)


def wake(p):
    """The mirror's next round now: for a table that nobody looked at yet."""
    with harness.store(p) as store:
        store.execute("delete from rate_table where table_id = ?", (OSPREY,))
    if not hasattr(p, "waker"):
        p.waker = p.client().login("osprey")
    p.waker.get("/api/rates")


def due(p):
    """Read all again now."""
    with harness.store(p) as store:
        store.execute("update rate_table set next_try = 0")
    wake(p)


def copies(p):
    with harness.store(p) as store:
        return store.execute(
            "select generation, state from rate_copy").fetchall()


def test_failing_keeps_old(t):
    p = Portal(sandbox, {"rates": {"refresh": 1, "least": 100}})
    c = p.client().login("whale")
    first = await_copy(c)
    rows = upstream(sandbox, WHALE)
    sandbox.fault("rates.search", "error", times=100000)
    harness.wait_for("a failure",
                     lambda: p.logged("rates.mirror_failed"))
    kept = age(c)
    t.check(kept and kept["iso"] >= first["iso"], "the old copy is shown")
    check_query(t, c, rows, 100, 3, sort="price")
    t.equal(age(c), kept, "and no other")
    sandbox.heal()
    end(t, p)


def test_never_mixed(t):
    """While a table is read again, each page is of one reading: of the old
    one, and then of the new one."""
    p = Portal(sandbox, QUICK)
    c = p.client().login("whale")
    queries = ("sort=-price&page=3", "q=a&sort=name&page=90",
               "sort=interval&page=200", "page=400", "sort=service&page=300")
    for turn in range(2):
        change(sandbox, "UPDATE rates SET pay_interval = ? "
               "WHERE rate_tables_id = ?", 70 + turn, WHALE)
        sandbox.fault("rates.search", "latency", value=60, times=100000)
        due(p)
        found, order = {}, []
        while "new" not in order or order.count("new") < 5:
            model = c.json("/api/rates?size=25&" + queries[
                len(order) % len(queries)])
            if not model["as_of"]:
                continue
            found.setdefault(model["as_of"]["iso"], set()).update(
                r["interval"]["value"] for r in model["rates"])
            order.append("new" if any(
                r["interval"]["value"] == 70 + turn
                for r in model["rates"]) else "old")
        sandbox.heal()
        t.equal(order, sorted(order, reverse=True), "old, and then new")
        t.check(all(len(values) == 1 for values in found.values()),
                "of one reading each", found)
        t.check(turn == 0 or len(found) == 2, "both were seen", found)


def test_shrinks(t):
    p = Portal(other_sandbox, {"rates": {"refresh": 1, "least": 100}})
    c = p.client().login("whale")
    await_copy(c)
    before = upstream(other_sandbox, WHALE)
    change(other_sandbox, "DELETE FROM rates WHERE rate_tables_id = ? "
           "AND code >= '4'", WHALE)
    rows = upstream(other_sandbox, WHALE)
    t.check(100 < len(rows) < len(before) / 2, "fewer", len(rows))
    last = len(rows) // 100 + 1
    harness.wait_for("the smaller table", lambda: not c.json(
        "/api/rates?sort=name&size=100&page=%d" % (last + 1))["rates"])
    for number in (1, last, last + 1):
        check_query(t, c, rows, 100, number, sort="name")
    check_query(t, c, rows, 100, 1, q="5", sort="-price")
    change(other_sandbox, "DELETE FROM rates WHERE rate_tables_id = ? "
           "AND code >= '2'", WHALE)
    change(other_sandbox, "DELETE FROM rates WHERE rate_tables_id = ? "
           "AND id NOT IN (SELECT id FROM rates WHERE rate_tables_id = ? "
           "LIMIT 50)", WHALE, WHALE)
    harness.wait_for("too few to be copied", lambda: age(c) is None)
    t.check(len(c.json("/api/rates?size=100")["rates"]) <= 50,
            "read from VCS again")
    end(t, p)


# --- Bounds ---------------------------------------------------------------------

def test_bounded(t):
    p = Portal(sandbox, {"rates": {"refresh": 3600, "least": 100,
                                   "tableRows": 5000}})
    c = p.client().login("whale")
    c.get("/api/rates")
    harness.wait_for("a refusal", lambda: p.logged("rates.mirror_failed"))
    t.check("too many rows" in p.logged("rates.mirror_failed")[0], "it says",
            p.logged("rates.mirror_failed"))
    model = c.json("/api/rates?sort=price")
    t.equal((model["as_of"], model["page"].get("searched")), (None, 10000),
            "as without a mirror")
    t.check("We are preparing" not in c.get("/api/rates?sort=price").text,
            "and no promise")
    heron = p.client().login("heron")
    await_copy(heron)
    p = Portal(sandbox, {"rates": {"refresh": 3600, "least": 100,
                                   "rows": len(upstream(sandbox, WHALE)) +
                                   50}})
    whale, heron = (p.client().login(who) for who in ("whale", "heron"))
    await_copy(whale)
    heron.get("/api/rates")
    harness.wait_for("a refusal", lambda: p.logged("rates.mirror_failed"))
    t.check(age(whale) and not age(heron), "no room for another")
    with harness.store(p) as store:
        store.execute("update rate_table set used = used - 7200 "
                      "where table_id = ?", (WHALE,))
        store.execute("update rate_table set next_try = 0 "
                      "where table_id = ?", (HERON,))
    wake(p)
    await_copy(heron)
    harness.wait_for("room", lambda: p.logged("rates.mirror_dropped"))
    t.check(age(heron), "the one used longest ago goes")
    end(t, p)


def test_small_is_not_copied(t):
    p = Portal(sandbox, {"rates": {"refresh": 3600, "least": 11000}})
    c = p.client().login("heron")
    c.get("/api/rates")
    harness.wait_for("a reading", lambda: p.logged("rates.mirrored"))
    t.equal(age(c), None, "a small table is VCS's")
    t.check("We are preparing" not in c.get("/api/rates?q=a").text, "no words")


def test_forgets(t):
    p = Portal(sandbox, QUICK)
    c = p.client().login("heron")
    await_copy(c)
    with harness.store(p) as store:
        was = copies(p)[0][0]
        store.execute("update rate_table set used = 0")
        wake(p)
        harness.wait_for("the end of the table", lambda: not store.execute(
            "select 1 from rate_table where table_id = %d" % HERON).fetchall())
        store.execute("update rate_copy set changed = 0 "
                      "where state = 'old'")
        wake(p)
        harness.wait_for("the end of its rows", lambda: not store.execute(
            "select 1 from rate_piece where generation = %d limit 1" % was)
            .fetchall() and was not in [g for g, _ in copies(p)])
    t.equal(age(c), None, "as never looked at")
    t.check(await_copy(c), "and again")


def test_killed(t):
    """The process that reads dies: another one begins anew, and sweeps."""
    p = Portal(sandbox, QUICK)
    c = p.client().login("whale")
    sandbox.fault("rates.search", "latency", value=300, times=100000)
    c.get("/api/rates")
    harness.wait_for("a reading", lambda: any(
        state == "filling" for _, state in copies(p)))
    dead = copies(p)[0][0]
    mirror = max(p.workers(), key=int)
    os.kill(int(mirror), 9)
    sandbox.heal()
    await_copy(c)
    with harness.store(p) as store:
        store.execute("update rate_copy set changed = 0 where state = 'old'")
    wake(p)
    harness.wait_for("the dead copy's end",
                     lambda: dead not in [g for g, _ in copies(p)])
    t.check(dead not in [g for g, _ in copies(p)], "swept")
    check_query(t, c, upstream(sandbox, WHALE), 100, 7, sort="-name")
    text = p.log()
    t.check(text.count("pool.crashed") == 1, "one crash, as ordered")
    Portal.started.remove(p)
    t.equal(p.end(), 0, "and a good end")


def test_store_locked(t):
    """Nobody can write: what is there is read, what is not is VCS's."""
    if harness.SERVER:
        return
    p = Portal(sandbox, QUICK)
    whale, heron = (p.client().login(who) for who in ("whale", "heron"))
    await_copy(whale)
    lock = sqlite3.connect(p.folder + "/portico.db", isolation_level=None)
    lock.execute("begin immediate")
    rows = upstream(sandbox, WHALE)
    check_query(t, whale, rows, 25, 3, sort="-price", q="a")
    t.equal(heron.json("/api/rates?q=4")["as_of"], None, "VCS's")
    lock.execute("rollback")
    lock.execute("alter table rate_piece rename to rate_away")
    model = whale.json("/api/rates?size=100")
    t.equal((model["as_of"], [r["code"] for r in model["rates"]]),
            (None, [r["code"] for r in rows[:100]]), "falls back to VCS")
    t.equal(whale.json("/api/rates?sort=price")["page"].get("searched"),
            10000, "and to the limited search")
    lock.close()


def test_metrics(t):
    p = Portal(sandbox, QUICK)
    c = p.client().login("heron")
    await_copy(c)
    text = p.client().get("/api/metrics", env={"PORTICO_METRICS": "on"}).text
    count = len(upstream(sandbox, HERON))
    for line in ("portico_rate_tables{brand=\"default\"} 1",
                 "portico_rate_table_rows{brand=\"default\"} %d" % count,
                 "portico_rate_tables_failing{brand=\"default\"} 0"):
        t.check(line in text.split("\n"), line)
    found = [line for line in text.split("\n") if line.startswith(
        "portico_rate_table_oldest_seconds{")]
    t.check(found and abs(float(found[0].split()[-1]) - time.time()) < 120,
            "the age", found)


def clean():
    for where in (sandbox, other_sandbox):
        where.end()
        shutil.rmtree(where.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
