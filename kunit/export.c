// SPDX-License-Identifier: GPL-2.0
/*
 * The one place that shows our insides to the tests.
 *
 * Linked into goalloc.ko on kernels with KUnit only.  Everything here is in
 * KUnit's own namespace, so that no other module can take it for API.
 */

#include <kunit/visibility.h>
#include <linux/fault-inject.h>
#include "alloc.h"
#include "api.h"
#include "block.h"
#include "cache.h"
#include "central.h"
#include "dropin.h"
#include "dropin_cache.h"
#include "fixalloc.h"
#include "free.h"
#include "gc/gc.h"
#include "gov.h"
#include "heap.h"
#include "large.h"
#include "hooks.h"
#include "lifecycle.h"
#include "numa.h"
#include "observe/observe.h"
#include "observe/profile.h"
#include "owner.h"
#include "reclaim/reclaim.h"
#include "runs.h"
#include "sample.h"
#include "shape.h"
#include "site.h"
#include "source.h"
#include "span.h"
#include "stack.h"
#include "tiny.h"
#include "trace.h"

EXPORT_SYMBOL_IF_KUNIT(goalloc_heap);
EXPORT_SYMBOL_IF_KUNIT(goalloc_check);
EXPORT_SYMBOL_IF_KUNIT(goshapes);
EXPORT_SYMBOL_IF_KUNIT(goshape_end);
EXPORT_SYMBOL_IF_KUNIT(goshape_fit);
EXPORT_SYMBOL_IF_KUNIT(gocaches_lock);
EXPORT_SYMBOL_IF_KUNIT(gocache_retire);
EXPORT_SYMBOL_IF_KUNIT(gostack_empty);
EXPORT_SYMBOL_IF_KUNIT(gov_next);
EXPORT_SYMBOL_IF_KUNIT(gocaches_leave);

EXPORT_SYMBOL_IF_KUNIT(goalloc_free_detour);
EXPORT_SYMBOL_IF_KUNIT(goalloc_watch);
EXPORT_SYMBOL_IF_KUNIT(goalloc_detour);

EXPORT_SYMBOL_IF_KUNIT(godropin_events);
EXPORT_SYMBOL_IF_KUNIT(godropin_cache_live);

EXPORT_SYMBOL_IF_KUNIT(goheap_free);
EXPORT_SYMBOL_IF_KUNIT(gosource_large);
EXPORT_SYMBOL_IF_KUNIT(golifecycle_begin);
EXPORT_SYMBOL_IF_KUNIT(golifecycle_end);

EXPORT_SYMBOL_IF_KUNIT(goscavenge);
EXPORT_SYMBOL_IF_KUNIT(gobackground_excess);
EXPORT_SYMBOL_IF_KUNIT(golimit_keep);
EXPORT_SYMBOL_IF_KUNIT(golimit_set);
EXPORT_SYMBOL_IF_KUNIT(goshrink_count);
EXPORT_SYMBOL_IF_KUNIT(goshrink_scan);
EXPORT_SYMBOL_IF_KUNIT(gobackground_tick);
EXPORT_SYMBOL_IF_KUNIT(gobackground_turn);
EXPORT_SYMBOL_IF_KUNIT(goworker_top_up);

EXPORT_SYMBOL_IF_KUNIT(gocentral_refill);
EXPORT_SYMBOL_IF_KUNIT(gocentral_take);
EXPORT_SYMBOL_IF_KUNIT(gocentral_free);
EXPORT_SYMBOL_IF_KUNIT(gosource_span);
EXPORT_SYMBOL_IF_KUNIT(gocentral_uncache);
EXPORT_SYMBOL_IF_KUNIT(gocentral_trim);
EXPORT_SYMBOL_IF_KUNIT(gocentral_mark_idle);
EXPORT_SYMBOL_IF_KUNIT(gocentral_is_sparse);
EXPORT_SYMBOL_IF_KUNIT(gocentral_wait_for_readers);
EXPORT_SYMBOL_IF_KUNIT(gocentral_trim_idle);
EXPORT_SYMBOL_IF_KUNIT(gocentral_idle_pages);

EXPORT_SYMBOL_IF_KUNIT(goalloc_due);
EXPORT_SYMBOL_IF_KUNIT(goalloc_slow);
EXPORT_SYMBOL_IF_KUNIT(goalloc_refill);
EXPORT_SYMBOL_IF_KUNIT(goalloc_take);
EXPORT_SYMBOL_IF_KUNIT(gofree_many);
EXPORT_SYMBOL_IF_KUNIT(gofree_slow);
EXPORT_SYMBOL_IF_KUNIT(gofree_rest);
EXPORT_SYMBOL_IF_KUNIT(goalloc_on_node);
EXPORT_SYMBOL_IF_KUNIT(goalloc_zeroed);
EXPORT_SYMBOL_IF_KUNIT(godrain_all);
EXPORT_SYMBOL_IF_KUNIT(godrain_node);

EXPORT_SYMBOL_IF_KUNIT(goalloc_tiny);

