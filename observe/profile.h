/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Profile: the tables of the heap profile, for the two files that have it:
 * profile.c makes and fills them, profile_text.c writes them down.
 */
#ifndef GOALLOC_OBSERVE_PROFILE_H
#define GOALLOC_OBSERVE_PROFILE_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include "sample.h"

struct module;

/* Frames of a stack that are kept, of which there are more only seldom. */
#define GOPROFILE_DEPTH		30U

/*
 * Ages are counted by the powers of two: below 2, 4, 8 ... microseconds; the last
 * bucket has all from half an hour on.
 */
#define GOPROFILE_AGES		32

/* The address of a sample that is being made. */
#define GOPROFILE_CLAIMED	1UL

/**
 * struct goprofile_site - a stack of callers that have asked for one size
 * @hash: of the stack and the size, 0 while there is none, 1 when it is closed:
 *	see profile.c
 * @size: bytes asked for
 * @nframes: how many frames there are, 0 until they are there
 * @allocs: samples, each by what it counts for
 * @frees: of these, objects that have been freed
 * @names: the names of the frames, once they would be lost
 * @closed: which closing has closed it, 0 while it is open
 * @goes: it is about to make room
 * @age: by bucket: at which age objects were freed
 * @frame: return addresses, the caller's first
 */
struct goprofile_site {
	unsigned long hash;
	unsigned int size;
	unsigned int nframes;
	atomic_long_t allocs;
	atomic_long_t frees;
	char *names;
	unsigned int closed;
	bool goes;
	atomic_long_t age[GOPROFILE_AGES];
	unsigned long frame[GOPROFILE_DEPTH];
};

/**
 * struct goprofile_sample - a live object that was sampled
 * @addr: its address; 0 if there is none
 * @site: where it was allocated
 * @when: at what time, in ns
 * @weight: what it counts for
 * @marked: its object says that there is a sample of it
 */
struct goprofile_sample {
	unsigned long addr;
	struct goprofile_site *site;
	u64 when;
	u32 weight;
	bool marked;
};

/**
 * struct goprofile - a profile
 * @rate: the mean of the bytes between two samples
 * @nsites: the length of @site, a power of two
 * @nsamples: the length of @sample, a power of two
 * @site: a table by hash
 * @sample: a table by address
 * @text: bytes of names
 * @no_sample: allocations that were dropped because @sample was full
 * @no_site: because @site was full
 * @no_names: sites whose names were lost
 * @made_room: sites that were removed for others
 * @closings: how often modules have closed sites
 */
struct goprofile {
	unsigned long rate;
	unsigned int nsites;
	unsigned int nsamples;
	struct goprofile_site *site;
	struct goprofile_sample *sample;
	size_t text;
	atomic_long_t no_sample;
	atomic_long_t no_site;
	atomic_long_t no_names;
	unsigned long made_room;
	unsigned int closings;
};

extern struct mutex goprofile_setting;

/* How many frames of a site may be read; 0 if it is not there yet. */
static inline unsigned int goprofile_frames(const struct goprofile_site *s)
{
	return smp_load_acquire(&s->nframes);	/* the frames after */
}

/* profile.c */
struct goprofile *goprofile_now(void);
void goprofile_close(const struct module *mod, bool init);

#endif /* GOALLOC_OBSERVE_PROFILE_H */
