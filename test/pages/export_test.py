#!/usr/bin/env python3
"""export_test.py: what all files have in common: their size, their end, what
stays of them on the disk, and that CSV, XLSX and JSON say the same.
"""
import csv
import datetime
import io
import json
import os
import re
import signal
import struct
import time
import xml.etree.ElementTree
import zipfile

import harness
from harness import Page, wait_for

sandbox = harness.Sandbox()
PROFILE = json.load(open(os.path.join(harness.ROOT, "conf/vcs/default.json")))
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


def days(back, until=0):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return "from=%s&to=%s" % (today - datetime.timedelta(back),
                              today - datetime.timedelta(until))


ALL = days(300)
DETAILED = "/api/usage/detailed"


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


def calls(operation):
    return sum(call["operation"] == operation
               for call in sandbox.calls()["calls"])


# --- Reading ------------------------------------------------------------------

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def column_of(place):
    number = 0
    for letter in re.match("[A-Z]+", place).group():
        number = number * 26 + ord(letter) - 64
    return number - 1


def unescape(text):
    return re.sub("_x([0-9A-Fa-f]{4})_",
                  lambda m: chr(int(m.group(1), 16)), text)


def read_sheet(body):
    """The rows of an XLSX's sheet, each cell as (text, is a number)."""
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        root = xml.etree.ElementTree.fromstring(
            book.read("xl/worksheets/sheet1.xml"))
        assert "xl/sharedStrings.xml" not in book.namelist()
    rows = []
    for row in root.iter(SHEET + "row"):
        cells = []
        for cell in row:
            assert cell.find(SHEET + "f") is None, "a formula"
            at = column_of(cell.get("r"))
            cells += [("", False)] * (at - len(cells))
            if cell.get("t") == "inlineStr":
                text = "".join(x.text or "" for x in cell.iter(SHEET + "t"))
                cells.append((unescape(text), False))
            else:
                cells.append((cell.find(SHEET + "v").text, True))
        rows.append(cells)
    return rows


# --- Too large ----------------------------------------------------------------

def test_too_large(t):
    """Words that point to CSV: as JSON, and as a page for who clicked."""
    tiny = harness.Portal(sandbox, {"limits": {"exportFile": 1048576}})
    uri = "%s.xlsx?%s" % (DETAILED, ALL)
    for who, words, back in (
            ("whale", "download it as CSV", "Back to the page"),
            ("osprey", "als CSV herunter", "Zur\u00fcck zur Seite")):
        browser = tiny.client().login(who)
        a = browser.get(uri + ("" if who == "whale" else "&size=100"),
                        accept=BROWSER)
        if not t.status(a, 413, who):
            continue
        t.equal(a.kind, "text/html", "a page")
        t.equal(a.header("content-disposition"), None, "no file")
        page = Page(a.text)
        t.check(words in page.text, "points to CSV", page.text[-900:])
        links = [v for tag, name, v in page.attributes
                 if tag == "a" and name == "href"]
        at = [v for v in links if v.startswith(DETAILED + "?from=")]
        t.equal(len(at), 1, "a way back")
        t.check(back in page.text, "and its words")
        t.status(browser.get(at[0]), 200, "where it leads")
        t.status(browser.get(uri, accept="*/*"), 413, "for a program")
        t.check("CSV" in browser.get(uri).json["error"]["message"],
                "the same words")
        csv_file = browser.get(uri.replace(".xlsx", ".csv"))
        t.status(csv_file, 200, "CSV has no bound")


def test_errors_for_who_clicks(t):
    browser = portal.client().login("heron")
    for path, operation in (("/api/payments", "transactions.search"),
                            ("/api/rates", "rates.search"),
                            ("/api/usage/summary", "reports.summary"),
                            (DETAILED, "reports.xdrs")):
        for ending in (".csv", ".xlsx"):
            sandbox.fault(operation, "error")
            a = browser.get(path + ending, accept=BROWSER)
            sandbox.heal()
            t.status(a, 502, path + ending)
            t.equal(a.kind, "text/html", "a page")
            t.check('href="%s"' % path in a.text, "leads back")
            a = browser.get(path + ending + "?nothing=1", accept=BROWSER)
            t.status(a, 400, path + ending)
            t.check("<bdi class=\"code\">nothing</bdi>" in a.text,
                    "says what is wrong")
            a = portal.client().get(path + ending, accept=BROWSER)
            t.status(a, 401, path + ending + " for nobody")
            t.check("/api/login" in a.text, "leads to the log-in")


