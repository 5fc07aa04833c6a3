"""load.py: pages under load, beside the floor; latency; many at once.

The floor (floor.c) is a bare libfcgi + libcurl worker that makes the calls to
the billing system that the page makes, in the same order, and answers the
page's bytes. Both run with as many workers, behind the same nginx
configuration, in turns, so that what else the machine does hits both.
"""
import http.client
import json
import os
import re
import subprocess
import sys
import time
from statistics import median

import pages
import parts
import record

CONNECTIONS = 16
FIGURES = ("rps", "cpu_us", "p50_ms", "p99_ms")


# --- wrk ---------------------------------------------------------------------

def read_wrk(text):
    units = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}

    def latency(percent):
        found = re.search(r"^\s*%d%%\s+([\d.]+)(us|ms|s|m) *$" % percent, text,
                          re.M)
        if not found:
            sys.exit("bench: wrk says: " + text)
        return float(found.group(1)) * units[found.group(2)]

    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: (.*)", text)
    return {
        "requests": int(re.search(r"(\d+) requests in", text).group(1)),
        "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
        "p50_ms": latency(50), "p99_ms": latency(99),
        "wrong": int(errors.group(1) if errors else 0) +
                 sum(map(int, re.findall(r"\d+", broken.group(1)))
                     if broken else ())}


def run_wrk(front, path, headers, seconds, connections=CONNECTIONS):
    """wrk's view of one run, and the workers' processor time."""
    workers = front.workers()
    before = parts.cpu_of(workers)
    command = ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds,
               "--latency", "--timeout", "30s"]
    for key, value in headers.items():
        command += ["-H", "%s: %s" % (key, value)]
    out = subprocess.check_output(
        [*command, "http://127.0.0.1:%d%s" % (front.port, path)], text=True)
    if not set(workers) <= set(front.workers()):
        sys.exit("bench: a worker of the %s ended" % front.name)
    run = read_wrk(out)
    run["good_rps"] = round(run["rps"] * (
        1 - run["wrong"] / max(run["requests"], 1)), 1)
    run["cpu_us"] = ((parts.cpu_of(workers) - before) / 1000 /
                     max(run["requests"], 1))
    if run["wrong"]:
        parts.say("bench: %s: %d wrong answers" % (path, run["wrong"]))
    return run


# --- A portal and its floor --------------------------------------------------

class Pair:
    def __init__(self, workers, *sandbox_options):
        self.sandbox = parts.Sandbox("sandbox", "--small", *sandbox_options)
        self.portal = parts.Portal("portal", self.sandbox, workers)
        self.floor = parts.Front("floor")
        self.headers, self.lengths, self.calls = {}, {}, {}
        self.record()
        # Copies of rate tables are of the address that they came from, and
        # the recorder had another.
        self.portal.serve()
        await_mirror(self.portal, self.headers["rates"])
        self.start_floor(workers)

    def record(self):
        """One worker, so that what a worker keeps is there at the second
        time, which is recorded."""
        recorder = record.Recorder(self.sandbox)
        self.portal.serve({"pool": {"workers": 1}}, **recorder.ports())
        login = self.portal.log_in()
        self.headers = {name: {} if pages.is_public(name) else login
                        for name in pages.PAGES}
        await_mirror(self.portal, login)
        for name, path in pages.PAGES.items():
            recorder.held = 0
            self.portal.get(path, self.headers[name])
            recorder.take()
            recorder.held = record.HELD
            answer = self.portal.get(path, self.headers[name])
            if answer.status != 200:
                sys.exit("bench: %s answers %d" % (name, answer.status))
            self.calls[name] = recorder.take()
            self.lengths[name] = len(answer.body)
            record.save_page(self.folder(name), answer, self.calls[name])
        self.portal.stop()
        recorder.end()

    @staticmethod
    def folder(name):
        return os.path.join(parts.FOLDER, "calls", name.replace("/", "-"))

    def start_floor(self, workers):
        self.floor.run(
            os.path.join(parts.BUILD, "bench-floor"), self.floor.socket,
            str(workers), self.sandbox.ca_file,
            *("%s=%s" % (path, self.folder(name))
              for name, path in pages.PAGES.items()))
        parts.wait_for(self.floor.process, "does not answer",
                       lambda: parts.is_served(self.floor.port))
        for name in pages.PAGES:
            self.check_floor(name)

    def check_floor(self, name):
        """Its answer is the page's, down to its length."""
        answer = self.floor.get(pages.PAGES[name])
        if answer.status != 200 or len(answer.body) != self.lengths[name]:
            sys.exit("bench: the floor of %s answers %d, %d bytes" % (
                name, answer.status, len(answer.body)))

    def load(self, kind, name, seconds, connections=CONNECTIONS):
        front = self.portal if kind == "page" else self.floor
        return run_wrk(front, pages.PAGES[name], self.headers[name], seconds,
                       connections)

    def measure(self, name, n, seconds):
        """The medians of n pairs of runs: the floor's, and the page's. A short
        one is warm after some requests."""
        runs = {"floor": [], "page": []}
        for kind, front in (("floor", self.floor), ("page", self.portal)):
            if seconds > 1:
                self.load(kind, name, 1)
            else:
                time_requests(front.port, pages.PAGES[name],
                              self.headers[name], 50)
        for _ in range(n):
            for kind, list_of in runs.items():
                list_of.append(self.load(kind, name, seconds))
        floor, page = (
            {key: round(median(run[key] for run in list_of), 3)
             for key in FIGURES} for list_of in runs.values())
        pairs = list(zip(runs["floor"], runs["page"]))
        page["ratio"] = round(median(p["rps"] / f["rps"] for f, p in pairs), 3)
        page["added_us"] = round(
            median(p["cpu_us"] - f["cpu_us"] for f, p in pairs), 1)
        page["bytes"] = self.lengths[name]
        page["upstream"] = len(self.calls[name])
        page["wrong"] = sum(run["wrong"] for run in runs["page"])
        return floor, page

    def end(self):
        for part in (self.floor, self.portal, self.sandbox):
            part.end()


