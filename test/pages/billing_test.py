#!/usr/bin/env python3
"""billing_test.py: payments, charges, invoices and their files.

Totals are compared with what the billing system itself holds, digit by digit;
files come from the sandbox and from a server of the test's own, which sends
what a billing system sends when it fails.
"""
import csv
import datetime
import http.server
import io
import socket
import struct
import threading
import zipfile
from decimal import Decimal

import harness
from harness import IDS, Page

MONEY = {"amount", "currency", "text"}
TRANSACTION = {"id", "time", "amount", "description", "status", "reference"}
INVOICE = {"id", "number", "from", "to", "issued", "due", "total", "paid",
           "state", "download_url"}

sandbox = harness.Sandbox()
portal = harness.Portal(sandbox, {"locales": ["en", "de"]})
customers = {}


def customer(who):
    if who not in customers:
        customers[who] = portal.client().token(who)
    return customers[who]


def year():
    """The last 366 days, which hold all that the sandbox has."""
    to = datetime.date.today()
    return "from=%s&to=%s" % (to - datetime.timedelta(365), to)


def every_page(who, path, size=100):
    """All rows of a list, and the model of its first page."""
    rows, first, number = [], None, 1
    name = path.split("?")[0].rsplit("/", 1)[1]
    while True:
        model = customer(who).json("%s%ssize=%d&page=%d" % (
            path, "&" if "?" in path else "?", size, number))
        first = first or model
        rows += model[name]
        if not model["page"]["more"]:
            return rows, first
        number += 1


def known(who, kind, sign):
    """What the billing system holds, as {id: amount}."""
    return {row["id"]: sign * Decimal(row["amount"]) for row in sandbox.core(
        "transactions.search", clients_id=IDS[who], limit=10000)
        if row["type"] == kind}


def check_money(t, value, what):
    if t.check(isinstance(value, dict) and set(value) == MONEY,
               what + ": no money", value):
        Decimal(value["amount"])


def check_transactions(t, who, name, kind, sign):
    rows, model = every_page(who, "/api/%s?%s" % (name, year()))
    what = "%s of %s" % (name, who)
    t.equal(set(model), {name, "page", "filters", "total"}, what)
    t.equal(set(model["page"]), {"number", "size", "more"}, what + ": page")
    t.equal(set(model["filters"]), {"from", "to"}, what + ": filters")
    for row in rows:
        if set(row) != TRANSACTION:
            t.fail("%s: fields %s" % (what, sorted(row)))
    check_money(t, rows[0]["amount"], what)
    wanted = known(who, kind, sign)
    t.equal({row["id"]: Decimal(row["amount"]["amount"]) for row in rows},
            wanted, what + ": the rows")
    t.equal(len(rows), len(wanted), what + ": no row twice")
    t.equal(Decimal(model["total"]["amount"]), sum(wanted.values()),
            what + ": total")
    times = [datetime.datetime.fromisoformat(row["time"]["iso"])
             for row in rows]
    t.equal(times, sorted(times, reverse=True), what + ": the newest first")
    return rows


def test_payments_and_charges(t):
    for who in ("heron", "osprey", "whale"):
        check_transactions(t, who, "payments", "payment", 1)
        rows = check_transactions(t, who, "charges", "charge", -1)
        t.check(all(Decimal(r["amount"]["amount"]) > 0 for r in rows),
                "a charge is a positive cost")
    currencies = {r["amount"]["currency"] for r in every_page(
        "osprey", "/api/payments?" + year())[0]}
    t.equal(currencies, {"EUR"}, "the customer's currency")


def test_references(t):
    rows, _ = every_page("heron", "/api/payments?" + year())
    found = {row["description"]: row["reference"] for row in rows}
    t.equal(found["PayPal 8AB12345CD678901E"], "8AB12345CD678901E", "PayPal")
    t.equal(found["Authorize.Net 60198765432 <web>"], "60198765432",
            "Authorize.Net")
    t.equal(found["Bank transfer \"invoice\" & thanks"], None, "bank")
    t.equal(found["Top-up card 101-000002"], None, "a card's number is none")