# --- The temporary file -------------------------------------------------------

def workers_of(which):
    pid = which.process.pid
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(word) for word in f.read().split()]


def open_in(pid, folder):
    """What a process has open of a folder, under names that are gone."""
    found = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            name = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            continue
        if name.startswith(folder + "/"):
            found.append(name)
    return found


def begin(which, client, uri):
    """Asks for a file; the connection."""
    env = {"REQUEST_METHOD": "GET", "REQUEST_URI": uri,
           "DOCUMENT_URI": uri.split("?")[0],
           "QUERY_STRING": uri.split("?")[1],
           "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "localhost",
           "SERVER_PORT": "9080", "REMOTE_ADDR": "198.51.100.1",
           "HTTP_AUTHORIZATION": "Bearer " + client.bearer}
    s = harness.socket.socket(harness.socket.AF_UNIX)
    s.settimeout(harness.PATIENCE)
    s.connect(which.socket)
    s.sendall(harness.record(harness.BEGIN, struct.pack("!HB5x", 1, 0)) +
              harness.stream(harness.PARAMS, harness.encode_params(env)) +
              harness.stream(harness.STDIN, b""))
    return s


def test_nothing_is_left(t):
    """Neither of a file that nobody waits for nor of a worker that dies."""
    folder = os.path.join(sandbox.folder, "tmp")
    os.makedirs(folder)
    other = harness.Portal(sandbox, {"pool": {"workers": 1}},
                           env={"TMPDIR": folder}, workers=1)
    client = other.client().token("whale")
    worker, = workers_of(other)
    uri = "%s.xlsx?%s" % (DETAILED, ALL)
    sandbox.forget()
    sandbox.fault("reports.xdrs", "hang", after=4)
    s = begin(other, client, uri)
    wait_for("the fifth piece", lambda: open_in(worker, folder) and
             calls("reports.xdrs") == 4)
    t.check(all(name.endswith(" (deleted)")
                for name in open_in(worker, folder)), "without a name",
            open_in(worker, folder))
    t.equal(os.listdir(folder), [], "nothing to be seen")
    s.close()
    sandbox.heal()
    wait_for("its end", lambda: not open_in(worker, folder))
    t.equal(workers_of(other), [worker], "the same worker")
    t.check(calls("reports.xdrs") <= 6,
            "no more is asked for once nobody waits", calls("reports.xdrs"))
    t.status(client.get("/api/rates"), 200, "it serves on")

    sandbox.fault("reports.xdrs", "hang", after=4)
    s = begin(other, client, uri)
    wait_for("the temporary file", lambda: open_in(worker, folder))
    os.kill(worker, signal.SIGKILL)
    t.equal(s.recv(100), b"", "no answer")
    wait_for("a new worker", lambda: workers_of(other) not in ([], [worker]))
    sandbox.heal()
    t.equal(os.listdir(folder), [], "nothing is left of a killed one")
    t.status(client.get("/api/rates"), 200, "the new one serves")
    s.close()
    # That a worker was killed is in its log, as it should be.
    t.check(other.logged("pool.crashed"), "the kill is logged")
    harness.Portal.started.remove(other)
    t.equal(other.end(), 0, "a clean end")
    t.check("Sanitizer" not in other.log(), "no trouble")


# --- The next piece, while this one is written --------------------------------

def test_ahead(t):
    """Who reads nothing holds up the first piece, more than a socket takes: the
    second is asked for all the same, and nothing behind it. Who leaves ends
    that question too."""
    other = harness.Portal(sandbox, {"pool": {"workers": 1}}, workers=1)
    client = other.client().token("whale")
    uri = "%s.csv?%s" % (DETAILED, ALL)
    sandbox.forget()
    s = begin(other, client, uri)
    wait_for("the second question", lambda: calls("reports.xdrs") == 2)
    t.check(s.recv(1000), "the first piece is on its way")
    t.equal(calls("reports.xdrs"), 2, "one is under way")
    s.close()
    t.status(client.get("/api/rates"), 200, "the worker is free")

    sandbox.fault("reports.xdrs", "hang", after=1)
    s = begin(other, client, uri)
    t.check(s.recv(1000), "the first piece is on its way")
    s.close()
    began = time.monotonic()
    t.status(client.get("/api/rates"), 200, "nobody waits for the second")
    t.check(time.monotonic() - began < harness.PATIENCE / 2, "at once")
    sandbox.heal()
    t.equal(client.get(uri).body, portal.client().token("whale").get(uri).body,
            "all is in order afterwards")