def await_mirror(portal, headers):
    """A rate table that is mirrored is there once its age is said; of one that
    is too small for that, the log says so."""
    end = time.monotonic() + parts.PATIENCE
    while time.monotonic() < end:
        answer = portal.get("/api/rates.json", headers)
        if answer.status != 200:
            sys.exit("bench: the rates answer %d" % answer.status)
        if json.loads(answer.body).get("as_of", "") is not None:
            return
        if "too few to need it" in parts.said(portal.process):
            return
        time.sleep(0.1)
    sys.exit("bench: the rates were not mirrored in %d s" % parts.PATIENCE)


# --- Latency and concurrency -------------------------------------------------

def time_requests(port, path, headers, n, warm=4):
    """Milliseconds of n requests, one after the other, on one connection."""
    times = []
    connection = http.client.HTTPConnection("127.0.0.1", port,
                                            timeout=parts.PATIENCE)
    for _ in range(warm + n):
        begin = time.monotonic()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        times.append((time.monotonic() - begin) * 1000)
        if response.status != 200:
            break
    connection.close()
    return times[warm:] if len(times) == warm + n else []


def measure_latency(pair, latencies, names=pages.CHIEF, n=12):
    """Medians of single requests while the billing system takes so long."""
    result = {name: {} for name in names}
    for ms in latencies:
        pair.sandbox.set_latency(ms)
        for name in names:
            result[name][str(ms)] = {
                kind + "_ms": round(median(time_requests(
                    front.port, pages.PAGES[name], pair.headers[name], n)), 2)
                for kind, front in (("floor", pair.floor),
                                    ("page", pair.portal))}
    pair.sandbox.set_latency(0)
    return result


def measure_concurrency(pair, connections, seconds, name="dashboard"):
    result = {}
    for n in connections:
        floor, page = (pair.load(kind, name, seconds, n)
                       for kind in ("floor", "page"))
        result[str(n)] = {
            "rps": page["good_rps"], "p50_ms": page["p50_ms"],
            "p99_ms": page["p99_ms"], "wrong": page["wrong"],
            "floor_rps": floor["good_rps"], "floor_p99_ms": floor["p99_ms"],
            "ratio": round(page["good_rps"] / floor["good_rps"], 3)}
    return {name: result}


# --- Sizing ------------------------------------------------------------------

def measure_size(portal, headers, latency, seconds):
    """Pages a second of all workers together, and what the rule of
    docs/operations.md says: a worker is taken for its processor time and
    for the time that the billing system takes."""
    portal.sandbox.set_latency(latency)
    path = pages.PAGES["dashboard"]
    busy = 2 * portal.n_workers  # one waits while one is served
    run_wrk(portal, path, headers, 3, busy)
    run = run_wrk(portal, path, headers, seconds, busy)
    took = latency + run["cpu_us"] / 1000
    return {"latency_ms": latency, "workers": portal.n_workers,
            "cpu_us": round(run["cpu_us"]), "rps": run["rps"],
            "rule_rps": round(portal.n_workers * 1000 / took, 1),
            "p50_ms": run["p50_ms"], "p99_ms": run["p99_ms"]}
