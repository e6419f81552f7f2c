// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl advise: the lines of a trace.
 *
 * tracefs, "perf script" and "trace-cmd report" write an event alike: the task, the
 * CPU in brackets, the time and a colon, the event's name and a colon, and then what
 * the kernel's own format for it says, which is what is read here.  So one parser
 * does for all of them, and for kernels from 4.19 on, whose formats only add fields:
 *
 *	insmod-97 [001] d..1. 12.345678: kmalloc: call_site=f+0x1c/0x90 [mod]
 *	ptr=00000000c0ffee00 bytes_req=520 bytes_alloc=1024 gfp_flags=GFP_KERNEL ...
 *
 * Lines of other events, of stacks, comments and blank ones are passed over.  What is
 * neither, or an event of ours that is damaged, is refused with its number: half a
 * trace looks like a smaller one.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "advise.h"
#include "ctl.h"

#define MODULES_FROM	0xffffffffc0000000ULL	/* on x86-64 */
#define MOST		(1ULL << 40)	/* so that no sum overflows */

/* A word of the line, which ends at a blank. */
static size_t word_length(const char *text)
{
	return strcspn(text, " \t");
}

static char *skip_blanks(char *text)
{
	return text + strspn(text, " \t");
}

/* "12.345678:" in ns; a clock that only counts has no point.  Else 0. */
static int take_time(const char *text, size_t len, uint64_t *ns)
{
	uint64_t whole, part = 0, unit = 1000000000;
	char *end;

	if (!isdigit((unsigned char)*text) || text[len - 1] != ':')
		return 0;
	errno = 0;
	whole = strtoull(text, &end, 10);
	*ns = 0;
	if (errno || whole > UINT64_MAX / 1000000000 - 1)
		return 0;
	if (*end == '.')
		for (end++; isdigit((unsigned char)*end); end++) {
			unit /= 10;
			part += (*end - '0') * unit;
		}
	if (end != text + len - 1)
		return 0;
	if (text[strspn(text, "0123456789")] == '.')
		*ns = whole * 1000000000 + part;
	return 1;
}

/*
 * Find the event in a line: its time, its name, which is cut off, and what follows.
 * The name is empty if only the function tracer has made the line.  Return NULL if
 * nothing of the kernel's has.
 */
static char *find_event(char *text, char **name, uint64_t *ns)
{
	int cpu = 0;
	size_t len;

	*name = "";
	for (; *(text = skip_blanks(text)); text += len) {
		len = word_length(text);
		cpu |= *text == '[' && isdigit((unsigned char)text[1]);
		if (cpu && take_time(text, len, ns))
			break;
	}
	if (!*text)
		return NULL;
	/* perf may have a period between the time and the name. */
	while (*text) {
		text = skip_blanks(text + word_length(text));
		len = word_length(text);
		if (len > 1 && text[len - 1] == ':') {
			*name = text;
			text[len - 1] = '\0';
			return text[len] ? text + len + 1 : text + len - 1;
		}
	}
	return text;
}

/* What kind of event it is, or -1 for another one's. */
static int kind_of(const char *name)
{
	static const struct {
		const char *name;
		int kind;
	} events[] = {
		{ "kmalloc", EVENT_KMALLOC },
		{ "kmalloc_node", EVENT_KMALLOC },
		{ "kmem_cache_alloc", EVENT_CACHE },
		{ "kmem_cache_alloc_node", EVENT_CACHE },
		{ "kfree", EVENT_KFREE },
	};
	size_t i;

	if (!strncmp(name, "kmem:", 5))
		name += 5;
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (!strcmp(name, events[i].name))
			return events[i].kind;
	return -1;
}

/* The value of "name=", up to a blank; NULL if there is none. */
static char *value_of(char *text, const char *name)
{
	size_t len = strlen(name);
	char *p = text;

	while ((p = strstr(p, name)) != NULL) {
		if ((p == text || p[-1] == ' ') && p[len] == '=')
			return p + len + 1;
		p += len;
	}
	return NULL;
}

static int take_number(const char *text, int base, uint64_t *n)
{
	char *end;

	if (!text || !isxdigit((unsigned char)*text))
		return 1;
	errno = 0;
	*n = strtoull(text, &end, base);
	return errno || (*end && *end != ' ');
}

/*
 * "0xffff...", "ffff...", or how an address is written that is not there, or that the
 * kernel cannot hash yet.
 */
static int take_pointer(const char *text, uint64_t *ptr)
{
	*ptr = 0;
	if (!text)
		return 1;
	if (!strncmp(text, "(null)", 6) || !strncmp(text, "(nil)", 5))
		return 0;
	if (!strncmp(text, "(____ptrval____)", 16)) {
		*ptr = ADVISE_HIDDEN;
		return 0;
	}
	return take_number(text, 16, ptr) || *ptr == ADVISE_HIDDEN;
}

/*
 * "function+0x1c/0x90 [module]", and perf's " [[module]]".  A module's address without
 * a name is of some module; the kernel's own has nothing in brackets.
 */
static int take_site(char *text, char *end, struct event *e)
{
	char *bracket;
	uint64_t addr;

	while (end > text && end[-1] == ' ')
		end--;
	*end = '\0';
	bracket = strchr(text, ' ');
	e->module = "";
	if (bracket) {
		*bracket++ = '\0';
		bracket += strspn(bracket, "[ ");
		bracket[strcspn(bracket, "]")] = '\0';
		/* perf's word for what is in no module. */
		if (*bracket && strncmp(bracket, "kernel.kallsyms", 15))
			e->module = bracket;
	} else if (!take_number(text, 16, &addr) && addr >= MODULES_FROM) {
		e->module = "?";
	}
	e->site = text;
	return !*text;
}

