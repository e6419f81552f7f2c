/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pictures of goallocctl share: text, sizes and colours in SVG.
 */
#ifndef SVG_H
#define SVG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SVG_LETTER	7.2	/* of 12 pixels, in most fixed fonts */

void svg_begin(FILE *out, double width, double height);
void svg_end(FILE *out);
void svg_text(FILE *out, const char *text, size_t most);
void svg_bytes(FILE *out, int64_t bytes);
void svg_colour(FILE *out, const char *module);

#endif /* SVG_H */
