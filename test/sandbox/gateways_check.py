# gateways_check.py: checks of the simulated gateways and mail, for check.sh.
import base64, contextlib, hashlib, hmac, html, http.client, http.server, json
import re, shutil, smtplib, socket, subprocess, tempfile, threading, time
import urllib.parse, zlib

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOGIN = {"name": "sbLogin01", "transactionKey": "sbTransKey000001"}
UNSETTLED = "getUnsettledTransactionListRequest"
DETAILS = "getTransactionDetailsRequest"


class Gateways:
    """base: the port; check(what, good, detail): counts one check; folder: the
    sandbox's."""

    def __init__(self, base, check, tls, folder):
        self.base, self.check, self.tls = base, check, tls
        self.folder = folder
        self.token = None

    def ask(self, port, method, path, body=None, headers=None, timeout=10):
        c = http.client.HTTPConnection("127.0.0.1", self.base + port,
                                       timeout=timeout)
        if not isinstance(body, (str, bytes, type(None))):
            body = json.dumps(body)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, dict(r.getheaders()), r.read()
        finally:
            c.close()

    def control(self, method, path, body=None):
        return json.loads(self.ask(4, method, path, body)[2])

    def fault(self, operation, kind, **more):
        return self.control("POST", "/faults", {
            "operation": operation, "fault": kind, "times": 1, **more})

    def breaks(self, *args, **more):
        try:
            self.ask(*args, **more)
            return False
        except (OSError, http.client.HTTPException):
            return True

    # PayPal

    def log_in(self, secret="sandbox-paypal-secret"):
        both = base64.b64encode(b"sandbox-paypal-client:" + secret.encode())
        s, _, b = self.ask(2, "POST", "/v1/oauth2/token",
                           "grant_type=client_credentials",
                           {**FORM, "Authorization": "Basic " + both.decode()})
        b = json.loads(b)
        self.token = b.get("access_token", self.token)
        return s, b

    def paypal_headers(self, key=None):
        headers = {"Authorization": "Bearer " + self.token,
                   "Content-Type": "application/json",
                   "Prefer": "return=representation"}
        return {**headers, "PayPal-Request-Id": key} if key else headers

    def paypal(self, method, path, body=None, key=None):
        s, _, b = self.ask(2, method, path, body, self.paypal_headers(key))
        return s, json.loads(b)

    def wish(self, n, value="25.00", currency="USD", **unit):
        return {"intent": "CAPTURE", "purchase_units": [{
            "description": "Refill <b>", "custom_id": "rf_%s" % n,
            "invoice_id": "RF-%s" % n,
            "amount": {"currency_code": currency, "value": value}, **unit}],
            "payment_source": {"paypal": {"experience_context": {
                "brand_name": "O'Brand & <i>",
                "return_url": "http://127.0.0.1:9/back?x=1",
                "cancel_url": "http://127.0.0.1:9/cancel"}}}}

    def order(self, n, approved=True, **more):
        b = self.paypal("POST", "/v2/checkout/orders", self.wish(n, **more),
                        "create-%s" % n)[1]
        if approved:
            self.control("POST", "/paypal/approve", {"order": b["id"]})
        return b["id"]

    def capture(self, order, key):
        return self.paypal("POST", "/v2/checkout/orders/%s/capture" % order,
                           {}, key)

    def captured(self, n, **more):
        order = self.order(n, **more)
        return order, self.capture(order, "capture-%s" % n)[1][
            "purchase_units"][0]["payments"]["captures"][0]["id"]

    # Authorize.Net

    def anet_raw(self, root, **body):
        return self.ask(3, "POST", "/xml/v1/request.api", {
            root: {"merchantAuthentication": LOGIN, **body}})

    def anet(self, root, **body):
        b = self.anet_raw(root, **body)[2]
        assert b.startswith(b"\xef\xbb\xbf"), b
        return json.loads(b[3:])

    def hosted(self, invoice, amount="25.00"):
        way = {"showReceipt": False, "url": "http://127.0.0.1:9/back",
               "cancelUrl": "http://127.0.0.1:9/cancel"}
        return self.anet(
            "getHostedPaymentPageRequest", refId=invoice, transactionRequest={
                "transactionType": "authCaptureTransaction", "amount": amount,
                "currencyCode": "USD",
                "order": {"invoiceNumber": invoice, "description": "R <b>"},
                "customer": {"type": "individual", "id": "1001"}},
            hostedPaymentSettings={"setting": [
                {"settingName": "hostedPaymentReturnOptions",
                 "settingValue": json.dumps(way)},
                {"settingName": "hostedPaymentOrderOptions",
                 "settingValue": json.dumps({"merchantName": "O'B & <i>"})}]})

    def page(self, token, do=None):
        form = {"token": token, **({"do": do} if do else {})}
        s, h, b = self.ask(3, "POST", "/payment/payment",
                           urllib.parse.urlencode(form), FORM)
        return s, h.get("Location"), b.decode()

    def pay(self, invoice, result="approve"):
        self.hosted(invoice)
        return self.control("POST", "/anet/pay", {
            "invoice": invoice, "result": result})["id"]

    def details(self, number):
        return self.anet(DETAILS, transId=number)


