"""harness.py: what the page tests share: a sandbox VCS, the real program, and
a FastCGI client that keeps cookies.

PORTICO_BIN and SANDBOX_BIN are the programs (PORTICO_BUILD/portico and
PORTICO_BUILD/sandbox where they are not set). A test file defines functions
test_*(t), each of which gets a Test, and ends with harness.main(). Everything
that was started is ended by its process id; what the portal says on standard
error is searched for the words of the sanitizers.
"""
import atexit
import decimal
import glob
import hashlib
import html.parser
import http.server
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

import pg

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("PORTICO_BUILD",
                                       os.path.join(ROOT, "build")))
PORTICO = os.environ.get("PORTICO_BIN", os.path.join(BUILD, "portico"))
SANDBOX = os.environ.get("SANDBOX_BIN", os.path.join(BUILD, "sandbox"))
TOKEN = "0123456789abcdef0123456789abcdef"
PATIENCE = 60  # seconds; only a failing test waits that long

PASSWORDS = {"heron": "heron-demo-1", "osprey": "osprey-demo-1",
             "kestrel": "kestrel-demo-1", "whale": "whale-demo-1"}
IDS = {"heron": 1001, "osprey": 1002, "kestrel": 1003, "whale": 1004}


def wait_for(what, condition):
    """Waits until the condition gives something; for readiness only."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("waited in vain for " + what)


taken = []


def take(base):
    """Whether the ports from `base` on are ours among all tests that run: a
    name of the machine says so, for as long as this process lives."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind("\0portico-test-%d" % base)
    except OSError:
        mark.close()
        return False
    taken.append(mark)
    return True


def free_ports(count):
    """The first of `count` ports in a row that nobody uses, below those that
    the system gives to clients."""
    start = 12000 + os.getpid() * 16 % 18000
    for base in list(range(start, 30000, 16)) + list(range(12000, start, 16)):
        if not take(base):
            continue
        held = []
        try:
            for port in range(base, base + count):
                held.append(socket.socket())
                held[-1].bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise AssertionError("no free ports")


def make_folder():
    folder = os.path.join(BUILD, "test")
    os.makedirs(folder, exist_ok=True)
    return tempfile.mkdtemp(prefix="pages-", dir=folder)


