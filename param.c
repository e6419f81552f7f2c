// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers in module parameters.
 *
 * All parameters that are numbers are read here, so that a spelling that one of
 * them takes is taken by the others.  The kernel has two parsers, and neither
 * fits:
 *
 *   kstrtoull(val, 0)  knows no units, and reads 010 as 8 and 0x10 as 16.  An
 *                      administrator who pads a limit with a zero means the
 *                      decimal number.
 *   memparse()         knows K to E, but cannot fail.  It stops at whatever it
 *                      does not know, so that "12q" is 12, and it drops what
 *                      does not fit into 64 bits.  The rest may well be 0, and
 *                      a limit of 0 is no limit at all.
 *
 * So a number is decimal digits, without a sign, and the unit of a size is
 *
 *   nothing or B            for bytes,
 *   K, M, G, T, k, m, g, t  for powers of 1024, as memparse() has them, or
 *   KiB, MiB, GiB, TiB      for the same, as Go's GOMEMLIMIT has them.
 *
 * KB and MB are refused, as Go refuses them: they stand for powers of 1000 as
 * often as for powers of 1024, and a limit should not be a guess.
 *
 * Blanks may follow, and then one newline, which echo(1) writes to sysfs.  Any
 * other rest makes the text invalid: it asks for something that the parser
 * would not do.
 *
 * Where a parameter names a module, the kernel's text for an address is compared
 * with it here, too.
 */

#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include "param.h"

/* Twenty digits, a unit and some blanks. */
#define TEXT_MAX	32

/* Copy the text of a parameter without the blanks and newline at its end. */
static int trim_param(char text[TEXT_MAX], const char *val)
{
	ssize_t len = strscpy(text, val, TEXT_MAX);

	if (len < 0)
		return -EINVAL;
	if (len && text[len - 1] == '\n')
		len--;
	while (len && strchr(" \t", text[len - 1]))
		len--;
	text[len] = '\0';
	return 0;
}

/* The binary logarithm of a unit, or -EINVAL. */
static int unit_shift(const char *unit)
{
	static const char letters[] = "KMGT";
	const char *letter;

	if (!*unit || !strcmp(unit, "B"))
		return 0;
	letter = strchr(letters, toupper(*unit));
	if (!letter || (unit[1] && strcmp(unit + 1, "iB")))
		return -EINVAL;
	return 10 * (letter - letters + 1);
}

/* Read @text, which is cut behind its digits. */
static int parse_size(char *text, u64 *bytes)
{
	char *unit = text + strspn(text, "0123456789");
	int shift = unit_shift(unit);
	int err;

	/* kstrtou64() would take a plus sign. */
	if (shift < 0 || unit == text)
		return -EINVAL;
	*unit = '\0';
	err = kstrtou64(text, 10, bytes);
	if (err)
		return err;
	return check_shl_overflow(*bytes, shift, bytes) ? -ERANGE : 0;
}

/**
 * goparam_uint - read a number that has to lie in a range
 * @val: the parameter's text
 * @least: the smallest value
 * @most: the largest value
 * @n: the number; changed on success only
 *
 * A unit is not allowed.
 *
 * Context: any.
 * Return: 0, -ERANGE if the number does not fit into @n, -EINVAL if it lies
 * outside the range or is no number.
 */
int goparam_uint(const char *val, unsigned int least, unsigned int most,
		 unsigned int *n)
{
	char text[TEXT_MAX];
	unsigned int value;
	int err;

	err = trim_param(text, val);
	if (err)
		return err;
	if (!isdigit(*text))
		return -EINVAL;
	err = kstrtouint(text, 10, &value);
	if (err)
		return err;
	if (value < least || value > most)
		return -EINVAL;
	*n = value;
	return 0;
}

/**
 * goparam_size - read a number of bytes
 * @val: the parameter's text
 * @bytes: the number; undefined on failure
 *
 * Context: any.
 * Return: 0, -ERANGE if the number needs more than 64 bits, -EINVAL if the text
 * is no number with a unit.
 */
int goparam_size(const char *val, u64 *bytes)
{
	char text[TEXT_MAX];
	int err = trim_param(text, val);

	return err ?: parse_size(text, bytes);
}

/**
 * goparam_limit - read a number of bytes, or "off"
 * @val: the parameter's text
 * @bytes: the number, 0 for "off"; undefined on failure
 *
 * Context: any.
 * Return: as goparam_size().
 */
int goparam_limit(const char *val, u64 *bytes)
{
	char text[TEXT_MAX];
	int err = trim_param(text, val);

	if (err)
		return err;
	if (strcmp(text, "off"))
		return parse_size(text, bytes);
	*bytes = 0;
	return 0;
}

/**
 * goparam_names_module - does a name stand for the module that an address is in?
 * @name: the name, from a parameter
 * @symbol: the address as the kernel writes it: "function+0x1/0x2 [module]"
 *
 * Context: any.
 * Return: whether it does; an address of the kernel itself is in no module.
 */
bool goparam_names_module(const char *name, const char *symbol)
{
	const char *module = strrchr(symbol, '[');
	size_t len = strlen(name);

	return module && !strncmp(module + 1, name, len) &&
	       module[len + 1] == ']';
}
