#!/usr/bin/env python3
"""vhost_test.py: `portico vhost`, by what nginx makes of the site: TLS, the
brand's own files, what is believed of a proxy in front. And `portico check`
about secrets that others can read. Ends with 'N passed, N failed'.
"""
import contextlib
import datetime
import getpass
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import warnings
import zlib

import harness

DOMAIN = "portal.acme.example"
ENV = {**os.environ, "PORTICO_SHARE": os.path.join(harness.BUILD, "share"),
       "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
LOGO = b"the logo of acme"
warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1


def portico(*args):
    return subprocess.run([harness.PORTICO, *args], env=ENV, text=True,
                          capture_output=True, timeout=harness.PATIENCE)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)


class Site(harness.Process):
    """nginx with a printed site on ports of its own. It speaks PROXY to
    nobody: the proxy in front is this test, at 127.0.0.1."""

    def __init__(self, portal, text, trusted=False):
        self.folder = harness.make_folder()
        self.port = harness.free_ports(3)
        share = ENV["PORTICO_SHARE"]
        with open(os.path.join(share, "nginx/portico-http.conf")) as f:
            http = f.read().replace("/usr/share/portico", share)
        http = http.replace("/run/portico/portico.sock", portal.socket)
        if trusted:
            http = http.replace("#192.0.2.10 1", "127.0.0.1 1")
            http = re.sub(r"#(set_real_ip_from) 192.0.2.10",
                          r"\1 127.0.0.1", http)
            http = re.sub(r"#(real_ip_)", r"\1", http)
        text, sep, ports = text.partition("# For those who keep")
        text += sep + re.sub(r"^#(?=server \{| {4}|\}|$)", "", ports, flags=re.M)
        text = re.sub(r"listen \[::\].*\n", "", text)
        text = re.sub(r"limit_req .*\n", "", text)
        for old, new in ((80, 0), (443, 1), (9080, 2)):
            text = re.sub(r"listen %d\b" % old,
                          "listen 127.0.0.1:%d" % (self.port + new), text)
        text = re.sub(r"listen 9090\b", "listen unix:%s/api" % self.folder,
                      text)
        text = text.replace("/etc/letsencrypt/live/" + DOMAIN, self.folder)
        text = text.replace("/var/www/html", self.folder + "/www")
        text = text.replace("/var/log/nginx", self.folder)
        subprocess.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2",
            "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=" + DOMAIN,
            "-addext", "subjectAltName=DNS:" + DOMAIN,
            "-keyout", self.folder + "/privkey.pem",
            "-out", self.folder + "/fullchain.pem"],
            check=True, capture_output=True, timeout=harness.PATIENCE)
        temp = "".join("%s_temp_path %s/%s;\n" % (what, self.folder, what)
                       for what in ("client_body", "fastcgi", "proxy",
                                    "scgi", "uwsgi"))
        write(self.folder + "/nginx.conf",
              "daemon off;\nuser %s;\nworker_processes 1;\npid %s/pid;\n"
              "error_log stderr notice;\nevents { }\nhttp {\n"
              "include /etc/nginx/mime.types;\n%s%s%s}\n" % (
                  getpass.getuser(), self.folder, temp, http, text))
        write(self.folder + "/www/.well-known/acme-challenge/word", "answer")
        super().__init__("nginx", self.folder, [
            "nginx", "-e", "stderr", "-p", self.folder,
            "-c", self.folder + "/nginx.conf"], ENV)
        self.ready("start worker processes")

    def ask(self, path, tls=False, which=None, version=None, **headers):
        """Status, headers in small letters, body."""
        port = self.port + (which if which is not None else 1 if tls else 0)
        s = socket.create_connection(("127.0.0.1", port), harness.PATIENCE)
        if tls:
            context = ssl.create_default_context(
                cafile=self.folder + "/fullchain.pem")
            if version:
                context.minimum_version = context.maximum_version = version
                context.set_ciphers("ALL:@SECLEVEL=0")
            s = context.wrap_socket(s, server_hostname=DOMAIN)
        lines = ["GET %s HTTP/1.1" % path, "Host: " + DOMAIN,
                 "Connection: close"]
        lines += ["%s: %s" % (name.replace("_", "-"), value)
                  for name, value in headers.items()]
        s.sendall("\r\n".join(lines + ["", ""]).encode())
        data = b""
        while piece := s.recv(65536):
            data += piece
        s.close()
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head[9:12]), head.decode("latin-1").lower(), body


