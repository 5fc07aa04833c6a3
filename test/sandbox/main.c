/* main.c: the sandbox, a simulated VCS for the demo, the tests, the bench. */
#include "sandbox.h"
#include "gateways.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* No secret: it is in this file. Case counts. */
#define SIGNATURE_16 "0123456789abcdefFEDCBA9876543210"

struct options options = {
    .port = 3080,
    .dir = "build/sandbox",
    .idle = 1440,
    .token = "0123456789abcdef0123456789abcdef",
    .login = "portal-api",
    .password = "portal-api-demo",
    .paypal_client = "sandbox-paypal-client",
    .paypal_secret = "sandbox-paypal-secret",
    .paypal_hook = "",
    .paypal_webhook_id = "WH-SANDBOX-1",
    .paypal_token_life = 32400,
    .anet_login = "sbLogin01",
    .anet_key = "sbTransKey000001",
    .anet_signature = SIGNATURE_16 SIGNATURE_16 SIGNATURE_16 SIGNATURE_16,
    .anet_hook = "",
    .anet_currency = "USD",
};

static const char help[] =
    "sandbox: a simulated VCS on 127.0.0.1\n"
    "\n"
    "  --port N        the Core API's port (3080); Management API and files\n"
    "                  over HTTPS on N+1, PayPal on N+2, Authorize.Net on "
    "N+3,\n"
    "                  control on N+4, mail (SMTP) on N+5\n"
    "  --dir DIR       its database, CA (ca.pem) and certificate\n"
    "                  (build/sandbox)\n"
    "  --now EPOCH     a clock that stands still\n"
    "  --small         a whale of 20,000 xDRs and 12,000 rates\n"
    "  --rates N       of the whale (200,000; 1,000 to 1,000,000)\n"
    "  --idle SECONDS  a Management session's life without a call (1440)\n"
    "  --token TOKEN   of the Core API\n"
    "  --login NAME, --password WORD   of the Management API\n"
    "  --paypal-client ID, --paypal-secret SECRET\n"
    "  --paypal-web URL         where a payer's browser finds N+2\n"
    "                           (http://localhost:N+2)\n"
    "  --paypal-webhook-id ID   (WH-SANDBOX-1)\n"
    "  --paypal-hook URL        where its webhooks go (nowhere)\n"
    "  --paypal-cert-url-base URL  where a webhook's certificate is said to\n"
    "                           be (https://localhost:N+1)\n"
    "  --paypal-token-life SECONDS  (32400)\n"
    "  --anet-login NAME, --anet-key KEY, --anet-signature KEY\n"
    "  --anet-hook URL          where its webhooks go (nowhere)\n"
    "  --anet-currency CODE     of the merchant's account (USD)\n"
    "  --help\n";

static const struct option names[] = {{"port", required_argument, NULL, 'p'},
    {"dir", required_argument, NULL, 'd'},
    {"now", required_argument, NULL, 'n'}, {"small", no_argument, NULL, 's'},
    {"rates", required_argument, NULL, 'r'},
    {"idle", required_argument, NULL, 'i'},
    {"paypal-token-life", required_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},
    /* These are texts. */
    {"token", required_argument, NULL, 0},
    {"login", required_argument, NULL, 1},
    {"password", required_argument, NULL, 2},
    {"paypal-client", required_argument, NULL, 3},
    {"paypal-secret", required_argument, NULL, 4},
    {"paypal-web", required_argument, NULL, 5},
    {"paypal-webhook-id", required_argument, NULL, 6},
    {"paypal-hook", required_argument, NULL, 7},
    {"paypal-cert-url-base", required_argument, NULL, 8},
    {"anet-login", required_argument, NULL, 9},
    {"anet-key", required_argument, NULL, 10},
    {"anet-signature", required_argument, NULL, 11},
    {"anet-hook", required_argument, NULL, 12},
    {"anet-currency", required_argument, NULL, 13}, {0}};

static const char **const texts[] = {&options.token, &options.login,
    &options.password, &options.paypal_client, &options.paypal_secret,
    &options.paypal_web, &options.paypal_webhook_id, &options.paypal_hook,
    &options.paypal_cert_base, &options.anet_login, &options.anet_key,
    &options.anet_signature, &options.anet_hook, &options.anet_currency};

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
		case 'r':
			options.rates = (int)number(optarg, 1000, 1000000);
			break;
		case 'i':
			options.idle = (int)number(optarg, 1, 1000000);
			break;
		case 'e':
			options.paypal_token_life =
			    (int)number(optarg, 0, 1000000);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			if ((size_t)c >= sizeof(texts) / sizeof(texts[0]))
				exit(2);
			*texts[c] = optarg;
		}
	if (optind < argc) {
		fprintf(stderr, "sandbox: %s: unknown\n", argv[optind]);
		exit(2);
	}
}

/* What follows from the port, unless it was said. */
static bool finish_options(void)
{
	static char web[64], base[64];

	snprintf(web, sizeof(web), "http://localhost:%d", options.port + 2);
	snprintf(base, sizeof(base), "https://localhost:%d", options.port + 1);
	if (!options.paypal_web)
		options.paypal_web = web;
	if (!options.paypal_cert_base)
		options.paypal_cert_base = base;
	if (strlen(options.anet_signature) != 128)
		fprintf(stderr, "sandbox: --anet-signature: 128 digits\n");
	else if (!hook_set(PAYPAL, options.paypal_hook) ||
		 !hook_set(ANET, options.anet_hook))
		fprintf(stderr, "sandbox: a hook is http://127.0.0.1:PORT/"
				" or on localhost\n");
	else
		return true;
	return false;
}

static bool start(void)
{
	if (!http_start())
		return false;
	if (smtp_start()) {
		if (hook_start())
			return true;
		smtp_stop();
	}
	http_stop();
	return false;
}

static void stop(void)
{
	hook_stop();
	smtp_stop();
	http_stop();
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
	if (!finish_options())
		return 2;
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
	if (start()) {
		printf("sandbox: ready core=http://127.0.0.1:%d"
		       " management=https://127.0.0.1:%d/jsonrpc/"
		       " control=http://127.0.0.1:%d"
		       " paypal=http://127.0.0.1:%d anet=http://127.0.0.1:%d"
		       " smtp=127.0.0.1:%d\n",
		    options.port, options.port + 1, options.port + 4,
		    options.port + 2, options.port + 3, options.port + 5);
		fflush(stdout);
		sigwait(&set, &signal_number);
		stop();
		status = 0;
	}
out:
	requests_clear();
	cache_clear();
	db_close();
	clock_stop();
	tls_free();
	return status;
}
