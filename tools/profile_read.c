// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl profile: a profile in memory, from the text that debugfs has.
 *
 * The text is that of Go's heap profile.  Its numbers are what was sampled, and
 * each sample stands for more, as Go's runtime and pprof scale it: an object of
 * s bytes is sampled with the probability 1 - exp(-s / rate).
 *
 * Frames are told apart by name, offset and module, not by address, so that a
 * profile of before a reboot, or of before a module was loaded again, can be
 * subtracted.
 *
 * A text that is cut short or has been edited is refused as a whole: half a
 * profile looks like a smaller one.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "profile.h"

const char * const value_name[NR_VALUES] = {
	"alloc_objects", "alloc_space", "inuse_objects", "inuse_space",
};

const char * const value_unit[NR_VALUES] = {
	"count", "bytes", "count", "bytes",
};

/* Make room for one more; @room is doubled. */
static void *one_more(void *array, size_t n, size_t *room, size_t size)
{
	size_t want = *room ? *room * 2 : 64;

	if (n < *room)
		return array;
	array = reallocarray(array, want, size);
	if (array)
		*room = want;
	return array;
}

static size_t hash_frame(const struct frame *f)
{
	const char *text[] = { f->name, f->module ? f->module : "" };
	uint64_t h = 14695981039346656037ULL ^ f->offset;
	int i;

	for (i = 0; i < 2; i++) {
		const char *s = text[i];

		do
			h = (h ^ (unsigned char)*s) * 1099511628211ULL;
		while (*s++);
	}
	return h ^ h >> 32;
}

static int same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static int same_frame(const struct frame *a, const struct frame *b)
{
	return a->offset == b->offset && !strcmp(a->name, b->name) &&
	       same_text(a->module, b->module);
}

static int grow_index(struct profile *p)
{
	size_t room = p->index_room ? p->index_room * 2 : 256, i, at;
	uint32_t *index = calloc(room, sizeof(*index));

	if (!index)
		return 1;
	for (i = 0; i < p->nframes; i++) {
		at = hash_frame(&p->frames[i]) % room;
		while (index[at])
			at = (at + 1) % room;
		index[at] = i + 1;
	}
	free(p->index);
	p->index = index;
	p->index_room = room;
	return 0;
}

static int add_frame(struct profile *p, const struct frame *f, size_t at)
{
	struct frame *more = one_more(p->frames, p->nframes, &p->room_frames,
				      sizeof(*more));
	struct frame *new;

	if (!more)
		return 1;
	p->frames = more;
	new = &more[p->nframes];
	*new = *f;
	new->name = strdup(f->name);
	new->module = f->module ? strdup(f->module) : NULL;
	if (!new->name || (f->module && !new->module)) {
		free(new->name);
		free(new->module);
		return 1;
	}
	p->index[at] = ++p->nframes;
	return 0;
}

/* The number of a frame, which is added if it is not there; 1 without memory. */
int profile_frame(struct profile *p, const struct frame *f, uint32_t *at)
{
	size_t i;

	if (2 * p->nframes >= p->index_room && grow_index(p))
		return 1;
	i = hash_frame(f) % p->index_room;
	while (p->index[i] && !same_frame(&p->frames[p->index[i] - 1], f))
		i = (i + 1) % p->index_room;
	if (!p->index[i] && add_frame(p, f, i))
		return 1;
	*at = p->index[i] - 1;
	return 0;
}

/* Add a sample without values; NULL without memory. */
struct sample *profile_sample(struct profile *p, const uint32_t *frame,
			      unsigned int n)
{
	struct sample *more = one_more(p->samples, p->nsamples,
				       &p->room_samples, sizeof(*more));
	struct sample *s;

	if (!more)
		return NULL;
	p->samples = more;
	s = &more[p->nsamples];
	memset(s, 0, sizeof(*s));
	s->frame = malloc((n ? n : 1) * sizeof(*frame));
	if (!s->frame)
		return NULL;
	if (n)
		memcpy(s->frame, frame, n * sizeof(*frame));
	s->nframes = n;
	p->nsamples++;
	return s;
}

void profile_free(struct profile *p)
{
	size_t i;

	for (i = 0; i < p->nframes; i++) {
		free(p->frames[i].name);
		free(p->frames[i].module);
	}
	for (i = 0; i < p->nsamples; i++) {
		free(p->samples[i].frame);
		free(p->samples[i].bucket);
	}
	free(p->frames);
	free(p->samples);
	free(p->index);
	free(p->dropped);
	memset(p, 0, sizeof(*p));
}

