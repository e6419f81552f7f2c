// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl profile: a flame graph, one SVG file that needs nothing else.
 *
 * A stack is a column, the caller beneath the called, and its width is the bytes
 * that it holds.  The widest stands first, so that a look from the left finds what
 * matters, and two pictures of one load look alike.  The colour is the module's.
 * Names are hover texts as well, since a narrow box has no room for its name; more
 * would need a script, which mail and wikis strip from a picture.
 *
 * What is negative in a difference has no width: the picture is of what has come.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "profile.h"
#include "svg.h"

#define WIDTH		1200.0
#define MARGIN		10.0
#define ROW		18
#define LEAST		0.1	/* narrower than this nothing is seen */

/**
 * struct box - a frame in its place
 * @frame: its number
 * @value: bytes of it and all above it
 * @child: what it called, first as met, in the end the widest first
 * @n: how many
 */
struct box {
	uint32_t frame;
	int64_t value;
	struct box *child;
	size_t n;
};

/* The child of a frame, which is made if there is none; NULL without memory. */
static struct box *child_of(struct box *b, uint32_t frame)
{
	struct box *more;
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->child[i].frame == frame)
			return &b->child[i];
	more = reallocarray(b->child, b->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	b->child = more;
	more[b->n] = (struct box){ .frame = frame };
	return &more[b->n++];
}

/*
 * Frames of one function are one box: the number of the first of them.
 */
static uint32_t box_frame(const struct profile *p, uint32_t frame)
{
	const struct frame *f = &p->frames[frame];
	uint32_t i;

	for (i = 0; i < frame; i++)
		if (!strcmp(p->frames[i].name, f->name) &&
		    !strcmp(p->frames[i].module ? p->frames[i].module : "",
			    f->module ? f->module : ""))
			return i;
	return frame;
}

static int add_stack(struct box *root, const struct profile *p,
		     const struct sample *s, int type)
{
	struct box *b = root;
	unsigned int i;

	if (s->value[type] <= 0)
		return 0;
	root->value += s->value[type];
	for (i = s->nframes; i--; ) {
		b = child_of(b, box_frame(p, s->frame[i]));
		if (!b)
			return 1;
		b->value += s->value[type];
	}
	return 0;
}

static void free_boxes(struct box *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		free_boxes(&b->child[i]);
	free(b->child);
}

static int compare_boxes(const void *a, const void *b, void *frames)
{
	const struct box *x = a, *y = b;
	const struct frame *f = frames;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return strcmp(f[x->frame].name, f[y->frame].name);
}

static void sort_boxes(struct box *b, struct frame *frames)
{
	size_t i;

	if (b->n)
		qsort_r(b->child, b->n, sizeof(*b->child), compare_boxes,
			frames);
	for (i = 0; i < b->n; i++)
		sort_boxes(&b->child[i], frames);
}

static unsigned int depth_of(const struct box *b)
{
	unsigned int deepest = 0, d;
	size_t i;

	for (i = 0; i < b->n; i++) {
		d = depth_of(&b->child[i]);
		deepest = d > deepest ? d : deepest;
	}
	return deepest + 1;
}

/**
 * struct picture - what is drawn, and where
 * @p: the profile
 * @out: the file
 * @scale: pixels of a byte
 * @height: of the boxes
 * @total: bytes of all of it
 * @unit: of its values
 */
struct picture {
	const struct profile *p;
	FILE *out;
	double scale;
	double height;
	int64_t total;
	const char *unit;
};

static void put_value(FILE *out, int64_t value, const char *unit)
{
	if (strcmp(unit, "bytes"))
		fprintf(out, "%" PRId64, value);
	else
		svg_bytes(out, value);
}

static void put_box(const struct picture *pic, const char *name,
		    const char *module, int64_t value, double x,
		    unsigned int row)
{
	double width = value * pic->scale, y = pic->height - (row + 1) * ROW;
	FILE *out = pic->out;

	fputs("<g><title>", out);
	svg_text(out, name, 1000);
	if (module) {
		fputs(" [", out);
		svg_text(out, module, 1000);
		fputs("]", out);
	}
	fputs(": ", out);
	put_value(out, value, pic->unit);
	fprintf(out, ", %.2f %%</title><rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" rx=\"2\" fill=\"",
		100.0 * value / pic->total, x, y + 30, width, ROW - 1);
	svg_colour(out, module);
	fputs("\"/>", out);
	if (width >= 5 * SVG_LETTER) {
		fprintf(out, "<text x=\"%.2f\" y=\"%.0f\">", x + 3, y + 43);
		svg_text(out, name, (width - 6) / SVG_LETTER);
		fputs("</text>", out);
	}
	fputs("</g>\n", out);
}

/* The children of a box, side by side above it; @x is where it begins. */
static void put_children(const struct picture *pic, const struct box *b,
			 double x, unsigned int row)
{
	const struct frame *f;
	int64_t before = 0;
	size_t i;

	for (i = 0; i < b->n; i++) {
		const struct box *c = &b->child[i];
		double at = x + before * pic->scale;

		before += c->value;
		if (c->value * pic->scale < LEAST)
			continue;
		f = &pic->p->frames[c->frame];
		put_box(pic, f->name, f->module, c->value, at, row);
		put_children(pic, c, at, row + 1);
	}
}

static void put_head(const struct picture *pic, int type)
{
	FILE *out = pic->out;

	svg_begin(out, WIDTH, pic->height + 40);
	fprintf(out, "<text x=\"%.0f\" y=\"20\">goalloc, %s: ", MARGIN,
		value_name[type]);
	put_value(out, pic->total, pic->unit);
	fputs(". A colour is a module, grey the kernel.</text>\n", out);
}

/**
 * flame_write - draw a profile
 * @p: the profile
 * @out: the file
 * @type: which of its values
 *
 * Return: 0, or 1 with the reason printed.
 */
int flame_write(const struct profile *p, FILE *out, int type)
{
	struct picture pic = { .p = p, .out = out, .unit = value_unit[type] };
	struct box root = { 0 };
	int err = 0;
	size_t i;

	for (i = 0; i < p->nsamples && !err; i++)
		err = add_stack(&root, p, &p->samples[i], type);
	if (!err) {
		sort_boxes(&root, p->frames);
		pic.total = root.value ? root.value : 1;
		pic.scale = (WIDTH - 2 * MARGIN) / pic.total;
		pic.height = depth_of(&root) * ROW;
		pic.total = root.value;
		put_head(&pic, type);
		if (root.value) {
			put_box(&pic, "all", NULL, root.value, MARGIN, 0);
			put_children(&pic, &root, MARGIN, 1);
		}
		svg_end(out);
	}
	free_boxes(&root);
	return err ? fail_at("flame", 0, "no memory") : 0;
}
