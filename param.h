/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers in module parameters, and names of modules: param.c.
 */
#ifndef GOALLOC_PARAM_H
#define GOALLOC_PARAM_H

#include <linux/types.h>

int goparam_uint(const char *val, unsigned int least, unsigned int most,
		 unsigned int *n);
int goparam_size(const char *val, u64 *bytes);
int goparam_limit(const char *val, u64 *bytes);
bool goparam_names_module(const char *name, const char *symbol);

#endif /* GOALLOC_PARAM_H */
