/* confine_calls.c: the filter of system calls.
 *
 * A list of what is refused, not of what is allowed: glibc, libcurl, GnuTLS
 * and SQLite are free to change the calls that they make, and an upgrade of
 * one shall not stop the portal. Landlock guards the files. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "confine.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { SOCKET_KIND = 0xf }; /* SOCK_CLOEXEC and SOCK_NONBLOCK aside */

/* LeakSanitizer and the symboliser need these. */
static const int of_sanitizers[] = {
    SCMP_SYS(execve),
    SCMP_SYS(ptrace),
};

/* No library of ours has a use for these: who makes one is not us. */
static const int deadly[] = {
    SCMP_SYS(execveat),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
};

/* Tried by libraries now and then, who do without. */
static const int refused[] = {
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(unshare),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(personality),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(syslog),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
};

static void refuse(
    scmp_filter_ctx f, uint32_t how, const int *calls, size_t n, int *failed)
{
	for (size_t i = 0; i < n; i++) {
		int e = seccomp_rule_add(f, how, calls[i], 0);

		if (e < 0)
			*failed = -e;
	}
}

/* libseccomp's own macros leave a field out, which clang warns of. */
static struct scmp_arg_cmp when(
    unsigned int arg, enum scmp_compare op, scmp_datum_t a, scmp_datum_t b)
{
	return (struct scmp_arg_cmp){arg, op, a, b};
}

static void refuse_if(
    scmp_filter_ctx f, int call, struct scmp_arg_cmp arg, int *failed)
{
	int e = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EPERM), call, 1, &arg);

	if (e < 0)
		*failed = -e;
}

/* TCP, UDP and Unix alone. glibc's name look-ups ask netlink which addresses
 * the host has, and take both kinds for there if they must not. */
static void refuse_sockets(scmp_filter_ctx f, int *failed)
{
	const int call = SCMP_SYS(socket);

	for (scmp_datum_t family = 0; family <= AF_INET6; family++)
		if (family != AF_UNIX && family != AF_INET &&
		    family != AF_INET6)
			refuse_if(
			    f, call, when(0, SCMP_CMP_EQ, family, 0), failed);
	refuse_if(f, call, when(0, SCMP_CMP_GT, AF_INET6, 0), failed);
	for (scmp_datum_t kind = 0; kind <= SOCKET_KIND; kind++)
		if (kind != SOCK_STREAM && kind != SOCK_DGRAM)
			refuse_if(f, call,
			    when(1, SCMP_CMP_MASKED_EQ, SOCKET_KIND, kind),
			    failed);
}

/* A signal may go to this process only: abort() sends one. */
static void refuse_signals(scmp_filter_ctx f, int *failed)
{
	static const int calls[] = {SCMP_SYS(kill), SCMP_SYS(tgkill),
	    SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo)};

	for (size_t i = 0; i < COUNT(calls); i++)
		refuse_if(f, calls[i],
		    when(0, SCMP_CMP_NE, (scmp_datum_t)getpid(), 0), failed);
}

/* Threads, which libcurl looks names up with, and no processes. What clone3
 * is asked for cannot be seen from here; without it glibc takes clone. */
static void refuse_processes(scmp_filter_ctx f, int *failed)
{
	static const int calls[] = {SCMP_SYS(fork), SCMP_SYS(vfork)};
	int e =
	    seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (e < 0)
		*failed = -e;
	refuse(f, SCMP_ACT_ERRNO(EPERM), calls, COUNT(calls), failed);
	refuse_if(f, SCMP_SYS(clone),
	    when(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0), failed);
}

bool confine_has_calls(void)
{
	/* EFAULT: the kernel went on to look at the filter. */
	return prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, NULL) < 0 &&
	       errno == EFAULT;
}

int confine_calls(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int failed = 0, e;

	if (!f)
		return ENOMEM;
	/* A tree of calls, not a list: each costs a few steps. */
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	refuse(f, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly), &failed);
	refuse(f, SCMP_ACT_ERRNO(EPERM), refused, COUNT(refused), &failed);
	refuse_sockets(f, &failed);
	refuse_signals(f, &failed);
#ifdef UNDER_ASAN
	(void)of_sanitizers;
	(void)refuse_processes;
#else
	refuse(f, SCMP_ACT_KILL_PROCESS, of_sanitizers, COUNT(of_sanitizers),
	    &failed);
	refuse_processes(f, &failed);
	prctl(PR_SET_DUMPABLE, 0);
	refuse_if(f, SCMP_SYS(prctl), when(0, SCMP_CMP_EQ, PR_SET_DUMPABLE, 0),
	    &failed);
#endif
	e = failed ? -failed : seccomp_load(f);
	seccomp_release(f);
	return -e;
}
