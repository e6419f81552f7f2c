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

int fail(const char *what, int err)
{
	fprintf(stderr, "goallocctl: %s: %s\n", what, strerror(-err));
	return 1;
}

int complain(const char *what, const char *about)
{
	fprintf(stderr, "goallocctl: %s: %s\n", what, about);
	return 2;
}

/* Parse a number up to @max, which may be followed by K, M, G or T. */
int number(const char *text, uint64_t max, uint64_t *value)
{
	static const char units[] = "KMGT";
	unsigned int shift = 0;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return complain(text, "not a number");
	errno = 0;
	*value = strtoull(text, &end, 0);
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unit - units + 1);
		end++;
	}
	if (*end)
		return complain(text, "not a number");
	if (errno || *value > max >> shift)
		return complain(text, "too large");
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
		if (!strncmp(argv[i], name, len) && argv[i][len] == '=')
			return argv[i] + len + 1;
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
