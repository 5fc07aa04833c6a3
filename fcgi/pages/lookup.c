/* lookup.c: the rate that a dialled number would be billed at.
 *
 * All beginnings of the number are asked for as codes in one batch; the longest
 * that the customer's rate table has is the one.
 */
#include "domain/rate.h"
#include "pages/page_rate.h"
#include "pages/routes.h"

#include <string.h>

enum {
	DIGITS_MOST = 18, /* E.164 has 15; some carriers put a prefix before */
	EXAMPLE = 200	  /* seconds of the example call */
};

const struct param lookup_params[] = {
    {.name = "number",
	.type = PARAM_TEXT,
	.min = 1,
	.max = 40,
	.about = "A number as dialled: spaces, + and a leading 00 are fine."},
    {0},
};

struct lookup {
	const char *digits;
	struct vcs_rates *of_code[DIGITS_MOST + 1]; /* by the code's length */
	struct vcs_names *services;
	const struct vcs_rate *rate;
};

static void ask(struct call *c, struct lookup *l)
{
	size_t len = strlen(l->digits);

	l->services = vcs_ask_services(c->trip);
	for (size_t i = 1; i <= len; i++)
		l->of_code[i] = vcs_ask_rate_of_code(
		    c->trip, mem_text_n(c->mem, l->digits, i));
}

static bool is_call(const struct lookup *l, const struct vcs_rate *r)
{
	const struct vcs_name *s = vcs_find_name(l->services, r->service);

	return !s || !strcmp(s->unit, "s");
}

/* The one for calls before one for messages; the service with the lowest id
 * first, which is plain voice. */
static bool is_better(const struct lookup *l, const struct vcs_rate *r,
    const struct vcs_rate *than)
{
	if (!than || is_call(l, r) != is_call(l, than))
		return !than || is_call(l, r);
	return r->service < than->service;
}

static bool is_future(const struct call *c, const struct vcs_rate *r)
{
	return r->effective_from > c->now;
}

static void choose(struct call *c, struct lookup *l)
{
	for (size_t i = strlen(l->digits); i > 0; i--) {
		const struct vcs_rates *rates = l->of_code[i];
		const struct vcs_rate *best = NULL;

		for (size_t j = 0; j < rates->n; j++) {
			const struct vcs_rate *r = &rates->rows[j];

			if (!is_future(c, r) &&
			    (!r->effective_till ||
				r->effective_till > c->now) &&
			    !strncmp(r->code, l->digits, i) && !r->code[i] &&
			    is_better(l, r, best))
				best = r;
		}
		if (best &&
		    (!l->rate || (is_call(l, best) && !is_call(l, l->rate))))
			l->rate = best;
		if (l->rate && is_call(l, l->rate))
			return;
	}
}

/* What an example call costs: the duration is billed in whole intervals, at
 * least the minimum; the price pays for rate_unit units. */
static bool find_cost(const struct lookup *l, struct money *out)
{
	const struct vcs_rate *r = l->rate;
	const struct vcs_name *s = vcs_find_name(l->services, r->service);
	int64_t interval = r->interval > 0 ? r->interval : 1;
	int64_t billed = EXAMPLE > r->min_volume ? EXAMPLE : r->min_volume;
	struct money cost;

	billed = (billed + interval - 1) / interval * interval;
	return money_mul(r->price, (struct money){.coef = billed}, &cost) &&
	       money_divide(cost, s ? s->rate_unit : 60,
		   cost.scale > 9 ? cost.scale : 9, &cost) &&
	       money_add(cost, r->setup_fee, out);
}

static void put_example(struct call *c, const struct lookup *l)
{
	const char *currency = vcs_find_currency(c->trip, l->rate->currency);
	struct json_object *example;
	struct money cost;

	if (!is_call(l, l->rate) || !find_cost(l, &cost)) {
		json_put(c->model, "example", NULL);
		return;
	}
	example = json_put_object(c->model, "example");
	put_duration(c, example, "duration", EXAMPLE);
	put_money(c, example, "cost", cost, currency);
}

static void put_future(struct call *c, const struct lookup *l)
{
	struct json_object *list = json_put_list(c->model, "future");
	const struct vcs_rates *rates =
	    l->rate ? l->of_code[strlen(l->rate->code)] : NULL;

	for (size_t i = 0; rates && i < rates->n; i++)
		if (is_future(c, &rates->rows[i]) &&
		    rates->rows[i].service == l->rate->service)
			json_put(list, NULL,
			    rates_make_row(c, &rates->rows[i], l->services));
	json_put_flag(c->ui, "has_future", json_length(list) > 0);
}

static void put_texts(struct call *c, const struct lookup *l)
{
	const struct vcs_name *s = vcs_find_name(l->services, l->rate->service);
	bool minute = is_call(l, l->rate) && (!s || s->rate_unit == 60);

	json_put_text(c->ui, "price_label",
	    page_text(c, minute ? "lookup.per_minute" : "lookup.per_unit"));
	put_day(c, c->ui, "from", l->rate->effective_from);
	put_day(c, c->ui, "till", l->rate->effective_till);
}

static enum err find_error(const struct lookup *l)
{
	for (size_t i = strlen(l->digits); i > 0; i--)
		if (l->of_code[i]->err)
			return l->of_code[i]->err;
	return ERR_OK;
}

static void show(struct call *c, struct lookup *l)
{
	choose(c, l);
	json_put(c->model, "rate",
	    l->rate ? rates_make_row(c, l->rate, l->services) : NULL);
	put_future(c, l);
	if (l->rate) {
		put_example(c, l);
		put_texts(c, l);
	} else {
		json_put(c->model, "example", NULL);
	}
	json_put_flag(c->ui, "not_found", l->rate == NULL);
}

/* Without a number: the form alone. */
static enum err show_form(struct call *c)
{
	json_put(c->model, "number", NULL);
	json_put(c->model, "rate", NULL);
	json_put_list(c->model, "future");
	json_put(c->model, "example", NULL);
	return ERR_OK;
}

const char lookup_answer[] =
    "number? rate{" SHAPE_RATE "}? future[" SHAPE_RATE "] "
    "example{duration:quantity cost:money}?";

enum err lookup_load(struct call *c)
{
	const char *number = req_text(c->req, "number");
	struct lookup *l;
	enum err err;

	if (!number)
		return show_form(c);
	l = mem_alloc(c->mem, sizeof(*l));
	l->digits = rate_make_digits(c->mem, number);
	if (!l->digits || strlen(l->digits) > DIGITS_MOST) {
		req_add_fault(c->req, "number", "field.number");
		if (c->req->format != FORMAT_HTML)
			return ERR_INPUT;
		c->status = err_status(ERR_INPUT);
		return show_form(c);
	}
	ask(c, l);
	err = page_go(c);
	if (err)
		return err;
	json_put_text(c->model, "number", l->digits);
	if (page_section(c, "rate", find_error(l)))
		show(c, l);
	return page_end(c);
}
