"""files.py: a file of all xDRs: how fast, from when, in how much memory, and
what the dashboard does meanwhile. (test/bench/export says more of files.)
"""
import datetime
import glob
import http.client
import json
import os
import subprocess
import threading
import time

import growth
import load
import parts

# All that there is, and what a sheet has rows for.
DAYS = {"csv": growth.DAYS + 10, "xlsx": growth.DAYS - 10}
PAUSE = 0.02  # seconds between two dashboards
QUIET = 4     # seconds of dashboards before any file
SLOW_MS = 200  # of an upstream page, to see what waits for it


def percentile(times, part):
    times = sorted(times)
    return round(times[min(int(len(times) * part), len(times) - 1)], 2)


def spool_bytes(pid):
    """Of temporary files that have no name any more."""
    total = 0
    for fd in glob.glob("/proc/%d/fd/*" % pid):
        try:
            if os.readlink(fd).endswith(" (deleted)"):
                total += os.stat(fd).st_blocks * 512
        except OSError:
            pass  # closed, or ended
    return total


class Watch:
    """The most that a worker had of private memory and of temporary files,
    ten times a second."""

    def __init__(self, portal):
        self.portal, self.done = portal, threading.Event()
        self.peak_kb = self.spool = 0
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def look(self):
        while not self.done.wait(0.1):
            for pid in self.portal.workers():
                self.peak_kb = max(self.peak_kb, parts.private_kb(pid))
                self.spool = max(self.spool, spool_bytes(pid))


def visit(portal, headers, goes_on):
    """Dashboards, one after the other, for as long as it goes on."""
    times = []
    while goes_on():
        times += load.time_requests(portal.port, "/api/dashboard", headers, 1,
                                    warm=0)
        time.sleep(PAUSE)
    return {"p50_ms": percentile(times, .5), "p99_ms": percentile(times, .99),
            "requests": len(times)} if times else None


def period(days):
    today = datetime.date.today()
    return "from=%s&to=%s" % (today - datetime.timedelta(days), today)


def count_rows(portal, headers, days):
    """What the summary says of the same period."""
    answer = portal.get("/api/usage/summary.json?" + period(days), headers)
    return json.loads(answer.body)["total"]["events"]


def start_download(portal, headers, suffix, days):
    """curl, which says how it went."""
    return subprocess.Popen(
        ["curl", "-sS", "-o", "/dev/null", "-H",
         "Cookie: " + headers["Cookie"], "-w", "%{http_code} "
         "%{time_starttransfer} %{time_total} %{size_download}",
         "http://127.0.0.1:%d/api/usage/detailed.%s?%s" % (
             portal.port, suffix, period(days))],
        stdout=subprocess.PIPE, text=True, start_new_session=True)


def measure_first_byte(portal, headers):
    """Of a file whose upstream pages are slow: milliseconds, beside those of a
    page."""
    portal.sandbox.control("POST", "/faults", {
        "operation": "reports.xdrs", "fault": "latency", "value": SLOW_MS})
    connection = http.client.HTTPConnection("127.0.0.1", portal.port,
                                            timeout=parts.PATIENCE)
    began = time.monotonic()
    connection.request("GET", "/api/usage/detailed.csv?" + period(DAYS["csv"]),
                       headers=headers)
    connection.getresponse().read(1)
    first = (time.monotonic() - began) * 1000
    connection.close()
    portal.sandbox.set_latency(0)
    return {"first_byte_ms": round(first, 1), "upstream_page_ms": SLOW_MS}


def measure_file(portal, whale, heron, suffix, days):
    rows = count_rows(portal, whale, days)
    with Watch(portal) as watch:
        download = start_download(portal, whale, suffix, days)
        meanwhile = visit(portal, heron, lambda: download.poll() is None)
    status, first, total, size = download.communicate()[0].split()
    return {"status": int(status), "rows": rows, "bytes": int(size),
            "seconds": round(float(total), 2),
            "first_byte_ms": round(float(first) * 1000, 1),
            "peak_kb": watch.peak_kb, "spool_bytes": watch.spool,
            "dashboard": meanwhile}


def measure(sandbox):
    result = {}
    for suffix, days in DAYS.items():
        # A pool of its own each, since a worker's memory has a past.
        portal = parts.Portal("files-" + suffix, sandbox, workers=4).serve()
        whale, heron = portal.log_in("whale"), portal.log_in("heron")
        load.time_requests(portal.port, "/api/dashboard", heron, 20)
        if "quiet" not in result:
            end = time.monotonic() + QUIET
            result["quiet"] = visit(portal, heron,
                                    lambda: time.monotonic() < end)
        parts.say("measuring %s" % suffix)
        result[suffix] = measure_file(portal, whale, heron, suffix, days)
        if suffix == "csv":
            result["slow"] = measure_first_byte(portal, whale)
        portal.end()
    return result
