/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interfaces between the parts of goallocctl advise.
 *
 *   advise.c        the command: its options, what is read and what is written
 *   advise_live.c   the events of the running kernel, by tracefs
 *   advise_read.c   the lines of a trace, as tracefs, perf and trace-cmd write them
 *   advise_names.c  which module a function is of, where those do not say
 *   advise_sum.c    what the events add up to: by call site, and at the peak
 *   advise_out.c    the answer as text and JSON
 *   advise_svg.c    the answer as a picture
 *   advise_class.c  goalloc's size classes
 *
 * Functions that may fail return 0, or 1 when they have said why.
 */
#ifndef ADVISE_H
#define ADVISE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ADVISE_CLASSES	68	/* 0 is that of large objects */
#define ADVISE_HIDDEN	UINT64_MAX

/**
 * struct event - what a line of a trace says
 * @kind: what has happened
 * @site: the call, "function+0x1c/0x90"
 * @module: of the call: "" is the kernel, "?" not known
 * @ptr: the object; 0 where an allocation has failed, ADVISE_HIDDEN if the line
 *	does not say
 * @requested: bytes asked for
 * @kmalloc: bytes that the kernel took for it
 * @ns: when; 0 if the line does not say
 * @accounted: charged to a memory cgroup
 * @zone: of a zone that goalloc has no memory of
 */
struct event {
	enum event_kind {
		EVENT_KMALLOC,
		EVENT_CACHE,		/* kmem_cache_alloc(): not kmalloc */
		EVENT_KFREE,
	} kind;
	const char *site;
	const char *module;
	uint64_t ptr;
	uint64_t requested;
	uint64_t kmalloc;
	uint64_t ns;
	int accounted;
	int zone;
};

/* Objects and their bytes: asked for, as kmalloc rounds them, as goalloc would. */
struct amount {
	uint64_t objects;
	uint64_t requested;
	uint64_t kmalloc;
	uint64_t goalloc;
};

/**
 * struct tally - amounts of some of the objects
 * @all: that were ever allocated
 * @live: that are live now
 * @peak: that were live at the peak of all, once advise_end() has seen to it
 * @epoch: which peak @peak is of; advise_sum.c's own
 */
struct tally {
	struct amount all, live, peak;
	uint64_t epoch;
};

/**
 * struct site - a call of kmalloc() or of a function that passes it on
 * @name: "function+0x1c/0x90"
 * @module: as in struct event
 * @t: its objects
 * @freed: those that were seen to be freed, and when
 * @lived_ns: how long these lived, in all
 */
struct site {
	char *name;
	char *module;
	struct tally t;
	uint64_t freed;
	uint64_t lived_ns;
};

/**
 * struct advice - what a trace adds up to
 * @site: the call sites
 * @nsites: how many
 * @total: of all of them
 * @class: by goalloc's size classes
 * @cache: of kmem_cache_alloc(), which goalloc has nothing to say of
 * @accounted: of @total.all, those charged to a memory cgroup
 * @zone: of @total.all, those that goalloc has no memory for
 * @too_large: those that are larger than goalloc's largest
 * @failed: allocations that got nothing
 * @frees: frees seen
 * @before: of these, frees of what was not seen to be allocated
 * @unseen: objects that must have been freed, as their address came again
 * @backwards: lines that are older than the one before
 * @lost: events that the kernel or a tool says were lost
 * @lost_some: how often it did not say how many
 * @first: when the first event was, in ns
 * @last: and the last one
 * @hidden: objects without an address, of which no free can be seen
 * @bracketed: a module was named in the trace
 * @names: where modules are looked up, or NULL
 * @short_ptr: every address has 32 bits only
 * @modules: the same amounts by module, made by advise_end()
 * @nmodules: how many
 * @room_sites: for so many sites there is memory
 * @index: hash table of the sites, by number + 1
 * @room_index: its length
 * @object: hash table of the live objects, by address
 * @nobjects: how many
 * @room_objects: its length
 * @epoch: the number of the last peak
 */
struct advice {
	struct site *site;
	size_t nsites;
	struct tally total;
	struct tally class[ADVISE_CLASSES];
	struct amount cache;
	struct amount accounted;
	struct amount zone;
	uint64_t too_large;
	uint64_t failed;
	uint64_t frees;
	uint64_t before;
	uint64_t unseen;
	uint64_t backwards;
	uint64_t lost;
	uint64_t lost_some;
	uint64_t first, last;
	uint64_t hidden;
	int bracketed;
	const struct names *names;
	int short_ptr;
	struct site *modules;
	size_t nmodules;
	size_t room_sites;
	uint32_t *index;
	size_t room_index;
	struct object *object;
	size_t nobjects, room_objects;
	uint64_t epoch;
};

/* advise_class.c */
uint64_t advise_size(uint64_t size, unsigned int *class);
uint64_t advise_spans(unsigned int class, uint64_t objects);

/* advise_sum.c */
void advise_begin(struct advice *a);
int advise_add(struct advice *a, const struct event *e);
int advise_end(struct advice *a);
void advise_free(struct advice *a);
int64_t advise_saved(const struct amount *m);

/* advise_read.c */
int advise_line(struct advice *a, char *text, const char *name, size_t line);
int advise_read(struct advice *a, FILE *in, const char *name);

/* advise_names.c */
struct names *advise_names(const char *path);
const char *advise_module(const struct names *names, const char *site);
void advise_names_free(struct names *names);

/* advise_live.c */
int advise_live(struct advice *a, unsigned int seconds, unsigned int kib);

/* advise_out.c */
void advise_text(const struct advice *a, unsigned int rows);
void advise_json(const struct advice *a);

/* advise_svg.c */
void advise_svg(const struct advice *a, FILE *out);

#endif /* ADVISE_H */
