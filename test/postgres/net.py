"""net.py: network namespaces on one switch, so that a test has several hosts
whose cables it can pull. Needs root. This machine is at .1 of the switch, and
has a few addresses more, as so many customers.
"""
import atexit
import contextlib
import ctypes
import os
import socket
import subprocess
import threading

NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def ip(*words, check=True):
    return subprocess.run(("ip",) + words, check=check, timeout=60,
                          capture_output=not check).returncode == 0


def why_not():
    """What keeps this machine from having them; None: nothing."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    name = "portico-try-%d" % os.getpid()
    for words in (("netns", "add", name),
                  ("link", "add", "ptt%d" % os.getpid(), "type", "bridge")):
        if not ip(*words, check=False):
            return "'ip %s' is refused here" % " ".join(words)
    ip("link", "del", "ptt%d" % os.getpid())
    ip("netns", "del", name)
    return None


class Net:
    def __init__(self, *names, customers=8):
        pid = os.getpid()
        self.switch = "ptb%d" % pid
        self.prefix = "10.214.%d." % (pid % 250)
        self.names = names
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        atexit.register(self.end)
        ip("link", "add", self.switch, "type", "bridge")
        ip("link", "set", self.switch, "up")
        for last in range(1, 1 + customers):
            ip("addr", "add", "%s%d/24" % (self.prefix, last), "dev",
               self.switch)
        for name in names:
            space, cable = self.space(name), self.cable(name)
            ip("netns", "add", space)
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0",
               "netns", space)
            ip("link", "set", cable, "master", self.switch, "up")
            ip("-n", space, "addr", "add", self.address(name) + "/24", "dev",
               "eth0")
            for link in ("eth0", "lo"):
                ip("-n", space, "link", "set", link, "up")

    def space(self, name):
        return "portico-%d-%s" % (os.getpid(), name)

    def cable(self, name):
        return "pt%d%s" % (os.getpid(), name)

    def address(self, name):
        return "%s%d" % (self.prefix, 100 + self.names.index(name))

    def customer(self, number):
        return "%s%d" % (self.prefix, 1 + number)

    def cut(self, name):
        """As by a dead switch: nothing is refused, nothing answers."""
        ip("link", "set", self.cable(name), "down")

    def join(self, name):
        ip("link", "set", self.cable(name), "up")

    def part(self, one, other):
        """These two, in the dark to one another alone."""
        for here, there in ((one, other), (other, one)):
            ip("-n", self.space(here), "route", "add", "blackhole",
               self.address(there) + "/32")

    def meet(self, one, other):
        for here, there in ((one, other), (other, one)):
            ip("-n", self.space(here), "route", "del", "blackhole",
               self.address(there) + "/32", check=False)

    @contextlib.contextmanager
    def inside(self, name):
        """What this thread starts, or listens on, is in that namespace."""
        to = os.open("/run/netns/" + self.space(name), os.O_RDONLY)
        try:
            enter(to)
            yield
        finally:
            enter(self.home)
            os.close(to)

    def end(self):
        for name in self.names:
            ip("link", "del", self.cable(name), check=False)
            ip("netns", "del", self.space(name), check=False)
        ip("link", "del", self.switch, check=False)
        self.names = ()


def enter(space):
    if _libc.setns(space, NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Relay:
    """This machine's ports, as 127.0.0.1 of a namespace: the simulated billing
    system has no other address."""

    def __init__(self, net, name, ports):
        for port in ports:
            with net.inside(name):
                listener = socket.create_server(("127.0.0.1", port),
                                                backlog=128)
            start(self.serve, listener, port)

    def serve(self, listener, port):
        while True:
            caller, _ = listener.accept()
            try:
                called = socket.create_connection(("127.0.0.1", port))
            except OSError:
                caller.close()  # as if it had been refused
                continue
            start(pump, caller, called)
            start(pump, called, caller)


def start(what, *args):
    threading.Thread(target=what, args=args, daemon=True).start()


def pump(from_, to):
    try:
        while True:
            data = from_.recv(65536)
            if not data:
                break
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (from_, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
