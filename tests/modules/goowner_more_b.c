// SPDX-License-Identifier: GPL-2.0
/*
 * The second file of goowner_b: an object is built for one module only.
 */

#include "goowner_more.c"
