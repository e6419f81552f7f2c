// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl profile: gzipped profile.proto, which go tool pprof, speedscope and
 * Pyroscope read.
 *
 * Protocol buffers are written by hand.  protobuf-c would bring a compiler that
 * every build needs, a library, and a generated file three times as long as this
 * one, for a format of two rules: a number is a varint behind a tag, and anything
 * else is a length and bytes behind a tag.  Compression is not like that, so it is
 * zlib's.
 *
 * The names of functions are in the file.  Its mappings say so, one for the kernel
 * and one for each module, so that no tool goes looking for binaries, which it
 * would not find at the addresses of a kernel with KASLR.  A module is the file of
 * its functions, so that pprof -files adds up by module.
 *
 * What is read here is what was written here, for -base.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "ctl.h"
#include "profile.h"

/* A file that is larger when unpacked is none of ours. */
#define MOST_BYTES	(256UL << 20)

/* The numbers of fields: see profile.proto of pprof. */
enum {
	P_SAMPLE_TYPE = 1, P_SAMPLE, P_MAPPING, P_LOCATION, P_FUNCTION,
	P_STRING, P_TIME = 9, P_DURATION, P_PERIOD_TYPE, P_PERIOD, P_COMMENT,
	P_DEFAULT_TYPE,
};

enum { TYPE_TYPE = 1, TYPE_UNIT };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_STR };
enum { MAP_ID = 1, MAP_START, MAP_LIMIT, MAP_FILE = 5, MAP_FUNCTIONS = 7 };
enum { LOC_ID = 1, LOC_MAP, LOC_ADDR, LOC_LINE };
enum { LINE_FUNCTION = 1, LINE_LINE };
enum { FUN_ID = 1, FUN_NAME, FUN_SYSTEM_NAME, FUN_FILE };

/**
 * struct buf - bytes that grow; once there is no memory they stay as they are
 * @at: the bytes
 * @n: how many
 * @room: for how many
 * @bad: there was no memory
 */
struct buf {
	unsigned char *at;
	size_t n;
	size_t room;
	int bad;
};

static void put_bytes(struct buf *b, const void *bytes, size_t n)
{
	unsigned char *more;
	size_t room = b->room ? b->room : 256;

	while (room < b->n + n)
		room *= 2;
	if (room != b->room) {
		more = realloc(b->at, room);
		if (!more) {
			b->bad = 1;
			return;
		}
		b->at = more;
		b->room = room;
	}
	if (n)
		memcpy(b->at + b->n, bytes, n);
	b->n += n;
}

static void put_varint(struct buf *b, uint64_t v)
{
	unsigned char c;

	do {
		c = (v & 0x7f) | (v > 0x7f) << 7;
		put_bytes(b, &c, 1);
		v >>= 7;
	} while (v);
}

static void put_number(struct buf *b, unsigned int field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

static void put_block(struct buf *b, unsigned int field, const void *bytes,
		      size_t n)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, n);
	put_bytes(b, bytes, n);
}

/* Put what is in @part behind a tag, and empty it. */
static void put_part(struct buf *b, unsigned int field, struct buf *part)
{
	put_block(b, field, part->at, part->n);
	b->bad |= part->bad;
	part->n = 0;
}

/**
 * struct writer - a profile on its way out
 * @p: the profile
 * @out: what is written
 * @part: a message inside it
 * @inner: a message inside that
 * @strings: the table of strings
 * @nstrings: how many it has
 * @modules: of each mapping the module, NULL for the kernel
 * @maps: of each mapping the string that is its name
 * @nmodules: how many mappings
 */
struct writer {
	const struct profile *p;
	struct buf out, part, inner, strings;
	uint64_t nstrings;
	const char **modules;
	uint64_t *maps;
	size_t nmodules;
};

/* The index of a new string.  Few are met twice, so none is looked for. */
static uint64_t add_string(struct writer *w, const char *s)
{
	put_block(&w->strings, P_STRING, s, strlen(s));
	return w->nstrings++;
}

static void write_type(struct writer *w, unsigned int field, const char *type,
		       const char *unit)
{
	put_number(&w->part, TYPE_TYPE, add_string(w, type));
	put_number(&w->part, TYPE_UNIT, add_string(w, unit));
	put_part(&w->out, field, &w->part);
}

