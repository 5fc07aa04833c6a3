/* conf.c: the table of settings, and the loop that reads them. */
#include "base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"

enum type {
	TEXT,
	NAME,
	SECRET,
	URI,
	FOLDER,
	DECIMAL,
	CHOICE,
	NUMBER,
	FLAG,
	LIST
};

struct setting {
	const char *key;
	enum type type;
	size_t offset;
	int64_t min, max;    /* NUMBER: bounds; TEXT: min 1 = may not be "" */
	const char *choices; /* CHOICE: "a|b" */
};

#define AT(field) offsetof(struct conf, field)
#define KIB	  INT64_C(1024)
#define MIB	  (KIB * 1024)
#define DAY	  INT64_C(86400)

/* NAME and SECRET: the vendor's example values count as not set. */
static const struct setting settings[] = {
    {"coreApi.uri", URI, AT(core_api.uri), 1, 0, NULL},
    {"coreApi.authToken", SECRET, AT(core_api.auth_token), 0, 0, NULL},
    {"coreApi.profile", TEXT, AT(core_api.profile), 1, 0, NULL},
    {"coreApi.deadlineMs", NUMBER, AT(core_api.deadline_ms), 50, 60000, NULL},
    {"managementApi.uri", URI, AT(management_api.uri), 1, 0, NULL},
    {"managementApi.login", NAME, AT(management_api.login), 0, 0, NULL},
    {"managementApi.password", SECRET, AT(management_api.password), 0, 0, NULL},
    {"managementApi.caFile", TEXT, AT(management_api.ca_file), 0, 0, NULL},
    {"managementApi.serverName", TEXT, AT(management_api.server_name), 0, 0,
	NULL},
    {"managementApi.deadlineMs", NUMBER, AT(management_api.deadline_ms), 50,
	60000, NULL},
    {"vcs.hookSecret", SECRET, AT(vcs.hook_secret), 0, 0, NULL},
    {"billingUri", URI, AT(billing_uri), 1, 0, NULL},
    {"publicUri", URI, AT(public_uri), 0, 0, NULL},
    {"paypal.clientId", NAME, AT(paypal.client_id), 0, 0, NULL},
    {"paypal.clientSecret", SECRET, AT(paypal.client_secret), 0, 0, NULL},
    {"paypal.environment", CHOICE, AT(paypal.environment), 0, 0,
	"sandbox|live"},
    {"paypal.uri", URI, AT(paypal.uri), 0, 0, NULL},
    {"paypal.webUri", URI, AT(paypal.web_uri), 0, 0, NULL},
    {"paypal.certHosts", LIST, AT(paypal.cert_hosts), 0, 0, NULL},
    {"paypal.webhookId", TEXT, AT(paypal.webhook_id), 0, 0, NULL},
    {"paypal.verification", CHOICE, AT(paypal.verification), 0, 0,
	"offline|online"},
    {"paypal.certCaFile", TEXT, AT(paypal.cert_ca_file), 0, 0, NULL},
    {"paypal.merchantId", TEXT, AT(paypal.merchant_id), 0, 0, NULL},
    {"authorizenet.apiLoginId", NAME, AT(authorizenet.api_login_id), 0, 0,
	NULL},
    {"authorizenet.apiTransactionKey", SECRET,
	AT(authorizenet.api_transaction_key), 0, 0, NULL},
    {"authorizenet.apiSignatureKey", SECRET, AT(authorizenet.api_signature_key),
	0, 0, NULL},
    {"authorizenet.environment", CHOICE, AT(authorizenet.environment), 0, 0,
	"sandbox|live"},
    {"authorizenet.uri", URI, AT(authorizenet.uri), 0, 0, NULL},
    {"authorizenet.hostedUri", URI, AT(authorizenet.hosted_uri), 0, 0, NULL},
    {"refill.min", DECIMAL, AT(refill.min), 0, 0, NULL},
    {"refill.max", DECIMAL, AT(refill.max), 0, 0, NULL},
    {"refill.presets", LIST, AT(refill.presets), 0, 0, NULL},
    {"refill.gateways", LIST, AT(refill.gateways), 0, 0, NULL},
    {"payment.quietTime", NUMBER, AT(payment.quiet_time), 0, DAY, NULL},
    {"payment.deadlineMs", NUMBER, AT(payment.deadline_ms), 100, 60000, NULL},
    {"store.uri", TEXT, AT(store.uri), 1, 0, NULL},
    {"session.idle", NUMBER, AT(session.idle), 60, 30 * DAY, NULL},
    {"session.lifetime", NUMBER, AT(session.lifetime), 60, 90 * DAY, NULL},
    {"session.bearerLifetime", NUMBER, AT(session.bearer_lifetime), 60,
	90 * DAY, NULL},
    {"session.requireFactor", FLAG, AT(session.require_factor), 0, 0, NULL},
    {"session.factorKey", SECRET, AT(session.factor_key), 0, 0, NULL},
    {"locale", TEXT, AT(locale), 1, 0, NULL},
    {"locales", LIST, AT(locales), 0, 0, NULL},
    {"timeZone", TEXT, AT(time_zone), 1, 0, NULL},
    {"theme", FOLDER, AT(theme), 1, 0, NULL},
    {"title", TEXT, AT(title), 1, 0, NULL},
    {"smtp.uri", TEXT, AT(smtp.uri), 0, 0, NULL},
    {"smtp.login", NAME, AT(smtp.login), 0, 0, NULL},
    {"smtp.password", SECRET, AT(smtp.password), 0, 0, NULL},
    {"smtp.from", TEXT, AT(smtp.from), 0, 0, NULL},
    {"smtp.operator", TEXT, AT(smtp.operator), 0, 0, NULL},
    {"pool.workers", NUMBER, AT(pool.workers), 1, 512, NULL},
    {"pool.maxMemory", NUMBER, AT(pool.max_memory), 8 * MIB, 4096 * MIB, NULL},
    {"pool.maxRequests", NUMBER, AT(pool.max_requests), 0, INT32_MAX, NULL},
    {"pool.grace", NUMBER, AT(pool.grace), 1, 600, NULL},
    {"pool.confine", CHOICE, AT(pool.confine), 0, 0, "auto|off|require"},
    {"limits.body", NUMBER, AT(limits.body), KIB, 16 * MIB, NULL},
    {"limits.workerShare", NUMBER, AT(limits.worker_share), 1, 100, NULL},
    {"limits.requestMemory", NUMBER, AT(limits.request_memory), MIB, 1024 * MIB,
	NULL},
    {"limits.answer", NUMBER, AT(limits.answer), 64 * KIB, 256 * MIB, NULL},
    {"limits.loginPerName", NUMBER, AT(limits.login_per_name), 0, 100000, NULL},
    {"limits.loginPerAddress", NUMBER, AT(limits.login_per_address), 0, 100000,
	NULL},
    {"limits.loginPerNetwork", NUMBER, AT(limits.login_per_network), 0, 100000,
	NULL},
    {"limits.loginWindow", NUMBER, AT(limits.login_window), 1, DAY, NULL},
    {"limits.voucherPerHour", NUMBER, AT(limits.voucher_per_hour), 0, 100000,
	NULL},
    {"limits.resetPerHour", NUMBER, AT(limits.reset_per_hour), 0, 100000, NULL},
    {"limits.resetPerAddress", NUMBER, AT(limits.reset_per_address), 0, 100000,
	NULL},
    {"limits.personalPerHour", NUMBER, AT(limits.personal_per_hour), 0, 100000,
	NULL},
    {"limits.personalRows", NUMBER, AT(limits.personal_rows), 100, INT32_MAX,
	NULL},
    {"limits.tableRows", NUMBER, AT(limits.table_rows), 100, 1000000, NULL},
    {"limits.summaryRows", NUMBER, AT(limits.summary_rows), 100, 1000000, NULL},
    {"limits.exportFile", NUMBER, AT(limits.export_file), MIB, 4096 * MIB,
	NULL},
    {"limits.exports", NUMBER, AT(limits.exports), 0, 512, NULL},
    {"limits.exportTime", NUMBER, AT(limits.export_time), 1, DAY, NULL},
    {"limits.auditRows", NUMBER, AT(limits.audit_rows), 10, 10000, NULL},
    {"limits.auditDays", NUMBER, AT(limits.audit_days), 1, 3660, NULL},
    {"rates.refresh", NUMBER, AT(rates.refresh), 0, 30 * DAY, NULL},
    {"rates.least", NUMBER, AT(rates.least), 0, 1000000, NULL},
    {"rates.tableRows", NUMBER, AT(rates.table_rows), 0, 5000000, NULL},
    {"rates.rows", NUMBER, AT(rates.rows), 0, 100000000, NULL},
    {"rates.forget", NUMBER, AT(rates.forget), 3600, 90 * DAY, NULL},
    {"log.level", CHOICE, AT(log.level), 0, 0, "debug|info|warn|error"},
    {"log.json", FLAG, AT(log.json), 0, 0, NULL},
};