def test_standard_period(t):
    """30 days with today; the total is that of the period alone."""
    rows, model = every_page("heron", "/api/charges")
    t.check(0 < len(rows) <= 40, "30 days of charges", len(rows))
    t.equal(Decimal(model["total"]["amount"]),
            sum(Decimal(r["amount"]["amount"]) for r in rows), "total")
    first, last = model["filters"]["from"], model["filters"]["to"]
    t.check(all(first <= r["time"]["iso"][:10] <= last for r in rows),
            "all rows lie in the period")


def test_pages(t):
    path = "/api/charges?" + year()
    rows, _ = every_page("heron", path, 10)
    once, _ = every_page("heron", path, 100)
    t.equal(rows, once, "small pages make the same list")
    model = customer("heron").json(path + "&page=1000")
    t.equal(model["charges"], [], "beyond the end")
    t.equal(model["page"], {"number": 1000, "size": 25, "more": False},
            "its page")
    t.equal(Decimal(model["total"]["amount"]),
            sum(Decimal(r["amount"]["amount"]) for r in rows),
            "the total is the period's all the same")


def test_parameters(t):
    bad = ["page=0", "page=x", "size=9", "size=101", "from=2026-02-30",
           "from=yesterday", "colour=red", "page=1&page=2",
           "from=2026-03-02&to=2026-03-01", "from=2025-01-01&to=2026-06-01"]
    for path in ("/api/payments", "/api/charges"):
        for query in bad:
            a = customer("heron").get("%s?%s" % (path, query),
                                      accept="application/json")
            if t.status(a, 400, path + " " + query):
                t.check(a.json["error"]["fields"], "names the field", query)
            t.equal(customer("heron").get("%s.csv?%s" % (path, query)).status,
                    400, "the same for its file")
    for query in ("state=open", "page=0", "size=1000", "from=2026-01-01"):
        t.status(customer("heron").get("/api/invoices?" + query,
                                       accept="application/json"),
                 400, "invoices " + query)
    t.status(customer("heron").get("/api/invoices.csv"), 404,
             "invoices have no file")


def test_anonymous(t):
    for path in ("/api/payments", "/api/charges", "/api/invoices",
                 "/api/invoices/9005/download", "/api/payments.csv",
                 "/api/charges.xlsx"):
        t.status(portal.client().get(path, accept="application/json"), 401,
                 path)
        t.status(portal.client().get(path, accept="text/html"),
                 401 if "." in path.rsplit("/", 1)[1] else 303, path)


def test_files(t):
    for name in ("payments", "charges"):
        rows, model = every_page("whale", "/api/%s?%s" % (name, year()))
        a = customer("whale").get("/api/%s.csv?%s" % (name, year()))
        t.status(a, 200, name + ".csv")
        t.equal(a.kind, "text/csv", "its type")
        t.check("%s_%s_%s.csv" % (name, model["filters"]["from"],
                                  model["filters"]["to"])
                in a.header("content-disposition"), "its name")
        lines = list(csv.reader(io.StringIO(a.body.decode("utf-8-sig"))))
        head = next(i for i, line in enumerate(lines)
                    if any(cell.startswith("Amount") for cell in line))
        at = [cell.startswith("Amount") for cell in lines[head]].index(True)
        amounts = [Decimal(line[at]) for line in lines[head + 1:]]
        t.equal(len(amounts), len(rows), name + ": rows of the file")
        t.equal(sum(amounts), Decimal(model["total"]["amount"]),
                name + ": sum of the file")
        a = customer("whale").get("/api/%s.xlsx?%s" % (name, year()))
        t.status(a, 200, name + ".xlsx")
        t.check("xl/worksheets/sheet1.xml" in zipfile.ZipFile(
            io.BytesIO(a.body)).namelist(), "a workbook")


