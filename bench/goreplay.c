// SPDX-License-Identifier: GPL-2.0
/*
 * goreplay: play recorded kmalloc traffic through goalloc and through kmalloc.
 *
 *	insmod goreplay.ko trace=/path/fs.gotrace copies=64
 *
 * traces/README.md describes the format of a trace.  Both allocators get the
 * same calls in the same order in the same boot.  The report compares the pages
 * that each held at its peak, and after everything was freed.
 *
 * Copies are interleaved: event i is played for every copy before event i + 1.
 * Played one after the other, the live memory would be that of one trace only.
 *
 * Every object is filled when it is allocated and checked when it is freed.
 * The pattern depends on the copy and on the event that allocated the object,
 * so objects that overlap or change are found.
 *
 * Pages are counted as pages.h describes, relative to the pages held just
 * before the replay.  The replay's own tables are allocated earlier, so they do
 * not count.  Partly filled slabs that kmalloc holds before the start do not
 * count either, but they serve it.
 *
 * With timed=1 each call is timed instead, and objects are not touched.
 * latency.h has the clock; the time of a call that does nothing is subtracted.
 *
 * Module init does all the work; the module stays loaded only to be removed.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/goalloc.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "latency.h"
#include "pages.h"

static char *trace;
module_param(trace, charp, 0444);
MODULE_PARM_DESC(trace, "path of the trace to play, uncompressed");

static unsigned int copies = 1;
module_param(copies, uint, 0444);
MODULE_PARM_DESC(copies, "how many copies to play at once (default 1, at most 4096)");

static unsigned int events;
module_param(events, uint, 0444);
MODULE_PARM_DESC(events, "how many events to play, for slow kernels (default 0: all)");

static char *allocator = "both";
module_param(allocator, charp, 0444);
MODULE_PARM_DESC(allocator, "goalloc, kmalloc or both (default both)");

static bool timed;
module_param(timed, bool, 0444);
MODULE_PARM_DESC(timed, "time each call and do not check the objects (default 0)");

#define MAX_COPIES	4096
#define MAX_TRACE	(256UL << 20)	/* bytes */
#define NR_SAMPLES	1024		/* and one more at the live peak */
#define SMALL		256		/* up to this size all bytes are checked */

#define TRACE_MAGIC	"GOTRACE1"
#define SLOT_MASK	((1U << 28) - 1)

struct trace_header {
	char magic[8];
	__le32 events;
	__le32 slots;
	__le32 cpus;
	__le32 pad;
};

struct trace_event {
	__le32 slot_cpu;
	__le32 size;
};

/**
 * struct slot - a live object, or none
 * @p: the object, or NULL
 * @born: the event that allocated it, which has its size
 */
struct slot {
	void *p;
	u32 born;
};

/**
 * struct replay - a trace, ready to be played
 * @file: its bytes
 * @events: the events, in @file
 * @table: the slots of all copies, by slot, then copy
 * @stats: buffer for MemStats
 * @nr_events: number of @events
 * @nr_slots: number of slots of a copy
 * @peak_event: the event after which most requested bytes are live
 * @peak_bytes: the bytes that are live then, in one copy
 * @total_bytes: bytes ever requested in one copy
 */
struct replay {
	void *file;
	const struct trace_event *events;
	struct slot *table;
	struct goalloc_memstats *stats;
	u32 nr_events;
	u32 nr_slots;
	u32 peak_event;
	u64 peak_bytes;
	u64 total_bytes;
};

/**
 * struct player - an allocator and its results
 * @name: name to print
 * @alloc: allocates
 * @free: frees
 * @pages: returns the pages held now
 * @trim: makes it give back free memory; may be NULL
 * @base: pages held before the replay; those below are relative to it
 * @live: pages held when most requested bytes were live
 * @most: pages held at the peak
 * @freed: pages held after everything was freed
 * @after: pages held after @trim
 * @errors: objects whose contents had changed
 * @allocs: latencies of allocations
 * @frees: latencies of frees
 */
struct player {
	const char *name;
	void *(*alloc)(size_t size, gfp_t gfp);
	void (*free)(const void *p);
	u64 (*pages)(struct replay *r);
	void (*trim)(void);
	u64 base, live, most, freed, after;
	u64 errors;
	struct latency allocs, frees;
};

/* --- the two allocators -------------------------------------------------- */

static void *kmalloc_alloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp);
}

static void kmalloc_free(const void *p)
{
	kfree(p);
}

