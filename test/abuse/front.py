"""front.py: what the abuse tests share: a till with the shipped nginx before it,
browsers that speak HTTP to it, and what every answer must hold.
"""
import http.client
import json
import os
import pwd
import re
import socket
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "pages"))

import harness  # noqa: E402
from harness import Client, Page, Process  # noqa: E402
from till import Till  # noqa: E402

MARK = "<img src=x onerror=alert(1)>\"'"


def has_ipv6():
    try:
        with open("/proc/net/if_inet6") as f:
            return any(line.startswith("0" * 31 + "1 ") for line in f)
    except OSError:
        return False


class Nginx(Process):
    """nginx with the demo's configuration before a portal."""

    def __init__(self, portal, limit=""):
        self.port = harness.free_ports(3)
        build = os.path.join(portal.folder, "nginx")
        self.folder = os.path.join(build, "demo")
        os.makedirs(self.folder)
        values = {"BUILD": build, "PORT": self.port, "API_PORT": self.port + 1,
                  "METRICS_PORT": self.port + 2, "SOCKET": portal.socket,
                  "SHARE": os.path.join(harness.BUILD, "share"),
                  "USER": pwd.getpwuid(os.getuid()).pw_name,
                  "LIMIT_REQ": limit}
        with open(os.path.join(harness.ROOT, "nginx/demo.conf.in")) as f:
            lines = [line for line in f if has_ipv6() or
                     not line.endswith("# ipv6\n")]
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w") as f:
            f.write(re.sub("@([A-Z_]+)@", lambda m: str(values.get(m[1], m[0])),
                           "".join(lines)))
        super().__init__("nginx", self.folder, [
            "nginx", "-e", self.folder + "/nginx-error.log",
            "-p", self.folder, "-c", config],
            {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        harness.wait_for("nginx", self.is_open)

    def is_open(self):
        assert self.process.poll() is None, self.log()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def access_log(self):
        with open(self.folder + "/nginx-access.log", "rb") as f:
            return f.read()


def as_bytes(value):
    return value if isinstance(value, bytes) else value.encode()


class Browser(Client):
    """A client that speaks HTTP to nginx. Header names and values go out as
    they are; `address` is always this machine's."""

    def __init__(self, nginx, **how):
        super().__init__(None, **how)
        self.nginx = nginx

    def head(self, length, kind, accept, env, headers):
        yield "Host", "localhost:%d" % self.nginx.port
        if accept:
            yield "Accept", accept
        if self.cookies:
            yield "Cookie", "; ".join("%s=%s" % p for p in
                                      self.cookies.items())
        if self.bearer:
            yield "Authorization", "Bearer " + self.bearer
        if length is not None:
            yield "Content-Length", str(length)
            yield "Content-Type", kind or ""
        more = {**self.headers, **headers,
                **{name[5:]: value for name, value in (env or {}).items()}}
        for name, value in more.items():
            yield name.replace("_", "-"), value

    def request(self, method, uri, body=b"", kind=None, json_port=False,
                accept=None, env=None, **headers):
        length = len(body) if body or kind or method == "POST" else None
        own = {name.replace("_", "-").lower() for name in headers}
        lines = [as_bytes("%s %s HTTP/1.1" % (method, uri))] + [
            as_bytes(name) + b": " + as_bytes(value) for name, value in
            self.head(length, kind, accept, env, headers)
            if not (name == "Host" and "host" in own and
                    value.startswith("localhost:%d" % self.nginx.port))]
        answer = self.send(b"\r\n".join(
            lines + [b"Connection: close", b"", b""]) + body, method,
            json_port)
        self.take_cookies(answer)
        return answer

    def send(self, data, method="GET", json_port=False):
        """These bytes; what came back."""
        with socket.create_connection(
                ("127.0.0.1", self.nginx.port + json_port),
                harness.PATIENCE) as s:
            s.sendall(data)
            found = http.client.HTTPResponse(s, method=method)
            found.begin()
            body = found.read()
            head = "".join("%s: %s\r\n" % pair for pair in found.getheaders())
        return harness.Answer(("Status: %d\r\n%s\r\n" % (
            found.status, head)).encode("latin-1") + body)


class Front(Till):
    """A till that is only reached through nginx."""

    def __init__(self, sandbox=None, limit="", **settings):
        super().__init__(sandbox, **settings)
        self.nginx = Nginx(self.portal, limit)
        self.portal.client = lambda **how: Browser(self.nginx, **how)

    def browser(self, who=None):
        c = self.portal.client()
        return c.login(who) if who else c


def read_routes():
    return json.loads(subprocess.run(
        [harness.PORTICO, "routes", "--json"], check=True,
        capture_output=True, timeout=harness.PATIENCE).stdout)


def check_clean(t, answer, what):
    """No element, attribute or header that the portal did not write."""
    t.check(answer.status not in (0, 500), what + ": status", answer.status)
    t.check(not [v for v in answer.all("set-cookie") if "evil" in v] and
            not answer.header("x-evil"), what + ": no header of theirs")
    if answer.kind != "text/html":
        return
    t.check("<img src=x" not in answer.text, what + ": unescaped",
            answer.text[max(0, answer.text.find("<img src=x") - 80):][:160])
    page = Page(answer.text)
    t.check(not [name for _, name, _ in page.attributes
                 if name.startswith("on")] and not page.find("script", src=None)
            and not [v for _, n, v in page.attributes
                     if n in ("href", "src", "action") and
                     v.strip().lower().startswith("javascript:")],
            what + ": no script")
