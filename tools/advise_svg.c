// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl advise: the answer as a picture.
 *
 * A row is a module or a call site, and its bar what kmalloc() took for its objects at
 * the peak: first what was asked for, in the module's colour; then what goalloc would
 * add to it, paler; and last, hatched, what it would not need.  All bars have one
 * scale, the rows that save most come first, and each has its figures as text.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>

#include "advise.h"
#include "svg.h"

#define WIDTH		1200.0
#define MARGIN		10.0
#define ROW		18
#define NAMES		400.0	/* for the names, and behind them the bars */
#define BARS		480.0
#define MODULES		12
#define SITES		24

struct picture {
	FILE *out;
	double scale;
	double y;
};

static void put_text(struct picture *p, double x, const char *text)
{
	fprintf(p->out, "<text x=\"%.0f\" y=\"%.0f\">", x, p->y + 13);
	svg_text(p->out, text, NAMES / SVG_LETTER - 1);
	fputs("</text>\n", p->out);
}

/* A part of a bar; *x moves behind it. */
static void put_part(struct picture *p, double *x, int64_t bytes,
		     const char *module, const char *fill)
{
	double width = bytes * p->scale;

	if (bytes <= 0)
		return;
	fprintf(p->out, "<rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" fill=\"",
		*x, p->y + 1, width, ROW - 3);
	if (fill)
		fputs(fill, p->out);
	else
		svg_colour(p->out, module);
	fputs("\"/>", p->out);
	*x += width;
}

static void put_figures(struct picture *p, const struct amount *m)
{
	fprintf(p->out, "<text x=\"%.0f\" y=\"%.0f\">",
		MARGIN + NAMES + BARS + 10, p->y + 13);
	svg_bytes(p->out, m->kmalloc);
	fputs(", saves ", p->out);
	svg_bytes(p->out, advise_saved(m));
	fprintf(p->out, " (%.1f %%)</text>",
		m->kmalloc ? 100.0 * advise_saved(m) / m->kmalloc : 0);
}

static void put_row(struct picture *p, const char *name, const char *module,
		    const struct amount *m)
{
	const char *known = *module && strcmp(module, "?") ? module : NULL;
	double x = MARGIN + NAMES;

	fputs("<g><title>", p->out);
	svg_text(p->out, name, 1000);
	fprintf(p->out, ": %" PRIu64 " objects, requested %" PRIu64 ", kmalloc %"
		PRIu64 ", goalloc %" PRIu64 " bytes</title>", m->objects,
		m->requested, m->kmalloc, m->goalloc);
	put_text(p, MARGIN, name);
	put_part(p, &x, m->requested, known, NULL);
	put_part(p, &x, m->goalloc - m->requested, known, "#f5e3b3");
	put_part(p, &x, advise_saved(m), known, "url(#saved)");
	put_figures(p, m);
	fputs("</g>\n", p->out);
	p->y += ROW;
}

static void put_site(struct picture *p, const struct site *s)
{
	char name[512];

	snprintf(name, sizeof(name), "%s%s%s%s", s->name,
		 *s->module ? " [" : "", s->module, *s->module ? "]" : "");
	put_row(p, name, s->module, &s->t.peak);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void put_head(struct picture *p, const struct advice *a)
{
	double x = MARGIN;

	fputs("<defs><pattern id=\"saved\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"6\" height=\"6\" fill=\"#fff\"/><path d=\"M0 6L6 0\" stroke=\"#c22\"/></pattern></defs>\n",
	      p->out);
	put_text(p, x, "What kmalloc took at the peak, and of it:");
	x += 310;
	put_part(p, &x, 20 / p->scale, NULL, "#8ab");
	put_text(p, x + 6, "requested");
	x += 100;
	put_part(p, &x, 20 / p->scale, NULL, "#f5e3b3");
	put_text(p, x + 6, "goalloc would add");
	x += 150;
	put_part(p, &x, 20 / p->scale, NULL, "url(#saved)");
	put_text(p, x + 6, "goalloc would save");
	p->y += ROW;
	put_row(p, "all", "", &a->total.peak);
}

/**
 * advise_svg - draw the advice
 * @a: the advice
 * @out: the file
 */
void advise_svg(const struct advice *a, FILE *out)
{
	size_t modules = least(a->nmodules, MODULES);
	size_t sites = least(a->nsites, SITES), i;
	struct picture p = { .out = out, .y = MARGIN };
	const char *module;

	p.scale = BARS / a->total.peak.kmalloc;
	svg_begin(out, WIDTH, 2 * MARGIN + ROW * (modules + sites + 4));
	put_head(&p, a);
	put_text(&p, MARGIN, "by module");
	p.y += ROW;
	for (i = 0; i < modules; i++) {
		module = a->modules[i].module;
		put_row(&p, !*module ? "(kernel)" : !strcmp(module, "?") ?
			"(some module)" : module, module, &a->modules[i].t.peak);
	}
	put_text(&p, MARGIN, "by call site");
	p.y += ROW;
	for (i = 0; i < sites; i++)
		put_site(&p, &a->site[i]);
	svg_end(out);
}