static void write_lifetimes(struct writer *w, const struct sample *s)
{
	char text[PROFILE_BUCKETS * 40] = "";
	size_t n = 0;
	unsigned int i;

	for (i = 0; i < s->nbuckets; i++)
		n += snprintf(text + n, sizeof(text) - n, "%s%s:%" PRId64,
			      i ? " " : "", s->bucket[i].below, s->bucket[i].n);
	put_number(&w->inner, LABEL_KEY, add_string(w, "lifetimes"));
	put_number(&w->inner, LABEL_STR, add_string(w, text));
	put_part(&w->part, SAMPLE_LABEL, &w->inner);
}

static void write_sample(struct writer *w, const struct sample *s)
{
	unsigned int i;

	for (i = 0; i < s->nframes; i++)
		put_varint(&w->inner, s->frame[i] + 1);
	put_part(&w->part, SAMPLE_LOCATION, &w->inner);
	for (i = 0; i < NR_VALUES; i++)
		put_varint(&w->inner, s->value[i]);
	put_part(&w->part, SAMPLE_VALUE, &w->inner);
	if (s->nbuckets)
		write_lifetimes(w, s);
	put_part(&w->out, P_SAMPLE, &w->part);
}

/* In a difference there may be nothing left. */
static int has_values(const struct sample *s)
{
	unsigned int i = 0;

	while (i < NR_VALUES && !s->value[i])
		i++;
	return i < NR_VALUES;
}

static int is_of(const struct frame *f, const char *module)
{
	return module && f->module ? !strcmp(module, f->module) :
				     !module && !f->module;
}

/* The mapping of a frame; the kernel's is the first. */
static size_t mapping_of(const struct writer *w, const struct frame *f)
{
	size_t i = 0;

	while (i < w->nmodules && !is_of(f, w->modules[i]))
		i++;
	return i;
}

static int list_modules(struct writer *w)
{
	const struct profile *p = w->p;
	size_t i;

	w->modules = calloc(p->nframes + 1, sizeof(*w->modules));
	w->maps = calloc(p->nframes + 1, sizeof(*w->maps));
	if (!w->modules || !w->maps)
		return 1;
	w->nmodules = 1;
	for (i = 0; i < p->nframes; i++)
		if (mapping_of(w, &p->frames[i]) == w->nmodules)
			w->modules[w->nmodules++] = p->frames[i].module;
	return 0;
}

/* A mapping reaches as far as the functions of it that the profile has. */
static void write_mapping(struct writer *w, size_t i)
{
	uint64_t start = UINT64_MAX, limit = 0, end;
	const struct frame *f = w->p->frames;
	char name[128];

	for (; f < w->p->frames + w->p->nframes; f++) {
		if (!is_of(f, w->modules[i]))
			continue;
		end = f->addr + (f->size > f->offset ? f->size - f->offset : 0);
		if (f->addr - f->offset < start)
			start = f->addr - f->offset;
		if (end + 1 > limit)
			limit = end + 1;
	}
	if (start > limit)
		start = limit;
	snprintf(name, sizeof(name), "[%s]",
		 w->modules[i] ? w->modules[i] : "kernel");
	put_number(&w->part, MAP_ID, i + 1);
	put_number(&w->part, MAP_START, start);
	put_number(&w->part, MAP_LIMIT, limit);
	w->maps[i] = add_string(w, name);
	put_number(&w->part, MAP_FILE, w->maps[i]);
	put_number(&w->part, MAP_FUNCTIONS, 1);
	put_part(&w->out, P_MAPPING, &w->part);
}

/* The first frame of the same function, which has its number. */
static size_t function_of(const struct profile *p, size_t i, size_t *first)
{
	const struct frame *f = &p->frames[i];
	size_t k = 0;

	while (strcmp(p->frames[k].name, f->name) ||
	       !is_of(&p->frames[k], f->module))
		k++;
	*first = k;
	return k + 1;
}

