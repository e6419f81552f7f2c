/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GOALLOC_INTERNAL_H
#define GOALLOC_INTERNAL_H

#include <linux/goalloc.h>
#include "compat.h"
#include "types.h"
#include "hooks.h"
#include "limit.h"
#include "gfp.h"
#include "leak.h"
#include "numa.h"
#include "block.h"
#include "fixalloc.h"
#include "span.h"
#include "runs.h"
#include "heap.h"
#include "central.h"
#include "source.h"
#include "mcache.h"
#include "stack.h"
#include "tiny.h"
#include "redzone.h"
#include "free.h"
#include "alloc.h"
#include "api.h"
#include "lifecycle.h"
#include "reclaim/reclaim.h"
#include "observe/observe.h"

#endif
