/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stack: the free objects that a CPU keeps of a span class: stack.c.
 */
#ifndef GOALLOC_STACK_H
#define GOALLOC_STACK_H

#include "types.h"

bool gostack_refill(struct goheap *h, struct gomcache *c, unsigned int spc,
		    struct gocentral *from);
void gostack_push(struct goheap *h, struct gomcache *c, unsigned int spc,
		  void *p, u8 *state);
void gostack_empty(struct goheap *h, struct gomcache *c, unsigned int spc);
void gostack_init(struct goheap *h);

#endif /* GOALLOC_STACK_H */
