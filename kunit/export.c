// SPDX-License-Identifier: GPL-2.0
/*
 * The one place that shows our insides to the tests.
 *
 * Linked into goalloc.ko on kernels with KUnit only.  Everything here is in
 * KUnit's own namespace, so that no other module can take it for API.
 */

#include <kunit/visibility.h>
#include <linux/fault-inject.h>
#include "internal.h"

EXPORT_SYMBOL_IF_KUNIT(goalloc_heap);
EXPORT_SYMBOL_IF_KUNIT(goalloc_check);

EXPORT_SYMBOL_IF_KUNIT(go_class_size);
EXPORT_SYMBOL_IF_KUNIT(go_class_pages);
EXPORT_SYMBOL_IF_KUNIT(go_class_nelems);
EXPORT_SYMBOL_IF_KUNIT(go_class_magic);
EXPORT_SYMBOL_IF_KUNIT(go_class_align);
EXPORT_SYMBOL_IF_KUNIT(go_size_to_class);

EXPORT_SYMBOL_IF_KUNIT(gorun_insert);
EXPORT_SYMBOL_IF_KUNIT(gorun_remove);
EXPORT_SYMBOL_IF_KUNIT(gorun_find);
EXPORT_SYMBOL_IF_KUNIT(gorun_next);
EXPORT_SYMBOL_IF_KUNIT(gorun_cut);
EXPORT_SYMBOL_IF_KUNIT(gorun_free);

EXPORT_SYMBOL_IF_KUNIT(goheap_may_grow);
EXPORT_SYMBOL_IF_KUNIT(goheap_alloc);
EXPORT_SYMBOL_IF_KUNIT(goheap_free);
EXPORT_SYMBOL_IF_KUNIT(goheap_alloc_large);
EXPORT_SYMBOL_IF_KUNIT(goheap_free_large);
EXPORT_SYMBOL_IF_KUNIT(goheap_top_up);
EXPORT_SYMBOL_IF_KUNIT(goheap_free_rest);
EXPORT_SYMBOL_IF_KUNIT(goheap_init);
EXPORT_SYMBOL_IF_KUNIT(goheap_exit);

EXPORT_SYMBOL_IF_KUNIT(goscavenge);
EXPORT_SYMBOL_IF_KUNIT(goscavenge_node);
EXPORT_SYMBOL_IF_KUNIT(goscavenge_reap);
EXPORT_SYMBOL_IF_KUNIT(gobackground_excess);
EXPORT_SYMBOL_IF_KUNIT(gonuma_node);
EXPORT_SYMBOL_IF_KUNIT(gonuma_nearest);
EXPORT_SYMBOL_IF_KUNIT(gonuma_others);
EXPORT_SYMBOL_IF_KUNIT(golimit_charge);
EXPORT_SYMBOL_IF_KUNIT(golimit_uncharge);
EXPORT_SYMBOL_IF_KUNIT(golimit_keep);
EXPORT_SYMBOL_IF_KUNIT(golimit_set);
EXPORT_SYMBOL_IF_KUNIT(goshrink_count);
EXPORT_SYMBOL_IF_KUNIT(goshrink_scan);
EXPORT_SYMBOL_IF_KUNIT(gobackground_tick);
EXPORT_SYMBOL_IF_KUNIT(gobackground_turn);
EXPORT_SYMBOL_IF_KUNIT(goscavenge_top_up);
EXPORT_SYMBOL_IF_KUNIT(goscavenge_stop);
EXPORT_SYMBOL_IF_KUNIT(goheap_kick);

EXPORT_SYMBOL_IF_KUNIT(gocentral_refill);
EXPORT_SYMBOL_IF_KUNIT(gocentral_take);
EXPORT_SYMBOL_IF_KUNIT(gocentral_free);
EXPORT_SYMBOL_IF_KUNIT(gocentral_grow);
EXPORT_SYMBOL_IF_KUNIT(gocentral_uncache);
EXPORT_SYMBOL_IF_KUNIT(gocentral_trim);
EXPORT_SYMBOL_IF_KUNIT(gocentral_trim_idle);
EXPORT_SYMBOL_IF_KUNIT(gocentral_idle_pages);

