#!/usr/bin/env python3
"""payment_abuse_test.py: forged, bent and replayed payments.

Each test is a way to get credit without paying, or to make the portal do
something for a stranger. Between the portal and each simulated gateway stands
a server of the test's own, which can bend answers. After each test the log and
all answers are searched for what nobody may see.
"""
import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import sqlite3
import ssl
import subprocess
import threading
import urllib.parse
import zlib

import harness
from harness import Client, Page, Sandbox, check_error, wait_for
from till import GATEWAYS, Ear, Till, settings_of

TITLE = "Acme <b>\"Tele\"</b> & 'Sons' <img src=x onerror=alert(1)>"
MARKUP = "<img src=x onerror=alert(1)>\r\nSet-Cookie: a=b"
FOLDER = "/v1/notifications/certs/"


# --- Servers of the test's own ------------------------------------------------

class Between(http.server.ThreadingHTTPServer):
    """Passes everything on to a gateway. `twist` may change an answer's body:
    it gets the request's path and body and the answer's body, and gives
    another one, or None. `instead` may answer itself, by a handler."""
    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), Passing)
        self.port = self.server_address[1]
        self.to = port
        self.twist = self.instead = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # the portal hung up

    @contextlib.contextmanager
    def bent(self, twist=None, instead=None):
        self.twist, self.instead = twist, instead
        try:
            yield
        finally:
            self.twist = self.instead = None


class Passing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.instead and self.server.instead(self):
            self.close_connection = True
            return
        asked = http.client.HTTPConnection("127.0.0.1", self.server.to,
                                           timeout=harness.PATIENCE)
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("connection", "content-length")}
        asked.request(self.command, self.path,
                      body if self.command == "POST" else None,
                      {**headers, "Connection": "close"})
        answer = asked.getresponse()
        data = answer.read()
        asked.close()
        if self.server.twist:
            bent = self.server.twist(self.path, body, data)
            data = data if bent is None else bent
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length",
                                    "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = serve


