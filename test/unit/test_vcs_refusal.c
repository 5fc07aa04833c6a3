/* test_vcs_refusal.c: VCS's refusals by the words of the API profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/vcs_profile.h"

static void test_words(void **state)
{
	static const struct {
		const char *message, *name;
	} cases[] = {{"code-already_activated", "used"},
	    {"This card is ALREADY used", "used"}, {"Card Expired", "expired"},
	    {"code-not_found", "unknown"}, {"No such card", "unknown"},
	    {"code-wrong_reseller", "foreign"},
	    {"code-wrong_currency", "currency"}, {"Simulated error", NULL},
	    {"Request refused", NULL}, {"", NULL}, {NULL, NULL}};
	struct mem *m = mem_open(0);
	const struct vcs_profile *p;
	struct diag d;

	(void)state;
	diag_open(&d, m);
	p = vcs_profile_load(m, SOURCE_DIR "/conf/vcs/default.json", &d);
	assert_non_null(p);
	assert_int_equal(d.n, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *found = vcs_profile_error(
		    &p->methods[VCS_VOUCHER], cases[i].message);

		if (cases[i].name)
			assert_string_equal(found, cases[i].name);
		else
			assert_null(found);
	}
	/* An operation without words has no names. */
	assert_null(vcs_profile_error(
	    &p->methods[VCS_CLIENT_UPDATE], "already expired"));
	/* What changes something is never sent twice. */
	assert_true(p->methods[VCS_VOUCHER].write);
	assert_true(p->methods[VCS_CLIENT_UPDATE].write);
	assert_true(p->methods[VCS_PASSWORD_UPDATE].write);
	mem_close(m);
}

/* The shipped profile with other words of the voucher's refusals, in a file
 * that is gone when this returns; how many mistakes are found. */
static size_t load_with(
    struct mem *m, const char *errors, const struct vcs_profile **out)
{
	char path[] = "/tmp/test_vcs_refusal_XXXXXX";
	const char *text =
	    conf_read_file(m, SOURCE_DIR "/conf/vcs/default.json", NULL);
	const char *at = strstr(text, "\"errors\": {"), *end;
	struct diag d;
	FILE *f;

	assert_non_null(at);
	end = strchr(at, '}') + 1;
	f = fdopen(mkstemp(path), "w");
	assert_non_null(f);
	fprintf(f, "%.*s\"errors\": %s%s", (int)(at - text), text, errors, end);
	assert_int_equal(fclose(f), 0);
	diag_open(&d, m);
	*out = vcs_profile_load(m, path, &d);
	unlink(path);
	return d.n;
}

static void test_odd_words(void **state)
{
	static const char *const odd[] = {"{\"used\": [null]}",
	    "{\"used\": [\"a\", 1]}", "{\"used\": \"a\"}", "{\"used\": null}",
	    "[\"used\"]", "\"used\"", "{\"a\": [], \"used\": [[\"used\"]]}"};
	struct mem *m = mem_open(0);
	const struct vcs_profile *p;

	(void)state;
	assert_int_equal(load_with(m, "{\"used\": [\"spent\"]}", &p), 0);
	assert_string_equal(
	    vcs_profile_error(&p->methods[VCS_VOUCHER], "It is spent"), "used");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		if (load_with(m, odd[i], &p) != 1)
			fail_msg("%s: no mistake", odd[i]);
		assert_null(
		    vcs_profile_error(&p->methods[VCS_VOUCHER], "used"));
	}
	mem_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words), cmocka_unit_test(test_odd_words)};

	log_open(false, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
