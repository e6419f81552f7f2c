/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Large: objects of whole pages, and what they leave: large.c.
 */
#ifndef GOALLOC_LARGE_H
#define GOALLOC_LARGE_H

#include "types.h"

void golarge_make(struct gonode *node, struct gospan *s, size_t size);
struct gospan *golarge_take(struct gonode *node, unsigned long npages,
			    unsigned long align, size_t size);
bool golarge_extend(struct goheap *h, struct gospan *s, size_t size, gfp_t gfp);
void golarge_free(struct goheap *h, struct gospan *s, bool give_back);
unsigned int golarge_flush(struct gonode *node, unsigned int want);
void golarge_flush_all(struct gonode *node);
unsigned long golarge_mark_idle(struct gonode *node);
unsigned long golarge_trim_idle(struct gonode *node);
void golarge_init(struct gonode *node);

#endif /* GOALLOC_LARGE_H */
