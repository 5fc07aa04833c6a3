"""report.py: what was measured, as text for a terminal, and as the made part of
docs/performance.md.

In the document, what lies between the two marks is made; the rest is written
by hand and stays. A budget that is missed has its reason there, in a line

	- `NAME`: why
"""
import os
import re

import budget
import growth
import parts

DOCUMENT = os.path.join(parts.ROOT, "docs", "performance.md")
BEGIN = "<!-- made by ./dev bench: begin -->"
END = "<!-- made by ./dev bench: end -->"
REASON = re.compile(r"^- `([a-z0-9:/_.-]+)`: \S", re.M)
VERDICT = {True: "met", False: "**missed**", None: "not measured"}


def table(head, rows):
    """Markdown; all columns but the first are numbers or short."""
    lines = ["| %s |" % " | ".join(head), "| --- |" + " ---: |" *
             (len(head) - 1)]
    lines += ["| %s |" % " | ".join(map(str, row)) for row in rows]
    return "\n".join(lines) + "\n"


def number(value, digits=0):
    return "–" if value is None else "{:,.{}f}".format(value, digits)


# --- Chapters ----------------------------------------------------------------

def machine(result):
    m = result["machine"]
    return ("Measured on %(date)s with Portico %(version)s on %(cpu)s, "
            "%(cores)d cores, %(memory_mb)d MB of memory, %(system)s, Linux "
            "%(kernel)s; the load generator, nginx, the workers and the "
            "simulated billing system share these cores. %(workers)d workers, "
            "%(connections)d connections; medians of %(runs)d runs of "
            "%(seconds)d s for the pages that budgets name, and of "
            "%(other_runs)d of %(other_seconds)d s for the others.\n" % m)


def budgets(result, whole):
    """All, or those that were measured."""
    rows = [("`%s`" % name, sentence, figure or "–", VERDICT[within])
            for name, sentence, figure, within in budget.judge(result)
            if whole or figure]
    return "## Budgets\n\n" + table(
        ("name", "budget", "figure", ""), rows).replace(
            "| --- | ---: | ---: | ---: |", "| --- | --- | --- | --- |")


def page_table(result):
    rows = []
    for name, page in result["pages"].items():
        floor = result["floor"][name]
        rows.append((
            name, number(floor["rps"]), number(page["rps"]),
            "%.0f %%" % (page["ratio"] * 100), number(floor["cpu_us"]),
            number(page["cpu_us"]), number(page["added_us"]),
            number(page["p50_ms"], 1), number(page["p99_ms"], 1),
            number(page["bytes"]), page["upstream"]))
    return "## Pages\n\n" + table(
        ("page", "floor, requests/s", "page, requests/s", "ratio",
         "floor, µs", "page, µs", "added, µs", "p50, ms", "p99, ms", "bytes",
         "HTTP requests upstream"), rows)


def latency(result):
    found = result["latency"]
    steps = list(next(iter(found.values())))
    rows = [(name, *("%.1f (%.1f)" % (by[ms]["page_ms"], by[ms]["floor_ms"])
                     for ms in steps)) for name, by in found.items()]
    return ("## A slow billing system\n\nMilliseconds of a page (of the floor), "
            "asked one at a time, where each call takes so long.\n\n" + table(
                ("page", *("%s ms" % ms for ms in steps)), rows))


def concurrency(result):
    text = "## Many at once\n\n"
    for name, by in result["concurrency"].items():
        rows = [(n, number(c["rps"]), number(c["floor_rps"]),
                 "%.0f %%" % (c["ratio"] * 100), number(c["p50_ms"], 1),
                 number(c["p99_ms"], 1), number(c["floor_p99_ms"], 1),
                 c["wrong"]) for n, c in by.items()]
        text += "%s:\n\n" % name + table(
            ("connections", "requests/s", "floor", "ratio", "p50, ms",
             "p99, ms", "floor's p99", "other answers"), rows)
    return text + ("\nOther answers: 503, at once, for what is more than may "
                   "wait; requests/s are of the good ones.\n")


def growth_cell(f):
    if f["status"] != 200:
        return "fails (%s)" % f["status"]
    return "%s (%.1f, %.1f)" % (number(f["cpu_us"]), f["ms"],
                                f["upstream_ms"])


def growth_tables(result):
    text = ("## As data grows\n\nProcessor time of the worker in µs and, in "
            "brackets, milliseconds of the whole page and those that the "
            "simulated billing system took of them. Pages of 25 rows; of 10 "
            "xDRs, three are within the 30 days that a page shows.\n\n")
    for kind, what in (("xdrs", "xDRs"), ("rates", "rates")):
        found = growth.table(result["growth"], kind)
        sizes = [number(r[kind]) + " " + what for r in result["growth"]]
        text += table(("page", *sizes), [
            (view, *(growth_cell(f) for _, f in row))
            for view, row in found.items()]) + "\n"
    took = ", ".join("%s rates in %.1f s" % (number(r["rates"]), r["mirror_s"])
                     for r in result["growth"])
    return text + ("From the first look at a rate table until it could be "
                   "searched whole: %s.\n" % took)


def memory(result):
    m, g = result["memory"], result["memory"]["gateway"]
    kb = ", ".join("%s KB after %s" % (number(v), number(int(n)))
                   for n, v in m["kb"].items())
    return (
        "## Memory\n\n"
        "Private memory of one worker that served all of so many requests, of "
        "all pages in turn: %s.\n\n" % kb +
        "A call to a gateway makes it read the system's trust store: %s KB "
        "before, %s KB after. Where that is over `pool.maxMemory` (%s KB in "
        "this run), the worker %s; its successor holds %s KB.\n" % (
            number(g["before_kb"]), number(g["after_kb"]),
            number(g["retired_over_kb"]),
            "retires" if g["retired"] else "does not retire",
            number(g["new_kb"])))


