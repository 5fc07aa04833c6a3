"""published_test.py: the forty published failures of client portals, tried on
this one: test_NN is the number of the failure in the list that they come from.
What Portico does not have (sub-users, staff, recordings, uploads) must have no
address either, and what comes next to it must be safe.
"""
import base64
import concurrent.futures
import csv
import io
import json
import os
import re
import subprocess

from front import MARK, Front, check_clean, harness, read_routes
from harness import IDS, PASSWORDS, check_error
from till import GATEWAYS, Ear

front = Front(limits={
    "loginPerName": 5, "loginPerAddress": 0, "voucherPerHour": 15})
sandbox, portal = front.sandbox, front.portal
routes = read_routes()
heron, osprey = front.customer("heron"), front.customer("osprey")
page = front.browser("heron")
PAGES = [r["path"] for r in routes if r["method"] == "GET" and
         "public" not in r["flags"] and ":" not in r["path"]]
FILES = [r["path"] + ".csv" for r in routes if "csv" in r["files"]]
QUERIES = [(r["path"], p["name"]) for r in routes if r["method"] == "GET" and
           ":" not in r["path"] for p in r["parameters"]]
POSTS = [r for r in routes if r["method"] == "POST" and
         not r["path"].startswith("/api/hooks/")]
# Of a customer who is logged in and stays so.
OWN = [r for r in POSTS if "public" not in r["flags"] and
       r["path"] not in ("/api/logout", "/api/login/code")]
PROFILE = ("company", "address", "registration_id", "tax_id")


def json_of(c, path, fields):
    return c.post_json(path, fields, accept="application/json")


def save(c, **fields):
    return json_of(c, "/api/profile", {
        "version": c.json("/api/profile")["version"], **fields})


def stored(who):
    return sandbox.core("clients.get", id=IDS[who])


def body_of(row, value, c=None):
    """Every parameter of a row with this value."""
    return {p["name"]: value for p in row["parameters"]}


def path_of(row, ident="paypal"):
    return row["path"].replace(":id", ident)


def quoted(value):
    return harness.urllib.parse.quote(value, safe="")


def writes():
    counts = sandbox.calls()["counts"]
    return {name: n for name, n in counts.items() if re.search(
        r"update|activate|create|add|password|insert", name)}


def nowhere(t, paths, what):
    """No route offers it: to nobody and to a customer."""
    for path in paths:
        t.status(heron.get(path, json_port=True), 404, "%s: %s" % (what, path))
        answer = heron.post_json(path, {}, json_port=True)
        t.check(answer.status in (404, 405), "%s: POST %s" % (what, path),
                answer.status)


def check_log(t, what):
    """Each line of the log is the portal's own."""
    wrong = [line for line in portal.log().split("\n") if line and
             not re.match(r"\d{4}-\d\d-\d\dT|\{", line)]
    t.check(not wrong and "\x1b" not in portal.log(),
            what + ": no forged line", wrong[:2])
    t.check(not re.search(rb"(?m)^(evil|<img)", front.nginx.access_log()),
            what + ": nor in nginx's")


def marked_pages(t, mark, what):
    """All pages while every name in the billing system is `mark`."""
    seen = 0
    sandbox.fault("*", "markup", value=mark)
    for path in PAGES:
        answer = page.get(path)
        check_clean(t, answer, "%s: %s" % (what, path))
        seen += answer.text.count("&lt;img src=x")
    sandbox.heal()
    return seen


# --- 1 to 10 ------------------------------------------------------------------

def test_01_shell_characters_in_every_parameter(t):
    file = portal.short + "/e"
    values = ["$(touch %s)" % file, "`touch %s`" % file, "';touch %s;'" % file,
              "|touch %s&" % file]
    for value in values:
        for path, name in QUERIES:
            answer = heron.get("%s?%s=%s" % (path, name, quoted(value)))
            t.check(answer.status < 500, "%s %s" % (path, name), answer.status)
        for row in POSTS:
            if row["path"] == "/api/login":  # test_02
                continue
            answer = json_of(heron, path_of(row), body_of(row, value))
            t.check(answer.status < 500, row["path"], answer.status)
        front.browser().get("/api/login", User_Agent=value, Referer=value,
                            Cookie="portico=" + value, Accept_Language=value)
    heron.token("heron")  # logged out on the way
    t.check(not os.path.exists(file), "nothing was run")
    found = subprocess.run(
        ["grep", "-rnEw", r"(system|popen|exec[lv]p?e?|posix_spawnp?) *\(",
         os.path.join(harness.ROOT, "fcgi")], capture_output=True, text=True)
    t.equal(found.stdout, "", "no shell in the source")


def test_02_log_in_with_markup_and_line_ends(t):
    for name in (MARK, "x\r\nevil: line", "x\nevil=1 login.ok", "\x1b[2J",
                 "x\u2028evil"):
        c = front.browser()
        answer = c.try_login(name, "wrong")
        t.check(answer.status in (400, 401), "%r" % name, answer.status)
        check_clean(t, answer, "the form with %r" % name)
        c.get("/api/login", User_Agent="evil\x1b[2J" + MARK)
        for ask in (c.post_json, c.form):
            answer = ask("/api/login", {name: "x", "login": "a"})
            t.check(answer.status in (400, 403), "a field %r" % name,
                    answer.status)
    # A billing system may repeat in its errors what it was asked for.
    sandbox.fault("*", "error", value="no x\r\nevil: line\nevil\x1b[2J")
    t.check(page.get("/api/rates").status in (200, 502), "VCS's refusal")
    sandbox.heal()
    t.check(portal.logged("vcs.failed"), "it is logged")
    check_log(t, "log-in")
    nowhere(t, ("/api/logs", "/api/admin", "/api/admin/logs", "/api/log"),
            "a viewer of logs")


