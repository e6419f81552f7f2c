/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interfaces between the parts of goallocctl.
 *
 *   goallocctl.c  the commands, their arguments, and main()
 *   ctl_run.c     the command run
 *   ctl_sites.c   the command sites
 *   profile.c     the command profile; profile.h has its parts
 *   advise.c      the command advise; advise.h has its parts
 *   ctl_text.c    parsing of arguments and printing of answers
 *
 * Functions return an exit status: 0, 1 if something failed, or 2 if an
 * argument made no sense.  With 1 and 2 they have printed why.
 */
#ifndef CTL_H
#define CTL_H

#include "goalloc.h"

extern int fd;			/* the device */
extern int json;		/* answers are JSON */
extern uint64_t last_handle;	/* the handle that $ means */

int fail(const char *what, int err);
int fail_because(const char *what, int err, const char *why);
int fail_limit(const char *what, uint64_t objects, uint64_t bytes);
int fail_at(const char *name, size_t line, const char *why);
int complain(const char *what, const char *about);

int number(const char *text, uint64_t max, uint64_t *value);
int number32(const char *text, uint32_t *value);
int number_in(const char *text, uint32_t min, uint32_t max, uint32_t *value);
int handle_of(const char *text, uint64_t *handle);
const char *word(int argc, char **argv, const char *name);
int option(int argc, char **argv, const char *name, uint64_t max,
	   uint64_t *value);
int option32(int argc, char **argv, const char *name, uint32_t *value);
int option_in(int argc, char **argv, const char *name, uint32_t min,
	      uint32_t max, uint32_t *value);
int has(int argc, char **argv, const char *name);

void begin_answer(void);
void end_answer(void);
void put_name(const char *name);
void put(const char *name, uint64_t value);
void put_none(const char *name);

int do_run(int argc, char **argv);
int do_sites(int argc, char **argv);

#define PROFILE_USAGE	"[-seconds N] [-base FILE] [-allocs] [-o FILE.pb.gz]\n"	\
	"      [--flame FILE.svg] [--text] [FILE]"

int do_profile(int argc, char **argv);

#define ADVISE_USAGE	"[-j] [-seconds N] [-buffer KIB] [-top N] [--svg FILE.svg]\n" \
	"      [-kallsyms FILE] [FILE|-]"

int do_advise(int argc, char **argv);

#endif /* CTL_H */