class Certificates(http.server.BaseHTTPRequestHandler):
    """A host of the list that has gone bad."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path.endswith("REDIRECT"):
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:%d%sX" % (
                EAR.port, FOLDER))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path.endswith("SILENT"):
            self.connection.settimeout(harness.PATIENCE)
            self.rfile.read(1)  # until the portal gives up
        else:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(160):
                    self.wfile.write(b"x" * 65536)
                    self.server.sent += 65536


def open_certificates():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Certificates)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    server.asked, server.sent = [], 0
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.path.join(sandbox.folder, "server.pem"),
                        os.path.join(sandbox.folder, "server.key"))
    server.socket = tls.wrap_socket(server.socket, server_side=True,
                                    do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


# --- The portal that is abused ------------------------------------------------

sandbox = Sandbox()
at = sandbox.control("GET", "/gateways")
SECRETS = [at["paypal_secret"], at["anet_key"], at["anet_signature"],
           base64.b64encode((at["paypal_client"] + ":" + at["paypal_secret"])
                            .encode()).decode()]
LISTED = at["paypal_cert_base"].partition("://")[2]
EAR = Ear()
CERTIFICATES = open_certificates()
paypal = Between(sandbox.port + 2)
anet = Between(sandbox.port + 3)
BETWEEN = {
    "paypal": {"uri": "http://127.0.0.1:%d" % paypal.port,
               "certHosts": [LISTED, "127.0.0.1:%d" %
                             CERTIFICATES.server_address[1]]},
    "authorizenet": {
        "uri": "http://127.0.0.1:%d/xml/v1/request.api" % anet.port}}
till = Till(sandbox, title=TITLE, locales=["en", "de"], **BETWEEN)
seen = []
address = "203.0.113.1"


def remember(exchange):
    def exchange_and_remember(path, env, body):
        raw = exchange(path, env, body)
        seen.append(raw)
        return raw
    return exchange_and_remember


harness.exchange = remember(harness.exchange)


def other_portal(**settings):
    """Another portal for the same gateways, of one worker."""
    return Till(sandbox, workers=1, **settings)


def requests(to):
    return sandbox.control("GET", "/requests?to=" + to)


def calls(gateway=None, operation=None):
    """How often the gateways were asked."""
    names = {"paypal": "paypal", "authorizenet": "anet"}
    return sum(1 for g in GATEWAYS if gateway in (None, g)
               for r in requests(names[g])
               if operation in (None, r["operation"]))


def rows(sql, *values, shop=None):
    with harness.store((shop or till).portal) as db:
        return db.execute(sql, values).fetchall()


def inbox(shop=None):
    return rows("select event_id, body, state from inbox", shop=shop)


def payments(client=None):
    ask = "select id, state, amount from payment"
    return rows(ask + " where client_id = ?", client) if client else rows(ask)


def handled(event):
    """Waits until a webhook that was taken has been looked at."""
    wait_for("the event " + event, lambda: rows(
        "select 1 from inbox where event_id = ? and state = 'done'", event))


@contextlib.contextmanager
def nothing(t, what, asks=False, hears=False, shop=None):
    """Nothing is credited; nobody outside is asked unless `asks` (a worker asks
    for a certificate that it does not know yet), and nothing comes into the
    inbox unless `hears`."""
    def look():
        return [sorted(till.credits()), None if asks else calls(),
                None if hears else sorted(inbox(shop))]

    before = look()
    yield
    for was, now, part in zip(before, look(), (
            "credits", "calls of the gateways", "the inbox")):
        t.equal(now, was, "%s: %s" % (what, part))


def send(gateway, body, headers, shop=None, **how):
    return (shop or till).hook(gateway, body, headers, address, **how)


def heard(t, what, gateway, body, headers, event=None):
    """A webhook that is taken, and looked at."""
    t.status(send(gateway, body, headers), 200, what)
    model = json.loads(body)
    handled(event or model.get("id") or model["notificationId"])


def refused(t, what, gateway, body, headers, status=401, why=None, shop=None,
            asks=False):
    """A webhook that must not be believed."""
    log = (shop or till).portal
    before = len(log.logged("payment.hook_refused"))
    with nothing(t, what, asks=asks, shop=shop):
        answer = send(gateway, body, headers, shop=shop)
    t.status(answer, status, what)
    lines = log.logged("payment.hook_refused")[before:]
    t.check(len(lines) == 1 or status != 401, what + ": logged", lines)
    if why:
        t.check(lines and why in lines[-1], what + ": why", why, lines)
    return answer


def sign(body, **more):
    """The headers that PayPal would send with it."""
    return sandbox.control("POST", "/paypal/sign", {"body": body, **more})


def sign_anet(body):
    return sandbox.control("POST", "/anet/sign", {"body": body})


def with_header(headers, name, value):
    """The same headers with another value of one, however it is spelled."""
    return {key: value if key.lower() == name.lower() else old
            for key, old in headers.items()}


def paid(gateway, client, amount="25.00"):
    """A payment that was credited, and its last event."""
    begun = till.begin(client, gateway, amount)
    till.approve(begun)
    till.come_back(client, begun)
    till.settled(client, begun)
    begun["event"] = till.deliveries("anet" if gateway == "authorizenet"
                                     else gateway)[-1]
    return begun


event_number = 0


def event_id():
    global event_number
    event_number += 1
    return "WH-ABUSE-%d" % event_number


def capture_event(capture, payment, order=None, amount="25.00",
                  currency="USD", **more):
    resource = {"id": capture, "status": "COMPLETED", "custom_id": payment,
                "amount": {"currency_code": currency, "value": amount},
                "final_capture": True}
    if order:
        resource["supplementary_data"] = {"related_ids": {"order_id": order}}
    return {"id": event_id(), "event_type": "PAYMENT.CAPTURE.COMPLETED",
            "resource_type": "capture", "resource": resource, **more}


def anet_event(transaction, invoice, amount=25.00):
    return {"notificationId": event_id(),
            "eventType": "net.authorize.payment.authcapture.created",
            "payload": {"responseCode": 1, "authAmount": amount,
                        "invoiceNumber": invoice, "entityName": "transaction",
                        "id": transaction}}


def story(begun):
    return "\n".join(line["what"] for line in
                     till.story(begun["payment"]["id"])["story"])


def review(t, what, begun, client, why):
    """It waits for a person, who has been told; nothing is credited later."""
    t.equal(till.state(client, begun), "review", what + ": its state")
    told = story(begun)
    t.check("ALARM" in told and why in told, what + ": an alarm", told)
    t.check(any(begun["payment"]["id"] in line and why in line
                for line in till.portal.logged("payment.alarm")),
            what + ": an alarm in the log")
    ident = begun["payment"]["id"]
    till.hurry()
    till.reconcile()
    t.check(not mine(begun), what + ": not credited later", mine(begun))
    page = client.get("/api/refill/payments/" + ident, accept="text/html")
    t.status(page, 200, what + ": its page")


def mine(begun):
    """The credits of a payment."""
    made = {row["reference"] for row in
            till.story(begun["payment"]["id"])["postings"]}
    return [c for c in till.credits() if c[2] in made]


heron = till.customer("heron")
osprey = till.customer("osprey")


# --- Forgery ------------------------------------------------------------------

def test_case_01_webhook_without_signature(t):
    begun = {g: till.begin(heron, g) for g in GATEWAYS}
    order = begun["paypal"]["order"]
    body = json.dumps(capture_event(
        "3EF45678GH901234J", begun["paypal"]["payment"]["id"], order))
    whole = sign(body)
    refused(t, "PayPal, bare", "paypal", body, {})
    for name in whole:
        rest = {key: value for key, value in whole.items() if key != name}
        refused(t, "PayPal without " + name, "paypal", body, rest)
        refused(t, "PayPal, empty " + name, "paypal", body,
                with_header(whole, name, ""))
    body = json.dumps(anet_event(
        "60000000001", begun["authorizenet"]["payment"]["id"]))
    refused(t, "Authorize.Net, bare", "authorizenet", body, {})
    for value in ("", "sha512=", "sha512"):
        refused(t, "Authorize.Net, " + repr(value), "authorizenet", body,
                {"X-ANET-Signature": value})
    for gateway in ("stripe", "vcs", "anet", "PayPal"):
        refused(t, "no gateway " + gateway, gateway, body, sign_anet(body),
                status=404)
    t.status(Client(till.portal).get("/api/hooks/paypal"), 405, "GET")
    for g in GATEWAYS:
        t.equal(till.state(heron, begun[g]), "open", g + " is still open")


def test_case_02_body_changed(t):
    event = paid("paypal", heron)["event"]
    body, headers = event["body"], event["headers"]
    for what, other in (
            ("another amount", body.replace("25.00", "95.00")),
            ("a space", body.replace(":", ": ", 1)),
            ("another id", body.replace(event["event"], event_id())),
            ("cut", body[:-1]), ("empty", "")):
        refused(t, what, "paypal", other, headers, asks=True)
    for name, value in (("Paypal-Transmission-Id", "0" * 36),
                        ("Paypal-Transmission-Time", "2020-01-01T00:00:00Z"),
                        ("Paypal-Transmission-Sig", "AAAA"),
                        ("Paypal-Transmission-Sig", "no base64 !"),
                        ("Paypal-Transmission-Sig", "A" * 4000),
                        ("Paypal-Transmission-Id", "a|b"),
                        ("Paypal-Transmission-Id", "a" * 600)):
        refused(t, "%s %.20s" % (name, value), "paypal", body,
                with_header(headers, name, value), asks=True)
    heard(t, "as it was", "paypal", body, headers)


def forge(event, wanted):
    """`event` as JSON whose CRC-32 is that of other bytes. A CRC is linear:
    each bit of the text that flips changes it in a way that does not depend on
    the rest, so that 32 flips out of some more give any difference."""
    text = bytearray(json.dumps({**event, "pad": "A" * 96}).encode())
    start = text.index(b"A" * 96)
    base = zlib.crc32(text)
    basis = {}  # by the highest bit: (difference, positions)
    for i in range(96):
        text[start + i] ^= 2  # C
        row, flips = zlib.crc32(text) ^ base, {start + i}
        text[start + i] ^= 2
        while row:
            top = row.bit_length()
            if top not in basis:
                basis[top] = row, flips
                break
            row, flips = row ^ basis[top][0], flips ^ basis[top][1]
    left, flips = base ^ wanted, set()
    while left:
        row, more = basis[left.bit_length()]
        left, flips = left ^ row, flips ^ more
    for i in flips:
        text[i] ^= 2
    assert zlib.crc32(text) == wanted
    return bytes(text).decode()


def test_case_03_forged_body_of_equal_crc(t):
    first = paid("paypal", heron, "5.00")
    genuine = first["event"]
    t.status(till.deliver(genuine), 200, "the genuine one")

    def fresh():
        """Another signature over the genuine body: nobody has used it."""
        return sandbox.control("POST", "/paypal/sign",
                               {"body": genuine["body"]})

    target = till.begin(heron, "paypal", "999.00")
    crc = zlib.crc32(genuine["body"].encode())
    event = capture_event("9FORGED1234567890", target["payment"]["id"],
                          target["order"], "999.00")
    body = forge(event, crc)
    alarms = len(till.portal.logged("payment.alarm"))
    with nothing(t, "a forged capture", asks=True, hears=True):
        answer = send("paypal", body, fresh())
        t.status(answer, 200, "a forged body has a signature that is right")
        handled(event["id"])
        till.hurry()
        till.reconcile()
    t.equal(till.state(heron, target), "open", "nothing was paid")
    t.check("ALARM" in story(target) and "9FORGED1234567890" in story(target),
            "an alarm", story(target))
    t.check(len(till.portal.logged("payment.alarm")) > alarms,
            "an alarm in the log")
    # Of nobody's payment.
    event = capture_event("9FORGED1234567890", "RF" + "A" * 18, "8ORDER")
    with nothing(t, "a forged payment", asks=True, hears=True):
        t.status(send("paypal", forge(event, crc), fresh()), 200,
                 "of no payment")
        handled(event["id"])
    t.check(any(event["id"] in line
                for line in till.portal.logged("payment.unknown")),
            "of no payment: logged")
    # The payer's own event, with more in it than was paid.
    cheap = till.begin(heron, "paypal", "6.00")
    till.approve(cheap)
    event = capture_event("9FORGED1234567890", cheap["payment"]["id"],
                          cheap["order"], "999.00")
    t.status(send("paypal", forge(event, crc), fresh()), 200,
             "more than was paid")
    handled(event["id"])
    till.settled(heron, cheap)
    t.equal([c[1] for c in mine(cheap)], [6.0], "what was paid counts")
    # Another body for an event that is known.
    event = {**capture_event("9FORGED1234567890", target["payment"]["id"]),
             "id": genuine["event"]}
    with nothing(t, "a known event with another body"):
        t.status(send("paypal", forge(event, crc), fresh()), 200,
                 "a known event")
    t.check(any("another body" in line and genuine["event"] in line
                for line in till.portal.logged("payment.alarm")),
            "a known event: an alarm")
    # One signature is good for one event.
    event = capture_event("9FORGED1234567890", target["payment"]["id"])
    with nothing(t, "a signature that was used"):
        t.status(send("paypal", forge(event, crc), genuine["headers"]), 200,
                 "a used signature")
    t.check(any("another one's signature" in line and event["id"] in line
                for line in till.portal.logged("payment.alarm")),
            "a used signature: an alarm")


def test_case_04_cert_url(t):
    event = paid("paypal", heron, "5.00")["event"]
    body, headers = event["body"], event["headers"]
    own = next(v for k, v in headers.items() if k.lower() == "paypal-cert-url")
    name = own.rpartition("/")[2]
    ear = "127.0.0.1:%d" % EAR.port
    before = EAR.called()
    for url in ("http://%s%s%s" % (LISTED, FOLDER, name),
                "http://%s%sX" % (ear, FOLDER),
                "https://%s%sX" % (ear, FOLDER),
                "https://%s.evil.example%s%s" % (LISTED, FOLDER, name),
                "https://api.paypal.com.evil.example%sX" % FOLDER,
                "https://%s/?%s" % (ear, LISTED),
                "https://%s/%s%sX" % (ear, LISTED, FOLDER),
                "https://%s#%s%sX" % (ear, LISTED, FOLDER),
                "https://%s@%s%sX" % (LISTED, ear, FOLDER),
                "https://%s\\@%s%sX" % (ear, LISTED, FOLDER),
                "https://%s%%2f@%s%sX" % (LISTED, ear, FOLDER),
                "https://%s:8443%sX" % (LISTED.partition(":")[0], FOLDER),
                "https://%s:443%sX" % (LISTED, FOLDER),
                "https:/%s%sX" % (LISTED, FOLDER),
                "//%s%sX" % (LISTED, FOLDER),
                " " + own, own + " ", own + "?x=1", own + "#x", own + "/",
                own + "/../../../v2/checkout/orders/X", own + "%00",
                "https://%s%s" % (LISTED, FOLDER),
                "https://%s%s../X" % (LISTED, FOLDER),
                "https://%s/X" % LISTED,
                own.replace("https", "HTTPS"),
                "file:///etc/ssl/certs/ca-certificates.crt",
                "file://%s%sX" % (LISTED, FOLDER), "gopher://%s/1" % ear,
                "data:text/plain,x", "x" * 600):
        refused(t, "%.80s" % url, "paypal", body,
                with_header(headers, "paypal-cert-url", url))
    bad = "https://127.0.0.1:%d%s" % (CERTIFICATES.server_address[1], FOLDER)
    for what in ("REDIRECT", "HUGE", "SILENT"):
        asked = len(CERTIFICATES.asked)
        with nothing(t, "a certificate: " + what):
            answer = send("paypal", body, with_header(
                headers, "paypal-cert-url", bad + what))
        t.check(answer.status in (401, 503), "refused: " + what,
                answer.status)
        t.equal(CERTIFICATES.asked[asked:], [FOLDER + what],
                "asked once: " + what)
    t.check(CERTIFICATES.sent < 8 * 1024 * 1024, "not all of it was taken",
            CERTIFICATES.sent)
    t.equal(EAR.called(), before, "calls of hosts outside of the list")
    heard(t, "the right one", "paypal", body, headers)


def test_case_04_no_endless_fetching(t):
    """Who names certificates that are not there does not keep us asking."""
    body = json.dumps(capture_event("3EF45678GH901234J", "RF" + "A" * 18))
    headers = sign(body, cert="CERT-OF-NOBODY")
    statuses = []
    for _ in range(63):
        statuses.append(send("paypal", body, headers).status)
    t.equal(statuses[-3:], [429] * 3, "then it is too much")
    count = calls("paypal", "paypal.cert")
    with nothing(t, "one more"):
        answer = send("paypal", body, headers)
    t.check(answer.header("retry-after"), "when to come again")
    t.equal(calls("paypal", "paypal.cert"), count, "nobody is asked then")
    t.status(till.hook("paypal", body, sign(body), "203.0.113.250"), 200,
             "others are heard")
    handled(json.loads(body)["id"])


def test_case_05_certificates(t):
    body = json.dumps(capture_event("3EF45678GH901234J", "RF" + "A" * 18))
    for cert, why in (("CERT-EXPIRED", "not valid now"),
                      ("CERT-WRONG-NAME", "of another name"),
                      ("CERT-SELF-SIGNED", "not trusted")):
        refused(t, cert, "paypal", body, sign(body, cert=cert), why=why,
                asks=True)
        refused(t, cert + " again", "paypal", body, sign(body, cert=cert),
                why=why, asks=True)
    live = other_portal(paypal={"environment": "live"})
    try:
        refused(t, "the sandbox's certificate, live", "paypal", body,
                sign(body), why="of another name", shop=live, asks=True)
    finally:
        t.equal(live.portal.end(), 0, "the live portal's end")
    heard(t, "the right one", "paypal", body, sign(body))


def test_case_06_algorithms(t):
    body = json.dumps(capture_event("3EF45678GH901234J", "RF" + "A" * 18))
    headers = sign(body)
    for name in ("SHA1withRSA", "none", "", "sha256withrsa", "SHA256withRSA ",
                 "SHA256withRSA,none", "SHA512withRSA", "MD5withRSA",
                 "SHA256withECDSA"):
        refused(t, "algorithm %r" % name, "paypal", body,
                with_header(headers, "paypal-auth-algo", name))
    heard(t, "the right one", "paypal", body, headers)


def test_case_07_signed_for_another_webhook(t):
    body = json.dumps(capture_event("3EF45678GH901234J", "RF" + "A" * 18))
    for name in ("WEBHOOK_ID", "8PT597110X687430LKGECATA", "",
                 at["paypal_webhook_id"].lower()):
        refused(t, "signed for %r" % name, "paypal", body,
                sign(body, webhook_id=name), why="signature is wrong",
                asks=True)
    # What the public simulator signs with, even if somebody sets it.
    naive = other_portal(paypal={"webhookId": "WEBHOOK_ID"})
    refused(t, "the simulator", "paypal", body,
            sign(body, webhook_id="WEBHOOK_ID"), shop=naive)
    t.equal(naive.portal.end(), 0, "the naive portal's end")


def test_case_07_by_asking_paypal(t):
    """The same where PayPal is asked whether it signed."""
    shop = other_portal(paypal={"verification": "online"})
    body = json.dumps(capture_event("3EF45678GH901234J", "RF" + "A" * 18))
    refused(t, "signed for another", "paypal", body,
            sign(body, webhook_id="8PT597110X687430LKGECATA"), shop=shop,
            asks=True, why="not its own")
    # The event is spliced into our question to PayPal: nothing of ours may be
    # said a second time in it.
    for tail in ("\"webhook_id\":\"8PT597110X687430LKGECATA\"",
                 "\"webhook_event\":{\"id\":\"x\"}"):
        bent = body + "," + tail
        headers = sign(body, webhook_id="8PT597110X687430LKGECATA")
        refused(t, "with a tail " + tail, "paypal", bent, headers, shop=shop,
                status=400)
    refused(t, "not JSON", "paypal", "{\"id\":", headers, shop=shop,
            status=400)
    headers = with_header(sign(body), "paypal-cert-url",
                          "https://127.0.0.1:%d%sX" % (EAR.port, FOLDER))
    refused(t, "a certificate from elsewhere", "paypal", body, headers,
            shop=shop)
    for fault in ("error", "truncate", "empty"):
        sandbox.fault("paypal.verify", fault, times=1)
        with nothing(t, "PayPal answers with " + fault, asks=True, shop=shop):
            t.status(send("paypal", body, sign(body), shop=shop), 503,
                     "PayPal answers with " + fault)
    sandbox.heal()
    t.status(send("paypal", body, sign(body), shop=shop), 200, "its own")
    t.equal(len(inbox(shop)), 1, "is heard")
    t.equal(shop.portal.end(), 0, "the asking portal's end")


def send_pairs(gateway, body, pairs, length=None):
    """A webhook whose environment may name a variable twice, or announce
    another length than it has."""
    env = [("REQUEST_METHOD", "POST"), ("REQUEST_URI", "/api/hooks/" + gateway),
           ("QUERY_STRING", ""), ("SERVER_PROTOCOL", "HTTP/1.1"),
           ("REMOTE_ADDR", address), ("CONTENT_TYPE", "application/json"),
           ("CONTENT_LENGTH", str(length or len(body)))]
    env += [("HTTP_" + name.upper().replace("-", "_"), value)
            for name, value in pairs]

    class Pairs(dict):
        def items(self):
            return env

    return harness.Answer(harness.exchange(till.portal.socket, Pairs(),
                                           body.encode()))


def test_case_08_headers(t):
    body = json.dumps(capture_event("3EF45678GH901234J", "RF" + "A" * 18))
    anet_body = json.dumps(anet_event("1", "RF" + "A" * 18))
    for gateway, text, headers in (
            ("paypal", body, sign(body)),
            ("authorizenet", anet_body, sign_anet(anet_body))):
        pairs = list(headers.items())
        for name, value in pairs:
            rest = [p for p in pairs if p[0] != name]
            for what, values in (("another behind", (value, "x")),
                                 ("another before", ("x", value)),
                                 ("the same", (value, value)),
                                 ("an empty one", (value, "")),
                                 ("joined", (value + ", " + value,))):
                with nothing(t, "%s twice, %s" % (name, what),
                             asks=what == "joined"):
                    answer = send_pairs(gateway, text, rest + [
                        (name, v) for v in values])
                t.status(answer, 401, "%s twice, %s" % (name, what))
        for spell in (str.lower, str.upper, str.title):
            heard(t, "%s in %s" % (gateway, spell.__name__), gateway, text,
                  [(spell(n), v) for n, v in pairs])
        t.equal(len([e for e in inbox() if e[1] == text]), 1,
                gateway + ": heard once")


def mac(key, body):
    return hmac.new(key, body.encode(), hashlib.sha512).hexdigest()


def test_case_09_hmac(t):
    key = at["anet_signature"]
    body = json.dumps(anet_event("1", "RF" + "A" * 18))
    right = mac(key.encode(), body)
    wrong = {
        "the decoded key": "sha512=" + mac(bytes.fromhex(key), body),
        "a lower-case key": "sha512=" + mac(key.lower().encode(), body),
        "an empty key": "sha512=" + mac(b"", body),
        "the transaction key": "sha512=" + mac(at["anet_key"].encode(), body),
        "127 digits": "sha512=" + right[:-1],
        "129 digits": "sha512=" + right + "0",
        "no prefix": right,
        "another prefix": "sha256=" + right,
        "a space": "sha512= " + right,
        "no digit": "sha512=" + right[:-1] + "g",
        "another digit": "sha512=" + right[:-1] + "%x" % (
            int(right[-1], 16) ^ 1),
        "SHA-256": "sha512=" + hmac.new(key.encode(), body.encode(),
                                        hashlib.sha256).hexdigest() * 2,
        "zeros": "sha512=" + "0" * 128}
    if key == key.lower():
        wrong["a lower-case key"] = "sha512=" + mac(key.upper().encode(), body)
    for what, value in wrong.items():
        refused(t, what, "authorizenet", body, {"X-ANET-Signature": value})
    for what, value in (("upper case", right.upper()),
                        ("lower case", right.lower())):
        heard(t, what, "authorizenet", body,
              {"X-ANET-Signature": "sha512=" + value})
    t.equal(len([e for e in inbox() if e[1] == body]), 1, "heard once")


def test_case_10_spelled_otherwise(t):
    deliveries = {g: paid(g, heron)["event"] for g in GATEWAYS}
    for gateway, event in deliveries.items():
        body, headers = event["body"], event["headers"]
        for what, other in (
                ("re-serialised", json.dumps(json.loads(body))),
                ("sorted", json.dumps(json.loads(body), sort_keys=True,
                                      separators=(",", ":"))),
                ("a newline behind", body + "\n"),
                ("a space before", " " + body),
                ("a mark before", "\ufeff" + body),
                ("25.0", body.replace("25.00", "25.0")),
                ("twice", body + body)):
            t.check(other != body, "%s: %s is another body" % (gateway, what))
            refused(t, "%s: %s" % (gateway, what), gateway, other, headers,
                    asks=True)
        with nothing(t, gateway + " as it came", asks=True, hears=True):
            t.status(send(gateway, body, headers), 200,
                     gateway + " as it came")
            handled(event["event"])


def refuses_to_start(t, what, key, **settings):
    """The configuration is refused, and the key is named."""
    path = os.path.join(till.portal.folder, "refused.json")
    with open(till.portal.config) as f:
        config = harness.lay(settings, json.load(f))
    with open(path, "w") as f:
        json.dump(config, f)
    done = subprocess.run([harness.PORTICO, "check", "--config", path],
                          capture_output=True, text=True,
                          timeout=harness.PATIENCE)
    said = done.stdout + done.stderr
    t.check(done.returncode != 0, what + ": refused", said[-300:])
    t.check(key in said, what + ": the key's path", said[-500:])
    seen.append(said.encode())


def test_case_11_no_key(t):
    key = at["anet_signature"]
    for what, value in (("empty", ""), ("the vendor's default", "example"),
                        ("127 digits", key[1:]), ("129 digits", key + "0"),
                        ("no digits", "G" * 128), ("spaces", " " * 128)):
        refuses_to_start(t, "a signature key, " + what,
                         "authorizenet.apiSignatureKey",
                         authorizenet={"apiSignatureKey": value})
    refuses_to_start(t, "no transaction key",
                     "authorizenet.apiTransactionKey",
                     authorizenet={"apiTransactionKey": ""})
    refuses_to_start(t, "no client's secret", "paypal.clientSecret",
                     paypal={"clientSecret": ""})
    off = other_portal(authorizenet={"apiLoginId": "", "apiSignatureKey": ""},
                       paypal={"webhookId": ""})
    body = json.dumps(anet_event("1", "RF" + "A" * 18))
    refused(t, "a gateway that is off", "authorizenet", body,
            {"X-ANET-Signature": "sha512=" + mac(b"", body)}, shop=off,
            status=404)
    without_webhook_id(t, off)
    t.equal(off.portal.end(), 0, "the end of the portal without keys")


def without_webhook_id(t, off):
    """PayPal's signature cannot be checked: a webhook is a reason to look at a
    payment that is known, and no more than so many."""
    client = off.customer("heron")
    begun = off.begin(client, "paypal")
    event = capture_event("9FORGED1234567890", begun["payment"]["id"],
                          begun["order"])
    stranger = json.dumps(capture_event("9FORGED1234567890",
                                        "RF" + "A" * 18, "8ORDER"))
    headers = sign(stranger, webhook_id="")
    refused(t, "unsigned, without a webhook's id", "paypal", stranger, {},
            shop=off)
    with nothing(t, "a stranger's payment", shop=off):
        t.status(send("paypal", stranger, headers, shop=off), 200,
                 "a stranger's payment")
    with nothing(t, "a hint", asks=True, hears=True):
        t.status(send("paypal", json.dumps(event), headers, shop=off), 200,
                 "a hint about an own payment")
        wait_for("the hint", lambda: [e for e in inbox(off)
                                      if e[2] == "done"])
    t.equal(off.state(client, begun), "open", "nothing was paid")
    statuses = {send("paypal", json.dumps({**event, "id": event_id()}),
                     headers, shop=off).status for _ in range(64)}
    t.equal(statuses, {200, 429}, "hints are limited")


# --- What the gateway says is not what was asked for --------------------------

def test_case_12_another_amount(t):
    for amount in ("0.01", "24.99", "2500.00"):
        begun = till.begin(heron, "paypal")
        till.approve(begun)
        sandbox.fault("paypal.capture", "amount", value=amount, times=1)
        with nothing(t, "PayPal took " + amount, asks=True):
            t.status(till.come_back(heron, begun), 303, "the way back")
            review(t, "PayPal took " + amount, begun, heron, "another amount")
        sandbox.heal()
    event = till.deliveries("paypal", "PAYMENT.CAPTURE.COMPLETED")[-1]
    with nothing(t, "its webhook", asks=True, hears=True):
        t.status(till.deliver(event), 200, "its webhook")
        handled(event["event"])
    for amount in ("0.01", "2500.00"):
        begun = till.begin(heron, "authorizenet")
        sandbox.fault("anet.pay", "amount", value=amount, times=1)
        till.approve(begun)
        sandbox.heal()
        event = till.deliveries("anet")[-1]
        with nothing(t, "a card paid " + amount, asks=True, hears=True):
            t.status(till.deliver(event), 200, "its webhook")
            handled(event["event"])
            till.come_back(heron, begun)
            review(t, "a card paid " + amount, begun, heron, "another amount")


def bend(path_part, change):
    """A twist: changes the JSON of answers to what `path_part` is in."""
    def twist(path, body, data):
        if path_part not in path and path_part.encode() not in body:
            return None
        mark = data[:3] if data[:3] == b"\xef\xbb\xbf" else b""
        model = json.loads(data[len(mark):])
        change(model)
        return mark + json.dumps(model).encode()
    return twist


def test_case_13_another_currency(t):
    begun = till.begin(heron, "paypal")
    till.approve(begun)
    sandbox.fault("paypal.capture", "currency", value="MXN", times=1)
    with nothing(t, "PayPal took pesos", asks=True):
        till.come_back(heron, begun)
        review(t, "PayPal took pesos", begun, heron, "another currency")
    sandbox.heal()
    event = till.deliveries("paypal", "PAYMENT.CAPTURE.COMPLETED")[-1]
    with nothing(t, "its webhook", asks=True, hears=True):
        t.status(till.deliver(event), 200, "its webhook")
        handled(event["event"])
    begun = till.begin(heron, "authorizenet")
    till.approve(begun)

    def pesos(model):
        model.get("transaction", {})["currencyCode"] = "MXN"

    with anet.bent(bend("getTransactionDetails", pesos)), \
            nothing(t, "a card paid pesos", asks=True):
        till.come_back(heron, begun)
        review(t, "a card paid pesos", begun, heron, "another currency")


def test_case_14_paypal_names_somebody_else(t):
    """By the webhook's body, then by PayPal's own word."""
    his = till.begin(osprey, "paypal", "25.00")
    hers = till.begin(heron, "paypal", "25.00")
    till.approve(hers)
    till.come_back(heron, hers)
    till.settled(heron, hers)
    capture = till.story(hers["payment"]["id"])["receipts"][0]["money"]
    for what, event in (
            ("the payment", capture_event(capture, his["payment"]["id"])),
            ("payment and order", capture_event(
                capture, his["payment"]["id"], his["order"])),
            ("the order", capture_event(
                "9FORGED1234567890", hers["payment"]["id"], his["order"])),
            ("an order that nobody has", capture_event(
                "9FORGED1234567890", his["payment"]["id"], "8ORDER"))):
        body = json.dumps(event)
        with nothing(t, what, asks=True, hears=True):
            t.status(send("paypal", body, sign(body)), 200, what)
            handled(event["id"])
        t.equal(till.state(osprey, his), "open", what + ": his is open")
        t.equal(till.state(heron, hers), "paid", what + ": hers is paid")
    t.equal([c[:2] for c in mine(hers)], [(1001, 25.0)], "paid to her, once")
    begun = till.begin(heron, "paypal")
    till.approve(begun)

    def swap(model):
        for unit in model.get("purchase_units", []):
            unit["custom_id"] = his["payment"]["id"]
            for one in unit.get("payments", {}).get("captures", []):
                one["custom_id"] = his["payment"]["id"]

    with paypal.bent(bend("/v2/checkout/orders/", swap)), \
            nothing(t, "PayPal names another", asks=True):
        till.come_back(heron, begun)
        review(t, "PayPal names another", begun, heron, "another payment")
    t.equal(till.state(osprey, his), "open", "which is still open")
    begun = till.begin(heron, "paypal")
    till.approve(begun)

    def other_order(model):
        model["id"] = his["order"]

    with paypal.bent(bend("/v2/checkout/orders/", other_order)), \
            nothing(t, "another order's answer", asks=True):
        till.come_back(heron, begun)
        review(t, "another order's answer", begun, heron, "another order")


def test_case_14_authorizenet_names_somebody_else(t):
    other = till.begin(heron, "authorizenet", "25.00")
    begun = till.begin(heron, "authorizenet", "25.00")
    transaction = till.approve(begun)
    event = anet_event(transaction, other["payment"]["id"])
    body = json.dumps(event)
    with nothing(t, "another's number", asks=True, hears=True):
        t.status(send("authorizenet", body, sign_anet(body)), 200,
                 "another's number")
        handled(event["notificationId"])
    t.equal(till.state(heron, other), "open", "the other is not paid")
    t.check("ALARM" in story(other), "an alarm", story(other))
    till.come_back(heron, begun)
    till.settled(heron, begun)
    t.equal([c[:2] for c in mine(begun)], [(1001, 25.0)],
            "the right one is, once")
    t.equal(till.state(heron, other), "open", "the other still is not")

    def customer(model):
        model.get("transaction", {}).get("customer", {})["id"] = "1002"

    begun = till.begin(heron, "authorizenet")
    till.approve(begun)
    with anet.bent(bend("getTransactionDetails", customer)), \
            nothing(t, "another customer", asks=True):
        till.come_back(heron, begun)
        review(t, "another customer", begun, heron, "another customer")


def test_case_15_another_payee(t):
    for operation in ("paypal.capture", "paypal.order.create"):
        sandbox.fault(operation, "payee", value="EVERYMERCHANT", times=1)
        begun = till.begin(heron, "paypal")
        till.approve(begun)
        with nothing(t, operation, asks=True):
            till.come_back(heron, begun)
            review(t, operation, begun, heron, "another merchant")
        sandbox.heal()


# --- The way back -------------------------------------------------------------

def test_case_16_parameters_of_the_way_back(t):
    bent = {"amount": "999.00", "account": "1002", "client_id": "1002",
            "custom_id": "RF" + "B" * 18, "state": "paid", "currency": "EUR",
            "status": "COMPLETED"}
    for gateway in GATEWAYS:
        begun = till.begin(heron, gateway)
        with nothing(t, gateway + ": not paid yet", asks=True):
            t.status(till.come_back(heron, begun, **bent), 303,
                     gateway + ": not paid yet")
        t.equal(till.state(heron, begun), "open", gateway + ": open")
        till.approve(begun)
        t.status(till.come_back(heron, begun, **bent), 303,
                 gateway + ": paid")
        till.settled(heron, begun)
        t.equal([c[:2] for c in mine(begun)], [(1001, 25.0)],
                gateway + ": what was agreed")
        t.equal(till.payment(heron, begun)["amount"]["amount"], "25.00",
                gateway + ": the amount")


def test_case_17_somebody_elses_way_back(t):
    visitor = till.portal.client()
    for gateway in GATEWAYS:
        begun = till.begin(heron, gateway)
        till.approve(begun)
        own = till.begin(osprey, "paypal")
        captures = calls("paypal", "paypal.capture")
        with nothing(t, gateway):
            for what in ("return", "cancel"):
                t.status(till.come_back(osprey, begun, what), 404,
                         "%s %s of another" % (gateway, what))
                t.status(till.come_back(osprey, begun, what, payment=own[
                    "payment"]["id"]), 404,
                    "%s %s, half of another" % (gateway, what))
                answer = till.come_back(visitor, begun, what)
                t.status(answer, 303, "%s %s, logged out" % (gateway, what))
                t.check(answer.location.startswith("/api/login?next="),
                        "to the log-in", answer.location)
                answer = Client(till.portal).get(
                    "/api/refill/%s/%s?payment=%s" % (
                        what, gateway, begun["payment"]["id"]),
                    accept="application/json")
                check_error(t, answer, 401, "login_required",
                            "%s %s, a program" % (gateway, what))
            t.status(osprey.get("/api/refill/payments/" +
                                begun["payment"]["id"]), 404,
                     gateway + ": its page is not another's")
        t.equal(calls("paypal", "paypal.capture"), captures,
                gateway + ": nobody took it")
        t.equal(till.state(heron, begun), "open", gateway + ": as it was")
        till.come_back(heron, begun)
        till.settled(heron, begun)


def test_case_18_not_approved(t):
    for gateway in GATEWAYS:
        begun = till.begin(heron, gateway)
        captures = calls("paypal", "paypal.capture")
        with nothing(t, gateway, asks=True):
            for _ in range(3):
                t.status(till.come_back(heron, begun), 303, gateway)
            till.hurry()
            till.reconcile()
        t.equal(calls("paypal", "paypal.capture"), captures,
                gateway + ": nothing is taken")
        t.equal(till.state(heron, begun), "open", gateway + ": open")
    begun = till.begin(heron, "paypal")
    till.approve(begun)
    # Withdrawn between two questions.
    sandbox.fault("paypal.capture", "issue", value="ORDER_NOT_APPROVED",
                  times=1)
    with nothing(t, "withdrawn", asks=True):
        t.status(till.come_back(heron, begun), 303, "withdrawn")
    t.equal(till.state(heron, begun), "open", "withdrawn: open")
    till.come_back(heron, begun)
    till.settled(heron, begun)
    t.equal(len(mine(begun)), 1, "approved after all: one credit")
    t.equal(till.portal.logged("internal"), [], "no failure of ours")


def test_case_19_forged_message_of_the_frame(t):
    begun = till.begin(heron, "authorizenet")
    forged = json.dumps({"totalAmount": "25.00", "responseCode": "1",
                         "transId": "60000000001",
                         "orderInvoiceNumber": begun["payment"]["id"]})
    with nothing(t, "a forged message", asks=True):
        for name in ("transactResponse", "response", "action"):
            answer = till.come_back(heron, begun, **{name: forged})
            t.status(answer, 303, "with " + name)
        t.status(heron.form("/api/refill/return/authorizenet",
                            {"transactResponse": forged}), 405, "as a POST")
        t.status(send("authorizenet", forged, {}), 401, "as a webhook")
        page = heron.get(answer.location, accept="text/html")
    t.status(page, 200, "the page")
    t.equal(till.state(heron, begun), "open", "the page waits")
    t.check(not Page(page.text).find("iframe"), "no frame on the page")
    listening = re.compile(r"postMessage|onmessage|['\"]message['\"]")
    for folder, _, names in os.walk(os.path.join(harness.ROOT, "static")):
        for name in names:
            if name.endswith(".js"):
                with open(os.path.join(folder, name)) as f:
                    t.check(not listening.search(f.read()),
                            name + " listens to no message")


# --- The form -----------------------------------------------------------------

# Never an amount, in no language.
MALFORMED = ["-5", "-25.00", "\u221225", "0x19", "1e3", "1E3", "10.005",
             "NaN", "nan", "Infinity", "inf", "1e18", "9" * 40, "9" * 19,
             "\uff12\uff15", "\u0662\u0665", "+25", "25.", ".5", ",5", "25,",
             "1 000", "1\u00a0000", "25 USD", "$25", "25.00.00", "25,00,00",
             "1'000", "25;00", "--5", "25-", "2\u200b5", "25.0a", "0b11",
             "1_000", "25/1", "(25)", "\u00bd", "\u2460"]
TOO_MUCH = ["1000.01", "999999999999999999", "100000"]
TOO_LITTLE = ["0", "0.00", "00", "0.01", "4.99"]


def in_language(who, locale):
    """A browser, and the form's token and number."""
    c = till.portal.client().login(who)
    c.form("/api/language", {"csrf": c.get("/api/refill").csrf,
                             "locale": locale})
    page = c.get("/api/refill")
    assert Page(page.text).find("html", lang=locale), page.text[:300]
    return c, page.csrf