def test_03_markup_in_every_free_text(t):
    for name in PROFILE:
        save(heron, **{name: MARK})
    for path in PAGES:
        check_clean(t, page.get(path), path)
    t.check("&lt;img src=x" in page.get("/api/profile").text,
            "it is shown, as text")
    sandbox.reset()


def test_04_status_and_balance_among_profile_fields(t):
    before = stored("heron")
    for extra in ("status", "balance", "credit", "id_client", "id", "role",
                  "tariff", "clients_id", "companies_id", "currencies_id",
                  "user[role]", "c_login", "editable"):
        answer = save(heron, company="Mass", **{extra: "9"})
        check_error(t, answer, 400, "invalid_input", extra, [extra])
    t.equal(stored("heron"), before, "nothing changed")
    answer = page.form("/api/profile", {
        "csrf": page.get("/api/profile").csrf, "company": "Mass",
        "version": heron.json("/api/profile")["version"], "balance": "9"})
    t.status(answer, 400, "the form")
    t.equal(stored("heron"), before, "nor by the form")


def test_05_markup_in_numbers_and_accounts(t):
    for value in (MARK, "sip:\"%s\"@x;evil" % MARK, "1001' OR 1=1 --"):
        for path, name in (("/api/rates/lookup", "number"),
                           ("/api/rates", "q"),
                           ("/api/usage/detailed", "account")):
            check_clean(t, page.get("%s?%s=%s" % (path, name, quoted(value))),
                        "%s %s" % (path, name))
    sandbox.fault("*", "markup", value=MARK)
    for path in ("/api/accounts", "/api/usage/detailed"):
        answer = page.get(path)
        check_clean(t, answer, path)
        t.check("&lt;img src=x" in answer.text, path + ": shown as text")
    sandbox.heal()


SQL = ("' OR '1'='1", "1; drop table payment;--", "x' union select token --",
       "\\'", "1/**/or/**/1=1")


def test_06_sql_in_ids_of_payments(t):
    begun = front.begin(heron, "paypal")
    before = front.credits()
    for value in SQL:
        for gateway in GATEWAYS:
            for what in ("return", "cancel"):
                answer = heron.get("/api/refill/%s/%s?token=%s&payment=%s" % (
                    what, gateway, quoted(value), quoted(value)),
                    json_port=True)
                t.check(answer.status in (400, 404), what + " " + value,
                        answer.status)
        t.check(heron.get("/api/refill/payments/" + quoted(value)).status in
                (400, 404), "a payment " + value)
        t.check(front.hook("authorizenet", json.dumps({
            "payload": {"id": value, "invoiceNumber": value}}),
            {"X-ANET-Signature": value}).status in (400, 401), "a hook")
    t.equal(front.state(heron, begun), "open", "the payment is as it was")
    t.equal(front.credits(), before, "no credit")


def test_07_sql_and_markup_reflected_by_any_parameter(t):
    for value in (MARK, SQL[0], "\"><script>alert(1)</script>"):
        for path, name in QUERIES:
            answer = page.get("%s?%s=%s" % (path, name, quoted(value)))
            check_clean(t, answer, "%s %s" % (path, name))
            t.check("<script>alert" not in answer.text, path + ": no script")
            t.check(answer.status < 500 and not re.search(
                r"\bSQL|sqlite", answer.text.replace(value, "")),
                "%s %s: SQL" % (path, name), answer.status)


def test_08_ids_of_another_customer(t):
    theirs = front.begin(osprey, "paypal")
    ids = {path: [r["id"] for r in osprey.json("/api/" + path)[path]]
           for path in ("invoices", "accounts")}
    t.check(ids["invoices"] and ids["accounts"], "osprey has such", ids)
    for ident in ids["invoices"][:4]:
        t.status(heron.get("/api/invoices/%s/download" % ident), 404, "invoice")
        t.status(heron.get("/api/refill?invoice=%s" % ident,
                           accept="application/json"), 404, "to pay it")
    for name in ("detailed", "summary"):
        for ident in ids["accounts"]:
            for end in ("", ".csv"):
                t.status(heron.get("/api/usage/%s%s?account=%s" % (
                    name, end, ident), accept="application/json"), 404,
                    name + end)
        t.status(heron.get("/api/usage/%s?package=503" % name,
                           json_port=True), 404, name + " of a package")
    for path in ("refill/payments/" + theirs["payment"]["id"],
                 "refill/return/paypal?token=%s&payment=%s" % (
                     theirs["order"], theirs["payment"]["id"]),
                 "refill/cancel/paypal?payment=" + theirs["payment"]["id"]):
        t.status(heron.get("/api/" + path), 404, path)
    t.equal(front.state(osprey, theirs), "open", "osprey's payment")


