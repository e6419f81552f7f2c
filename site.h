/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Site: the call sites that count their objects: site.c.
 */
#ifndef GOALLOC_SITE_H
#define GOALLOC_SITE_H

#include <linux/mutex.h>
#include "types.h"

/* Sites of a block, and blocks; the first one stays empty: no site has number 0. */
#define GO_SITES_SHIFT		6
#define GO_SITES		BIT(GO_SITES_SHIFT)
#define GO_NR_SITE_BLOCKS	256

/**
 * struct gosite_count - what a CPU has added to a site and taken from it
 * @bytes: of live objects
 * @objects: live objects
 */
struct gosite_count {
	unsigned long bytes;
	unsigned long objects;
};

/**
 * struct gosites - some call sites of a module
 * @count: the counters of each
 * @mod: the module; NULL once that has gone
 * @bytes: what the block takes of the kernel, texts and counters as well
 * @next: of those that are about to be freed
 * @n: how many there are
 * @text: what each is called
 */
struct gosites {
	struct gosite_count __percpu *count;
	const struct module *mod;
	size_t bytes;
	struct gosites *next;
	unsigned int n;
	char *text[GO_SITES];
};

/**
 * struct gosite_record - what is known of an object of a site
 * @owner: whose it is, as its state byte would say
 * @is_sampled: the heap profile has a sample of it
 * @id: the site
 * @bytes: what gosize() says
 */
struct gosite_record {
	u8 owner;
	bool is_sampled;
	u16 id;
	u16 bytes;
};

extern struct gosites __rcu *gosites[GO_NR_SITE_BLOCKS];
extern struct mutex gosites_lock;

/* Objects that no site has counted, and those whose record was overwritten. */
extern atomic_long_t gosite_missed;
extern atomic_long_t gosite_lost;

void gosite_count(unsigned int id, long bytes, long objects);
size_t gosite_bytes(size_t size, bool noscan);
size_t gosite_whole_size(size_t size, bool noscan);
void gosite_write(struct gospan *s, unsigned int idx,
		  const struct gosite_record *r);
bool gosite_read(const struct gospan *s, unsigned int idx,
		 struct gosite_record *r);

#endif /* GOALLOC_SITE_H */
