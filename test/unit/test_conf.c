/* test_conf.c: settings, and what is said of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define DEFAULTS SOURCE_DIR "/conf/customer-params.default.json"
#define SAMPLE	 SOURCE_DIR "/conf/customer-params.json.sample"
#define TOKEN	 "\"coreApi\": {\"authToken\": \"t\"}"

static struct mem *m;
static struct diag d;
static char dir[] = "/tmp/test_conf.XXXXXX";
static const char *file; /* the configuration under test */

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static int open_all(void **state)
{
	(void)state;
	m = mem_open(0);
	diag_open(&d, m);
	file = mem_print(m, "%s/customer-params.json", dir);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	unlink(file);
	unlink(mem_print(m, "%s/secret", dir));
	mem_close(m);
	return 0;
}

static void write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static const struct conf *load(const char *text)
{
	write_file(file, text, strlen(text));
	d.n = 0;
	return conf_load(m, SOURCE_DIR, file, &d);
}

static const struct conf *load_right(const char *text)
{
	const struct conf *c = load(text);

	assert_non_null(c);
	if (d.n)
		fail_msg("%s: %s", d.items[0].where, d.items[0].what);
	return c;
}

/* Exactly one complaint, at `line`, that begins with the key and says `what`.
 */
static void refuse(
    const char *text, int line, const char *key, const char *what)
{
	load(text);
	if (d.n != 1)
		fail_msg("%zu complaints, not 1, about %s", d.n, text);
	assert_string_equal(
	    d.items[0].where, mem_print(m, "%s:%d", file, line));
	assert_true(d.items[0].remedy[0]);
	if (strncmp(d.items[0].what, key, strlen(key)) != 0 ||
	    !strstr(d.items[0].what, what))
		fail_msg("'%s', not '%s: %s'", d.items[0].what, key, what);
}

/* A file with one more setting, on line 3. */
static void refuse_setting(
    const char *setting, const char *key, const char *what)
{
	refuse(mem_print(m, "{\n" TOKEN ",\n%s\n}", setting), 3, key, what);
}

static struct json_object *read_json(const char *path)
{
	char *text = conf_read_file(m, path, NULL), *line;
	struct buf b;

	assert_non_null(text);
	buf_open(&b, m, 1024);
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strncmp(line + strspn(line, " "), "//", 2) != 0)
			buf_add_text(&b, line);
	return json_constant(m, b.data);
}

static struct json_object *find(struct json_object *o, const char *key)
{
	const char *dot = strchr(key, '.');

	if (!dot)
		return json_find(o, key);
	return find(
	    json_find(o, mem_text_n(m, key, (size_t)(dot - key))), dot + 1);
}

static void test_defaults(void **state)
{
	const struct conf *c = load_right("{" TOKEN "}");

	(void)state;
	assert_string_equal(c->path, file);
	assert_string_equal(c->core_api.uri, "http://127.0.0.1:3080");
	assert_string_equal(c->core_api.auth_token, "t");
	assert_string_equal(c->management_api.login, "");
	assert_int_equal(c->pool.workers, 8);
	assert_int_equal(c->refill.presets.n, 4);
	assert_string_equal(c->refill.presets.items[3], "100");
	assert_null(c->refill.presets.items[4]);
	assert_false(c->log.json);
}

static void test_own_values(void **state)
{
	const struct conf *c = load_right(
	    "{" TOKEN
	    ", \"pool\": {\"workers\": 3}, \"refill\": {\"min\": 2.50,"
	    "\"presets\": [3, \"4.5\"]}, \"log\": {\"json\": true,"
	    "\"level\": \"warn\"}, \"locales\": []}");

	(void)state;
	assert_int_equal(c->pool.workers, 3);
	assert_int_equal(c->pool.grace, 30);
	assert_string_equal(c->refill.min, "2.50");
	assert_string_equal(c->refill.presets.items[0], "3");
	assert_string_equal(c->refill.presets.items[1], "4.5");
	assert_string_equal(c->log.level, "warn");
	assert_true(c->log.json);
	assert_int_equal(c->locales.n, 0);
}

/* The sample explains every key, and shows each one's default or one of the
 * vendor's examples. */
