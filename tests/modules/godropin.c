// SPDX-License-Identifier: GPL-2.0
/*
 * godropin: a module with the names of <linux/slab.h>, on distributions' kernels.
 *
 * It uses each group of them once, as modules do: with constants, through
 * pointers, on memory that the kernel has allocated.  What fails is said, and
 * the module is not loaded.  With cross=N it hands N objects to the kernel, which
 * frees them; goalloc_guard.ko has to be there then.  With leave=N it destroys a
 * cache that has N objects, and frees them when it is unloaded.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/goalloc_dropin.h>

#define SIZE		520
#define MAX_LEFT	16

static unsigned int cross;
module_param(cross, uint, 0444);
MODULE_PARM_DESC(cross, "objects that the kernel is to free");

static unsigned int leave;
module_param(leave, uint, 0444);
MODULE_PARM_DESC(leave, "objects that a cache has when it is destroyed, up to 16");

static struct kmem_cache *left_cache;
static void *left[MAX_LEFT];

static const size_t sizes[] = { 1, 64, 520, 4096, 20480, 40000, 1 << 20 };

static bool ours(const void *p)
{
	return p && goalloc_owns(p);
}

static bool use_memory(void)
{
	void (*free)(const void *p) = kfree;
	unsigned int i;
	bool ok = true;
	char *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = kzalloc(sizes[i], GFP_KERNEL);
		ok &= ours(p) && !memchr_inv(p, 0, sizes[i]);
		p = krealloc(p, 2 * sizes[i], GFP_KERNEL);
		ok &= ours(p) && ksize(p) >= 2 * sizes[i];
		free(p);
		p = kvmalloc(sizes[i], GFP_KERNEL);
		ok &= ours(p);
		kvfree(p);
	}
	p = kstrdup("a string", GFP_KERNEL);
	ok &= ours(p) && !strcmp(p, "a string");
	kfree_sensitive(p);
	p = kmemdup("another", 8, GFP_KERNEL);
	ok &= ours(p) && !strcmp(p, "another");
	kfree(p);
	p = kvmalloc_array(3, 2 << 20, GFP_KERNEL);
	ok &= is_vmalloc_addr(p);
	kvfree(p);
	return ok;
}

/* What the kernel has allocated goes back to it. */
static bool free_foreign(void)
{
	void *p __free(kfree) = kasprintf(GFP_KERNEL, "%d", 1);
	void *many[] = {
		kmalloc(SIZE, GFP_KERNEL), kasprintf(GFP_KERNEL, "%d", 2),
		vmalloc(SIZE), kmalloc(SIZE, GFP_KERNEL | GFP_DMA),
	};
	bool ok = p && ours(many[0]) && !ours(p) && !ours(many[1]) &&
		  !ours(many[2]) && !ours(many[3]);

	kfree_bulk(ARRAY_SIZE(many), many);
	kfree_const(kstrdup_const("constant", GFP_KERNEL));
	return ok;
}

static void construct(void *object)
{
	memset(object, 0xc7, SIZE);
}

static bool use_cache(slab_flags_t flags, bool is_ours)
{
	struct kmem_cache *s = kmem_cache_create("godropin", SIZE, 0, flags,
						 construct);
	void *many[20];
	unsigned int i;
	bool ok = s;

	if (!ok ||
	    kmem_cache_alloc_bulk(s, GFP_KERNEL, ARRAY_SIZE(many), many) !=
	    ARRAY_SIZE(many))
		return false;
	for (i = 0; i < ARRAY_SIZE(many); i++)
		ok &= ours(many[i]) == is_ours &&
		      !memchr_inv(many[i], 0xc7, SIZE);
	for (i = 0; i < ARRAY_SIZE(many); i++)
		kmem_cache_free(s, many[i]);
	kmem_cache_destroy(s);
	return ok;
}

static bool use_pools(void)
{
	struct kmem_cache *s = kmem_cache_create("godropin", SIZE, 0, 0, NULL);
	mempool_t *pools[] = {
		mempool_create_kmalloc_pool(4, SIZE),
		s ? mempool_create_slab_pool(4, s) : NULL,
	};
	bool ok = s && pools[0] && pools[1];
	unsigned int i;
	void *p;

	for (i = 0; ok && i < ARRAY_SIZE(pools); i++) {
		p = mempool_alloc(pools[i], GFP_KERNEL);
		ok &= ours(p);
		mempool_free(p, pools[i]);
	}
	mempool_destroy(pools[0]);
	mempool_destroy(pools[1]);
	kmem_cache_destroy(s);
	return ok;
}

struct late {
	struct rcu_head rcu;
	char rest[SIZE];
};

static bool use_rcu(void)
{
	struct late *p = kmalloc(sizeof(*p), GFP_KERNEL);
	struct late *q = kmalloc(sizeof(*q), GFP_KERNEL | GFP_DMA);

	if (!ours(p) || !q || ours(q))
		return false;
	kfree_rcu(p, rcu);
	kfree_rcu(q, rcu);
	kfree_rcu_mightsleep(kmalloc(SIZE, GFP_KERNEL));
	return true;
}

/* kfree_link() is the kernel's, and frees what it is given. */
static noinline bool hand_over(unsigned int n)
{
	void *p;

	while (n--) {
		p = kzalloc(sizes[n % ARRAY_SIZE(sizes)], GFP_KERNEL);
		if (!ours(p))
			return false;
		kfree_link(p);
	}
	return true;
}

static bool leave_objects(void)
{
	unsigned int i;

	if (!leave)
		return true;
	left_cache = kmem_cache_create("godropin_left", SIZE, 0, 0, NULL);
	if (!left_cache)
		return false;
	for (i = 0; i < leave; i++)
		left[i] = kmem_cache_alloc(left_cache, GFP_KERNEL);
	kmem_cache_destroy(left_cache);
	return true;
}

static int __init godropin_init(void)
{
	if (leave > MAX_LEFT)
		return -EINVAL;
	if (!use_memory())
		pr_err("memory failed\n");
	else if (!free_foreign())
		pr_err("foreign memory failed\n");
	else if (!use_cache(0, true) || !use_cache(SLAB_TYPESAFE_BY_RCU, false))
		pr_err("caches failed\n");
	else if (!use_pools())
		pr_err("pools failed\n");
	else if (!use_rcu())
		pr_err("RCU failed\n");
	else if (!hand_over(cross))
		pr_err("handing over failed\n");
	else if (!leave_objects())
		pr_err("leaving failed\n");
	else
		return 0;
	return -EIO;
}

static void __exit godropin_exit(void)
{
	unsigned int i;

	for (i = 0; i < leave; i++)
		kmem_cache_free(left_cache, left[i]);
	kmem_cache_destroy(left_cache);
}

module_init(godropin_init);
module_exit(godropin_exit);

MODULE_DESCRIPTION("Test module: goalloc behind the names of slab.h");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