def nonce_of(page):
    found = Page(page.text).find("input", name="nonce")
    return found[0]["value"] if found else None


def test_case_20_amounts_of_programs(t):
    count = len(payments())
    with nothing(t, "JSON"):
        for gateway in GATEWAYS:
            for amount in MALFORMED + ["25,00", "1,000.00", "1.000,00"]:
                check_error(t, heron.post_json("/api/refill", {
                    "gateway": gateway, "amount": amount}, json_port=True),
                    400, "invalid_input", "JSON %s %r" % (gateway, amount),
                    ["amount"])
            for amount in TOO_MUCH + TOO_LITTLE:
                check_error(t, heron.post_json("/api/refill", {
                    "gateway": gateway, "amount": amount}, json_port=True),
                    422, "refused", "JSON %s %r" % (gateway, amount),
                    ["amount"])
        # Numbers, lists and the like, as they are spelled.
        for spelled, status in (
                ("-25", 400), ("1e3", 400), ("10.005", 400), ("1e18", 400),
                ("9" * 40, 400), ("1e400", 400), ("NaN", 400),
                ("Infinity", 400), ("true", 400), ("null", 400), ("[]", 400),
                ("[25]", 400), ("{}", 400), ("{\"amount\":25}", 400),
                ("\"\"", 400), ("\" \"", 400), ("\"25\\u0000\"", 400),
                ("0", 422), ("0.0", 422), ("100000", 422), ("+25", 400),
                ("0x19", 400), ("025", 400), ("\"\\n25\"", 400)):
            body = "{\"gateway\":\"paypal\",\"amount\":%s}" % spelled
            answer = heron.request("POST", "/api/refill", body.encode(),
                                   "application/json", json_port=True)
            t.status(answer, status, "JSON's own " + spelled[:40])
        for gateway in ("", "stripe", "anet", "PayPal", "paypal\n", None, 7):
            answer = heron.post_json("/api/refill", {
                "gateway": gateway, "amount": "25.00"}, json_port=True)
            t.status(answer, 400, "the gateway %r" % gateway)
    t.equal(len(payments()), count, "no payment was begun")