def make_brand(portal, name="acme"):
    """The default brand's own files stand beside its settings."""
    folder = portal.folder
    if name:
        folder = os.path.join(portal.folder, "brands", name)
        os.makedirs(folder)
        shutil.copy(portal.config, folder)
    write(folder + "/static/image-resources/logo-login.png", LOGO)
    write(folder + "/static/.secret", "x")
    write(folder + "/static/a/.git/config", "x")
    portal.process.send_signal(signal.SIGHUP)
    portal.ready(" pool.reloaded: ")


def test_names(t):
    for name in ("a b", "a;b", "a..b", ".a", "a.", "-a.b", "a-.b", "a_b", "",
                 "*.a", "ü.example", "a" * 64 + ".b", "a/b", "$host", "a\nb",
                 ".".join(["a" * 49] * 6)):
        seen = portico("vhost", "--", name)
        t.equal((seen.returncode, seen.stdout), (2, ""), "refuses %r" % name)
    for name in ("a", "a.b", "xn--4gbrim.example", "1.example", "a-b.c"):
        t.equal(portico("vhost", name).returncode, 0, "takes %r" % name)
    t.check("server_name a.example;" in portico("vhost", "A.Example").stdout,
            "small letters")
    for brand in ("A", "../x", "a;b", "-a", "", "a" * 33):
        seen = portico("vhost", "a.example", "--brand", brand)
        t.equal((seen.returncode, seen.stdout), (2, ""),
                "refuses the brand %r" % brand)
    seen = portico("vhost", "a.example").stdout
    t.check("PORTICO_BRAND default;" in seen and "/brands/" not in seen and
            " /etc/portico/static/$portico_own " in seen,
            "the default brand's files are beside its settings")
    t.check(not re.search(r"@[A-Z]+@", seen), "nothing is left to fill in")
    t.check("421" in portico("vhost", "a.example", "--brand", "b").stderr,
            "a brand that is not there yet is told of")
    t.equal(portico("vhost").returncode, 2, "no name")


def check_tls(t, site):
    for version, wanted in ((ssl.TLSVersion.TLSv1_1, False),
                            (ssl.TLSVersion.TLSv1_2, True),
                            (ssl.TLSVersion.TLSv1_3, True)):
        try:
            site.ask("/api/health", tls=True, version=version)
            seen = True
        except (ssl.SSLError, ConnectionError):
            seen = False
        t.equal(seen, wanted, version.name)


def check_files(t, site):
    _, _, page = site.ask("/api/login", tls=True)
    logo = re.search(rb'src="(/static/v-[0-9a-f]+/brand/[^"]*logo[^"]*)"', page)
    t.check(logo, "the page names the brand's logo")
    if logo:
        _, head, body = site.ask(logo.group(1).decode(), tls=True)
        t.equal(body, LOGO, "the brand's logo")
        t.check("immutable" in head, "kept for ever", head)
        t.check("nosniff" in head, "with the usual headers", head)
    for path, wanted in (("portico.css", 200), ("no.css", 404),
                         (".secret", 404), ("a/.git/config", 404),
                         ("errors/404.html", 404), ("", 404),
                         ("../customer-params.json", 404),
                         ("%2e%2e/customer-params.json", 404)):
        t.equal(site.ask("/static/brand/" + path, tls=True)[0], wanted,
                "/static/brand/" + path)


