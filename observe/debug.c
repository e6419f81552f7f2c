// SPDX-License-Identifier: GPL-2.0
/*
 * debug: red zones, poison and users, for the objects one suspects.
 *
 * The parameter debug= has SLUB's letters, F sanity, Z red zone, P poison and U
 * users, and may be written at any time, for all objects, for those of one size
 * class, or for those that one function or module allocates.  A static key
 * keeps all of this off the fast path while it is empty.
 *
 * An object under suspicion is made in a larger class: behind what was asked
 * for come a red zone of at least RED_ZONE bytes and, at the very end, a record.
 * Its state byte says so, hence a free finds out by itself and needs not know
 * what debug= says by then.  The object goes past the mcaches to its span at
 * once, so that poison waits there for the next one who is under suspicion, and
 * who checks it.
 *
 * A red zone is looked at when its object is freed, poison when the object is
 * handed out again: the report says who did it at the earliest, not when.  Large
 * objects have no red zone.  On a KASAN kernel the real thing would be better,
 * but a module cannot have it: kasan_poison() is exported, what must go with
 * it, the tags and stacks of slab objects and the quarantine, is not.
 *
 * api.c allocates and mcache.c frees through here; the module's parameter sets.
 */

#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/kstrtox.h>
#include <linux/mutex.h>
#include <linux/poison.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
#include "internal.h"
#include "fastpath.h"

#define DEBUG_SANITY	BIT(0)
#define DEBUG_RED_ZONE	BIT(1)
#define DEBUG_POISON	BIT(2)
#define DEBUG_USERS	BIT(3)

#define RED_ZONE	8
#define RECORD_MAGIC	0x676f64656275672eUL

/**
 * struct record - what stands at the end of an object
 * @magic: RECORD_MAGIC ^ its own address
 * @size: bytes asked for
 * @flags: DEBUG_*, when it was allocated
 * @cpu: who allocated it
 * @pid: likewise
 * @when: likewise, in jiffies
 * @alloc: the caller
 * @free: who freed it, once somebody has
 */
struct record {
	unsigned long magic;
	unsigned int size;
	u16 flags;
	u16 cpu;
	int pid;
	unsigned int when;
	unsigned long alloc;
	unsigned long free;
};

/**
 * struct suspicion - what debug= says
 * @flags: DEBUG_*
 * @class: of this class only; 0 for any
 * @who: allocated by this function or module only; empty for any
 * @text: as it was written
 */
static struct suspicion {
	unsigned int flags;
	unsigned int class;
	char who[40];
	char text[64];
} suspicion;

static DEFINE_MUTEX(setting);

static struct record *record_of(const struct gospan *s, unsigned int idx)
{
	return gospan_object(s, idx) + s->elemsize - sizeof(struct record);
}

static unsigned long magic_of(const struct record *r)
{
	return RECORD_MAGIC ^ (unsigned long)r;
}

static int parse_letters(const char *s, size_t len, unsigned int *flags)
{
	static const char letters[] = "FZPU";
	const char *at;

	for (*flags = 0; len--; s++) {
		at = *s ? strchr(letters, *s) : NULL;
		if (!at)
			return -EINVAL;
		*flags |= BIT(at - letters);
	}
	return 0;
}

/**
 * godebug_set - set what debug= says
 * @val: "LETTERS[,SIZE|,FUNCTION|,MODULE]"
 *
 * Context: task.
 * Return: 0; or -EINVAL, and nothing has changed.
 */
int godebug_set(const char *val)
{
	size_t len = strcspn(val, "\n"), letters = strcspn(val, ",\n");
	unsigned int flags, size = 0;
	char who[sizeof(suspicion.who)] = "";
	int err = parse_letters(val, letters, &flags);

	if (err || len >= sizeof(suspicion.text))
		return -EINVAL;
	if (letters < len) {
		if (len - letters - 1 >= sizeof(who) || len == letters + 1)
			return -EINVAL;
		memcpy(who, val + letters + 1, len - letters - 1);
		if (!kstrtouint(who, 0, &size)) {
			who[0] = '\0';
			if (!size || size > GO_MAX_SMALL)
				return -EINVAL;
		}
	}

	mutex_lock(&setting);
	/* Nobody shall see the new letters with the old filter. */
	if (static_key_enabled(&goalloc_debug)) {
		static_branch_disable(&goalloc_debug);
		static_branch_dec(&goalloc_detour);
	}
	WRITE_ONCE(suspicion.flags, 0);
	synchronize_rcu();
	suspicion.class = size ? gosize_class(size) : 0;
	strscpy(suspicion.who, who, sizeof(suspicion.who));
	memcpy(suspicion.text, val, len);
	suspicion.text[len] = '\0';
	smp_store_release(&suspicion.flags, flags);	/* the filter first */
	if (flags) {
		static_branch_enable(&goalloc_debug);
		static_branch_inc(&goalloc_detour);
	}
	mutex_unlock(&setting);
	return 0;
}

