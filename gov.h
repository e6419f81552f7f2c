/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gov: memory that need not be physically contiguous: gov.c.
 */
#ifndef GOALLOC_GOV_H
#define GOALLOC_GOV_H

#include "types.h"

/**
 * struct gov_found - a virtually contiguous object
 * @p: the object
 * @bytes: its bytes
 * @owner: whose it is
 * @is_sampled: the heap profile has a sample of it, or had one
 */
struct gov_found {
	void *p;
	size_t bytes;
	u8 owner;
	bool is_sampled;
};

/**
 * struct gov_stats - what there is of these, and ever was
 * @mallocs: objects ever allocated
 * @frees: objects ever freed
 * @bytes: bytes of those that are live
 */
struct gov_stats {
	u64 mallocs;
	u64 frees;
	u64 bytes;
};

void gov_read(struct gov_stats *st);
bool gov_next(const void *after, struct gov_found *f);
void gov_exit(void);

#endif /* GOALLOC_GOV_H */
