// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks: what the page heap gets from the page allocator, and how it goes
 * back.
 *
 * A block stays whole as long as it can: the page allocator takes one back in a
 * single step, and hands it out as large as it was.  Only when a part of it is
 * to go alone is it split into single pages, by split_page().  The alternative
 * is to split every block as it comes, which would need no memory of what a
 * page was part of; but then giving an arena back costs 1,024 calls in place of
 * one, and the page allocator merges them again one by one.  So goarena.order[]
 * says for each 8 KiB page which block begins there, or that it is of single
 * pages.
 *
 * The page allocator is called with no lock held.  Code that gives pages back
 * has taken them out of the heap first, so that no other looks at their
 * order[].
 */

#include <linux/mm.h>
#include "block.h"
#include "hooks.h"
#include "limit.h"

/**
 * goblock_get - get a block of the page allocator
 * @h: the heap, which is charged
 * @nid: the node it should be of
 * @gfp: for the page allocator, but for __GFP_NOFAIL: see gosource_wait()
 * @order: of the block
 * @bytes: what the heap will keep of it
 *
 * Context: what @gfp permits.
 * Return: the block, or NULL and nothing is charged.
 */
struct page *goblock_get(struct goheap *h, int nid, gfp_t gfp,
			 unsigned int order, unsigned long bytes)
{
	struct page *page;

	if (!golimit_charge(h, bytes, gfp))
		return NULL;
	page = gohooks_fault() ? NULL :
	       alloc_pages_node(nid, gfp & ~__GFP_NOFAIL, order);
	if (!page)
		golimit_uncharge(h, bytes);
	return page;
}

/*
 * Rejoin split pages into one block.  Fails if a page has an extra, speculative
 * reference: any page may be looked at for a moment by code that took it for
 * what it was before.
 */
static bool join_pages(struct page *page, unsigned int order)
{
	unsigned long i;

	for (i = 1; i < 1UL << order; i++)
		if (!page_ref_freeze(page + i, 1))
			break;
	if (i == 1UL << order)
		return true;
	while (--i)
		page_ref_unfreeze(page + i, 1);
	return false;
}

/**
 * goblock_free_rest - free the pages of a split block from one on
 * @page: the block
 * @i: the first page to go
 * @order: of the block
 * @gfp: what it was allocated with
 *
 * They go in pieces as large as possible: one by one they would take longer
 * than the rest of the allocation.  Pages that are charged each for itself do
 * go one by one.
 *
 * Context: what @gfp permits.
 */
void goblock_free_rest(struct page *page, unsigned long i, unsigned int order,
		       gfp_t gfp)
{
	bool alone = gfp & __GFP_ACCOUNT ||
		     IS_ENABLED(CONFIG_MEM_ALLOC_PROFILING);
	unsigned int k;

	for (; i < 1UL << order; i += 1UL << k) {
		k = alone ? 0 : __ffs(i);
		if (!join_pages(page + i, k))
			k = 0;
		__free_pages(page + i, k);
	}
}

/**
 * goblock_free_pages - free single pages
 * @page: the first of them
 * @n: how many
 *
 * Context: as __free_page().
 */
void goblock_free_pages(struct page *page, unsigned long n)
{
	while (n--)
		__free_page(page++);
}

static void *arena_page(struct goarena *a, unsigned int i)
{
	return (void *)(a->base + ((unsigned long)i << GO_PAGE_SHIFT));
}

/* How many 8 KiB pages a block has, by its entry in goarena.order[]. */
static unsigned int block_pages(unsigned int order)
{
	return order == GO_ORDER_SPLIT ? 1 : 1U << (order - 1 - GO_PAGE_ORDER);
}

/*
 * Split the block, if any, that crosses the boundary before a page.
 * goheap.give_back keeps others from doing the same; entries of pages that the
 * heap gets meanwhile are beyond that block.
 */
static void split_block_at(struct goarena *a, unsigned int i)
{
	unsigned int head = i, order;

	if (i >= GO_ARENA_PAGES || READ_ONCE(a->order[i]))
		return;
	while (head && !READ_ONCE(a->order[head]))
		head--;
	order = READ_ONCE(a->order[head]);
	if (!order || head + block_pages(order) <= i)
		return;
	split_page(virt_to_page(arena_page(a, head)), order - 1);
	memset(a->order + head, GO_ORDER_SPLIT, block_pages(order));
}

static void free_one_block(void *p, unsigned int order)
{
	struct page *page = virt_to_page(p);

	if (order != GO_ORDER_SPLIT)
		__free_pages(page, order - 1);
	else
		goblock_free_pages(page, 1UL << GO_PAGE_ORDER);
}

/**
 * goblock_give_back - give the page allocator a stretch of an arena
 * @a: the arena
 * @i: its first page to go
 * @n: how many, in 8 KiB
 *
 * A page that has gone may be the heap's again at once, so its entry is not
 * looked at any more.
 *
 * Context: task; goheap.give_back is held, and the pages are not in the map.
 */
void goblock_give_back(struct goarena *a, unsigned int i, unsigned int n)
{
	unsigned int order, end = i + n;

	split_block_at(a, i);
	split_block_at(a, end);
	while (i < end) {
		order = a->order[i];
		WRITE_ONCE(a->order[i], 0);
		free_one_block(arena_page(a, i), order);
		i += block_pages(order);
	}
}