/**
 * godebug_get - what debug= says
 * @buf: a page
 *
 * Context: task.
 * Return: the length.
 */
int godebug_get(char *buf)
{
	int n;

	mutex_lock(&setting);
	n = scnprintf(buf, PAGE_SIZE, "%s\n", suspicion.text);
	mutex_unlock(&setting);
	return n;
}

/* Is the caller the function, or in the module, that is suspected? */
static bool is_who(unsigned long caller)
{
	size_t len = strlen(suspicion.who);
	char sym[KSYM_SYMBOL_LEN], *module;

	if (!len)
		return true;
	/* "function+0x1/0x2 [module]" */
	snprintf(sym, sizeof(sym), "%pS", (void *)caller);
	if (!strncmp(sym, suspicion.who, len) && sym[len] == '+')
		return true;
	module = strchr(sym, '[');
	return module && !strncmp(module + 1, suspicion.who, len) &&
	       module[len + 1] == ']';
}

/* Is this allocation under suspicion, and of what? */
static bool suspected(unsigned int class, unsigned long caller,
		      unsigned int *flags)
{
	bool yes;

	preempt_disable();
	*flags = smp_load_acquire(&suspicion.flags);	/* the filter after */
	yes = *flags && (!suspicion.class || suspicion.class == class) &&
	      is_who(caller);
	preempt_enable();
	return yes;
}

/* Room for all of it, in a class that keeps the alignment of the size. */
static size_t whole_size(size_t size)
{
	return round_up(size + RED_ZONE + sizeof(struct record), size & -size);
}

/* An object that was poisoned must still be; the record's place is none of it. */
static void check_poison(struct goheap *h, struct gospan *s,
			 const struct goslot *slot, unsigned long caller)
{
	size_t len = s->elemsize - sizeof(struct record);

	if (*slot->state != GO_OBJ_POISONED)
		return;
	if (memchr_inv(slot->obj, POISON_FREE, len))
		gomisuse_report(h, GO_USED_FREE, slot->obj, 0, caller);
}

static void check_span(struct goheap *h, struct gospan *s, const void *p,
		       unsigned long caller)
{
	if (!in_nmi() && !goverify_span(h, s))
		gomisuse_report(h, GO_INSANE, p, 0, caller);
}

static void write_record(struct gospan *s, unsigned int idx, size_t size,
			 unsigned int flags, unsigned long caller)
{
	struct record *r = record_of(s, idx);
	void *end = gospan_object(s, idx) + size;

	memset(end, SLUB_RED_ACTIVE, (void *)r - end);
	r->size = size;
	r->flags = flags;
	r->cpu = raw_smp_processor_id();
	r->pid = current->pid;
	r->when = jiffies;
	r->alloc = caller;
	r->free = 0;
	r->magic = magic_of(r);
}

/**
 * godebug_alloc - allocate while debug= says something
 * @h: the heap
 * @size: bytes, 1 to GO_MAX_SMALL
 * @gfp: as for gomalloc()
 * @noscan: it will hold no pointers
 * @caller: who asks
 *
 * Context: any that @gfp permits.
 * Return: the object, an ordinary one if it is not under suspicion; or NULL.
 */