def test_09_blobs_where_a_session_should_be(t):
    good = front.browser("heron").cookies["portico"]
    for value in ('O:8:"stdClass":1:{s:4:"role";s:5:"admin";}',
                  base64.b64encode(b'{"client":1002}').decode(),
                  "rO0ABXNyABdqYXZhLnV0aWw", "eyJhbGciOiJub25lIn0.e30.",
                  "gASVHAAAAAAAAACMBXBvc2l4", good[:-1], good + "A",
                  good.swapcase(), good[::-1], "A" * len(good), "1001", "%",
                  "'", "A" * 3000):
        c = front.browser()
        c.cookies["portico"] = value
        t.status(c.get("/api/dashboard"), 303, "the cookie %.30s" % value)
        c = front.browser()
        c.bearer = value
        t.status(c.get("/api/dashboard", json_port=True), 401,
                 "the token %.30s" % value)
    c = front.browser()
    c.cookies["portico"] = good
    t.status(c.get("/api/dashboard"), 200, "the right one")


def test_10_writing_to_another_customer(t):
    before, credits = stored("osprey"), front.credits()
    for row in OWN:
        for name in ("client", "client_id", "clients_id", "id", "login",
                     "account", "user"):
            if name in body_of(row, ""):
                continue
            answer = json_of(heron, path_of(row, "9106"), {name: "1002"})
            t.check(answer.status == 400 and
                    name in answer.json["error"]["fields"],
                    "%s %s" % (row["path"], name), answer.body[:200])
    version = osprey.json("/api/profile")["version"]
    t.status(json_of(heron, "/api/profile", {
        "company": "x", "version": version}), 409, "by osprey's version")
    for ident in ("9106", "9107"):
        t.status(json_of(heron, "/api/invoices/%s/pay" % ident,
                         {"gateway": "paypal"}), 404, "to pay " + ident)
    t.equal((stored("osprey"), front.credits()), (before, credits),
            "osprey is as before")


# --- 11 to 20 -----------------------------------------------------------------

def test_11_roles_from_path_parameter_or_header(t):
    claims = {"X_Forwarded_User": "1002", "Remote_User": "osprey",
              "X_Original_URL": "/api/health", "X_Rewrite_URL": "/api/health",
              "X_HTTP_Method_Override": "POST", "X_Role": "admin",
              "As_User": "1002", "Portico_Brand": "x", "X_Client_Id": "1002",
              "X_Forwarded_For": "127.0.0.1", "Portico_Metrics": "on"}
    mine = heron.json("/api/dashboard")["client"]
    for name, value in claims.items():
        t.status(front.browser().get("/api/dashboard", json_port=True,
                                     **{name: value}), 401, name)
        t.equal(heron.json("/api/dashboard", **{name: value})["client"], mine,
                name + ": who I am")
        t.status(front.browser().get("/api/metrics", **{name: value}), 404,
                 name + ": figures of the operator's")
    for name in ("role", "as_user", "admin", "client_id", "debug"):
        t.status(heron.get("/api/dashboard?%s=1002" % name), 400, name)
    nowhere(t, ("/api/admin/dashboard", "/admin/", "/api/staff",
                "/api/guest/dashboard", "/api/system", "/api/clients/1002",
                "/api/dashboard/..;/admin"), "another role")


def forged(begun):
    """A webhook that says it is paid: the gateway's own form, not signed."""
    ident, gateway = begun["payment"]["id"], begun["payment"]["gateway"]
    if gateway == "paypal":
        return json.dumps({
            "id": "WH-F", "event_type": "PAYMENT.CAPTURE.COMPLETED",
            "resource_type": "capture", "resource": {
                "id": "3EF45678GH901234J", "status": "COMPLETED",
                "custom_id": ident, "amount": {
                    "currency_code": "USD", "value": "25.00"}}})
    return json.dumps({
        "notificationId": "F", "payload": {
            "id": "60000000001", "invoiceNumber": ident, "responseCode": 1,
            "authAmount": 25.0, "entityName": "transaction"},
        "eventType": "net.authorize.payment.authcapture.created"})


def check_refused(t, begun, headers, what, **how):
    before = front.credits()
    gateway = begun["payment"]["gateway"]
    answer = front.hook(gateway, forged(begun), headers, **how)
    t.status(answer, 401, what)
    front.hurry()
    front.reconcile()
    t.equal(front.credits(), before, what + ": no credit")
    t.equal(front.state(heron, begun), "open", what + ": still open")


def test_12_forged_callbacks(t):
    for gateway in GATEWAYS:
        begun = front.begin(heron, gateway)
        check_refused(t, begun, {}, gateway + ", not signed")
        check_refused(t, begun, {
            "X-ANET-Signature": "sha512=" + "0" * 128,
            "Paypal-Transmission-Sig": "AAAA", "Paypal-Auth-Algo":
            "SHA256withRSA"}, gateway + ", wrongly signed")
    for name in ("stripe", "custom", "vcs", "PAYPAL", "paypal2"):
        t.status(front.hook(name, "{}", {}), 404, "no gateway " + name)


def test_13_suspended_in_the_middle_of_a_session(t):
    for status in ("suspended", "archived"):
        c, b = front.browser("osprey"), front.customer("osprey")
        csrf = c.get("/api/profile").csrf
        sandbox.change(IDS["osprey"], status=status)
        sandbox.forget()
        t.status(c.get("/api/rates"), 303, status + ": a page")
        t.status(b.get("/api/dashboard", json_port=True), 401, "the token")
        t.status(c.form("/api/voucher", {"csrf": csrf, "code": "102-000001"}),
                 303, status + ": a form")
        t.status(front.browser().try_login("osprey", PASSWORDS["osprey"]),
                 401, status + ": a new log-in")
        t.equal(writes(), {}, status + ": nothing was written")
        sandbox.change(IDS["osprey"], status="active")
        t.status(c.get("/api/rates"), 303, "the session does not come back")
    osprey.token("osprey")


