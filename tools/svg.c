// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl: what its pictures share.
 *
 * A picture is one SVG file that needs nothing else: no script, no font and no
 * style of another file, since mail and wikis strip them.  Text is text, so that it
 * can be searched and read at any size; a hover text has what a box has no room for.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>

#include "svg.h"

void svg_begin(FILE *out, double width, double height)
{
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n"
		"<style>text{font:12px ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;fill:#111}"
		"g:hover rect{stroke:#111}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\" class=\"paper\"/>\n",
		width, height, width, height);
}

void svg_end(FILE *out)
{
	fputs("</svg>\n", out);
}

/* Text as XML has it, at most @most letters, cut with dots. */
void svg_text(FILE *out, const char *text, size_t most)
{
	size_t i, len = strlen(text), n = len > most ? most - 2 : len;

	for (i = 0; i < n; i++) {
		unsigned char c = text[i];

		if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '&')
			fputs("&amp;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else
			fputc(c < ' ' || c > '~' ? '?' : c, out);
	}
	if (n < len)
		fputs("..", out);
}

void svg_bytes(FILE *out, int64_t bytes)
{
	static const char letters[] = "KMGTPE";
	double v = bytes;
	int i = -1;

	while (v >= 1024 && letters[i + 1]) {
		v /= 1024;
		i++;
	}
	if (i < 0)
		fprintf(out, "%" PRId64 " bytes", bytes);
	else
		fprintf(out, "%.1f %ciB", v, letters[i]);
}

/* The kernel is grey; a module's hue is made of its name. */
void svg_colour(FILE *out, const char *module)
{
	unsigned int hue = 5381;

	if (!module) {
		fputs("hsl(210,14%,78%)", out);
		return;
	}
	while (*module)
		hue = hue * 33 + (unsigned char)*module++;
	fprintf(out, "hsl(%u,70%%,72%%)", hue * 47 % 360);
}