enum { N_SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/* One file being read. */
struct source {
	struct mem *mem;
	struct diag *diag;
	const char *path;
	const char *text;
	struct json_object *root;
	struct conf_list *secret_files;
};

const char *conf_key(size_t i)
{
	return i < N_SETTINGS ? settings[i].key : NULL;
}

char *conf_read_file(struct mem *m, const char *path, size_t *len)
{
	enum { MOST = 16 * 1024 * 1024 };
	FILE *f = fopen(path, "rbe");
	struct buf b;
	char piece[4096];
	size_t got;

	if (!f)
		return NULL;
	buf_open(&b, m, 4096);
	errno = 0;
	while ((got = fread(piece, 1, sizeof(piece), f)) > 0) {
		buf_add(&b, piece, got);
		if (b.len > MOST)
			break;
	}
	if (b.len > MOST)
		errno = EFBIG;
	got = b.len > MOST || ferror(f);
	fclose(f);
	if (len)
		*len = b.len;
	return got ? NULL : b.data;
}

static void complain(
    struct source *s, const char *key, const char *remedy, const char *what)
{
	char *where =
	    mem_print(s->mem, "%s:%d", s->path, json_find_line(s->text, key));

	diag_add(s->diag, where, remedy, "%s: %s", key, what);
}

/* False: it is not there. *value is NULL for JSON's null. */
static bool find_value(
    struct json_object *root, const char *key, struct json_object **value)
{
	struct json_object *at = root;
	char part[64];

