// SPDX-License-Identifier: GPL-2.0
/*
 * Caller: the exported functions that are not told who calls.
 *
 * They are what <linux/goalloc.h> named before its functions passed an owner, and
 * what a client calls that was built with it, or that has got the address of a
 * function from the kernel's symbols.  Whose an object is, is found from the
 * address that the call returns to.  So this is slower than api.c by a walk over
 * the clients of that kind, and by what api.c's fast paths save.
 *
 * The header now has inline functions of these names.  So it is not included
 * here, and caller.h has the prototypes, which must stay what they were: a client
 * compares their checksums when it is loaded.
 */

#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/numa.h>
#include <linux/string.h>
#include "api.h"
#include "caller.h"
#include "owner.h"

/* Not in an inline function: the address is that of the exported one. */
#define owner_of_call(fn)	goowner_of_call(_RET_IP_, fn)

void *__gomalloc(size_t size, gfp_t gfp)
{
	return goapi_alloc(size, gfp, NUMA_NO_NODE, false, _RET_IP_,
			   owner_of_call(__gomalloc));
}
EXPORT_SYMBOL_GPL(__gomalloc);

void *gomalloc_class(size_t size, gfp_t gfp, unsigned long class)
{
	return goapi_alloc(size, gfp, NUMA_NO_NODE, false, _RET_IP_,
			   owner_of_call(gomalloc_class));
}
EXPORT_SYMBOL_GPL(gomalloc_class);

void *gomalloc_noscan(size_t size, gfp_t gfp)
{
	return goapi_alloc(size, gfp, NUMA_NO_NODE, true, _RET_IP_,
			   owner_of_call(gomalloc_noscan));
}
EXPORT_SYMBOL_GPL(gomalloc_noscan);

void *gomalloc_node(size_t size, gfp_t gfp, int node)
{
	return goapi_alloc_node(size, gfp, node, _RET_IP_,
				owner_of_call(gomalloc_node));
}
EXPORT_SYMBOL_GPL(gomalloc_node);

void *gorealloc(const void *p, size_t size, gfp_t gfp)
{
	return goapi_realloc(p, size, gfp, _RET_IP_, owner_of_call(gorealloc));
}
EXPORT_SYMBOL_GPL(gorealloc);

size_t gomalloc_bulk(gfp_t gfp, size_t size, size_t n, void **p)
{
	return goapi_bulk(gfp, size, n, p, _RET_IP_,
			  owner_of_call(gomalloc_bulk));
}
EXPORT_SYMBOL_GPL(gomalloc_bulk);

void *gomemdup(const void *src, size_t len, gfp_t gfp)
{
	void *p = goapi_alloc(len, gfp, NUMA_NO_NODE, false, _RET_IP_,
			      owner_of_call(gomemdup));

	return p && len ? memcpy(p, src, len) : p;
}
EXPORT_SYMBOL_GPL(gomemdup);

char *gostrdup(const char *s, gfp_t gfp)
{
	size_t len = s ? strlen(s) + 1 : 0;
	void *p = s ? goapi_alloc(len, gfp, NUMA_NO_NODE, false, _RET_IP_,
				  owner_of_call(gostrdup)) : NULL;

	return p ? memcpy(p, s, len) : NULL;
}
EXPORT_SYMBOL_GPL(gostrdup);
