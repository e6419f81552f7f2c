// SPDX-License-Identifier: GPL-2.0
/*
 * GOALLOC_IOC_RUN: a workload does what it is told, its figures add up, and it
 * ends when it is done, when its time is over, at a signal, and when its
 * process is killed.
 *
 * Run as root with goalloc loaded and nothing else using it.  Output is TAP.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"
#include "dev_common.h"

#define MS	1000000ULL

FIXTURE(run)
{
	int fd;
	__u64 before;
	struct goalloc_ioc_run arg;
};

/* 64 bytes to 1 KiB, 2,000 operations on each CPU. */
FIXTURE_SETUP(run)
{
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	self->before = live_objects();
	memset(&self->arg, 0, sizeof(self->arg));
	self->arg.count = 2000;
	self->arg.live = 100;
	self->arg.seed = 1;
	self->arg.nr_sizes = 2;
	self->arg.sizes[0].min = 64;
	self->arg.sizes[0].max = 64;
	self->arg.sizes[0].weight = 3;
	self->arg.sizes[1].min = 100;
	self->arg.sizes[1].max = 1024;
	self->arg.sizes[1].weight = 1;
}

FIXTURE_TEARDOWN(run)
{
	set_param("dev_max_bytes", "0");
	close(self->fd);
}

static int run(int fd, struct goalloc_ioc_run *arg)
{
	return call(fd, GOALLOC_IOC_RUN, arg);
}

static void check_hist(struct __test_metadata *_metadata,
		       const struct goalloc_run_hist *hist, int timed)
{
	__u64 sum = 0;
	int i;

	for (i = 0; i < GOALLOC_RUN_BUCKETS; i++)
		sum += hist->bucket[i];
	EXPECT_EQ(sum, hist->count);
	if (!timed || !hist->count) {
		EXPECT_TRUE(all_bytes((void *)hist, sizeof(*hist), 0));
		return;
	}
	EXPECT_LE(hist->min_ns, hist->max_ns);
	EXPECT_GE(hist->total_ns, hist->max_ns);
	EXPECT_GE(hist->total_ns, hist->min_ns * hist->count);
	EXPECT_LE(hist->total_ns, hist->max_ns * hist->count);
}

/* What holds for every run. */
static void check_answer(struct __test_metadata *_metadata, int fd,
			 const struct goalloc_ioc_run *arg, __u64 before)
{
	int timed = !(arg->flags & GOALLOC_RUN_UNTIMED);

	EXPECT_GE(arg->nr_cpus, 1);
	EXPECT_GT(arg->elapsed_ns, 0);
	EXPECT_EQ(arg->mallocs, arg->frees);
	EXPECT_GE(arg->bytes, arg->mallocs);
	EXPECT_EQ(arg->failures, 0);
	check_hist(_metadata, &arg->malloc_hist, timed);
	check_hist(_metadata, &arg->free_hist, timed);
	if (timed) {
		EXPECT_EQ(arg->malloc_hist.count, arg->mallocs);
		EXPECT_LE(arg->free_hist.count, arg->frees);
	}
	EXPECT_EQ(live_objects(), before);
	EXPECT_EQ(fdinfo(fd, "goalloc-bytes"), 0);
	EXPECT_EQ(fdinfo(fd, "goalloc-objects"), 0);
}

/* Every order and flag: as many operations as were asked for. */
TEST_F_TIMEOUT(run, does_what_it_is_told, 120)
{
	struct goalloc_memstats a, b;
	unsigned int order, flags;

	for (order = GOALLOC_RUN_RANDOM; order <= GOALLOC_RUN_LIFO; order++)
	for (flags = 0; flags <= GOALLOC_RUN_FLAGS; flags++) {
		struct goalloc_ioc_run arg = self->arg;

		arg.order = order;
		arg.flags = flags;
		ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &a), 0);
		ASSERT_EQ(run(self->fd, &arg), 0);
		ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &b), 0);
		EXPECT_EQ(arg.status, GOALLOC_RUN_COMPLETE);
		check_answer(_metadata, self->fd, &arg, self->before);
		EXPECT_EQ(b.mallocs - a.mallocs, arg.mallocs);
		EXPECT_EQ(b.total_requested - a.total_requested, arg.bytes);
		/* An operation is an allocation or a free. */
		if (order == GOALLOC_RUN_RANDOM) {
			EXPECT_GT(arg.mallocs, 1000 * arg.nr_cpus);
			EXPECT_LT(arg.mallocs, 1100 * arg.nr_cpus);
		} else {
			EXPECT_EQ(arg.mallocs, 1000 * arg.nr_cpus);
		}
	}
}

