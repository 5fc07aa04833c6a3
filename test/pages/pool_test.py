#!/usr/bin/env python3
"""pool_test.py: the pool of workers, seen from outside: crashes, reloads,
stops, and the start. Runs the real program: PORTICO_BUILD (or the first
argument) is the build folder. Ends with 'N passed, N failed'.
"""
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else
                        os.environ.get("PORTICO_BUILD",
                                       os.path.join(ROOT, "build")))
PROGRAM = os.path.join(BUILD, "portico")
PATIENCE = 30  # seconds; only a failing test waits that long

# --- A FastCGI client --------------------------------------------------------

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def record(kind, data=b""):
    return struct.pack("!BBHHBB", 1, kind, 1, len(data), 0, 0) + data


def params(env):
    out = b""
    for name, value in env.items():
        name, value = name.encode(), value.encode()
        for part in (name, value):
            out += (struct.pack("!B", len(part)) if len(part) < 128
                    else struct.pack("!I", len(part) | 0x80000000))
        out += name + value
    return out


class Request:
    """One request on its own connection; the body may follow in pieces."""

    def __init__(self, path, method="GET", uri="/api/health", length=0,
                 kind="application/json", keep=False):
        env = {"REQUEST_METHOD": method, "REQUEST_URI": uri,
               "DOCUMENT_URI": uri, "QUERY_STRING": "",
               "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_PORT": "9090",
               "REMOTE_ADDR": "127.0.0.1", "HTTP_ACCEPT": "application/json"}
        if length:
            env.update(CONTENT_LENGTH=str(length), CONTENT_TYPE=kind)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.socket.sendall(record(BEGIN, struct.pack("!HB5x", 1, keep)) +
                            record(PARAMS, params(env)) + record(PARAMS))

    def send(self, data):
        self.socket.sendall(record(STDIN, data))

    def unread(self):
        """Bytes sent that nobody has read."""
        return struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ,
                                              b"    "))[0]

    def exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise EOFError("connection closed without END_REQUEST")
            data += piece
        return data

    def answer(self, end=True):
        """The answer's status and text, once it is whole. `end`: of the
        body, sent first."""
        if end:
            self.send(b"")
        out = b""
        while True:
            _, kind, _, length, pad, _ = struct.unpack("!BBHHBB",
                                                       self.exactly(8))
            data = self.exactly(length + pad)[:length]
            if kind == STDOUT:
                out += data
            elif kind == END:
                if not out.startswith(b"Status: "):
                    raise ValueError("no status in %r" % out[:80])
                return int(out[8:11]), out


def get(path):
    request = Request(path)
    with request.socket:
        return request.answer()


# --- The program under test --------------------------------------------------