def test_case_20_amounts_of_forms(t):
    count = len(payments())
    for locale, more in (("en", ["25,00", "1,000.00", "1.000,00"]),
                         ("de", ["1.000", "10.000", "1.000,00",
                                 "1,000.00"])):
        c, csrf = in_language("heron", locale)

        def post(amount, gateway="paypal"):
            return c.form("/api/refill", {
                "csrf": csrf, "nonce": "n" * 16, "gateway": gateway,
                "amount": amount})

        with nothing(t, locale):
            for amount in MALFORMED + more:
                answer = post(amount)
                t.status(answer, 400, "%s %r" % (locale, amount))
                page = Page(answer.text)
                t.check(page.find("input", id="amount") and page.find(
                    "input", id="amount")[0]["value"] == amount,
                    "%s %r: shown again" % (locale, amount))
            for amount in TOO_MUCH + TOO_LITTLE:
                t.status(post(amount), 422, "%s %r" % (locale, amount))
    t.equal(len(payments()), count, "no payment was begun")
    for locale, amount, stored in (
            ("en", "25.5", "25.50"), ("de", "26,50", "26.50"),
            ("de", "27.5", "27.50"), ("de", "28", "28.00"),
            ("en", " 29.00 ", "29.00"), ("en", "0031.00", "31.00")):
        c, csrf = in_language("heron", locale)
        answer = c.form("/api/refill", {
            "csrf": csrf, "gateway": "paypal", "amount": amount,
            "nonce": nonce_of(c.get("/api/refill"))})
        t.status(answer, 303, "%s %r" % (locale, amount))
        asked = json.loads([r for r in requests("paypal") if r["operation"] ==
                            "paypal.order.create"][-1]["body"])
        t.equal(asked["purchase_units"][0]["amount"],
                {"currency_code": "USD", "value": stored},
                "%s %r: what PayPal is asked for" % (locale, amount))