static void test_sample_is_whole(void **state)
{
	struct json_object *sample = read_json(SAMPLE);
	struct json_object *defaults = read_json(DEFAULTS);
	size_t n = 0;

	(void)state;
	for (const char *key; (key = conf_key(n)); n++) {
		struct json_object *shown = find(sample, key);
		struct json_object *real = find(defaults, key);

		if (!shown)
			fail_msg("%s: not in the sample", key);
		if (!real && strcmp(key, "coreApi.authToken") != 0)
			fail_msg("%s: has no default", key);
		if (!strcmp(key, "coreApi.authToken") ||
		    !strcmp(key, "managementApi.login") ||
		    !strcmp(key, "managementApi.password"))
			continue;
		if (!json_equal(shown, real))
			fail_msg("%s: the sample shows no default", key);
	}
	assert_true(n > 50);
}

/* As it is, only the token is missing; with one, all is right. */
static void test_sample_loads(void **state)
{
	const char *text = conf_read_file(m, SAMPLE, NULL);
	const char *key = strstr(text, "\"authToken\": \"example\"");
	int line = 1;

	(void)state;
	assert_non_null(key);
	for (const char *at = text; at < key; at++)
		line += *at == '\n';
	refuse(text, line, "coreApi.authToken", "is not set");
	load_right(mem_print(m, "%.*s\"authToken\": \"t\"%s", (int)(key - text),
	    text, key + strlen("\"authToken\": \"example\"")));
}

static void test_comments(void **state)
{
	const struct conf *c =
	    load_right("// \"quoted\n{ // {\n" TOKEN ", // }\n"
		       "\"publicUri\": \"http://x//y\", \"title\": \"a \\\"// "
		       "b\"\n//\n} //");

	(void)state;
	assert_string_equal(c->public_uri, "http://x//y");
	assert_string_equal(c->title, "a \"// b");
	refuse("// one\n{\n// \"nonsense\": 1\n" TOKEN ",\n\"nonsense\": 1}", 5,
	    "nonsense", "unknown key");
	refuse("{" TOKEN "} / /", 1, "", "");
	refuse("{" TOKEN "} /* no */", 1, "", "");
}

static void test_unknown_keys(void **state)
{
	(void)state;
	refuse_setting("\"colour\": 1", "colour", "unknown key");
	refuse_setting(
	    "\"pool\": {\"worker\": 1}", "pool.worker", "unknown key");
	refuse("{\"pool.workers\": 1, " TOKEN "}", 1, "pool.workers",
	    "unknown key");
	refuse("{\"\": 1, " TOKEN "}", 1, "", "unknown key");
	refuse_setting("\"pool\": 4", "pool", "must be an object");
	refuse_setting("\"pool\": null", "pool", "must be an object");
}

static void test_wrong_types(void **state)
{
	(void)state;
	refuse_setting("\"locale\": 1", "locale", "must be a text");
	refuse_setting("\"locale\": null", "locale", "must be a text");
	refuse_setting("\"locale\": [\"en\"]", "locale", "must be a text");
	refuse_setting("\"locale\": \"\"", "locale", "must not be empty");
	refuse_setting("\"theme\": \"a\\nb\"", "theme", "control characters");
	refuse_setting("\"theme\": \"../x\"", "theme", "name of a folder");
	refuse_setting("\"theme\": \"a/b\"", "theme", "name of a folder");
	refuse_setting("\"publicUri\": \"https://a.example/\\\"<b>\"",
	    "publicUri", "quotes");
	refuse_setting(
	    "\"billingUri\": \"https://a.example/ b\"", "billingUri", "spaces");
	refuse_setting("\"pool\": {\"workers\": \"4\"}", "pool.workers",
	    "must be a whole number");
	refuse_setting("\"pool\": {\"workers\": 4.5}", "pool.workers",
	    "must be a whole number");
	refuse_setting("\"pool\": {\"workers\": null}", "pool.workers",
	    "must be a whole number");
	refuse_setting(
	    "\"log\": {\"json\": 1}", "log.json", "must be true or false");
	refuse_setting("\"locales\": \"en\"", "locales", "must be a list");
	refuse_setting(
	    "\"locales\": [\"en\", null]", "locales", "list of texts");
	refuse_setting(
	    "\"locales\": [\"en\", \"\"]", "locales", "list of texts");
	refuse_setting("\"locales\": [true]", "locales", "list of texts");
}