TEST_F(run, realloc_and_remote)
{
	self->arg.realloc_percent = 30;
	self->arg.remote_percent = 50;
	ASSERT_EQ(run(self->fd, &self->arg), 0);
	EXPECT_GT(self->arg.reallocs, 0);
	check_answer(_metadata, self->fd, &self->arg, self->before);
}

/* The same seed gives the same workload. */
TEST_F(run, seeds)
{
	struct goalloc_ioc_run a = self->arg, b = self->arg, c = self->arg;

	a.cpus[0] = 1;
	b.cpus[0] = 1;
	c.cpus[0] = 1;
	c.seed = 2;
	ASSERT_EQ(run(self->fd, &a), 0);
	ASSERT_EQ(run(self->fd, &b), 0);
	ASSERT_EQ(run(self->fd, &c), 0);
	EXPECT_EQ(a.nr_cpus, 1);
	EXPECT_EQ(a.bytes, b.bytes);
	EXPECT_EQ(a.mallocs, b.mallocs);
	EXPECT_NE(a.bytes, c.bytes);
}

TEST_F(run, sizes)
{
	struct goalloc_ioc_run *arg = &self->arg;

	memset(arg->sizes, 0, sizeof(arg->sizes));
	arg->count = 200;
	arg->live = 4;
	arg->nr_sizes = 3;
	arg->sizes[0].min = 1;
	arg->sizes[0].max = 15;
	arg->sizes[0].weight = 1;
	arg->sizes[0].flags = GOALLOC_ALLOC_NOSCAN;
	arg->sizes[1].min = 32769;
	arg->sizes[1].max = MAX_SIZE;
	arg->sizes[1].weight = 1;
	arg->sizes[2].min = 8192;
	arg->sizes[2].max = 8192;
	arg->sizes[2].weight = 1;
	arg->sizes[2].flags = GOALLOC_ALLOC_ZERO;
	arg->realloc_percent = 20;
	arg->flags = GOALLOC_RUN_TOUCH;
	ASSERT_EQ(run(self->fd, arg), 0);
	EXPECT_EQ(arg->mallocs, arg->frees);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"), 0);
}

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 * MS + t.tv_nsec;
}

TEST_F_TIMEOUT(run, time_ends_it, 60)
{
	__u64 start = now_ns();

	self->arg.count = 0;
	self->arg.duration_ns = 300 * MS;
	ASSERT_EQ(run(self->fd, &self->arg), 0);
	EXPECT_EQ(self->arg.status, GOALLOC_RUN_TIME);
	EXPECT_GE(self->arg.elapsed_ns, 290 * MS);
	EXPECT_GE(now_ns() - start, 290 * MS);
	check_answer(_metadata, self->fd, &self->arg, self->before);
}

/* The answer has what was counted until the signal. */
TEST_F_TIMEOUT(run, signal_ends_it, 60)
{
	__u64 start = now_ns();

	self->arg.count = 0;
	self->arg.duration_ns = 60000 * MS;
	alarm_us(200000, 0);
	ASSERT_EQ(run(self->fd, &self->arg), 0);
	EXPECT_LT(now_ns() - start, 30000 * MS);
	EXPECT_EQ(self->arg.status, GOALLOC_RUN_SIGNAL);
	EXPECT_GT(self->arg.mallocs, 0);
	check_answer(_metadata, self->fd, &self->arg, self->before);
}

TEST_F_TIMEOUT(run, killed_and_busy, 60)
{
	int status, i, err = 0;
	pid_t pid;

	/* Only one workload runs at a time: the other one gets EBUSY. */
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		self->arg.count = 0;
		do
			err = run(self->fd, &self->arg);
		while (err == -EBUSY);
		_exit(1);
	}
	self->arg.count = 1;
	for (i = 0; i < 1000 && !err; i++) {
		struct goalloc_ioc_run arg = self->arg;

		err = run(self->fd, &arg);
		usleep(1000);
	}
	EXPECT_EQ(err, -EBUSY);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(run(self->fd, &self->arg), 0);
	check_answer(_metadata, self->fd, &self->arg, self->before);
}

static void bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* A run without count, of so many ms. */
static int run_for(int fd, struct goalloc_ioc_run *arg, unsigned int ms)
{
	arg->count = 0;
	arg->duration_ns = ms * MS;
	return run(fd, arg);
}

static void set_rt_runtime(const char *us)
{
	int fd = open("/proc/sys/kernel/sched_rt_runtime_us",
		      O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, us, strlen(us)) < 0)
		perror("sched_rt_runtime_us");
	close(fd);
}

/* A task of SCHED_FIFO has CPU 1 for itself. */
static pid_t occupy_cpu1(void)
{
	struct sched_param param = { .sched_priority = 50 };
	pid_t pid = fork();

	if (pid)
		return pid;
	bind_to(1);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		_exit(1);
	for (;;)
		;
}