def test_foreign_rows(t):
    before, _ = every_page("heron", "/api/payments?" + year())
    invoices, _ = every_page("heron", "/api/invoices")
    sandbox.fault("transactions.search", "foreign_rows")
    sandbox.fault("invoices.list", "foreign_rows")
    try:
        after, model = every_page("heron", "/api/payments?" + year())
        t.equal({r["id"] for r in after} - {r["id"] for r in before}, set(),
                "no row of somebody else")
        t.equal(Decimal(model["total"]["amount"]),
                sum(Decimal(r["amount"]["amount"]) for r in after),
                "nor in the total")
        after, _ = every_page("heron", "/api/invoices")
        t.equal({r["id"] for r in after} - {r["id"] for r in invoices}, set(),
                "no invoice of somebody else")
    finally:
        sandbox.heal()
    t.check(portal.logged("vcs.foreign_row"), "an incident is logged")


def test_faults(t):
    pages = {"/api/payments": "transactions.search",
             "/api/charges": "transactions.search",
             "/api/payments.csv": "transactions.search",
             "/api/invoices": "invoices.list",
             "/api/invoices/9005/download": "invoices.list"}
    for path, operation in pages.items():
        for fault in ("error", "wrong_type", "refuse", "truncate"):
            sandbox.fault(operation, fault)
            try:
                a = customer("heron").get(path, accept="application/json")
                t.status(a, 502, "%s: %s" % (path, fault))
                t.check(b"PDF" not in a.body, "no file")
            finally:
                sandbox.heal()
    t.status(customer("heron").get("/api/payments"), 200, "healed")


def test_expired_session(t):
    """Management's SID is over: asked again with log-in and password."""
    customer("heron").json("/api/invoices")
    for operation in ("invoices.list", "invoices.getFile"):
        for _ in range(4):
            sandbox.fault(operation, "expire", times=1)
            a = customer("heron").get("/api/invoices/9005/download")
            sandbox.heal()
            t.status(a, 200, "a session expired at " + operation)
            t.check(a.body.startswith(b"%PDF"), "the file")


# --- Invoices -----------------------------------------------------------------

def test_invoices(t):
    for who, shown in (("heron", 7), ("osprey", 7), ("whale", None)):
        rows, model = every_page(who, "/api/invoices")
        t.equal(set(model), {"invoices", "page", "filters", "owed", "counts"},
                who)
        t.equal(set(model["counts"]), {"all", "unpaid", "paid", "overdue"},
                "counts")
        counts = model["counts"]
        if shown:
            t.equal(len(rows), shown, who + ": none that is to be verified")
        t.equal(counts["all"], len(rows), who + ": all")
        open_sum = Decimal(0)
        for row in rows:
            if set(row) != INVOICE:
                t.fail("fields: %s" % sorted(row))
            left = (Decimal(row["total"]["amount"]) -
                    Decimal(row["paid"]["amount"]))
            t.check((left > 0) == (row["state"] != "paid"), "state", row)
            if row["state"] != "paid":
                open_sum += left
            t.equal(row["download_url"],
                    "/api/invoices/%d/download" % row["id"], "its file")
        t.equal(Decimal(model["owed"]["amount"]), open_sum, who + ": owed")
        for state in ("unpaid", "paid", "overdue"):
            part, view = every_page(who, "/api/invoices?state=" + state, 10)
            t.equal([r["id"] for r in part],
                    [r["id"] for r in rows if r["state"] == state],
                    "%s: %s" % (who, state))
            t.equal(counts[state], len(part), "its count")
            t.equal(view["counts"], counts, "the counts stay")
            t.equal(view["owed"], model["owed"], "what is owed stays")
            t.equal(view["filters"], {"state": state}, "the filter")
    rows, _ = every_page("heron", "/api/invoices")
    t.equal([r["state"] for r in rows][:3], ["unpaid", "overdue", "paid"],
            "the sandbox's months")
    t.check(9008 not in [r["id"] for r in rows], "9008 is to be verified")


