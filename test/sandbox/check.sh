#!/usr/bin/env python3
# check.sh: starts the sandbox with little data and checks its main answers.
# Usage: test/sandbox/check.sh [PROGRAM], default build/sandbox beside the tree.
import decimal, http.client, json, os, signal, socket, ssl, subprocess
import sys, tempfile, threading, urllib.parse
import gateways_check

TOKEN = "0123456789abcdef0123456789abcdef"
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
NOW = 1795503600  # Tuesday 2026-11-24 07:00 UTC
counts = {True: 0, False: 0}
sid = None


def check(what, good, detail=""):
    counts[bool(good)] += 1
    if not good:
        print("FAILED:", what, str(detail)[:400])


def free_ports():
    for base in range(23080, 60000, 10):
        try:
            for port in range(base, base + 6):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            pass


def loads(text):
    return json.loads(text, parse_float=decimal.Decimal)


def ask(port, method, path, body=None, tls=None, timeout=10):
    if tls:
        c = http.client.HTTPSConnection("localhost", port, context=tls,
                                        timeout=timeout)
    else:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        c.request(method, path, body)
        r = c.getresponse()
        return r.status, dict(r.getheaders()), r.read()
    finally:
        c.close()


def request(method, **params):
    return {"jsonrpc": "2.0", "id": method, "method": method,
            "params": {"AUTH": TOKEN, **params}}


def raw(body, timeout=10):
    return ask(base, "POST", "/", json.dumps(body), timeout=timeout)[2]


def core(method, **params):
    answer = loads(raw(request(method, **params)))
    return answer.get("result", answer.get("error"))


def management(method, **params):
    text = json.dumps({"id": 7, "method": method, "params": params})
    return loads(ask(base + 1, "POST", "/jsonrpc/", text, tls)[2])["result"]


def control(method, path, body=None):
    return loads(ask(base + 4, method, path,
                     None if body is None else json.dumps(body))[2])


def fault(operation, kind, **more):
    control("POST", "/faults", {"operation": operation, "fault": kind, **more})


def breaks(call):
    try:
        call()
        return False
    except (OSError, http.client.HTTPException):
        return True


def check_core():
    c = core("clients.get", id=1001)
    check("clients.get", c["cp_login"] == "heron" and "cp_password" not in c, c)
    check("balance has digits", isinstance(c["balance"], decimal.Decimal), c)
    moved = sum(t["amount"] for t in core("transactions.search",
                clients_id=1001) if t["status"] == "processed")
    calls = sum(x["cost"] for x in core(
        "reports.xdrs", accounts_id=[2001, 2002],
        dt=["2026-11-24 00:00:00", "2026-11-24 23:59:59"]))
    check("balance is payments less calls", moved - calls == c["balance"],
          (moved, calls, c["balance"]))
    e = core("clients.get", id="1001")
    check("wrong type", "id-invalid" in str(e), e)
    check("unknown parameter", "message" in core("clients.get", id=1, x=1))
    check("unknown method", core("no.such")["code"] == -32601)
    check("unknown id", core("clients.get", id=5) is None)
    bad = request("clients.get", id=1001)
    bad["params"]["AUTH"] = "wrong"
    check("token", "error" in loads(raw(bad)))
    batch = loads(raw([request("clients.get", id=1001),
                       request("accounts.search", clients_id=1001)]))
    check("batch", len(batch) == 2 and len(batch[1]["result"]) == 2, batch)
    check("not JSON", b"-32700" in ask(base, "POST", "/", "{")[2])
    check("taxes", "taxes" in core("rating.getTaxes", amountGross=100,
                                   taxes=[{"priority": 1, "value": 10}]))


def check_login():
    right = core("clients.authenticate", cp_login="heron",
                 cp_password="heron-demo-1")
    wrong = core("clients.authenticate", cp_login="heron", cp_password="x")
    gone = core("clients.authenticate", cp_login="kestrel",
                cp_password="kestrel-demo-1")
    check("log-in", right == {"id": 1001}, right)
    check("wrong and archived alike", wrong == gone and "message" in wrong)
    core("clients.update", id=1001, cp_password="new", c_company="X <i>")
    check("password", core("clients.authenticate", cp_login="heron",
                           cp_password="new") == {"id": 1001})
    check("update", core("clients.get", id=1001)["c_company"] == "X <i>")
    control("POST", "/clients/1001", {"status": "archived", "balance": "12.5"})
    c = core("clients.get", id=1001)
    check("control", c["status"] == "archived" and str(c["balance"]) == "12.5")
    control("POST", "/clients/1002", {"currencies_id": 29})
    payment = core("transactions.search", clients_id=1002, type="payment",
                   limit=1)[0]
    check("another currency", payment["currencies_id"] == 29 and
          core("clients.get", id=1002)["currencies_id"] == 29, payment)
    control("POST", "/clients/1002", {"currencies_id": 28})
    control("POST", "/clients", {"id": 1005, "cp_login": "wren"})
    wren = core("clients.get", id=1005)
    check("a new customer", wren["balance"] == 0 and
          wren["cp_login"] == "wren", wren)
    control("POST", "/reset")
    check("reset", core("clients.get", id=1001)["status"] == "active")
    check("reset takes new ones away", core("clients.get", id=1005) is None)