def test_site(t):
    portal = harness.Portal(sandbox)
    make_brand(portal)
    text = portico("vhost", DOMAIN, "--brand", "acme", "--config",
                   portal.config).stdout
    site = Site(portal, text)
    status, head, _ = site.ask("/api/rates?q=1")
    t.equal(status, 301, "HTTP")
    t.check("location: https://%s/api/rates?q=1" % DOMAIN in head,
            "goes to HTTPS", head)
    t.equal(site.ask("/.well-known/acme-challenge/word")[2], b"answer",
            "the challenge")
    t.equal(site.ask("/.well-known/acme-challenge/no")[0], 404, "no challenge")
    status, head, _ = site.ask("/api/login", tls=True)
    t.equal(status, 200, "HTTPS")
    t.check("strict-transport-security: max-age=31536000" in head, "HSTS")
    t.check("set-cookie: __host-" in head, "a cookie for HTTPS alone", head)
    check_tls(t, site)
    check_files(t, site)
    status, head, _ = site.ask("/api/login", which=2,
                               X_Forwarded_Proto="https",
                               X_Forwarded_For="198.51.100.7")
    t.equal(status, 200, "the port")
    t.check("set-cookie: portico" in head and "secure" not in head,
            "nobody's word about the scheme is taken", head)
    t.check("strict-transport" not in head, "no HSTS over HTTP", head)
    site.end()
    with open(site.folder + "/portico.log") as f:
        t.check("198.51.100.7" not in f.read(), "nor about the address")


def test_default_brand(t):
    portal = harness.Portal(sandbox)
    make_brand(portal, name=None)
    site = Site(portal, portico("vhost", DOMAIN, "--config",
                                portal.config).stdout)
    check_files(t, site)
    for path in ("../customer-params.json", "../portico.db"):
        t.equal(site.ask("/static/brand/" + path, tls=True)[0], 404, path)
    _, _, page = site.ask("/api/login", tls=True)
    t.check(b"/default/icon.svg" in page, "what it lacks is the shipped")
    site.end()


def test_proxy(t):
    portal = harness.Portal(sandbox)
    site = Site(portal, portico("vhost", DOMAIN).stdout, trusted=True)
    for said, wanted in (("https", True), ("HTTPS", True), ("http", False),
                         ("https, http", False), ("", False)):
        _, head, _ = site.ask("/api/login", which=2, X_Forwarded_Proto=said)
        t.equal("set-cookie: __host-" in head, wanted,
                "a trusted proxy says %r" % said)
        t.equal("strict-transport" in head, wanted, "HSTS, %r" % said)
    _, head, _ = site.ask("/api/login", tls=True, X_Forwarded_Proto="http")
    t.check("set-cookie: __host-" not in head, "a proxy that speaks TLS to us")
    site.ask("/api/login", which=2,
             X_Forwarded_For="203.0.113.9, 198.51.100.7")
    site.end()
    with open(site.folder + "/portico.log") as f:
        last = f.read().splitlines()[-1]
    t.check(last.startswith("198.51.100.7 "),
            "the address that the proxy saw, not what it was told", last)


def talk(address, lines, body=b""):
    """A connection over which a request has been sent."""
    kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    s = socket.socket(kind)
    s.settimeout(harness.PATIENCE)
    s.connect(address)
    s.sendall("\r\n".join(lines + ["Connection: close", "", ""]).encode() + body)
    return s


def hear(s):
    data = b""
    while piece := s.recv(65536):
        data += piece
    s.close()
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head[9:12]), head.decode("latin-1").lower(), body


def fill_queue(portal):
    """Connections that wait for a worker, until one more is not taken."""
    waiting = []
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(portal.socket)
        except BlockingIOError:
            s.close()
            return waiting
        waiting.append(s)


def test_queue(t):
    """More than the queue holds: nginx says 503 at once. What a worker broke
    off is a 502 still, and what the program says passes through."""
    portal = harness.Portal(sandbox, workers=1)
    site = Site(portal, portico("vhost", DOMAIN).stdout)
    api = site.folder + "/api"
    get = ["GET /api/login HTTP/1.1", "Host: " + DOMAIN]
    worker, = (int(pid) for pid in portal.workers())
    os.kill(worker, signal.SIGSTOP)
    waiting = fill_queue(portal)
    t.check(128 <= len(waiting) <= 130, "128 at least", len(waiting))
    for where in (("127.0.0.1", site.port + 2), api):
        status, head, body = hear(talk(where, get))
        t.equal(status, 503, "the queue is full, %s" % (where,))
        t.check("retry-after: 5" in head, "when to come again", head)
        t.check("no-store" in head, "not kept", head)
        words = b'"code":"busy"' if where == api else b"Nothing was changed"
        t.check(words in body, "words", body)
        t.check(where == api or "'sha256-" in head, "its style", head)
    for s in waiting:
        s.close()
    os.kill(worker, signal.SIGCONT)
    harness.wait_for("the queue's end", lambda: hear(talk(api, get))[0] == 200)
    for where in (("127.0.0.1", site.port + 2), api):
        t.equal(hear(talk(where, get))[0], 200, "as before")

    t.equal(portal.end(), 0, "the pool ends")
    for where in (("127.0.0.1", site.port + 2), api):
        t.equal(hear(talk(where, get))[0], 503, "no pool")
    site.end()


