"""pages.py: which pages are measured, and which are not and why."""
import json
import subprocess

# The name of a page is its path without /api/; a query is for pages that show
# little without one.
QUERIES = {
    "dashboard": "", "rates": "", "rates/lookup": "number=442071838000",
    "subscriptions": "", "accounts": "", "payments": "", "charges": "",
    "invoices": "", "usage/summary": "", "usage/detailed": "", "refill": "",
    "voucher": "", "profile": "", "password": "", "security": "",
    "security/totp": "", "security/passkeys": "", "security/passkeys/new": "",
    "audit": "", "personal": "", "login": "", "reset": "",
    "docs": "", "openapi.json": "", "health": "",
}
ONE_FORM = {"docs", "openapi.json", "health"}  # HTML alone, or JSON alone
PUBLIC = {"login", "reset", "docs", "openapi.json", "health"}
# Those that a budget speaks of (DESIGN, section 8).
CHIEF = ("dashboard", "rates", "usage/detailed")

# Rows of the routing table that are left out.
APART = {
    "/api/login/code": "the log-in's page with another form",
    "/api/login/passkey": "a challenge, for scripts",
    "/api/login/code/passkey": "a challenge, for scripts",
    "/api/reset/:id": "lives as long as a mailed link",
    "/api/security/passkeys/:id": "needs a passkey",
    "/api/invoices/:id/download": "a file, handed through",
    "/api/personal/data": "a file",
    "/api/refill/payments/:id": "needs a payment at a gateway",
    "/api/refill/return/:id": "a gateway's answer",
    "/api/refill/cancel/:id": "a gateway's answer",
    "/api/pages/:id": "a brand's own; none is shipped",
    "/api/theme/:id": "a style sheet, kept by browsers",
    "/api/metrics": "for one reader, on a listener of its own",
}


def make_pages():
    pages = {}
    for name, query in QUERIES.items():
        tail = "?" + query if query else ""
        pages[name] = "/api/%s%s" % (name, tail)
        if name not in ONE_FORM:
            pages[name + ".json"] = "/api/%s.json%s" % (name, tail)
    return pages


PAGES = make_pages()


def is_public(name):
    return name.removesuffix(".json") in PUBLIC or name in PUBLIC


def is_chief(name):
    return name.removesuffix(".json") in CHIEF


def missing(program):
    """Rows of the routing table that are neither measured nor left out for a
    reason, and the other way round."""
    routes = {row["path"] for row in json.loads(subprocess.check_output(
        [program, "routes", "--json"])) if row["method"] == "GET"}
    known = {"/api/" + name for name in QUERIES} | set(APART)
    return sorted(routes ^ known)