/* A location, and its function if it is the first one in that. */
static void write_frame(struct writer *w, size_t i)
{
	const struct frame *f = &w->p->frames[i];
	size_t first, function = function_of(w->p, i, &first);
	uint64_t name;

	/* A return address is behind the call, maybe in the next function. */
	put_number(&w->part, LOC_ID, i + 1);
	put_number(&w->part, LOC_MAP, mapping_of(w, f) + 1);
	put_number(&w->part, LOC_ADDR, f->addr - !!f->addr);
	put_number(&w->inner, LINE_FUNCTION, function);
	/* There are no lines; with -lines the offset tells calls apart. */
	put_number(&w->inner, LINE_LINE, f->offset);
	put_part(&w->part, LOC_LINE, &w->inner);
	put_part(&w->out, P_LOCATION, &w->part);
	if (first != i)
		return;
	name = add_string(w, f->name);
	put_number(&w->part, FUN_ID, function);
	put_number(&w->part, FUN_NAME, name);
	put_number(&w->part, FUN_SYSTEM_NAME, name);
	put_number(&w->part, FUN_FILE, w->maps[mapping_of(w, f)]);
	put_part(&w->out, P_FUNCTION, &w->part);
}

static void write_about(struct writer *w, int type)
{
	char text[256];

	put_number(&w->out, P_TIME, w->p->taken_ns);
	put_number(&w->out, P_DURATION, w->p->duration_ns);
	write_type(w, P_PERIOD_TYPE, "space", "bytes");
	put_number(&w->out, P_PERIOD, w->p->rate);
	snprintf(text, sizeof(text), "dropped: %s",
		 w->p->dropped ? w->p->dropped : "");
	put_number(&w->out, P_COMMENT, add_string(w, text));
	put_number(&w->out, P_DEFAULT_TYPE, add_string(w, value_name[type]));
}

static int encode_profile(struct writer *w, int type)
{
	size_t i;

	if (list_modules(w))
		return 1;
	add_string(w, "");
	for (i = 0; i < NR_VALUES; i++)
		write_type(w, P_SAMPLE_TYPE, value_name[i], value_unit[i]);
	for (i = 0; i < w->p->nsamples; i++)
		if (has_values(&w->p->samples[i]))
			write_sample(w, &w->p->samples[i]);
	for (i = 0; i < w->nmodules; i++)
		write_mapping(w, i);
	for (i = 0; i < w->p->nframes; i++)
		write_frame(w, i);
	write_about(w, type);
	put_bytes(&w->out, w->strings.at, w->strings.n);
	return w->out.bad | w->strings.bad;
}

/* Write it all, or leave no file. */
static int write_gzip(const char *path, const struct buf *b)
{
	gzFile out = gzopen(path, "wb");
	int err = 0;

	if (!out)
		return fail_at(path, 0, strerror(errno));
	if (gzwrite(out, b->at, b->n) != (int)b->n)
		err = 1;
	if (gzclose(out) != Z_OK)
		err = 1;
	if (!err)
		return 0;
	fail_at(path, 0, errno ? strerror(errno) : "cannot be written");
	unlink(path);
	return 1;
}

/**
 * pprof_write - write a profile for pprof
 * @p: the profile
 * @path: the file
 * @type: which of its values pprof shows first
 *
 * Return: 0, or 1 with the reason printed.
 */
int pprof_write(const struct profile *p, const char *path, int type)
{
	struct writer w = { .p = p };
	int err = encode_profile(&w, type) ?
		  fail_at(path, 0, "no memory") :
		  write_gzip(path, &w.out);

	free(w.modules);
	free(w.maps);
	free(w.out.at);
	free(w.part.at);
	free(w.inner.at);
	free(w.strings.at);
	return err;
}

/**
 * struct field - a field of a message
 * @number: which
 * @is_bytes: or a number
 * @value: of a number
 * @part: of bytes
 */
struct field {
	unsigned int number;
	int is_bytes;
	uint64_t value;
	struct slice { const unsigned char *at, *end; } part;
};

static int get_varint(struct slice *s, uint64_t *v)
{
	unsigned int shift;

	*v = 0;
	for (shift = 0; s->at < s->end && shift < 64; shift += 7) {
		*v |= (uint64_t)(*s->at & 0x7f) << shift;
		if (!(*s->at++ & 0x80))
			return 0;
	}
	return 1;
}

/* The next field: 1, 0 at the end, -1 if it is damaged. */
static int get_field(struct slice *s, struct field *f)
{
	uint64_t tag;

	if (s->at == s->end)
		return 0;
	if (get_varint(s, &tag) || get_varint(s, &f->value))
		return -1;
	f->number = tag >> 3;
	f->is_bytes = (tag & 7) == 2;
	if (!f->is_bytes)
		return (tag & 7) == 0 ? 1 : -1;
	if (f->value > (uint64_t)(s->end - s->at))
		return -1;
	f->part.at = s->at;
	s->at += f->value;
	f->part.end = s->at;
	return 1;
}