def test_broken_off(t):
    """A worker that ends in the middle of a request."""
    listener = socket.socket(socket.AF_UNIX)
    portal = harness.Portal(sandbox, workers=1)
    portal.end()
    listener.bind(portal.socket)
    listener.listen()
    site = Site(portal, portico("vhost", DOMAIN).stdout)
    get = ["GET /api/login HTTP/1.1", "Host: " + DOMAIN]
    for where in (("127.0.0.1", site.port + 2), site.folder + "/api"):
        asked = talk(where, get)
        there, _ = listener.accept()
        there.recv(8)
        there.close()
        status, head, body = hear(asked)
        t.equal(status, 502, "broken off")
        t.check("retry-after" in head, "when to come again", head)
        t.check(b"othing was changed" not in body, "no promise", body)
        t.check(b"try again in a moment" in body, "words", body)
    listener.close()
    site.end()


def test_slow_upload(t):
    """A body that trickles in holds no worker."""
    portal = harness.Portal(sandbox, workers=1)
    site = Site(portal, portico("vhost", DOMAIN).stdout)
    where = ("127.0.0.1", site.port + 2)
    slow = [talk(where, [
        "POST /api/login HTTP/1.1", "Host: " + DOMAIN,
        "Content-Type: application/json", "Content-Length: 100"], b"{")
        for _ in range(20)]
    for _ in range(10):
        t.equal(hear(talk(where, ["GET /api/login HTTP/1.1",
                                  "Host: " + DOMAIN]))[0], 200, "others")
    for s in slow:
        s.close()
    site.end()


DETAILED = "/api/usage/detailed.%s?from=%s&to=%s"


def file_path(ending):
    today = datetime.date.today()
    return DETAILED % (ending, today - datetime.timedelta(300), today)


def ask_file(site, client, path, encoding="identity"):
    return talk(("127.0.0.1", site.port + 2), [
        "GET %s HTTP/1.1" % path, "Host: " + DOMAIN,
        "Authorization: Bearer " + client.bearer,
        "Accept-Encoding: " + encoding])


def curl(site, client, path, *options):
    """What curl says of a file, as people would fetch it."""
    done = subprocess.run(
        ["curl", "-sS", *options, "-H", "Authorization: Bearer " +
         client.bearer, "http://127.0.0.1:%d%s" % (site.port + 2, path)],
        capture_output=True, timeout=harness.PATIENCE)
    return done.returncode, done.stdout


def test_files(t):
    """Compressed on the way; what is broken looks broken; the first piece is not
    held back for the second."""
    portal = harness.Portal(sandbox)
    client = portal.client().token("whale")
    site = Site(portal, portico("vhost", DOMAIN).stdout)
    path = file_path("csv")
    plain = curl(site, client, path)
    t.check(plain[0] == 0 and len(plain[1]) > 2000000, "whole", plain[0])
    t.equal(curl(site, client, path, "--compressed"), plain,
            "whole, and compressed on the way")
    _, head, body = hear(ask_file(site, client, path, "gzip"))
    t.check("content-encoding: gzip" in head, "compressed", head)
    t.check(len(body) < len(plain[1]) / 3, "small", len(body))
    _, head, _ = hear(ask_file(site, client, file_path("xlsx"), "gzip"))
    t.check("content-encoding" not in head, "an XLSX is as it is", head)
    for options in ((), ("--compressed",)):
        sandbox.fault("reports.xdrs", "error", after=2)
        code, got = curl(site, client, path, *options)
        sandbox.heal()
        t.check(code != 0, "curl notices", options, code)
        t.check(10000 < len(got) < len(plain[1]) and
                plain[1].startswith(got), "a part", options, len(got))
    for encoding in ("identity", "gzip"):
        sandbox.fault("reports.xdrs", "hang", after=1)
        s = ask_file(site, client, path, encoding)
        got, rows = b"", 0
        unzip = zlib.decompressobj(31)
        while rows < 1000:  # of 4000
            got += s.recv(65536)
            head, _, body = dechunk(got)
            if encoding == "gzip":
                body = unzip.copy().decompress(body)
            rows = body.count(b"\n")
        t.check(b"200 OK" in head, "rows while the second piece hangs", rows)
        s.close()
        sandbox.heal()
    site.end()


