/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goallocctl: what its parts know of each other.
 *
 *   goallocctl.c  the commands, which arguments each knows, and the order of
 *                 things
 *   ctl_run.c     the command that has many
 *   ctl_text.c    arguments in, answers out
 *
 * Functions return an exit status: 0, 1 if something failed, 2 if it made no
 * sense; the latter two have said why.
 */
#ifndef CTL_H
#define CTL_H

#include "goalloc.h"

extern int fd;			/* of the device */
extern int json;		/* how to answer */
extern uint64_t last_handle;	/* what $ means */

int fail(const char *what, int err);
int complain(const char *what, const char *about);

int number(const char *text, uint64_t max, uint64_t *value);
int number32(const char *text, uint32_t *value);
int handle_of(const char *text, uint64_t *handle);
const char *word(int argc, char **argv, const char *name);
int option(int argc, char **argv, const char *name, uint64_t max,
	   uint64_t *value);
int option32(int argc, char **argv, const char *name, uint32_t *value);
int has(int argc, char **argv, const char *name);

void begin_answer(void);
void end_answer(void);
void put_name(const char *name);
void put(const char *name, uint64_t value);

int do_run(int argc, char **argv);

#endif /* CTL_H */
