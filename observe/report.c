// SPDX-License-Identifier: GPL-2.0
/*
 * Report: says in words what is wrong.
 *
 * Misuse is caught in the slow paths, and gohooks_misuse() brings it here,
 * where it is reported in one line, rate-limited: what was done, to which
 * address, by which caller, and what the heap knows of that address.  SLUB
 * prints a page of hexadecimal and a stack trace instead; but the author of a
 * module needs the size of the object, its state and the call, and a line is
 * short enough to be kept, so that tests can read it.
 */

#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include "cache.h"
#include "hooks.h"
#include "observe.h"
#include "redzone.h"
#include "shape.h"
#include "span.h"
#include "trace.h"

#undef pr_fmt
#define pr_fmt(fmt) "goalloc: " fmt

static const char * const misuse_name[GO_NR_MISUSES] = {
	[GO_DOUBLE_FREE] = "double free",
	[GO_INTERIOR] = "free inside an object",
	[GO_FOREIGN] = "not our pointer",
	[GO_WRONG_SIZE] = "wrong size in gofree_sized()",
	[GO_BAD_ZONE] = "allocation from a zone we do not have",
	[GO_OVERFLOW] = "write behind the end",
	[GO_USED_FREE] = "write after free",
	[GO_INSANE] = "broken span",
	[GO_LOST_PAGE] = "put_page() or kfree() of our page",
	[GO_WRONG_CACHE] = "free to the wrong cache",
	[GO_BAD_CACHE] = "bad use of a cache",
};

static const char *state_name(u8 state)
{
	if (goobj_is_tiny(state))
		return "tiny block";
	if (goobj_is_live(state))
		return "live";
	return state == GO_OBJ_FRESH ? "never used" : "free";
}

/* Say what the heap has at an address. */
static void describe_address(struct goheap *h, const void *p, char *buf,
			     size_t len)
{
	unsigned long idx;
	struct gospan *s;
	unsigned int n;

	preempt_disable();
	s = gospan_with(h, p);
	switch (s->state) {
	case GO_SPAN_SMALL:
		idx = ((unsigned long)kasan_reset_tag(p) - s->base) /
		      max(READ_ONCE(s->elemsize), 1U);
		idx = min_t(unsigned long, idx, s->nelems);
		n = scnprintf(buf, len,
			      "object %lu of a span of %u-byte objects%s, %s",
			      idx, s->elemsize,
			      GO_SPC_NOSCAN(s->spanclass) ? ", noscan" : "",
			      state_name(s->objstate[idx]));
		if (goshape_is_cache(s->spanclass))
			n += scnprintf(buf + n, len - n, ", of cache %s",
				       gocache_of(s->spanclass)->name);
		goredzone_describe(s, idx, buf + n, len - n);
		break;
	case GO_SPAN_LARGE:
		snprintf(buf, len, "in a large object of %u bytes",
			 s->elemsize);
		break;
	case GO_SPAN_DYING:
		snprintf(buf, len, "in what was a large object of %u bytes",
			 s->elemsize);
		break;
	case GO_SPAN_FREE:
		snprintf(buf, len, "in a free run of %u pages", s->npages);
		break;
	default:
		snprintf(buf, len, "in no span");
	}
	preempt_enable();
}

/* Compose a report: misuse, address, caller, and what the heap has there. */
static void compose_line(struct goheap *h, enum gomisuse kind, const void *p,
			 size_t size, unsigned long caller, char *buf,
			 size_t len)
{
	size_t n = scnprintf(buf, len, "%s: %p", misuse_name[kind], p);

	if (kind == GO_WRONG_SIZE)
		n += scnprintf(buf + n, len - n, ", size %zu", size);
	if (caller)
		n += scnprintf(buf + n, len - n, ", by %pS: ", (void *)caller);
	else
		n += scnprintf(buf + n, len - n, ", found %s: ",
			       kind == GO_LOST_PAGE || kind == GO_BAD_CACHE ?
			       "later" :
			       "when it came back to its span");
	describe_address(h, p, buf + n, len - n);
}

/* Report what a caller did wrong; see struct gohooks. */
static void report_misuse(struct goheap *h, enum gomisuse kind, const void *p,
			  size_t size, unsigned long caller)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);
	char line[sizeof(h->report)];

	trace_misuse(kind, p, size, caller);
	if (kind == GO_BAD_ZONE) {
		WARN_ONCE(1, "goalloc: %s, by %pS\n", misuse_name[kind],
			  (void *)caller);
		return;
	}
	compose_line(h, kind, p, size, caller, line, sizeof(line));
	/* Any context may report: a second report does not wait. */
	if (!atomic_xchg(&h->reporting, 1)) {
		strscpy(h->report, line, sizeof(h->report));
		atomic_set(&h->reporting, 0);
	}
	if (__ratelimit(&limit))
		pr_err("%s\n", line);
}

/**
 * goreport_init - register the hook that reports misuse
 *
 * Context: task, before there is a heap.
 */
void goreport_init(void)
{
	gohooks.misuse = report_misuse;
}

/**
 * goreport_leaks - report what is still live when a heap ends
 * @h: the heap, whose mcaches are empty
 *
 * Context: task.
 */
void goreport_leaks(struct goheap *h)
{
	struct gostats_large large;
	struct gostats_spc st;
	unsigned long live = 0;
	unsigned int spc;

	for_each_goshape(spc) {
		gostats_read_spc(h, spc, &st);
		if (st.mallocs == st.frees)
			continue;
		live += st.mallocs - st.frees;
		pr_warn("leaked: %lu objects of %u bytes%s\n",
			st.mallocs - st.frees, goshapes[spc].size,
			GO_SPC_NOSCAN(spc) ? ", noscan" : "");
	}
	gostats_read_large(h, &large);
	if (large.mallocs != large.frees) {
		live += large.mallocs - large.frees;
		pr_warn("leaked: %lu large objects, %lu bytes\n",
			large.mallocs - large.frees,
			large.alloced - large.freed);
	}
	if (live)
		pr_warn("%lu objects leaked; their pages stay in use until reboot\n",
			live);
}
