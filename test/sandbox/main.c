/* main.c: the sandbox, a simulated VCS for the demo, the tests, the bench. */
#include "sandbox.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct options options = {
    .port = 3080,
    .dir = "build/sandbox",
    .idle = 1440,
    .token = "0123456789abcdef0123456789abcdef",
    .login = "portal-api",
    .password = "portal-api-demo",
};

static const char help[] =
    "sandbox: a simulated VCS on 127.0.0.1\n"
    "\n"
    "  --port N        the Core API's port (3080); Management API and files\n"
    "                  over HTTPS on N+1, control on N+4\n"
    "  --dir DIR       its database, CA (ca.pem) and certificate\n"
    "                  (build/sandbox)\n"
    "  --now EPOCH     a clock that stands still\n"
    "  --small         a whale of 20,000 xDRs and 12,000 rates\n"
    "  --idle SECONDS  a Management session's life without a call (1440)\n"
    "  --token TOKEN   of the Core API\n"
    "  --login NAME, --password WORD   of the Management API\n"
    "  --help\n";

static const struct option names[] = {{"port", required_argument, NULL, 'p'},
    {"dir", required_argument, NULL, 'd'},
    {"now", required_argument, NULL, 'n'}, {"small", no_argument, NULL, 's'},
    {"idle", required_argument, NULL, 'i'},
    {"token", required_argument, NULL, 't'},
    {"login", required_argument, NULL, 'l'},
    {"password", required_argument, NULL, 'w'},
    {"help", no_argument, NULL, 'h'}, {0}};

static int64_t number(const char *text, int64_t least, int64_t most)
{
	char *end;
	long long value = strtoll(text, &end, 10);

	if (*text && !*end && value >= least && value <= most)
		return value;
	fprintf(stderr, "sandbox: %s: not a number from %lld to %lld\n", text,
	    (long long)least, (long long)most);
	exit(2);
}

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'p':
			options.port = (int)number(optarg, 1, 65530);
			break;
		case 'd':
			options.dir = optarg;
			break;
		case 'n':
			options.now = number(optarg, 1, INT64_C(4102444800));
			break;
		case 's':
			options.small = true;
			break;
		case 'i':
			options.idle = (int)number(optarg, 1, 1000000);
			break;
		case 't':
			options.token = optarg;
			break;
		case 'l':
			options.login = optarg;
			break;
		case 'w':
			options.password = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			exit(2);
		}
	if (optind < argc) {
		fprintf(stderr, "sandbox: %s: unknown\n", argv[optind]);
		exit(2);
	}
}

static void make_dir(const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s", dir);
	for (char *at = path + 1; *at; at++)
		if (*at == '/') {
			*at = '\0';
			mkdir(path, 0777);
			*at = '/';
		}
	mkdir(path, 0777);
}

int main(int argc, char **argv)
{
	int signal_number = 0, status = 1;
	sigset_t set;

	read_options(argc, argv);
	setenv("TZ", "UTC", 1);
	tzset();
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	clock_start();
	make_dir(options.dir);
	if (!tls_prepare() || !db_open())
		goto out;
	/* Before any thread, so that all of them leave these to us. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (http_start()) {
		printf("sandbox: ready core=http://127.0.0.1:%d"
		       " management=https://127.0.0.1:%d/jsonrpc/"
		       " control=http://127.0.0.1:%d\n",
		    options.port, options.port + 1, options.port + 4);
		fflush(stdout);
		sigwait(&set, &signal_number);
		http_stop();
		status = 0;
	}
out:
	cache_clear();
	db_close();
	clock_stop();
	tls_free();
	return status;
}