EXPORT_SYMBOL_IF_KUNIT(gomcache_alloc_slow);
EXPORT_SYMBOL_IF_KUNIT(gomcache_free_slow);
EXPORT_SYMBOL_IF_KUNIT(gomcache_alloc_node);
EXPORT_SYMBOL_IF_KUNIT(gomcache_hand_out_zeroed);
EXPORT_SYMBOL_IF_KUNIT(gomcache_drain_all);
EXPORT_SYMBOL_IF_KUNIT(gomcache_drain_node);
EXPORT_SYMBOL_IF_KUNIT(gomcache_drain_deferred);

EXPORT_SYMBOL_IF_KUNIT(gotiny_alloc);
EXPORT_SYMBOL_IF_KUNIT(gotiny_holds);
EXPORT_SYMBOL_IF_KUNIT(gotiny_free);
EXPORT_SYMBOL_IF_KUNIT(gotiny_size);
EXPORT_SYMBOL_IF_KUNIT(gotiny_drain);

EXPORT_SYMBOL_IF_KUNIT(gospan_nil);
EXPORT_SYMBOL_IF_KUNIT(goarena_nil);
EXPORT_SYMBOL_IF_KUNIT(gospan_map_cover);
EXPORT_SYMBOL_IF_KUNIT(gospan_arena);
EXPORT_SYMBOL_IF_KUNIT(gospan_carve);
EXPORT_SYMBOL_IF_KUNIT(gospan_uncarve);
EXPORT_SYMBOL_IF_KUNIT(gospan_take);
EXPORT_SYMBOL_IF_KUNIT(gospan_walk);
EXPORT_SYMBOL_IF_KUNIT(gospan_walk_arenas);
EXPORT_SYMBOL_IF_KUNIT(gospan_arena_enter);
EXPORT_SYMBOL_IF_KUNIT(gospan_in_free_run);
EXPORT_SYMBOL_IF_KUNIT(gospan_arena_leave);
EXPORT_SYMBOL_IF_KUNIT(gomcache_classify);
EXPORT_SYMBOL_IF_KUNIT(goheap_wait);

EXPORT_SYMBOL_IF_KUNIT(gofix_init);
EXPORT_SYMBOL_IF_KUNIT(gofix_alloc);
EXPORT_SYMBOL_IF_KUNIT(gofix_pop);
EXPORT_SYMBOL_IF_KUNIT(gofix_free);
EXPORT_SYMBOL_IF_KUNIT(gofix_low);
EXPORT_SYMBOL_IF_KUNIT(gofix_top_up);
EXPORT_SYMBOL_IF_KUNIT(gofix_detach);
EXPORT_SYMBOL_IF_KUNIT(gofix_release);

EXPORT_SYMBOL_IF_KUNIT(gostats_read);
EXPORT_SYMBOL_IF_KUNIT(gostats_read_spc);
EXPORT_SYMBOL_IF_KUNIT(goverify);
EXPORT_SYMBOL_IF_KUNIT(gomisuse_report);

EXPORT_SYMBOL_IF_KUNIT(goalloc_debug);
EXPORT_SYMBOL_IF_KUNIT(godebug_set);
EXPORT_SYMBOL_IF_KUNIT(godebug_get);
EXPORT_SYMBOL_IF_KUNIT(godebug_alloc);
EXPORT_SYMBOL_IF_KUNIT(godebug_free);
EXPORT_SYMBOL_IF_KUNIT(godebug_size);
EXPORT_SYMBOL_IF_KUNIT(gomcache_take);

#ifdef CONFIG_FAULT_INJECTION
EXPORT_SYMBOL_IF_KUNIT(goalloc_fail);
#endif