def check_rates():
    r = dict(rate_tables_id=19, order=["+code"])
    now = core("rates.search", state="current", status="active", **r)
    both = core("rates.search", state="current_future", **r)
    check("300 or so rates", 280 < len(now) < 340, len(now))
    check("future ones", len(both) > len(now), len(both))
    check("no end", any(x["effective_till"] == "9999-12-31 23:59:59"
                        for x in now))
    check("nine decimals", any(-x["value"].as_tuple().exponent == 9
                               for x in now))
    codes = [x["code"] for x in now]
    check("order", codes == sorted(codes))
    check("page", core("rates.search", state="current", limit=5, offset=10,
                       **r) == now[10:15])
    check("one rate a code and service",
          len({(x["code"], x["services_id"]) for x in now}) == len(now))
    check("bad order", "message" in core("rates.search", rate_tables_id=19,
                                         order=["code"]))
    check("whale's rates", len(core("rates.search", rate_tables_id=22,
                                    state="all", limit=20000)) == 10000)


def check_usage():
    p = ["2026-10-05 00:00:00", "2026-11-23 23:59:59"]
    for zone in ("UTC", "America/New_York", "Asia/Kathmandu"):
        x = core("reports.xdrs", accounts_id=[2001, 2002], dt=p, order=["-dt"],
                 __tz=zone)
        for group in (["day", "services_id"], ["code_name"], [],
                      ["accounts_id", "packages_id"], ["day", "code"]):
            s = core("reports.summary", clients_id=1001, dt=p,
                     group_by=group, __tz=zone)
            check("summary %s %s" % (zone, group),
                  sum(g["cost"] for g in s) == sum(i["cost"] for i in x) and
                  sum(g["events"] for g in s) == len(x), (len(x), s[:3]))
        s = core("reports.summary", clients_id=1001, dt=p, group_by=["day"],
                 __tz=zone)
        check("days of " + zone, {g["day"] for g in s} ==
              {i["dt"][:10] for i in x})
    dts = [i["dt"] for i in x]
    check("newest first", dts == sorted(dts, reverse=True))
    rates = {r["id"]: r for r in core("rates.search", rate_tables_id=19)}
    for i in x:
        r = rates[i["rates_id"]]
        over = max(0, i["volume"] - r["min_volume"])
        billed = r["min_volume"] - -over // r["pay_interval"] * r["pay_interval"]
        unit = 1 if i["services_id"] == 2 else 60
        exact = r["pay_setup"] + r["value"] * billed / unit
        if abs(exact - i["cost"]) > decimal.Decimal("6e-10"):
            check("cost", False, (i, r, exact))
            break
    else:
        check("costs follow from rates", len(x) > 500)
    check("nothing of the future", not core(
        "reports.xdrs", accounts_id=[2001],
        dt=["2026-11-24 07:00:00", "2027-01-01 00:00:00"]))


def check_money():
    before = core("clients.get", id=1001)["balance"]
    card = dict(clients_id=1001, code="101-000001")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        core("topup_cards.activate", **card))) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    check("a voucher once", sum("amount" in a for a in answers) == 1, answers)
    for code, why in (("101-000002", "already"), ("101-000003", "expired"),
                      ("102-000001", "currency"), ("201-000001", "reseller"),
                      ("nonsense", "not_found")):
        check(code, why in core("topup_cards.activate", clients_id=1001,
                                code=code)["message"])
    t = core("transactions.create", clients_id=1001, type="payment",
             amount=10.25, currencies_id=27, notes="ref 1")
    check("payment", "id" in t, t)
    check("found by notes", len(core("transactions.search", clients_id=1001,
                                     notes="ref 1")) == 1)
    check("credited", core("clients.get", id=1001)["balance"] ==
          before + decimal.Decimal("35.25"))
    control("POST", "/reset")


