"""figures.py: /api/metrics as the tests read it: Prometheus's text format, and
what is against it raises.
"""
import re

OPERATOR = {"env": {"PORTICO_METRICS": "on"}}

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (-?\d+(?:\.\d+)?)" % (
    NAME, LABEL, LABEL))
TYPES = {"counter", "gauge", "summary", "histogram", "untyped"}


def family_of(name, types):
    for end in ("_sum", "_count"):
        base = name.removesuffix(end)
        if base != name and types.get(base) in ("summary", "histogram"):
            return base
    return name


def parse(text):
    """The samples, {(name, labels): value}; what is against the format raises.
    HELP and TYPE stand before a family's samples, which stand together, each
    once."""
    types, helps, closed, samples, current = {}, set(), set(), {}, None
    assert text.endswith("\n") and "\r" not in text, "line ends"
    for line in text[:-1].split("\n"):
        found = re.fullmatch(r"# (HELP|TYPE) (%s) (.+)" % NAME, line)
        if found:
            kind, name, rest = found.groups()
            if name != current:
                closed.add(current)
                assert name not in closed, "twice: " + line
                current = name
            if kind == "HELP":
                assert name not in helps, "a second HELP: " + line
                helps.add(name)
            else:
                assert name not in types and rest in TYPES, line
                types[name] = rest
            continue
        found = SAMPLE.fullmatch(line)
        assert found, "no sample: " + line
        name, labels, value = found.groups()
        family = family_of(name, types)
        assert family == current and family in types, "apart: " + line
        if types[family] == "counter":
            assert name.endswith("_total"), "a counter's name: " + line
        if types[family] in ("counter", "summary"):
            assert not value.startswith("-"), line
        pairs = re.findall(r'(\w+)="([^"]*)"', labels or "")
        assert len(dict(pairs)) == len(pairs), "a label twice: " + line
        key = (name, tuple(sorted(pairs)))
        assert key not in samples, "twice: " + line
        samples[key] = float(value)
    assert set(types) == helps, "each has HELP and TYPE"
    return samples


def read(p):
    answer = p.client().get("/api/metrics", **OPERATOR)
    assert answer.status == 200, answer.status
    assert answer.header("content-type") == \
        "text/plain; version=0.0.4; charset=utf-8", answer.headers
    return parse(answer.text)


def figure(samples, name, **labels):
    return samples[name, tuple(sorted(labels.items()))]