def issues(answer):
    return [d["issue"] for d in answer[1].get("details", [])]


def buttons(page):
    return re.findall(r"<button[^>]*>([^<]*)</button>", page)


def check_orders(g):
    check = g.check
    s, b = g.log_in("wrong")
    check("bad client", s == 401 and b["error"] == "invalid_client", b)
    g.token = "A21AAnone"
    check("bad token", g.paypal("GET", "/v2/checkout/orders/A1")[0] == 401)
    s, b = g.log_in()
    check("token", s == 200 and b["expires_in"] == 32400 and
          b["token_type"] == "Bearer", b)
    path = "/v2/checkout/orders"
    check("request id needed", issues(g.paypal("POST", path, g.wish(1))) ==
          ["PAYPAL_REQUEST_ID_REQUIRED"])
    s, b = g.paypal("POST", path, g.wish(1), "one")
    check("order", s == 201 and b["status"] == "PAYER_ACTION_REQUIRED" and
          re.fullmatch("[A-Z0-9]{17}", b["id"]), b)
    check("its link", [k["href"] for k in b["links"] if k["rel"] ==
                       "payer-action"] ==
          ["http://localhost:%d/checkoutnow?token=%s" % (g.base + 2, b["id"])])
    again = g.paypal("POST", path, g.wish(1), "one")
    check("replay", again[0] == 200 and again[1]["id"] == b["id"], again)
    for what, value, currency, issue in (
            ("zero", "0.00", "USD", "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ("less", "-5.00", "USD", "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ("three digits", "1.001", "USD", "DECIMAL_PRECISION"),
            ("yen", "100.50", "JPY", "DECIMALS_NOT_SUPPORTED"),
            ("forint", "10.00", "HUF", "DECIMALS_NOT_SUPPORTED"),
            ("dinar", "1.00", "KWD", "INVALID_CURRENCY_CODE"),
            ("words", "ten", "USD", "INVALID_PARAMETER_SYNTAX")):
        a = g.paypal("POST", path, g.wish(2, value, currency), what)
        check(what, a[0] in (400, 422) and issues(a) == [issue], a)
    check("whole yen", g.paypal("POST", path, g.wish(3, "100", "JPY"), "y")[1][
        "purchase_units"][0]["amount"]["value"] == "100")
    check("too long", issues(g.paypal("POST", path, g.wish(
        4, invoice_id="x" * 128), "long")) == ["INVALID_STRING_LENGTH"])
    check("not JSON", issues(g.paypal("POST", path, "{", "bad")) ==
          ["MALFORMED_REQUEST_JSON"])
    check("unknown order", issues(g.paypal("GET", path + "/AAAA")) ==
          ["INVALID_RESOURCE_ID"])


def check_approval(g):
    check, order = g.check, g.order("page", approved=False)
    path = "/checkoutnow"
    check("not approved", issues(g.capture(order, "early")) ==
          ["ORDER_NOT_APPROVED"])
    s, h, b = g.ask(2, "GET", "%s?token=%s" % (path, order))
    page = b.decode()
    check("page", s == 200 and buttons(page) == ["Approve", "Decline", "Close"]
          and "25.00 USD" in page and "O&#39;Brand &amp; &lt;i&gt;" in page and
          "Refill &lt;b&gt;" in page and "<script" not in page, page)
    check("style", g.ask(2, "GET", "/sandbox.css")[1]["Content-Type"] ==
          "text/css")

    def press(do):
        s, h, b = g.ask(2, "POST", path, "token=%s&do=%s" % (order, do), FORM)
        return s, h.get("Location"), b.decode()
    s, _, page = press("close")
    check("close", s == 200 and "You can close this window" in page, page)
    check("decline", press("decline")[:2] == (
        303, "http://127.0.0.1:9/cancel?token=" + order))
    check("still waits", g.paypal("GET", "/v2/checkout/orders/" + order)[1][
        "status"] == "PAYER_ACTION_REQUIRED")
    check("approve", press("approve")[:2] == (
        303, "http://127.0.0.1:9/back?x=1&token=%s&PayerID=SBPAYER234567" %
        order))
    b = g.paypal("GET", "/v2/checkout/orders/" + order)[1]
    check("approved", b["status"] == "APPROVED" and
          b["payer"]["payer_id"] == "SBPAYER234567", b)
    check("no such page", g.ask(2, "GET", path + "?token=NONE")[0] == 404)


def check_captures(g):
    check, order = g.check, g.order("cap")
    s, b = g.capture(order, "cap-1")
    unit = b["purchase_units"][0]
    one = unit["payments"]["captures"][0]
    check("captured", s == 201 and b["status"] == "COMPLETED" and
          one["status"] == "COMPLETED" and one["custom_id"] == "rf_cap" and
          one["amount"] == {"currency_code": "USD", "value": "25.00"}, b)
    s, again = g.capture(order, "cap-1")
    check("capture replayed", s == 200 and again == b, again)
    check("captured already", issues(g.capture(order, "cap-2")) ==
          ["ORDER_ALREADY_CAPTURED"])
    twice = g.paypal("POST", "/v2/checkout/orders", g.wish("cap"), "other")
    check("invoice used", issues(twice) == ["DUPLICATE_INVOICE_ID"], twice)
    s, got = g.paypal("GET", "/v2/payments/captures/" + one["id"])
    check("capture by id", s == 200 and got["payee"]["merchant_id"] ==
          g.control("GET", "/gateways")["paypal_merchant_id"] and
          got["supplementary_data"]["related_ids"]["order_id"] == order, got)
    path = "/v2/payments/captures/%s/refund" % one["id"]
    part = {"amount": {"currency_code": "USD", "value": "10.00"}}
    s, r = g.paypal("POST", path, part, "refund-1")
    check("refund", s == 201 and r["status"] == "COMPLETED" and
          [k["href"][-17:] for k in r["links"] if k["rel"] == "up"] ==
          [one["id"]], r)
    check("refund replayed", g.paypal("POST", path, part, "refund-1")[1] == r)
    check("too much", issues(g.paypal("POST", path, {"amount": {
        "currency_code": "USD", "value": "15.01"}}, "refund-2")) ==
        ["REFUND_AMOUNT_EXCEEDED"])
    check("refund by id", g.paypal("GET", "/v2/payments/refunds/" + r["id"])[1]
          == r)
    g.control("POST", "/paypal/refund", {"capture": one["id"]})
    b = g.paypal("GET", "/v2/checkout/orders/" + order)[1][
        "purchase_units"][0]["payments"]
    check("all back", b["captures"][0]["status"] == "REFUNDED" and
          [x["amount"]["value"] for x in b["refunds"]] == ["10.00", "15.00"],
          b)
    check("nothing left", issues(g.paypal("POST", path, {}, "refund-3")) ==
          ["CAPTURE_FULLY_REFUNDED"])
    money = g.control("GET", "/money")["paypal"][-1]
    check("books", money["capture"] == one["id"] and
          money["order"] == order and money["amount"] == "25.00" and
          [x["amount"] for x in money["refunds"]] == ["10.00", "15.00"], money)


def check_paypal_faults(g):
    check = g.check
    order = g.order("f1")
    g.fault("paypal.capture", "issue")
    check("declined", issues(g.capture(order, "f1-1")) ==
          ["INSTRUMENT_DECLINED"])
    check("declined again by its id", issues(g.capture(order, "f1-1")) ==
          ["INSTRUMENT_DECLINED"])
    check("paid by a new id", g.capture(order, "f1-2")[0] == 201)
    order = g.order("f2")
    path = "/v2/checkout/orders/%s/capture" % order
    for kind, value, want in (("error", None, 500), ("status", 429, 429),
                              ("status", 401, 401), ("status", 404, 404)):
        g.fault("paypal.capture", kind, **({"value": value} if value else {}))
        s, h, b = g.ask(2, "POST", path, "{}", g.paypal_headers("f2"))
        check("%s %s" % (kind, value), s == want and
              (h.get("Retry-After") == "1") == (want == 429) and
              "name" in json.loads(b), (s, h, b))
    check("nothing done", g.paypal("GET", path[:-8])[1]["status"] ==
          "APPROVED")
    g.fault("paypal", "status_after")
    check("500 though done", g.capture(order, "f2")[0] == 500 and
          g.capture(order, "f2")[0] == 200)
    order = g.order("f3")
    g.fault("paypal.capture", "state", value="PENDING", reason="ECHECK")
    b = g.capture(order, "f3")[1]["purchase_units"][0]["payments"]
    check("pending", b["captures"][0]["status"] == "PENDING" and
          b["captures"][0]["status_details"] == {"reason": "ECHECK"}, b)
    one = b["captures"][0]["id"]
    g.control("POST", "/paypal/settle", {"capture": one,
                                         "status": "COMPLETED"})
    check("settled", g.paypal("GET", "/v2/payments/captures/" + one)[1][
        "status"] == "COMPLETED")
    for kind, value, where in (("amount", "1.00", "value"),
                               ("currency", "GBP", "currency_code")):
        order = g.order("f4" + kind)
        g.fault("paypal.capture", kind, value=value)
        g.capture(order, "f4" + kind)
        b = g.paypal("GET", "/v2/checkout/orders/" + order)[1]
        check("made with another " + kind, b["purchase_units"][0]["payments"][
            "captures"][0]["amount"][where] == value, b)
        g.fault("paypal.order.get", kind, value="7.00")
        b = g.paypal("GET", "/v2/checkout/orders/" + order)[1]
        check("shown with another " + kind, b["purchase_units"][0]["payments"][
            "captures"][0]["amount"][where] == "7.00", b)
    g.fault("paypal.order.get", "payee")
    b = g.paypal("GET", "/v2/checkout/orders/" + order)[1]
    check("payee", b["purchase_units"][0]["payee"]["merchant_id"] ==
          "EVERYMERCHANT", b)
    for kind, count in (("two_captures", 2), ("no_captures", 0)):
        g.fault("paypal.order.get", kind)
        b = g.paypal("GET", "/v2/checkout/orders/" + order)[1]
        check(kind, len(b["purchase_units"][0].get("payments", {}).get(
            "captures", [])) == count, b)


def check_spoiled(g):
    check, order = g.check, g.order("s1")
    path = "/v2/checkout/orders/%s" % order

    def get():
        return g.ask(2, "GET", path, None, g.paypal_headers())
    g.fault("paypal.order.get", "duplicate_member")
    check("twice", b'"status":"COMPLETED","status":"APPROVED"' in get()[2])
    g.fault("paypal.order.get", "nested")
    check("nested", get()[2] == b"[" * 10000 + b"]" * 10000)
    g.fault("paypal.order.get", "empty")
    check("empty", get()[0] == 200 and not get()[2] == b"")
    g.fault("paypal.order.get", "html")
    s, h, b = get()
    check("html", s == 200 and h["Content-Type"] == "text/html" and
          b.startswith(b"<!doctype"), b)
    g.fault("paypal.order.create", "link", value="javascript:x")
    b = g.paypal("POST", "/v2/checkout/orders", g.wish("s2"), "s2")[1]
    check("link", b["links"][-1]["href"] == "javascript:x", b)
    g.fault("paypal.order.get", "truncate")
    check("truncated", not get()[2].endswith(b"}"))
    for kind in ("cut", "refuse", "lost_reply"):
        g.fault("paypal", kind)
        check("paypal " + kind, g.breaks(2, "GET", path))
    g.fault("paypal", "oversize", value=1)
    check("paypal oversize", len(get()[2]) >= 1 << 20)
    g.fault("paypal.order.get", "expire")
    check("tokens expire", get()[0] == 401)
    g.log_in()
    check("and come again", get()[0] == 200)
    g.fault("paypal.cert", "html")
    g.control("DELETE", "/faults")
    bad = g.control("POST", "/faults", {"operation": "paypal",
                                        "fault": "status", "value": "x"})
    check("a status is a number", "error" in bad, bad)


def until(test, seconds=10):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def check_late(g, core):
    check, order = g.check, g.order("l1")
    path = "/v2/checkout/orders/%s/capture" % order

    def captured():
        return any(c["order"] == order
                   for c in g.control("GET", "/money")["paypal"])
    g.fault("paypal.capture", "lost_reply")
    check("capture's reply lost", g.breaks(
        2, "POST", path, "{}", g.paypal_headers("l1")) and captured())
    order = g.order("l2")
    path = "/v2/checkout/orders/%s/capture" % order
    g.fault("paypal.capture", "late", value=0.5)
    check("late", g.breaks(2, "POST", path, "{}", g.paypal_headers("l2"),
                           timeout=0.1) and not captured())
    check("done though the client has gone", until(captured))
    last = g.control("GET", "/requests?to=paypal")[-1]
    check("no status was sent", last["path"] == path and
          last["status"] is None, last)
    pay = json.dumps(core("transactions.create", clients_id=1001,
                          type="payment", amount=3, currencies_id=27,
                          notes="late one"))

    def credits():
        return [c for c in g.control("GET", "/money")["credits"]
                if c["notes"] == "late one"]
    g.control("DELETE", "/calls")
    g.fault("transactions.create", "late", value=0.5)
    check("late credit", g.breaks(0, "POST", "/", pay, timeout=0.1) and
          not credits())
    check("is made", until(lambda: len(credits()) == 1) and
          credits()[0]["amount"] == "3.0" and
          credits()[0]["clients_id"] == 1001, credits())
    check("and in the list of calls", until(lambda: any(
        c["operation"] == "transactions.create"
        for c in g.control("GET", "/calls")["calls"][-3:])))
    g.fault("transactions.create", "late", value=600)
    check("a late one waits", g.breaks(0, "POST", "/", pay, timeout=0.1) and
          len(credits()) == 1)
    g.control("DELETE", "/faults")
    check("until faults are deleted", until(lambda: len(credits()) == 2))


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.got.append((dict(self.headers), body))
            bad = self.server.bad > 0
            self.server.bad -= bad
        self.send_response(503 if bad else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def listener():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.bad, server.lock = [], 0, threading.Lock()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def proof(headers, body, hook="WH-SANDBOX-1"):
    """The post-back, as text: the event's bytes must stay as they are."""
    h = lower(headers)
    names = {"auth_algo": "algo", "cert_url": "url", "transmission_id": "id",
             "transmission_sig": "sig", "transmission_time": "time"}
    parts = ['"%s":%s' % (name, json.dumps(h["paypal-" +
                                             name.replace("_", "-")]))
             for name in names]
    return '{%s,"webhook_id":"%s","webhook_event":%s}' % (
        ",".join(parts), hook, body)


def check_signature(g, headers, body):
    check, h = g.check, lower(headers)
    path = "/v1/notifications/verify-webhook-signature"

    def verify(text):
        return g.paypal("POST", path, text)[1]["verification_status"]
    text = body.decode()
    check("verified", verify(proof(headers, text)) == "SUCCESS")
    check("not another body", verify(proof(headers, text.replace(
        "25.00", "26.00"))) == "FAILURE")
    check("not re-serialised", verify(proof(headers, json.dumps(
        json.loads(text)))) == "FAILURE")
    check("not for another hook", verify(proof(headers, text, "WHX")) ==
          "FAILURE")
    check("an id is needed", "name" in g.paypal("POST", path, "{}")[1])
    url = urllib.parse.urlsplit(h["paypal-cert-url"])
    check("certificate's address", (url.hostname, url.port) ==
          ("localhost", g.base + 1), url)
    c = http.client.HTTPSConnection("localhost", g.base + 1, context=g.tls,
                                    timeout=10)
    c.request("GET", url.path)
    pem = c.getresponse().read()
    c.close()
    check("certificate and its CA's", pem == g.ask(2, "GET", url.path)[2] and
          pem.count(b"-----BEGIN CERTIFICATE-----") == 2, pem[:40])
    for flaw in ("EXPIRED", "WRONG-NAME", "SELF-SIGNED"):
        other = g.ask(2, "GET", "/v1/notifications/certs/CERT-" + flaw)
        check("a flawed one: " + flaw, other[0] == 200 and
              other[2].count(b"BEGIN") == 1 and other[2] not in pem, other)
    signed = lower(g.control("POST", "/paypal/sign", {
        "body": text, "cert": "CERT-EXPIRED"}))
    check("signed under it", signed["paypal-cert-url"].endswith(
        "/v1/notifications/certs/CERT-EXPIRED") and
        verify(proof(signed, text)) == "FAILURE", signed)
    message = "%s|%s|WH-SANDBOX-1|%d" % (
        h["paypal-transmission-id"], h["paypal-transmission-time"],
        zlib.crc32(body))
    openssl = shutil.which("openssl")
    if openssl:
        with tempfile.TemporaryDirectory() as where:
            for name, data in (("c", pem), ("m", message.encode()), (
                    "s", base64.b64decode(h["paypal-transmission-sig"]))):
                with open("%s/%s" % (where, name), "wb") as f:
                    f.write(data)
            key = subprocess.run([openssl, "x509", "-in", "c", "-pubkey",
                                  "-noout", "-subject"], cwd=where,
                                 capture_output=True).stdout
            check("certificate's name",
                  b"messageverificationcerts.sandbox.paypal.com" in key, key)
            with open(where + "/k", "wb") as f:
                f.write(key)
            check("openssl trusts it", subprocess.run(
                [openssl, "verify", "-CAfile", g.folder + "/ca.pem",
                 where + "/c"], capture_output=True).returncode == 0)
            check("openssl agrees", subprocess.run(
                [openssl, "dgst", "-sha256", "-verify", "k", "-signature",
                 "s", "m"], cwd=where, capture_output=True).returncode == 0)


def check_paypal_hooks(g):
    check = g.check
    with listener() as server:
        url = "http://127.0.0.1:%d/api/hooks/paypal" % server.server_port
        check("hooks stay here", "error" in g.control(
            "POST", "/gateways", {"paypal_hook": "http://192.0.2.1/"}))
        g.control("POST", "/gateways", {"paypal_hook": url})
        check("webhook is listed", g.paypal("GET", "/v1/notifications/webhooks"
                                            )[1]["webhooks"][0]["url"] == url)
        g.control("DELETE", "/deliveries")
        server.bad = 1
        order, one = g.captured("h1")
        g.control("POST", "/paypal/refund", {"capture": one, "amount": "5.00"})
        g.control("POST", "/paypal/reverse", {"capture": one})
        want = ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED",
                "PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"]

        def done():
            return all(d["done"] for d in g.control("GET", "/deliveries"))
        check("delivered", until(done))
        log = g.control("GET", "/deliveries")
        check("events", [d["type"] for d in log] == want and
              all(d["status"] == 200 for d in log), log)
        check("a failed one is sent again", sum(
            d["attempts"] for d in log) == 5 and len(server.got) == 5, log)
        got = {json.loads(b)["event_type"]: (h, b) for h, b in server.got}
        check("all came", sorted(got) == sorted(want), list(got))
        headers, body = got["PAYMENT.CAPTURE.COMPLETED"]
        check("as logged", [(lower(d["headers"])["paypal-transmission-sig"],
                             d["body"]) for d in log if d["type"] == want[1]]
              == [(lower(headers)["paypal-transmission-sig"], body.decode())])
        check("resource", json.loads(body)["resource"]["id"] == one)
        check_signature(g, headers, body)
        up = [k["href"][-17:] for k in json.loads(
            got["PAYMENT.CAPTURE.REFUNDED"][1])["resource"]["links"]
            if k["rel"] == "up"]
        check("a refund's capture", up == [one], up)
        g.control("POST", "/deliveries", {"event": log[0]["event"]})
        check("sent once more", until(lambda: len(server.got) == 6))
        check("list of events", g.paypal(
            "GET", "/v1/notifications/webhooks-events?event_type=" + want[1]
        )[1]["events"][0]["id"] == json.loads(body)["id"])
        g.control("POST", "/gateways", {"paypal_hook": None})
    g.order("h2")
    check("off", g.control("GET", "/deliveries")[-1]["attempts"] == 0)
    forged = '{"id":"WH-FORGED","amount":"999.00"}'
    signed = g.control("POST", "/paypal/sign", {"body": forged})
    check("a test can sign", g.paypal(
        "POST", "/v1/notifications/verify-webhook-signature",
        proof(signed, forged))[1]["verification_status"] == "SUCCESS", signed)


def check_anet_order(g):
    check = g.check

    def code(answer):
        return answer["messages"]["message"][0]["code"]
    check("anet log-in", code(g.anet("authenticateTestRequest")) == "I00001")
    raw = g.ask(3, "POST", "/xml/v1/request.api", {"authenticateTestRequest": {
        "merchantAuthentication": {**LOGIN, "transactionKey": "x"}}})
    check("wrong key", raw[0] == 200 and b"E00007" in raw[2], raw)
    b = g.anet("getMerchantDetailsRequest", refId="R1")
    check("merchant", b["currencies"] == ["USD"] and b["refId"] == "R1" and
          b["isTestMode"] is False, b)
    wish = {"transactionType": "authCaptureTransaction", "amount": "25.00"}
    for what, body in (
            ("turned", {"transactionRequest": dict(reversed(wish.items()))}),
            ("refId late", {"transactionRequest": wish, "refId": "R"}),
            ("unknown", {"transactionRequest": {**wish, "colour": "red"}}),
            ("missing", {"transactionRequest": {"amount": "25.00"}}),
            ("long refId", {"refId": "R" * 21, "transactionRequest": wish}),
            ("bad amount", {"transactionRequest": {**wish, "amount": "x"}}),
            ("settings first", {"hostedPaymentSettings": {"setting": []},
                                "transactionRequest": wish})):
        b = g.anet("getHostedPaymentPageRequest", **body)
        check(what, code(b) == "E00003", b)
    b = g.anet("getHostedPaymentPageRequest",
               transactionRequest=dict(reversed(wish.items())))
    check("says so", "has invalid child element 'amount'" in
          b["messages"]["message"][0]["text"], b)
    check("unknown call", code(g.anet("getNothingRequest")) == "E00003")
    b = g.anet("getHostedPaymentPageRequest", transactionRequest={
        **wish, "currencyCode": "EUR"})
    check("another currency", code(b) == "E00013", b)
    check("nothing there", code(g.anet("getSettledBatchListRequest")) ==
          "I00004")


def check_anet_page(g):
    check, token = g.check, g.hosted("RFPAGE")["token"]
    s, _, page = g.page(token)
    check("hosted page", s == 200 and buttons(page) == [
        "Approve", "Decline", "Hold for review", "Close"] and
        'value="4111 1111 1111 1111"' in page and "25.00 USD" in page and
        "O&#39;B &amp; &lt;i&gt;" in page and "<script" not in page, page)
    check("its token", html.unescape(re.search(
        r'name="token" value="([^"]*)"', page).group(1)) == token)
    check("bad token", g.page("none")[0] == 400)
    check("anet approve", g.page(token, "approve")[:2] == (
        303, "http://127.0.0.1:9/back"))
    s, _, page = g.page(token, "decline")
    check("anet decline", s == 200 and "declined. Try again" in page and
          len(buttons(page)) == 4, page)
    check("anet close", g.page(token, "close")[:2] == (
        303, "http://127.0.0.1:9/cancel"))
    check("anet review", g.page(token, "review")[0] == 303)
    check("pays twice", g.page(token, "approve")[0] == 303)
    rows = [r for r in g.anet(UNSETTLED)["transactions"]
            if r["invoiceNumber"] == "RFPAGE"]
    check("newest first", [r["transactionStatus"] for r in rows] == [
        "capturedPendingSettlement", "FDSPendingReview", "declined",
        "capturedPendingSettlement"], rows)
    b = g.details(rows[-1]["transId"])
    t = b["transaction"]
    check("details", t["responseCode"] == 1 and t["authAmount"] == 25.00 and
          t["order"]["invoiceNumber"] == "RFPAGE" and
          t["customer"]["id"] == "1001" and b["transrefId"] == "RFPAGE", b)
    check("no such", g.details("1")["messages"]["resultCode"] == "Error")
    page2 = g.anet(UNSETTLED, paging={"limit": 1, "offset": 2})
    check("paging", page2["transactions"][0]["transId"] ==
          rows[1]["transId"] and page2["totalNumInResultSet"] >= 4, page2)
    held = g.anet(UNSETTLED, status="pendingApproval")["transactions"]
    check("held ones", [r["transId"] for r in held] == [rows[1]["transId"]])


def check_anet_money(g):
    check = g.check

    def merchant(kind, number, **more):
        return g.anet("createTransactionRequest", transactionRequest={
            "transactionType": kind, **more, "refTransId": number})

    def refund(number, amount):
        return merchant("refundTransaction", number, amount=amount, payment={
            "creditCard": {"cardNumber": "XXXX1111",
                           "expirationDate": "XXXX"}})

    def status(number):
        return g.details(number)["transaction"]["transactionStatus"]
    one, two, three = (g.pay("RFM%d" % n) for n in range(3))
    b = refund(one, "5.00")["transactionResponse"]
    check("refund only after settlement", b["transId"] == "0" and
          b["errors"][0]["errorCode"] == "54", b)
    b = merchant("voidTransaction", two)["transactionResponse"]
    check("void", b["responseCode"] == "1" and status(two) == "voided", b)
    want = hmac.new(bytes.fromhex(g.control(
        "GET", "/gateways")["anet_signature"]), (
        "^sbLogin01^%s^0.00^" % two).encode(), hashlib.sha512).hexdigest()
    check("transHashSha2", b["transHashSha2"] == want.upper(), b)
    held = [g.pay("RFH%d" % n, "review") for n in range(3)]
    for number, action, want in ((held[0], "approve",
                                  "capturedPendingSettlement"),
                                 (held[1], "decline", "declined")):
        g.anet("updateHeldTransactionRequest", heldTransactionRequest={
            "action": action, "refTransId": number})
        check("held, " + action, status(number) == want)
    g.control("POST", "/anet/review", {"transaction": held[2],
                                       "action": "approve"})
    check("by control", status(held[2]) == "capturedPendingSettlement")
    batch = g.control("POST", "/anet/settle")["id"]
    listed = g.anet("getSettledBatchListRequest")["batchList"]
    check("batches", [x["batchId"] for x in listed] == [batch], listed)
    rows = g.anet("getTransactionListRequest", batchId=batch)["transactions"]
    check("batch", one in [r["transId"] for r in rows] and
          status(one) == "settledSuccessfully", rows)
    check("nothing unsettled but what is held", all(
        r["transactionStatus"] == "FDSPendingReview"
        for r in g.anet(UNSETTLED).get("transactions", [])))
    b = refund(one, "20.00")["transactionResponse"]
    t = g.details(b["transId"])["transaction"]
    check("refunded", t["refTransId"] == one and t["settleAmount"] == 20.00 and
          t["transactionStatus"] == "refundPendingSettlement", t)
    b = refund(one, "5.01")["transactionResponse"]
    check("not more", b["errors"][0]["errorCode"] == "55", b)
    g.control("POST", "/anet/chargeback", {"transaction": three})
    check("chargeback", status(three) == "chargeback")
    g.control("POST", "/anet/chargeback", {"transaction": three,
                                           "reversal": True})
    check("and back", status(three) == "chargebackReversal")
    far = g.anet("getSettledBatchListRequest",
                 firstSettlementDate="2026-01-01T00:00:00Z",
                 lastSettlementDate="2026-02-02T00:00:00Z")
    check("31 days at most", far["messages"]["resultCode"] == "Error", far)


def check_anet_faults(g):
    check, number = g.check, g.pay("RFF1")

    def raw():
        return g.anet_raw(DETAILS, transId=number)
    g.fault("anet.details", "bom")
    check("no mark", raw()[2].startswith(b"{"))
    g.fault("anet.details", "bom", value="space")
    check("mark and space", raw()[2].startswith(b"\xef\xbb\xbf \r\n{"))
    g.fault("anet.details", "html")
    check("anet html", raw()[2].startswith(b"<!doctype"))
    g.fault("anet.details", "empty")
    check("anet empty", raw()[2] == b"")
    g.fault("anet.details", "error")
    check("anet error", b"E00001" in raw()[2])
    g.fault("anet.details", "issue", value="E00053")
    check("anet issue", b"E00053" in raw()[2])
    g.fault("anet.details", "status")
    check("anet status", raw()[0] == 503)
    for kind in ("cut", "refuse", "lost_reply"):
        g.fault("anet", kind)
        check("anet " + kind, g.breaks(3, "POST", "/xml/v1/request.api", "{}"))
    g.fault("anet.details", "amount", value="1.00")
    check("anet amount", g.details(number)["transaction"]["authAmount"] == 1)
    g.fault("anet.details", "response_code", value=3)
    check("response code", g.details(number)["transaction"]["responseCode"]
          == 3)
    g.fault("anet.details", "state", value="settledSuccessfully")
    check("anet state", g.details(number)["transaction"]["transactionStatus"]
          == "settledSuccessfully")
    g.fault("anet.pay", "amount", value="2.00")
    check("paid with another amount", g.details(g.pay("RFF2"))["transaction"][
        "authAmount"] == 2)
    g.fault("anet.pay", "response_code", value=2)
    check("made declined", g.details(g.pay("RFF3"))["transaction"][
        "transactionStatus"] == "declined")
    g.fault("anet.pay", "test_request")
    check("test mode", g.details(g.pay("RFF4"))["messages"]["resultCode"] ==
          "Error" and json.loads(g.control("GET", "/deliveries")[-1]["body"])[
              "payload"]["id"] == "0")
    g.fault("anet.token", "expire")
    check("an old token", g.page(g.hosted("RFF5")["token"])[0] == 400)


def check_anet_hooks(g):
    check = g.check
    with listener() as server:
        g.control("POST", "/gateways", {
            "anet_hook": "http://localhost:%d/a" % server.server_port})
        number = g.pay("RFW1", "review")
        g.control("POST", "/anet/review", {"transaction": number})
        g.control("POST", "/anet/void", {"transaction": number})
        check("anet hooks", until(lambda: len(server.got) == 3))
        types = [json.loads(b)["eventType"] for _, b in server.got]
        check("their types", sorted(types) == [
            "net.authorize.payment." + t for t in (
                "fraud.approved", "fraud.held", "void.created")], types)
        key = g.control("GET", "/gateways")["anet_signature"]
        check("key's case", key != key.upper() and key != key.lower() and
              re.fullmatch("[0-9A-Fa-f]{128}", key))
        for headers, body in server.got:
            want = hmac.new(key.encode(), body, hashlib.sha512).hexdigest()
            check("signed", lower(headers)["x-anet-signature"] ==
                  "sha512=" + want.upper())
        g.control("POST", "/gateways", {"anet_hook": ""})
    sign = g.control("POST", "/anet/sign", {"body": "{}"})
    check("a test can sign this too", list(sign.values()) == [
        "sha512=" + hmac.new(key.encode(), b"{}",
                             hashlib.sha512).hexdigest().upper()], sign)


def check_requests(g):
    check = g.check
    g.control("DELETE", "/requests")
    check("no requests", g.control("GET", "/requests?to=anet") == [])
    g.order("r1", approved=False)
    g.anet("authenticateTestRequest", refId="R9")
    one, = g.control("GET", "/requests?to=paypal")
    check("request", one["method"] == "POST" and one["status"] == 201 and
          one["path"] == "/v2/checkout/orders" and
          one["operation"] == "paypal.order.create" and
          one["headers"]["PayPal-Request-Id"] == "create-r1" and
          json.loads(one["body"]) == g.wish("r1"), one)
    one, = g.control("GET", "/requests?to=anet")
    check("anet request", json.loads(one["body"])["authenticateTestRequest"][
        "refId"] == "R9" and one["status"] == 200, one)


def check_mail(g):
    check = g.check

    def send(timeout=10):
        with smtplib.SMTP("127.0.0.1", g.base + 5, timeout=timeout) as s:
            s.login("any", "thing")
            s.sendmail("a@x.example", ["b@x.example", "c@x.example"],
                       "Subject: One\r\n two\r\nX-A: b\r\n\r\n.dot\r\nend")
    send()
    one, = g.control("GET", "/mail")
    check("mail", one["from"] == "a@x.example" and
          one["to"] == ["b@x.example", "c@x.example"] and
          one["headers"] == {"subject": "One two", "x-a": "b"} and
          one["data"].endswith("\r\n\r\n.dot\r\nend\r\n"), one)
    for kind in ("error", "refuse", "hang", "cut", "lost_reply"):
        g.fault("smtp", kind)
        try:
            send(0.5)
            check("smtp " + kind, False)
        except (OSError, smtplib.SMTPException):
            check("smtp " + kind, True)
    send()
    check("only what was taken", len(g.control("GET", "/mail")) == 3)
    with socket.create_connection(("127.0.0.1", g.base + 5)) as s:
        f = s.makefile("rb")
        f.readline()
        s.sendall(b"MAIL FROM:<a@b>\r\nDATA\r\nRSET\r\nNOOP\r\nHUH\r\n")
        check("order of commands", [f.readline()[:3] for _ in range(5)] ==
              [b"503", b"503", b"250", b"250", b"502"])
    g.control("DELETE", "/mail")
    check("mail deleted", g.control("GET", "/mail") == [])


def check_restart(g, restart):
    """After a SIGKILL all is as it was, and replays are known."""
    check = g.check
    order, one = g.captured("k1")
    open_order = g.order("k2")
    token = g.hosted("RFK1")["token"]
    number = g.pay("RFK1")
    before = g.control("GET", "/money")
    restart()
    check("books outlive a kill", g.control("GET", "/money") == before)
    check("so do replays", g.capture(order, "capture-k1")[0] == 200)
    check("and what is approved", g.capture(open_order, "k2")[0] == 201)
    check("and hosted tokens", g.page(token, "approve")[0] == 303)
    check("and transactions", g.details(number)["transaction"]["transId"] ==
          number)
    g.control("POST", "/reset")
    check("reset", g.control("GET", "/money") ==
          {"paypal": [], "anet": [], "credits": []})