def check_management():
    global sid
    r = management("clients.editForm", id_clients=1001,
                   auth={"login": "portal-api", "password": "portal-api-demo"})
    sid = r["session_id"]
    check("auth", r["code"] is True and len(sid) == 28 and sid[:2] == "1-", r)
    check("editForm", r["return"]["client"]["c_dt"].endswith("+00"), r)
    control("POST", "/clients/1003", {"invoices": 50})
    check("more invoices", [len(management(
        "invoices.list", id_clients=1003, page=n, SID=sid)["return"]["rows"])
        for n in (1, 2, 3, 4)] == [20, 20, 10, 0])
    r = management("invoices.list", id_clients=1004, page=2, SID=sid)
    check("page of twenty", len(r["return"]["rows"]) == 20, r)
    r = management("packages.list", SID="1-nonsense")
    check("wrong SID", r["code"] is False and r["messages"], r)
    fault("management", "expire", times=1)
    check("expired", management("packages.list", SID=sid)["code"] is False)
    sid = management("packages.list", auth={
        "login": "portal-api", "password": "portal-api-demo"})["session_id"]
    form = urllib.parse.urlencode({"__api": 1, "SID": sid, "id": 9001})
    s, h, b = ask(base + 1, "POST", "/admin/invoices/getFile", form, tls)
    check("file", b.startswith(b"%PDF-") and
          h["Content-Disposition"] == 'attachment; filename="INV-9001.pdf"' and
          h["Content-Type"] == "application/pdf", (h, b[:20]))
    login = ("&auth%5Blogin%5D=portal-api"
             "&auth%5Bpassword%5D=portal-api-demo&id=9001")
    check("file by GET", ask(base + 1, "GET", "/admin/invoices/getFile?__api=1"
                             + login, tls=tls)[2][:5] == b"%PDF-")
    s, h, b = ask(base + 1, "POST", "/admin/invoices/getFile",
                  "__api=1&id=9001", tls)
    check("file refused", "X-VCS-Status" in h, h)


def check_faults():
    one = request("clients.get", id=1001)
    good = loads(raw(one))
    fault("clients.get", "error", value="No <b>", times=1)
    both = loads(raw([one, request("services.search")]))
    check("error", both[0]["error"]["message"] == "No <b>" and
          both[1]["result"], both)
    check("times", loads(raw(one)) == good)
    fault("clients.get", "error", after=2, times=1)
    check("the first calls are spared", [
        core("clients.get", id=1001).get("code") for _ in range(4)
    ] == [None, None, -32000, None])
    fault("clients.get", "truncate", times=1)
    check("truncate", len(raw(one)) < len(json.dumps(one)) * 20 and
          control("GET", "/faults") == [])
    fault("clients.get", "wrong_type", times=1)
    check("wrong_type", core("clients.get", id=1001) == "unexpected")
    fault("clients.get", "foreign_rows", times=1)
    check("foreign object", core("clients.get", id=1001)["id"] == 1002)
    fault("transactions.search", "foreign_rows", times=1)
    rows = core("transactions.search", clients_id=1001, limit=5)
    check("foreign rows", [r["clients_id"] for r in rows] ==
          [1001, 1002, 1002, 1002, 1001, 1001, 1001, 1001], rows)
    fault("*", "refuse", times=1)
    check("refuse", breaks(lambda: raw(one)))
    fault("transactions.create", "lost_reply", times=1)
    pay = dict(clients_id=1001, type="payment", amount=1, currencies_id=27,
               notes="lost")
    check("lost_reply", breaks(lambda: core("transactions.create", **pay)))
    check("but done", len(core("transactions.search", clients_id=1001,
                               notes="lost")) == 1)
    fault("clients.get", "cut", times=1)
    check("cut", breaks(lambda: raw(one)) and "result" in loads(raw(one)))
    fault("core", "oversize", value=2, times=1)
    check("oversize", len(raw(one)) >= 2 << 20)
    fault("core", "late", value=0.2, times=1)
    check("late answer", loads(raw(one))["id"] == good["id"])
    last = control("GET", "/calls")["calls"][-1]
    check("is late", last["ended"] - last["started"] >= 200, last)