def test_ahead_of_a_slow_reader(t):
    """An answer that nobody took in time, since the reader was slow, is asked
    for again: VCS did nothing wrong."""
    other = harness.Portal(sandbox, {"coreApi": {"deadlineMs": 500}})
    client = other.client().token("whale")
    uri = "%s.csv?%s" % (DETAILED, ALL)
    whole = client.get(uri).body
    with begin(other, client, uri) as s:
        body = harness.exactly(s, 1000)
        time.sleep(1)  # the reader's, twice the deadline
        while piece := s.recv(65536):
            body += piece
    t.equal(unpack(body), (whole, True), "the whole file")
    t.check(not other.logged("vcs.breaker_open"), "no breaker")


def test_pages_of_any_number(t):
    """One question each, for just its rows, however far back."""
    client = portal.client().token("whale")
    rows = {}
    for page in (1, 2, 700):
        sandbox.forget()
        a = client.get("%s?%s&page=%d" % (DETAILED, ALL, page),
                       json_port=True)
        t.equal(calls("reports.xdrs"), 1, "page %d" % page)
        rows[page] = [row["id"] for row in a.json["rows"]]
        t.equal(len(rows[page]), 25, "its rows")
    t.equal(len(set(sum(rows.values(), []))), 75, "no row twice")


# --- How many at once ---------------------------------------------------------

def figure(which, name):
    text = which.client().get(
        "/api/metrics", env={"PORTICO_METRICS": "on"}).text
    return sum(float(line.split()[-1]) for line in text.split("\n")
               if re.match(re.escape(name) + r"[ {]", line))


def test_limit(t):
    """A quarter of the workers make big files; pages and small files are
    served all the same."""
    other = harness.Portal(sandbox, workers=8)
    whale = other.client().token("whale")
    uri = "%s.csv?%s" % (DETAILED, ALL)
    held = []
    for n in (1, 2):
        held.append(begin(other, whale, uri))
        t.check(held[-1].recv(1000), "a file is on its way")
        t.equal(figure(other, "portico_exports"), n, "counted")
    for path in (uri, uri.replace(".csv", ".xlsx")):
        a = whale.get(path, json_port=True)
        harness.check_error(t, a, 503, "busy", path)
        t.equal(a.header("retry-after"), "30", "when to come again")
        t.check("large files" in a.json["error"]["message"], "why", a.text)
    a = whale.get("/api/personal/data", json_port=True)
    t.check("large files" in a.text, "personal data is a big file", a.text)
    browser = other.client().login("whale")
    a = browser.get(uri, accept=BROWSER)
    harness.check_error_page(t, a, 503, "who clicks")
    t.check("Many large files are being made" in Page(a.text).text, "why",
            a.text[-900:])
    t.check('href="%s?from=' % DETAILED in a.text, "the way back")
    for path in ("/api/dashboard", DETAILED, "/api/payments.xlsx",
                 "%s.csv?%s" % (DETAILED, days(1))):
        t.status(browser.get(path), 200, path)
    t.equal(figure(other, "portico_exports_refused_total"), 4, "counted")

    held.pop().close()
    wait_for("its end", lambda: figure(other, "portico_exports") == 1)
    t.status(whale.get(uri), 200, "one more may come")
    wait_for("its end", lambda: figure(other, "portico_exports") == 1)
    before = other.workers()
    for pid in before:
        os.kill(int(pid), signal.SIGKILL)
    wait_for("others", lambda: len(other.workers() - before) == 8)
    t.equal(figure(other, "portico_exports"), 0, "dead workers make none")
    held.pop().close()
    # That workers were killed is in its log, as it should be.
    harness.Portal.started.remove(other)
    t.equal(other.end(), 0, "a clean end")


def test_limit_by_setting(t):
    two = harness.Portal(sandbox, {"limits": {"exports": 2}}, workers=4)
    whale = two.client().token("whale")
    uri = "%s.csv?%s" % (DETAILED, ALL)
    held = [begin(two, whale, uri) for _ in range(2)]
    for s in held:
        t.check(s.recv(1000), "a file is on its way")
    t.status(whale.get(uri), 503, "the third")
    for s in held:
        s.close()


