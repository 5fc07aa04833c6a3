"""growth.py: whether a page slows down as a customer's data grows.

Each size is a billing system of its own, with a customer who has so many xDRs
and rates. Pages are asked for one at a time, of one worker. How long the billing
system takes is counted apart: the simulated one is not the product.
"""
import json
import math
import time
from statistics import median

import load
import parts

SIZES = [(10, 1000), (1000, 10000), (100000, 100000), (1000000, 500000)]
QUICK = [(10, 1000), (1000, 10000)]
ROWS = 25   # of a page
DAYS = 98   # that a customer's xDRs reach back
SHOWN = 30  # days that pages show unless they are told


def views(xdrs, rates):
    """NAME: (what grows, path, query)."""
    deep_xdr = max(1, int(xdrs * SHOWN / DAYS * 0.8) // ROWS)
    deep_rate = max(1, int(rates * 0.8) // ROWS)
    return {
        "dashboard": ("xdrs", "dashboard", ""),
        "usage/summary": ("xdrs", "usage/summary", ""),
        "usage/detailed, page 1": ("xdrs", "usage/detailed", ""),
        "usage/detailed, deep": ("xdrs", "usage/detailed",
                                 "page=%d" % deep_xdr),
        "rates, page 1": ("rates", "rates", ""),
        "rates, a code": ("rates", "rates", "q=4420"),
        "rates, a part of a name": ("rates", "rates", "q=mobile"),
        "rates, by price": ("rates", "rates", "sort=-price"),
        "rates, deep": ("rates", "rates", "page=%d" % deep_rate),
    }


def union_ms(calls):
    """How long at least one of the calls was with the billing system."""
    total, end = 0, -math.inf
    for call in sorted(calls, key=lambda c: c["started"]):
        total += max(0, call["ended"] - max(call["started"], end))
        end = max(end, call["ended"])
    return total


def count_rows(answer):
    """Of the page's table."""
    model = json.loads(answer.body)
    rows = next((model[key] for key in ("rows", "rates", "recent")
                 if isinstance(model.get(key), list)), [])
    return len(rows)


def measure_view(portal, headers, path, query, n):
    tail = "?" + query if query else ""
    uri = "/api/%s%s" % (path, tail)
    answer = portal.get("/api/%s.json%s" % (path, tail), headers)
    if answer.status != 200:
        return {"status": answer.status}
    load.time_requests(portal.port, uri, headers, 4, warm=0)
    portal.sandbox.forget()
    worker = portal.workers()
    before = parts.cpu_of(worker)
    times = load.time_requests(portal.port, uri, headers, n, warm=0)
    if not times:
        return {"status": 0}
    log = portal.sandbox.calls()
    upstream = union_ms(log["calls"]) / n
    return {"status": 200, "rows": count_rows(answer),
            "ms": round(median(times), 2),
            "upstream_ms": round(upstream, 2),
            "cpu_us": round((parts.cpu_of(worker) - before) / 1000 / n),
            "operations": {name: round(count / n, 2)
                           for name, count in log["counts"].items()}}


def measure_size(xdrs, rates, n, with_sandbox):
    """One size; `with_sandbox` gets the billing system before it ends."""
    name = "growth-%d" % xdrs
    sandbox = parts.Sandbox(name, "--xdrs", str(xdrs), "--rates", str(rates))
    portal = parts.Portal(name + "-portal", sandbox, workers=1).serve()
    headers = portal.log_in("whale")
    began = time.monotonic()
    load.await_mirror(portal, headers)
    result = {"xdrs": xdrs, "rates": rates,
              "mirror_s": round(time.monotonic() - began, 2), "views": {}}
    for view, (_, path, query) in views(xdrs, rates).items():
        result["views"][view] = measure_view(portal, headers, path, query, n)
    portal.end()
    extra = with_sandbox(sandbox) if with_sandbox else None
    sandbox.end()
    return result, extra


def measure(quick, with_biggest):
    """All sizes; what `with_biggest` says of the biggest's billing system."""
    results, extra = [], None
    sizes = QUICK if quick else SIZES
    for xdrs, rates in sizes:
        parts.say("measuring %d xDRs, %d rates" % (xdrs, rates))
        last = (xdrs, rates) == sizes[-1]
        result, extra = measure_size(xdrs, rates, 10 if quick else 20,
                                     with_biggest if last else None)
        results.append(result)
    return results, extra


def table(results, kind):
    """{view: [(size, figures)]} of what grows with `kind`."""
    names = [view for view, (grows, _, _) in views(1, 1).items()
             if grows == kind]
    return {view: [(r[kind], r["views"][view]) for r in results]
            for view in names}


def flatness(results):
    """{view: how many times the CPU time of the smallest size with a full page
    the biggest size takes}; pages that fail are left out."""
    found = {}
    for kind in ("xdrs", "rates"):
        for view, row in table(results, kind).items():
            full = [f["cpu_us"] for size, f in row
                    if f["status"] == 200 and size >= 1000]
            if len(full) > 1:
                found[view] = round(full[-1] / max(full[0], 1), 2)
    return found