def test_download(t):
    rows, _ = every_page("heron", "/api/invoices")
    for row in rows[:3]:
        a = customer("heron").get(row["download_url"])
        t.status(a, 200, "file of " + row["number"])
        t.equal(a.kind, "application/pdf", "its type")
        t.equal(a.header("content-disposition"),
                'attachment; filename="%s.pdf"' % row["number"], "its name")
        t.check(a.body.startswith(b"%PDF") and b"%%EOF" in a.body and
                row["number"].encode() in a.body, "the file itself")
    for wrong in ("9105", "9400", "9008", "1", "09005", "9005x", "-9005",
                  "99999999999999999999", "x"):
        for kind in ("application/json", "text/html"):
            a = customer("heron").get("/api/invoices/%s/download" % wrong,
                                      accept=kind)
            t.status(a, 404, "not heron's: " + wrong)
            t.check(b"PDF" not in a.body, "no file")


# --- A file server of the test's own ------------------------------------------

class Files(http.server.BaseHTTPRequestHandler):
    """Sends what `say` holds: status, headers, pieces."""
    say = None
    asked = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Files.asked.append((self.path, body.decode()))
        status, headers, pieces, promised = Files.say
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if promised is not None:
            self.send_header("Content-Length", str(promised))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        for piece in pieces():
            self.wfile.write(piece)
        self.close_connection = True

    def log_message(self, *unused):
        pass


def say(status=200, body=b"%PDF-1.4 fine", promised=None, **headers):
    Files.asked.clear()
    pieces = body if callable(body) else lambda: [body]
    Files.say = (status, {k.replace("_", "-"): v for k, v in headers.items()},
                 pieces, promised)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
threading.Thread(target=server.serve_forever, daemon=True).start()
other = harness.Portal(sandbox, {
    "billingUri": "http://127.0.0.1:%d/" % server.server_address[1]},
    workers=1)
heron = other.client().token("heron")


def fetch(**how):
    return heron.get("/api/invoices/9005/download", **how)


def test_types_and_names(t):
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    for given, name, wanted, suffix in (
            ("application/pdf", "x.exe", "application/pdf", ".pdf"),
            ("Application/PDF; charset=x", "", "application/pdf", ".pdf"),
            ("application/vnd.ms-excel", "x", "application/vnd.ms-excel",
             ".xls"),
            (sheet, "x.xlsx", sheet, ".xlsx"),
            ("application/octet-stream", "a/../b.PDF",
             "application/octet-stream", ".pdf"),
            ("application/pdfx", "x.html", "application/octet-stream", ""),
            ("image/svg+xml", "x.svg", "application/octet-stream", ""),
            ("application/javascript", "x.js", "application/octet-stream",
             "")):
        say(Content_Type=given,
            Content_Disposition='attachment; filename="%s"' % name)
        a = fetch()
        t.status(a, 200, given)
        t.equal(a.kind, wanted, given)
        t.equal(a.header("content-disposition"),
                'attachment; filename="INV-9005%s"' % suffix, given)
        t.equal(a.body, b"%PDF-1.4 fine", "the bytes")
    path, body = Files.asked[0]
    t.equal(path, "/admin/invoices/getFile", "where it was asked")
    t.check("__api=1" in body and "id=9005" in body and
            ("SID=" in body or "auth%5Blogin%5D=" in body), "how", body)


