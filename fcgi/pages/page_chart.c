/* page_chart.c: how long and where the bars of a chart are. */
#include "pages/page_chart.h"

enum {
	WIDTH = 720,
	HEIGHT = 220,
	LEFT = 60, /* the amounts stand before the bars */
	TOP = 24,
	BASE = 192,
	LABELS = 4 /* that many fit side by side on a phone */
};

/* 1234 is 12.34: bars of a year are thinner than a unit. */
static void put_hundredths(
    struct call *c, struct json_object *o, const char *key, int64_t n)
{
	struct money value = {n, 2};

	if (n % 100 == 0)
		value = (struct money){n / 100, 0};
	json_put_text(o, key, money_text(c->mem, value));
}

static void put_line(struct call *c, struct json_object *chart, const char *key,
    int64_t y, struct money value, const char *currency)
{
	struct json_object *line = json_put_object(chart, key);

	json_put_int(line, "y", y);
	json_put_text(line, "text", fmt_money(c->mem, c->fmt, value, currency));
}

static struct money find_most(const struct chart_bar *bars, size_t n)
{
	struct money most = {0};

	for (size_t i = 0; i < n; i++)
		if (money_compare(bars[i].value, most) > 0)
			most = bars[i].value;
	return most;
}

/* What is there at all can be seen. */
static int64_t find_length(
    struct money value, struct money most, int64_t whole, int64_t least)
{
	int64_t length = money_share(value, most, whole);

	if (length < least && money_sign(value) > 0)
		return least;
	return length < 0 ? 0 : length;
}

static void put_bar(struct call *c, struct json_object *list,
    const struct chart_bar *bar, struct money most, int64_t left, int64_t step)
{
	int64_t height = find_length(bar->value, most, BASE - TOP, 2);
	int64_t gap = step > 400 ? 300 : step / 8;
	struct json_object *o = json_put_object(list, NULL);

	put_hundredths(c, o, "x", left + gap);
	json_put_int(o, "y", BASE - height);
	put_hundredths(c, o, "width", step - 2 * gap);
	json_put_int(o, "height", height);
	json_put_text(o, "rx", step > 1000 ? "2" : "0");
	json_put_text(o, "label", bar->label);
	json_put_text(o, "short", bar->name);
	put_hundredths(c, o, "label_x", left + step / 2);
}

void page_put_chart(struct call *c, const char *label,
    const struct chart_bar *bars, size_t n, const char *currency)
{
	static const struct money half = {5, 1};
	struct json_object *chart = json_put_object(c->ui, "chart"), *list;
	struct money most = find_most(bars, n), middle;
	size_t every = (n + LABELS - 1) / LABELS;

	json_put_int(chart, "width", WIDTH);
	json_put_int(chart, "height", HEIGHT);
	json_put_int(chart, "base_y", BASE);
	json_put_text(chart, "label", label);
	put_line(c, chart, "max", TOP, most, currency);
	if (money_mul(most, half, &middle))
		put_line(c, chart, "mid", (TOP + BASE) / 2, middle, currency);
	list = json_put_list(chart, "bars");
	for (size_t i = 0; i < n; i++) {
		int64_t step = (WIDTH - LEFT) * 100 / (int64_t)n;

		put_bar(c, list, &bars[i], most, LEFT * 100 + (int64_t)i * step,
		    step);
		json_put_flag(
		    json_at(list, i), "show_label", i % every == every / 2);
	}
}

void page_put_bars(struct call *c, const struct chart_bar *bars, size_t n,
    const char *currency)
{
	struct json_object *list = json_put_list(c->ui, "bars"), *o;
	struct money most = find_most(bars, n);

	json_put_flag(c->ui, "has_bars", n > 0);
	for (size_t i = 0; i < n; i++) {
		o = json_new(c->mem);
		json_put(list, NULL, o);
		json_put_text(o, "name", bars[i].name);
		json_put_text(o, "label", bars[i].label);
		json_put_text(o, "text",
		    fmt_money(c->mem, c->fmt, bars[i].value, currency));
		json_put_int(o, "width",
		    find_length(bars[i].value, most, PAGE_BAR_WIDTH, 3));
	}
}