def wait_for(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError("waited in vain for " + what)


class Pool:
    made = []  # by the test that runs

    def __init__(self, *options, folder=None, prefix=(), env=None, **settings):
        self.folder = folder or tempfile.mkdtemp(prefix="portico-pool-")
        self.socket = os.path.join(self.folder, "s.sock")
        self.config = os.path.join(self.folder, "customer-params.json")
        self.log_path = os.path.join(self.folder, "log")
        if not folder:
            self.write({"workers": 2, **settings})
        self.log_start = (os.path.getsize(self.log_path)
                          if os.path.exists(self.log_path) else 0)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*prefix, PROGRAM, "serve", "--config", self.config,
                 "--socket", self.socket, *options],
                stdout=log, stderr=log, env={**os.environ, **(env or {})},
                close_fds=False)
        Pool.made.append(self)

    def write(self, pool, **more):
        text = json.dumps({
            "coreApi": {"uri": "http://127.0.0.1:9", "authToken": "token"},
            "store": {"uri": "sqlite:%s/portico.db" % self.folder},
            "rates": {"refresh": 0},
            "pool": pool, **more})
        with open(self.config + ".new", "w") as f:
            f.write(text)
        os.rename(self.config + ".new", self.config)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            f.seek(self.log_start)
            return f.read()

    def logged(self, code, n=1):
        wait_for("%d x %s in the log:\n%s" % (n, code, self.log()),
                 lambda: self.log().count(" %s: " % code) >= n)

    def ready(self):
        wait_for("pool.ready", lambda: " pool.ready: " in self.log() or
                 self.process.poll() is not None)
        assert self.process.poll() is None, self.log()
        return self

    def workers(self):
        pid = self.process.pid
        try:
            with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
                return set(int(child) for child in f.read().split())
        except FileNotFoundError:
            return set()

    def tell(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Stops the pool; its exit status."""
        if self.process.poll() is None:
            self.tell(number)
        status = self.process.wait(PATIENCE)
        for word in ("Sanitizer", "runtime error"):
            assert word not in self.log(), self.log()
        return status

    def clean(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- Tests -------------------------------------------------------------------

def test_start_and_stop():
    pool = Pool("--workers", "3").ready()
    assert len(pool.workers()) == 3
    assert oct(os.stat(pool.socket).st_mode)[-3:] == "660"
    get(pool.socket)
    assert pool.end() == 0
    assert not os.path.exists(pool.socket), "the socket file is left"
    assert "pool.crashed" not in pool.log(), pool.log()


def test_killed_worker_is_replaced():
    pool = Pool().ready()
    victim = min(pool.workers())
    os.kill(victim, signal.SIGKILL)
    pool.logged("pool.crashed")
    assert "SIGKILL" in pool.log()
    wait_for("a new worker", lambda: len(pool.workers() - {victim}) == 2)
    get(pool.socket)
    assert pool.end() == 0


def test_workers_that_keep_dying_do_not_block_the_parent():
    pool = Pool().ready()
    for n in range(5):
        os.kill(wait_for("workers", pool.workers).pop(), signal.SIGKILL)
        pool.logged("pool.crashed", n + 1)
    wait_for("both workers", lambda: len(pool.workers()) == 2)
    get(pool.socket)
    assert pool.end() == 0


def test_reload_under_load_loses_nothing():
    pool = Pool().ready()
    before = pool.workers()
    total, threads, done, faults = 2000, 4, [], []

    def run():
        while len(done) + len(faults) < total:
            try:
                done.append(get(pool.socket)[0])
            except Exception as e:
                faults.append(repr(e))

    clients = [threading.Thread(target=run) for _ in range(threads)]
    for client in clients:
        client.start()
    for n in range(1, 6):
        wait_for("progress", lambda: len(done) + len(faults) > n * 300)
        pool.tell(signal.SIGHUP)
        pool.logged("pool.reloaded", n)
    for client in clients:
        client.join()
    assert not faults, "%d lost, such as %s" % (len(faults), faults[0])
    assert len(set(done)) == 1, set(done)
    wait_for("the old workers to end", lambda: len(pool.workers()) == 2)
    assert not pool.workers() & before
    assert pool.end() == 0
    assert "pool.crashed" not in pool.log(), pool.log()


def test_bad_configuration_is_refused():
    pool = Pool().ready()
    before = pool.workers()
    pool.write({"workers": "many"})
    pool.tell(signal.SIGHUP)
    pool.logged("pool.reload_refused")
    assert "pool.workers" in pool.log()
    assert pool.workers() == before, "the old workers should serve on"
    get(pool.socket)
    pool.write({"workers": 3})
    pool.tell(signal.SIGHUP)
    pool.logged("pool.reloaded")
    wait_for("three new workers", lambda: len(pool.workers()) == 3 and
             not pool.workers() & before)
    get(pool.socket)
    assert pool.end() == 0


def test_bad_configuration_does_not_start():
    pool = Pool(workers=0)
    assert pool.process.wait(PATIENCE) == 1
    assert "customer-params.json:1: pool.workers" in pool.log(), pool.log()
    assert not os.path.exists(pool.socket)


def begin_post(pool):
    """A request that a worker has taken, half its body still to come."""
    body = b'{"login":"nobody","password":"%s"}' % (b"x" * 40)
    request = Request(pool.socket, "POST", "/api/login", len(body))
    request.send(body[:20])
    wait_for("a worker to read it", lambda: not request.unread())
    return request, body[20:]


def test_stop_lets_a_request_finish():
    pool = Pool().ready()
    get(pool.socket)
    request, rest = begin_post(pool)
    pool.tell(signal.SIGTERM)
    pool.logged("pool.stopping")
    wait_for("the idle worker to end", lambda: len(pool.workers()) == 1)
    request.send(rest)
    request.answer()
    assert pool.end() == 0
    assert "pool.killed" not in pool.log(), pool.log()


def test_reload_lets_a_request_finish():
    pool = Pool().ready()
    before = pool.workers()
    request, rest = begin_post(pool)
    pool.tell(signal.SIGHUP)
    pool.logged("pool.reloaded")
    wait_for("one old worker", lambda: len(pool.workers() & before) == 1)
    get(pool.socket)
    request.send(rest)
    request.answer()
    wait_for("the old worker to end", lambda: not pool.workers() & before)
    assert pool.end() == 0


def test_stop_ends_after_the_grace():
    pool = Pool(grace=1).ready()
    request, _ = begin_post(pool)
    assert pool.end() == 0
    request.socket.close()
    assert "pool.killed" in pool.log(), pool.log()
    assert not os.path.exists(pool.socket)


def test_worker_retires():
    pool = Pool("--workers", "1", maxRequests=50).ready()
    first = pool.workers()
    for _ in range(120):
        get(pool.socket)
    assert pool.log().count(" worker.retired: ") == 2, pool.log()
    assert not pool.workers() & first
    assert pool.end() == 0
    assert "pool.crashed" not in pool.log(), pool.log()


def test_worker_over_its_memory_retires():
    pool = Pool("--workers", "1").ready()
    pool.write({"maxMemory": 8 << 20})
    with open(pool.config, "a") as f:
        f.write(" " * (12 << 20))  # stays in memory as part of the file
    pool.tell(signal.SIGHUP)
    pool.logged("pool.reloaded")
    wait_for("the old worker to end", lambda: len(pool.workers()) == 1)
    heavy = pool.workers()
    for _ in range(65):
        get(pool.socket)
    assert pool.log().count("more than pool.maxMemory") == 1, pool.log()
    assert not pool.workers() & heavy
    assert pool.end() == 0
    assert "pool.crashed" not in pool.log(), pool.log()


def test_workers_end_with_their_parent():
    pool = Pool().ready()
    workers = pool.workers()
    pool.end(signal.SIGKILL)
    wait_for("the workers to end", lambda: not any(map(is_alive, workers)))
    assert os.path.exists(pool.socket)
    again = Pool(folder=pool.folder).ready()  # over the stale file
    get(again.socket)
    second = Pool(folder=pool.folder)
    assert second.process.wait(PATIENCE) == 1, "two pools on one socket"
    get(again.socket)
    assert again.end() == 0


def test_a_file_in_the_way_is_left_alone():
    pool = Pool()
    pool.end()
    with open(pool.socket, "w") as f:
        f.write("precious")
    again = Pool(folder=pool.folder)
    assert again.process.wait(PATIENCE) == 1
    with open(pool.socket) as f:
        assert f.read() == "precious"


def test_socket_of_systemd():
    folder = tempfile.mkdtemp(prefix="portico-pool-")
    path = os.path.join(folder, "given.sock")
    given = socket.socket(socket.AF_UNIX)
    given.bind(path)
    given.listen(16)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(os.path.join(folder, "notify"))
    notify.settimeout(PATIENCE)
    os.set_inheritable(given.fileno(), True)
    pool = Pool(prefix=("sh", "-c", "exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 "
                        "exec \"$@\"" % given.fileno(), "sh"),
                env={"NOTIFY_SOCKET": os.path.join(folder, "notify")}).ready()
    assert notify.recv(64) == b"READY=1"
    given.close()
    get(path)
    assert not os.path.exists(pool.socket)
    assert pool.end() == 0
    assert notify.recv(64) == b"STOPPING=1"
    assert os.path.exists(path), "systemd's file is not ours to remove"
    shutil.rmtree(folder)


def test_watch_reloads():
    pool = Pool("--watch").ready()
    pool.write({"workers": 1})
    pool.logged("pool.reloaded")
    wait_for("one worker", lambda: len(pool.workers()) == 1)
    pool.write({"workers": 0})
    pool.logged("pool.reload_refused")
    get(pool.socket)
    assert pool.end() == 0


def test_abandoned_requests_do_no_harm():
    pool = Pool("--workers", "1").ready()
    worker = pool.workers()
    for n in range(50):
        request = Request(pool.socket)
        if n % 2:
            request.send(b"")
        request.socket.close()
    broken = socket.socket(socket.AF_UNIX)
    broken.connect(pool.socket)
    broken.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
    broken.close()
    get(pool.socket)
    assert pool.workers() == worker, pool.log()
    assert pool.end() == 0


def test_a_body_that_nobody_wants_is_not_waited_for():
    pool = Pool("--workers", "1").ready()
    request = Request(pool.socket, length=100)  # a GET; nothing of it comes
    request.answer(end=False)
    request.socket.close()
    get(pool.socket)
    assert pool.end() == 0


def test_kept_connection_does_not_tie_a_worker():
    pool = Pool("--workers", "1").ready()
    kept = []
    for _ in range(3):
        kept.append(Request(pool.socket, keep=True))
        kept[-1].answer()
        get(pool.socket)
    assert pool.end() == 0


def test_plain_cgi():
    pool = Pool()
    pool.end()
    env = {**os.environ, "GATEWAY_INTERFACE": "CGI/1.1",
           "REQUEST_METHOD": "GET", "REQUEST_URI": "/api/health",
           "QUERY_STRING": "", "HTTP_ACCEPT": "application/json",
           "SERVER_PORT": "9090", "PORTICO_CONFIG": pool.config}
    for args in (["cgi", "--config", pool.config], [], ["serve"]):
        out = subprocess.run([PROGRAM, *args], env=env, timeout=PATIENCE,
                             stdin=subprocess.DEVNULL, capture_output=True)
        assert out.returncode == 0, out.stderr
        assert out.stdout.startswith(b"Status: "), out.stdout
        assert b"Sanitizer" not in out.stderr, out.stderr


def test_command_line():
    def run(*args, status, on):
        out = subprocess.run([PROGRAM, *args], capture_output=True, text=True,
                             timeout=PATIENCE, input="")
        assert out.returncode == status, (args, out)
        assert on in (out.stderr if status else out.stdout), (args, out)

    for command in ("serve", "check", "render", "routes", "version", "cgi",
                    "brand"):
        run(command, "--help", status=0, on="usage: portico " + command)
        run(command, "--nonsense", status=2, on="portico %s --help" % command)
        run("--help", status=0, on="\n  %s " % command)
    run("nonsense", status=2, on="no such command: nonsense")
    run("serve", "--workers", "0", status=2, on="1 to 512")
    run("serve", "extra", status=2, on="too many arguments")
    run("render", "one", status=2, on="arguments are missing")
    run("version", status=0, on="portico ")
    run("check", "--config", "/nonexistent", status=1, on="/nonexistent: ")
    run("render", "/nonexistent.mustache", "-", status=1, on="/nonexistent")


def test_render():
    folder = tempfile.mkdtemp(prefix="portico-pool-")

    def render(template, model):
        with open(os.path.join(folder, "page.mustache"), "w") as f:
            f.write(template)
        with open(os.path.join(folder, "part.mustache"), "w") as f:
            f.write("[{{x}}]")
        out = subprocess.run([PROGRAM, "render", folder + "/page.mustache",
                              "-"], input=model, capture_output=True,
                             text=True, timeout=PATIENCE)
        assert "Sanitizer" not in out.stderr, out.stderr
        return out.returncode, out.stdout, out.stderr

    assert render("{{x}} {{>part}}", '{"x":"<b>"}') == (
        0, "&lt;b&gt; [&lt;b&gt;]", "")
    status, _, err = render("a\n{{{x}}}", "{}")
    assert status == 1 and "page.mustache:2: " in err, err
    for model in ("", '{"x":', '{"x":1}}', "{x}", "[1,\n2"):
        status, _, err = render("x", model)
        assert status == 1 and err.startswith("-:"), (model, err)
    shutil.rmtree(folder)


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        try:
            test()
            passed += 1
            print("ok    ", name)
        except Exception as e:
            failed += 1
            print("FAILED", name, "%s: %s" % (type(e).__name__, e))
        while Pool.made:
            Pool.made.pop().clean()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