def test_failures_are_no_file(t):
    cases = {
        "a refusal": {"X_VCS_Status": "1"},
        "a refusal with a body": {"X_VCS_Status": "101", "body": b"denied"},
        "a page": {"Content_Type": "text/html; charset=utf-8",
                   "body": b"<html>failed"},
        "a page that says it is a PDF": {"Content_Type": "application/pdf",
                                         "body": b"\n<br /><b>Fatal error"},
        "an error in JSON": {"Content_Type": "application/json",
                             "body": b"{}"},
        "an empty file": {"Content_Type": "application/pdf", "body": b"",
                          "promised": 0},
        "500": {"status": 500, "Content_Type": "application/pdf"},
        "302": {"status": 302, "Location": "/login"},
        "204": {"status": 204, "body": b"", "promised": 0},
    }
    for what, answer in cases.items():
        if what == "a refusal":
            answer["body"] = b""
            answer["promised"] = 0
        say(**answer)
        a = fetch(accept="application/json")
        t.status(a, 502, what)
        t.equal(a.kind, "application/json", what)
        t.equal(a.header("content-disposition"), None, what)
        t.status(fetch(accept="text/html"), 502, what)
    say(Content_Type="application/pdf")
    t.equal(fetch().body, b"%PDF-1.4 fine", "and then it works")


def test_broken_in_the_middle(t):
    """[row: vcs-file]"""
    say(Content_Type="application/pdf", promised=10 ** 6,
        body=lambda: [b"%PDF-1.4 " + b"x" * 50000])
    try:
        a = fetch()
        t.fail("the transfer looks whole: %d, %d bytes" % (
            a.status, len(a.body)))
    except EOFError:
        t.passed += 1
    t.check("invoice.file" in "\n".join(other.logged("vcs.failed")),
            "the failure is logged")
    say(Content_Type="application/pdf")
    t.equal(fetch().body, b"%PDF-1.4 fine", "the next one is whole")


def highest_memory():
    """KiB that the worker held at most."""
    parent = other.process.pid
    with open("/proc/%d/task/%d/children" % (parent, parent)) as f:
        workers = f.read().split()
    most = 0
    for pid in workers:
        with open("/proc/%s/status" % pid) as f:
            for line in f:
                if line.startswith("VmHWM"):
                    most = max(most, int(line.split()[1]))
    return most


def count_bytes(mib):
    """Fetches a file of so many MiB and throws it away, piece by piece."""
    counted = [0]

    def exchange(path, env, body):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(harness.PATIENCE)
            s.connect(path)
            s.sendall(harness.record(harness.BEGIN, b"\0\1" + bytes(6)) +
                      harness.stream(harness.PARAMS,
                                     harness.encode_params(env)) +
                      harness.record(harness.STDIN))
            head = b""
            with s.makefile("rb") as f:
                while True:
                    _, kind, _, length, pad, _ = struct.unpack(
                        "!BBHHBB", f.read(8))
                    data = f.read(length + pad)[:length]
                    if kind == harness.END:
                        return head
                    if b"\r\n\r\n" not in head:
                        head += data
                    counted[0] += len(data)

    say(Content_Type="application/pdf",
        body=lambda: [b"%PDF-1.4"] + [b"x" * 2 ** 20] * mib)
    usual, harness.exchange = harness.exchange, exchange
    try:
        a = fetch()
    finally:
        harness.exchange = usual
    return a.status == 200 and counted[0] > mib * 2 ** 20


def test_memory(t):
    t.check(count_bytes(2), "2 MiB")
    before = highest_memory()
    t.check(count_bytes(100), "100 MiB")
    after = highest_memory()
    t.check(after - before < 4096, "the worker's memory", before, after)
    print("    memory of a worker, KiB: %d, after 100 MiB %d" % (
        before, after))


def test_late(t):
    """A billing system that hangs: 504, and nothing that looks like a file."""
    hasty = harness.Portal(sandbox, {
        "coreApi": {"deadlineMs": 1000}, "managementApi": {"deadlineMs": 1000}})
    client = hasty.client().token("heron")
    client.json("/api/invoices")
    for operation, path in (
            ("transactions.search", "/api/payments"),
            ("transactions.search", "/api/charges.csv"),
            ("invoices.list", "/api/invoices"),
            ("invoices.getFile", "/api/invoices/9005/download")):
        sandbox.fault(operation, "hang")
        try:
            a = client.get(path, accept="application/json")
            t.status(a, 504, "%s: %s hangs" % (path, operation))
        finally:
            sandbox.heal()