int64_t profile_total(const struct profile *p, int value)
{
	int64_t total = 0;
	size_t i;

	for (i = 0; i < p->nsamples; i++)
		total += p->samples[i].value[value];
	return total;
}

/**
 * struct reader - a text on its way into a profile
 * @p: the profile
 * @open: a sample has begun, whose frames are still to be named
 * @addr: the addresses of that one
 * @n: how many
 * @named: how many of them have a name
 * @frame: what they are
 * @raw: the numbers of that sample
 * @bucket: its lifetimes
 * @nbuckets: how many
 * @name: the file's
 * @line: number of the line
 * @why: what is wrong with it
 */
struct reader {
	struct profile *p;
	int open;
	uint64_t addr[PROFILE_FRAMES];
	unsigned int n;
	unsigned int named;
	uint32_t frame[PROFILE_FRAMES];
	uint64_t raw[NR_VALUES];
	struct bucket bucket[PROFILE_BUCKETS];
	unsigned int nbuckets;
	const char *name;
	size_t line;
	const char *why;
};

static int wrong(struct reader *r, const char *why)
{
	r->why = why;
	return 1;
}

/* A number, in decimal or after 0x; *text moves behind it. */
static int take_number(char **text, int base, uint64_t *n)
{
	char *end;

	while (**text == ' ')
		(*text)++;
	if (!isxdigit((unsigned char)**text))
		return 1;
	errno = 0;
	*n = strtoull(*text, &end, base);
	if (errno || end == *text)
		return 1;
	*text = end;
	return 0;
}

static int take_word(char **text, const char *word)
{
	while (**text == ' ')
		(*text)++;
	if (strncmp(*text, word, strlen(word)))
		return 1;
	*text += strlen(word);
	return 0;
}

/* "N: B [N: B] @": in use, and allocated. */
static int take_values(char **text, uint64_t v[NR_VALUES])
{
	return take_number(text, 10, &v[INUSE_OBJECTS]) ||
	       take_word(text, ":") ||
	       take_number(text, 10, &v[INUSE_SPACE]) ||
	       take_word(text, "[") ||
	       take_number(text, 10, &v[ALLOC_OBJECTS]) ||
	       take_word(text, ":") ||
	       take_number(text, 10, &v[ALLOC_SPACE]) ||
	       take_word(text, "]") || take_word(text, "@");
}

/* Go's pprof halves the number behind heap/, and not that behind heap_v2/. */
static int read_header(struct reader *r, char *text)
{
	uint64_t v[NR_VALUES];
	unsigned int shift = 0;

	if (take_word(&text, "heap profile:"))
		return wrong(r, "this is no heap profile");
	if (take_values(&text, v))
		return wrong(r, "the heap profile's first line is damaged");
	if (take_word(&text, "heap_v2/")) {
		if (take_word(&text, "heap/"))
			return wrong(r, "a heap profile of another kind");
		shift = 1;
	}
	if (take_number(&text, 10, &r->p->rate) || *text)
		return wrong(r, "the heap profile has no rate");
	r->p->rate >>= shift;
	return 0;
}

/* Where a sample stands for more than itself. */
static double scale_of(uint64_t objects, uint64_t bytes, uint64_t rate)
{
	if (!objects || !bytes)
		return 0;
	return rate > 1 ? -1 / expm1(-((double)bytes / objects) / rate) : 1;
}

static int scale_pair(int64_t value[NR_VALUES], const uint64_t raw[NR_VALUES],
		      int objects, int space, uint64_t rate)
{
	double scale = scale_of(raw[objects], raw[space], rate);

	if (raw[objects] * scale >= 9e18 || raw[space] * scale >= 9e18)
		return 1;
	value[objects] = raw[objects] * scale;
	value[space] = raw[space] * scale;
	return 0;
}

static int frame_without_name(struct reader *r, uint64_t addr, uint32_t *at)
{
	char hex[24];
	struct frame f = { .name = hex, .addr = addr };

	snprintf(hex, sizeof(hex), "0x%" PRIx64, addr);
	if (profile_frame(r->p, &f, at))
		return wrong(r, "no memory");
	return 0;
}

/* All of a sample has been read. */
static int close_sample(struct reader *r)
{
	struct sample *s;

	if (!r->open)
		return 0;
	r->open = 0;
	for (; r->named < r->n; r->named++)
		if (frame_without_name(r, r->addr[r->named],
				       &r->frame[r->named]))
			return 1;
	s = profile_sample(r->p, r->frame, r->n);
	if (!s)
		return wrong(r, "no memory");
	if (scale_pair(s->value, r->raw, ALLOC_OBJECTS, ALLOC_SPACE,
		       r->p->rate) ||
	    scale_pair(s->value, r->raw, INUSE_OBJECTS, INUSE_SPACE,
		       r->p->rate))
		return wrong(r, "its numbers are too large");
	if (!r->nbuckets)
		return 0;
	s->bucket = malloc(r->nbuckets * sizeof(*s->bucket));
	if (!s->bucket)
		return wrong(r, "no memory");
	memcpy(s->bucket, r->bucket, r->nbuckets * sizeof(*s->bucket));
	s->nbuckets = r->nbuckets;
	return 0;
}

