// SPDX-License-Identifier: GPL-2.0
/*
 * At: the exported functions that are told the call site.
 *
 * They are what <linux/goalloc.h> names if a client has said GOALLOC_SITES.  Each
 * allocation goes the slow way, is counted at its site and has a record of that,
 * which site.c explains.  So only such a client pays, and nobody else even for a
 * branch.
 *
 * If there is no memory for an object with a record, there may be some for one
 * without: the caller gets that, and `sites` says that there are such.
 */

#include <linux/export.h>
#include <linux/goalloc.h>
#include <linux/string.h>
#include "alloc.h"
#include "api.h"
#include "gfp.h"
#include "redzone.h"
#include "site.h"
#include "span.h"

/* Note at which call site an object was allocated, and count it there. */
static void mark_object(void *p, size_t bytes, unsigned long owner,
			unsigned int site)
{
	struct gosite_record r = { .owner = owner, .id = site, .bytes = bytes };
	unsigned long idx;
	struct gospan *s;

	preempt_disable();
	s = gospan_of(&goalloc_heap, p);
	if (gospan_index(s, p, &idx)) {
		r.is_sampled = goobj_is_sampled(s->objstate[idx]);
		gosite_write(s, idx, &r);
		/* The state says that there is a record. */
		smp_store_release(&s->objstate[idx], GO_OBJ_SITED);
	} else {
		WRITE_ONCE(s->site, site);
		bytes = s->elemsize;
	}
	gosite_count(site, bytes, 1);
	preempt_enable();
}

/* Allocate an object with a record, of whole pages if no small one has room. */
static void *alloc_recorded(size_t size, gfp_t gfp, int nid, bool noscan,
			    unsigned long caller, unsigned long owner,
			    unsigned int site)
{
	size_t whole = size > GO_MAX_SMALL ? size :
					     gosite_whole_size(size, noscan);
	struct goheap *h = &goalloc_heap;
	unsigned int spc;
	void *p;

	if (whole > GO_MAX_SMALL) {
		p = goalloc_large(h, nid, size, noscan, gfp, owner, caller);
	} else {
		spc = GO_SPC(gosizeclass_of(whole), noscan);
		p = nid == NUMA_NO_NODE ?
		    goalloc_slow(size, gfp, owner, h, spc, caller) :
		    goalloc_on_node(h, nid, spc, size, gfp, owner, caller);
	}
	if (p)
		mark_object(p, whole > GO_MAX_SMALL ? 0 :
			    gosite_bytes(size, noscan), owner, site);
	return p;
}

/* Allocate an object that is counted, and tell those that watch. */
static void *alloc_counted(size_t size, gfp_t gfp, int nid, bool noscan,
			   unsigned long caller, unsigned long owner,
			   unsigned int site)
{
	unsigned int flags = 0;
	void *p;

	if (static_branch_unlikely(&goalloc_debug) && nid == NUMA_NO_NODE &&
	    size <= GO_MAX_SMALL)
		flags = goredzone_suspects(size, caller);
	p = flags ? goalloc_suspected(&goalloc_heap, size, gfp, noscan, flags,
				      caller, owner, site) :
		    alloc_recorded(size, gfp, nid, noscan, caller, owner, site);
	if (static_branch_unlikely(&goalloc_watch))
		goapi_tell(p, size, gfp, nid, caller, owner);
	return p;
}

static void *alloc_on_node(size_t size, gfp_t gfp, int nid, bool noscan,
			   unsigned long caller, const struct goalloc_site *site)
{
	unsigned int id = READ_ONCE(site->id);
	u8 owner = READ_ONCE(site->owner);
	void *p = NULL;

	if (!static_branch_likely(&goalloc_check) ||
	    size - 1 >= GOALLOC_MAX_SIZE || gfp & GO_GFP_FORBIDDEN)
		return goapi_alloc(size, gfp, nid, noscan, caller, owner);
	if (likely(id)) {
		p = alloc_counted(size, gfp, nid, noscan, caller, owner, id);
		/* Those of whole pages need nothing more. */
		if (p || size > GO_MAX_SMALL)
			return p;
	}
	p = goapi_alloc(size, gfp, nid, noscan, caller, owner);
	if (p)
		atomic_long_inc(&gosite_missed);
	return p;
}

static void *alloc_at(size_t size, gfp_t gfp, bool noscan, unsigned long caller,
		      const struct goalloc_site *site)
{
	return alloc_on_node(size, gfp, NUMA_NO_NODE, noscan, caller, site);
}

void *gomalloc_at(size_t size, gfp_t gfp, const struct goalloc_site *site)
{
	return alloc_at(size, gfp, false, _RET_IP_, site);
}
EXPORT_SYMBOL_GPL(gomalloc_at);

void *gomalloc_noscan_at(size_t size, gfp_t gfp,
			 const struct goalloc_site *site)
{
	return alloc_at(size, gfp, true, _RET_IP_, site);
}
EXPORT_SYMBOL_GPL(gomalloc_noscan_at);

void *gomalloc_node_at(size_t size, gfp_t gfp, int node,
		       const struct goalloc_site *site)
{
	if (node != NUMA_NO_NODE && !goapi_has_node(node, gfp))
		return NULL;
	return alloc_on_node(size, gfp, node, false, _RET_IP_, site);
}
EXPORT_SYMBOL_GPL(gomalloc_node_at);

void *gorealloc_at(const void *p, size_t size, gfp_t gfp,
		   const struct goalloc_site *site)
{
	return goapi_realloc_by(p, size, gfp, _RET_IP_, alloc_at, site);
}
EXPORT_SYMBOL_GPL(gorealloc_at);

size_t gomalloc_bulk_at(gfp_t gfp, size_t size, size_t n, void **p,
			const struct goalloc_site *site)
{
	size_t i;

	for (i = 0; i < n; i++) {
		p[i] = alloc_at(size, gfp, false, _RET_IP_, site);
		if (unlikely(!p[i])) {
			gofree_bulk(i, p);
			return 0;
		}
	}
	return n;
}
EXPORT_SYMBOL_GPL(gomalloc_bulk_at);

void *gomemdup_at(const void *src, size_t len, gfp_t gfp,
		  const struct goalloc_site *site)
{
	void *p = alloc_at(len, gfp, false, _RET_IP_, site);

	return p && len ? memcpy(p, src, len) : p;
}
EXPORT_SYMBOL_GPL(gomemdup_at);

char *gostrdup_at(const char *s, gfp_t gfp, const struct goalloc_site *site)
{
	size_t len = s ? strlen(s) + 1 : 0;
	void *p = s ? alloc_at(len, gfp, false, _RET_IP_, site) : NULL;

	return p ? memcpy(p, s, len) : NULL;
}
EXPORT_SYMBOL_GPL(gostrdup_at);