/* As the line says, or else as the names do. */
static void find_module(struct advice *a, struct event *e)
{
	if (*e->module)
		a->bracketed = 1;
	else if (a->names)
		e->module = advise_module(a->names, e->site);
}

/* "true", or what the flags say where the format has no such field. */
static int is_accounted(char *text, const char *gfp)
{
	const char *said = value_of(text, "accounted");

	if (said)
		return !strncmp(said, "true", 4);
	return gfp && strstr(gfp, "_ACCOUNT");
}

static const char *parse_fields(char *text, struct event *e)
{
	char *site = value_of(text, "call_site");
	char *end = site ? strstr(site, " ptr=") : NULL;
	const char *gfp;

	if (!end || take_pointer(end + 5, &e->ptr))
		return "an event without call_site and ptr";
	if (e->kind != EVENT_KFREE) {
		end++;
		if (take_number(value_of(end, "bytes_req"), 10, &e->requested) ||
		    take_number(value_of(end, "bytes_alloc"), 10, &e->kmalloc))
			return "an event without bytes_req and bytes_alloc";
		if (!e->kmalloc || e->kmalloc < e->requested ||
		    e->kmalloc > MOST)
			return "bytes_alloc cannot be";
		gfp = value_of(end, "gfp_flags");
		e->accounted = is_accounted(end, gfp);
		e->zone = gfp && (strstr(gfp, "GFP_DMA") ||
				  strstr(gfp, "GFP_HIGHMEM"));
		end--;
	}
	return take_site(site, end, e) ? "an event without call_site" : NULL;
}

/* Does it say that events were lost?  ftrace, trace-cmd and perf have their ways. */
static int take_loss(struct advice *a, const char *text)
{
	const char *p;
	uint64_t n;

	if (!strncmp(text, "CPU:", 4) && strstr(text, "EVENTS")) {
		p = strchr(text, '[');
		while (p && *p && !isdigit((unsigned char)*p))
			p++;
	} else {
		p = strstr(text, "PERF_RECORD_LOST");
		if (!p)
			return 0;
		p = strstr(p, "lost ");
		p = p ? p + 5 : "";
	}
	if (p && isdigit((unsigned char)*p)) {
		n = strtoull(p, NULL, 10);
		a->lost += n;
	} else {
		a->lost_some++;
	}
	return 1;
}

/* A stack's frame, or a line that a tool puts around the events? */
static int is_around(const char *text)
{
	static const char * const heads[] = {
		"cpus=", "version = ", "CPU ", "=>", "<stack trace>",
	};
	const char *p = text + strspn(text, " \t");
	size_t i;

	if (!*p)
		return 1;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (!strncmp(p, heads[i], strlen(heads[i])))
			return 1;
	return p > text && strspn(p, "0123456789abcdef") >= 8;
}

/**
 * advise_line - count what a line says
 * @a: the advice
 * @text: the line, without its end; it is cut into words
 * @name: the file's, for messages
 * @line: its number
 *
 * Return: 0, or 1 with the reason printed.
 */
int advise_line(struct advice *a, char *text, const char *name, size_t line)
{
	struct event e = { 0 };
	const char *why;
	char *event, *rest;
	int kind;

	if (*text == '#' || take_loss(a, text))
		return 0;
	/* First, as a task may be called like the address of a frame. */
	rest = find_event(text, &event, &e.ns);
	if (!rest)
		return is_around(text) ? 0 :
		       fail_at(name, line, "not a line of a trace");
	kind = kind_of(event);
	if (kind < 0)
		return 0;
	e.kind = kind;
	why = parse_fields(rest, &e);
	if (why)
		return fail_at(name, line, why);
	find_module(a, &e);
	return advise_add(a, &e);
}

/* The files of the tools themselves are no text, and want to be read by them. */
static const char *other_format(const char *text, size_t len)
{
	if (len >= 8 && !memcmp(text, "PERFILE2", 8))
		return "a file of perf: give me what 'perf script -i' writes of it";
	if (len >= 10 && !memcmp(text, "\x17\x08\x44tracing", 10))
		return "a file of trace-cmd: give me what 'trace-cmd report -i' writes of it";
	return NULL;
}

static int read_line(struct advice *a, char *text, size_t len, const char *name,
		     size_t line)
{
	const char *why = line == 1 ? other_format(text, len) : NULL;

	if (why)
		return fail_at(name, 0, why);
	if (strlen(text) < len)
		return fail_at(name, line, "not text");
	if (text[len - 1] != '\n')
		return fail_at(name, line, "the file ends within a line");
	text[len - 1] = '\0';
	return advise_line(a, text, name, line);
}

/**
 * advise_read - count what a file says
 * @a: the advice
 * @in: the file
 * @name: its name
 *
 * Return: 0, or 1 with the reason printed.
 */
int advise_read(struct advice *a, FILE *in, const char *name)
{
	size_t room = 0, line = 0;
	char *text = NULL;
	ssize_t len;
	int err = 0;

	while (!err && (len = getline(&text, &room, in)) > 0)
		err = read_line(a, text, len, name, ++line);
	free(text);
	if (!err && ferror(in))
		return fail(name, errno ? -errno : -EIO);
	if (!err && !a->total.all.objects)
		return fail_at(name, 0, "no kmem:kmalloc event in it");
	return err;
}
