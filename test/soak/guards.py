"""guards.py: each promise of "When something fails" in docs/operations.md rests
on a line of the source. Here each is taken out, in a copy, and the row's test
must fail then.
"""
import collections
import pathlib
import re
import shutil
import subprocess

import harness

Guard = collections.namedtuple("Guard", "row path old new suite test")
DB, TRIP, STORE = ("fcgi/tools/db_sqlite.c", "fcgi/domain/vcs_trip.c",
                   "fault_store")
BUSY = "	case SQLITE_%s:\n"
EVERY = "test_every_operation"

GUARDS = [Guard(*row) for row in (
    ("clock-back", "fcgi/domain/session.c",
     "return session_clock() + INT64_C(60000000);", "return INT64_MAX;",
     STORE, "test_clock_back"),
    ("clock-back", "fcgi/domain/throttle.c",
     "if (until <= now || until > now + window_s * THROTTLE_GROWTH)",
     "if (until <= now || until > now + window_s)", STORE, "test_clock_back"),
    ("clock-forward", "fcgi/domain/session.c",
     "if (now >= s.expires || (idle_s > 0 && now - s.seen > idle_s))",
     "if (now < 0)", STORE, "test_clock_forward"),
    ("clock-forward", "fcgi/domain/throttle.c",
     "if (until <= now || until > now + window_s * THROTTLE_GROWTH)",
     "if (until <= now)", STORE, "test_clock_forward"),
    ("store-locked", DB, BUSY % "BUSY", "", STORE, "test_store_locked"),
    ("store-full", DB, BUSY % "FULL", "", STORE, "test_store_full"),
    ("store-read-only", "fcgi/pages/page_session.c",
     "	if (!c->db)\n		return ERR_BUSY;\n	err = session_find",
     "	if (!c->db)\n		return ERR_LOGIN;\n	err = session_find",
     STORE, "test_store_read_only"),
    ("store-gone", DB, "	if (d->damaged)\n		return false;\n	return ",
     "	if (d->damaged)\n		return false;\n	return d || ",
     STORE, "test_store_gone"),
    ("store-gone", "fcgi/domain/brand.c",
     "b->db = db_share(b->conf->store.uri);",
     "b->db = db_open(b->conf->store.uri);", STORE, "test_store_gone"),
    ("store-broken", DB, "d->damaged = true;", "d->damaged = false;", STORE,
     "test_store_broken"),
    ("tmp-full", "fcgi/tools/table_xlsx.c", "ERR_BUSY", "ERR_INTERNAL", STORE,
     "test_temporary_folder_full"),
    ("worker-killed", "nginx/snippets/portico-params.conf",
     "fastcgi_keep_conn on;", "", STORE, "test_worker_dies_in_its_answer"),
    ("worker-killed", "nginx/snippets/portico-errors.conf",
     "error_page 502         /portico-502;", "", STORE, "test_worker_killed"),
    ("worker-memory", "fcgi/base/mem.c",
     "if (m->limit && (size > m->limit || m->used > m->limit - size))",
     "if (m->limit && size > (SIZE_MAX >> 1))", STORE,
     "test_worker_out_of_memory"),
    ("portal-stopped", "nginx/snippets/portico-maps.conf",
     '    "-"     1;', '    "-"     0;', STORE, "test_portal_stopped"),
    ("vcs-foreign", TRIP, "	if (!foreign)\n		return;",
     "	if (!foreign || n)\n		return;", "fault", "test_foreign_rows"),
    ("vcs-foreign-client", TRIP,
     'fail(a, ERR_UPSTREAM, "the answer is somebody else\'s");', "",
     "fault", "test_foreign_rows"),
    ("vcs-nonsense", "fcgi/tools/rpc.c",
     "	at = find_id(id, r->post->n);\n	if (!at || r->answered[at - 1])\n",
     "	at = find_id(id, r->post->n);\n"
     "	for (size_t i = 1; !at && i <= r->post->n; i++)\n"
     "		at = r->answered[i - 1] ? 0 : i;\n"
     "	if (!at || r->answered[at - 1])\n", "fault", EVERY),
    ("vcs-nonsense", TRIP, ".max_bytes = (size_t)conf->limits.answer,",
     ".max_bytes = (size_t)conf->limits.answer << 6,", "fault", EVERY),
    ("vcs-nonsense", TRIP,
     'fail(a, ERR_UPSTREAM, "the answer is no list");', "", "fault", EVERY),
    ("vcs-down", TRIP, "	if (a->err)\n		return;\n	if (a->method",
     "	if (a->err == ERR_UPSTREAM) {\n		a->err = ERR_OK;\n"
     "		a->result = json_new_list(t->mem);\n	}\n	if (a->err)\n"
     "		return;\n	if (a->method", "fault", EVERY),
    ("vcs-late", "fcgi/tools/http.c",
     "	case CURLE_OPERATION_TIMEDOUT:\n		return ERR_LATE;\n", "",
     "fault", "test_every_operation_hangs"),
    ("vcs-late", TRIP, ".timeout_ms = (long)conf->core_api.deadline_ms,",
     ".timeout_ms = 90000,", "fault", "test_every_operation_hangs"),
    ("vcs-file", "fcgi/pages/page_export.c", "		reply_break(c->reply);\n",
     "", "export", ""),
    ("vcs-unconfirmed", "fcgi/pages/page.c",
     "return write ? ERR_BUSY : ERR_OK;", "return ERR_OK;", "account",
     "test_voucher_faults"),
    ("gateway-down", "fcgi/pages/page_payment.c",
     "return err == ERR_INTERNAL ? ERR_UPSTREAM : err;", "return ERR_OK;",
     "refill", "test_gateway_is_down"),
    ("vcs-section", "fcgi/pages/page_model.c",
     "	json_put(c->model, name, NULL);\n", "", "fault", "test_parts"),
    ("vcs-log-in", "fcgi/domain/throttle.c", "set count = count - 1 ",
     "set count = count ", "login", "test_away_is_no_failure"),
    ("vcs-write-lost", "fcgi/pages/profile.c",
     "if (err && is_saved(c, changes))", "if (err && !is_saved)", "account",
     "test_profile_faults"),
    ("vcs-write-lost", "fcgi/domain/voucher.c",
     '	if (v->err) {\n		put_row(t, "unknown", NULL);',
     "	if (v->err) {\n		drop_row(t);", "account", "test_voucher_faults"),
)]


