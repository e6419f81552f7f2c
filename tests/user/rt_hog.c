// SPDX-License-Identifier: GPL-2.0
/*
 * rt_hog CPU SECONDS: a real-time task that does not leave a CPU for so long.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	const struct sched_param param = { .sched_priority = 50 };
	time_t end;
	cpu_set_t cpus;

	if (argc != 3)
		return 2;
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	end = time(NULL) + atoi(argv[2]);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    sched_setscheduler(0, SCHED_FIFO, &param)) {
		perror("rt_hog");
		return 1;
	}
	while (time(NULL) < end)
		;
	return 0;
}