EXPORT_SYMBOL_IF_KUNIT(gospan_nil);
EXPORT_SYMBOL_IF_KUNIT(goarena_nil);
EXPORT_SYMBOL_IF_KUNIT(gospan_map_bytes);
EXPORT_SYMBOL_IF_KUNIT(gospan_map_cover);
EXPORT_SYMBOL_IF_KUNIT(gospan_carve);
EXPORT_SYMBOL_IF_KUNIT(gospan_uncarve);
EXPORT_SYMBOL_IF_KUNIT(gospan_take);
EXPORT_SYMBOL_IF_KUNIT(gospan_walk);

EXPORT_SYMBOL_IF_KUNIT(gostats_read);
EXPORT_SYMBOL_IF_KUNIT(goverify);

EXPORT_SYMBOL_IF_KUNIT(gocycle_ask);

EXPORT_SYMBOL_IF_KUNIT(goowners);
EXPORT_SYMBOL_IF_KUNIT(goowners_lock);
EXPORT_SYMBOL_IF_KUNIT(goowners_full);
EXPORT_SYMBOL_IF_KUNIT(goowner_take);
EXPORT_SYMBOL_IF_KUNIT(goowner_leave);
EXPORT_SYMBOL_IF_KUNIT(goowner_is_taken);
EXPORT_SYMBOL_IF_KUNIT(goowner_of_module);
EXPORT_SYMBOL_IF_KUNIT(goowner_of_call);
EXPORT_SYMBOL_IF_KUNIT(goowners_walk);
EXPORT_SYMBOL_IF_KUNIT(goowners_count);

EXPORT_SYMBOL_IF_KUNIT(gosite_missed);
EXPORT_SYMBOL_IF_KUNIT(gosite_lost);
EXPORT_SYMBOL_IF_KUNIT(gosites_add);
EXPORT_SYMBOL_IF_KUNIT(gosites_leave);
EXPORT_SYMBOL_IF_KUNIT(gosites_name);
EXPORT_SYMBOL_IF_KUNIT(gosites_read);
EXPORT_SYMBOL_IF_KUNIT(goinittrace_set);
EXPORT_SYMBOL_IF_KUNIT(goinittrace_get);
EXPORT_SYMBOL_IF_KUNIT(goinittrace_init);
EXPORT_SYMBOL_IF_KUNIT(goinittrace_begin);
EXPORT_SYMBOL_IF_KUNIT(goinittrace_end);

EXPORT_SYMBOL_IF_KUNIT(goalloc_debug);
EXPORT_SYMBOL_IF_KUNIT(godebug_set);
EXPORT_SYMBOL_IF_KUNIT(godebug_get);
EXPORT_SYMBOL_IF_KUNIT(goallocfree_set);
EXPORT_SYMBOL_IF_KUNIT(goallocfree_get);
EXPORT_SYMBOL_IF_KUNIT(goallocfree_start);
EXPORT_SYMBOL_IF_KUNIT(goallocfree_stop);

#ifdef CONFIG_TRACEPOINTS
EXPORT_SYMBOL_IF_KUNIT(__tracepoint_malloc);
EXPORT_SYMBOL_IF_KUNIT(__tracepoint_free);
EXPORT_SYMBOL_IF_KUNIT(__tracepoint_span_carve);
EXPORT_SYMBOL_IF_KUNIT(__tracepoint_span_release);
EXPORT_SYMBOL_IF_KUNIT(__tracepoint_heap_grow);
EXPORT_SYMBOL_IF_KUNIT(__tracepoint_heap_scavenge);
EXPORT_SYMBOL_IF_KUNIT(__tracepoint_limit);
EXPORT_SYMBOL_IF_KUNIT(__tracepoint_reserve);
EXPORT_SYMBOL_IF_KUNIT(__tracepoint_misuse);
#endif

EXPORT_SYMBOL_IF_KUNIT(goprofile_close);
EXPORT_SYMBOL_IF_KUNIT(goprofile_forgotten);
EXPORT_SYMBOL_IF_KUNIT(goprofile_get);
EXPORT_SYMBOL_IF_KUNIT(goprofile_has);
EXPORT_SYMBOL_IF_KUNIT(goprofile_name);
EXPORT_SYMBOL_IF_KUNIT(goprofile_now);
EXPORT_SYMBOL_IF_KUNIT(goprofile_set_rate);
EXPORT_SYMBOL_IF_KUNIT(goprofile_set_stacks);
EXPORT_SYMBOL_IF_KUNIT(goprofile_setting);
EXPORT_SYMBOL_IF_KUNIT(gosample_pause);
EXPORT_SYMBOL_IF_KUNIT(gosample_seed);

#ifdef CONFIG_FAULT_INJECTION
EXPORT_SYMBOL_IF_KUNIT(goalloc_fail_above);
EXPORT_SYMBOL_IF_KUNIT(goalloc_fail);
#endif
EXPORT_SYMBOL_IF_KUNIT(goscavenge_all);
EXPORT_SYMBOL_IF_KUNIT(gosource_pages);
EXPORT_SYMBOL_IF_KUNIT(goscavenge_has_arenas);
EXPORT_SYMBOL_IF_KUNIT(goheap_must_give_back);
EXPORT_SYMBOL_IF_KUNIT(golarge_free);
EXPORT_SYMBOL_IF_KUNIT(goalloc_large);
EXPORT_SYMBOL_IF_KUNIT(golarge_flush);
EXPORT_SYMBOL_IF_KUNIT(goscavenge_reap);