def start(result):
    s = result["start"]
    return (
        "## Start and reload\n\n"
        "From the start of `portico serve` to the first answer: %s ms; with "
        "%d brands more: %s ms. From SIGHUP to the first answer with the new "
        "configuration of those: %s ms, of which loading took %s ms.\n" % (
            number(s["start_ms"]), s["brands"], number(s["start_brands_ms"]),
            number(s["reload_ms"]), number(s["load_ms"])))


def export(result):
    found, rows = result["export"], []
    for suffix in ("csv", "xlsx"):
        f = found.get(suffix)
        if f:
            rows.append((
                suffix.upper(), number(f["seconds"], 1),
                number(f["rows"]), number(f["rows"] / f["seconds"]),
                number(f["bytes"] / 1e6, 1), number(f["first_byte_ms"]),
                number(f["peak_kb"]),
                number(f["spool_bytes"] / 1e6, 1),
                number(f["dashboard"] and f["dashboard"]["p99_ms"], 1)))
    return ("## A file of all xDRs\n\n" + table(
        ("file", "s", "rows", "rows/s", "MB", "first byte, ms",
         "private memory, KB", "temporary file, MB",
         "dashboard's p99 meanwhile, ms"), rows) +
        "\nThe dashboard's p99 before: %s ms.\n" % number(
            found["quiet"]["p99_ms"], 1))


def stages(result):
    """What test/bench/stages counted, by callgrind."""
    pages = result["stages"]["pages"]
    names = list(next(iter(pages.values()))["stages"])
    return ("## Instructions\n\nCounted by callgrind, of one request, by "
            "stage (`test/bench/stages`); the kernel's are not among them."
            "\n\n" + table(
                ("page", "all", *names), [
                    (name, number(page["instructions"]),
                     *(number(page["stages"][stage]) for stage in names))
                    for name, page in pages.items()]))


def visit(result):
    return "## First visit\n\nTransferred with all that the page fetches, " + (
        "heads included: " + ", ".join(
            "%s %.1f KB" % (name, size / 1024)
            for name, size in result["visit"].items()) + ".\n")


def lighthouse(result):
    def score(page, name):
        return number(page["scores"].get(name))

    names = ("performance", "accessibility", "best_practices", "seo")
    return ("## Lighthouse\n\nIts mobile preset, through nginx "
            "(`test/bench/lighthouse`); pages behind the log-in are not for "
            "search engines.\n\n" + table(
                ("page", *(name.replace("_", " ") for name in names)), [
                    (name, *(score(page, each) for each in names))
                    for name, page in result["lighthouse"]["pages"].items()]))


CHAPTERS = [("pages", page_table), ("latency", latency),
            ("concurrency", concurrency), ("growth", growth_tables),
            ("memory", memory), ("start", start), ("export", export),
            ("visit", visit), ("stages", stages), ("lighthouse", lighthouse)]


def make(result, whole=True):
    """The made part: what was not measured is left out."""
    return "\n".join([machine(result), budgets(result, whole), *(
        chapter(result) for key, chapter in CHAPTERS if result.get(key))])


# --- The document ------------------------------------------------------------

def split(text):
    """What is before, between and behind the marks."""
    before, begin, rest = text.partition(BEGIN)
    made, end, behind = rest.partition(END)
    if not begin or not end:
        raise ValueError("%s has no marks" % DOCUMENT)
    return before, made, behind


def write(result, path=DOCUMENT):
    with open(path) as f:
        before, _, behind = split(f.read())
    parts.write(path, "%s%s\n\n%s\n%s%s" % (before, BEGIN, make(result), END,
                                           behind))


def unexplained(text):
    """What the document lacks: the line of a budget, or the reason of one that
    is not met."""
    before, made, behind = split(text)
    rows = dict(re.findall(r"^\| `([^`]+)` \|.*\| ([^|]+) \|$", made, re.M))
    reasons = set(REASON.findall(before + behind))
    names = [name for name, _, _ in budget.BUDGETS]
    for name in names:
        if name not in rows:
            yield "%s has no line" % name
        elif rows[name] != VERDICT[True] and name not in reasons:
            yield "%s is %s, and nothing says why" % (
                name, rows[name].strip("*"))
    for name in sorted(reasons - set(names)):
        yield "there is no budget %s" % name


# --- The terminal ------------------------------------------------------------

def align(block):
    """A table's lines, its columns in line: texts left, numbers right."""
    rows = [row for row in block if row is not block[1]]
    widths = [max(map(len, column)) for column in zip(*rows)]
    sides = [str.rjust if mark.endswith(":") else str.ljust
             for mark in block[1]]
    return ["  ".join(side(cell, width) for side, cell, width in
                      zip(sides, row, widths)).rstrip() for row in rows]


def plain(markdown):
    lines, block = [], []
    for line in [*markdown.split("\n"), ""]:
        if line.startswith("|"):
            block.append([cell.strip() for cell in line.strip("|").split("|")])
            continue
        lines += align(block) if block else []
        lines.append(line)
        block = []
    return "\n".join(lines)


def print_all(result):
    print(plain(make(result, whole=False)).replace("**", ""))


def print_sizes(sizes):
    print("%10s %8s %8s %10s %10s %6s" % (
        "latency ms", "workers", "CPU us", "pages/s", "the rule", "ratio"))
    for size in sizes:
        print("%10d %8d %8d %10.1f %10.1f %6.2f" % (
            size["latency_ms"], size["workers"], size["cpu_us"], size["rps"],
            size["rule_rps"], size["rps"] / size["rule_rps"]))
