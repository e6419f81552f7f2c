// SPDX-License-Identifier: GPL-2.0
/*
 * Trace: the tracepoints themselves, and the static keys that turn with them.
 *
 * The kernel calls the functions below when a tracepoint gets its first probe and
 * when it has lost its last.  It holds no lock then but its own mutex for
 * tracepoints, and patches code itself right afterwards, so that static keys may be
 * changed.  A call that is under way meanwhile may still be without an event.
 */

#include "hooks.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * gotrace_watch_mallocs - have every allocation take the slow half
 *
 * For goalloc:malloc, which has got its first probe, and for all else that has to see
 * them.
 *
 * Context: task, may sleep.
 * Return: 0.
 */
int gotrace_watch_mallocs(void)
{
	static_branch_inc(&goalloc_watch);
	static_branch_inc(&goalloc_detour);
	return 0;
}

/**
 * gotrace_unwatch_mallocs - no longer
 *
 * Context: task, may sleep.
 */
void gotrace_unwatch_mallocs(void)
{
	static_branch_dec(&goalloc_detour);
	static_branch_dec(&goalloc_watch);
}

/**
 * gotrace_watch_frees - have every free take the slow half
 *
 * Context: task, may sleep; goalloc:free has got its first probe.
 * Return: 0.
 */
int gotrace_watch_frees(void)
{
	static_branch_inc(&goalloc_free_detour);
	return 0;
}

/**
 * gotrace_unwatch_frees - no longer
 *
 * Context: task, may sleep; goalloc:free has lost its last probe.
 */
void gotrace_unwatch_frees(void)
{
	static_branch_dec(&goalloc_free_detour);
}
