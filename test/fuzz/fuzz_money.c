/* fuzz_money.c: decimals and timestamps from the wire. What is read must be
 * written so that it reads the same again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/money.h"
#include "tools/fmt.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_money(struct mem *m, const char *text)
{
	struct money a, again;

	if (!money_parse(text, &a))
		return;
	must(money_parse(money_text(m, a), &again));
	must(again.coef == a.coef && again.scale == a.scale);
	must(money_compare(money_negate(money_negate(a)), again) == 0);
	must(money_sub(a, again, &again) && money_is_zero(again));
	for (unsigned scale = 0; scale <= a.scale; scale++)
		must(money_round(a, scale).scale == scale);
	if (money_mul(a, a, &again))
		must(money_sign(again) >= 0);
}

static void try_time(struct mem *m, const char *text, const char *zone)
{
	int64_t when, again;

	if (!fmt_parse_time(text, zone, &when))
		return;
	fmt_iso_day(m, when, zone);
	/* Older clocks have seconds in their offsets, which ISO has not. */
	if (when > 0 && when < 253402214400)
		must(fmt_parse_time(
			 fmt_iso_time(m, when, zone), "UTC", &again) &&
		     again == when);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem *m = mem_open(0);
	const char *text = mem_text_n(m, (const char *)data, size);
	int64_t start;

	try_money(m, text);
	try_time(m, text, "UTC");
	try_time(m, text, "America/Sao_Paulo");
	fmt_day_start(text, 1, "Asia/Beirut", &start);
	mem_close(m);
	return 0;
}
