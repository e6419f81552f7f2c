/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The second file of goowner_a and goowner_b.
 */
#ifndef GOOWNER_H
#define GOOWNER_H

/* Allocate an object of 1000 bytes. */
void *goowner_more(void);

#endif /* GOOWNER_H */
