// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl advise: the answer, as text and as JSON.
 *
 * The text has what a reader can act on, and under it what the trace does not show.
 * The JSON has every site.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>

#include "advise.h"

static const char *module_name(const char *module)
{
	if (!*module)
		return "(kernel)";
	return strcmp(module, "?") ? module : "(some module)";
}

static double percent(int64_t part, int64_t all)
{
	return all ? 100.0 * part / all : 0;
}

static double seconds_of(const struct advice *a)
{
	return (a->last - a->first) / 1e9;
}

/* Where goalloc keeps its states and bits: ten bits for each small object. */
static uint64_t books_of(const struct advice *a)
{
	return (a->total.peak.objects - a->class[0].peak.objects) * 10 / 8;
}

/* Spans are given out as a whole. */
static uint64_t spans_of(const struct advice *a)
{
	uint64_t bytes = a->class[0].peak.goalloc;
	unsigned int i;

	for (i = 1; i < ADVISE_CLASSES; i++)
		bytes += advise_spans(i, a->class[i].peak.objects);
	return bytes;
}

/* Of modules: the others cannot call goalloc. */
static struct amount of_modules(const struct advice *a, int peak)
{
	struct amount sum = { 0 };
	size_t i;

	for (i = 0; i < a->nmodules; i++) {
		const struct site *m = &a->modules[i];
		const struct amount *is = peak ? &m->t.peak : &m->t.all;

		if (!*m->module)
			continue;
		sum.objects += is->objects;
		sum.requested += is->requested;
		sum.kmalloc += is->kmalloc;
		sum.goalloc += is->goalloc;
	}
	return sum;
}

static void put_amount(const char *name, const struct amount *m)
{
	printf("%-26s %10" PRIu64 " %14" PRIu64 " %14" PRIu64 " %14" PRIu64
	       " %14" PRId64 " %6.2f%%\n", name, m->objects, m->requested,
	       m->kmalloc, m->goalloc, advise_saved(m),
	       percent(advise_saved(m), m->kmalloc));
}

static void put_totals(const struct advice *a)
{
	struct amount m;

	printf("%.1f seconds: %" PRIu64 " allocations by kmalloc at %zu call sites, %"
	       PRIu64 " frees\n\n", seconds_of(a), a->total.all.objects,
	       a->nsites, a->frees);
	printf("%-26s %10s %14s %14s %14s %14s %7s\n", "bytes", "objects",
	       "requested", "kmalloc", "goalloc", "saved", "saved");
	put_amount("live at the peak", &a->total.peak);
	m = of_modules(a, 1);
	put_amount("  of these, of modules", &m);
	put_amount("allocated, in all", &a->total.all);
	m = of_modules(a, 0);
	put_amount("  of these, by modules", &m);
	printf("At the peak goalloc's objects fill spans of %" PRIu64
	       " bytes at best, and need %" PRIu64 " more for states.\n",
	       spans_of(a), books_of(a));
}

/* A row of either table; shares are of what all of them save. */
static void put_row(const struct advice *a, const struct site *s)
{
	char life[24] = "-";

	if (s->freed)
		snprintf(life, sizeof(life), "%.3f",
			 s->lived_ns / 1e6 / s->freed);
	printf("%10" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRId64
	       " %6.2f%% %14" PRId64 " %6.2f%% %10s  ", s->t.peak.objects,
	       s->t.peak.requested, s->t.peak.kmalloc,
	       advise_saved(&s->t.peak),
	       percent(advise_saved(&s->t.peak), advise_saved(&a->total.peak)),
	       advise_saved(&s->t.all),
	       percent(advise_saved(&s->t.all), advise_saved(&a->total.all)),
	       life);
}

static void put_heads(const char *what)
{
	printf("\n%10s %12s %12s %12s %7s %14s\n"
	       "%10s %12s %12s %12s %7s %14s %7s %10s  %s\n",
	       "at peak:", "", "", "", "", "in all:",
	       "objects", "requested", "kmalloc", "saved", "share", "saved",
	       "share", "lives, ms", what);
}

static void put_tables(const struct advice *a, unsigned int rows)
{
	size_t i;

	put_heads("module");
	for (i = 0; i < a->nmodules && i < rows; i++) {
		put_row(a, &a->modules[i]);
		puts(module_name(a->modules[i].module));
	}
	if (i < a->nmodules)
		printf("%zu more\n", a->nmodules - i);
	put_heads("call site");
	for (i = 0; i < a->nsites && i < rows; i++) {
		put_row(a, &a->site[i]);
		fputs(a->site[i].name, stdout);
		if (*a->site[i].module)
			printf(" [%s]", a->site[i].module);
		putchar('\n');
	}
	if (i < a->nsites)
		printf("%zu more\n", a->nsites - i);
}