def prepare(root, folder):
    """A copy of the source, and a build of it."""
    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for part in ("CMakeLists.txt", "fcgi", "test", "conf", "docs", "nginx",
                 "templates", "static"):
        subprocess.run(["cp", "-r", str(root / part), str(source)], check=True)
    share = folder / "build" / "share"
    share.mkdir(parents=True, exist_ok=True)
    for part, at in (("nginx", source), ("templates", source),
                     ("conf", source),
                     ("static", pathlib.Path(harness.BUILD) / "share")):
        if not (share / part).is_symlink():
            (share / part).symlink_to(at / part)
    compile_it(folder, "-S", str(source), "-B", str(folder / "build"), "-G",
               "Ninja", "-DCRASH_POINTS=ON")
    return source


def compile_it(folder, *configure):
    commands = [["cmake", *configure]] if configure else []
    for command in commands + [["ninja", "--quiet", "-C",
                                str(folder / "build"), "portico", "sandbox"]]:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def run(root, folder, guard):
    """What the test says: (checks passed, failed, the first failure)."""
    done = subprocess.run(
        ["timeout", "-s", "TERM", "300", "python3",
         "test/pages/%s_test.py" % guard.suite,
         *([guard.test] if guard.test else [])], cwd=str(folder / "source"),
        env={**harness.os.environ, "PORTICO_BUILD": str(folder / "build"),
             "PORTICO_BIN": str(folder / "build" / "portico"),
             "SANDBOX_BIN": str(folder / "build" / "sandbox")},
        capture_output=True, text=True, check=False)
    counts = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    first = re.search(r"^FAILED .*", done.stdout, re.M)
    passed, failed = map(int, counts.groups()) if counts else (0, 1)
    return passed, failed, first[0] if first else done.stderr[-300:]


def try_guard(root, folder, guard):
    """Whether the test is red without it."""
    path = folder / "source" / guard.path
    good = path.read_text()
    if good.count(guard.old) < 1:
        print("%s: %s: not there any more: %s" % (
            guard.row, guard.path, guard.old), flush=True)
        return False
    path.write_text(good.replace(guard.old, guard.new))
    try:
        compile_it(folder)
        _, failed, first = run(root, folder, guard)
    finally:
        path.write_text(good)
    print("%-18s %s: without '%s': %s" % (
        guard.row, guard.path, guard.old.strip()[:40].replace("\n", " "),
        "red: " + first[:160] if failed else "NOT SEEN by %s" % guard.suite),
        flush=True)
    return failed > 0


def try_all(root, folder, words=()):
    """(seen, not seen)"""
    prepare(root, folder)
    found = [try_guard(root, folder, guard) for guard in GUARDS
             if not words or guard.row in words]
    return found.count(True), found.count(False)
