/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What <linux/goalloc.h> declared before its functions passed an owner.
 */
#ifndef GOOLD_H
#define GOOLD_H

#include <linux/types.h>

void *__gomalloc(size_t size, gfp_t gfp);
void *gomalloc_class(size_t size, gfp_t gfp, unsigned long class);
void *gomalloc_noscan(size_t size, gfp_t gfp);
void *gomalloc_node(size_t size, gfp_t gfp, int node);
void *gorealloc(const void *p, size_t size, gfp_t gfp);
size_t gomalloc_bulk(gfp_t gfp, size_t size, size_t n, void **p);
void *gomemdup(const void *src, size_t len, gfp_t gfp);
char *gostrdup(const char *s, gfp_t gfp);
void gofree_bulk(size_t n, void **p);

/* goold's own: allocates with a jump. */
void *goold_jump(size_t size);

#endif /* GOOLD_H */