	while (*key) {
		size_t len = strcspn(key, ".");

		snprintf(part, sizeof(part), "%.*s", (int)len, key);
		if (!json_has(at, part, &at))
			return false;
		key += len + (key[len] == '.');
	}
	*value = at;
	return true;
}

static bool is_setting(const char *key)
{
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (!strcmp(settings[i].key, key))
			return true;
	return false;
}

static bool is_group(const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < N_SETTINGS; i++)
		if (!strncmp(settings[i].key, key, len) &&
		    settings[i].key[len] == '.')
			return true;
	return false;
}

static void check_names(
    struct source *s, struct json_object *object, const char *prefix)
{
	json_each (object, name, value) {
		char *key = mem_print(s->mem, "%s%s", prefix, name);

		if (is_setting(key) && !strchr(name, '.'))
			continue;
		if (!is_group(key) || strchr(name, '.'))
			complain(s, key,
			    "take it out, or see customer-params.json.sample "
			    "for the names",
			    "unknown key");
		else if (json_is(value, JSON_OBJECT))
			check_names(s, value, mem_print(s->mem, "%s.", key));
		else
			complain(s, key, "write { ... }", "must be an object");
	}
}

/* "/run/credentials/UNIT/NAME": systemd shows each unit only its own folder,
 * whose settings may be shared with another unit's. */
static const char *find_credential(struct mem *m, const char *path)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	if (!folder || strncmp(path, "/run/credentials/", 17) != 0)
		return path;
	return mem_print(m, "%s%s", folder, strrchr(path, '/'));
}

static void add_secret_file(struct source *s, const char *path)
{
	struct conf_list *list = s->secret_files;

	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->items[i], path))
			return;
	list->items[list->n++] = mem_text(s->mem, path);
}