/**
 * struct loader - a profile on its way in
 * @p: the profile
 * @all: the file
 * @n: how many messages it has, by their field
 * @string: its table of strings
 * @map: by mapping, the string that is its name
 * @function: the same of functions
 * @frame: by location, the frame
 */
struct loader {
	struct profile *p;
	struct slice all;
	size_t n[P_DEFAULT_TYPE + 1];
	struct slice *string;
	uint64_t *map;
	uint64_t *function;
	uint32_t *frame;
};

/*
 * The numbers of a message by field, from 1 on; of those that are bytes the last
 * is @part.
 */
static int get_numbers(struct slice s, uint64_t v[8], struct slice *part)
{
	struct field f;
	int got;

	memset(v, 0, 8 * sizeof(*v));
	while ((got = get_field(&s, &f)) > 0) {
		if (f.is_bytes)
			*part = f.part;
		else if (f.number < 8)
			v[f.number] = f.value;
	}
	return got;
}

/* A string as C has it; NULL if there is none, or no memory. */
static char *get_string(const struct loader *l, uint64_t i)
{
	return i < l->n[P_STRING] ?
	       strndup((const char *)l->string[i].at,
		       l->string[i].end - l->string[i].at) : NULL;
}

/* Of a mapping or a function: under its id, the string that @field says. */
static int load_name(const struct field *f, uint64_t *table, size_t most,
		     unsigned int field)
{
	struct slice part;
	uint64_t v[8];

	if (get_numbers(f->part, v, &part) || v[1] - 1 >= most)
		return 1;
	table[v[1] - 1] = v[field];
	return 0;
}

/* What write_mapping() has made of a module, and of none. */
static char *module_of(char *map)
{
	if (!strcmp(map, "[kernel]"))
		return NULL;
	map += *map == '[';
	map[strcspn(map, "]")] = '\0';
	return map;
}

static int load_location(const struct loader *l, const struct field *f)
{
	struct slice line = { 0 }, none;
	uint64_t v[8], of[8];
	struct frame frame = { 0 };
	char *map;
	int err;

	if (get_numbers(f->part, v, &line) || get_numbers(line, of, &none) ||
	    v[LOC_ID] - 1 >= l->n[P_LOCATION] ||
	    v[LOC_MAP] - 1 >= l->n[P_MAPPING] ||
	    of[LINE_FUNCTION] - 1 >= l->n[P_LOCATION])
		return 1;
	frame.addr = v[LOC_ADDR] + 1;
	frame.offset = of[LINE_LINE];
	frame.name = get_string(l, l->function[of[LINE_FUNCTION] - 1]);
	map = get_string(l, l->map[v[LOC_MAP] - 1]);
	err = !frame.name || !map;
	if (!err) {
		frame.module = module_of(map);
		err = profile_frame(l->p, &frame, &l->frame[v[LOC_ID] - 1]);
	}
	free(frame.name);
	free(map);
	return err;
}

/* What write_lifetimes() has made of them. */
static int load_lifetimes(const struct loader *l, const struct slice *label,
			  struct sample *s)
{
	struct slice none;
	uint64_t v[8];
	char *text;
	int err;

	if (get_numbers(*label, v, &none))
		return 1;
	text = get_string(l, v[LABEL_STR]);
	s->bucket = calloc(PROFILE_BUCKETS, sizeof(*s->bucket));
	err = !text || !s->bucket ||
	      profile_lifetimes(text, s->bucket, &s->nbuckets);
	free(text);
	return err;
}

