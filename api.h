/* SPDX-License-Identifier: GPL-2.0 */
/*
 * api: the heap that the exported functions work on: api.c.
 */
#ifndef GOALLOC_API_H
#define GOALLOC_API_H

#include "types.h"

extern struct goheap goalloc_heap;

#endif /* GOALLOC_API_H */