/* A store's URI may hold a password. */
static bool is_secret(const struct setting *set, const char *text)
{
	return set->type == SECRET || (!strcmp(set->key, "store.uri") &&
					  strncmp(text, "sqlite:", 7) != 0);
}

/* {"file": "/path"}: the file's text as a JSON string, or as what it is if a
 * number or flag is wanted. */
static struct json_object *read_reference(
    struct source *s, const struct setting *set, struct json_object *value)
{
	struct json_object *file;
	const char *path;
	char *text;
	size_t len;

	if (!json_has(value, "file", &file) || json_count(value) != 1) {
		complain(s, set->key, "write a value, or {\"file\": \"/path\"}",
		    "wrong type");
		return NULL;
	}
	path = json_text(file, NULL);
	if (!json_is(file, JSON_TEXT) || *path != '/') {
		complain(s, set->key, "write {\"file\": \"/path\"}",
		    "a file is named by its whole path");
		return NULL;
	}
	path = find_credential(s->mem, path);
	if (is_secret(set, ""))
		add_secret_file(s, path);
	text = conf_read_file(s->mem, path, &len);
	if (!text || strlen(text) != len) {
		complain(s, set->key, "mend the path or the file's rights",
		    mem_print(s->mem, "%s: %s", path,
			text ? "holds a NUL byte" : strerror(errno)));
		return NULL;
	}
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	if (set->type != NUMBER && set->type != FLAG && set->type != LIST)
		return json_new_text(s->mem, text, len);
	value = json_parse(s->mem, text, len, JSON_DEEP);
	if (!value)
		complain(s, set->key, "mend the file",
		    mem_print(s->mem, "%s: is no JSON", path));
	return value;
}

static bool is_vendor_example(const char *text)
{
	return !strcmp(text, "example") || !strcmp(text, "login") ||
	       !strcmp(text, "password");
}

static bool is_choice(const char *choices, const char *text)
{
	while (*choices) {
		size_t len = strcspn(choices, "|");

		if (strlen(text) == len && !strncmp(choices, text, len))
			return true;
		choices += len + (choices[len] == '|');
	}
	return false;
}

static const char *check_uri(const char *text)
{
	size_t len = strncmp(text, "http://", 7) == 0	 ? 7
		     : strncmp(text, "https://", 8) == 0 ? 8
							 : 0;

	if (!len)
		return "must begin with http:// or https://";
	if (!strcspn(text + len, "/ "))
		return "names no host";
	/* RFC 3986, section 2: what is left must be written as %XX. */
	return text[strcspn(text, " \"<>\\^`{|}")]
		   ? "must not hold spaces, quotes, < > \\ ^ ` { | }"
		   : NULL;
}

/* A name, and no way to elsewhere. */
static const char *check_folder(const char *text)
{
	return text[0] == '.' || strchr(text, '/')
		   ? "must be the name of a folder, without / and no . first"
		   : NULL;
}

static const char *check_text(const struct setting *set, const char *text)
{
	const char *wrong = NULL;
	struct money amount;

	switch (set->type) {
	case URI:
		wrong = text[0] ? check_uri(text) : NULL;
		break;
	case FOLDER:
		wrong = check_folder(text);
		break;
	case DECIMAL:
		if (!money_parse(text, &amount) || money_sign(amount) < 0)
			wrong = "must be a decimal number, not below 0";
		break;
	case CHOICE:
		if (!is_choice(set->choices, text))
			wrong = "is none of the allowed words";
		break;
	default:
		break;
	}
	if (set->min && !text[0])
		wrong = "must not be empty";
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20)
			wrong = "must not hold control characters";
	return wrong;
}

static void put_text(struct source *s, const struct setting *set,
    struct json_object *value, const char **field)
{
	const char *text = json_text(value, NULL), *wrong;
	bool number_ok = set->type == DECIMAL && json_is(value, JSON_NUMBER);

	if (!json_is(value, JSON_TEXT) && !number_ok) {
		complain(s, set->key, "write it in quotes", "must be a text");
		return;
	}
	if ((set->type == NAME || set->type == SECRET) &&
	    is_vendor_example(text))
		text = "";
	wrong = check_text(set, text);
	if (wrong)
		complain(s, set->key,
		    set->choices ? set->choices : "mend the value", wrong);
	else
		*field = mem_text(s->mem, text);
}