def test_case_20_currency_without_decimals(t):
    """PayPal takes no decimals of forints, whatever ISO 4217 says."""
    db = sqlite3.connect(os.path.join(sandbox.folder, "sandbox.db"),
                         timeout=30)
    with db:
        db.execute("insert or ignore into currencies values "
                   "(36, 'HUF', 'Forint', 2)")
    db.close()
    sandbox.control("POST", "/clients", {
        "id": 1005, "cp_login": "wren", "cp_password": "wren-demo-1",
        "currencies_id": 36})
    harness.PASSWORDS["wren"] = "wren-demo-1"
    wren = till.customer("wren")
    with nothing(t, "forints"):
        for amount in ("10.50", "10.05"):
            check_error(t, wren.post_json("/api/refill", {
                "gateway": "paypal", "amount": amount}, json_port=True),
                422, "refused", "HUF " + amount, ["amount"])
    begun = till.begin(wren, "paypal", "500.00")
    asked = json.loads([r for r in requests("paypal") if r["operation"] ==
                        "paypal.order.create"][-1]["body"])
    t.equal(asked["purchase_units"][0]["amount"],
            {"currency_code": "HUF", "value": "500"}, "whole forints")
    till.approve(begun)
    till.come_back(wren, begun)
    till.settled(wren, begun)
    t.equal([c[:2] for c in mine(begun)], [(1005, 500.0)], "are credited")


