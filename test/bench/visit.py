"""visit.py: what a first visit transfers: a page, and what it makes a browser
fetch, compressed where nginx compresses."""
import re
import urllib.parse

import parts

LINKS = re.compile(
    r'<link\b[^>]*\brel="(?:stylesheet|icon|preload)"[^>]*>|'
    r'<(?:img|script)\b[^>]*>')
TARGET = re.compile(r'\b(?:href|src)="([^"]+)"')


def transferred(answer):
    return len(answer.body) + sum(len(key) + len(value) + 4
                                  for key, value in answer.headers)


def fetched_by(text):
    for tag in LINKS.findall(text):
        found = TARGET.search(tag)
        if found and not found.group(1).startswith("data:"):
            yield found.group(1).replace("&amp;", "&")


def measure_page(portal, path, headers):
    """Bytes of answers, heads included."""
    packed = {**headers, "Accept-Encoding": "gzip, br"}
    total = transferred(portal.get(path, packed))
    for uri in set(fetched_by(portal.get(path, headers).body.decode())):
        answer = portal.get(urllib.parse.urljoin(path, uri), packed)
        total += transferred(answer)
        if answer.status != 200:
            parts.say("bench: %s: %d" % (uri, answer.status))
    return total


def measure(portal, headers):
    return {"login": measure_page(portal, "/api/login", {}),
            "dashboard": measure_page(portal, "/api/dashboard", headers)}
