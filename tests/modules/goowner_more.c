// SPDX-License-Identifier: GPL-2.0
/*
 * The second file of goowner_a and goowner_b; see goowner_client.c.
 */

#include <linux/goalloc.h>
#include "goowner.h"

void *goowner_more(void)
{
	return gozalloc(1000, GFP_KERNEL);
}