/* A sample, if all of it is as write_sample() has it. */
static int load_sample(const struct loader *l, const struct field *f)
{
	struct slice s = f->part, stack = { 0 }, values = { 0 }, label = { 0 };
	uint32_t frame[PROFILE_FRAMES];
	struct sample *sample;
	struct field part;
	unsigned int n = 0, i;
	uint64_t v;
	int got;

	while ((got = get_field(&s, &part)) > 0) {
		if (part.is_bytes && part.number == SAMPLE_LOCATION)
			stack = part.part;
		else if (part.is_bytes && part.number == SAMPLE_VALUE)
			values = part.part;
		else if (part.is_bytes && part.number == SAMPLE_LABEL)
			label = part.part;
	}
	for (; !got && stack.at < stack.end; n++) {
		if (n == PROFILE_FRAMES || get_varint(&stack, &v) ||
		    v - 1 >= l->n[P_LOCATION])
			return 1;
		frame[n] = l->frame[v - 1];
	}
	sample = got ? NULL : profile_sample(l->p, frame, n);
	for (i = 0; sample && i < NR_VALUES; i++) {
		if (get_varint(&values, &v))
			return 1;
		sample->value[i] = v;
	}
	if (!sample || values.at != values.end)
		return 1;
	return label.at && load_lifetimes(l, &label, sample);
}

static int load_field(const struct loader *l, const struct field *f)
{
	switch (f->number) {
	case P_MAPPING:
		return load_name(f, l->map, l->n[P_MAPPING], MAP_FILE);
	case P_FUNCTION:
		/* A function has the number of the first location in it. */
		return load_name(f, l->function, l->n[P_LOCATION], FUN_NAME);
	case P_LOCATION:
		return load_location(l, f);
	case P_SAMPLE:
		return load_sample(l, f);
	}
	return 0;
}

/* Call for the messages of one kind, which those after them refer to. */
static int load_all(const struct loader *l, unsigned int number)
{
	struct slice s = l->all;
	struct field f;

	while (get_field(&s, &f) > 0)
		if (f.number == number && (!f.is_bytes || load_field(l, &f)))
			return 1;
	return 0;
}

static int count_fields(struct loader *l)
{
	struct slice s = l->all;
	struct field f;
	int got;

	while ((got = get_field(&s, &f)) > 0) {
		if (f.number > P_DEFAULT_TYPE)
			return 1;
		if (f.number == P_STRING && f.is_bytes) {
			void *more = reallocarray(l->string, l->n[P_STRING] + 1,
						  sizeof(*l->string));

			if (!more)
				return 1;
			l->string = more;
			l->string[l->n[P_STRING]] = f.part;
		}
		l->n[f.number]++;
		if (f.number == P_TIME)
			l->p->taken_ns = f.value;
		if (f.number == P_PERIOD)
			l->p->rate = f.value;
	}
	return got;
}

static int decode_profile(struct loader *l)
{
	int err = count_fields(l);

	if (err || l->n[P_SAMPLE_TYPE] != NR_VALUES)
		return 1;
	l->map = calloc(l->n[P_MAPPING] + 1, sizeof(*l->map));
	l->function = calloc(l->n[P_LOCATION] + 1, sizeof(*l->function));
	l->frame = calloc(l->n[P_LOCATION] + 1, sizeof(*l->frame));
	err = !l->map || !l->function || !l->frame ||
	      load_all(l, P_MAPPING) || load_all(l, P_FUNCTION) ||
	      load_all(l, P_LOCATION) || load_all(l, P_SAMPLE);
	free(l->map);
	free(l->function);
	free(l->frame);
	return err;
}

static int read_gzip(gzFile in, struct buf *b)
{
	unsigned char bytes[16384];
	int n;

	while ((n = gzread(in, bytes, sizeof(bytes))) > 0 &&
	       b->n < MOST_BYTES && !b->bad)
		put_bytes(b, bytes, n);
	return n || b->bad;
}

/**
 * pprof_read - read a profile that pprof_write() has written
 * @p: the profile, all zero
 * @path: the file
 *
 * Return: 0, or 1 with the reason printed; @p is to be freed in any case.
 */
int pprof_read(struct profile *p, const char *path)
{
	struct loader l = { .p = p };
	gzFile in = gzopen(path, "rb");
	struct buf b = { 0 };
	int err;

	if (!in)
		return fail_at(path, 0, strerror(errno));
	err = read_gzip(in, &b);
	/* Only now is it known whether its end was there. */
	err |= gzclose(in) != Z_OK;
	l.all.at = b.at;
	l.all.end = b.at + b.n;
	err = err || !b.n || decode_profile(&l);
	free(l.string);
	free(b.at);
	return err ? fail_at(path, 0, "it is damaged, or not a profile that goallocctl has written") : 0;
}
