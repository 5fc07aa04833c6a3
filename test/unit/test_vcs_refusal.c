/* test_vcs_refusal.c: VCS's refusals by the words of the API profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

	log_open(false, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
