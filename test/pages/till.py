"""till.py: what the tests of payments share: a portal with both gateways, a
customer who pays, the gateways' and VCS's books.
"""
import json
import os
import re
import socket
import subprocess
import threading
import urllib.parse

import harness
from harness import Portal, Sandbox, lay, wait_for

GATEWAYS = ("paypal", "authorizenet")
QUIET = 1  # seconds; long ones would make long tests


def settings_of(sandbox, **more):
    """A portal's settings for the sandbox's gateways."""
    at = sandbox.control("GET", "/gateways")
    return lay(more, {
        "publicUri": "http://portal.example",
        "coreApi": {"deadlineMs": 2000},
        "paypal": {
            "clientId": at["paypal_client"],
            "clientSecret": at["paypal_secret"],
            "environment": "sandbox", "uri": at["paypal"],
            "webUri": at["paypal_web"],
            "webhookId": at["paypal_webhook_id"],
            "merchantId": at["paypal_merchant_id"],
            "certHosts": [at["paypal_cert_base"].partition("://")[2]],
            "certCaFile": os.path.join(sandbox.folder, "ca.pem")},
        "authorizenet": {
            "apiLoginId": at["anet_login"],
            "apiTransactionKey": at["anet_key"],
            "apiSignatureKey": at["anet_signature"],
            "environment": "sandbox", "uri": at["anet"],
            "hostedUri": at["anet_page"]},
        "payment": {"quietTime": QUIET, "deadlineMs": 2000},
        "smtp": {"uri": "smtp://" + at["smtp"],
                 "from": "portal@example.net",
                 "operator": "operator@example.net"}})


class Ear:
    """Listens where nobody should ever call."""

    def __init__(self):
        self.calls = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            caller, _ = self.socket.accept()
            self.calls += 1
            caller.close()

    def called(self):
        """Everybody who connected before has been counted then."""
        before = self.calls
        socket.create_connection(("127.0.0.1", self.port)).close()
        wait_for("the ear", lambda: self.calls > before)
        self.calls -= 1
        return self.calls


class Till:
    """A portal that takes money. The webhooks of the sandbox are not sent by
    itself: deliver() hands them over, so that a test says when."""

    def __init__(self, sandbox=None, workers=2, now=None, **settings):
        self.sandbox = sandbox or Sandbox()
        self.portal = Portal(self.sandbox,
                             settings_of(self.sandbox, **settings),
                             workers=workers, now=now)

    def customer(self, who="heron"):
        return self.portal.client().token(who)

    # --- The customer ---------------------------------------------------------

    def begin(self, client, gateway, amount="25.00", **more):
        """A payment that waits for its approval: the answer's JSON, with the
        gateway's order as "order"."""
        answer = client.post_json("/api/refill", {
            "gateway": gateway, "amount": amount, **more}, json_port=True)
        assert answer.status == 201, (answer.status, answer.body[:500])
        found = answer.json
        token = re.search(r"token=([A-Z0-9]+)", found["redirect_url"])
        found["order"] = (token.group(1) if token
                          else found["payment"]["id"])
        return found

    def approve(self, begun, result="approve"):
        """On the gateway's page; the id of the transaction, if it is known."""
        if begun["payment"]["gateway"] == "paypal":
            return self.sandbox.control("POST", "/paypal/approve",
                                        {"order": begun["order"]}).get("id")
        return self.sandbox.control("POST", "/anet/pay", {
            "invoice": begun["payment"]["id"], "result": result}).get("id")

    def come_back(self, client, begun, what="return", **query):
        """The browser's way back."""
        gateway = begun["payment"]["gateway"]
        query = {"payment": begun["payment"]["id"], **query}
        if gateway == "paypal":
            query = {"token": begun["order"], "PayerID": "PAYER1", **query}
        return client.get("/api/refill/%s/%s?%s" % (
            what, gateway, urllib.parse.urlencode(query)))

    def payment(self, client, begun):
        """What the status page says (JSON)."""
        ident = begun if isinstance(begun, str) else begun["payment"]["id"]
        return client.json("/api/refill/payments/" + ident)

    def state(self, client, begun):
        return self.payment(client, begun)["state"]

    def settled(self, client, begun, state="paid"):
        """Reconciles until the payment is there."""
        def is_there():
            self.reconcile()
            return self.state(client, begun) == state

        wait_for("a payment that is " + state, is_there)

    # --- Webhooks -------------------------------------------------------------

    def deliveries(self, gateway=None, kind=None):
        """What the sandbox has signed, the oldest first."""
        return [d for d in self.sandbox.control("GET", "/deliveries")
                if (not gateway or d["gateway"] == gateway)
                and (not kind or d["type"] == kind)]

    def hook(self, gateway, body, headers, address="203.0.113.9", **how):
        """One webhook; header names in any case, or (name, value) pairs."""
        pairs = headers.items() if isinstance(headers, dict) else headers
        env = {"HTTP_" + name.upper().replace("-", "_"): value
               for name, value in pairs if name.lower() not in
               ("host", "content-type", "content-length", "connection",
                "accept", "user-agent")}
        body = body.encode() if isinstance(body, str) else body
        return self.portal.client(address=address).request(
            "POST", "/api/hooks/" + gateway, body, "application/json",
            env=env, **how)

    def send(self, delivery):
        gateway = {"anet": "authorizenet"}.get(delivery["gateway"],
                                               delivery["gateway"])
        return self.hook(gateway, delivery["body"], delivery["headers"])

    def deliver(self, delivery):
        """Hands a webhook over; what it leads to happens after the answer, and
        has happened when this returns."""
        answer = self.send(delivery)
        wait_for("what the webhook leads to",
                 lambda: self.is_handled(delivery["event"]))
        return answer

    def is_handled(self, event):
        if not harness.SERVER and not os.path.exists(
                os.path.join(self.portal.folder, "portico.db")):
            return True  # its store is elsewhere
        with harness.store(self.portal) as db:
            if "inbox" not in harness.tables(db):
                return True  # likewise
            row = db.execute("select state, tries from inbox "
                             "where event_id = ?", [event]).fetchone()
        return not row or row[0] != "new" or row[1] > 0

    # --- The reconciler and the books -----------------------------------------

    def command(self, *words, check=True):
        done = subprocess.run(
            [harness.PORTICO, "payments", *words, "--config",
             self.portal.config], capture_output=True, text=True,
            timeout=harness.PATIENCE)
        for word in ("Sanitizer", "runtime error"):
            assert word not in done.stderr, done.stderr[-3000:]
        if check:
            assert done.returncode == 0, (done.returncode, done.stderr[-800:])
        return done

    def reconcile(self):
        """A round of everything that is due, whatever fails in it."""
        return self.command("reconcile", check=False)

    def hurry(self):
        """Makes everything due at once: waiting is no test."""
        with harness.store(self.portal) as db:
            db.execute("update payment set due = 1 where due > 0")
            db.execute("update payment_sweep set time = 0")

    def story(self, ident):
        return json.loads(self.command("show", ident, "--json").stdout)

    def money(self):
        return self.sandbox.control("GET", "/money")

    def credits(self, client=None):
        """[(client, amount, reference)] of what the portal added in VCS."""
        found = []
        for row in self.money()["credits"]:
            reference = re.search(r"\[([^]]+)\]", row["notes"] or "")
            if reference and client in (None, row["clients_id"]):
                found.append((row["clients_id"], float(row["amount"]),
                              reference.group(1)))
        return found

    def balance(self, client):
        return client.json("/api/dashboard")["balance"]["live"]["amount"]
