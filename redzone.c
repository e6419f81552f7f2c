// SPDX-License-Identifier: GPL-2.0
/*
 * Red zone: what stands behind an object that debug= suspects.
 *
 * An object under suspicion is made in a larger class: behind what was asked
 * for come a red zone of at least RED_ZONE bytes and, at the very end, a record
 * of the callers that allocated and freed it.  SLUB lays every object of a
 * cache out like this from the start; here only the suspected ones are, at any
 * time, so that nothing else in the heap has to know.  The object's state byte
 * says what it is, hence a free finds out by itself and need not know what
 * debug= says by then.
 *
 * On a KASAN kernel the real thing would be better, but a module cannot have
 * it: kasan_poison() is exported; what must go with it, the tags and stacks of
 * slab objects and the quarantine, is not.
 *
 * Here are the bytes and the filter.  alloc.c and free.c make and end such
 * objects, observe/debug.c reads the parameter.  Any context.
 */

#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/poison.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
#include "param.h"
#include "redzone.h"
#include "span.h"

#define RED_ZONE	8
#define RECORD_MAGIC	0x676f64656275672eUL

/**
 * struct goredzone_record - what stands at the end of an object
 * @magic: RECORD_MAGIC ^ its own address
 * @size: bytes asked for
 * @site: the call site that counts it, or 0
 * @flags: GO_DEBUG_*, when it was allocated
 * @owner: whose it is, as its state byte would say
 * @cpu: where it was allocated
 * @pid: by which task
 * @when: at what time, in jiffies
 * @alloc: the caller that allocated it
 * @free: the caller that freed it, once it is freed
 */
struct goredzone_record {
	unsigned long magic;
	u16 size;
	u16 site;
	u8 flags;
	u8 owner;
	u16 cpu;
	int pid;
	unsigned int when;
	unsigned long alloc;
	unsigned long free;
};

static struct goredzone_filter filter;

static struct goredzone_record *record_of(const struct gospan *s,
					  unsigned int idx)
{
	return gospan_object(s, idx) + s->elemsize -
	       sizeof(struct goredzone_record);
}

static unsigned long magic_of(const struct goredzone_record *r)
{
	return RECORD_MAGIC ^ (unsigned long)r;
}

/**
 * goredzone_set_filter - change what is suspected
 * @f: the new filter
 *
 * No allocation sees the new letters with the old filter.
 *
 * Context: task, may sleep; calls must not overlap.
 */
void goredzone_set_filter(const struct goredzone_filter *f)
{
	WRITE_ONCE(filter.flags, 0);
	synchronize_rcu();
	filter.class = f->class;
	strscpy(filter.who, f->who, sizeof(filter.who));
	smp_store_release(&filter.flags, f->flags);	/* the rest first */
}

/* Is the caller the function, or in the module, that is suspected? */
static bool is_suspected_caller(unsigned long caller)
{
	size_t len = strlen(filter.who);
	char sym[KSYM_SYMBOL_LEN];

	if (!len)
		return true;
	/* "function+0x1/0x2 [module]" */
	snprintf(sym, sizeof(sym), "%pS", (void *)caller);
	return (!strncmp(sym, filter.who, len) && sym[len] == '+') ||
	       goparam_names_module(filter.who, sym);
}

/**
 * goredzone_suspects - is this allocation under suspicion, and of what?
 * @size: what is asked for, 1 to GO_MAX_SMALL
 * @caller: by which caller
 *
 * Context: any.
 * Return: GO_DEBUG_*; 0 if it is not, or if what goes with it would not fit into
 * a small object.
 */
unsigned int goredzone_suspects(size_t size, unsigned long caller)
{
	unsigned int flags;

	if (goredzone_whole_size(size) > GO_MAX_SMALL)
		return 0;
	preempt_disable();
	flags = smp_load_acquire(&filter.flags);	/* the rest after */
	/* The rest of the filter may be changing while there are no letters. */
	if (!flags ||
	    (filter.class && filter.class != gosizeclass_of(size)) ||
	    !is_suspected_caller(caller))
		flags = 0;
	preempt_enable();
	return flags;
}

/**
 * goredzone_whole_size - the bytes of an object with what stands behind it
 * @size: bytes asked for
 *
 * Context: any.
 * Return: the bytes, a multiple of what the size is aligned to.
 */
size_t goredzone_whole_size(size_t size)
{
	return round_up(size + RED_ZONE + sizeof(struct goredzone_record),
			size & -size);
}

/**
 * goredzone_write - write the red zone and the record
 * @s: the object's span
 * @idx: its index
 * @size: what was asked for
 * @flags: GO_DEBUG_*
 * @caller: by which caller
 * @owner: whose it is
 * @site: the call site that counts it, or 0
 *
 * Context: any.
 */
void goredzone_write(struct gospan *s, unsigned int idx, size_t size,
		     unsigned int flags, unsigned long caller, u8 owner,
		     unsigned int site)
{
	struct goredzone_record *r = record_of(s, idx);
	void *end = gospan_object(s, idx) + size;

	memset(end, SLUB_RED_ACTIVE, (void *)r - end);
	r->size = size;
	r->site = site;
	r->flags = flags;
	r->owner = owner;
	r->cpu = raw_smp_processor_id();
	r->pid = current->pid;
	r->when = jiffies;
	r->alloc = caller;
	r->free = 0;
	r->magic = magic_of(r);
}

/**
 * goredzone_is_intact - has nothing behind an object changed?
 * @s: the object's span
 * @idx: its index
 *
 * Context: any.
 * Return: whether the red zone and the record are as they were written.
 */