/* On PREEMPT_RT a thread may be held where it cannot be moved to another CPU. */
static bool is_preempt_rt(void)
{
	struct utsname u;

	return !uname(&u) && strstr(u.version, "PREEMPT_RT");
}

/* One of its threads gets no CPU, and it ends all the same when it is killed. */
TEST_F_TIMEOUT(run, killed_while_starved, 120)
{
	pid_t hog, pid, got = 0;
	int status, i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	if (is_preempt_rt())
		SKIP(return, "on PREEMPT_RT it waits for the real-time task");
	set_rt_runtime("-1");
	hog = occupy_cpu1();
	ASSERT_GT(hog, 0);
	usleep(200000);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		run_for(self->fd, &self->arg, 50000);
		_exit(1);
	}
	usleep(1000000);
	kill(pid, SIGKILL);
	for (i = 0; i < 100 && got != pid; i++) {
		usleep(100000);
		got = waitpid(pid, &status, WNOHANG);
	}
	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	set_rt_runtime("950000");
	EXPECT_EQ(got, pid);
	if (got != pid)
		waitpid(pid, &status, 0);
	EXPECT_EQ(run(self->fd, &self->arg), 0);
	check_answer(_metadata, self->fd, &self->arg, self->before);
}

/* Kernel threads cannot be as humble as SCHED_IDLE. */
TEST_F_TIMEOUT(run, idle_runs_alone, 60)
{
	struct sched_param param = {};
	struct goalloc_ioc_run arg = self->arg;

	ASSERT_EQ(sched_setscheduler(0, SCHED_IDLE, &param), 0);
	ASSERT_EQ(run(self->fd, &arg), 0);
	EXPECT_EQ(arg.nr_cpus, 1);
	ASSERT_EQ(sched_setscheduler(0, SCHED_OTHER, &param), 0);
	check_answer(_metadata, self->fd, &arg, self->before);
}

/*
 * The worst case counts, and a slot for each object: what a run may hold its
 * descriptor must be allowed.
 */
TEST_F(run, is_charged)
{
	__u64 one = 1024 + sizeof(__u64), all = (100 + 256) * one;

	self->arg.cpus[0] = 1;
	ASSERT_EQ(set_param_to("dev_max_bytes", all - 1), 0);
	EXPECT_EQ(run(self->fd, &self->arg), -EDQUOT);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"), 0);
	ASSERT_EQ(set_param_to("dev_max_bytes", all + one), 0);
	EXPECT_EQ(run(self->fd, &self->arg), 0);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-peak-bytes"), all);
	self->arg.realloc_percent = 10;
	EXPECT_EQ(run(self->fd, &self->arg), 0);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-peak-bytes"), all + one);
}

/* --- whose CPUs, and whose time ------------------------------------------ */

#define CGROUP	"/tmp/cgroup"
#define MINE	CGROUP "/goalloc-run"

static __u64 own_cpu_ns(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 * MS +
	       (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000ULL;
}

/* Who is bound to a CPU runs there, in its own time, and nowhere else. */
TEST_F_TIMEOUT(run, keeps_to_my_cpus, 60)
{
	struct goalloc_ioc_run arg = self->arg;
	__u64 before = own_cpu_ns();

	bind_to(0);
	ASSERT_EQ(run_for(self->fd, &arg, 1000), 0);
	EXPECT_EQ(arg.nr_cpus, 1);
	EXPECT_GT(own_cpu_ns() - before, 300 * MS);
	check_answer(_metadata, self->fd, &arg, self->before);
	arg = self->arg;
	arg.cpus[0] = 1;
	EXPECT_EQ(run(self->fd, &arg), 0);
	EXPECT_EQ(arg.nr_cpus, 1);
	arg = self->arg;
	arg.cpus[0] = 2;
	EXPECT_EQ(run(self->fd, &arg), -EINVAL);
	arg.cpus[0] = 3;
	EXPECT_EQ(run(self->fd, &arg), -EINVAL);
}

/* RLIMIT_CPU counts a process, so it runs alone, and is told when it ends. */
TEST_F_TIMEOUT(run, obeys_rlimit_cpu, 120)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct rlimit rl = { 1, 100 };
	long nr = sysconf(_SC_NPROCESSORS_ONLN);
	__u64 cpu;

	rl.rlim_cur += own_cpu_ns() / (1000 * MS);
	sigaction(SIGXCPU, &sa, NULL);
	ASSERT_EQ(setrlimit(RLIMIT_CPU, &rl), 0);
	self->arg.cpus[0] = nr > 1;
	EXPECT_EQ(run(self->fd, &self->arg), nr > 1 ? -EPERM : 0);
	self->arg.cpus[0] = 0;
	ASSERT_EQ(run_for(self->fd, &self->arg, 60000), 0);
	cpu = own_cpu_ns();
	EXPECT_EQ(self->arg.nr_cpus, 1);
	EXPECT_EQ(self->arg.status, GOALLOC_RUN_SIGNAL);
	EXPECT_LT(cpu, (rl.rlim_cur + 3) * 1000 * MS);
	EXPECT_LT(self->arg.elapsed_ns, 59000 * MS);
}

