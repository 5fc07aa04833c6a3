/* confine.c: files by Landlock, capabilities, core dumps; and what the log
 * says of it all. */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/brand.h"
#include "tools/db.h"

/* Later than the headers of Debian 12. */
#define FS_TRUNCATE  (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)

#define FILE_READ   (LANDLOCK_ACCESS_FS_READ_FILE)
#define FILE_WRITE  (FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define FOLDER_READ (FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define FOLDER_WRITE                                                           \
	(FOLDER_READ | FILE_WRITE | LANDLOCK_ACCESS_FS_MAKE_REG |              \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* Made anew by whoever changes them (a rename), and a rule holds for the file
 * that was there: confine_is_stale() tells. */
static const char *const replaced[] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
};

enum { N_REPLACED = sizeof(replaced) / sizeof(replaced[0]) };

static const char *const read_only[] = {"/etc/ssl", "/etc/gnutls",
    "/etc/ld.so.cache", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib",
    "/lib64", "/usr/share/zoneinfo", "/usr/share/icu",
    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
    "/etc/ca-certificates", "/run/systemd/resolve", "/run/nscd", "/proc/self",
    "/sys/devices/system/cpu", "/dev/urandom", "/dev/random"};

static const char *const temporary[] = {
    "/tmp", "/var/tmp", "/dev/null"}; /* SQLite prefers /var/tmp */

static struct stat seen[N_REPLACED];

/* --- Files --------------------------------------------------------------- */

static int landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
}

/* All rights that this kernel knows how to take. */
static uint64_t known_rights(int version)
{
	/* Of version 1: execute to make_sym. */
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (version >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		rights |= FS_TRUNCATE;
	if (version >= 5)
		rights |= FS_IOCTL_DEV;
	return rights;
}

struct rules {
	int fd;
	uint64_t known;
};

/* What is not there needs no rule. */
static void allow(const struct rules *r, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {0};
	struct stat st;

	if (!path || path[0] != '/')
		return;
	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rights &= FILE_WRITE;
	rule.allowed_access = rights & r->known;
	if (syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH,
		&rule, 0) < 0)
		log_warn("confine.failed", "%s: %s", path, strerror(errno));
	close(rule.parent_fd);
}

static void allow_folder_of(
    const struct rules *r, const char *path, uint64_t rights)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	struct mem *m;

	if (!slash || slash == path)
		return;
	m = mem_open(0);
	allow(r, mem_text_n(m, path, (size_t)(slash - path)), rights);
	mem_close(m);
}

static void allow_brand(const struct rules *r, const struct brand *b)
{
	struct mem *m = mem_open(0);
	struct db_path *store = NULL;
	size_t n = db_paths(m, b->conf->store.uri, &store);

	allow_folder_of(r, b->conf->path, FOLDER_READ);
	allow(r, b->conf->management_api.ca_file, FILE_READ);
	allow(r, b->conf->paypal.cert_ca_file, FILE_READ);
	for (size_t i = 0; i < n; i++)
		allow(r, store[i].path,
		    store[i].folder ? FOLDER_WRITE : FILE_READ);
	mem_close(m);
}

static void allow_all(const struct rules *r, const struct site *site)
{
	allow(r, site->share, FOLDER_READ);
	for (size_t i = 0; i < site->n_brands; i++)
		allow_brand(r, &site->brands[i]);
	for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++)
		allow(r, read_only[i], FOLDER_READ);
	for (size_t i = 0; i < N_REPLACED; i++) {
		allow(r, replaced[i], FILE_READ);
		if (stat(replaced[i], &seen[i]) != 0)
			seen[i] = (struct stat){0};
	}
	for (size_t i = 0; i < sizeof(temporary) / sizeof(temporary[0]); i++)
		allow(r, temporary[i], FOLDER_WRITE);
	allow(r, getenv("TMPDIR"), FOLDER_WRITE);
	allow(r, getenv("SQLITE_TMPDIR"), FOLDER_WRITE);
#ifdef PORTICO_CRASH_POINTS
	allow_folder_of(r, getenv("PORTICO_CRASH_AT"), FOLDER_WRITE);
#endif
}

static int confine_files(const struct site *site)
{
	int version = landlock_version(), e = 0;
	struct landlock_ruleset_attr attr = {
	    .handled_access_fs = known_rights(version)};
	struct rules r = {.known = attr.handled_access_fs};

	if (version < 1)
		return ENOSYS;
	r.fd =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (r.fd < 0)
		return errno;
	allow_all(&r, site);
	if (syscall(SYS_landlock_restrict_self, r.fd, 0) < 0)
		e = errno;
	close(r.fd);
	return e;
}

bool confine_is_stale(void)
{
	struct stat now;

	for (size_t i = 0; i < N_REPLACED; i++)
		if (seen[i].st_ino && stat(replaced[i], &now) == 0 &&
		    (now.st_ino != seen[i].st_ino ||
			now.st_dev != seen[i].st_dev)) {
			log_info(
			    "worker.retired", "%s was replaced", replaced[i]);
			return true;
		}
	return false;
}

/* --- Privileges ---------------------------------------------------------- */

static void drop_privileges(void)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0}, have[2] = {0};
	const struct rlimit no_core = {0};

	setrlimit(RLIMIT_CORE, &no_core);
	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* root's alone */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* systemd's own filter ends who sets what it has taken already. */
	if (syscall(SYS_capget, &head, have) == 0 && !have[0].permitted &&
	    !have[1].permitted && !have[0].inheritable && !have[1].inheritable)
		return;
	if (syscall(SYS_capset, &head, none) < 0)
		log_warn("confine.failed", "capabilities: %s", strerror(errno));
}

/* --- All of it ----------------------------------------------------------- */

static const char *wish(struct site *site)
{
	const struct brand *b = site_find(site, "default");

	return (b ? b : &site->brands[0])->conf->pool.confine;
}

bool confine_tell(struct site *site)
{
	int version = landlock_version();
	bool calls = confine_has_calls();
	bool required = !strcmp(wish(site), "require");
	const char *lacks = calls	  ? "Landlock"
			    : version > 0 ? "seccomp"
					  : "seccomp and Landlock";

	if (!strcmp(wish(site), "off")) {
		log_info("confine.off", "pool.confine is \"off\"");
		return true;
	}
	if (version > 0 && calls) {
		log_info("confine.on",
		    "system calls by seccomp, files by Landlock %d", version);
		return true;
	}
	if (required)
		log_error("confine.partial",
		    "this kernel lacks %s, and pool.confine is \"require\": "
		    "nothing is served",
		    lacks);
	else
		log_warn("confine.partial",
		    "this kernel lacks %s; the rest is confined", lacks);
	return !required;
}

/* What this kernel cannot is told once, by confine_tell(). */
static bool is_done(const char *what, int e, bool can, bool required)
{
	if (!e || (!can && !required))
		return true;
	log_error("confine.failed", "%s: %s", what, strerror(e));
	return !required;
}

bool confine_self(struct site *site)
{
	bool required = !strcmp(wish(site), "require"), done;

	if (!strcmp(wish(site), "off"))
		return true;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return is_done("no_new_privs", errno, true, required);
	drop_privileges();
	done = is_done(
	    "Landlock", confine_files(site), landlock_version() > 0, required);
	return is_done(
		   "seccomp", confine_calls(), confine_has_calls(), required) &&
	       done;
}
