// SPDX-License-Identifier: GPL-2.0
/*
 * goowner_client_b: goowner_b, which is goowner_a under another name.
 */

#include "goowner_client.c"