static int enter_cgroup(void)
{
	mkdir(CGROUP, 0755);
	if (mount("none", CGROUP, "cgroup2", 0, NULL) && errno != EBUSY)
		return -errno;
	write_file(CGROUP "/cgroup.subtree_control", "+cpu");
	mkdir(MINE, 0755);
	return write_file(MINE "/cgroup.procs", "0");
}

static void leave_cgroup(void)
{
	write_file(CGROUP "/cgroup.procs", "0");
	rmdir(MINE);
}

/* CPU time of the group, in ns; ~0 if nobody counts it. */
static __u64 group_cpu_ns(void)
{
	FILE *f = fopen(MINE "/cpu.stat", "r");
	unsigned long long us;
	char line[128];
	__u64 ns = ~0ULL;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "usage_usec %llu", &us) == 1)
			ns = us * 1000;
	if (f)
		fclose(f);
	return ns;
}

/* All threads of a run are the group's: what they take, and what they may. */
TEST_F_TIMEOUT(run, belongs_to_my_cgroup, 120)
{
	struct goalloc_ioc_run arg = self->arg;
	__u64 used, ns;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	if (enter_cgroup() || group_cpu_ns() == ~0ULL)
		SKIP(return, "no cgroup 2");
	used = group_cpu_ns();
	ASSERT_EQ(run_for(self->fd, &arg, 1000), 0);
	used = group_cpu_ns() - used;
	EXPECT_GE(arg.nr_cpus, 2);
	EXPECT_GT(used, arg.elapsed_ns * 5 / 4);
	check_answer(_metadata, self->fd, &arg, self->before);

	/* A twentieth of a CPU. */
	if (!write_file(MINE "/cpu.max", "5000 100000")) {
		arg = self->arg;
		used = group_cpu_ns();
		ns = now_ns();
		ASSERT_EQ(run_for(self->fd, &arg, 2000), 0);
		ns = now_ns() - ns;
		used = group_cpu_ns() - used;
		EXPECT_LT(used, ns / 4);
	}
	leave_cgroup();
}

/* A run of some of its CPUs is no time of the caller's, but of its group. */
TEST_F_TIMEOUT(run, on_one_of_my_cpus, 60)
{
	__u64 used;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	if (enter_cgroup() || group_cpu_ns() == ~0ULL)
		SKIP(return, "no cgroup 2");
	used = group_cpu_ns();
	self->arg.cpus[0] = 2;
	ASSERT_EQ(run_for(self->fd, &self->arg, 1000), 0);
	EXPECT_EQ(self->arg.nr_cpus, 1);
	EXPECT_GT(group_cpu_ns() - used, 300 * MS);
	check_answer(_metadata, self->fd, &self->arg, self->before);
	leave_cgroup();
}

#define REFUSED(change)							\
do {									\
	struct goalloc_ioc_run arg = self->arg;				\
									\
	change;								\
	EXPECT_EQ(run(self->fd, &arg), -EINVAL)				\
		TH_LOG("%s", #change);					\
} while (0)

TEST_F(run, refuses)
{
	REFUSED(arg.duration_ns = GOALLOC_RUN_MAX_NS + 1);
	REFUSED(arg.duration_ns = ~0ULL);
	REFUSED(arg.live = 0);
	REFUSED(arg.live = GOALLOC_RUN_MAX_LIVE + 1);
	REFUSED(arg.order = 3);
	REFUSED(arg.realloc_percent = 101);
	REFUSED(arg.remote_percent = 101);
	REFUSED(arg.flags = 4);
	REFUSED(arg.nr_sizes = 0);
	REFUSED(arg.nr_sizes = GOALLOC_RUN_SIZES + 1);
	REFUSED(arg.nr_sizes = 1);
	REFUSED(arg.nr_sizes = 3);
	REFUSED(arg.sizes[1].min = 0);
	REFUSED(arg.sizes[1].min = 1025);
	REFUSED(arg.sizes[1].max = MAX_SIZE + 1);
	REFUSED(arg.sizes[1].weight = 0);
	REFUSED(arg.sizes[1].weight = 65536);
	REFUSED(arg.sizes[0].flags = GOALLOC_ALLOC_NODE);
	REFUSED(arg.sizes[0].flags = 8);
	REFUSED(arg.cpus[15] = 1ULL << 63);
	EXPECT_EQ(run(self->fd, NULL), -EFAULT);
	EXPECT_EQ(live_objects(), self->before);
}

TEST_HARNESS_MAIN