static u64 held_by_goalloc(struct replay *r)
{
	return goalloc_pages(r->stats);
}

static u64 held_by_kmalloc(struct replay *r)
{
	return kmalloc_pages();
}

static void goalloc_trim(void)
{
	goalloc_free_os_memory();
}

static struct player players[] = {
	{ "goalloc", gomalloc, gofree, held_by_goalloc, goalloc_trim },
	{ "kmalloc", kmalloc_alloc, kmalloc_free, held_by_kmalloc, NULL },
};

/* --- contents ------------------------------------------------------------ */

/*
 * The pattern is a sequence of 64-bit words.  Small objects hold all of it,
 * larger ones the first word of each 64 bytes.  All hold the last whole word
 * and the bytes behind it.
 */
static u64 pattern_word(u64 key, size_t word)
{
	return (key + word) * 0x9e3779b97f4a7c15ULL;
}

/* An object of an odd size may be unaligned, hence memcpy(). */
static void put_word(u8 *p, u64 key, size_t word)
{
	u64 value = pattern_word(key, word);

	memcpy(p + word * sizeof(value), &value, sizeof(value));
}

/* Zero if the word is as put_word() left it. */
static u64 word_differs(const u8 *p, u64 key, size_t word)
{
	u64 value;

	memcpy(&value, p + word * sizeof(value), sizeof(value));
	return value ^ pattern_word(key, word);
}

static size_t pattern_step(size_t size)
{
	return size <= SMALL ? 1 : 64 / sizeof(u64);
}

static void fill_object(u8 *p, size_t size, u64 key)
{
	size_t i, words = size / sizeof(u64);
	u64 tail = pattern_word(key, words);

	for (i = 0; i < words; i += pattern_step(size))
		put_word(p, key, i);
	if (words)
		put_word(p, key, words - 1);
	memcpy(p + words * sizeof(u64), &tail, size % sizeof(u64));
}

static bool object_intact(const u8 *p, size_t size, u64 key)
{
	size_t i, words = size / sizeof(u64);
	u64 tail = pattern_word(key, words);
	u64 bad = 0;

	for (i = 0; i < words; i += pattern_step(size))
		bad |= word_differs(p, key, i);
	if (words)
		bad |= word_differs(p, key, words - 1);
	return !bad && !memcmp(p + words * sizeof(u64), &tail,
			       size % sizeof(u64));
}

/* --- one call ------------------------------------------------------------- */

static void *call_alloc(struct player *pl, size_t size)
{
	struct moment m;
	void *p;

	if (!timed)
		return pl->alloc(size, GFP_KERNEL | __GFP_NOWARN);
	moment_start(&m);
	p = pl->alloc(size, GFP_KERNEL | __GFP_NOWARN);
	latency_add(&pl->allocs, moment_end(&m), size);
	return p;
}

static void call_free(struct player *pl, void *p, size_t size)
{
	struct moment m;

	if (!timed) {
		pl->free(p);
		return;
	}
	moment_start(&m);
	pl->free(p);
	latency_add(&pl->frees, moment_end(&m), size);
}

/* A call that does nothing, through a pointer as the others. */
static void *no_alloc(size_t size, gfp_t gfp)
{
	return ZERO_SIZE_PTR;
}

static u64 measure_overhead(void)
{
	static struct player none = { .alloc = no_alloc };
	unsigned int i;

	for (i = 0; i < 1000; i++)
		call_alloc(&none, 1);
	return latency_quantile(&none.allocs, 5000);
}

/* --- playing ------------------------------------------------------------- */

static u32 event_slot(const struct replay *r, u32 event)
{
	return le32_to_cpu(r->events[event].slot_cpu) & SLOT_MASK;
}

static u32 event_size(const struct replay *r, u32 event)
{
	return le32_to_cpu(r->events[event].size);
}

static u64 slot_key(const struct slot *s, u32 copy)
{
	return (u64)copy << 52 | (u64)s->born << 20;
}

static struct slot *slot_of(const struct replay *r, u32 slot, u32 copy)
{
	return &r->table[(size_t)slot * copies + copy];
}

static int slot_alloc(const struct replay *r, struct player *pl,
		      struct slot *s, u32 copy, u32 event)
{
	size_t size = event_size(r, event);

	s->p = call_alloc(pl, size);
	if (!s->p) {
		pr_err("%s: no memory for %zu bytes at event %u of copy %u\n",
		       pl->name, size, event, copy);
		return -ENOMEM;
	}
	s->born = event;
	if (!timed)
		fill_object(s->p, size, slot_key(s, copy));
	return 0;
}