/* "N: B [N: B] @ 0x1 0x2": the next sample. */
static int read_sample(struct reader *r, char *text)
{
	if (close_sample(r))
		return 1;
	if (take_values(&text, r->raw))
		return wrong(r, "neither a sample nor a comment");
	if (r->raw[INUSE_OBJECTS] > r->raw[ALLOC_OBJECTS] ||
	    r->raw[INUSE_SPACE] > r->raw[ALLOC_SPACE])
		return wrong(r, "more is in use than was allocated");
	for (r->n = 0; !take_word(&text, "0x"); r->n++) {
		if (r->n == PROFILE_FRAMES)
			return wrong(r, "the stack is too deep");
		if (take_number(&text, 16, &r->addr[r->n]))
			return wrong(r, "an address is damaged");
	}
	if (*text)
		return wrong(r, "an address is damaged");
	r->open = 1;
	r->named = 0;
	r->nbuckets = 0;
	return 0;
}

/* "NAME+0xOFF/0xSIZE [MODULE]", or an address. */
static int take_symbol(char *text, struct frame *f)
{
	char *plus, *end;

	f->name = text;
	end = strstr(text, " [");
	if (end) {
		*end = '\0';
		f->module = end + 2;
		f->module[strcspn(f->module, "]")] = '\0';
	}
	plus = strrchr(text, '+');
	if (!plus)
		return !*text;
	*plus++ = '\0';
	return !*text || take_word(&plus, "0x") ||
	       take_number(&plus, 16, &f->offset) ||
	       (!take_word(&plus, "/") &&
		(take_word(&plus, "0x") || take_number(&plus, 16, &f->size)));
}

/* "0xADDR\tSYMBOL": the name of the sample's next frame. */
static int read_frame(struct reader *r, char *text)
{
	struct frame f = { 0 };

	if (take_word(&text, "0x") || take_number(&text, 16, &f.addr) ||
	    *text++ != '\t' || take_symbol(text, &f))
		return wrong(r, "a frame is damaged");
	if (!r->open || r->named == r->n || r->addr[r->named] != f.addr)
		return wrong(r, "a frame that is not of the sample before it");
	if (profile_frame(r->p, &f, &r->frame[r->named++]))
		return wrong(r, "no memory");
	return 0;
}

/**
 * profile_lifetimes - read how many objects were freed how soon
 * @text: "<2us:3 <4us:1"; it is cut into words
 * @b: PROFILE_BUCKETS of them
 * @n: how many there are
 *
 * Return: 0, or 1 if the text is damaged.
 */
int profile_lifetimes(char *text, struct bucket *b, unsigned int *n)
{
	char *save, *word, *colon;
	uint64_t count;

	for (*n = 0, word = strtok_r(text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save), (*n)++) {
		colon = strrchr(word, ':');
		if (!colon || *n == PROFILE_BUCKETS ||
		    colon - word >= (long)sizeof(b->below))
			return 1;
		*colon++ = '\0';
		if (take_number(&colon, 10, &count) || *colon ||
		    count > INT64_MAX)
			return 1;
		strcpy(b[*n].below, word);
		b[*n].n = count;
	}
	return 0;
}

static int read_comment(struct reader *r, char *text)
{
	if (*text == '\t')
		return read_frame(r, text + 1);
	if (!take_word(&text, "lifetimes"))
		return r->open && !profile_lifetimes(text, r->bucket,
						     &r->nbuckets) ?
		       0 : wrong(r, "the lifetimes are damaged");
	if (!take_word(&text, "dropped:")) {
		free(r->p->dropped);
		while (*text == ' ')
			text++;
		r->p->dropped = strdup(text);
		return r->p->dropped ? 0 : wrong(r, "no memory");
	}
	/* Why there is none; nothing that follows is one. */
	if (!take_word(&text, "no profile:"))
		return wrong(r, text - strlen("no profile:"));
	/* What else there is may be new; it does no harm. */
	return 0;
}

static int read_line(struct reader *r, char *text)
{
	if (r->line == 1)
		return read_header(r, text);
	if (!*text)
		return 0;
	return *text == '#' ? read_comment(r, text + 1) : read_sample(r, text);
}