bool goredzone_is_intact(const struct gospan *s, unsigned int idx)
{
	const struct goredzone_record *r = record_of(s, idx);
	const void *p = gospan_object(s, idx);

	return r->magic == magic_of(r) &&
	       r->size <= (const void *)r - p - RED_ZONE &&
	       !memchr_inv(p + r->size, SLUB_RED_ACTIVE,
			   (const void *)r - p - r->size);
}

/**
 * goredzone_flags - what an object was suspected of
 * @s: the object's span
 * @idx: its index; it is intact
 *
 * Context: any.
 * Return: GO_DEBUG_*
 */
unsigned int goredzone_flags(const struct gospan *s, unsigned int idx)
{
	return record_of(s, idx)->flags;
}

/**
 * goredzone_note_free - write down which caller frees an object
 * @s: the object's span
 * @idx: its index
 * @caller: the caller
 *
 * Context: any.
 */
void goredzone_note_free(struct gospan *s, unsigned int idx,
			 unsigned long caller)
{
	record_of(s, idx)->free = caller;
}

/**
 * goredzone_fill - fill an object up to its record
 * @s: the object's span
 * @idx: its index
 * @byte: with what
 *
 * Context: any.
 */
void goredzone_fill(struct gospan *s, unsigned int idx, u8 byte)
{
	void *p = gospan_object(s, idx);

	memset(p, byte, (void *)record_of(s, idx) - p);
}

/**
 * goredzone_is_poisoned - is all of a free object still poison?
 * @s: the object's span
 * @idx: its index
 *
 * Context: any.
 * Return: whether it is, up to the record.
 */
bool goredzone_is_poisoned(const struct gospan *s, unsigned int idx)
{
	const void *p = gospan_object(s, idx);

	return !memchr_inv(p, POISON_FREE,
			   (const void *)record_of(s, idx) - p);
}

/**
 * goredzone_size - how many bytes were asked for
 * @s: the object's span
 * @idx: its index; it is in state %GO_OBJ_DEBUG
 *
 * Context: preemption is off.
 * Return: the bytes.
 */
size_t goredzone_size(const struct gospan *s, unsigned int idx)
{
	const struct goredzone_record *r = record_of(s, idx);

	/* A record that was overwritten says nothing about size. */
	return r->magic == magic_of(r) ? r->size :
		s->elemsize - RED_ZONE - sizeof(*r);
}

/* The record of an object that may be freed meanwhile, or NULL. */
static const struct goredzone_record *live_record(const struct gospan *s,
						  unsigned int idx)
{
	const struct goredzone_record *r = record_of(s, idx);

	return READ_ONCE(s->elemsize) > sizeof(*r) &&
	       READ_ONCE(r->magic) == magic_of(r) ? r : NULL;
}

/**
 * goredzone_owner - whose an object is
 * @s: its span
 * @idx: its index; it is in state %GO_OBJ_DEBUG, or was a moment ago
 *
 * Context: RCU read-side section.
 * Return: the owner; unknown if the record was overwritten.
 */
u8 goredzone_owner(const struct gospan *s, unsigned int idx)
{
	const struct goredzone_record *r = live_record(s, idx);
	u8 owner = r ? READ_ONCE(r->owner) : GO_OBJ_LIVE;

	return goobj_is_plain(owner) ? owner : GO_OBJ_LIVE;
}

/**
 * goredzone_site - which call site counts an object
 * @s: its span
 * @idx: its index; it is in state %GO_OBJ_DEBUG, or was a moment ago
 *
 * Context: RCU read-side section, or the object is the caller's.
 * Return: the site; 0 if none does, or if the record was overwritten.
 */
unsigned int goredzone_site(const struct gospan *s, unsigned int idx)
{
	const struct goredzone_record *r = live_record(s, idx);

	return r ? READ_ONCE(r->site) : 0;
}

/**
 * goredzone_caller - which caller allocated an object
 * @s: its span
 * @idx: its index; it is in state %GO_OBJ_DEBUG, or was a moment ago
 *
 * Context: RCU read-side section.
 * Return: the caller; 0 if it was not written down.
 */
unsigned long goredzone_caller(const struct gospan *s, unsigned int idx)
{
	const struct goredzone_record *r = live_record(s, idx);

	return r && READ_ONCE(r->flags) & GO_DEBUG_USERS ? READ_ONCE(r->alloc) :
							   0;
}

/**
 * goredzone_describe - say which caller allocated an object, if that is known
 * @s: its span
 * @idx: its index
 * @buf: where to write
 * @len: how much room there is
 *
 * Context: preemption is off.
 */
void goredzone_describe(const struct gospan *s, unsigned int idx, char *buf,
			size_t len)
{
	const struct goredzone_record *r = record_of(s, idx);
	size_t n;

	if (s->elemsize <= sizeof(*r) || idx >= s->nelems ||
	    (s->objstate[idx] != GO_OBJ_DEBUG &&
	     s->objstate[idx] != GO_OBJ_POISONED))
		return;
	if (r->magic != magic_of(r)) {
		scnprintf(buf, len, ", record overwritten");
		return;
	}
	if (!(r->flags & GO_DEBUG_USERS))
		return;
	n = scnprintf(buf, len, ", %u bytes allocated by %pS, pid %d, CPU %u, %u ms ago",
		      r->size, (void *)r->alloc, r->pid, r->cpu,
		      jiffies_to_msecs((unsigned int)jiffies - r->when));
	if (r->free)
		scnprintf(buf + n, len - n, ", freed by %pS", (void *)r->free);
}
