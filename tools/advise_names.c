// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl advise: which module a function is of.
 *
 * The kernel names a module behind each of its functions; "perf script" and
 * "trace-cmd report" leave that out.  /proc/kallsyms of the machine has it, and its
 * names are there for everybody, though not its addresses.  So a name is looked up.
 * One that several modules have, or the kernel as well, is of "some module".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "advise.h"
#include "ctl.h"

struct name {
	char *function;		/* the line is cut where it ends */
	const char *module;
};

struct names {
	struct name *name;
	size_t n, room;
};

static int add_name(struct names *all, char *function, const char *module)
{
	size_t room = all->room ? all->room * 2 : 65536;
	struct name *more;

	if (all->n == all->room) {
		more = reallocarray(all->name, room, sizeof(*more));
		if (!more)
			return 1;
		all->name = more;
		all->room = room;
	}
	all->name[all->n++] = (struct name){ function, module };
	return 0;
}

/* "ffffffff81000000 t function\t[module]": is it one, of code? */
static int split_line(char *text, char **function, char **module)
{
	char *type = strchr(text, ' ');

	if (!type || !type[1] || type[2] != ' ' ||
	    strspn(text, "0123456789abcdef") != (size_t)(type - text))
		return 0;
	*function = type + 3;
	*module = strchr(*function, '\t');
	if (*module) {
		*(*module)++ = '\0';
		if (**module != '[')
			return 0;
		(*module)++;
		(*module)[strcspn(*module, "]")] = '\0';
	}
	return !!**function;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->function,
		      ((const struct name *)b)->function);
}

/* Of several that are called the same one is left. */
static void sort_names(struct names *all)
{
	size_t i, n = 0;

	if (!all->n)
		return;
	qsort(all->name, all->n, sizeof(*all->name), compare_names);
	for (i = 1; i < all->n; i++) {
		if (compare_names(&all->name[n], &all->name[i])) {
			all->name[++n] = all->name[i];
			continue;
		}
		if (strcmp(all->name[n].module, all->name[i].module))
			all->name[n].module = "?";
		free(all->name[i].function);
	}
	all->n = n + 1;
}

static int read_names(struct names *all, FILE *in, const char *path)
{
	char *text = NULL, *function, *module, *copy;
	size_t room = 0, line = 0, len;
	int err = 0;

	while (!err && getline(&text, &room, in) > 0) {
		line++;
		text[strcspn(text, "\n")] = '\0';
		if (!split_line(text, &function, &module)) {
			err = fail_at(path, line, "not a line of /proc/kallsyms");
			break;
		}
		/* Both in one piece, so that it is freed with the function. */
		len = strlen(function) + 1;
		copy = malloc(len + (module ? strlen(module) : 0) + 1);
		if (!copy) {
			err = fail_at(path, line, "no memory");
			break;
		}
		memcpy(copy, function, len);
		strcpy(copy + len, module ? module : "");
		if (add_name(all, copy, copy + len)) {
			free(copy);
			err = fail_at(path, line, "no memory");
		}
	}
	free(text);
	return err;
}

/**
 * advise_names - read which module each function is of
 * @path: /proc/kallsyms, or a copy of it
 *
 * Return: the names, for advise_names_free(); NULL if it has said why not.
 */
struct names *advise_names(const char *path)
{
	struct names *all = calloc(1, sizeof(*all));
	FILE *in = fopen(path, "r");

	if (!all || !in || read_names(all, in, path)) {
		if (!all || !in)
			fail(path, -errno);
		advise_names_free(all);
		all = NULL;
	} else {
		sort_names(all);
	}
	if (in)
		fclose(in);
	return all;
}

/* The module of "function+0x1c/0x90": "" is the kernel, or a name that is not there. */
const char *advise_module(const struct names *all, const char *site)
{
	size_t from = 0, to = all->n, mid, len = strcspn(site, "+");
	int order;

	while (from < to) {
		mid = (from + to) / 2;
		order = strncmp(all->name[mid].function, site, len);
		if (!order)
			order = !!all->name[mid].function[len];
		if (!order)
			return all->name[mid].module;
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return "";
}

void advise_names_free(struct names *all)
{
	size_t i;

	for (i = 0; all && i < all->n; i++)
		free(all->name[i].function);
	if (all)
		free(all->name);
	free(all);
}
