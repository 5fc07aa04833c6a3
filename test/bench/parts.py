"""parts.py: what the bench starts: simulated billing systems, portals, floors
and the nginx before each, all on ports and in folders of their own. They end
with the bench, however it ends.
"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("PORTICO_BUILD",
                                       os.path.join(ROOT, "build")))
FOLDER = os.path.join(BUILD, "bench")
TOKEN = "0123456789abcdef0123456789abcdef"
PATIENCE = 180  # seconds until a part must be ready
PASSWORDS = {"heron": "heron-demo-1", "whale": "whale-demo-1"}

processes = []


def say(text):
    print(text, file=sys.stderr, flush=True)


def write(path, data):
    mode = "wb" if isinstance(data, bytes) else "w"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as f:
        f.write(data)


def empty_folder(name="bench"):
    """Where everything of this run goes."""
    global FOLDER
    FOLDER = os.path.join(BUILD, name)
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)


# --- Processes ---------------------------------------------------------------

def start(name, log, *command):
    """In a group of its own; it ends with the bench."""
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, "ab") as out:
        begin = out.tell()
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command], stdout=out,
            stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    process.name, process.log, process.begin = name, log, begin
    processes.append(process)
    return process


def stop(process):
    processes.remove(process)
    process.terminate()
    try:
        process.wait(35)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def stop_all():
    for process in reversed(processes[:]):
        stop(process)


def said(process):
    """What it has written to its log, which may be of processes before it,
    too."""
    with open(process.log, "rb") as f:
        f.seek(process.begin)
        return f.read().decode(errors="replace")


def wait_for(process, what, condition, pause=0.02):
    end = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            sys.exit("bench: %s: %s; see %s" % (
                process.name, what, process.log))
        time.sleep(pause)


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry))
    return sorted(found)


def cpu_of(pids):
    """Nanoseconds; utime and stime of /proc/PID/stat add up to the same, but
    in hundredths of a second."""
    total = 0
    for pid in pids:
        with open("/proc/%d/schedstat" % pid) as f:
            total += int(f.read().split()[0])
    return total


def private_kb(pid):
    """0: it has ended."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            return sum(int(line.split()[1]) for line in f
                       if line.startswith(("Private_Clean:",
                                           "Private_Dirty:")))
    except OSError:
        return 0


# --- Ports and requests ------------------------------------------------------

def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def find_ports(n):
    """The first of n free ports in a row."""
    for base in range(20000 + os.getpid() % 500 * 16, 32000, n):
        if all(is_free(base + i) for i in range(n)):
            return base
    sys.exit("bench: no free ports")


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.body = response.read()
        self.headers = response.getheaders()
        self.cookies = [value.split(";")[0] for key, value in self.headers
                        if key.lower() == "set-cookie"]


def fetch(port, path, headers=None, body=None, method=None):
    connection = http.client.HTTPConnection("127.0.0.1", port,
                                            timeout=PATIENCE)
    connection.request(method or ("POST" if body else "GET"), path, body,
                       headers or {})
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def is_served(port, path="/api/login"):
    try:
        return fetch(port, path).status < 500
    except (OSError, http.client.HTTPException):
        return False


# --- A billing system, and a portal or a floor before it ---------------------

class Sandbox:
    """The simulated billing system, on six ports."""

    def __init__(self, name, *options):
        self.port = find_ports(6)
        self.folder = os.path.join(FOLDER, name)
        self.process = start(
            name, os.path.join(FOLDER, name + ".log"),
            os.path.join(BUILD, "sandbox"), "--port", str(self.port),
            "--dir", self.folder, "--token", TOKEN, "--login", "portal-api",
            "--password", "portal-api-demo", *options)
        wait_for(self.process, "is not ready",
                 lambda: "sandbox: ready" in said(self.process))

    @property
    def ca_file(self):
        return os.path.join(self.folder, "ca.pem")

    def control(self, method, path, body=None):
        return json.loads(fetch(self.port + 4, path, {},
                                json.dumps(body) if body else None,
                                method).body)

    def set_latency(self, ms):
        """Of every call."""
        self.control("DELETE", "/faults")
        if ms:
            self.control("POST", "/faults", {
                "operation": "*", "fault": "latency", "value": ms})

    def forget(self):
        self.control("DELETE", "/calls")

    def calls(self):
        return self.control("GET", "/calls")

    def end(self):
        """Without its data: a million xDRs take 150 MB."""
        stop(self.process)
        shutil.rmtree(self.folder)


