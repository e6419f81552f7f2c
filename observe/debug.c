// SPDX-License-Identifier: GPL-2.0
/*
 * Debug: the parameter debug=, for objects under suspicion.
 *
 * It has SLUB's letters: F sanity, Z red zone, P poison, U users.  It may be
 * written at any time, for all objects, for those of one size class, or for
 * those that one function or module allocates.  slab_debug= is read at boot,
 * because the layout of a slab is fixed when its cache is made.  Here the state
 * byte of an object says whether it has a red zone, so a user who suspects a
 * module need not reboot.  A static key keeps all of this off the fast path
 * while the parameter is empty.
 *
 * A red zone is checked when its object is freed, and poison when the object is
 * allocated again, so a report tells what was damaged and not when.  A check on
 * each write would need the compiler, as KASAN does.  Large objects have no red
 * zone.
 *
 * This file reads the parameter; redzone.c has what it does to an object.
 */

#include <linux/ctype.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include "hooks.h"
#include "observe.h"
#include "param.h"
#include "redzone.h"
#include "trace.h"

/* The parameter as it was written, and the mutex that guards it. */
static DEFINE_MUTEX(setting);
static char text[64];

static int parse_letters(const char *s, size_t len, unsigned int *flags)
{
	static const char letters[] = "FZPU";
	const char *at;

	for (*flags = 0; len--; s++) {
		at = *s ? strchr(letters, *s) : NULL;
		if (!at)
			return -EINVAL;
		*flags |= BIT(at - letters);
	}
	return 0;
}

/* As functions and modules are called, 8139too included, but no number. */
static bool is_name(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (!s[digits] || (s[0] == '0' && s[1] == 'x'))
		return false;
	while (isalnum(*s) || *s == '_' || *s == '.')
		s++;
	return !*s;
}

/* A size, which means its class, or the name of a function or module. */
static int parse_filter(const char *val, size_t len, struct goredzone_filter *f)
{
	unsigned int size;

	if (!len || len >= sizeof(f->who))
		return -EINVAL;
	memcpy(f->who, val, len);
	if (is_name(f->who))
		return 0;
	if (goparam_uint(f->who, 1, GO_MAX_SMALL, &size))
		return -EINVAL;
	f->who[0] = '\0';
	f->class = gosizeclass_of(size);
	return 0;
}

/* Change the filter, with the key off meanwhile. */
static void switch_filter(const struct goredzone_filter *f)
{
	lockdep_assert_held(&setting);
	if (static_key_enabled(&goalloc_debug)) {
		static_branch_disable(&goalloc_debug);
		gotrace_unwatch_mallocs();
	}
	goredzone_set_filter(f);
	if (f->flags) {
		static_branch_enable(&goalloc_debug);
		gotrace_watch_mallocs();
	}
}

/**
 * godebug_set - set the parameter debug=
 * @val: "LETTERS[,SIZE|,FUNCTION|,MODULE]"
 *
 * Context: task, may sleep.
 * Return: 0; or -EINVAL, and nothing has changed.
 */
int godebug_set(const char *val)
{
	size_t len = strcspn(val, "\n"), letters = strcspn(val, ",\n");
	struct goredzone_filter filter = {};
	int err = parse_letters(val, letters, &filter.flags);

	if (err || len >= sizeof(text))
		return -EINVAL;
	/* Without state bytes a free would find nothing. */
	if (filter.flags && !static_key_enabled(&goalloc_check))
		return -EINVAL;
	if (letters < len) {
		err = parse_filter(val + letters + 1, len - letters - 1,
				   &filter);
		if (err)
			return err;
	}

	mutex_lock(&setting);
	switch_filter(&filter);
	memcpy(text, val, len);
	text[len] = '\0';
	mutex_unlock(&setting);
	return 0;
}

/**
 * godebug_get - get the parameter debug=
 * @buf: a page to write it to
 *
 * Context: task, may sleep.
 * Return: its length.
 */
int godebug_get(char *buf)
{
	int n;

	mutex_lock(&setting);
	n = scnprintf(buf, PAGE_SIZE, "%s\n", text);
	mutex_unlock(&setting);
	return n;
}