def test_14_or_in_searches(t):
    """The rows stay the customer's own, whatever is searched for."""
    own = {path: {json.dumps(r["id"]) for r in heron.json(
        "/api/%s?size=100" % path)[key]} for path, key in (
            ("payments", "payments"), ("invoices", "invoices"),
            ("usage/detailed", "rows"))}
    for path, key in (("payments", "payments"), ("invoices", "invoices"),
                      ("usage/detailed", "rows")):
        sandbox.fault("*", "foreign_rows")
        answer = heron.get("/api/%s?size=100" % path, json_port=True)
        sandbox.heal()
        found = answer.json.get(key) if answer.status == 200 else []
        t.check({json.dumps(r["id"]) for r in found or []} <= own[path],
                path + ": a billing system that lost its filter")
    every = {r["code"] for r in heron.json("/api/rates?size=100")["rates"]}
    for value in ("' OR 1=1 --", "44 OR 1=1", "%", "_", "*", "44%' OR '1'='1"):
        answer = heron.get("/api/rates?q=" + quoted(value), json_port=True)
        t.equal(answer.json["rates"], [], "q=%s finds nothing" % value)
        for path, name in (("payments", "from"), ("invoices", "state"),
                           ("usage/detailed", "account"),
                           ("usage/summary", "service")):
            t.status(heron.get("/api/%s?%s=%s" % (path, name, quoted(value)),
                               json_port=True), 400, path + " " + value)
    t.check(every, "there are rates")
    t.check(portal.logged("vcs.foreign_row"), "an incident is logged")


def test_15_actions_on_what_is_closed(t):
    states = {r["id"]: r["state"] for r in heron.json(
        "/api/invoices?size=100")["invoices"]}
    paid = [ident for ident, state in states.items() if state == "paid"]
    for ident in paid[:2]:
        answer = json_of(heron, "/api/invoices/%s/pay" % ident,
                         {"gateway": "paypal"})
        t.check(answer.status in (404, 422), "a paid invoice", answer.status)
    t.status(json_of(heron, "/api/invoices/9008/pay", {"gateway": "paypal"}),
             404, "one that is not out yet")
    t.status(heron.get("/api/invoices/9008/download"), 404, "nor its file")
    for code in ("101-000002", "101-000003"):
        t.status(json_of(heron, "/api/voucher", {"code": code}), 422,
                 "a voucher that is used or old")
    t.status(front.browser().try_login("kestrel", PASSWORDS["kestrel"]), 401,
             "an archived customer")
    b = front.customer("osprey")
    sandbox.change(IDS["osprey"], status="archived")
    sandbox.forget()
    for row in OWN:
        answer = json_of(b, path_of(row), body_of(row, "1"))
        t.check(answer.status in (400, 401, 404), row["path"], answer.status)
    t.equal(writes(), {}, "nothing was written")
    sandbox.change(IDS["osprey"], status="active")
    osprey.token("osprey")


def test_16_brute_force_of_every_secret(t):
    def tries(ask, most):
        return [ask(n).status for n in range(most)]

    seen = tries(lambda n: front.browser().try_login("brute-16", str(n)), 7)
    t.equal(seen, [401] * 5 + [429] * 2, "the log-in")
    seen = tries(lambda n: front.browser().post_json(
        "/api/login", {"login": "brute-16b", "password": str(n)}), 7)
    t.equal(seen, [401] * 5 + [429] * 2, "the log-in of programs")
    whale = front.customer("whale")
    seen = tries(lambda n: json_of(whale, "/api/voucher",
                                   {"code": "999-%06d" % n}), 17)
    t.equal(seen, [422] * 15 + [429] * 2, "vouchers")
    seen = tries(lambda n: json_of(whale, "/api/password", {
        "current": "wrong-%d" % n, "new": "correct horse 7",
        "repeat": "correct horse 7"}), 7)
    t.equal(seen, [422] * 5 + [429] * 2, "the current password")
    tokens = [front.browser().get("/api/reset/" + token).status for token in
              ("A" * 43, "x", "0" * 64)]
    t.check(len(set(tokens)) == 1, "links of resets tell nothing", tokens)
    seen = {heron.get("/api/invoices/%d/download" % n).status
            for n in range(9100, 9110)}
    t.equal(seen, {404}, "ids tell nothing")


SECRETS = ("authToken", harness.TOKEN, "portal-api", "apiTransactionKey",
           "clientSecret", "sqlite:", portal.folder)


def test_17_every_route_without_a_session(t):
    config = json.load(open(portal.config))
    secrets = SECRETS + (config["paypal"]["clientSecret"],
                         config["authorizenet"]["apiSignatureKey"],
                         config["authorizenet"]["apiTransactionKey"])
    for row in routes:
        path = path_of(row)
        for json_port in (False, True):
            c = front.browser()
            answer = (c.get(path, json_port=json_port)
                      if row["method"] == "GET" else
                      c.post_json(path, {}, json_port=json_port))
            what = "%s %s" % (row["method"], path)
            if "public" not in row["flags"]:
                t.check(answer.status == 401 or answer.status == 303 and
                        answer.location.startswith("/api/login"), what,
                        answer.status)
            for secret in secrets:
                t.check(secret not in answer.body.decode(errors="replace"),
                        what + ": says a secret", secret)
    for path in ("/conf/customer-params.json", "/customer-params.json",
                 "/templates/default/page.mustache", "/.git/config",
                 "/static/../conf/customer-params.default.json",
                 "/nginx/demo.conf.in", "/conf/schema/001.sql"):
        t.status(front.browser().get(path), 404, path)


