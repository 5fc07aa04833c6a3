"""record.py: what a page asks the billing system, and in what order.

A recorder stands between a portal and the two APIs and hands everything on. It
holds each call for a moment, so that calls that are made at once are seen to
overlap. Calls that begin after others have ended are of a later stage.
"""
import http.client
import http.server
import os
import socketserver
import ssl
import threading
import time

import parts

HELD = 0.02  # seconds


class Call:
    def __init__(self, url, body, began):
        self.url, self.body = url, body
        self.began = self.ended = began
        self.stage = 0


def sort_stages(calls):
    """Gives each call its stage; the calls, stage by stage."""
    calls = sorted(calls, key=lambda c: c.began)
    for i, call in enumerate(calls):
        call.stage = max((before.stage + 1 for before in calls[:i]
                          if before.ended <= call.began), default=0)
    return sorted(calls, key=lambda c: c.stage)


class Recorder:
    """In front of the Core API, and of the Management API with its
    certificate."""

    def __init__(self, sandbox):
        self.calls, self.lock = [], threading.Lock()
        self.held = HELD
        self.core = self.listen(sandbox.port, None)
        self.management = self.listen(sandbox.port + 1, sandbox)

    def listen(self, target, sandbox):
        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

        server = Server(("127.0.0.1", parts.find_ports(1)),
                        handler(self, target, sandbox))
        if sandbox:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(
                os.path.join(sandbox.folder, "server.pem"),
                os.path.join(sandbox.folder, "server.key"))
            server.socket = context.wrap_socket(server.socket,
                                                server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def ports(self):
        return {"core": self.core.server_address[1],
                "management": self.management.server_address[1]}

    def begin(self, url, body):
        call = Call(url, body, time.monotonic())
        with self.lock:
            self.calls.append(call)
        return call

    def take(self):
        """The calls since the last time."""
        with self.lock:
            calls, self.calls = self.calls, []
        return sort_stages(calls)

    def end(self):
        for server in (self.core, self.management):
            server.shutdown()
            server.server_close()


def hand_on(target, sandbox, path, body):
    if sandbox:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", target, timeout=parts.PATIENCE,
            context=ssl.create_default_context(cafile=sandbox.ca_file))
    else:
        connection = http.client.HTTPConnection("127.0.0.1", target,
                                                timeout=parts.PATIENCE)
    connection.request("POST", path, body,
                       {"Content-Type": "application/json"})
    answer = parts.Answer(connection.getresponse())
    connection.close()
    return answer


def handler(recorder, target, sandbox):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            call = recorder.begin("%s://127.0.0.1:%d%s" % (
                "https" if sandbox else "http", target, self.path), body)
            answer = hand_on(target, sandbox, self.path, body)
            time.sleep(recorder.held)
            call.ended = time.monotonic()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *args):
            pass

    return Handler


# --- For the floor -----------------------------------------------------------

KEPT = ("content-type", "content-length", "cache-control", "vary",
        "content-language", "content-security-policy", "set-cookie", "etag")


def save_page(folder, answer, calls):
    """What the floor (floor.c) reads: the answer as a worker wrote it, but for
    what nginx adds, and the calls."""
    head = "Status: 200 OK\r\n" + "".join(
        "%s: %s\r\n" % (key, value) for key, value in answer.headers
        if key.lower() in KEPT and value != "Accept-Encoding") + "\r\n"
    parts.write(os.path.join(folder, "reply"), head.encode() + answer.body)
    for i, call in enumerate(calls):
        parts.write(os.path.join(folder, str(i)),
                    b"%d %s\n%s" % (call.stage, call.url.encode(), call.body))