def start_nginx(name, socket_path):
    """As the demo's, but without a limit of requests; its port."""
    folder, port = os.path.join(FOLDER, name), find_ports(3)
    with open(os.path.join(ROOT, "nginx", "demo.conf.in")) as f:
        text = f.read()
    for key, value in {
            "BUILD": folder, "PORT": port, "API_PORT": port + 1,
            "METRICS_PORT": port + 2, "SOCKET": socket_path,
            "SHARE": os.path.join(BUILD, "share"), "LIMIT_REQ": "",
            "USER": subprocess.check_output(
                ["id", "-un"], text=True).strip()}.items():
        text = text.replace("@%s@" % key, str(value))
    text = "".join(line for line in text.splitlines(True)
                   if not line.rstrip().endswith("# ipv6"))
    demo = os.path.join(folder, "demo")
    write(os.path.join(demo, "nginx.conf"), text)
    nginx = start(name, os.path.join(FOLDER, name + ".log"), "nginx",
                  "-p", demo, "-e", os.path.join(demo, "nginx-error.log"),
                  "-c", os.path.join(demo, "nginx.conf"))
    wait_for(nginx, "is not ready", lambda: not is_free(port))
    return port, nginx


def lay(over, base):
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            lay(value, base[key])
        else:
            base[key] = value
    return base


class Front:
    """A pool of workers behind an nginx."""

    def __init__(self, name):
        self.name = name
        self.folder = os.path.join(FOLDER, name)
        self.socket = os.path.join(self.folder, "sock")
        os.makedirs(self.folder, exist_ok=True)
        self.port, self.nginx = start_nginx(name + "-nginx", self.socket)
        self.process = None

    def run(self, *command):
        self.process = start(self.name,
                             os.path.join(FOLDER, self.name + ".log"),
                             *command)

    def get(self, path, headers=None):
        return fetch(self.port, path, headers)

    def workers(self):
        return children(self.process.pid)

    def stop(self):
        """The pool alone."""
        stop(self.process)
        self.process = None

    def end(self):
        if self.process:
            self.stop()
        stop(self.nginx)


class Portal(Front):
    program = os.path.join(BUILD, "portico")

    def __init__(self, name, sandbox, workers=4):
        super().__init__(name)
        self.sandbox, self.n_workers = sandbox, workers
        self.config = os.path.join(self.folder, "customer-params.json")

    def params(self, core=None, management=None):
        return {
            "coreApi": {"uri": "http://127.0.0.1:%d" %
                               (core or self.sandbox.port),
                        "authToken": TOKEN, "deadlineMs": 60000},
            "managementApi": {
                "uri": "https://127.0.0.1:%d/jsonrpc/" %
                       (management or self.sandbox.port + 1),
                "login": "portal-api", "password": "portal-api-demo",
                "caFile": self.sandbox.ca_file},
            "publicUri": "http://localhost:%d" % self.port,
            "paypal": {"clientId": "sandbox-paypal-client",
                       "clientSecret": "sandbox-paypal-secret",
                       "environment": "sandbox",
                       "uri": "http://127.0.0.1:%d" % (self.sandbox.port + 2),
                       "webUri": "http://localhost:%d" %
                                 (self.sandbox.port + 2),
                       "webhookId": "WH-SANDBOX-1",
                       "merchantId": "SANDB8XMERCH2"},
            "smtp": {"uri": "smtp://127.0.0.1:%d" % (self.sandbox.port + 5),
                     "from": "portal@example.net"},
            "store": {"uri": "sqlite:%s/portico.db" % self.folder},
            "pool": {"workers": self.n_workers, "maxRequests": 0}}

    def configure(self, settings=None, **ports):
        write(self.config, json.dumps(lay(settings or {},
                                          self.params(**ports))))
        os.chmod(self.config, 0o600)

    def start(self):
        self.run(self.program, "serve", "--config", self.config,
                 "--socket", self.socket)

    def serve(self, settings=None, **ports):
        self.configure(settings, **ports)
        self.start()
        wait_for(self.process, "does not answer",
                 lambda: is_served(self.port))
        return self

    def log_in(self, who="heron"):
        """The form's way: the page's token, then the session's cookie; the
        headers of whoever is logged in."""
        form = self.get("/api/login")
        cookies = "; ".join(form.cookies)
        token = re.search(r'name="csrf"[^>]*value="([^"]*)"',
                          form.body.decode())
        answer = fetch(
            self.port, "/api/login", {
                "Cookie": cookies,
                "Content-Type": "application/x-www-form-urlencoded"},
            urllib.parse.urlencode({
                "login": who, "password": PASSWORDS[who],
                "csrf": token.group(1) if token else ""}))
        if answer.status != 303 or not answer.cookies:
            sys.exit("bench: the log-in answers %d" % answer.status)
        return {"Cookie": "; ".join(answer.cookies)}
