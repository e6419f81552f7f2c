/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Caller: the exported functions that are not told who calls: caller.c.
 */
#ifndef GOALLOC_CALLER_H
#define GOALLOC_CALLER_H

#include <linux/types.h>

void *__gomalloc(size_t size, gfp_t gfp);
void *gomalloc_class(size_t size, gfp_t gfp, unsigned long class);
void *gomalloc_noscan(size_t size, gfp_t gfp);
void *gomalloc_node(size_t size, gfp_t gfp, int node);
void *gorealloc(const void *p, size_t size, gfp_t gfp);
size_t gomalloc_bulk(gfp_t gfp, size_t size, size_t n, void **p);
void *gomemdup(const void *src, size_t len, gfp_t gfp);
char *gostrdup(const char *s, gfp_t gfp);

#endif /* GOALLOC_CALLER_H */
