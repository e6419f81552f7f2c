/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Red zone: what stands behind an object that debug= suspects: redzone.c.
 */
#ifndef GOALLOC_REDZONE_H
#define GOALLOC_REDZONE_H

#include "types.h"

/* SLUB's letters. */
#define GO_DEBUG_SANITY		BIT(0)
#define GO_DEBUG_RED_ZONE	BIT(1)
#define GO_DEBUG_POISON		BIT(2)
#define GO_DEBUG_USERS		BIT(3)

/**
 * struct goredzone_filter - which objects are suspected, and of what
 * @flags: GO_DEBUG_*
 * @class: of this class only; 0 for any
 * @who: allocated by this function or module only; empty for any
 */
struct goredzone_filter {
	unsigned int flags;
	unsigned int class;
	char who[40];
};

void goredzone_set_filter(const struct goredzone_filter *f);
unsigned int goredzone_suspects(size_t size, unsigned long caller);
size_t goredzone_whole_size(size_t size);
void goredzone_write(struct gospan *s, unsigned int idx, size_t size,
		     unsigned int flags, unsigned long caller, u8 owner,
		     unsigned int site);
u8 goredzone_owner(const struct gospan *s, unsigned int idx);
unsigned int goredzone_site(const struct gospan *s, unsigned int idx);
unsigned long goredzone_caller(const struct gospan *s, unsigned int idx);
bool goredzone_is_intact(const struct gospan *s, unsigned int idx);
unsigned int goredzone_flags(const struct gospan *s, unsigned int idx);
void goredzone_note_free(struct gospan *s, unsigned int idx,
			 unsigned long caller);
void goredzone_fill(struct gospan *s, unsigned int idx, u8 byte);
bool goredzone_is_poisoned(const struct gospan *s, unsigned int idx);
size_t goredzone_size(const struct gospan *s, unsigned int idx);
void goredzone_describe(const struct gospan *s, unsigned int idx, char *buf,
			size_t len);

#endif /* GOALLOC_REDZONE_H */