def dechunk(data):
    """Head, and body as far as it has come."""
    head, _, rest = data.partition(b"\r\n\r\n")
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[:int(size, 16)]
        rest = rest[int(size, 16) + 2:]
    return head, b"", body


def test_slow_download(t):
    """Who takes nothing is given up after send_timeout, and who takes a byte now
    and then as well; other requests are served meanwhile."""
    portal = harness.Portal(sandbox, workers=2)
    client = portal.client().token("whale")
    shipped = ENV["PORTICO_SHARE"] + "/nginx/snippets/portico-headers.conf"
    with open(shipped) as f:
        write(portal.folder + "/headers.conf",
              f.read().replace("send_timeout 60s", "send_timeout 1s"))
    # The system would take the whole of such a small file from nginx.
    site = Site(portal, portico("vhost", DOMAIN).stdout.replace(
        shipped, portal.folder + "/headers.conf").replace(
            "listen 9080;", "listen 9080 sndbuf=32k;"))
    slow = ask_file(site, client, file_path("csv"))
    t.check(slow.recv(1), "it begins")
    t.equal(client.get(file_path("csv")).status, 503, "it holds a place")
    t.equal(client.get("/api/dashboard").status, 200, "pages are served")

    def is_free():
        with contextlib.suppress(ConnectionError):
            slow.recv(1)
        return client.get(file_path("csv")).status == 200

    harness.wait_for("its end", is_free)
    slow.close()
    site.end()


def test_secrets(t):
    folder = harness.make_folder()
    config = folder + "/customer-params.json"
    secret = folder + "/token"
    write(secret, "a token")
    store = '"store": {"uri": "sqlite:%s/portico.db"}' % folder
    write(config, '{"coreApi": {"authToken": {"file": "%s"}}, %s}' % (
        secret, store))

    def warned():
        return re.findall(r"^WARN +(\S+)", portico(
            "check", "--config", config).stdout, re.M)

    os.chmod(config, 0o644)
    os.chmod(secret, 0o640)
    t.equal(warned(), [], "no secret can be read by all")
    os.chmod(secret, 0o644)
    t.equal(warned(), [secret], "a secret's file that all can read")
    t.equal(portico("check", "--config", config).returncode, 0,
            "a warning fails nothing")
    write(config, '{"coreApi": {"authToken": "word"}, %s}' % store)
    t.equal(warned(), [config], "settings with a secret")
    os.chmod(config, 0o600)
    t.equal(warned(), [], "for the owner alone")


def test_credentials(t):
    folder = harness.make_folder()
    config = folder + "/customer-params.json"
    write(folder + "/token", "a token\n")
    write(config, '{"coreApi": {"authToken": {"file": '
                  '"/run/credentials/no-such.service/token"}}, '
                  '"store": {"uri": "sqlite:%s/portico.db"}}' % folder)
    t.equal(portico("check", "--config", config).returncode, 1,
            "no such folder of credentials")
    ENV["CREDENTIALS_DIRECTORY"] = folder
    t.equal(portico("check", "--config", config).returncode, 0,
            "the unit's own")
    del ENV["CREDENTIALS_DIRECTORY"]


sandbox = harness.Sandbox()


if __name__ == "__main__":
    harness.main(globals(), sandbox.end)
