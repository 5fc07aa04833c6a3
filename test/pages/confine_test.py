#!/usr/bin/env python3
"""confine_test.py: a worker of the real program, made to try what an intruder
would: its system calls are made for it, from outside, through ptrace (as a
debugger does), and what the kernel says to each is read there. And what the
built file is hardened with. Ends with 'N passed, N failed'.

The built program is the one that ships: PORTICO_BUILD/portico, whichever
PORTICO_BIN is. Needs x86-64 and the right to trace (root).
"""
import ctypes
import errno
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

import harness
from harness import Client, Portal, Sandbox, wait_for

harness.PORTICO = os.path.join(harness.BUILD, "portico")
sandbox = Sandbox()

# --- Calls made in another process --------------------------------------------

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
STEP, GET, SET, ATTACH, DETACH = 9, 12, 13, 16, 17
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax "
         "rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()
CALL = dict(read=0, write=1, open=2, socket=41, clone=56, fork=57, execve=59,
            kill=62, ptrace=101, prctl=157, mount=165, keyctl=250, unshare=272,
            process_vm_readv=310, bpf=321, execveat=322, clone3=435)


class Killed(Exception):
    pass


class Puppet:
    """A worker that is stopped while it waits for a request."""

    def __init__(self, pid):
        self.pid = pid
        self.ptrace(ATTACH, None)
        self.wait()
        self.saved = self.get()
        self.memory = open("/proc/%d/mem" % pid, "r+b", buffering=0)
        self.gate = self.find_gate()

    def ptrace(self, what, data):
        if libc.ptrace(what, self.pid, None, data) < 0:
            raise OSError(ctypes.get_errno(), "ptrace %d" % what)

    def wait(self):
        _, status = os.waitpid(self.pid, 0)
        if not os.WIFSTOPPED(status):
            raise Killed(os.WTERMSIG(status) if os.WIFSIGNALED(status)
                         else status)
        return os.WSTOPSIG(status)

    def get(self):
        room = ctypes.create_string_buffer(8 * len(NAMES))
        self.ptrace(GET, ctypes.addressof(room))
        return dict(zip(NAMES, struct.unpack("27Q", room.raw)))

    def set(self, registers):
        room = ctypes.create_string_buffer(
            struct.pack("27Q", *(registers[name] for name in NAMES)))
        self.ptrace(SET, ctypes.addressof(room))

    def find_gate(self):
        """Where libc has the instruction `syscall`."""
        with open("/proc/%d/maps" % self.pid) as f:
            for line in f:
                if "r-xp" in line and "libc.so" in line:
                    start, end = (int(x, 16)
                                  for x in line.split()[0].split("-"))
                    self.memory.seek(start)
                    return start + self.memory.read(
                        end - start).index(b"\x0f\x05")
        raise AssertionError("no libc")

    def call(self, name, *args):
        """What the kernel answers: a number, or an errno's name."""
        registers = dict(self.saved)
        room = (self.saved["rsp"] - 8192) & ~0xf
        values = []
        for value in args:
            if isinstance(value, bytes):
                self.memory.seek(room)
                self.memory.write(value + b"\0")
                values.append(room)
                room += len(value) + 16
            else:
                values.append(value & (1 << 64) - 1)
        registers.update(zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"),
                             values + [0] * 6))
        registers.update(rax=CALL[name], orig_rax=(1 << 64) - 1,
                         rip=self.gate)
        self.set(registers)
        self.ptrace(STEP, None)
        self.wait()
        result = ctypes.c_int64(self.get()["rax"]).value
        return errno.errorcode[-result] if -4096 < result < 0 else result

    def leave(self):
        self.set(self.saved)
        self.ptrace(DETACH, None)
        self.memory.close()


def children(portal):
    pid = portal.process.pid
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(word) for word in f.read().split()]


def start(confine="auto", env=None):
    portal = Portal(sandbox, {"pool": {"workers": 1, "confine": confine}},
                    workers=1, env=env)
    Client(portal).login("heron")
    return portal


def attempt(portal, *call):
    """A worker's call, and the worker goes on."""
    puppet = Puppet(children(portal)[0])
    try:
        return puppet.call(*call)
    finally:
        puppet.leave()


