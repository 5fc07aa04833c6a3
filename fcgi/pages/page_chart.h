/* page_chart.h: charts of money: only geometry here, drawn by the templates.
 *
 * Each chart stands beside a table of the same numbers.
 */
#ifndef PORTICO_PAGE_CHART_H
#define PORTICO_PAGE_CHART_H

#include "pages/page.h"

struct chart_bar {
	const char *label; /* "Nov 1: $3.20, 14 events" */
	const char *name;  /* "Nov 1" */
	struct money value;
};

/* ui.chart{width,height,label,base_y,max{y,text},mid{y,text},bars[{x,y,width,
 * height,rx,label,short,show_label,label_x}]}: upright bars, one a day; from 1
 * to some hundreds: they get thinner, and fewer have a label. */
void page_put_chart(struct call *c, const char *label,
    const struct chart_bar *bars, size_t n, const char *currency);

/* ui.bars[{name,text,label,width}] and ui.has_bars: lying bars of things with
 * names, the biggest first; `width` of PAGE_BAR_WIDTH. */
enum { PAGE_BAR_WIDTH = 1000 };
void page_put_bars(struct call *c, const struct chart_bar *bars, size_t n,
    const char *currency);

#endif