static void slot_free(const struct replay *r, struct player *pl,
		      struct slot *s, u32 copy)
{
	size_t size = event_size(r, s->born);

	if (!timed && !object_intact(s->p, size, slot_key(s, copy))) {
		if (!pl->errors++)
			pr_err("%s: the object of event %u, copy %u, has changed\n",
			       pl->name, s->born, copy);
	}
	call_free(pl, s->p, size);
	s->p = NULL;
}

static int play_event(struct replay *r, struct player *pl, u32 event)
{
	struct slot *s = slot_of(r, event_slot(r, event), 0);
	u32 copy;
	int err;

	for (copy = 0; copy < copies; copy++) {
		if (!event_size(r, event)) {
			slot_free(r, pl, s + copy, copy);
			continue;
		}
		err = slot_alloc(r, pl, s + copy, copy, event);
		if (err)
			return err;
	}
	return 0;
}

/* Pages held relative to the base; fewer than at the base are noise. */
static u64 pages_above_base(struct replay *r, struct player *pl)
{
	u64 pages = pl->pages(r);

	return pages > pl->base ? pages - pl->base : 0;
}

/* Both allocators are sampled after the same events. */
static void sample_pages(struct replay *r, struct player *pl, u32 event)
{
	u32 every = DIV_ROUND_UP(r->nr_events, NR_SAMPLES);
	u64 pages;

	if (event % every && event != r->peak_event)
		return;
	pages = pages_above_base(r, pl);
	pl->most = max(pl->most, pages);
	if (event == r->peak_event)
		pl->live = pages;
}

