// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks: pages of the page allocator, and the references that the heap holds.
 *
 * Other parts of the kernel may take a reference to the page of an object: an skb
 * that sends it, a pipe, a page that is looked at by its frame number.  Whatever
 * they do with it must not free a page of ours.  A block of the page allocator
 * has a reference at its first page only; the others have none, and get_page()
 * with put_page() frees such a page under its object.
 *
 * So each block is split as it comes, and every page carries GO_PAGE_REFS
 * references, whatever its history.  More than one, so that a stray put_page(),
 * or kfree() of a pointer of ours, frees nothing and is seen: a count below ours
 * is misuse, and such a page is never handed out or given back.  Compound blocks
 * would keep an object's pages together under one count, but a page cannot leave
 * one, so that a heap of them gives back 4 MiB or nothing.
 *
 * To split costs a loop over the pages, which the page allocator makes as well
 * when it checks them.  What goes back is joined again into blocks as large as
 * can be: pages that stand side by side and of which each has just our references.
 * A page to which somebody else has one, too, loses ours and goes when the last
 * one is put: until then no caller gets it.
 *
 * The page allocator is called with no lock held.
 */

#include <linux/mm.h>
#include "block.h"
#include "compat.h"
#include "held.h"
#include "hooks.h"

/* A joined block is no larger than what the page allocator moves as one. */
#ifdef CONFIG_HUGETLB_PAGE
#define JOIN_ORDER_MAX	min_t(unsigned int, pageblock_order, MAX_PAGE_ORDER)
#else
#define JOIN_ORDER_MAX	MAX_PAGE_ORDER
#endif

/*
 * Rejoin split pages into one block; each has @refs references.  Fails if a page
 * has an extra, speculative reference: any page may be looked at for a moment by
 * code that took it for what it was before.
 */
static bool join_pages(struct page *page, unsigned int order, int refs)
{
	unsigned long i;

	for (i = 0; i < 1UL << order; i++)
		if (!page_ref_freeze(page + i, refs))
			break;
	if (i == 1UL << order) {
		page_ref_unfreeze(page, 1);
		return true;
	}
	while (i--)
		page_ref_unfreeze(page + i, refs);
	return false;
}

/* The largest block that can begin at a page and has no more than @n pages. */
static unsigned int join_order(struct page *page, unsigned long n)
{
	unsigned long pfn = page_to_pfn(page);

	return min3((unsigned int)(pfn ? __ffs(pfn) : 0),
		    (unsigned int)ilog2(n), JOIN_ORDER_MAX);
}

/* Has an extra put_page() or kfree() taken references of ours? */
static bool is_lost(struct page *page)
{
	return page_ref_count(page) < GO_PAGE_REFS;
}

/* Has anyone else references, too? */
static bool has_others(struct page *page)
{
	return page_ref_count(page) > GO_PAGE_REFS;
}

/* Take our references off one page; it is free, if no one else has any. */
static void drop_page(struct page *page, struct goblock_left *left)
{
	if (is_lost(page)) {
		left->lost++;
		return;
	}
	left->shared += has_others(page);
	page_ref_sub(page, GO_PAGE_REFS - 1);
	__free_page(page);
}

/*
 * The rest of a block that was just split goes in pieces as large as possible:
 * one by one they would take longer than all else.  Pages that are charged, each
 * for itself, do go one by one.
 */
static void free_rest(struct page *page, unsigned long n, bool alone)
{
	unsigned int k;

	for (; n; n -= 1UL << k, page += 1UL << k) {
		k = alone ? 0 : join_order(page, n);
		if (k && !join_pages(page, k, 1))
			k = 0;
		__free_pages(page, k);
	}
}

/* Each page of a block then has what it was charged and tagged with. */
static bool go_alone(bool charged)
{
	return charged || IS_ENABLED(CONFIG_MEM_ALLOC_PROFILING) ||
	       IS_ENABLED(CONFIG_PAGE_OWNER);
}

/**
 * goblock_get - get pages of the page allocator
 * @h: the heap, which is charged for what it keeps
 * @nid: the node they should be of
 * @gfp: what the page allocator is asked with; it is not asked to wait for ever
 * @order: of the block that is asked for
 * @keep: how many pages of it the heap keeps; the others go straight back
 *
 * Context: what @gfp permits.
 * Return: the first page; each has %GO_PAGE_REFS references.  Or NULL, and
 * nothing is charged.
 */
struct page *goblock_get(struct goheap *h, int nid, gfp_t gfp,
			 unsigned int order, unsigned long keep)
{
	unsigned long i, rest = (1UL << order) - keep;
	struct page *page;

	if (!goheld_charge(h, PAGE_SIZE * keep, gfp))
		return NULL;
	page = gohooks_fault_block(order) ? NULL :
	       alloc_pages_node(nid, gfp & ~__GFP_NOFAIL, order);
	if (!page) {
		goheld_uncharge(h, PAGE_SIZE * keep);
		return NULL;
	}
	split_page(page, order);
	if (rest)
		free_rest(page + keep, rest, go_alone(gfp & __GFP_ACCOUNT));
	for (i = 0; i < keep; i++)
		page_ref_add(page + i, GO_PAGE_REFS - 1);
	return page;
}

/**
 * goblock_give_back - give pages back to the page allocator
 * @h: the heap, which is uncharged
 * @page: the first of them; none is in the map any more
 * @n: how many
 * @charged: they are charged to a memory cgroup
 *
 * A page that lost references of ours stays: what took them may do so again.
 *
 * Context: any in which the page allocator may be called.
 * Return: what became of pages that are not free now.
 */
struct goblock_left goblock_give_back(struct goheap *h, struct page *page,
				      unsigned long n, bool charged)
{
	bool alone = go_alone(charged);
	struct goblock_left left = {};
	unsigned long bytes = PAGE_SIZE * n;
	unsigned int k;

	for (; n; n -= 1UL << k, page += 1UL << k) {
		k = alone ? 0 : join_order(page, n);
		if (k && join_pages(page, k, GO_PAGE_REFS)) {
			__free_pages(page, k);
			continue;
		}
		k = 0;
		drop_page(page, &left);
	}
	goheld_uncharge(h, bytes);
	return left;
}

/**
 * goblock_is_shared - does anyone but the heap have references to pages?
 * @page: the first of them
 * @n: how many
 *
 * Context: any.
 * Return: whether any page has a count that is not ours alone.
 */
bool goblock_is_shared(struct page *page, unsigned long n)
{
	unsigned int differ = 0;

	/* No branch for each page: nearly always all of them are looked at. */
#pragma GCC unroll 4
	for (; n; n--, page++)
		differ |= page_ref_count(page) ^ GO_PAGE_REFS;
	return unlikely(differ);
}

/**
 * goblock_lost - how many pages have lost references of ours?
 * @page: the first of them
 * @n: how many
 *
 * Context: any.
 * Return: how many.
 */
unsigned long goblock_lost(struct page *page, unsigned long n)
{
	unsigned long lost = 0;

	for (; n; n--, page++)
		lost += is_lost(page);
	return lost;
}

/**
 * goblock_shared - to how many pages have others references, too?
 * @page: the first of them
 * @n: how many
 *
 * Context: any.
 * Return: how many.
 */
unsigned long goblock_shared(struct page *page, unsigned long n)
{
	unsigned long shared = 0;

	for (; n; n--, page++)
		shared += has_others(page);
	return shared;
}
