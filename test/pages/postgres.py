"""postgres.py: a PostgreSQL server for tests: Debian's programs, a cluster of
its own in a folder that is made and removed, on a Unix socket and a port of the
loopback address. PostgreSQL does not run as root, so that root lends it the
user "postgres".
"""
import atexit
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE = 60


def programs():
    """The folder of the newest server that is installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"),
                   key=lambda path: int(path.split("/")[4]))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed")
    return os.path.dirname(found[-1])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Postgres:
    def __init__(self, tls=False, **settings):
        self.folder = tempfile.mkdtemp(prefix="portico-pg-")
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        self.port = free_port()
        self.bin = programs()
        self.process = None
        atexit.register(self.end)  # however a test ends
        self.user = {}
        if os.geteuid() == 0:
            who = pwd.getpwnam("postgres")
            os.chown(self.folder, who.pw_uid, who.pw_gid)
            self.user = {"user": who.pw_uid, "group": who.pw_gid,
                         "extra_groups": []}
        os.chmod(self.folder, 0o755)
        self.call("initdb", "-D", self.data, "-U", "portico", "-A", "trust",
                  "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
                  "--no-instructions")
        self.settings = {
            "listen_addresses": "127.0.0.1", "port": self.port,
            "unix_socket_directories": self.folder, "fsync": "off",
            "max_connections": 200, "shared_buffers": "32MB",
            "log_min_messages": "warning", **settings}
        if tls:
            self.make_certificate()
        self.start()
        self.sql("create database portico", database="postgres")

    def call(self, program, *arguments, data=None):
        done = subprocess.run(
            [os.path.join(self.bin, program), *arguments], cwd="/",
            capture_output=True, text=True, input=data, timeout=PATIENCE,
            check=False, **self.user)
        if done.returncode:
            raise AssertionError("%s: %s" % (program, done.stderr))
        return done.stdout

    def make_certificate(self):
        """Its own authority; for the loopback address."""
        key, cert = self.folder + "/key.pem", self.folder + "/cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=test",
             "-addext", "subjectAltName=IP:127.0.0.1"], cwd="/", check=True,
            capture_output=True, timeout=PATIENCE, **self.user)
        os.chmod(key, 0o600)
        self.settings.update(ssl="on", ssl_cert_file=cert, ssl_key_file=key)

    def start(self):
        options = []
        for name, value in self.settings.items():
            options += ["-c", "%s=%s" % (name, value)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(self.bin, "postgres"), "-D", self.data,
                 *options], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd="/", **self.user)
        end = time.monotonic() + PATIENCE
        while subprocess.run(
                [os.path.join(self.bin, "pg_isready"), "-q", "-h",
                 self.folder, "-p", str(self.port)], check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("PostgreSQL: " + self.log())
            time.sleep(0.02)

    def stop(self, how=signal.SIGINT):
        """SIGINT ends all sessions; SIGQUIT is a crash."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)

    def restart(self, how=signal.SIGINT):
        self.stop(how)
        self.start()

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def end(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def uri(self, schema=None, tcp=False, database="portico"):
        base = ("postgresql://portico@127.0.0.1:%d/%s?sslmode=disable" % (
                    self.port, database) if tcp else
                "postgresql://portico@/%s?host=%s&port=%d" % (
                    database, self.folder, self.port))
        return base + ("&options=-csearch_path%%3D%s" % schema
                       if schema else "")

    def sql(self, text, schema=None, database="portico"):
        """The rows of a statement, as tuples of texts (None: NULL)."""
        out = self.call("psql", "-XqAt", "-v", "ON_ERROR_STOP=1",
                        "-F", "\x1f", "-R", "\x1e", "-P", "null=\x1d",
                        "-d", self.uri(schema, database=database),
                        "-f", "-", data=text)
        rows = out.removesuffix("\n").split("\x1e") if out else []
        return [tuple(None if cell == "\x1d" else cell
                      for cell in row.split("\x1f")) for row in rows]
