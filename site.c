// SPDX-License-Identifier: GPL-2.0
/*
 * Site: the call sites that count their objects.
 *
 * A client that says GOALLOC_SITES has a number for each place of its code that
 * allocates, and calls the functions of at.c.  To count what is live there, a free
 * has to know where its object came from.  That is said by a record of 8 bytes at
 * the object's very end, which therefore is of a larger class; its state byte says
 * that there is one, so that the free finds out by itself, and the free of any
 * other object costs what it did.  An object of whole pages has the number in its
 * span.
 *
 * A table by address needs a place for each object, at a time when no memory may
 * be had, or drops some; the heap profile may do that, but what is exact may not.
 * A number for each object of a span, as the kernel's own allocation profiling
 * has it, would take 2 bytes and not 8, but of all objects of all clients, since
 * they share spans.  Here those pay that ask for it: what has a size like 64 or
 * 4096, whose alignment the record must not spoil, takes twice the memory.
 *
 * The record is one word, sealed with a sum of itself and its address.  So it is
 * read in one piece, and one that the client has written over is not believed:
 * its object stays counted, and is counted as lost.
 *
 * Each CPU has counters of its own, as there is no better place for those of a
 * site that all CPUs use; a reading adds them up.  They are here and not in the
 * client, because objects may outlive it.
 *
 * observe/sites.c gives numbers and reads the counters.  Any context.
 */

#include <linux/bitfield.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include "site.h"
#include "span.h"

#define OWNER		GENMASK_ULL(7, 0)
#define ID		GENMASK_ULL(23, 8)
#define BYTES		GENMASK_ULL(39, 24)
#define SAMPLED		BIT_ULL(40)
#define SEAL		GENMASK_ULL(63, 41)

/* Guards the table below. */
DEFINE_MUTEX(gosites_lock);

struct gosites __rcu *gosites[GO_NR_SITE_BLOCKS];

atomic_long_t gosite_missed;
atomic_long_t gosite_lost;

/**
 * gosite_count - add to what is live of a site
 * @id: the site
 * @bytes: bytes, or less than 0
 * @objects: objects, or less than 0
 *
 * Context: any.
 */
void gosite_count(unsigned int id, long bytes, long objects)
{
	struct gosite_count __percpu *c;
	struct gosites *b;

	preempt_disable();
	/* A record of debug= may have been written over. */
	b = id >> GO_SITES_SHIFT < GO_NR_SITE_BLOCKS ?
	    rcu_dereference_sched(gosites[id >> GO_SITES_SHIFT]) : NULL;
	if (b) {
		c = b->count + (id & (GO_SITES - 1));
		this_cpu_add(c->bytes, bytes);
		this_cpu_add(c->objects, objects);
	}
	preempt_enable();
}

/**
 * gosite_bytes - what gosize() will say of a small object
 * @size: bytes asked for, 1 to GO_MAX_SMALL
 * @noscan: it will hold no pointers
 *
 * The same as of one without a record.
 *
 * Context: any.
 * Return: the bytes.
 */
size_t gosite_bytes(size_t size, bool noscan)
{
	return noscan && size < GO_TINY_SIZE ? size :
					       go_class_size[gosizeclass_of(size)];
}

/**
 * gosite_whole_size - the bytes of a small object with its record
 * @size: bytes asked for, 1 to GO_MAX_SMALL
 * @noscan: it will hold no pointers
 *
 * Context: any.
 * Return: the bytes, a multiple of what the size is aligned to; they may be more
 * than a small object has.
 */
size_t gosite_whole_size(size_t size, bool noscan)
{
	return round_up(gosite_bytes(size, noscan) + sizeof(u64), size & -size);
}

static u64 *record_of(const struct gospan *s, unsigned int idx)
{
	return gospan_object(s, idx) + READ_ONCE(s->elemsize) - sizeof(u64);
}

static u64 sealed(const u64 *at, u64 body)
{
	u64 sum = (body ^ (unsigned long)at) * 0x9e3779b97f4a7c15ULL;

	return body | ((sum ^ sum << 21) & SEAL);
}

/**
 * gosite_write - write the record of an object
 * @s: its span
 * @idx: its index
 * @r: the record
 *
 * Context: any.
 */
void gosite_write(struct gospan *s, unsigned int idx,
		  const struct gosite_record *r)
{
	u64 *at = record_of(s, idx);

	WRITE_ONCE(*at, sealed(at, FIELD_PREP(OWNER, r->owner) |
				   FIELD_PREP(ID, r->id) |
				   FIELD_PREP(BYTES, r->bytes) |
				   FIELD_PREP(SAMPLED, r->is_sampled)));
}

/**
 * gosite_read - read the record of an object
 * @s: its span
 * @idx: its index; it is in state %GO_OBJ_SITED, or was until the caller took it
 * @r: the record
 *
 * Context: any.
 * Return: false if it was overwritten; @r is then that of nobody, as large as can
 * be.
 */
bool gosite_read(const struct gospan *s, unsigned int idx,
		 struct gosite_record *r)
{
	const u64 *at = record_of(s, idx);
	u64 word = READ_ONCE(*at);

	/* The latter two as well, should a sum be right by chance. */
	if (sealed(at, word & ~SEAL) != word ||
	    !goobj_is_plain(FIELD_GET(OWNER, word)) ||
	    FIELD_GET(ID, word) >> GO_SITES_SHIFT >= GO_NR_SITE_BLOCKS) {
		*r = (struct gosite_record){
			.owner = GO_OBJ_LIVE,
			.bytes = READ_ONCE(s->elemsize) - sizeof(u64),
		};
		return false;
	}
	r->owner = FIELD_GET(OWNER, word);
	r->is_sampled = FIELD_GET(SAMPLED, word);
	r->id = FIELD_GET(ID, word);
	r->bytes = FIELD_GET(BYTES, word);
	return true;
}