static void put_number(struct source *s, const struct setting *set,
    struct json_object *value, int64_t *field)
{
	int64_t n;

	if (!json_is_whole(value))
		complain(s, set->key, "write it without quotes",
		    "must be a whole number");
	else if (!json_int(value, &n) || n < set->min || n > set->max)
		complain(s, set->key, "choose a number within the bounds",
		    mem_print(s->mem, "must be %lld to %lld",
			(long long)set->min, (long long)set->max));
	else
		*field = n;
}

static void put_list(struct source *s, const struct setting *set,
    struct json_object *value, struct conf_list *field)
{
	size_t n;
	const char **items;
	bool right = json_is(value, JSON_LIST);

	n = right ? json_length(value) : 0;
	items = mem_array(s->mem, n + 1, sizeof(*items));
	for (size_t i = 0; i < n && right; i++) {
		struct json_object *item = json_at(value, i);

		right = json_is(item, JSON_TEXT) || json_is(item, JSON_NUMBER);
		if (right)
			items[i] = mem_text(s->mem, json_text(item, NULL));
		right = right && items[i][0];
	}
	if (right)
		*field = (struct conf_list){items, n};
	else
		complain(s, set->key, "write [\"...\", \"...\"]",
		    "must be a list of texts");
}

static void put_flag(struct source *s, const struct setting *set,
    struct json_object *value, bool *field)
{
	if (json_is(value, JSON_FLAG))
		*field = json_flag(value);
	else
		complain(s, set->key, "write it without quotes",
		    "must be true or false");
}

static void put_setting(
    struct source *s, const struct setting *set, struct conf *c)
{
	void *field = (char *)c + set->offset;
	struct json_object *value;

	if (!find_value(s->root, set->key, &value))
		return;
	if (json_is(value, JSON_OBJECT)) {
		value = read_reference(s, set, value);
		if (!value)
			return;
	} else if (json_is(value, JSON_TEXT) && *json_text(value, NULL) &&
		   is_secret(set, json_text(value, NULL))) {
		add_secret_file(s, s->path);
	}
	if (set->type == NUMBER)
		put_number(s, set, value, field);
	else if (set->type == LIST)
		put_list(s, set, value, field);
	else if (set->type == FLAG)
		put_flag(s, set, value, field);
	else
		put_text(s, set, value, field);
}

/* People explain their settings: "// ..." becomes spaces, outside of quotes,
 * so that lines keep their numbers. */
static void blank_comments(char *text)
{
	while (*text) {
		if (*text == '"') {
			text = (char *)json_skip_text(text);
		} else if (text[0] == '/' && text[1] == '/') {
			size_t len = strcspn(text, "\n");

			memset(text, ' ', len);
			text += len;
		} else {
			text++;
		}
	}
}

static bool parse_file(struct source *s)
{
	size_t len;
	char *text = conf_read_file(s->mem, s->path, &len);

	if (!text || strlen(text) != len) {
		diag_add(s->diag, s->path, "mend the path or the file's rights",
		    "%s", text ? "holds a NUL byte" : strerror(errno));
		return false;
	}
	blank_comments(text);
	s->text = text;
	s->root = json_read(s->mem, s->path, text, s->diag);
	return s->root != NULL;
}

static bool read_file(struct source *s, struct conf *c)
{
	if (!parse_file(s))
		return false;
	check_names(s, s->root, "");
	for (size_t i = 0; i < N_SETTINGS; i++)
		put_setting(s, &settings[i], c);
	return true;
}

/* The key of Authorize.Net's webhooks, as the merchant's page shows it. */
static void check_gateways(struct source *s, const struct conf *c)
{
	const char *key = c->authorizenet.api_signature_key;
	const struct conf_list *names = &c->refill.gateways;

	if (c->authorizenet.api_login_id[0] && key[0] &&
	    (strlen(key) != 128 ||
		strspn(key, "0123456789abcdefABCDEF") != 128))
		complain(s, "authorizenet.apiSignatureKey",
		    "copy it from the merchant's account, letter by letter",
		    "must be 128 hexadecimal digits");
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->items[i], "paypal") != 0 &&
		    strcmp(names->items[i], "authorizenet") != 0)
			complain(s, "refill.gateways",
			    "write [\"paypal\", \"authorizenet\"]",
			    "names a gateway that there is not");
}