static void test_bounds(void **state)
{
	(void)state;
	refuse_setting(
	    "\"pool\": {\"workers\": 0}", "pool.workers", "must be 1 to 512");
	refuse_setting(
	    "\"pool\": {\"workers\": 513}", "pool.workers", "must be 1 to 512");
	refuse_setting("\"pool\": {\"workers\": 99999999999999999999}",
	    "pool.workers", "must be 1 to 512");
	load_right("{" TOKEN ", \"pool\": {\"workers\": 512}}");
	refuse_setting(
	    "\"log\": {\"level\": \"loud\"}", "log.level", "none of the");
	refuse_setting(
	    "\"log\": {\"level\": \"\"}", "log.level", "none of the");
	refuse_setting(
	    "\"log\": {\"level\": \"info|warn\"}", "log.level", "none of the");
	refuse_setting(
	    "\"refill\": {\"min\": \"-1\"}", "refill.min", "decimal");
	refuse_setting("\"refill\": {\"min\": \"x\"}", "refill.min", "decimal");
	refuse_setting("\"refill\": {\"presets\": [\"x\"]}", "refill.presets",
	    "must be amounts");
	refuse_setting("\"billingUri\": \"ftp://x\"", "billingUri", "http://");
	refuse_setting("\"billingUri\": \"https://\"", "billingUri", "no host");
	refuse_setting(
	    "\"billingUri\": \"https:///x\"", "billingUri", "no host");
	refuse_setting("\"billingUri\": \"\"", "billingUri", "be empty");
}

static void test_rules(void **state)
{
	(void)state;
	refuse("{}", 1, "coreApi.authToken", "is not set");
	refuse_setting("\"refill\": {\"min\": 9, \"max\": \"8.99\"}",
	    "refill.min", "more than refill.max");
	load_right("{" TOKEN ", \"refill\": {\"min\": 9, \"max\": \"9.00\"}}");
	refuse_setting("\"paypal\": {\"clientId\": \"me\"}",
	    "paypal.clientSecret", "is empty");
	refuse_setting("\"authorizenet\": {\"apiLoginId\": \"me\","
		       "\"apiTransactionKey\": \"x\"}",
	    "authorizenet.apiSignatureKey", "is empty");
	refuse_setting("\"authorizenet\": {\"apiLoginId\": \"me\","
		       "\"apiTransactionKey\": \"x\","
		       "\"apiSignatureKey\": \"0123\"}",
	    "authorizenet.apiSignatureKey", "must be 128 hexadecimal digits");
	refuse_setting("\"managementApi\": {\"login\": \"me\"}",
	    "managementApi.password", "is empty");
}

static void test_vendor_examples(void **state)
{
	const struct conf *c =
	    load_right("{" TOKEN ", \"paypal\": {\"clientId\": \"example\","
		       "\"clientSecret\": \"example\"}, \"managementApi\":"
		       "{\"login\": \"login\", \"password\": \"password\"},"
		       "\"title\": \"example\"}");

	(void)state;
	assert_string_equal(c->paypal.client_id, "");
	assert_string_equal(c->management_api.login, "");
	assert_string_equal(c->management_api.password, "");
	assert_string_equal(c->title, "example");
	refuse("{\"coreApi\":\n{\"authToken\": \"example\"}}", 2,
	    "coreApi.authToken", "is not set");
	refuse_setting("\"managementApi\": {\"login\": \"me\", \"password\":"
		       "\"password\"}",
	    "managementApi.password", "is empty");
}

/* A setting on line 3 whose value is in the file "secret". */
static const char *with_secret(const char *setting)
{
	return mem_print(
	    m, "{\n" TOKEN ",\n%s {\"file\": \"%s/secret\"}}}", setting, dir);
}

static void test_files(void **state)
{
	const char *secret = mem_print(m, "%s/secret", dir);
	const char *text = with_secret("\"smtp\": {\"password\":");
	const char *number = with_secret("\"pool\": {\"workers\":");

	(void)state;
	refuse(text, 3, "smtp.password", "No such file");
	write_file(secret, "  a \"b\"\r\n", 9);
	assert_string_equal(load_right(text)->smtp.password, "  a \"b\"");
	refuse(number, 3, "pool.workers", "is no JSON");
	write_file(secret, "12\n", 3);
	assert_int_equal(load_right(number)->pool.workers, 12);
	assert_string_equal(load_right(text)->smtp.password, "12");
	write_file(secret, "a\0b", 3);
	refuse(text, 3, "smtp.password", "NUL");
	write_file(secret, "password\n", 9);
	assert_string_equal(load_right(text)->smtp.password, "");
	refuse_setting("\"theme\": {\"file\": null}", "theme", "whole path");
	refuse_setting("\"theme\": {\"file\": 5}", "theme", "whole path");
	refuse_setting("\"theme\": {\"file\": \"x\"}", "theme", "whole path");
	refuse_setting("\"theme\": {\"path\": \"/x\"}", "theme", "wrong type");
	refuse_setting(
	    "\"theme\": {\"file\": \"/x\", \"b\": 1}", "theme", "wrong type");
}