def test_18_more_rights_for_oneself(t):
    model = heron.json("/api/profile")
    for name in ("role", "permissions", "permissions[]", "group", "is_admin",
                 "editable", "owner"):
        check_error(t, save(heron, **{name: "admin"}), 400, "invalid_input",
                    name, [name])
    t.equal(heron.json("/api/profile"), model, "nothing changed")
    nowhere(t, ("/api/users", "/api/roles", "/api/permissions",
                "/api/profile/role", "/api/subusers"), "sub-users")


def test_19_sql_in_filters_and_orders(t):
    sandbox.forget()
    for path, name, values in (
            ("rates", "sort", ("code;drop table rates", "balance", "-", "1",
                               "code,name", "(select 1)")),
            ("usage/summary", "group_by", ("client", "day;--", "clients_id")),
            ("invoices", "state", ("paid' or 1=1", "draft")),
            ("rates", "page", ("1;2", "-1")), ("rates", "size", ("1e9", "0")),
            ("usage/detailed", "time_format", ("%n%n", "x';--"))):
        for value in values:
            answer = heron.get("/api/%s?%s=%s" % (path, name, quoted(value)),
                               json_port=True)
            check_error(t, answer, 400, "invalid_input", "%s=%s" % (
                name, value), [name])
    t.check("drop table" not in json.dumps(sandbox.calls()),
            "none of it reached the billing system")


def test_20_template_syntax_is_text(t):
    mark = "{{7*7}}{{ui.csrf}}{{>page}}{{{x}}}${7*7}<%= 7*7 %>#{7*7}"
    t.status(save(heron, company=mark), 200, "saved")
    t.equal(heron.json("/api/profile")["fields"]["company"], mark, "as it was")
    sandbox.fault("*", "markup", value=mark)
    seen = 0
    for path in PAGES:
        text = harness.Page(page.get(path).text).text
        seen += text.count("{{7*7}}{{ui.csrf}}{{>page}}{{{x}}}${7*7}")
        t.equal(text.count("{{7*7}}"), text.count("#{7*7}"), path + ": whole")
    sandbox.reset()
    sandbox.heal()
    t.check(seen > 5, "it was shown", seen)


# --- 21 to 30 -----------------------------------------------------------------

def check_settings(**settings):
    """What `portico check` says of settings: its status and its words."""
    file = os.path.join(portal.folder, "tried.json")
    with open(portal.config) as f:
        config = harness.lay(settings, json.load(f))
    with open(file, "w") as f:
        json.dump(config, f)
    done = subprocess.run([harness.PORTICO, "check", "--config", file],
                          capture_output=True, text=True,
                          timeout=harness.PATIENCE)
    return done.returncode, done.stdout + done.stderr


def test_21_settings_that_break_out(t):
    t.equal(check_settings()[0], 0, "the settings as they are")
    for what, settings in {
            "smtp.from": {"smtp": {"from": "a@b.example\r\nBcc: c@d.example"}},
            "publicUri": {"publicUri": "http://x.example/\nEvil: 1"},
            "coreApi.authToken": {"coreApi": {"authToken": "x\r\nEvil: 1"}},
            "theme": {"theme": "default\nevil"},
            "coreApi.profile": {"coreApi": {"profile": "../../etc/passwd"}},
            "locale": {"locale": "en\";evil"}}.items():
        status, words = check_settings(**settings)
        t.check(status != 0 and what in words, what, status, words[-300:])
    for domain in ("x; include /etc/passwd", "x.example\n}", "x\"", "x'y", "$x",
                   "{", "../x"):
        done = subprocess.run(
            [harness.PORTICO, "vhost", "--config", portal.config, domain],
            capture_output=True, text=True, timeout=harness.PATIENCE)
        t.check(done.returncode != 0 and "server" not in done.stdout,
                "a site of %r" % domain, done.stdout[:200])