/* Rules between settings. */
static void check_rules(struct source *s, const struct conf *c)
{
	const struct {
		const char *when, *key, *value;
	} rules[] = {
	    {c->paypal.client_id, "paypal.clientSecret",
		c->paypal.client_secret},
	    {c->authorizenet.api_login_id, "authorizenet.apiTransactionKey",
		c->authorizenet.api_transaction_key},
	    {c->authorizenet.api_login_id, "authorizenet.apiSignatureKey",
		c->authorizenet.api_signature_key},
	    {c->management_api.login, "managementApi.password",
		c->management_api.password},
	};
	struct money min, max, preset;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].when[0] && !rules[i].value[0])
			complain(s, rules[i].key, "set it",
			    "is empty although its log-in is set");
	check_gateways(s, c);
	if (c->vcs.hook_secret[0] && strlen(c->vcs.hook_secret) < 16)
		complain(s, "vcs.hookSecret", "openssl rand -base64 24",
		    "must be at least 16 characters long");
	if (c->session.factor_key[0] && strlen(c->session.factor_key) < 32)
		complain(s, "session.factorKey", "openssl rand -base64 32",
		    "must be at least 32 characters long");
	if (!c->core_api.auth_token[0])
		complain(s, "coreApi.authToken", "set it to the API token",
		    "is not set");
	if (money_parse(c->refill.min, &min) &&
	    money_parse(c->refill.max, &max) && money_compare(min, max) > 0)
		complain(s, "refill.min", "make refill.max larger",
		    "is more than refill.max");
	for (size_t i = 0; i < c->refill.presets.n; i++)
		if (!money_parse(c->refill.presets.items[i], &preset) ||
		    money_sign(preset) <= 0)
			complain(s, "refill.presets", "write [\"10\", \"25\"]",
			    "must be amounts");
}

const struct conf *conf_load(
    struct mem *m, const char *share, const char *path, struct diag *d)
{
	struct conf *c = mem_alloc(m, sizeof(*c));
	struct source base = {m, d, NULL, "", NULL, &c->secret_files}, own;

	for (size_t i = 0; i < N_SETTINGS; i++)
		if (settings[i].type < NUMBER)
			*(const char **)((char *)c + settings[i].offset) = "";
	c->secret_files.items =
	    mem_array(m, 2 * N_SETTINGS + 1, sizeof(*c->secret_files.items));
	own = base;
	base.path = mem_print(m, "%s/conf/customer-params.default.json", share);
	own.path = path;
	if (!read_file(&base, c) || !read_file(&own, c))
		return NULL;
	check_rules(&own, c);
	c->path = mem_text(m, path);
	return c;
}

const char *conf_find(struct mem *m, const char *named, struct diag *d)
{
	const char *env = getenv("PORTICO_CONFIG");
	const char *path = named ? named : env && *env ? env : "/etc/portico";
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		path = mem_print(m, "%s/customer-params.json", path);
	if (access(path, R_OK) == 0)
		return path;
	diag_add(d, path,
	    "name the file with --config FILE or PORTICO_CONFIG, or write it: "
	    "customer-params.json.sample explains every key",
	    "no configuration: %s", strerror(errno));
	return NULL;
}

const char *conf_find_share(struct mem *m)
{
	const char *env = getenv("PORTICO_SHARE");
	char exe[PATH_MAX], *slash;
	char *beside;
	ssize_t len;

	if (env && *env)
		return env;
	len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (len > 0) {
		exe[len] = '\0';
		slash = strrchr(exe, '/');
		beside = mem_print(m, "%.*s/share", (int)(slash - exe), exe);
		if (access(beside, R_OK) == 0)
			return beside;
	}
	return PORTICO_SHARE_DIR;
}