void *godebug_alloc(struct goheap *h, size_t size, gfp_t gfp, bool noscan,
		    unsigned long caller)
{
	unsigned int class = gosize_class(size), flags, spc, idx;
	size_t whole = whole_size(size);
	struct goslot slot;
	struct gospan *s;

	if (whole > GO_MAX_SMALL || !suspected(class, caller, &flags))
		return noscan && size < GO_TINY_SIZE ?
			gotiny_alloc(h, size, gfp) :
			gomcache_alloc(h, GO_SPC(class, noscan), size, gfp);

	might_alloc(gfp);
	spc = GO_SPC(gosize_class(whole), noscan);
	if (!gomcache_take(h, NUMA_NO_NODE, spc, size, gfp, &slot))
		return NULL;
	preempt_disable();
	s = gospan_of(h, slot.obj);
	idx = slot.state - s->objstate;
	if (flags & DEBUG_SANITY)
		check_span(h, s, slot.obj, caller);
	check_poison(h, s, &slot, caller);
	write_record(s, idx, size, flags, caller);
	preempt_enable();

	if (want_init_on_alloc(gfp))
		memset(slot.obj, 0, size);
	else if (flags & DEBUG_POISON)
		memset(slot.obj, POISON_INUSE, size);
	*slot.state = GO_OBJ_DEBUG;
	goleak_alloc(slot.obj, size, !noscan, gfp);
	return slot.obj;
}

/* Nothing behind the object may have changed, the record least of all. */
static bool intact(const struct gospan *s, unsigned int idx)
{
	const struct record *r = record_of(s, idx);
	const void *p = gospan_object(s, idx);

	return r->magic == magic_of(r) &&
	       r->size <= (const void *)r - p - RED_ZONE &&
	       !memchr_inv(p + r->size, SLUB_RED_ACTIVE,
			   (const void *)r - p - r->size);
}

/**
 * godebug_free - free an object that was under suspicion
 * @h: the heap
 * @s: its span
 * @idx: which; the caller has claimed it
 * @caller: who frees it
 *
 * Context: preemption is off; any, NMI included.
 */
void godebug_free(struct goheap *h, struct gospan *s, unsigned int idx,
		  unsigned long caller)
{
	struct goslot slot = {
		.obj = gospan_object(s, idx),
		.state = s->objstate + idx,
	};
	struct record *r = record_of(s, idx);
	unsigned int flags = r->flags;

	goleak_free(slot.obj);
	if (!intact(s, idx)) {
		/* Reports say whose it was while it is still marked live. */
		*slot.state = GO_OBJ_DEBUG;
		gomisuse_report(h, GO_OVERFLOW, slot.obj, 0, caller);
		*slot.state = GO_OBJ_FREE;
		flags = 0;
	}
	r->free = caller;
	/* An NMI links it through its first word: that would be poison no more. */
	if ((flags & DEBUG_POISON) && !in_nmi()) {
		memset(slot.obj, POISON_FREE, (void *)r - slot.obj);
		*slot.state = GO_OBJ_POISONED;
	} else if (want_init_on_free()) {
		memset(slot.obj, 0, (void *)r - slot.obj);
	}
	if (in_nmi()) {
		gomcache_defer(h, slot.obj);
		return;
	}
	if (flags & DEBUG_SANITY)
		check_span(h, s, slot.obj, caller);
	gocentral_free(h, &slot, 1, true);
}

/**
 * godebug_size - how many bytes were asked for
 * @s: the object's span
 * @idx: which; it is in state %GO_OBJ_DEBUG
 *
 * Context: preemption is off.
 * Return: the bytes.
 */
size_t godebug_size(const struct gospan *s, unsigned int idx)
{
	const struct record *r = record_of(s, idx);

	/* A record that was overwritten says nothing about size. */
	return r->magic == magic_of(r) ? r->size :
		s->elemsize - RED_ZONE - sizeof(*r);
}

/**
 * godebug_describe - say who allocated an object, if that is known
 * @s: its span
 * @idx: which
 * @buf: where to write
 * @len: how much room there is
 *
 * Context: preemption is off.
 */
void godebug_describe(const struct gospan *s, unsigned int idx, char *buf,
		      size_t len)
{
	const struct record *r = record_of(s, idx);
	size_t n;

	if (s->elemsize <= sizeof(*r) || idx >= s->nelems ||
	    (s->objstate[idx] != GO_OBJ_DEBUG &&
	     s->objstate[idx] != GO_OBJ_POISONED))
		return;
	if (r->magic != magic_of(r)) {
		scnprintf(buf, len, ", record overwritten");
		return;
	}
	if (!(r->flags & DEBUG_USERS))
		return;
	n = scnprintf(buf, len, ", %u bytes allocated by %pS, pid %d, CPU %u, %u ms ago",
		      r->size, (void *)r->alloc, r->pid, r->cpu,
		      jiffies_to_msecs((unsigned int)jiffies - r->when));
	if (r->free)
		scnprintf(buf + n, len - n, ", freed by %pS", (void *)r->free);
}
