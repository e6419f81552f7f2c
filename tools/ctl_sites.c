// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl sites: how much each call site holds.
 *
 * The module has sorted the lines; as text they are printed as they are, and as
 * JSON they are taken apart.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define SITES	"/sys/kernel/debug/goalloc/sites"

/* "BYTES OBJECTS FILE:LINE [MODULE] func:FUNCTION", and " gone" perhaps. */
static int put_site(const char *text, int first)
{
	char file[256], module[64], function[256], gone[8] = "";
	uint64_t bytes, objects;
	unsigned int line;

	if (sscanf(text, "%" SCNu64 " %" SCNu64 " %255[^:]:%u [%63[^]]] func:%255s %7s",
		   &bytes, &objects, file, &line, module, function, gone) < 6)
		return 0;
	printf("%s{\"bytes\":%" PRIu64 ",\"objects\":%" PRIu64
	       ",\"file\":\"%s\",\"line\":%u,\"module\":\"%s\",\"function\":\"%s\",\"gone\":%s}",
	       first ? "" : ",", bytes, objects, file, line, module, function,
	       *gone ? "true" : "false");
	return 1;
}

int do_sites(int argc, char **argv)
{
	FILE *in = fopen(SITES, "r");
	int needs_check = 0, n = 0;
	char *line = NULL;
	size_t room = 0;

	(void)argc;
	(void)argv;
	if (!in)
		return fail_because(SITES, -errno, "debugfs mounted? root?");
	if (json)
		putchar('[');
	while (getline(&line, &room, in) >= 0) {
		needs_check |= !strncmp(line, "sites need", 10);
		if (json)
			n += put_site(line, !n);
		else if (*line != '#' && !needs_check)
			fputs(line, stdout);
	}
	free(line);
	fclose(in);
	if (json)
		puts("]");
	return needs_check ? fail_because("sites", -ENODATA,
					  "the module was loaded with check=0") : 0;
}