def strings(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [s for item in value for s in strings(item)]
    return [value] if isinstance(value, str) else []


def check_markup():
    mark = "<img src=x onerror=alert(1)>\"'&{{x}}"
    people = {"name", "c_company", "c_email", "c_email_billing", "c_address",
              "reg_id", "tax_id", "cp_login"}
    good = core("clients.get", id=1001)
    fault("clients.get", "markup", times=1)
    bad = core("clients.get", id=1001)
    check("markup", bad == {key: mark + value if key in people else value
                            for key, value in good.items()}, bad)
    check("times of markup", core("clients.get", id=1001) == good)
    fault("core", "markup", value="=1\r\nX: y;")
    rows = core("accounts.search", clients_id=1001)
    check("another text, and lists of texts",
          rows[0]["name"].startswith("=1\r\nX: y;Head") and
          rows[0]["ips"][0] == "=1\r\nX: y;192.0.2.10" and
          rows[0]["auth_type"] == "ip", rows[0])
    rows = core("currencies.search")
    check("codes stay", rows[0]["name"] == "USD" and
          rows[0]["title"] == "=1\r\nX: y;US Dollar", rows[0])
    e = core("clients.authenticate", cp_login="heron", cp_password="x")
    check("markup of an error", e["message"] ==
          "=1\r\nX: y;Invalid login or password", e)
    fault("transactions.search", "foreign_rows")
    rows = core("transactions.search", clients_id=1001, limit=5)
    check("on top of another fault", len(rows) == 8 and all(
        r["notes"].startswith("=1") for r in rows), rows)
    listed = control("GET", "/faults")
    check("listed", listed[0]["fault"] == "markup" and
          listed[0]["value"] == "=1\r\nX: y;", listed)
    control("DELETE", "/faults")
    fault("*", "markup_all")
    for rows in (core("rates.search", rate_tables_id=19, limit=2),
                 management("invoices.list", id_clients=1001, SID=sid)):
        if isinstance(rows, dict):
            rows = rows["return"]
        check("markup_all", strings(rows) and set(strings(rows)) == {mark},
              rows)
    form = urllib.parse.urlencode({"__api": 1, "SID": sid, "id": 9001})
    h = ask(base + 1, "POST", "/admin/invoices/getFile", form, tls)[1]
    check("markup of a file's name", h["Content-Disposition"] ==
          'attachment; filename="%sINV-9001.pdf"' % mark, h)
    control("DELETE", "/faults")


def check_waiting():
    control("DELETE", "/calls")
    fault("clients.get", "latency", value=300)
    threads = [threading.Thread(target=core, args=("clients.get",),
                                kwargs={"id": 1001}) for _ in range(20)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    log = control("GET", "/calls")
    check("calls overlap", max(c["started"] for c in log["calls"]) <
          min(c["ended"] for c in log["calls"]), log["calls"][:2])
    check("counts", log["counts"] == {"clients.get": 20} and
          log["http_requests"] == 20, log["counts"])
    control("DELETE", "/faults")
    fault("clients.get", "hang")
    one = request("clients.get", id=1001)
    check("hang", breaks(lambda: raw(one, 0.3)))
    check("blocks nobody", core("services.search")[0]["id"] == 1)
    held = []
    t = threading.Thread(target=lambda: held.append(raw(one)))
    t.start()
    while control("GET", "/calls")["http_requests"] < 23:
        pass
    control("DELETE", "/faults")
    t.join()
    check("released", b"heron" in held[0])
    fault("clients.get", "hang")
    t = threading.Thread(target=lambda: held.append(breaks(lambda: raw(one))))
    t.start()
    while control("GET", "/calls")["http_requests"] < 24:
        pass
    program.send_signal(signal.SIGTERM)
    t.join()
    check("ends with a hanging request", program.wait(20) == 0)


def start():
    global program
    program = subprocess.Popen([path, "--small", "--dir", where, "--now",
                                str(NOW), "--port", str(base)],
                               stdout=subprocess.PIPE, text=True)
    return program.stdout.readline()


def restart():
    program.kill()
    program.wait()
    program.stdout.close()
    start()


def check_gateways():
    g = gateways_check.Gateways(base, check, tls, where)
    for name in ("orders", "approval", "captures", "paypal_faults", "spoiled",
                 "paypal_hooks", "anet_order", "anet_page", "anet_money",
                 "anet_faults", "anet_hooks", "requests", "mail"):
        try:
            getattr(gateways_check, "check_" + name)(g)
        except Exception as e:
            check(name, False, repr(e))
        control("DELETE", "/faults")
    gateways_check.check_late(g, request)
    gateways_check.check_restart(g, restart)


with tempfile.TemporaryDirectory() as where:
    base = free_ports()
    path = sys.argv[1] if len(sys.argv) > 1 else ROOT + "/build/sandbox"
    ready = start()
    try:
        check("ready", "sandbox: ready" in ready and "paypal=" in ready, ready)
        tls = ssl.create_default_context(cafile=where + "/ca.pem")
        for part in (check_core, check_login, check_rates, check_usage,
                     check_money, check_management, check_faults,
                     check_markup, check_gateways, check_waiting):
            try:
                part()
            except Exception as e:
                check(part.__name__, False, repr(e))
    finally:
        program.kill()
        program.wait()
print("%d passed, %d failed" % (counts[True], counts[False]))
sys.exit(counts[False] > 0)
