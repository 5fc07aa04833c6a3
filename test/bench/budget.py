"""budget.py: the budgets, and what a result says of each.

Each has a name, by which a reason for missing it is found (report.py), a
sentence, and a function that takes the result (bench.json) and answers the
figure as text and whether it is within; KeyError: it was not measured.
"""
import growth
import pages

RATIO, ADDED_US, MEMORY_KB = 0.60, 130, 3072
LATENCY_MS, LATE_MS = 50, 53
FLAT = 1.25      # times the processor time of a small customer's page
FLAT_KB = 1.05   # times a worker's memory, from first to last
RATES_MS, CSV_KB = 50, 16 * 1024
START_MS, RELOAD_MS, VISIT_BYTES = 100, 1000, 60 * 1024
LIGHTHOUSE = 95


def ratio(name):
    def says(result):
        value = result["pages"][name]["ratio"]
        return "%.0f %%" % (value * 100), value >= RATIO
    return says


def added(name):
    def says(result):
        value = result["pages"][name]["added_us"]
        return "%.0f µs" % value, value <= ADDED_US
    return says


def added_most(result):
    found = {name: page["added_us"] for name, page in result["pages"].items()}
    if set(found) != set(pages.PAGES):
        raise KeyError("pages")
    within = sum(value <= ADDED_US for value in found.values())
    name = max(found, key=found.get)
    return "%.0f µs (%s); %d of %d within" % (
        found[name], name, within, len(found)), within == len(found)


def late(name):
    def says(result):
        value = result["latency"][name][str(LATENCY_MS)]["page_ms"]
        return "%.1f ms" % value, value <= LATE_MS
    return says


def memory(result):
    kb = result["memory_kb"]
    return "%.1f MB" % (kb / 1024), kb <= MEMORY_KB


def memory_flat(result):
    kb = result["memory"]["kb"]
    counts = sorted(map(int, kb))
    first, last = kb[str(counts[0])], kb[str(counts[-1])]
    return "%.2f MB after %s requests, %.2f MB after %s" % (
        first / 1024, thousands(counts[0]), last / 1024,
        thousands(counts[-1])), last <= FLAT_KB * first


def memory_gateway(result):
    g = result["memory"]["gateway"]
    return "%.1f MB before, %.1f MB after; over %.0f MB it %s" % (
        g["before_kb"] / 1024, g["after_kb"] / 1024,
        g["retired_over_kb"] / 1024,
        "retires" if g["retired"] else "does not retire"), g["retired"]


def rates_search(result):
    biggest = result["growth"][-1]
    found = {view: f.get("ms") for view, f in biggest["views"].items()
             if view.startswith("rates")}
    failed = [view for view, ms in found.items() if ms is None]
    if failed:
        return "fails: " + ", ".join(failed), False
    view = max(found, key=found.get)
    return "%.1f ms (%s) of %s rows" % (
        found[view], view, thousands(biggest["rates"])), found[view] <= RATES_MS


def detailed_page(result):
    biggest = result["growth"][-1]
    asked = biggest["views"]["usage/detailed, page 1"]["operations"]
    value = asked.get("reports.xdrs", 0)
    return "%g of %s xDRs" % (value, thousands(biggest["xdrs"])), value == 1


def grows(result):
    found = growth.flatness(result["growth"])
    view = max(found, key=found.get)
    return "%.2f times (%s)" % (found[view], view), found[view] <= FLAT


def file_memory(suffix):
    def says(result):
        f = result["export"][suffix]
        text = "%.1f MB" % (f["peak_kb"] / 1024)
        if f["spool_bytes"]:
            text += ", and %.0f MB of a temporary file" % (
                f["spool_bytes"] / 1e6)
        return text, f["status"] == 200 and f["peak_kb"] <= CSV_KB
    return says


def csv_first(result):
    f = result["export"]["slow"]
    return "%.0f ms where one takes %d ms" % (
        f["first_byte_ms"], f["upstream_page_ms"]), (
        f["first_byte_ms"] < 2 * f["upstream_page_ms"])


def start(result):
    value = result["start"]["start_ms"]
    return "%.0f ms" % value, value <= START_MS


def reload(result):
    value = result["start"]["reload_ms"]
    return "%.0f ms" % value, value <= RELOAD_MS


def visit(result):
    most = max(result["visit"].values())
    return "%.1f KB" % (most / 1024), most <= VISIT_BYTES


def lighthouse(result):
    found = result["lighthouse"]["pages"]
    least = min(min(page["scores"].values()) for page in found.values())
    return "%g, the least of %d pages" % (least, len(found)), (
        least >= LIGHTHOUSE)


def thousands(n):
    return "{:,}".format(n)


BUDGETS = [
    *(("ratio:" + name, "%s: at least 60 %% of the floor's requests/s" % name,
       ratio(name)) for name in pages.CHIEF),
    *(("added:" + name, "%s: at most 130 µs of processor time added" % name,
       added(name)) for name in pages.CHIEF),
    ("added:all", "every page, HTML and JSON: at most 130 µs added; the most",
     added_most),
    *(("latency:" + name,
       "%s: at most 53 ms where the billing system takes 50 ms" % name,
       late(name)) for name in pages.CHIEF),
    ("memory", "private memory of a worker after mixed requests: at most 3 MB",
     memory),
    ("memory:flat", "that memory stays as it is", memory_flat),
    ("memory:gateway", "a worker whom a gateway's trust store made too big "
                       "retires", memory_gateway),
    ("rates", "rates: search, sort and any page in at most 50 ms; the slowest",
     rates_search),
    ("detailed", "usage/detailed, page 1: one upstream page", detailed_page),
    ("growth", "no page slows down with the data: at most 1.25 times the "
               "processor time of a small customer's page; the most", grows),
    ("csv:memory", "CSV of all xDRs: at most 16 MB of private memory",
     file_memory("csv")),
    ("csv:first", "CSV: the first byte within one upstream page", csv_first),
    ("xlsx:memory", "XLSX of all xDRs: at most 16 MB, and a bounded temporary "
                    "file", file_memory("xlsx")),
    ("start", "`portico serve` answers within 100 ms", start),
    ("reload", "a reload of 100 brands within 1 s", reload),
    ("visit", "a first visit transfers at most 60 KB", visit),
    ("lighthouse", "Lighthouse: at least 95", lighthouse),
]


def judge(result):
    """[(name, sentence, figure or None, within)]."""
    rows = []
    for name, sentence, says in BUDGETS:
        try:
            figure, within = says(result)
        except (KeyError, IndexError, TypeError, ValueError):
            figure, within = None, None
        rows.append((name, sentence, figure, within))
    return rows