static void test_no_json(void **state)
{
	(void)state;
	assert_null(load(""));
	assert_int_equal(d.n, 1);
	assert_null(load("[]"));
	assert_string_equal(d.items[0].what, "must be a JSON object");
	assert_null(load("null"));
	assert_int_equal(d.n, 1);
	refuse(
	    "{\n" TOKEN ",\n\"locale\" \"en\"\n}", 3, "", "a colon is wanted");
	refuse("{\n" TOKEN ",\n\"locale\": \"en\"\n", 4, "",
	    "the JSON ends too early");
	refuse("{\n" TOKEN "\n} x", 3, "", "");
	refuse("{\n" TOKEN ",\n}", 3, "", "");
	write_file(file, "{}\0", 3);
	d.n = 0;
	assert_null(conf_load(m, SOURCE_DIR, file, &d));
	assert_string_equal(d.items[0].what, "holds a NUL byte");
	unlink(file);
	d.n = 0;
	assert_null(conf_load(m, SOURCE_DIR, file, &d));
	assert_string_equal(d.items[0].where, file);
	assert_string_equal(d.items[0].what, "No such file or directory");
	d.n = 0;
	assert_null(conf_load(m, SOURCE_DIR, dir, &d));
	assert_string_equal(d.items[0].what, "Is a directory");
}

/* A key is told from one of the same name elsewhere, and from a value. */
static void test_lines(void **state)
{
	(void)state;
	refuse("{\n\"title\": \"pool\",\n\"theme\": \"workers\",\n" TOKEN
	       ",\n\"pool\":\n{\n\"grace\": 1,\n\"workers\": 0 } }",
	    8, "pool.workers", "must be");
	refuse("{" TOKEN ",\n\"managementApi\": {\"login\": \"me\"},\n"
	       "\"smtp\": {\"password\": \"x\"}}",
	    2, "managementApi.password", "is empty");
	refuse("{\n\"smtp\": {\"from\": \"\\\"}\", \"login\": \"\"},\n" TOKEN
	       ",\n\"locale\": 1}",
	    4, "locale", "must be a text");
}

static void test_all_at_once(void **state)
{
	const struct conf *c =
	    load("{\"locale\": 1,\n\"pool\": {\"workers\": 0, \"x\": 1}}");

	(void)state;
	assert_non_null(c);
	assert_int_equal(d.n, 4);
	assert_string_equal(c->locale, "en");
	assert_int_equal(c->pool.workers, 8);
}

/* What is said never holds a secret. */
static void test_secrets_are_kept(void **state)
{
	(void)state;
	load("{\"coreApi\": {\"authToken\": [\"s3cret\"]},"
	     "\"smtp\": {\"password\": \"s3cret\\u0001\"}, \"x\": \"s3cret\"}");
	assert_true(d.n >= 3);
	for (size_t i = 0; i < d.n; i++)
		assert_null(strstr(d.items[i].what, "s3cret"));
}

static void test_find(void **state)
{
	(void)state;
	load_right("{" TOKEN "}");
	assert_string_equal(conf_find(m, dir, &d), file);
	assert_string_equal(conf_find(m, file, &d), file);
	setenv("PORTICO_CONFIG", dir, 1);
	assert_string_equal(conf_find(m, NULL, &d), file);
	assert_string_equal(conf_find(m, file, &d), file);
	assert_int_equal(d.n, 0);
	unlink(file);
	assert_null(conf_find(m, NULL, &d));
	assert_int_equal(d.n, 1);
	assert_true(strstr(d.items[0].remedy, "--config"));
	unsetenv("PORTICO_CONFIG");
}

static void test_find_share(void **state)
{
	(void)state;
	setenv("PORTICO_SHARE", "/else/where", 1);
	assert_string_equal(conf_find_share(m), "/else/where");
	setenv("PORTICO_SHARE", "", 1);
	assert_non_null(strstr(conf_find_share(m), "/share"));
	unsetenv("PORTICO_SHARE");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_defaults),
	    TEST(test_own_values),
	    TEST(test_sample_is_whole),
	    TEST(test_sample_loads),
	    TEST(test_comments),
	    TEST(test_unknown_keys),
	    TEST(test_wrong_types),
	    TEST(test_bounds),
	    TEST(test_rules),
	    TEST(test_vendor_examples),
	    TEST(test_files),
	    TEST(test_no_json),
	    TEST(test_lines),
	    TEST(test_all_at_once),
	    TEST(test_secrets_are_kept),
	    TEST(test_find),
	    TEST(test_find_share),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
