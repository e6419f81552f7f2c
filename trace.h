/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace: the tracepoints goalloc:*, for perf, bpftrace, trace-cmd and tracefs.
 *
 * They stand in the ground, below every file that has something to tell.  A
 * tracepoint is a hook already: a lower file calls it, and a probe, of which that
 * file knows nothing, has been registered from above.  Hooks of our own would only
 * put a second pointer in front.
 *
 * goalloc:malloc and goalloc:free have the fields of kmem:kmalloc and kmem:kfree,
 * by the same names, so that a script for these needs other names of events and
 * nothing else; free has bytes_alloc as well.  There is one event for each object
 * that a caller gets or gives back, none for an allocation that fails, for
 * gofree(NULL), for misuse, and for what gorealloc() leaves where it is.  An event
 * of a free comes before any other caller can get the object.
 *
 * A fast path has no tracepoint, not even one that is off: gotrace_watch() turns
 * the static keys that lead every call to the slow half, where these two are.  So
 * they cost no instruction while nobody listens.
 *
 * An event is written in the context it happens in, NMI included, but none under
 * one of our locks.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM goalloc

#if !defined(GOALLOC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define GOALLOC_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>
#include <trace/events/mmflags.h>
#include "types.h"

/* The kernel's table of names is longer than what sparse can expand. */
#ifdef __CHECKER__
#define gotrace_gfp(flags)	((flags) ? "some" : "none")
#else
#define gotrace_gfp(flags)	show_gfp_flags(flags)
#endif

int gotrace_watch_mallocs(void);
void gotrace_unwatch_mallocs(void);
int gotrace_watch_frees(void);
void gotrace_unwatch_frees(void);

TRACE_EVENT_FN(malloc,

	TP_PROTO(unsigned long call_site, const void *ptr, size_t bytes_req,
		 size_t bytes_alloc, gfp_t gfp_flags, int node),

	TP_ARGS(call_site, ptr, bytes_req, bytes_alloc, gfp_flags, node),

	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__field(size_t, bytes_req)
		__field(size_t, bytes_alloc)
		__field(unsigned long, gfp_flags)
		__field(int, node)
	),

	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		__entry->bytes_req = bytes_req;
		__entry->bytes_alloc = bytes_alloc;
		__entry->gfp_flags = (__force unsigned long)gfp_flags;
		__entry->node = node;
	),

	/* Objects of whole pages are charged to the caller's memory cgroup. */
	TP_printk("call_site=%pS ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d accounted=%s",
		  (void *)__entry->call_site, __entry->ptr, __entry->bytes_req,
		  __entry->bytes_alloc, gotrace_gfp(__entry->gfp_flags),
		  __entry->node,
		  IS_ENABLED(CONFIG_MEMCG) &&
		  (__entry->gfp_flags & (__force unsigned long)__GFP_ACCOUNT) &&
		  __entry->bytes_req > GO_MAX_SMALL ? "true" : "false"),

	gotrace_watch_mallocs, gotrace_unwatch_mallocs
);

TRACE_EVENT_FN(free,

	TP_PROTO(unsigned long call_site, const void *ptr, size_t bytes_alloc),

	TP_ARGS(call_site, ptr, bytes_alloc),

	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__field(size_t, bytes_alloc)
	),

	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		__entry->bytes_alloc = bytes_alloc;
	),

	TP_printk("call_site=%pS ptr=%p bytes_alloc=%zu",
		  (void *)__entry->call_site, __entry->ptr,
		  __entry->bytes_alloc),

	gotrace_watch_frees, gotrace_unwatch_frees
);

/* A small span is made or given up. */
DECLARE_EVENT_CLASS(gospan_event,

	TP_PROTO(const struct gospan *s),

	TP_ARGS(s),

	TP_STRUCT__entry(
		__field(unsigned long, base)
		__field(size_t, bytes)
		__field(unsigned int, elemsize)
		__field(unsigned int, nelems)
		__field(bool, noscan)
	),

	TP_fast_assign(
		__entry->base = s->base;
		__entry->bytes = s->bytes;
		__entry->elemsize = s->elemsize;
		__entry->nelems = s->nelems;
		__entry->noscan = GO_SPC_NOSCAN(s->spanclass);
	),

	TP_printk("base=%p bytes=%zu elemsize=%u nelems=%u noscan=%d",
		  (void *)__entry->base, __entry->bytes, __entry->elemsize,
		  __entry->nelems, __entry->noscan)
);

DEFINE_EVENT(gospan_event, span_carve,
	TP_PROTO(const struct gospan *s), TP_ARGS(s));

DEFINE_EVENT(gospan_event, span_release,
	TP_PROTO(const struct gospan *s), TP_ARGS(s));

/* The heap of a node has got pages from the kernel. */
TRACE_EVENT(heap_grow,

	TP_PROTO(int node, const void *base, size_t bytes),

	TP_ARGS(node, base, bytes),

	TP_STRUCT__entry(
		__field(int, node)
		__field(const void *, base)
		__field(size_t, bytes)
	),

	TP_fast_assign(
		__entry->node = node;
		__entry->base = base;
		__entry->bytes = bytes;
	),

	TP_printk("node=%d base=%p bytes=%zu", __entry->node, __entry->base,
		  __entry->bytes)
);