FORMULA = re.compile(r"[\s\u3000]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


def check_cells(t, answer, what):
    t.status(answer, 200, what)
    cells = [cell for line in csv.reader(io.StringIO(
        answer.body.decode("utf-8-sig"), newline="")) for cell in line]
    wrong = [cell for cell in cells if FORMULA.match(cell) and
             not re.match(r"-?\d+(\.\d+)?\Z", cell)]
    t.check(not wrong, what + ": formulas", wrong[:3])
    return cells


def test_22_formulas_in_every_export(t):
    for start in ("=", "+", "-", "@", "\t", "\r", " =", "\uff1d"):
        mark = start + "cmd|' /C calc'!A0"
        sandbox.fault("*", "markup", value=mark)
        for path in FILES:
            query = "?group_by=service" if "summary" in path else ""
            cells = check_cells(t, heron.get(path + query), "%s, %r" % (
                path, mark))
            # What a customer did is the portal's own.
            t.check(path == "/api/audit.csv" or
                    any("calc" in cell for cell in cells),
                    path + ": the text is there")
        sandbox.heal()


def test_23_formulas_in_the_profile(t):
    for mark in ("=1+HYPERLINK(\"http://x.example\")", "@SUM(1)", "+1", "-1+1"):
        for name in PROFILE:
            save(heron, **{name: mark})
        for path in FILES:
            check_cells(t, heron.get(path), "%s, %s" % (path, mark))
            t.check("HYPERLINK" not in (heron.get(path).header(
                "content-disposition") or ""), path + ": the file's name")
    sandbox.reset()


def test_24_sessions_end(t):
    c = front.browser("osprey")
    old = dict(c.cookies)
    csrf = c.get("/api/dashboard").csrf
    t.status(c.form("/api/logout", {"csrf": csrf}), 303, "log-out")
    c.cookies = old
    t.status(c.get("/api/dashboard"), 303, "the cookie is worth nothing")
    b, tab, me = (front.customer("osprey"), front.browser("osprey"),
                  front.browser("osprey"))
    old = dict(me.cookies)
    answer = me.form("/api/password", {
        "csrf": me.get("/api/password").csrf, "current": PASSWORDS["osprey"],
        "new": "correct horse 7", "repeat": "correct horse 7"})
    t.status(answer, 303, "the password is changed")
    t.status(me.get("/api/dashboard"), 200, "who changed it stays")
    t.status(tab.get("/api/dashboard"), 303, "the other browser is out")
    t.status(b.get("/api/dashboard", json_port=True), 401, "and the token")
    me.cookies = old
    t.status(me.get("/api/dashboard"), 303, "and the cookie from before")
    sandbox.reset()
    osprey.token("osprey")


def test_25_markup_in_dates(t):
    for row in routes:
        if "from" not in [p["name"] for p in row["parameters"]]:
            continue
        for name in ("from", "to", "date_from", "date_to"):
            for value in (MARK, "2026-01-01\"><script>alert(1)</script>",
                          "' onfocus=alert(1) x='"):
                answer = page.get("%s?%s=%s" % (row["path"], name,
                                                quoted(value)))
                t.status(answer, 400, "%s %s" % (row["path"], name))
                check_clean(t, answer, "%s %s" % (row["path"], name))
                t.check("<script>alert" not in answer.text, "no script")


def test_26_prices_and_quantities_of_the_customers(t):
    before = len(front.portal.client().token("heron").json(
        "/api/refill")["open"])
    for amount in ("-1", "0", "0.00", "-0.01", "1e3", "0x10", "1,000",
                   "99999999", "1.001", "+5", "", "½", "25.00 USD"):
        answer = json_of(heron, "/api/refill", {"gateway": "paypal",
                                                "amount": amount})
        t.check(answer.status in (400, 422), "an amount %r" % amount,
                answer.status)
    for name in ("price", "quantity", "currency", "fee", "total", "discount"):
        check_error(t, json_of(heron, "/api/refill", {
            "gateway": "paypal", "amount": "25.00", name: "1"}), 400,
            "invalid_input", name, [name])
    unpaid = heron.json("/api/invoices?state=unpaid")["invoices"]
    for name in ("amount", "total", "currency"):
        t.status(json_of(heron, "/api/invoices/%s/pay" % unpaid[0]["id"], {
            "gateway": "paypal", name: "0.01"}), 400, "an invoice's " + name)
    t.equal(len(heron.json("/api/refill")["open"]), before, "none was begun")


def test_27_markup_in_several_lines(t):
    """Tickets are not offered; the address is the one text of many lines."""
    nowhere(t, ("/api/tickets", "/api/ticket/new", "/api/support",
                "/api/messages"), "tickets")
    mark = "1 Side St\n</textarea>%s\n&lt;b&gt;" % MARK
    t.status(save(heron, address=mark), 200, "saved")
    answer = page.get("/api/profile")
    check_clean(t, answer, "the profile")
    t.equal(answer.text.count("</textarea>"), 1, "the field is not left")
    t.equal(heron.json("/api/profile")["fields"]["address"], mark, "exact")
    sandbox.reset()


CLIMBS = ("../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd",
          "..%252f..%252fetc%252fpasswd", "%2e%2e/%2e%2e/etc/passwd",
          "/etc/passwd", "%2fetc%2fpasswd", "..%5c..%5cetc%5cpasswd",
          "9005%00.pdf", "%c0%ae%c0%ae/etc/passwd", "....//....//etc/passwd",
          "file:///etc/passwd", "9005/../9105")


def check_climbs(t, before, after=""):
    for climb in CLIMBS:
        for c in (heron, front.browser()):
            answer = c.get(before + climb + after)
            t.check(answer.status in (302, 303, 400, 401, 404),
                    before + climb, answer.status)
            t.check(b"root:" not in answer.body and
                    harness.TOKEN.encode() not in answer.body and
                    b"%PDF" not in answer.body, before + climb + ": a file")


def test_28_paths_in_names_of_files(t):
    for before, after in (("/api/invoices/", "/download"), ("/static/", ""),
                          ("/static/default/", ""), ("/api/pages/", ""),
                          ("/api/theme/", ""), ("/api/", ".csv"), ("/", "")):
        check_climbs(t, before, after)


def test_29_paths_in_recordings(t):
    nowhere(t, ("/api/recordings", "/api/recordings/1/download",
                "/RecordingList/download", "/api/download", "/api/files"),
            "recordings")
    for path in FILES + ["/api/invoices/9005/download"]:
        for name in ("file", "path", "filename", "name"):
            t.status(heron.get("%s?%s=../../etc/passwd" % (path, name)), 400,
                     "%s %s" % (path, name))
    for row in routes:
        t.check(not {"file", "path", "filename"} & {
            p["name"] for p in row["parameters"]}, row["path"])


def test_30_invoice_file_of_another_customer(t):
    mine = heron.json("/api/invoices")["invoices"][0]
    theirs = osprey.json("/api/invoices")["invoices"]
    answer = heron.get(mine["download_url"])
    t.check(answer.status == 200 and b"%PDF" in answer.body, "my own")
    for row in theirs[:3]:
        t.check(b"%PDF" in osprey.get(row["download_url"]).body, "osprey's own")
        for c in (heron, page):
            answer = c.get(row["download_url"])
            t.status(answer, 404, "osprey's")
            t.check(row["number"] not in answer.text, "nor its number")


# --- 31 to 40 -----------------------------------------------------------------

def test_31_files_by_what_is_no_secret(t):
    url = heron.json("/api/invoices")["invoices"][0]["download_url"]
    email = heron.json("/api/profile")["fields"]["email"]
    for query in ("", "?email=" + quoted(email), "?login=heron",
                  "?token=1001", "?key=" + "0" * 32, "?client_id=1001"):
        answer = front.browser().get(url + query, json_port=True)
        t.check(answer.status in (400, 401), "an invoice " + query,
                answer.status)
        t.check(b"%PDF" not in answer.body, "no file")
    begun = front.begin(heron, "paypal")
    for path in ("/api/refill/payments/" + begun["payment"]["id"],
                 "/api/payments.csv", "/api/refill/return/paypal?token=%s"
                 "&payment=%s" % (begun["order"], begun["payment"]["id"])):
        t.status(front.browser().get(path, accept="application/json"), 401,
                 path)
    t.check(re.match(r"RF[A-Z2-9]{16,}\Z", begun["payment"]["id"]),
            "ids of payments are not guessed", begun["payment"]["id"])


def test_32_genuine_callbacks_of_other_money(t):
    for fault, value in (("amount", "0.01"), ("amount", "24.99"),
                         ("currency", "MXN"), ("payee", "EVERYMERCHANT")):
        begun = front.begin(heron, "paypal")
        front.approve(begun)
        sandbox.fault("paypal.capture", fault, value=value, times=1)
        before = front.credits()
        front.come_back(heron, begun)
        sandbox.heal()
        for delivery in front.deliveries("paypal",
                                         "PAYMENT.CAPTURE.COMPLETED")[-1:]:
            t.status(front.deliver(delivery), 200, "its webhook is genuine")
        front.hurry()
        front.reconcile()
        t.equal(front.state(heron, begun), "review", "%s %s" % (fault, value))
        t.equal(front.credits(), before, "%s: no credit" % fault)
    begun = front.begin(heron, "authorizenet")
    sandbox.fault("anet.pay", "amount", value="0.01", times=1)
    front.approve(begun)
    sandbox.heal()
    before = front.credits()
    t.status(front.deliver(front.deliveries("anet")[-1]), 200, "a card's")
    front.come_back(heron, begun)
    t.equal(front.state(heron, begun), "review", "a card's amount")
    t.equal(front.credits(), before, "a card: no credit")


def test_33_gateways_with_an_empty_secret(t):
    for gateway, key in (("paypal", "clientSecret"),
                         ("authorizenet", "apiTransactionKey"),
                         ("authorizenet", "apiSignatureKey")):
        for value in ("", "example"):
            status, words = check_settings(**{gateway: {key: value}})
            t.check(status != 0 and "%s.%s" % (gateway, key) in words,
                    "%s.%s %r" % (gateway, key, value), words[-300:])


def test_34_forged_hosts_change_nothing(t):
    begun = {g: front.begin(heron, g) for g in GATEWAYS}
    for host in ("localhost", "127.0.0.1", "evil.example",
                 "localhost:80@evil.example"):
        for gateway in GATEWAYS:
            check_refused(t, begun[gateway], {}, "%s for %s" % (gateway, host),
                          Host=host, X_Forwarded_Host=host,
                          X_Forwarded_Proto="https", Forwarded="host=" + host)
        for name in ("Host", "X_Forwarded_Host"):
            answer = page.get("/api/login", **{name: host})
            t.check("evil.example" not in answer.text +
                    str(answer.headers), "no link to it")
    front.sandbox.control("DELETE", "/requests")
    answer = heron.post_json("/api/refill", {
        "gateway": "paypal", "amount": "25.00"}, Host="evil.example",
        json_port=True)
    asked = json.dumps(sandbox.control("GET", "/requests?to=paypal"))
    t.status(answer, 201, "a payment")
    t.check("portal.example" in asked and "evil.example" not in asked,
            "the way back is the operator's", asked[:300])


def test_35_callbacks_without_authorisation(t):
    """A log-in is no authorisation either."""
    for gateway in GATEWAYS:
        begun = front.begin(heron, gateway)
        before = front.credits()
        for headers in ({"Cookie": "portico=" + page.cookies["portico"]},
                        {"Authorization": "Bearer " + heron.bearer},
                        {"Authorization": "Basic " + base64.b64encode(
                            b"portal-api:portal-api-demo").decode()}):
            t.status(front.hook(gateway, forged(begun), headers), 401, gateway)
        t.status(heron.get("/api/hooks/" + gateway, json_port=True), 405,
                 "by GET")
        t.equal(front.credits(), before, "no credit")
        t.equal(front.state(heron, begun), "open", "still open")


def test_36_paid_by_request(t):
    bent = {"status": "COMPLETED", "state": "paid", "paid": "1",
            "amount": "999.00", "currency": "EUR", "custom_id": "1002"}
    for gateway in GATEWAYS:
        begun, cheap = (front.begin(heron, gateway, amount) for amount in
                        ("25.00", "5.00"))
        before = front.credits()
        front.come_back(heron, begun, **bent)
        t.equal(front.state(heron, begun), "open", "not paid, only said")
        front.approve(cheap)
        t.status(front.come_back(osprey, cheap), 404, "another customer's")
        t.equal(front.credits(), before, "no credit")
        front.come_back(heron, begun, token=cheap["order"])
        t.equal(front.state(heron, begun), "open", "another payment's order")
        front.come_back(heron, cheap, **bent)
        front.settled(heron, cheap)
        t.equal([c[:2] for c in front.credits() if c not in before],
                [(1001, 5.0)], "what was paid, to who paid")


def test_37_numbers_without_end(t):
    for value in ("9" * 39, "9" * 4000, "1e309", "NaN", "Infinity", "-" + "9" *
                  30, "0." + "0" * 38 + "1", "1" + "0" * 30000, "1e-400"):
        answer = json_of(heron, "/api/refill", {"gateway": "paypal",
                                                "amount": value})
        t.check(answer.status in (400, 422), "%.12s" % value, answer.status)
        answer = page.get("/api/refill?amount=" + value[:2000])
        t.check(answer.status < 500, "%.12s" % value, answer.status)
    for raw in ("1e309", "NaN", "1" + "0" * 5000, "[" * 30000, "-0"):
        answer = heron.request(
            "POST", "/api/refill", ('{"gateway":"paypal","amount":%s}' % raw)
            .encode(), "application/json", json_port=True)
        t.check(answer.status in (400, 422), "raw %.12s" % raw, answer.status)
    t.status(heron.request("POST", "/api/refill", b"x" * 70000,
                           "application/json", json_port=True), 413, "a body")
    for path, name in (("rates", "page"), ("invoices", "size"),
                       ("usage/detailed", "account")):
        t.status(heron.get("/api/%s?%s=%s" % (path, name, "9" * 300),
                           json_port=True), 400, name)


def test_38_addresses_that_the_portal_would_fetch(t):
    ear = Ear()
    url = "http://127.0.0.1:%d/v1/notifications/certs/x" % ear.port
    begun = front.begin(heron, "paypal")
    for given in (url, url.replace("http:", "https:"),
                  "https://169.254.169.254/", "file:///etc/passwd",
                  "https://localhost:%d@127.0.0.1:%d/" % (
                      sandbox.port + 1, ear.port)):
        headers = sandbox.control("POST", "/paypal/sign",
                                  {"body": forged(begun)})
        headers = {name: given if name.lower() == "paypal-cert-url" else value
                   for name, value in headers.items()}
        check_refused(t, begun, headers, given)
    for path, name in QUERIES:
        heron.get("%s?%s=%s" % (path, name, quoted(url[:60])))
    t.status(save(heron, company=url), 200, "a company by that name")
    page.get("/api/dashboard")
    t.equal(ear.called(), 0, "nobody called")
    sandbox.reset()


def test_39_line_ends_and_paths_in_sessions(t):
    good = page.cookies["portico"]
    for value in ("../../etc/passwd", "x\\r\\nrole=admin", "a%0d%0ab", "a%00b",
                  "/" + good, good + "/..", good + "%0d%0aclient=1002",
                  "..%2f" + good, "\x01" + good):
        c = front.browser()
        c.cookies["portico"] = value
        answer = c.get("/api/dashboard")
        t.check(answer.status in (303, 400), "the cookie %r" % value[:40],
                answer.status)
        check_clean(t, answer, "%r" % value[:40])
        c = front.browser()
        t.check(c.get("/api/dashboard", json_port=True, Authorization="Bearer "
                      + value).status in (400, 401), "the token")
    for raw in (b"\0", b"\r", b"\r\nX-Evil: 1\r\nCookie: portico=y"):
        answer = front.browser().send(
            b"GET /api/dashboard HTTP/1.1\r\nHost: localhost\r\n"
            b"Cookie: portico=x" + raw + b"\r\nConnection: close\r\n\r\n")
        t.check(answer.status in (303, 400), "raw %r" % raw, answer.status)
    for nxt in ("/api/rates%0d%0aSet-Cookie:%20evil=1", "//evil.example",
                "/\\evil.example", "http://evil.example", "/api/../../evil"):
        c = front.browser()
        c.get("/api/login?next=" + nxt)
        answer = c.try_login("heron", PASSWORDS["heron"],
                             next=harness.urllib.parse.unquote(nxt))
        check_clean(t, answer, nxt)
        t.check("evil" not in (answer.location or ""), nxt, answer.location)
    check_log(t, "sessions")


def test_40_markup_in_names_of_the_carrier(t):
    for mark in (MARK, "</script></style></textarea>" + MARK, "--> " + MARK):
        t.check(marked_pages(t, mark, "%.12s" % mark) > 5, "it is shown")
    sandbox.fault("*", "markup_all", value=MARK + "\r\nX-Evil: 1")
    for path in PAGES + ["/api/invoices/9005/download"]:
        answer = page.get(path)
        t.check(not answer.header("x-evil"), path + ": no header")
        if answer.status != 500:
            check_clean(t, answer, path)
    sandbox.heal()
    heron.token("heron")  # who was of no known status meanwhile
    page.login("heron")


def at_once(n, work):
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(work, range(n)))