def end_killed(portal, *call):
    """A call that ends the worker: its signal. The pool tells, and there is
    another one that serves."""
    pid, crashes = children(portal)[0], portal.log().count("pool.crashed")
    puppet = Puppet(pid)
    try:
        answer = puppet.call(*call)
    except Killed as e:
        answer = signal.Signals(e.args[0]).name
    else:
        puppet.leave()
        return answer
    finally:
        puppet.memory.close()
    wait_for("another worker", lambda: portal.log().count("pool.crashed")
             > crashes and children(portal) and children(portal) != [pid])
    assert "SIGSYS" in portal.log(), portal.log()
    Client(portal).login("heron")  # by the new one: it is confined by now
    return answer


# --- Tests ----------------------------------------------------------------------

def test_calls_that_end_the_worker(t):
    portal = start()
    Portal.started.remove(portal)  # its workers die, as they should
    for call in (("execve", b"/bin/true", 0, 0),
                 ("execveat", -100, b"/bin/true", 0, 0, 0),
                 ("ptrace", 16, 1, 0, 0),
                 ("process_vm_readv", 1, 0, 0, 0, 0, 0),
                 ("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
                 ("bpf", 0, 0, 0)):
        t.equal(end_killed(portal, *call), "SIGSYS", call[0])
    Client(portal).login("heron")


def test_calls_that_are_refused(t):
    portal = start()
    other = portal.process.pid
    for call in (("fork",), ("clone", 17, 0, 0, 0, 0), ("kill", other, 0),
                 ("keyctl", 0, 0, 0, 0, 0), ("unshare", 0x10000000),
                 ("prctl", 4, 1, 0, 0, 0)):
        t.equal(attempt(portal, *call), "EPERM", call[0])
    t.equal(attempt(portal, "clone3", 0, 0), "ENOSYS", "clone3")
    Client(portal).login("heron")


def test_sockets(t):
    portal = start()
    raw, datagram, stream = (socket.SOCK_RAW, socket.SOCK_DGRAM,
                             socket.SOCK_STREAM)
    for family, kind in ((socket.AF_INET, raw), (socket.AF_INET6, raw),
                         (socket.AF_PACKET, raw), (socket.AF_PACKET, datagram),
                         (socket.AF_NETLINK, raw), (socket.AF_ALG, 5),
                         (socket.AF_VSOCK, stream),
                         (31, raw),  # Bluetooth
                         (socket.AF_INET | 1 << 32, raw),
                         (socket.AF_PACKET | 1 << 32, raw)):
        t.equal(attempt(portal, "socket", family, kind | socket.SOCK_CLOEXEC,
                        255), "EPERM", "socket %x, %d" % (family, kind))
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        for kind in (stream, datagram):
            got = attempt(portal, "socket", family, kind, 0)
            t.check(isinstance(got, int) or got == "EAFNOSUPPORT",
                    "socket %d, %d: %s" % (family, kind, got))


def test_files(t):
    portal = start()
    # Not in the temporary folder, wherever the build is.
    foreign = tempfile.mkdtemp(prefix="portico-", dir="/dev/shm")
    theirs = os.path.join(foreign, "theirs")
    with open(theirs, "w") as f:
        f.write("theirs")
    made = os.path.join(foreign, "made").encode()
    store = os.path.join(portal.folder, "made").encode()
    for path, flags, wanted in (
            (b"/etc/passwd", os.O_RDONLY, "EACCES"),
            (b"/etc/shadow", os.O_RDONLY, "EACCES"),
            (b"/root", os.O_RDONLY, "EACCES"),
            (b"/proc/1/environ", os.O_RDONLY, "EACCES"),
            (theirs.encode(), os.O_RDONLY, "EACCES"),
            (theirs.encode(), os.O_WRONLY, "EACCES"),
            (made, os.O_WRONLY | os.O_CREAT, "EACCES"),
            (b"/usr/lib/os-release", os.O_WRONLY, "EACCES"),
            (b"/etc/hosts", os.O_RDONLY, None),
            (b"/etc/hosts", os.O_WRONLY, "EACCES"),
            (b"/etc/ssl", os.O_RDONLY, None),
            (b"/proc/self/statm", os.O_RDONLY, None),
            (store, os.O_RDWR | os.O_CREAT,
             "EACCES" if harness.SERVER else None),
            (b"/tmp", os.O_RDONLY, None)):
        got = attempt(portal, "open", path, flags, 0o600)
        if wanted:
            t.equal(got, wanted, "%s, %o" % (path.decode(), flags))
        else:
            t.check(isinstance(got, int), "%s: %s" % (path.decode(), got))
    t.check(not os.path.exists(made), "nothing is made in a foreign folder")
    shutil.rmtree(foreign)
    t.check("confine.on" in portal.log(), portal.log())


def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


def test_privileges(t):
    portal = start()
    pid = children(portal)[0]
    status = status_of(pid)
    for name in ("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb"):
        t.equal(int(status[name], 16), 0, name)
    t.equal(status["NoNewPrivs"], "1", "no_new_privs")
    t.equal(status["Seccomp"], "2", "seccomp")
    with open("/proc/%d/limits" % pid) as f:
        core = [line.split()[4:6] for line in f if "core file" in line]
    t.equal(core, [["0", "0"]], "no core dumps")
    t.equal(attempt(portal, "prctl", 3, 0, 0, 0, 0), 0, "not dumpable")


def test_off(t):
    """The same attempts go through where nothing is confined: it is the
    confinement that stops them."""
    portal = start("off")
    status = status_of(children(portal)[0])
    t.equal(status["Seccomp"], "0", "no filter")
    for call in (("open", b"/etc/passwd", 0, 0),
                 ("socket", socket.AF_INET, socket.SOCK_RAW, 255)):
        t.check(isinstance(attempt(portal, *call), int), call[0])
    t.equal(attempt(portal, "ptrace", 16, 0, 0, 0), "ESRCH", "ptrace")
    t.check("confine.off" in portal.log(), portal.log())


def test_required(t):
    portal = start("require")
    t.equal(attempt(portal, "open", b"/etc/passwd", 0, 0), "EACCES", "file")


# A kernel that lacks what LACKS names (a library in front of the C library's).
OLD_KERNEL = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static int refuse(const char *what)
{
	const char *lacks = getenv("LACKS");

	if (!lacks || !strstr(lacks, what))
		return 0;
	errno = strstr(lacks, "disabled") ? EOPNOTSUPP : ENOSYS;
	return 1;
}

#define ARGUMENTS(LAST) \
	long a[5]; \
	va_list ap; \
	va_start(ap, LAST); \
	for (int i = 0; i < 5; i++) \
		a[i] = va_arg(ap, long); \
	va_end(ap)

long syscall(long n, ...)
{
	static long (*next)(long, ...);
	ARGUMENTS(n);
	if (n == SYS_landlock_create_ruleset && refuse("landlock"))
		return -1;
	if (n == SYS_seccomp && refuse("seccomp"))
		return -1;
	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return next(n, a[0], a[1], a[2], a[3], a[4]);
}

int prctl(int n, ...)
{
	static int (*next)(int, ...);
	ARGUMENTS(n);
	if (n == 22 /* PR_SET_SECCOMP */ && refuse("seccomp")) {
		errno = EINVAL;
		return -1;
	}
	if (!next)
		next = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
	return next(n, a[0], a[1], a[2], a[3], a[4]);
}
"""


def old_kernel(lacks):
    library = os.path.join(sandbox.folder, "old-kernel.so")
    with open(library + ".c", "w") as f:
        f.write(OLD_KERNEL)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, library + ".c",
                    "-ldl"], check=True, timeout=harness.PATIENCE)
    return {"LD_PRELOAD": library, "LACKS": lacks}


def test_kernel_without(t):
    """What a kernel lacks is said, and the rest is confined."""
    for lacks, word, file, raw, seccomp in (
            ("landlock", "Landlock", None, "EPERM", "2"),
            ("landlock disabled", "Landlock", None, "EPERM", "2"),
            ("seccomp", "seccomp", "EACCES", None, "0"),
            ("seccomp landlock", "seccomp and Landlock", None, None, "0")):
        portal = start(env=old_kernel(lacks))
        t.check("lacks %s; the rest is confined" % word in portal.log() and
                portal.logged("confine.partial"), lacks, portal.log())
        t.check(not portal.logged("confine.failed"), "once", portal.log())
        t.equal(portal.log().count("confine.partial"), 1, "once")
        status = status_of(children(portal)[0])
        t.equal((status["Seccomp"], status["NoNewPrivs"],
                 int(status["CapBnd"], 16)), (seccomp, "1", 0), lacks)
        for call, wanted in ((("open", b"/etc/passwd", 0, 0), file),
                             (("socket", socket.AF_INET, socket.SOCK_RAW, 255),
                              raw)):
            got = attempt(portal, *call)
            # Without capabilities, no raw socket either.
            t.check(got == wanted if wanted else isinstance(got, int) or
                    call[0] == "socket", "%s: %s" % (lacks, call[0]), got)
        t.status(Client(portal).login("heron").get("/api/profile"), 200,
                 "it serves")


def test_kernel_without_what_is_required(t):
    for lacks in ("landlock", "landlock disabled", "seccomp"):
        whole = start("require")
        env = {**os.environ, **old_kernel(lacks)}
        socket_path = os.path.join(whole.short, "other")
        ended = subprocess.run(
            [harness.PORTICO, "serve", "--config", whole.config, "--socket",
             socket_path], env=env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=harness.PATIENCE)
        t.equal(ended.returncode, 1, lacks + ": it does not start")
        t.check("nothing is served" in ended.stderr and
                "pool.ready" not in ended.stderr, "and says why",
                ended.stderr)
        t.check(not os.path.exists(socket_path), "no socket")


# --- Files that are replaced ----------------------------------------------------

def portal_with_etc(etc):
    """A portal for which a folder of ours is /etc."""
    program, wrapper = harness.PORTICO, os.path.join(sandbox.folder, "in-etc")
    with open(wrapper, "w") as f:
        f.write("#!/bin/sh\nexec unshare -m sh -c 'mount --bind \"%s\" /etc && "
                "exec \"$0\" \"$@\"' \"%s\" \"$@\"\n" % (etc, program))
    os.chmod(wrapper, 0o755)
    harness.PORTICO = wrapper
    try:
        return start()
    finally:
        harness.PORTICO = program


def test_replaced_file(t):
    """A new /etc/resolv.conf is none that the worker may read: another worker
    takes over."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        print("confine_test: no mount namespaces: replaced files not tried")
        return
    etc = os.path.join(sandbox.folder, "etc")
    shutil.copytree("/etc", etc, symlinks=True, ignore=lambda folder, names: [
        n for n in names if folder == "/etc" and n not in
        ("resolv.conf", "hosts", "nsswitch.conf", "ssl", "localtime",
         "ld.so.cache", "passwd", "group")])
    resolv = os.path.join(etc, "resolv.conf")
    portal = portal_with_etc(etc)
    first = children(portal)[0]
    open_it = ("open", b"/etc/resolv.conf", 0, 0)
    t.check(isinstance(attempt(portal, *open_it), int), "it may be read")
    Client(portal).login("heron")
    t.equal(children(portal), [first], "the same worker: nothing has changed")
    with open(resolv + ".new", "w") as f:
        f.write("nameserver 127.0.0.1\n")
    os.rename(resolv + ".new", resolv)
    t.equal(attempt(portal, *open_it), "EACCES", "the new one may not")
    t.status(Client(portal).get("/api/login"), 200, "the request is served")
    wait_for("another worker", lambda: children(portal) not in
             ([], [first]) and portal.logged("worker.retired"))
    t.check("/etc/resolv.conf was replaced" in portal.log(), portal.log())
    Client(portal).login("heron")
    second = children(portal)
    t.check(isinstance(attempt(portal, *open_it), int),
            "the next worker may read it")
    Client(portal).login("heron")
    t.equal(children(portal), second, "and stays")


def readelf(*options):
    return subprocess.run(["readelf", "-W", *options, harness.PORTICO],
                          check=True, capture_output=True, text=True).stdout


def test_built_file(t):
    t.check("DYN (Position-Independent" in readelf("-h"), "PIE")
    segments = readelf("-l")
    t.check("GNU_RELRO" in segments, "RELRO")
    stack = [line for line in segments.splitlines() if "GNU_STACK" in line]
    t.check(len(stack) == 1 and "RWE" not in stack[0]
            and " RW " in stack[0], "no executable stack: %s" % stack)
    loads = [line for line in segments.splitlines() if "LOAD" in line]
    t.check(loads and not any("RWE" in line for line in loads),
            "nothing is both written and executed")
    dynamic = readelf("-d")
    t.check("BIND_NOW" in dynamic or "NOW" in dynamic, "full RELRO")
    t.check("TEXTREL" not in dynamic and "RPATH" not in dynamic
            and "RUNPATH" not in dynamic, "no text relocations, no rpath")
    symbols = readelf("--dyn-syms")
    t.check("__stack_chk_fail" in symbols, "stack canaries")
    t.check("__memcpy_chk" in symbols or "__snprintf_chk" in symbols
            or "__vsnprintf_chk" in symbols, "FORTIFY")


if __name__ == "__main__":
    if platform.machine() != "x86_64" or os.geteuid() != 0:
        print("confine_test: needs x86-64 and root to trace: built file only")
        for name in [n for n in globals()
                     if n.startswith("test_") and n != "test_built_file"]:
            del globals()[name]
    harness.main(globals())
