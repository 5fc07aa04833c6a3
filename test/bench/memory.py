"""memory.py: what a worker holds, how soon a pool answers, how soon it has a
new configuration."""
import json
import os
import re
import subprocess
import time
import urllib.parse
from statistics import median

import load
import pages
import parts

BRANDS = 100
SMALL_POOL = 8 << 20  # the least that pool.maxMemory takes
LOOKS = 200  # requests, among which a worker looks at its memory

# Goes round all pages, and ends after so many answers with how many were
# wrong; wrk itself would sleep on.
SCRIPT = """
local paths, left, at, wrong = %(paths)s, %(n)d, 0, 0
request = function()
	at = at %% #paths + 1
	return wrk.format("GET", paths[at][1],
	    paths[at][2] and {Cookie = "%(cookie)s"} or {})
end
response = function(status)
	wrong = wrong + (status == 200 and 0 or 1)
	left = left - 1
	if left == 0 then
		print("wrong " .. wrong)
		io.stdout:flush()
		os.exit(0)
	end
end
"""


# --- Memory ------------------------------------------------------------------

def lua_list(values):
    return "{%s}" % ", ".join(values)


def ask_all(portal, headers, n):
    """n requests, of all pages in turn: how many were answered wrongly, and
    which worker had most to do (a pool may have helpers beside them)."""
    paths = lua_list('{"%s", %s}' % (
        path, "false" if pages.is_public(name) else "true")
        for name, path in pages.PAGES.items())
    script = os.path.join(portal.folder, "mixed.lua")
    parts.write(script, SCRIPT % {"paths": paths, "n": n,
                                  "cookie": headers["Cookie"]})
    before = {pid: parts.cpu_of([pid]) for pid in portal.workers()}
    out = subprocess.check_output(
        ["wrk", "-t1", "-c4", "-d36000s", "-s", script,
         "http://127.0.0.1:%d" % portal.port], text=True)
    busiest = max(portal.workers(),
                  key=lambda pid: parts.cpu_of([pid]) - before.get(pid, 0))
    return int(re.search(r"^wrong (\d+)$", out, re.M).group(1)), busiest


def measure_mixed(sandbox, counts):
    """{requests so far: KB} of one worker, so that it has served them all."""
    portal = parts.Portal("memory", sandbox, workers=1).serve()
    headers = portal.log_in()
    load.await_mirror(portal, headers)
    done, found, wrong, workers = 0, {}, 0, set()
    for n in counts:
        more, worker = ask_all(portal, headers, n - done)
        done, wrong = n, wrong + more
        workers.add(worker)
        found[str(n)] = parts.private_kb(worker)
    portal.end()
    return {"kb": found, "wrong": wrong, "one_worker": len(workers) == 1}


def pay(portal, headers):
    """A refill at a gateway behind TLS whose certificate nobody signed that
    the system trusts: the call fails, after the trust store was read."""
    form = portal.get("/api/refill", headers)
    token = re.search(r'name="csrf" value="([^"]*)"', form.body.decode())
    return parts.fetch(
        portal.port, "/api/refill",
        {**headers, "Content-Type": "application/x-www-form-urlencoded"},
        urllib.parse.urlencode({"csrf": token.group(1), "gateway": "paypal",
                                "amount": "10"})).status


def gateway_settings(sandbox, max_memory):
    return {"paypal": {"uri": "https://127.0.0.1:%d" % (sandbox.port + 1)},
            "pool": {"maxMemory": max_memory}}


def measure_gateway(sandbox):
    """A worker before and after a call to a gateway; whether it retires where
    pool.maxMemory is as small as it may be."""
    portal = parts.Portal("gateway", sandbox, workers=1)
    portal.serve(gateway_settings(sandbox, 64 << 20))
    headers = portal.log_in()
    _, worker = ask_all(portal, headers, LOOKS)
    result = {"before_kb": parts.private_kb(worker)}
    result["status"] = pay(portal, headers)
    result["after_kb"] = parts.private_kb(worker)
    portal.stop()
    portal.serve(gateway_settings(sandbox, SMALL_POOL))
    _, worker = ask_all(portal, headers, LOOKS)
    pay(portal, headers)
    _, successor = ask_all(portal, headers, LOOKS)
    result["retired_over_kb"] = SMALL_POOL >> 10
    result["retired"] = successor != worker
    result["new_kb"] = parts.private_kb(successor)
    portal.end()
    return result


# --- Start and reload --------------------------------------------------------

def time_start(portal):
    """Milliseconds until the first answer."""
    portal.stop()
    began = time.monotonic()
    portal.start()
    parts.wait_for(portal.process, "does not answer",
                   lambda: parts.is_served(portal.port), pause=0.0005)
    return (time.monotonic() - began) * 1000


def make_brands(portal):
    """Each with a configuration of its own, and the store of all."""
    for n in range(BRANDS):
        path = os.path.join(portal.folder, "brands", "brand%03d" % n,
                            "customer-params.json")
        parts.write(path, json.dumps({
            **{key: value for key, value in portal.params().items()
               if key != "pool"}, "title": "Brand %d" % n}))
        os.chmod(path, 0o600)


def time_reload(portal, title):
    """Milliseconds from SIGHUP to the first answer of the new
    configuration."""
    portal.configure({"title": title})
    began = time.monotonic()
    portal.process.send_signal(1)
    parts.wait_for(portal.process, "does not reload",
                   lambda: title.encode() in portal.get("/api/login").body,
                   pause=0.0005)
    return (time.monotonic() - began) * 1000


def loaded_ms(log):
    """What it says of the loads alone."""
    with open(log) as f:
        return [int(ms) for ms in re.findall(
            r"pool\.reloaded: .*loaded in (\d+) ms", f.read())]


def median_of(measure, n):
    """Of n times, or fewer where they take seconds."""
    times, end = [], time.monotonic() + 5
    while len(times) < n and (not times or time.monotonic() < end):
        times.append(measure(len(times)))
    return round(median(times), 1)


def measure_start(sandbox, n):
    portal = parts.Portal("start", sandbox).serve()
    log = portal.process.log
    result = {"start_ms": median_of(lambda _: time_start(portal), n)}
    make_brands(portal)
    result["brands"] = BRANDS
    result["start_brands_ms"] = median_of(lambda _: time_start(portal), n)
    result["reload_ms"] = median_of(
        lambda i: time_reload(portal, "Title %d" % i), n)
    portal.end()
    result["load_ms"] = median(loaded_ms(log))
    return result
