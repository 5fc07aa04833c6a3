#!/usr/bin/env python3
"""fault_store_test.py: what is beneath the portal fails: the store, the disk,
the clock, a worker, its memory. What customers see is what the table "When
something fails" of docs/operations.md promises. Ends with 'N passed, N failed'.
"""
import concurrent.futures
import http.client
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading

import harness
from harness import PASSWORDS, Portal, Sandbox, wait_for
from failures import row

sys.path.insert(0, os.path.join(harness.ROOT, "test", "abuse"))

from front import Browser, Nginx  # noqa: E402

JSON = {"accept": "application/json"}
FILE = harness.sqlite_only("what becomes of its file")
sandbox = Sandbox()


# --- A disk of its own ----------------------------------------------------------

APART = ["unshare", "--mount"] + (["--map-root-user", "--user"]
                                  if os.getuid() else [])


def can_mount():
    return subprocess.run(APART + ["mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                          capture_output=True).returncode == 0


class Disk:
    """A portal whose store, or whose temporary files, are on a small disk that
    it alone has. `self.at`: that disk, as others reach it."""

    def __init__(self, what, size="4m", settings=None):
        self.folder = harness.make_folder()
        inside = os.path.join(self.folder, "disk")
        os.mkdir(inside)
        script = os.path.join(self.folder, "portico-on-disk")
        with open(script, "w") as f:
            f.write("#!/bin/sh\nexec %s sh -c 'mount -t tmpfs -o size=%s,"
                    "mode=700 tmpfs \"$0\" && exec \"$@\"' '%s' '%s' \"$@\"\n"
                    % (" ".join(APART), size, inside, harness.PORTICO))
        os.chmod(script, 0o755)
        settings = harness.lay(settings or {}, {"store": {
            "uri": "sqlite:%s/portico.db" % inside}} if what == "store" else {})
        real, harness.PORTICO = harness.PORTICO, script
        try:
            self.portal = Portal(sandbox, settings, env={
                "TMPDIR": inside} if what == "tmp" else None)
        finally:
            harness.PORTICO = real
        self.inside = inside
        self.at = "/proc/%d/root%s" % (self.portal.process.pid, inside)
        self.store = self.at + "/portico.db"

    def begin_reading(self):
        """A process that reads the store until its input ends."""
        reader = subprocess.Popen(
            ["nsenter", "--target", str(self.portal.process.pid), "--mount",
             *(["--user", "--preserve-credentials"] if os.getuid() else []),
             sys.executable, "-c",
             "import sqlite3, sys\n"
             "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
             "db.execute('begin')\n"
             "db.execute('select * from session').fetchall()\n"
             "print('reads', flush=True)\n"
             "sys.stdin.read()\n", self.inside + "/portico.db"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert reader.stdout.readline() == b"reads\n"
        return reader

    def fill(self):
        with open(self.at + "/ballast", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
            except OSError:
                pass
            try:
                while True:
                    f.write(b"\0")
            except OSError:
                pass

    def empty(self):
        os.unlink(self.at + "/ballast")

    def mount_again(self, how):
        pid = self.portal.process.pid
        subprocess.run(
            ["nsenter", "--target", str(pid), "--mount"] +
            (["--user", "--preserve-credentials"] if os.getuid() else []) +
            ["mount", "-o", "remount," + how, self.inside], check=True)


def on_disk(t, what, **how):
    if can_mount():
        return Disk(what, **how)
    print("    not tested: no disk can be mounted here", flush=True)
    return None


# --- The store ------------------------------------------------------------------

def check_no_writing(t, wanted, portal, c, token, what):
    """Pages are shown, nothing is written, and nobody is logged in."""
    for path in ("/api/dashboard", "/api/rates", "/api/invoices"):
        t.status(c.get(path), 200, "%s: %s can be read" % (what, path))
        t.status(token.get(path, **JSON), 200, what + ", JSON: " + path)
    sandbox.forget()
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        page, data, out, voucher = [threads.submit(do) for do in (
            lambda: portal.client().try_login("heron", PASSWORDS["heron"]),
            lambda: portal.client().post_json("/api/login", {
                "login": "heron", "password": PASSWORDS["heron"]}, **JSON),
            lambda: token.post_json("/api/logout", {}, **JSON),
            lambda: token.post_json("/api/voucher", {"code": "101-000001"},
                                    **JSON))]
    wanted.page(t, page.result(), what + ": log-in")
    t.check("portico=" not in str(page.result().headers),
            what + ": nobody logged in")
    wanted.data(t, data.result(), what + ": log-in")
    wanted.data(t, out.result(), what + ": log-out")
    wanted.data(t, voucher.result(), what + ": a voucher")
    t.check("topup_cards.activate" not in sandbox.calls()["counts"],
            what + ": the voucher was not sent")
    wanted.logged(t, portal)


def check_all_is_well(t, portal, token, what):
    t.status(token.get("/api/dashboard", **JSON), 200, what + ": still in")
    portal.client().login("heron")
    t.status(token.post_json("/api/logout", {}, **JSON), 200,
             what + ": log-out")
    t.status(token.get("/api/dashboard", **JSON), 401, what + ": is out")


def test_store_locked(t):
    wanted = row("store-locked")
    p = Portal(sandbox, workers=4)
    c, token = p.client().login("heron"), p.client().token("heron")
    with harness.store(p) as db:
        t.check(harness.lock(db), "locked")
        check_no_writing(t, wanted, p, c, token, "locked")
        db.execute("rollback")
    check_all_is_well(t, p, token, "afterwards")


def renew(p, meanwhile=None):
    """Workers that have not seen the store yet. `meanwhile`: done while there
    is none."""
    old = p.workers()
    p.process.send_signal(signal.SIGSTOP)
    for victim in old:
        os.kill(int(victim), signal.SIGTERM)
    wait_for("their end", lambda: all(is_zombie(pid) for pid in old))
    if meanwhile:
        meanwhile()
    p.process.send_signal(signal.SIGCONT)
    wait_for("new workers", lambda: len(p.workers() - old) == 2)


def is_zombie(pid):
    with open("/proc/%s/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "Z"


@FILE
def test_store_full(t):
    wanted = row("store-full")
    disk = on_disk(t, "store")
    if not disk:
        return
    p = disk.portal
    c, token = p.client().login("heron"), p.client().token("heron")
    # Workers that fail to write open the store anew: the last of them to close
    # it would make room.
    reader = disk.begin_reading()
    disk.fill()
    check_no_writing(t, wanted, p, c, token, "full")
    reader.communicate()
    renew(p, disk.fill)
    away(t, wanted, p, c, token, "full, new workers")
    disk.empty()
    check_all_is_well(t, p, token, "with room again")


@FILE
def test_store_read_only(t):
    wanted = row("store-read-only")
    disk = on_disk(t, "store")
    if not disk:
        return
    p = disk.portal
    c, token = p.client().login("heron"), p.client().token("heron")
    # The kernel does this to a disk in use only when it breaks.
    renew(p, lambda: disk.mount_again("ro"))
    away(t, wanted, p, c, token, "read-only")
    wanted.logged(t, p)
    disk.mount_again("rw")
    check_all_is_well(t, p, token, "writable again")


def away(t, wanted, p, c, token, what):
    """Nobody is known: no page, no log-in, and health says so."""
    for _ in range(4):  # whichever worker
        wanted.both(t, c, "/api/dashboard", what)
        wanted.data(t, token.get("/api/rates", **JSON), what)
        wanted.page(t, c.get("/api/login"), what + ": the log-in page")
        answer = p.client().post_json("/api/login", {
            "login": "heron", "password": PASSWORDS["heron"]}, **JSON)
        wanted.data(t, answer, what + ": log-in")
        health = p.client().get("/api/health")
        t.status(health, 503, what + ": health")
        t.equal((health.json["status"], health.json["store"]),
                ("down", "down"), what + ": health")


@FILE
def test_store_gone(t):
    wanted = row("store-gone")
    p = Portal(sandbox)
    c, token = p.client().login("heron"), p.client().token("heron")
    store = p.folder + "/portico.db"
    with sqlite3.connect(store) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    aside = harness.make_folder()
    names = [n for n in os.listdir(p.folder) if n.startswith("portico.db")]
    for name in names:
        os.rename(os.path.join(p.folder, name), os.path.join(aside, name))
    away(t, wanted, p, c, token, "gone")
    renew(p)
    away(t, wanted, p, c, token, "gone, new workers")
    t.check(not os.path.exists(store), "no empty store in its place")
    wanted.logged(t, p)
    for name in names:
        os.rename(os.path.join(aside, name), os.path.join(p.folder, name))
    t.status(c.get("/api/dashboard"), 200, "back again")
    check_all_is_well(t, p, token, "back again")


@FILE
def test_store_replaced(t):
    """A restored copy counts at once: what goes on being written to the file
    that it replaced would be lost."""
    p = Portal(sandbox)
    p.client().login("heron")
    store = p.folder + "/portico.db"
    with sqlite3.connect(store) as db, \
            sqlite3.connect(store + ".copy") as copy:
        db.backup(copy)
    db.close()
    copy.close()
    os.chmod(store + ".copy", 0o600)
    token = p.client().token("heron")
    for end in ("-wal", "-shm"):
        os.unlink(store + end)
    os.rename(store + ".copy", store)
    t.status(token.get("/api/dashboard", **JSON), 401,
             "a session that the copy has not")
    token = p.client().token("heron")
    for _ in range(6):
        t.status(token.get("/api/dashboard", **JSON), 200, "every worker")
    with sqlite3.connect(store) as db:
        t.equal(db.execute("select count(*) from session").fetchone()[0], 2,
                "what was written is there")
    db.close()


@FILE
def test_store_broken(t):
    wanted = row("store-broken")
    p = Portal(sandbox)
    c, token = p.client().login("heron"), p.client().token("heron")
    store = p.folder + "/portico.db"
    with sqlite3.connect(store) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    good = open(store, "rb").read()
    with open(store, "r+b") as f:  # the header, then each page
        f.write(b"\xa5" * len(good))
    for _ in range(20):  # some have read what they need before
        t.check(c.get("/api/dashboard").status in (200, 503), "no 500")
        new = p.client()
        csrf = new.get("/api/login").csrf
        status = new.form("/api/login", {
            "csrf": csrf or "", "login": "heron",
            "password": PASSWORDS["heron"]}).status
        # Whose store is gone makes no token; who takes the form may have his.
        t.check(status in ((303, 503) if csrf else (403, 503)), "no 500",
                status, csrf)
    renew(p)
    away(t, wanted, p, c, token, "broken")
    wanted.logged(t, p)
    with open(store, "r+b") as f:
        f.write(good)
    for end in ("-wal", "-shm"):
        if os.path.exists(store + end):
            os.unlink(store + end)
    check_all_is_well(t, p, token, "mended")


# --- Temporary files --------------------------------------------------------------

def test_temporary_folder_full(t):
    wanted = row("tmp-full")
    disk = on_disk(t, "tmp")
    if not disk:
        return
    p = disk.portal
    c, token = p.client().login("heron"), p.client().token("heron")
    disk.fill()
    path = "/api/usage/detailed.%s?from=2026-10-01&to=2026-11-20"
    wanted.page(t, c.get(path % "xlsx", accept="text/html"), "Excel")
    wanted.data(t, token.get(path % "xlsx", json_port=True), "Excel")
    t.status(c.get(path % "csv"), 200, "CSV needs no room")
    t.status(c.get("/api/dashboard"), 200, "pages need none")
    wanted.logged(t, p)
    disk.empty()
    answer = c.get(path % "xlsx")
    t.status(answer, 200, "with room again")
    t.check(answer.body.startswith(b"PK"), "an Excel file")
    t.equal(os.listdir(disk.at), [], "no temporary file is left")


# --- The clock ----------------------------------------------------------------------

class Clock:
    """A clock that goes, and jumps."""

    CODE = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long jump(void)
{
	long by = 0;
	FILE *f = fopen("%s", "re");
	if (f && fscanf(f, "%%ld", &by) != 1)
		by = 0;
	if (f)
		fclose(f);
	return by;
}
int clock_gettime(clockid_t id, struct timespec *at)
{
	long got = syscall(SYS_clock_gettime, id, at);
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		at->tv_sec += jump();
	return (int)got;
}
time_t time(time_t *t)
{
	struct timespec at;
	clock_gettime(CLOCK_REALTIME, &at);
	if (t)
		*t = at.tv_sec;
	return at.tv_sec;
}
"""

    def __init__(self):
        self.folder = harness.make_folder()
        self.path = os.path.join(self.folder, "jump")
        self.jump(0)
        library = os.path.join(self.folder, "clock.so")
        with open(library + ".c", "w") as f:
            f.write(self.CODE % self.path)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library,
                        library + ".c"], check=True, timeout=harness.PATIENCE)
        options = os.environ.get("ASAN_OPTIONS", "")
        # Workers may read the temporary folder.
        self.env = {"LD_PRELOAD": library, "TMPDIR": self.folder,
                    "ASAN_OPTIONS": options + ":verify_asan_link_order=0"}

    def jump(self, seconds):
        with open(self.path + ".new", "w") as f:
            f.write("%d" % seconds)
        os.rename(self.path + ".new", self.path)


HOUR, DAY = 3600, 86400
THROTTLED = {"limits": {"loginPerName": 3, "loginWindow": 900}}


def fail_to_log_in(p, times):
    return [p.client().post_json("/api/login", {
        "login": "osprey", "password": "wrong"}, **JSON).status
        for _ in range(times)]


def test_clock_forward(t):
    wanted = row("clock-forward")
    clock = Clock()
    p = Portal(sandbox, THROTTLED, env=clock.env)
    c, token = p.client().login("heron"), p.client().token("heron")
    t.equal(fail_to_log_in(p, 4), [401, 401, 401, 429], "locked out")
    clock.jump(DAY)
    answer = c.get("/api/dashboard")
    wanted.page(t, answer, "a session of yesterday")
    t.check((answer.location or "").startswith("/api/login"), "to the log-in",
            answer.location)
    wanted.data(t, token.get("/api/dashboard", **JSON), "of yesterday")
    p.client().login("heron")
    p.client().login("osprey")
    t.check(True, "log-in goes at once, locked out or not")
    t.equal(fail_to_log_in(p, 4), [401, 401, 401, 429], "until tomorrow")
    clock.jump(0)  # somebody set it right
    d = p.client().login("heron")
    t.status(d.get("/api/dashboard"), 200, "right again: logged in")
    p.client().login("osprey")


def test_clock_back(t):
    wanted = row("clock-back")
    clock = Clock()
    p = Portal(sandbox, THROTTLED, env=clock.env)
    c, token = p.client().login("heron"), p.client().token("heron")
    t.equal(fail_to_log_in(p, 4), [401, 401, 401, 429], "locked out")
    # The password changes: all sessions before are over.
    answer = token.post_json("/api/password", {
        "current": PASSWORDS["heron"], "new": "correct horse 7",
        "repeat": "correct horse 7"}, **JSON)
    t.status(answer, 200, "a new password")
    token.bearer = answer.json["token"]
    clock.jump(-HOUR)
    t.status(c.get("/api/dashboard"), 303, "what was over stays over")
    wanted.data(t, token.get("/api/dashboard", **JSON), "a session")
    d = p.client()
    t.status(d.try_login("heron", "correct horse 7"), 303, "a log-in")
    wanted.page(t, d.get("/api/dashboard"), "and what it opens")
    wanted.data(t, d.get("/api/dashboard", **JSON), "and what it opens")
    t.equal(fail_to_log_in(p, 1), [429], "locked out as before")
    clock.jump(1000)  # an hour and a window later
    p.client().login("osprey")
    sandbox.reset()


# --- Workers ------------------------------------------------------------------------

class Mortal(Portal):
    """A portal whose workers may die: in its log that is no failure."""

    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        Portal.started.remove(self)

    def finish(self, t):
        t.equal(self.end(), 0, "the pool ends well")
        t.check("ERROR: LeakSanitizer" not in self.log(), "no leak")


def check_by_nginx(t, wanted, front, action, what):
    """The answer of nginx for a request whose worker dies."""
    page, data = action(Browser(front), False), action(Browser(front), True)
    wanted.page(t, page, what)
    wanted.data(t, data, what)
    for answer in (page, data):
        t.check(answer.header("content-security-policy") and
                answer.header("cache-control") == "no-store",
                what + ": nginx's own headers", answer.headers)


def test_worker_killed(t):
    wanted = row("worker-killed")
    p = Mortal(sandbox, workers=2)
    front = Nginx(p)
    mine = p.client().token("heron")
    before = sandbox.core("clients.get", id=1001)

    def cut_off(browser, as_json):
        browser.bearer = mine.bearer
        sandbox.forget()
        sandbox.fault("reports.summary", "hang")
        with concurrent.futures.ThreadPoolExecutor(1) as aside:
            asked = aside.submit(browser.get, "/api/dashboard",
                                 json_port=as_json)
            # Asked in the same moment, and answered.
            wait_for("the worker to ask VCS", lambda: "clients.get" in
                     sandbox.calls()["counts"])
            for victim in p.workers():
                os.kill(int(victim), signal.SIGKILL)
            answer = asked.result()
        sandbox.heal()
        return answer

    check_by_nginx(t, wanted, front, cut_off, "killed")
    wait_for("new workers", lambda: len(p.workers()) == 2)
    wanted.logged(t, p)
    t.status(mine.get("/api/dashboard", **JSON), 200, "the session holds")
    t.equal(sandbox.core("clients.get", id=1001), before, "nothing changed")
    front.end()
    p.finish(t)


class HalfAnswer:
    """A worker that dies in the middle of its answer, for nginx."""

    HEAD = (b"Status: 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
            b"Content-Length: 4000\r\n\r\n")

    def __init__(self):
        self.folder = harness.make_folder()
        self.short = tempfile.mkdtemp(prefix="portico-")
        self.socket = os.path.join(self.short, "s")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            caller, _ = self.listener.accept()
            with caller:
                while caller.recv(65536)[-8:-7] != b"\1":
                    pass  # until the end of the body, an empty record
                caller.sendall(harness.record(
                    harness.STDOUT, self.HEAD + b"x" * 1000))


def test_worker_dies_in_its_answer(t):
    """[row: worker-killed] What came is not taken for a whole page, and nobody
    waits for the rest."""
    half = HalfAnswer()
    front = Nginx(half)
    for coding in ("identity", "gzip"):
        link = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
        link.request("GET", "/api/dashboard", headers={
            "Accept-Encoding": coding})
        try:
            answer = link.getresponse()
            body = answer.read()
            t.fail("%s: %d bytes pass for the answer" % (coding, len(body)))
        except http.client.IncompleteRead:
            t.passed += 1
        except OSError as e:
            t.fail("%s: %r" % (coding, e))
        link.close()
    front.end()
    half.listener.close()
    shutil.rmtree(half.short)


def test_worker_out_of_memory(t):
    """By the limit of a request, and by that of the host."""
    wanted = row("worker-memory")
    small = Mortal(sandbox, {"limits": {"requestMemory": 1048576}})
    front = Nginx(small)
    mine = small.client().token("whale")

    def ask(browser, as_json):
        browser.bearer = mine.bearer
        return browser.get("/api/rates?size=100&sort=-price", json_port=as_json)

    check_by_nginx(t, wanted, front, ask, "limits.requestMemory")
    wanted.logged(t, small)
    t.status(mine.get("/api/accounts", **JSON), 200, "a smaller page")
    front.end()
    small.finish(t)

    # A sanitizer takes terabytes of addresses: the program as it ships.
    real, harness.PORTICO = harness.PORTICO, os.path.join(
        harness.BUILD, "portico")
    try:
        host = Mortal(sandbox, workers=2)
    finally:
        harness.PORTICO = real
    front = Nginx(host)
    mine = host.client().token("whale")
    for path in ("/api/rates", "/api/dashboard"):
        t.status(mine.get(path, **JSON), 200, "before")
    before = sandbox.core("clients.get", id=1004)
    seen = set()
    for room in (1, 4, 7, 10, 13, 20, 60):
        for pid in host.workers():
            limit_memory(pid, room * 131072)
        for as_json in (False, True):
            browser = Browser(front)
            browser.bearer = mine.bearer
            answer = browser.get("/api/rates?size=100&sort=-price",
                                 json_port=as_json)
            seen.add(answer.status)
            if answer.status == 200:
                continue
            (wanted.data if as_json else wanted.page)(
                t, answer, "%d KiB left" % (room * 128))
    t.check(502 in seen and 200 in seen, "some die, some do not", seen)
    t.check(500 not in seen, "none is a 500", seen)
    wait_for("workers", lambda: len(host.workers()) == 2)
    for pid in host.workers():
        resource.prlimit(int(pid), resource.RLIMIT_AS,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    t.status(mine.get("/api/rates", **JSON), 200, "afterwards")
    t.equal(sandbox.core("clients.get", id=1004), before, "nothing changed")
    front.end()
    host.finish(t)


def limit_memory(pid, room):
    """No more than this beyond what the process has."""
    try:
        with open("/proc/%s/statm" % pid) as f:
            size = int(f.read().split()[0]) * resource.getpagesize()
        resource.prlimit(int(pid), resource.RLIMIT_AS,
                         (size + room, resource.RLIM_INFINITY))
    except OSError:
        pass  # it has just ended


def test_portal_stopped(t):
    wanted = row("portal-stopped")
    p = Portal(sandbox)
    front = Nginx(p)
    t.equal(p.end(), 0, "stopped")
    for path in ("/api/dashboard", "/api/login"):
        wanted.page(t, Browser(front).get(path), path)
        wanted.data(t, Browser(front).get(path, json_port=True), path)
    front.end()


def clean():
    sandbox.end()
    shutil.rmtree(sandbox.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