def test_limit_of_what_is_filtered(t):
    """What a filter leaves out is read all the same: it counts, and ends in
    time, though not a byte goes out."""
    other = harness.Portal(sandbox, {
        "limits": {"exports": 1, "exportTime": 3}}, workers=3)
    whale = other.client().token("whale")
    uri = "/api/rates.%s?q=zzzzzz"
    sandbox.fault("rates.search", "hang", after=1, times=1)
    with begin(other, whale, uri % "csv") as s:
        # Else it would be one of the others that hangs.
        wait_for("its second piece to hang", lambda: not any(
            f["times"] for f in sandbox.control("GET", "/faults")))
        wait_for("it to count", lambda: figure(other, "portico_exports") == 1)
        for suffix in ("csv", "xlsx"):
            a = whale.get(uri % suffix, json_port=True)
            harness.check_error(t, a, 503, "busy", suffix)
        time.sleep(3)  # the file's time is over
        sandbox.heal()
        head = s.recv(65536)
    t.check(b"Status: 504" in head, "ended, and not read on", head[:200])
    t.check(other.logged("export.late"), "its reason is logged")


def test_late(t):
    """What takes longer than limits.exportTime is cut off, and seen to be."""
    other = harness.Portal(sandbox, {"limits": {"exportTime": 3}})
    client = other.client().token("whale")
    sandbox.fault("reports.xdrs", "hang", after=2, times=1)
    with begin(other, client, "%s.csv?%s" % (DETAILED, ALL)) as s:
        data = s.recv(1000)
        time.sleep(3)  # the file's time is over
        sandbox.heal()
        while piece := s.recv(65536):
            data += piece
    body, whole = unpack(data)
    full = portal.client().token("whale").get(
        "%s.csv?%s" % (DETAILED, ALL)).body
    t.check(not whole and body and full.startswith(body), "a broken file",
            len(body))
    t.equal(len(other.logged("export.late")), 1, "its reason is logged")


# --- A billing system that does not heed offsets ------------------------------

def unpack(data):
    """The bytes of a file, and whether it came whole."""
    body = b""
    while data:
        head, data = data[:8], data[8:]
        if head[0] != 1 or head[1] == harness.END:
            return body.partition(b"\r\n\r\n")[2], head[0] == 1
        length = int.from_bytes(head[4:6], "big")
        body += data[:length]
        data = data[length + head[6]:]
    return body, False


def fetch_raw(which, client, uri):
    data = b""
    with begin(which, client, uri) as s:
        while piece := s.recv(65536):
            data += piece
    return unpack(data)


def test_the_same_rows_for_ever(t):
    """What came whole is shown; a list that does not end is an error, and its
    file is broken, without a row twice."""
    def deaf(operations):
        for name in ("rate.list", "transaction.list", "xdr.list"):
            del operations[name]["params"]["offset"]

    other = portal_with("deaf", deaf)
    mine, theirs = (p.client().token("osprey") for p in (portal, other))
    for path in ("/api/payments?" + ALL, "/api/charges?" + ALL):
        for uri in (path, path.replace("?", ".csv?")):
            t.equal(theirs.get(uri, json_port=True).body,
                    mine.get(uri, json_port=True).body, "few: " + uri)
        sheet = [c.get(path.replace("?", ".xlsx?")).body
                 for c in (mine, theirs)]
        t.equal(*[read_sheet(body) for body in sheet], "few: XLSX")
    t.check(len(read_sheet(sheet[0])) > 90, "rows", len(read_sheet(sheet[0])))
    whale, deaf_whale = (p.client().token("whale") for p in (portal, other))
    for path, operation in (
            ("/api/payments?" + ALL, "transactions.search"),
            ("/api/charges?" + ALL, "transactions.search"),
            ("/api/rates?q=1", "rates.search")):
        sandbox.forget()
        a = deaf_whale.get(path, json_port=True)
        t.status(a, 502, "many: " + path)
        a = deaf_whale.get(path.replace("?", ".xlsx?"), json_port=True)
        t.status(a, 502, "many: an XLSX of " + path)
        body, whole = fetch_raw(
            other, deaf_whale, path.replace("?", ".csv?"))
        t.check(not whole, "many: a CSV of " + path, len(body))
        full = whale.get(path.replace("?", ".csv?")).body
        t.check(full.startswith(body) and 1000 < len(body) < len(full),
                "rows only, none twice", len(body), len(full), body[-200:])
        t.check(calls(operation) <= 30, "few questions", calls(operation))
    t.check(other.logged("vcs.offset"), "the reason is logged")
    uri = "%s.csv?%s" % (DETAILED, days(300, 2))
    t.equal(deaf_whale.get(uri).body, whale.get(uri).body,
            "xDRs go by time instead")


def clean():
    sandbox.end()


if __name__ == "__main__":
    harness.main(globals(), clean)
