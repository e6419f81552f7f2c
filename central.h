/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mcentral: the spans of one span class on one node: central.c.
 */
#ifndef GOALLOC_CENTRAL_H
#define GOALLOC_CENTRAL_H

#include "types.h"

void gocentral_init(struct gocentral *c, struct gonode *node, unsigned int spc);
void gocentral_add(struct gocentral *c, struct gospan *s);
unsigned int gocentral_refill(struct goheap *h, struct gocentral *c,
			      struct gospan **cur, struct goslot *slot,
			      unsigned int want);
bool gocentral_take(struct gocentral *c, size_t size, struct goslot *slot);
void gocentral_free(struct goheap *h, struct goslot *slot, unsigned int n,
		    bool count);
void gocentral_free_word(struct gospan *s, unsigned int word,
			 unsigned long dead);
void gocentral_free_one(struct goheap *h, void *p);
void gocentral_uncache(struct goheap *h, struct gospan *s);
unsigned int gocentral_trim(struct gocentral *c, unsigned int want);
unsigned int gocentral_mark_idle(struct gocentral *c);
unsigned int gocentral_trim_idle(struct gocentral *c);
void gocentral_wait_for_readers(void);
bool gocentral_is_sparse(const struct gocentral *c);
unsigned long gocentral_idle_pages(struct gonode *node);
const char *gocentral_check(const struct gospan *s);
bool gocentral_is_sane(struct gospan *s);

#endif /* GOALLOC_CENTRAL_H */