TRACE_DEFINE_ENUM(GO_BY_BACKGROUND);
TRACE_DEFINE_ENUM(GO_BY_SHRINKER);
TRACE_DEFINE_ENUM(GO_BY_LIMIT);
TRACE_DEFINE_ENUM(GO_BY_HAND);

/* A pass has looked for free pages, and given so many back. */
TRACE_EVENT(heap_scavenge,

	TP_PROTO(unsigned int by, unsigned long pages, u64 ns),

	TP_ARGS(by, pages, ns),

	TP_STRUCT__entry(
		__field(unsigned int, by)
		__field(size_t, bytes)
		__field(u64, ns)
	),

	TP_fast_assign(
		__entry->by = by;
		__entry->bytes = pages << GO_PAGE_SHIFT;
		__entry->ns = ns;
	),

	TP_printk("by=%s bytes=%zu ns=%llu",
		  __print_symbolic(__entry->by,
				   { GO_BY_BACKGROUND, "background" },
				   { GO_BY_SHRINKER, "shrinker" },
				   { GO_BY_LIMIT, "limit" },
				   { GO_BY_HAND, "hand" }),
		  __entry->bytes, __entry->ns)
);

/* An allocation would exceed memory_limit; room is made if it may sleep. */
TRACE_EVENT(limit,

	TP_PROTO(size_t held, size_t most, size_t bytes, gfp_t gfp_flags),

	TP_ARGS(held, most, bytes, gfp_flags),

	TP_STRUCT__entry(
		__field(size_t, held)
		__field(size_t, limit)
		__field(size_t, bytes)
		__field(unsigned long, gfp_flags)
	),

	TP_fast_assign(
		__entry->held = held;
		__entry->limit = most;
		__entry->bytes = bytes;
		__entry->gfp_flags = (__force unsigned long)gfp_flags;
	),

	TP_printk("held=%zu limit=%zu bytes=%zu gfp_flags=%s", __entry->held,
		  __entry->limit, __entry->bytes,
		  gotrace_gfp(__entry->gfp_flags))
);

/* Pages were taken that only some callers get, and so many bytes are left. */
TRACE_EVENT(reserve,

	TP_PROTO(int node, unsigned long pages, unsigned long left),

	TP_ARGS(node, pages, left),

	TP_STRUCT__entry(
		__field(int, node)
		__field(size_t, bytes)
		__field(size_t, left)
	),

	TP_fast_assign(
		__entry->node = node;
		__entry->bytes = pages << GO_PAGE_SHIFT;
		__entry->left = left << GO_PAGE_SHIFT;
	),

	TP_printk("node=%d bytes=%zu left=%zu", __entry->node, __entry->bytes,
		  __entry->left)
);

TRACE_DEFINE_ENUM(GO_DOUBLE_FREE);
TRACE_DEFINE_ENUM(GO_INTERIOR);
TRACE_DEFINE_ENUM(GO_FOREIGN);
TRACE_DEFINE_ENUM(GO_WRONG_SIZE);
TRACE_DEFINE_ENUM(GO_BAD_ZONE);
TRACE_DEFINE_ENUM(GO_OVERFLOW);
TRACE_DEFINE_ENUM(GO_USED_FREE);
TRACE_DEFINE_ENUM(GO_INSANE);
TRACE_DEFINE_ENUM(GO_LOST_PAGE);
TRACE_DEFINE_ENUM(GO_WRONG_CACHE);
TRACE_DEFINE_ENUM(GO_BAD_CACHE);

/* A caller's mistake; there is an event for each, the log is rate-limited. */
TRACE_EVENT(misuse,

	TP_PROTO(unsigned int kind, const void *ptr, size_t bytes_req,
		 unsigned long call_site),

	TP_ARGS(kind, ptr, bytes_req, call_site),

	TP_STRUCT__entry(
		__field(unsigned int, kind)
		__field(const void *, ptr)
		__field(size_t, bytes_req)
		__field(unsigned long, call_site)
	),

	TP_fast_assign(
		__entry->kind = kind;
		__entry->ptr = ptr;
		__entry->bytes_req = bytes_req;
		__entry->call_site = call_site;
	),

	TP_printk("kind=%s ptr=%p bytes_req=%zu call_site=%pS",
		  __print_symbolic(__entry->kind,
				   { GO_DOUBLE_FREE, "double_free" },
				   { GO_INTERIOR, "interior" },
				   { GO_FOREIGN, "foreign" },
				   { GO_WRONG_SIZE, "wrong_size" },
				   { GO_BAD_ZONE, "bad_zone" },
				   { GO_OVERFLOW, "overflow" },
				   { GO_USED_FREE, "used_free" },
				   { GO_INSANE, "insane" },
				   { GO_LOST_PAGE, "lost_page" },
				   { GO_WRONG_CACHE, "wrong_cache" },
				   { GO_BAD_CACHE, "bad_cache" }),
		  __entry->ptr, __entry->bytes_req, (void *)__entry->call_site)
);

#endif /* GOALLOC_TRACE_H */

/* Out of the kernel's tree the header is found by the -I of our Kbuild. */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