def test_case_21_csrf(t):
    c, csrf = in_language("heron", "en")
    other, others = in_language("osprey", "en")
    count = len(payments())
    fields = {"gateway": "paypal", "amount": "25.00", "nonce": "csrf" * 5}
    with nothing(t, "without a token"):
        for what, token in (("none", None), ("empty", ""), ("wrong", "x"),
                            ("another's", others), ("cut", csrf[:-1]),
                            ("longer", csrf + "x")):
            more = {} if token is None else {"csrf": token}
            t.status(c.form("/api/refill", {**fields, **more}), 403,
                     what + " token")
            headers = {} if token is None else {"X_CSRF_TOKEN": token}
            t.status(c.post_json("/api/refill", fields, **headers), 403,
                     what + " token, JSON")
            t.status(c.form("/api/invoices/1/pay", {
                "gateway": "paypal", "nonce": "csrf" * 5, **more}), 403,
                what + " token, an invoice")
        t.status(c.get("/api/refill?gateway=paypal&amount=25.00"), 400,
                 "a link begins nothing")
        t.status(c.form("/api/refill?csrf=" + csrf, fields), 403,
                 "a token in the address")
        t.status(till.portal.client().form("/api/refill", {
            **fields, "csrf": csrf}), 303, "logged out")
    t.equal(len(payments()), count, "no payment was begun")
    t.status(c.form("/api/refill", {**fields, "csrf": csrf}), 303,
             "with the token")
    del other