static int play_events(struct replay *r, struct player *pl)
{
	u32 event;
	int err;

	for (event = 0; event < r->nr_events; event++) {
		err = play_event(r, pl, event);
		if (err)
			return err;
		sample_pages(r, pl, event);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static void free_rest(struct replay *r, struct player *pl)
{
	u32 slot, copy;

	for (slot = 0; slot < r->nr_slots; slot++) {
		for (copy = 0; copy < copies; copy++) {
			if (slot_of(r, slot, copy)->p)
				slot_free(r, pl, slot_of(r, slot, copy), copy);
		}
		cond_resched();
	}
}

static int play_trace(struct replay *r, struct player *pl)
{
	int err;

	if (pl->trim)
		pl->trim();
	pl->base = pl->pages(r);
	err = play_events(r, pl);
	free_rest(r, pl);
	pl->freed = pages_above_base(r, pl);
	if (pl->trim)
		pl->trim();
	pl->after = pages_above_base(r, pl);
	return err;
}

/* --- the trace ----------------------------------------------------------- */

static int check_header(struct replay *r, size_t size)
{
	const struct trace_header *h = r->file;

	if (size < sizeof(*h) || memcmp(h->magic, TRACE_MAGIC, sizeof(h->magic))) {
		pr_err("%s: no trace: it does not start with %s (still compressed?)\n",
		       trace, TRACE_MAGIC);
		return -EINVAL;
	}
	r->nr_events = le32_to_cpu(h->events);
	r->nr_slots = le32_to_cpu(h->slots);
	if (h->pad || !r->nr_events || !r->nr_slots ||
	    r->nr_slots > SLOT_MASK + 1 || r->nr_slots > r->nr_events) {
		pr_err("%s: bad header: %u events, %u slots\n", trace,
		       r->nr_events, r->nr_slots);
		return -EINVAL;
	}
	if ((size - sizeof(*h)) / sizeof(*r->events) != r->nr_events ||
	    (size - sizeof(*h)) % sizeof(*r->events)) {
		pr_err("%s: %zu bytes cannot be %u events\n", trace, size,
		       r->nr_events);
		return -EINVAL;
	}
	r->events = (const struct trace_event *)(h + 1);
	if (events)
		r->nr_events = min(r->nr_events, events);
	return 0;
}

static int report_bad_event(u32 event, const char *why)
{
	pr_err("%s: event %u %s\n", trace, event, why);
	return -EINVAL;
}

/*
 * Check the whole trace before any of it is played.  @held is the size that
 * each slot holds.
 */
static int check_events(struct replay *r, u32 *held)
{
	u64 live = 0;
	u32 i;

	for (i = 0; i < r->nr_events; i++) {
		u32 slot = event_slot(r, i), size = event_size(r, i);

		if (slot >= r->nr_slots)
			return report_bad_event(i, "names a slot out of range");
		if (size > GOALLOC_MAX_SIZE)
			return report_bad_event(i, "is larger than any object may be");
		if (size && held[slot])
			return report_bad_event(i, "allocates into a slot that is taken");
		if (!size && !held[slot])
			return report_bad_event(i, "frees an empty slot");

		live += size;
		live -= size ? 0 : held[slot];
		held[slot] = size;
		r->total_bytes += size;
		if (live > r->peak_bytes) {
			r->peak_bytes = live;
			r->peak_event = i;
		}
	}
	return 0;
}

static int check_trace(struct replay *r, size_t size)
{
	u32 *held;
	int err;

	err = check_header(r, size);
	if (err)
		return err;
	held = kvcalloc(r->nr_slots, sizeof(*held), GFP_KERNEL);
	if (!held)
		return -ENOMEM;
	err = check_events(r, held);
	kvfree(held);
	return err;
}

/*
 * kernel_read_file() needs the kind of the file for the kernel's integrity
 * policy, which has none for a trace.  So read it with kernel_read().
 */
static ssize_t read_trace_file(struct file *file, void **buf)
{
	loff_t size = i_size_read(file_inode(file)), pos = 0;
	ssize_t got;

	if (!S_ISREG(file_inode(file)->i_mode) || size <= 0)
		return -EINVAL;
	if (size > MAX_TRACE)
		return -EFBIG;
	*buf = vmalloc(size);
	if (!*buf)
		return -ENOMEM;
	while (pos < size) {
		got = kernel_read(file, *buf + pos, size - pos, &pos);
		if (got <= 0)
			return got ?: -EIO;
	}
	return size;
}

static int read_trace(struct replay *r)
{
	struct file *file;
	ssize_t size;

	file = filp_open(trace, O_RDONLY | O_LARGEFILE, 0);
	if (IS_ERR(file)) {
		pr_err("cannot open trace=%s: %pe\n", trace, file);
		return PTR_ERR(file);
	}
	size = read_trace_file(file, &r->file);
	fput(file);
	if (size < 0) {
		pr_err("cannot read trace=%s: %pe\n", trace, ERR_PTR(size));
		return size;
	}
	return check_trace(r, size);
}

/* --- the report ---------------------------------------------------------- */

/* a / b in tenths of a percent. */
static unsigned int per_mille(u64 a, u64 b)
{
	return b ? div64_u64(a * 1000, b) : 0;
}

static void print_row(const char *what, u64 go, u64 k)
{
	unsigned int ratio = per_mille(go, k);

	if (k)
		pr_info("%-34s %10llu %10llu %7u.%u %%\n", what, go, k,
			ratio / 10, ratio % 10);
	else
		pr_info("%-34s %10llu %10llu %11s\n", what, go, k, "-");
}

/* The same without a ratio. */
static void print_left(const char *what, u64 go, u64 k)
{
	pr_info("%-34s %10llu %10llu\n", what, go, k);
}

static void print_of_peak(u64 go, u64 k)
{
	unsigned int g = per_mille(go, players[0].most);
	unsigned int m = per_mille(k, players[1].most);

	pr_info("%-34s %6u.%u %% %6u.%u %%\n", "  of its own peak",
		g / 10, g % 10, m / 10, m % 10);
}

static void print_report(const struct replay *r)
{
	const struct player *g = &players[0], *k = &players[1];
	u64 requested = (r->peak_bytes * copies) >> PAGE_SHIFT;

	pr_info("%s, %u %s: %llu events, %llu bytes requested in total,\n",
		kbasename(trace), copies, copies == 1 ? "copy" : "copies",
		(u64)r->nr_events * copies, r->total_bytes * copies);
	pr_info("%llu bytes (%llu pages) of them live at the peak, after event %u\n",
		r->peak_bytes * copies, requested, r->peak_event);
	pr_info("%-34s %10s %10s %11s\n", "", g->name, k->name, "go/k");
	print_row("pages held when most bytes live", g->live, k->live);
	print_row("pages held at the peak", g->most, k->most);
	/* What is left of nothing has no ratio: it is told by the peak. */
	print_left("pages held after all frees", g->freed, k->freed);
	print_of_peak(g->freed, k->freed);
	print_left("  after FreeOSMemory", g->after, k->after);
	print_of_peak(g->after, k->after);
	print_left("objects with changed contents", g->errors, k->errors);
}

/* A line for scripts.  New keys go to the end; old ones never change. */
static void print_result(const struct replay *r)
{
	const struct player *g = &players[0], *k = &players[1];

	pr_info("RESULT name=%s copies=%u goalloc_peak_pages=%llu kmalloc_peak_pages=%llu goalloc_after_pages=%llu kmalloc_after_pages=%llu events=%llu errors=%llu goalloc_live_pages=%llu kmalloc_live_pages=%llu goalloc_freed_pages=%llu\n",
		kbasename(trace), copies, g->most, k->most, g->after, k->after,
		(u64)r->nr_events * copies, g->errors + k->errors, g->live,
		k->live, g->freed);
}

/* A row as gobench prints it, for scripts/bench-report. */
static void print_bench(const char *measure, const struct player *pl, u64 total,
			u64 ops)
{
	const char *name = kbasename(trace);

	pr_info("BENCH trace-%.*s,%u,%s,%s,%llu,%llu\n",
		(int)strcspn(name, "."), name, copies, pl->name, measure, total,
		ops);
}

static void print_latency(const struct player *pl, const char *op,
			  const struct latency *l, u64 overhead)
{
	struct latency_figure fig[LATENCY_FIGURES];
	char measure[24];
	unsigned int i;

	latency_figures(l, overhead, fig);
	for (i = 0; i < LATENCY_FIGURES; i++) {
		snprintf(measure, sizeof(measure), "%s_%s", op, fig[i].name);
		print_bench(measure, pl, fig[i].total, fig[i].ops);
	}
}

static void print_times(const struct player *pl)
{
	u64 n = pl->allocs.n + pl->frees.n, overhead = measure_overhead();

	print_bench(get_cycles() ? "instructions" : "ns", pl,
		    pl->allocs.sum + pl->frees.sum - n * overhead, n);
	print_bench("pages_peak", pl, pl->most, 1);
	print_bench("pages_freed", pl, pl->freed, 1);
	print_bench("pages_trimmed", pl, pl->after, 1);
	/* The host may interrupt UML at any time, so latencies mean nothing. */
	if (!get_cycles())
		return;
	print_latency(pl, "alloc", &pl->allocs, overhead);
	print_latency(pl, "free", &pl->frees, overhead);
}

/* --- the module ---------------------------------------------------------- */

static int check_params(void)
{
	if (!trace) {
		pr_err("trace= is needed: the path of a trace\n");
		return -EINVAL;
	}
	if (!copies || copies > MAX_COPIES) {
		pr_err("copies=%u is not in 1...%d\n", copies, MAX_COPIES);
		return -EINVAL;
	}
	if (strcmp(allocator, "both") && strcmp(allocator, players[0].name) &&
	    strcmp(allocator, players[1].name)) {
		pr_err("allocator=%s is not goalloc, kmalloc or both\n",
		       allocator);
		return -EINVAL;
	}
	return 0;
}

static int play_all(struct replay *r)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(players); i++) {
		if (strcmp(allocator, "both") &&
		    strcmp(allocator, players[i].name))
			continue;
		pr_info("playing %u x %s through %s\n", copies,
			kbasename(trace), players[i].name);
		err = play_trace(r, &players[i]);
		if (err)
			return err;
	}
	print_report(r);
	print_result(r);
	for (i = 0; i < ARRAY_SIZE(players) && timed; i++)
		print_times(&players[i]);
	return players[0].errors || players[1].errors ? -EIO : 0;
}

static int __init goreplay_init(void)
{
	struct replay r = {};
	int err;

	err = check_params();
	if (err)
		return err;
	err = read_trace(&r);
	if (err)
		goto out;
	err = -ENOMEM;
	r.stats = kvzalloc(sizeof(*r.stats), GFP_KERNEL);
	r.table = kvcalloc(array_size(r.nr_slots, copies), sizeof(*r.table),
			   GFP_KERNEL | __GFP_NOWARN);
	if (r.stats && r.table)
		err = play_all(&r);
	else
		pr_err("no memory for the tables of %u copies\n", copies);
out:
	kvfree(r.table);
	kvfree(r.stats);
	vfree(r.file);
	return err;
}

static void __exit goreplay_exit(void)
{
}

module_init(goreplay_init);
module_exit(goreplay_exit);

MODULE_DESCRIPTION("Plays recorded kmalloc traffic through goalloc and kmalloc");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