/* What this trace lacks, as far as it can be known. */
static void put_gaps(const struct advice *a)
{
	if (a->lost)
		printf("* %" PRIu64 " events were lost: all figures are too small, and objects whose free was lost stay.\n",
		       a->lost);
	if (a->lost_some)
		printf("* %" PRIu64 " times events were lost, and nothing says how many.\n",
		       a->lost_some);
	if (!a->frees)
		puts("* There is no kfree event: the peak is the end, and holds all that was allocated.");
	if (a->before)
		printf("* %" PRIu64 " frees were of what was not seen to be allocated: before the start, or from a cache.\n",
		       a->before);
	if (a->unseen)
		printf("* %" PRIu64 " frees were not seen, but the address came again: kfree_rcu() in bulk has no event.\n",
		       a->unseen);
	if (a->failed)
		printf("* %" PRIu64 " allocations failed.\n", a->failed);
	if (a->zone.objects)
		printf("* %" PRIu64 " objects, %" PRIu64 " bytes, are of a DMA zone, which goalloc has not; they count as kmalloc's.\n",
		       a->zone.objects, a->zone.kmalloc);
	if (a->too_large)
		printf("* %" PRIu64 " objects are of a size that goalloc refuses; they count as kmalloc's.\n",
		       a->too_large);
	if (a->accounted.objects)
		printf("* %" PRIu64 " objects, %" PRIu64 " bytes, are charged to memory cgroups; goalloc does that above 32 KiB only.\n",
		       a->accounted.objects, a->accounted.kmalloc);
	if (a->hidden)
		printf("* %" PRIu64 " objects have no address, as a kernel writes it that has just booted: they count as never freed.\n",
		       a->hidden);
	if (!a->bracketed && !a->names)
		puts("* No call site has a module behind it: -kallsyms /proc/kallsyms of that machine finds them.");
	if (a->backwards)
		printf("* %" PRIu64 " lines are older than the one before: what is live is less exact.\n",
		       a->backwards);
	if (a->short_ptr && !a->hidden)
		puts("* The addresses are hashed to 32 bits: now and then two objects are taken for one.");
}

static void put_notes(const struct advice *a)
{
	printf("\nNot kmalloc: %" PRIu64 " objects of caches, %" PRIu64
	       " bytes and %" PRIu64 " with what the caches add.\n",
	       a->cache.objects, a->cache.requested, a->cache.kmalloc);
	puts("\nWhat this does not show:");
	put_gaps(a);
	puts("* What was allocated before the start; vmalloc(); pages; objects above 4 MiB.\n"
	     "* Free objects that the slabs of kmalloc hold, and whether caches are merged.\n"
	     "* The caller behind kvmalloc(), krealloc() and the like, and that of an inlined function.\n"
	     "* Only modules can call goalloc: what the kernel itself would save cannot be had.");
}

/**
 * advise_text - print the advice
 * @a: the advice
 * @rows: of each table
 */
void advise_text(const struct advice *a, unsigned int rows)
{
	put_totals(a);
	put_tables(a, rows);
	put_notes(a);
}

static void json_text(const char *name, const char *text)
{
	printf("\"%s\":\"", name);
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c > '~')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void json_amount(const char *name, const struct amount *m)
{
	printf("\"%s\":{\"objects\":%" PRIu64 ",\"requested\":%" PRIu64
	       ",\"kmalloc\":%" PRIu64 ",\"goalloc\":%" PRIu64 ",\"saved\":%"
	       PRId64 "}", name, m->objects, m->requested, m->kmalloc,
	       m->goalloc, advise_saved(m));
}

static void json_site(const struct site *s, int with_name, int first)
{
	if (!first)
		putchar(',');
	putchar('{');
	if (with_name) {
		json_text("site", s->name);
		putchar(',');
	}
	json_text("module", s->module);
	putchar(',');
	json_amount("peak", &s->t.peak);
	putchar(',');
	json_amount("all", &s->t.all);
	printf(",\"freed\":%" PRIu64 ",\"lived-ns\":%" PRIu64 "}", s->freed,
	       s->lived_ns);
}

static void json_number(const char *name, uint64_t n)
{
	printf(",\"%s\":%" PRIu64, name, n);
}

/**
 * advise_json - print the advice as one line of JSON
 * @a: the advice
 */
void advise_json(const struct advice *a)
{
	struct amount cache = a->cache;
	size_t i;

	printf("{\"seconds\":%.6f,", seconds_of(a));
	json_amount("peak", &a->total.peak);
	putchar(',');
	json_amount("all", &a->total.all);
	putchar(',');
	/* goalloc has no word on these. */
	cache.goalloc = cache.kmalloc;
	json_amount("caches", &cache);
	json_number("spans", spans_of(a));
	json_number("states", books_of(a));
	json_number("frees", a->frees);
	json_number("frees-of-unknown", a->before);
	json_number("frees-not-seen", a->unseen);
	json_number("lost", a->lost);
	json_number("lost-uncounted", a->lost_some);
	json_number("failed", a->failed);
	json_number("dma-objects", a->zone.objects);
	json_number("too-large", a->too_large);
	json_number("accounted-objects", a->accounted.objects);
	json_number("accounted-bytes", a->accounted.kmalloc);
	json_number("backwards", a->backwards);
	json_number("hidden", a->hidden);
	json_number("modules-known", a->bracketed || a->names);
	json_number("hashed", a->short_ptr);
	printf(",\"modules\":[");
	for (i = 0; i < a->nmodules; i++)
		json_site(&a->modules[i], 0, !i);
	printf("],\"sites\":[");
	for (i = 0; i < a->nsites; i++)
		json_site(&a->site[i], 1, !i);
	puts("]}");
}