def test_pieces_that_are_cut(t):
    """A piece that ends too early is asked for in halves; the total stays."""
    path = "/api/charges?" + year()
    wanted = customer("whale").json(path)
    for times in (1, 2, 3):
        sandbox.fault("transactions.search", "truncate", times=times)
        try:
            t.equal(customer("whale").json(path)["total"], wanted["total"],
                    "cut %d times" % times)
        finally:
            sandbox.heal()
    whole = customer("whale").get("/api/charges.csv?" + year()).body
    sandbox.fault("transactions.search", "truncate", times=1)
    try:
        t.equal(customer("whale").get("/api/charges.csv?" + year()).body,
                whole, "a file of cut pieces")
    finally:
        sandbox.heal()


# --- Long lists ---------------------------------------------------------------

def test_more_than_the_limit(t):
    small = harness.Portal(sandbox, {"limits": {"tableRows": 100}})
    client = small.client().token("whale")
    model = client.json("/api/charges?size=100&" + year())
    t.equal(model["total"], None, "no total of a part")
    t.equal(model["page"], {"number": 1, "size": 100, "more": False,
                            "searched": 100}, "the page says so")
    t.equal([r["id"] for r in model["charges"]],
            [r["id"] for r in every_page(
                "whale", "/api/charges?" + year())[0]][:100], "the newest")
    browser = small.client().login("whale")
    page = Page(browser.get("/api/charges?" + year()).text)
    t.check("more than 100 entries" in page.text, "people are told")
    lines = client.get("/api/charges.csv?" + year()).body.count(b"\r\n")
    t.check(lines > 1000, "the file has all", lines)


# --- For people ---------------------------------------------------------------

def test_html(t):
    for who in ("heron", "osprey", "whale"):
        browser = portal.client().login(who)
        for path in ("/api/payments", "/api/charges", "/api/invoices"):
            a = browser.get(path + ("" if path.endswith("invoices")
                                    else "?" + year()))
            t.status(a, 200, path)
            page = Page(a.text)
            t.check(len(page.find("table")) == 1, path + ": a table")
            for tag in ("b", "web", "script", "i"):
                t.equal(page.find(tag), [], path + ": markup of a name")
            for key in ("payments.", "charges.", "invoices.", "period.",
                        "transactions.", "table."):
                t.check(not any(text.startswith(key)
                                for text, _ in page.texts),
                        path + ": a text is missing", key)
    german = Page(portal.client().login("osprey").get("/api/invoices").text)
    t.check("Noch zu zahlen" in german.text and "Herunterladen" in german.text,
            "osprey reads German")
    page = Page(portal.client().login("heron").get("/api/invoices").text)
    t.equal(len([a for a in page.find("a")
                 if a.get("href", "").endswith("/download")]), 7,
            "a link for each file")


def test_html_of_nothing(t):
    browser = portal.client().login("heron")
    empty = "/api/payments?from=2020-01-01&to=2020-01-31"
    page = Page(browser.get(empty).text)
    t.check("No payments in this period" in page.text and
            "Choose another period" in page.text, "an empty period")
    t.equal(browser.get(empty, accept="application/json").json["total"]
            ["amount"], "0", "whose total is nothing")
    page = Page(browser.get("/api/invoices?page=99").text)
    t.check("beyond the end" in page.text, "beyond the end")
    a = browser.get("/api/payments?from=2026-03-02&to=2026-03-01")
    t.status(a, 400, "a wrong period")
    page = Page(a.text)
    t.check("The last day is before the first one" in page.text,
            "says what is wrong")
    t.check(page.find("input", name="from", value="2026-03-02"),
            "keeps what was typed")


def clean():
    server.shutdown()
    sandbox.end()


if __name__ == "__main__":
    harness.main(globals(), clean)
