/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lifecycle: how a heap begins and ends: lifecycle.c.
 */
#ifndef GOALLOC_LIFECYCLE_H
#define GOALLOC_LIFECYCLE_H

#include "types.h"

int golifecycle_begin(struct goheap *h);
void golifecycle_end(struct goheap *h);

#endif /* GOALLOC_LIFECYCLE_H */
