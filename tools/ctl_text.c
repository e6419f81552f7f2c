// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl: parse arguments and print answers.
 *
 * A number that does not fit into its field is refused, not truncated.  Answers
 * are "name: value" lines, or members of a JSON object.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

int json;
uint64_t last_handle;

/* The option that word() has found last, and where its value begins. */
static const char *option_arg, *option_value;

int fail(const char *what, int err)
{
	if (err == -EBADF)
		return fail_because(what, err, "you may only read "
				    GOALLOC_DEVICE);
	if (err == -ENOENT)
		return fail_because(what, err, "no object has this handle");
	fprintf(stderr, "goallocctl: %s: %s\n", what, strerror(-err));
	return 1;
}

int fail_because(const char *what, int err, const char *why)
{
	fprintf(stderr, "goallocctl: %s: %s: %s\n", what, strerror(-err), why);
	return 1;
}

/* Of a file, where something in it is wrong; @line is 0 if no line is to blame. */
int fail_at(const char *name, size_t line, const char *why)
{
	if (line)
		fprintf(stderr, "goallocctl: %s:%zu: %s\n", name, line, why);
	else
		fprintf(stderr, "goallocctl: %s: %s\n", name, why);
	return 1;
}

static int exceeds(uint64_t now, uint64_t more, uint64_t max)
{
	return max && (more > max || now > max - more);
}

static void tell_limit(int hit, const char *name, uint64_t now, uint64_t max)
{
	if (hit && max)
		fprintf(stderr, "goallocctl: %s=%" PRIu64 ", of which %" PRIu64
			" are held\n", name, max, now);
}

/*
 * Tell which limit does not allow @objects more, of @bytes in all.  The module
 * charges more than @bytes, so if no limit is clearly exceeded all are told.
 */
int fail_limit(const char *what, uint64_t objects, uint64_t bytes)
{
	struct goalloc_ioc_info i = { 0 };
	int by_objects, by_bytes, by_total, any;

	fail(what, -EDQUOT);
	if (goalloc_info(fd, &i))
		return 1;
	by_objects = exceeds(i.objects, objects, i.max_objects);
	by_bytes = exceeds(i.bytes, bytes, i.max_bytes);
	by_total = exceeds(i.total, bytes, i.max_total);
	any = by_objects || by_bytes || by_total;
	tell_limit(by_objects || !any, "dev_max_objects", i.objects,
		   i.max_objects);
	tell_limit(by_bytes || !any, "dev_max_bytes", i.bytes, i.max_bytes);
	tell_limit(by_total || !any, "dev_max_total", i.total, i.max_total);
	return 1;
}

int complain(const char *what, const char *about)
{
	/* The value of an option is a part of an argument: name it in full. */
	if (what == option_value)
		what = option_arg;
	fprintf(stderr, "goallocctl: %s: %s\n", what, about);
	return 2;
}

/* The binary logarithm of a unit as the module's parameters have it, or -1. */
static int unit_shift(const char *unit)
{
	static const char letters[] = "KMGT";
	const char *letter;

	if (!*unit || !strcmp(unit, "B"))
		return 0;
	letter = strchr(letters, toupper((unsigned char)*unit));
	if (!letter || (unit[1] && strcmp(unit + 1, "iB")))
		return -1;
	return 10 * (letter - letters + 1);
}

/* Parse a decimal number up to @max, which may have a unit. */
int number(const char *text, uint64_t max, uint64_t *value)
{
	char about[64], *end;
	int shift;

	errno = 0;
	*value = strtoull(text, &end, 10);
	shift = unit_shift(end);
	if (!isdigit((unsigned char)*text) || shift < 0)
		return complain(text, "not a whole number, in decimal");
	if (errno || *value > max >> shift) {
		snprintf(about, sizeof(about), "more than %" PRIu64, max);
		return complain(text, about);
	}
	*value <<= shift;
	return 0;
}

int number32(const char *text, uint32_t *value)
{
	uint64_t wide;

	if (number(text, UINT32_MAX, &wide))
		return 2;
	*value = wide;
	return 0;
}

/* Parse a number from @min to @max. */
int number_in(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	char about[64];
	uint64_t wide;

	if (number(text, UINT64_MAX, &wide))
		return 2;
	*value = wide;
	if (wide >= min && wide <= max)
		return 0;
	snprintf(about, sizeof(about), "not %" PRIu32 " to %" PRIu32, min, max);
	return complain(text, about);
}

int handle_of(const char *text, uint64_t *handle)
{
	if (strcmp(text, "$"))
		return number(text, UINT64_MAX, handle);
	*handle = last_handle;
	return 0;
}

/* Return the value of "name=value" among the arguments, or NULL. */
const char *word(int argc, char **argv, const char *name)
{
	size_t len = strlen(name);
	int i;

	for (i = 1; i < argc; i++) {
		if (!strncmp(argv[i], name, len) && argv[i][len] == '=') {
			option_arg = argv[i];
			option_value = argv[i] + len + 1;
			return option_value;
		}
	}
	return NULL;
}

/* Parse "name=value" among the arguments; without it *value stays as it is. */
int option(int argc, char **argv, const char *name, uint64_t max,
	   uint64_t *value)
{
	const char *text = word(argc, argv, name);

	return text ? number(text, max, value) : 0;
}

int option32(int argc, char **argv, const char *name, uint32_t *value)
{
	const char *text = word(argc, argv, name);

	return text ? number32(text, value) : 0;
}

/* Parse "name=value" with a value from @min to @max. */
int option_in(int argc, char **argv, const char *name, uint32_t min,
	      uint32_t max, uint32_t *value)
{
	const char *text = word(argc, argv, name);

	return text ? number_in(text, min, max, value) : 0;
}

int has(int argc, char **argv, const char *name)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return 1;
	}
	return 0;
}

static int members;

void begin_answer(void)
{
	members = 0;
	if (json)
		putchar('{');
}

void end_answer(void)
{
	if (json)
		puts("}");
}

void put_name(const char *name)
{
	if (json)
		printf("%s\"%s\":", members++ ? "," : "", name);
	else
		printf("%s: ", name);
}

void put(const char *name, uint64_t value)
{
	put_name(name);
	printf("%" PRIu64, value);
	if (!json)
		putchar('\n');
}

void put_none(const char *name)
{
	put_name(name);
	printf(json ? "null" : "none\n");
}
