/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interfaces between the parts of goallocctl profile.
 *
 *   profile.c       the command: its options, what is read and what is written
 *   profile_read.c  a profile in memory: from debugfs' text, scaled; differences
 *   pprof.c         gzipped profile.proto, out and in
 *   flame.c         a profile as a picture
 *
 * Functions that may fail return 0, or 1 when they have said why.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* More than the kernel prints; a file with more is none of its. */
#define PROFILE_FRAMES	256
#define PROFILE_BUCKETS	64

/* The values of a sample, in the order of Go's heap profile. */
enum {
	ALLOC_OBJECTS,
	ALLOC_SPACE,
	INUSE_OBJECTS,
	INUSE_SPACE,
	NR_VALUES
};

extern const char * const value_name[NR_VALUES], * const value_unit[NR_VALUES];

/**
 * struct frame - a place in the code; there is one of each in a profile
 * @name: function; an address in hexadecimal where there is no name
 * @module: NULL for the kernel itself
 * @addr: return address, as it was when it was first met
 * @offset: into the function
 * @size: of the function, 0 if not known
 */
struct frame {
	char *name;
	char *module;
	uint64_t addr;
	uint64_t offset;
	uint64_t size;
};

/**
 * struct bucket - how many objects have lived for less than so long
 * @below: the bound as the kernel writes it: "<2us"
 * @n: objects, as sampled
 */
struct bucket {
	char below[16];
	int64_t n;
};

/**
 * struct sample - what was allocated by a stack
 * @value: scaled
 * @nframes: depth
 * @frame: indices of frames, the innermost first
 * @nbuckets: how many lifetimes
 * @bucket: lifetimes
 */
struct sample {
	int64_t value[NR_VALUES];
	unsigned int nframes;
	uint32_t *frame;
	unsigned int nbuckets;
	struct bucket *bucket;
};

struct profile {
	uint64_t rate;
	uint64_t taken_ns;	/* when it was read, since 1970 */
	uint64_t duration_ns;	/* of a difference */
	char *dropped;		/* what the kernel says it has left out */
	struct frame *frames;
	size_t nframes, room_frames;
	struct sample *samples;
	size_t nsamples, room_samples;
	uint32_t *index;	/* hash table of frames, by number + 1 */
	size_t index_room;
};

/* profile_read.c */
int profile_read(struct profile *p, FILE *in, const char *name);
void profile_free(struct profile *p);
int profile_subtract(struct profile *p, const struct profile *base);
int profile_frame(struct profile *p, const struct frame *f, uint32_t *at);
struct sample *profile_sample(struct profile *p, const uint32_t *frame,
			      unsigned int n);
int profile_lifetimes(char *text, struct bucket *b, unsigned int *n);
int64_t profile_total(const struct profile *p, int value);

/* pprof.c */
int pprof_write(const struct profile *p, const char *path, int type);
int pprof_read(struct profile *p, const char *path);

/* flame.c */
int flame_write(const struct profile *p, FILE *out, int type);

#endif /* PROFILE_H */