class Process:
    """A program whose output goes to a file."""
    started = []

    def __init__(self, name, folder, command, env=None):
        self.name = name
        Process.started.append(self)
        self.log_path = os.path.join(folder, name + ".log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(env or {})})

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def ready(self, word):
        def is_ready():
            if self.process.poll() is not None:
                raise AssertionError("%s ended:\n%s" % (self.name,
                                                        self.log()))
            return word in self.log()

        wait_for(self.name, is_ready)

    def end(self):
        """Its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@atexit.register
def end_all():
    """However a test file ends, nothing that it started stays."""
    for process in reversed(Process.started):
        process.end()
    for portal in Portal.started:
        shutil.rmtree(portal.short, ignore_errors=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


class Sandbox(Process):
    def __init__(self, *options, small=True):
        self.port = free_ports(6)
        self.folder = make_folder()
        super().__init__("sandbox", self.folder, [
            SANDBOX, "--port", str(self.port), "--dir", self.folder,
            "--token", TOKEN, *(["--small"] if small else []), *options])
        self.ready("sandbox: ready")

    def control(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (self.port + 4, path), data,
            {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def fault(self, operation, fault, **more):
        self.control("POST", "/faults",
                     {"operation": operation, "fault": fault, **more})

    def heal(self):
        self.control("DELETE", "/faults")

    def calls(self):
        return self.control("GET", "/calls")

    def forget(self):
        self.control("DELETE", "/calls")

    def change(self, client, **fields):
        self.control("POST", "/clients/%d" % client, fields)

    def reset(self):
        self.control("POST", "/reset")

    def core(self, method, **params):
        """What the Core API answers, its numbers with all their digits."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                           "params": {"AUTH": TOKEN, **params}})
        request = urllib.request.Request(
            "http://127.0.0.1:%d/" % self.port, body.encode(),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read(), parse_float=Digits)["result"]


class Digits(str):
    """A JSON number as it was written."""


# --- FastCGI ------------------------------------------------------------------

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7


def record(kind, data=b""):
    return struct.pack("!BBHHBB", 1, kind, 1, len(data), 0, 0) + data


def stream(kind, data):
    out = b""
    for at in range(0, len(data), 65535):
        out += record(kind, data[at:at + 65535])
    return out + record(kind)


def encode_params(env):
    out = b""
    for name, value in env.items():
        name = name.encode()
        value = value if isinstance(value, bytes) else value.encode()
        for part in (name, value):
            out += (struct.pack("!B", len(part)) if len(part) < 128
                    else struct.pack("!I", len(part) | 0x80000000))
        out += name + value
    return out


def exactly(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            raise EOFError("the worker closed the connection")
        data += piece
    return data


def exchange(path, env, body):
    """One request over a worker's socket; what it answered, as bytes."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(path)
        s.sendall(record(BEGIN, struct.pack("!HB5x", 1, 0)) +
                  stream(PARAMS, encode_params(env)))
        try:
            s.sendall(stream(STDIN, body))
        except BrokenPipeError:
            pass  # a body that nobody wants
        out = b""
        while True:
            _, kind, _, length, pad, _ = struct.unpack("!BBHHBB",
                                                       exactly(s, 8))
            data = exactly(s, length + pad)[:length]
            if kind == STDOUT:
                out += data
            elif kind == END:
                return out


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.headers = []
        self.status = 0
        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                self.status = int(value[:3])
            else:
                self.headers.append((name.lower(), value))

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def header(self, name):
        values = self.all(name)
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def csrf(self):
        found = re.search(r'name="csrf" value="([^"]*)"', self.text)
        return found.group(1) if found else None

    @property
    def kind(self):
        return (self.header("content-type") or "").split(";")[0]

    @property
    def location(self):
        return self.header("location")


class Client:
    """A browser, or a program that uses the API."""

    def __init__(self, portal, address="198.51.100.1", brand=None, **headers):
        self.portal = portal
        self.brand = brand
        self.address = address
        self.cookies = {}
        self.bearer = None
        self.headers = headers
        self.csrf = None

    def request(self, method, uri, body=b"", kind=None, json_port=False,
                accept=None, env=None, **headers):
        variables = {
            "REQUEST_METHOD": method, "REQUEST_URI": uri,
            "DOCUMENT_URI": urllib.parse.unquote(uri.split("?")[0]),
            "QUERY_STRING": uri.partition("?")[2],
            "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "localhost",
            "SERVER_PORT": "9090" if json_port else "9080",
            "REMOTE_ADDR": self.address}
        if json_port:
            variables["PORTICO_FORMAT"] = "json"
        if self.brand is not None:
            variables["PORTICO_BRAND"] = self.brand
        if accept:
            variables["HTTP_ACCEPT"] = accept
        if self.cookies:
            variables["HTTP_COOKIE"] = "; ".join(
                "%s=%s" % pair for pair in self.cookies.items())
        if self.bearer:
            variables["HTTP_AUTHORIZATION"] = "Bearer " + self.bearer
        if body or kind or method == "POST":
            variables["CONTENT_LENGTH"] = str(len(body))
            variables["CONTENT_TYPE"] = kind or ""
        for name, value in {**self.headers, **headers}.items():
            variables["HTTP_" + name.upper()] = value
        variables.update(env or {})
        answer = Answer(exchange(self.portal.socket, variables, body))
        self.take_cookies(answer)
        return answer

    def take_cookies(self, answer):
        for line in answer.all("set-cookie"):
            name, _, value = line.split(";")[0].partition("=")
            if "max-age=0" in line.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    def get(self, uri, **how):
        return self.request("GET", uri, **how)

    def json(self, uri, **how):
        """The model of a page."""
        answer = self.request("GET", uri, accept="application/json", **how)
        assert answer.status == 200, (uri, answer.status, answer.body[:500])
        return answer.json

    def form(self, uri, fields, **how):
        return self.request("POST", uri, urllib.parse.urlencode(
            fields).encode(), "application/x-www-form-urlencoded", **how)

    def post_json(self, uri, fields, **how):
        return self.request("POST", uri, json.dumps(fields).encode(),
                            "application/json", **how)

    def try_login(self, login, password, next=None, **how):
        """The form: first the page, then its token."""
        fields = {"csrf": self.get("/api/login").csrf or "",
                  "login": login, "password": password}
        if next is not None:
            fields["next"] = next
        return self.form("/api/login", fields, **how)

    def login(self, who):
        answer = self.try_login(who, PASSWORDS[who])
        assert answer.status == 303, (answer.status, answer.body[:300])
        return self

    def token(self, who):
        answer = self.post_json("/api/login", {
            "login": who, "password": PASSWORDS[who]},
            accept="application/json")
        assert answer.status == 200, (answer.status, answer.body[:300])
        self.bearer = answer.json["token"]
        return self


# --- The portal ---------------------------------------------------------------

def lay(over, base):
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            lay(value, base[key])
        else:
            base[key] = value
    return base


def make_share(folder, **themes):
    """What is installed, its templates as files of its own; the folder.
    `themes`: THEME: {NAME: text} of further ones."""
    os.makedirs(folder)
    for part in ("conf", "static"):
        os.symlink(os.path.realpath(os.path.join(BUILD, "share", part)),
                   os.path.join(folder, part))
    shutil.copytree(os.path.join(ROOT, "templates"),
                    os.path.join(folder, "templates"))
    for theme, files in themes.items():
        os.makedirs(os.path.join(folder, "templates", theme))
        for name, text in files.items():
            with open(os.path.join(folder, "templates", theme, name),
                      "w") as f:
                f.write(text)
    return folder


# --- The store ----------------------------------------------------------------

# A URI of PostgreSQL: then each store is a schema there, named by its path.
SERVER = os.environ.get("PORTICO_TEST_STORE")


def store_uri(path):
    if not SERVER:
        return "sqlite:" + path
    name = "p_" + hashlib.sha256(path.encode()).hexdigest()[:16]
    if name not in schemas:
        with pg.Connection(SERVER) as db:
            db.execute("create schema if not exists " + name)
        schemas.add(name)
    return "%s%soptions=-csearch_path%%3D%s" % (
        SERVER, "&" if "?" in SERVER else "?", name)


schemas = set()


def store(where, name="portico.db"):
    """The store of a portal, or of its folder, to ask and to change: what
    sqlite3.connect() gives, or as much of it as tests need. Each statement is
    done when it returns, unless one said "begin"."""
    path = os.path.join(getattr(where, "folder", where), name)
    return pg.Connection(store_uri(path)) if SERVER else SqliteStore(path)


def lock(db):
    """Begins a transaction in which nobody else may write; "rollback" ends it.
    False: somebody else does."""
    try:
        if SERVER:
            db.execute("begin; set local lock_timeout = 5000; lock table %s in "
                       "exclusive mode" % ", ".join(tables(db)))
        else:
            db.execute("begin immediate")
        return True
    except sqlite3.OperationalError:
        if SERVER:
            db.execute("rollback")
        return False


def tables(db):
    """Their names."""
    return [name for (name,) in db.execute(
        "select tablename from pg_tables where schemaname = current_schema()"
        if SERVER else "select name from sqlite_master where type = 'table' "
        "and name not like 'sqlite_%'")]


def store_bytes(where):
    """Everything that is in it, to search for what must not be."""
    if SERVER:
        with store(where) as db:
            return repr([db.execute("select '%s', x::text from %s x" % (
                table, table)) for table in tables(db)]).encode()
    found = b""
    for path in glob.glob(getattr(where, "folder", where) + "/portico.db*"):
        with open(path, "rb") as f:
            found += f.read()
    return found


class SqliteStore(sqlite3.Connection):
    def __init__(self, path):
        super().__init__(path, timeout=PATIENCE, isolation_level=None)
        self.row_factory = lambda cursor, values: pg.Row(
            [column[0] for column in cursor.description], values)

    def __exit__(self, *_):
        self.close()


def sqlite_only(why):
    """Of a test that looks at what SQLite alone has: with PostgreSQL it is
    passed over, and the log says why."""
    def mark(test):
        test.sqlite_only = why
        return test

    return mark


def still_clock(folder, now):
    """The environment of a program for which it is always `now`."""
    library = os.path.join(folder, "clock.so")
    with open(library + ".c", "w") as f:
        f.write("#include <time.h>\n"
                "time_t time(time_t *t)\n{\n\tif (t)\n\t\t*t = %d;\n"
                "\treturn %d;\n}\n" % (now, now))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, library + ".c"],
                   check=True, timeout=PATIENCE)
    # A sanitizer wants to be the first library, but works as the second.
    options = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": library,
            "ASAN_OPTIONS": options + ":verify_asan_link_order=0"}


def basics_of(sandbox, store):
    """What a brand needs for its sandbox, in a file of its own."""
    core = "http://127.0.0.1:%d" % sandbox.port
    management = "https://127.0.0.1:%d" % (sandbox.port + 1)
    return {
        "coreApi": {"uri": core, "authToken": TOKEN, "deadlineMs": 60000},
        "managementApi": {
            "uri": management + "/jsonrpc/", "login": "portal-api",
            "password": "portal-api-demo", "deadlineMs": 60000,
            "caFile": os.path.join(sandbox.folder, "ca.pem")},
        "billingUri": management,
        "store": {"uri": store_uri(store)},
        # Rates as VCS has them at the moment; mirror_test.py is about the rest.
        "rates": {"refresh": 0},
        "limits": {"loginPerName": 0, "loginPerAddress": 0,
                   "loginPerNetwork": 0}}


class Portal(Process):
    """`portico serve` with a configuration of its own. `brands`: NAME: (sandbox,
    settings) of each further brand; brand() writes more."""
    started = []  # of portals alone

    def __init__(self, sandbox, settings=None, env=None, workers=2,
                 now=None, brands=None, options=()):
        self.sandbox = sandbox
        self.folder = make_folder()
        if now is not None:
            env = {**(env or {}), **still_clock(self.folder, now)}
        # A socket's path must be short, however long the build folder's is.
        self.short = tempfile.mkdtemp(prefix="portico-")
        self.socket = os.path.join(self.short, "s")
        self.config = os.path.join(self.folder, "customer-params.json")
        with open(self.config, "w") as f:
            json.dump(lay(settings or {}, {
                **basics_of(sandbox, self.folder + "/portico.db"),
                "pool": {"workers": workers}}), f)
        for name, (theirs, more) in (brands or {}).items():
            self.brand(name, theirs, more)
        super().__init__("portico", self.folder, [
            PORTICO, "serve", "--config", self.config,
            "--socket", self.socket, *options], env)
        Portal.started.append(self)
        self.ready(" pool.ready: ")

    def client(self, **how):
        return Client(self, **how)

    def brand_file(self, brand, name, text):
        """Writes brands/BRAND/NAME, in one step; its path."""
        path = os.path.join(self.folder, "brands", brand, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.rename(path + ".new", path)
        return path

    def brand(self, name, sandbox, settings=None):
        return self.brand_file(name, "customer-params.json", json.dumps(lay(
            settings or {}, basics_of(
                sandbox, "%s/%s.db" % (self.folder, name)))))

    def workers(self):
        pid = self.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return set(f.read().split())

    def reload(self):
        """SIGHUP, until nobody serves what was before; how it ended, as the
        log has it."""
        def ends():
            return [line for line in self.log().split("\n") if re.search(
                r" pool\.reload(ed|_refused): ", line)]

        before, old = len(ends()), self.workers()
        self.process.send_signal(signal.SIGHUP)
        end = wait_for("a reload", lambda: ends()[before:])[0]
        if "refused" not in end:
            wait_for("the old workers' end", lambda: not old & self.workers())
        return end

    def logged(self, code):
        return [line for line in self.log().split("\n")
                if " %s:" % code in line or " %s " % code in line]


def finish(failures):
    """Ends all portals; what the sanitizers said counts as a failure."""
    for portal in Portal.started:
        status = portal.end()
        log = portal.log()
        if status != 0:
            failures.append("the portal ended with %d" % status)
        for word in ("Sanitizer", "runtime error", "pool.crashed"):
            if word in log:
                failures.append("%s in the portal's log %s:\n%s" % (
                    word, portal.log_path, log[-4000:]))


class Between:
    """Stands between a portal and a sandbox's Core API, at `uri`:
    change(params, result) makes another result of each answer to `method`."""

    def __init__(self, sandbox, method, change):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = json.loads(body)
                with urllib.request.urlopen(urllib.request.Request(
                        "http://127.0.0.1:%d/" % sandbox.port, body,
                        {"Content-Type": "application/json"}),
                        timeout=PATIENCE) as answer:
                    got = json.load(answer, parse_float=decimal.Decimal)
                both = zip(asked, got) if isinstance(got, list) else [
                    (asked, got)]
                for ask, one in both:
                    if ask["method"] == method and "result" in one:
                        one["result"] = change(ask["params"], one["result"])
                body = json.dumps(got, default=float).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.uri = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()


# --- HTML ---------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    """The texts, attributes and links of a page. Plain tags are read by one
    expression, in a third of the time; a page with anything else in it is
    left to Python's parser."""
    SILENT = {"style", "script"}
    VOID = {"meta", "link", "input", "img", "br", "hr", "line", "rect"}
    PLAIN = re.compile(
        r'<(/?)([a-z][a-z0-9]*)((?:[ \n]+[a-zA-Z][\w:-]*(?:="[^"]*")?)*)'
        r'[ \n]*(/?)>|([^<]+)|<!doctype html>', re.ASCII)
    ATTRIBUTE = re.compile(r'([a-zA-Z][\w:-]*)(?:="([^"]*)")?', re.ASCII)

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack = []
        self.texts = []       # (text, enclosing elements)
        self.attributes = []  # (element, name, value)
        self.elements = []    # (element, attributes)
        tokens = list(self.PLAIN.finditer(text))
        if sum(m.end() - m.start() for m in tokens) == len(text):
            for m in tokens:
                self.take(*m.groups())
        else:
            self.feed(text)
            self.close()

    def take(self, end, tag, attributes, closed, text):
        if text:
            self.handle_data(html.unescape(text))
        elif end:
            self.handle_endtag(tag)
        elif tag:
            found = [(m[1].lower(), m[2] and html.unescape(m[2]))
                     for m in self.ATTRIBUTE.finditer(attributes)]
            (self.handle_startendtag if closed else self.handle_starttag)(
                tag, found)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data):
        if data.strip() and not self.SILENT & set(self.stack):
            self.texts.append((data.strip(), tuple(self.stack)))

    def find(self, tag, **attributes):
        return [found for name, found in self.elements if name == tag and all(
            found.get(key.rstrip("_")) == value
            for key, value in attributes.items())]

    @property
    def text(self):
        return "\n".join(text for text, _ in self.texts)


# --- Tests --------------------------------------------------------------------

class Test:
    """Counts checks; one line for each that failed."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.name = ""

    def check(self, good, what, *seen):
        if good:
            self.passed += 1
        else:
            self.fail(what + "".join(": %.400r" % (s,) for s in seen))
        return bool(good)

    def equal(self, got, wanted, what):
        return self.check(got == wanted, what + ": not as wanted", got, wanted)

    def status(self, answer, wanted, what):
        return self.check(answer.status == wanted, "%s: status %d, not %d" % (
            what, answer.status, wanted), answer.body[-300:])

    def fail(self, what):
        self.failures.append(what)
        print("FAILED %s: %s" % (self.name, what), flush=True)


def check_error(t, answer, status, code, what, fields=None):
    """An error in JSON: status, code, words and the request's number."""
    t.status(answer, status, what)
    t.equal(answer.kind, "application/json", what + ": type")
    if answer.kind != "application/json":
        return
    e = answer.json.get("error", {})
    t.equal(sorted(e), ["code", "fields", "message", "request_id"],
            what + ": members")
    t.equal(list(answer.json), ["error"], what + ": nothing beside it")
    t.equal(e.get("code"), code, what + ": code")
    t.check(e.get("message") and not e["message"].startswith("error."),
            what + ": words", e)
    t.check(e.get("request_id"), what + ": request's number", e)
    if fields is not None:
        t.equal(sorted(e["fields"]), sorted(fields), what + ": fields")
        t.check(all(text and not text.startswith("field.")
                    for text in e["fields"].values()),
                what + ": words of the fields", e["fields"])


def check_error_page(t, answer, status, what):
    t.status(answer, status, what)
    t.equal(answer.kind, "text/html", what + ": type")
    page = Page(answer.text)
    t.check(page.find("h1"), what + ": a title")
    t.check("error." not in page.text, what + ": words", page.text[:300])
    t.check(answer.header("content-security-policy"), what + ": policy")


def main(tests, clean=None):
    """Runs the functions test_* of a module (those named on the command line
    only, if any) and says how long each took, then how many checks passed."""
    t = Test()
    for name, test in list(tests.items()):
        if not name.startswith("test_") or not callable(test):
            continue
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        if SERVER and hasattr(test, "sqlite_only"):
            print("passed over %s: %s" % (name, test.sqlite_only))
            continue
        t.name = name
        began = time.monotonic()
        try:
            test(t)
        except Exception as e:
            line = traceback.extract_tb(e.__traceback__)
            where = next((f for f in reversed(line)
                          if f.filename.endswith("_test.py")), line[-1])
            t.fail("line %s: %s: %s" % (where.lineno, type(e).__name__, e))
        print("%s: %.1f s" % (name, time.monotonic() - began), flush=True)
    t.name = "the end"
    late = []
    finish(late)
    for what in late:
        t.fail(what)
    if clean:
        clean()
    folders = [p.folder for p in Portal.started]
    if not t.failures:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed" % (t.passed, len(t.failures)))
    sys.exit(1 if t.failures else 0)