def at_once(jobs):
    """Runs them at the same time."""
    results = [None] * len(jobs)
    gate = threading.Barrier(len(jobs))

    def run(i):
        gate.wait()
        results[i] = jobs[i]()

    threads = [threading.Thread(target=run, args=(i,))
               for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_case_21_double_click(t):
    for gateway in GATEWAYS:
        operation = {"paypal": "paypal.order.create",
                     "authorizenet": "anet.token"}[gateway]
        c, csrf = in_language("heron", "en")

        def click(nonce, who=c, token=csrf, amount="25.00"):
            return who.form("/api/refill", {
                "csrf": token, "nonce": nonce, "gateway": gateway,
                "amount": amount})

        nonce = nonce_of(c.get("/api/refill"))
        t.check(nonce and len(nonce) >= 16, gateway + ": a number", nonce)
        count, asked = len(payments(1001)), calls(gateway, operation)
        first, second = click(nonce), click(nonce)
        t.status(first, 303, gateway + ": the first click")
        t.status(second, 303, gateway + ": the second click")
        t.equal(second.location, first.location, gateway + ": the same way")
        t.equal(len(payments(1001)), count + 1, gateway + ": one payment")
        t.equal(calls(gateway, operation), asked + 1, gateway + ": one order")
        nonce = nonce_of(c.get("/api/refill"))
        # Slow enough that all clicks are under way before the first ends.
        sandbox.fault(operation, "latency", value=300, times=1)
        answers = at_once([lambda: click(nonce)] * 6)
        sandbox.heal()
        t.equal({a.status for a in answers}, {303}, gateway + ": six at once")
        t.equal(len({a.location for a in answers}), 1,
                gateway + ": six, the same way")
        t.equal(len(payments(1001)), count + 2, gateway + ": six, one payment")
        t.equal(calls(gateway, operation), asked + 2,
                gateway + ": six, one order")
        programs = [till.customer("heron") for _ in range(4)]
        answers = at_once([lambda p=p: p.post_json("/api/refill", {
            "gateway": gateway, "amount": "25.00",
            "nonce": "programs of " + gateway}, json_port=True)
            for p in programs])
        t.equal({(a.status, a.json["payment"]["id"]) for a in answers},
                {(201, answers[0].json["payment"]["id"])},
                gateway + ": programs at once")
        t.equal(len(payments(1001)), count + 3,
                gateway + ": programs, one payment")
    other, others = in_language("osprey", "en")
    gateway = "paypal"
    answer = click(nonce, other, others)
    t.status(answer, 303, "another customer with the same number")
    t.check(answer.location != first.location, "has another payment")


def test_case_22_link_elsewhere(t):
    web = at["paypal_web"]
    host = web.partition("://")[2]
    c, csrf = in_language("heron", "en")
    for link in ("https://www.paypal.com.evil.example/checkoutnow?token=X",
                 "javascript:alert(1)", "javascript://%s/%%0aalert(1)" % host,
                 "data:text/html,<script>alert(1)</script>", "//" + host, "",
                 "/checkoutnow?token=X", "http://%s@evil.example/" % host,
                 web + ".evil.example/", web + "@evil.example/",
                 "http://evil.example\\@%s/" % host, "ftp://%s/" % host,
                 "https://%s/" % host if web.startswith("http:") else
                 "http://%s/" % host, "http://evil.example/?" + web,
                 "http://evil.example/#" + web, web + "\\@evil.example/",
                 web + "/x\r\nSet-Cookie: evil=1", web + "/\tx"):
        sandbox.fault("paypal.order.create", "link", value=link, times=2)
        with nothing(t, "the link " + link, asks=True):
            answer = heron.post_json("/api/refill", {
                "gateway": "paypal", "amount": "25.00"}, json_port=True)
            check_error(t, answer, 422, "refused", "JSON, the link " + link)
            page = c.form("/api/refill", {
                "csrf": csrf, "gateway": "paypal", "amount": "25.00",
                "nonce": nonce_of(c.get("/api/refill"))})
        t.status(page, 422, "the link " + link)
        t.equal(page.location, None, "the link %s leads nowhere" % link)
        for what in (answer, page):
            t.check("evil" not in what.text and "javascript:" not in what.text,
                    "the link %s is not shown" % link)
            t.equal(what.all("set-cookie"), [], "no cookie by " + link)
        sandbox.heal()
    t.check(till.portal.logged("payment.paypal"), "logged")
    # The form as it is shown again works.
    answer = c.form("/api/refill", {
        "csrf": csrf, "gateway": "paypal", "amount": "25.00",
        "nonce": nonce_of(page)})
    t.status(answer, 303, "the same form, sent again")
    t.check(answer.location.startswith(web + "/checkoutnow?token="),
            "leads to PayPal then", answer.location)


# --- Answers that are no answers ----------------------------------------------

def chunked(handler):
    """As much as the other side takes, up to 1 GiB."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    handler.server.sent = 0
    with contextlib.suppress(OSError):
        for _ in range(16384):
            handler.wfile.write(piece)
            handler.server.sent += 65536
    return True


def bomb(handler):
    data = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join(data.compress(b" " * 65536) for _ in range(512))
    body += data.compress(b"{\"status\":\"COMPLETED\"}") + data.flush()
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True


def with_nul(raw):
    """A NUL in the texts of an answer, raw or escaped."""
    nul = b"\0" if raw else b"\\u0000"

    def twist(path, body, data):
        return data.replace(b"\"COMPLETED\"", b"\"COMPLETED" + nul + b"\"") \
            .replace(b"\"APPROVED\"", b"\"APPROVED" + nul + b"\"") \
            .replace(b"PendingSettlement\"",
                     b"PendingSettlement" + nul + b"x\"")
    return twist


def memory():
    """What all processes of the portal use, in KiB."""
    def of(pid):
        with open("/proc/%d/status" % pid) as f:
            own = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return own + sum(of(int(child)) for child in f.read().split())
    return of(till.portal.process.pid)


def test_case_23_paypal_answers_nonsense(t):
    begun = till.begin(heron, "paypal")
    till.approve(begun)
    before = memory()

    def look(what):
        with nothing(t, what, asks=True):
            t.status(till.come_back(heron, begun), 303, what)
        t.check(till.state(heron, begun) in ("open", "confirming"),
                what + ": it is not known", till.state(heron, begun))

    for fault, value in (("duplicate_member", "COMPLETED"),
                         ("duplicate_member", "APPROVED"), ("nested", None),
                         ("oversize", 4), ("truncate", None), ("html", None),
                         ("empty", None)):
        more = {} if value is None else {"value": value}
        sandbox.fault("paypal.order.get", fault, **more)
        look("a look at %s %s" % (fault, value))
        sandbox.heal()
    for what, how in (("NUL", {"twist": with_nul(True)}),
                      ("escaped NUL", {"twist": with_nul(False)}),
                      ("1 GiB", {"instead": chunked}),
                      ("a bomb", {"instead": bomb})):
        with paypal.bent(**how):
            look("a look at " + what)
    t.check(paypal.sent < 16 * 1024 * 1024, "not all of 1 GiB was taken",
            paypal.sent)
    t.check(memory() < before + 256 * 1024, "the memory is bounded", before,
            memory())
    # The money is taken, but the answer is spoiled.
    sandbox.fault("paypal.capture", "duplicate_member", value="COMPLETED")
    sandbox.fault("paypal.order.get", "nested", after=1)
    look("capturing with two answers")
    look("capturing, nested")
    sandbox.heal()
    till.come_back(heron, begun)
    till.settled(heron, begun)
    t.equal(len(mine(begun)), 1, "credited once in the end")
    t.equal(len([c for c in till.money()["paypal"]
                 if c["custom_id"] == begun["payment"]["id"]]), 1,
            "captured once")


def test_case_23_authorizenet_answers_nonsense(t):
    begun = till.begin(heron, "authorizenet")
    till.approve(begun)

    def look(what):
        with nothing(t, what, asks=True):
            t.status(till.come_back(heron, begun), 303, what)
        t.equal(till.state(heron, begun), "open", what + ": it is not known")

    for operation in ("anet.details", "anet.unsettled"):
        for fault, value in (("duplicate_member", "settledSuccessfully"),
                             ("nested", None), ("oversize", 4),
                             ("truncate", None), ("html", None),
                             ("empty", None)):
            more = {} if value is None else {"value": value}
            sandbox.fault(operation, fault, **more)
            look("%s, %s" % (operation, fault))
            sandbox.heal()
    for what, how in (("NUL", {"twist": with_nul(True)}),
                      ("escaped NUL", {"twist": with_nul(False)}),
                      ("1 GiB", {"instead": chunked}),
                      ("a bomb", {"instead": bomb})):
        with anet.bent(**how):
            look("a look at " + what)
    t.check(anet.sent < 16 * 1024 * 1024, "not all of 1 GiB was taken",
            anet.sent)
    till.come_back(heron, begun)
    till.settled(heron, begun)
    t.equal(len(mine(begun)), 1, "credited once in the end")


def test_case_23_webhooks_of_nonsense(t):
    whole = json.dumps(capture_event("3EF45678GH901234J", "RF" + "A" * 18))
    bodies = {
        "nested": "[" * 10000 + "]" * 10000,
        "nested within": "{\"id\":\"x\",\"event_type\":\"y\",\"resource\":" +
                         "[" * 9000 + "]" * 9000 + "}",
        "two ids": whole[:-1] + ",\"id\":\"other\"}",
        "two resources": whole[:-1] + ",\"resource\":{}}",
        "an escaped NUL": whole.replace("WH-", "WH-\\u0000"),
        "no event": "{}", "a list": "[]", "a number": "7", "a text": "\"x\"",
        "nothing": " ", "cut": whole[:-2], "two": whole + whole,
        "no id": whole.replace("\"id\"", "\"ident\"", 1),
        "a long id": whole.replace("WH-", "W" * 200),
        "an id that is a list": "{\"id\":[],\"event_type\":\"x\"}"}
    for what, body in bodies.items():
        refused(t, "PayPal, " + what, "paypal", body, sign(body), status=400,
                asks=True)
        other = body.replace("\"id\"", "\"notificationId\"").replace(
            "event_type", "eventType").replace("\"resource\"", "\"payload\"")
        refused(t, "Authorize.Net, " + what, "authorizenet", other,
                sign_anet(other), status=400)
    headers = sign(whole)
    refused(t, "a raw NUL", "paypal", whole + "\0", headers, status=400)
    with nothing(t, "1 GiB announced"):
        t.status(send_pairs("paypal", whole, headers.items(), 1 << 30), 413,
                 "1 GiB announced")
    refused(t, "large", "paypal", whole + " " * (1 << 21), headers, status=413)
    with nothing(t, "not JSON"):
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            env = {"HTTP_" + n.upper().replace("-", "_"): v
                   for n, v in headers.items()}
            t.check(Client(till.portal, address).request(
                "POST", "/api/hooks/paypal", whole.encode(), kind,
                env=env).status in (400, 415), "of type " + repr(kind))
    heard(t, "the right one", "paypal", whole, headers)


# --- HTML ---------------------------------------------------------------------

def check_clean(t, answer, what):
    page = Page(answer.text)
    t.check(not page.find("b") and not any(
        e[0] == "img" and e[1].get("src") == "x" for e in page.elements),
        what + ": no element of a stranger's")
    t.check(not any(name.startswith("on") for _, name, _ in page.attributes),
            what + ": no handler")
    t.check("<img src=x" not in answer.text and "<b>\"Tele" not in answer.text,
            what + ": escaped")
    t.check(not any("\n" in v or "\r" in v for _, v in answer.headers) and
            not answer.all("set-cookie"), what + ": its headers")


def test_case_24_markup(t):
    c, csrf = in_language("heron", "en")

    def post(gateway):
        return c.form("/api/refill", {
            "csrf": csrf, "gateway": gateway, "amount": "25.00",
            "nonce": nonce_of(c.get("/api/refill"))})

    page = c.get("/api/refill")
    check_clean(t, page, "the form")
    t.check(TITLE.split(" ")[0] in Page(page.text).text, "the brand's name")
    for gateway, operations in (
            ("paypal", ("paypal.order.create", "paypal.token")),
            ("authorizenet", ("anet.token",))):
        for operation in operations:
            sandbox.fault(operation, "issue", value=MARKUP, times=1)
            lines = len(till.portal.log().split("\n"))
            answer = post(gateway)
            sandbox.heal()
            t.check(answer.status in (303, 422, 502), operation + ": a status",
                    answer.status)
            if answer.status != 303:
                check_clean(t, answer, operation)
            for line in till.portal.log().split("\n")[lines - 1:]:
                t.check(not line.startswith("Set-Cookie"),
                        operation + ": one line of the log", line)
    for gateway in GATEWAYS:
        begun = till.begin(heron, gateway)
        path = "/api/refill/payments/" + begun["payment"]["id"]
        page = heron.get(path, accept="text/html")
        check_clean(t, page, gateway + " waits")
        if gateway == "authorizenet":
            token = json.loads(requests_token())
            inputs = Page(page.text).find("input", name="token")
            t.equal(inputs and inputs[0]["value"], token,
                    "the token, letter by letter")
        till.approve(begun)
        till.come_back(heron, begun)
        till.settled(heron, begun)
        check_clean(t, heron.get(path, accept="text/html"), gateway + " paid")
        check_clean(t, heron.get("/api/refill", accept="text/html"),
                    gateway + " in the list")
        check_clean(t, heron.get("/api/payments", accept="text/html"),
                    gateway + " in the history")
    asked = json.loads([r for r in requests("paypal") if r["operation"] ==
                        "paypal.order.create"][-1]["body"])
    t.equal(asked["payment_source"]["paypal"]["experience_context"]
            ["brand_name"], TITLE, "the brand's name at PayPal")
    begun = till.begin(heron, "paypal")
    till.approve(begun)
    sandbox.fault("paypal.capture", "state", value=MARKUP[:28], times=1)
    with nothing(t, "a status of markup", asks=True):
        till.come_back(heron, begun)
    sandbox.heal()
    t.equal(till.state(heron, begun), "review", "a status of markup")
    check_clean(t, heron.get("/api/refill/payments/" +
                             begun["payment"]["id"], accept="text/html"),
                "a status of markup")


def requests_token():
    """The newest token of a hosted form, as JSON."""
    db = sqlite3.connect("file:%s?mode=ro" % os.path.join(
        sandbox.folder, "sandbox.db"), uri=True, timeout=30)
    try:
        return json.dumps(db.execute(
            "select token from an_tokens order by n desc").fetchone()[0])
    finally:
        db.close()


# --- After each test ----------------------------------------------------------

tests = 0


def check_secrets(t, log):
    """Nothing secret was said since the test before."""
    bearers = {r["headers"].get("Authorization", "").partition(" ")[2]
               for r in requests("paypal")} - {""}
    said = b"\n".join(seen) + log.encode()
    for i, secret in enumerate(SECRETS + sorted(bearers)):
        t.check(secret.encode() not in said, "secret %d was said" % i)
    t.check(b"A21AA" not in said, "a token was said")
    del seen[:]


def guarded(test):
    def run(t):
        global address, tests
        tests += 1
        address = "203.0.113.%d" % tests  # each may be refused so often
        start = len(till.portal.log())
        try:
            test(t)
        finally:
            sandbox.heal()
        check_secrets(t, till.portal.log()[start:])
    return run


if __name__ == "__main__":
    harness.main({name: guarded(test) for name, test in
                  list(globals().items()) if name.startswith("test_")})