/**
 * profile_read - read the text of a profile
 * @p: the profile, all zero
 * @in: the text
 * @name: what to call it
 *
 * Return: 0, or 1 with the reason printed; @p is to be freed in any case.
 */
int profile_read(struct profile *p, FILE *in, const char *name)
{
	struct reader *r = calloc(1, sizeof(*r));
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int err = !r;

	if (!r)
		return fail_at(name, 0, "no memory");
	r->p = p;
	r->name = name;
	while (!err && (len = getline(&line, &room, in)) >= 0) {
		r->line++;
		if (strlen(line) != (size_t)len || line[len - 1] != '\n') {
			err = wrong(r, "the line is cut short");
			break;
		}
		line[len - 1] = '\0';
		err = read_line(r, line);
	}
	if (!err && ferror(in))
		err = wrong(r, strerror(errno));
	if (!err)
		err = close_sample(r);
	if (!err && !r->line)
		err = wrong(r, "it is empty");
	if (!err && !p->dropped)
		err = wrong(r, "it is cut short: its last line is missing");
	if (err)
		fail_at(name, r->line, r->why);
	free(line);
	free(r);
	return err;
}

static int same_stack(const struct sample *a, const uint32_t *frame,
		      unsigned int n)
{
	return a->nframes == n &&
	       !memcmp(a->frame, frame, n * sizeof(*frame));
}

/* Add the lifetimes of another sample, or with @sign -1 subtract them. */
static int add_lifetimes(struct sample *s, const struct sample *other, int sign)
{
	struct bucket *b;
	unsigned int i, k;

	if (!other->nbuckets)
		return 0;
	b = reallocarray(s->bucket, s->nbuckets + other->nbuckets, sizeof(*b));
	if (!b)
		return 1;
	s->bucket = b;
	for (i = 0; i < other->nbuckets; i++) {
		for (k = 0; k < s->nbuckets; k++)
			if (!strcmp(b[k].below, other->bucket[i].below))
				break;
		if (k == s->nbuckets) {
			b[k] = other->bucket[i];
			b[k].n = 0;
			s->nbuckets++;
		}
		b[k].n += sign * other->bucket[i].n;
	}
	return 0;
}

static int add_values(struct sample *s, const struct sample *other, int sign)
{
	int v;

	for (v = 0; v < NR_VALUES; v++)
		s->value[v] += sign * other->value[v];
	return add_lifetimes(s, other, sign);
}

/*
 * Make one sample of those of a stack, which has one for each size: of two
 * profiles, those of one size would have to be told apart.
 */
static int merge_stacks(struct profile *p)
{
	size_t i, k, n = p->nsamples;
	struct sample *s;
	int err = 0;

	p->nsamples = 0;
	for (i = 0; i < n; i++) {
		s = &p->samples[i];
		for (k = 0; !err && k < p->nsamples; k++)
			if (same_stack(&p->samples[k], s->frame, s->nframes))
				break;
		if (err || k == p->nsamples) {
			p->samples[p->nsamples++] = *s;
			continue;
		}
		err = add_values(&p->samples[k], s, 1);
		free(s->frame);
		free(s->bucket);
	}
	return err;
}

/* The frames of another profile's sample, as this one numbers them. */
static int translate(struct profile *p, const struct profile *from,
		     const struct sample *s, uint32_t frame[PROFILE_FRAMES])
{
	unsigned int i;

	for (i = 0; i < s->nframes; i++)
		if (profile_frame(p, &from->frames[s->frame[i]], &frame[i]))
			return 1;
	return 0;
}

static int subtract_sample(struct profile *p, const struct profile *base,
			   const struct sample *b)
{
	uint32_t frame[PROFILE_FRAMES];
	struct sample *s = NULL;
	size_t i;

	if (translate(p, base, b, frame))
		return 1;
	for (i = 0; !s && i < p->nsamples; i++)
		if (same_stack(&p->samples[i], frame, b->nframes))
			s = &p->samples[i];
	if (!s)
		s = profile_sample(p, frame, b->nframes);
	return !s || add_values(s, b, -1);
}

/* Leave in @p what has come since @base; what has gone is negative. */
int profile_subtract(struct profile *p, const struct profile *base)
{
	size_t i;

	if (merge_stacks(p))
		return fail_at("profile", 0, "no memory");
	for (i = 0; i < base->nsamples; i++)
		if (subtract_sample(p, base, &base->samples[i]))
			return fail_at("profile", 0, "no memory");
	if (base->taken_ns && p->taken_ns > base->taken_ns)
		p->duration_ns = p->taken_ns - base->taken_ns;
	return 0;
}
