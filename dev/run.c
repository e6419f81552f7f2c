// SPDX-License-Identifier: GPL-2.0
/*
 * RUN: a workload, described by a process and executed in the kernel.
 *
 * A benchmark that allocates with one ioctl for each object measures system
 * calls.  A benchmark as a module needs a module for each question.  So the
 * program describes the workload and the kernel executes it.
 *
 * One thread for each CPU that takes part goes over an array of slots, again
 * and again.  An empty slot gets an object; the object in a full one is freed,
 * or changed in size.  The order of the slots decides which objects are freed
 * when.  An object that another CPU is to free is put on a shelf in exchange
 * for what lay there, and that is freed instead.
 *
 * A run gets no CPU and no CPU time that the caller could not have used itself.
 * The caller is one of the threads, on whichever of its CPUs the scheduler gives
 * it.  For each other CPU there is a kernel thread, which joins the cgroups of
 * the caller, so that cpu.max and cpuset bind it, and takes its niceness.  The
 * caller stays out only if it names some of its CPUs and not all: it cannot be
 * bound to one of them for a while, since somebody else may change its affinity
 * meanwhile.  RLIMIT_CPU counts the time of a process, which kernel threads are
 * no part of.  A process that has this limit runs alone, until it is used up.  So
 * does a caller of SCHED_IDLE, which a module can give to no thread; a caller of
 * any other policy has at least what its threads of SCHED_NORMAL have.
 * vhost_task_create() would make real threads of the process, but came with 6.4,
 * and only kernels with vhost have it.
 *
 * The threads wait until all have started, so that they run together.  They
 * stop when their operations are done, when the time is over, or when the
 * caller gets a signal; it gets what was counted until then.  Then the slots and
 * the shelf are emptied, which is not timed.  A thread may be kept off its CPU by
 * a real-time task, and would keep the caller waiting, whom not even SIGKILL could
 * end.  So threads finish on the caller's CPU, where it runs.  That does not help
 * on PREEMPT_RT, where a killed caller was seen to wait for that task: a thread
 * may be held where it cannot be moved.
 *
 * Times are taken around single calls, which costs about as much as they do;
 * %GOALLOC_RUN_UNTIMED does without.  They are counted in buckets by powers of
 * two.  A list of all times would allow exact percentiles and would grow with
 * the run; buckets have a fixed size, and adding up the threads is simple.
 *
 * The worst case is charged to the account before the start, so that a run
 * cannot hold more than its file may, and the workload itself does not pay for
 * accounting.  Only one run is executed at a time: two would measure each
 * other.
 */

#include <linux/cgroup.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "dev.h"

/* Objects that wait for another CPU to free them. */
#define NR_SHELF	256

static DEFINE_MUTEX(run_lock);

/**
 * struct run - a workload under way
 * @arg: the request and the answer
 * @caller: the task that called
 * @own: the caller is one of the threads
 * @alone: the caller runs alone, as kernel threads would get more than it may
 * @cpu_limit: CPU time of the caller at which RLIMIT_CPU is used up
 * @err: why a thread could not take part
 * @weights: sum of the sizes' weights
 * @unready: threads that have not started yet
 * @go: completed when all threads have started
 * @deadline: ktime_get_ns() when the time is over
 * @stop: threads begin no more operations
 * @running: threads that have not finished yet
 * @done: completed when all threads have finished
 * @shelf: objects that any thread may free
 */
struct run {
	struct goalloc_ioc_run *arg;
	struct task_struct *caller;
	bool own;
	bool alone;
	u64 cpu_limit;
	int err;
	u32 weights;
	atomic_t unready;
	struct completion go;
	u64 deadline;
	bool stop;
	atomic_t running;
	struct completion done;
	void *shelf[NR_SHELF];
};

/**
 * struct worker - a thread of a run
 * @run: the workload that it takes part in
 * @cpu: the CPU for which it takes part
 * @task: the thread; NULL for the caller
 * @rnd: state of its random numbers
 * @slot: its objects
 * @step: its position in the order of slots
 * @begin: when it started to operate, by ktime_get_ns()
 * @end: when it stopped
 * @timed_out: it stopped because the time was over
 * @mallocs: objects allocated
 * @frees: objects freed
 * @reallocs: objects changed in size
 * @failures: calls that returned NULL
 * @bytes: bytes asked for
 * @malloc_hist: how long allocations took
 * @free_hist: how long frees took
 */
struct worker {
	struct run *run;
	unsigned int cpu;
	struct task_struct *task;
	struct rnd_state rnd;
	void **slot;
	u64 step;
	u64 begin;
	u64 end;
	bool timed_out;
	u64 mallocs;
	u64 frees;
	u64 reallocs;
	u64 failures;
	u64 bytes;
	struct goalloc_run_hist malloc_hist;
	struct goalloc_run_hist free_hist;
};

/* A random number from 0 to @n - 1. */
static u32 random_below(struct worker *w, u32 n)
{
	return (u64)prandom_u32_state(&w->rnd) * n >> 32;
}

static u64 read_run_clock(const struct worker *w)
{
	return w->run->arg->flags & GOALLOC_RUN_UNTIMED ? 0 : ktime_get_ns();
}

static void record_time(struct worker *w, struct goalloc_run_hist *hist,
			u64 since)
{
	u64 ns = read_run_clock(w) - since;

	hist->count++;
	hist->total_ns += ns;
	hist->min_ns = min(hist->min_ns, ns);
	hist->max_ns = max(hist->max_ns, ns);
	hist->bucket[min_t(int, fls64(ns), GOALLOC_RUN_BUCKETS - 1)]++;
}

static const struct goalloc_run_size *choose_kind(struct worker *w)
{
	const struct goalloc_run_size *kind = w->run->arg->sizes;
	u32 n = random_below(w, w->run->weights);

	while (n >= kind->weight)
		n -= kind++->weight;
	return kind;
}

static void *timed_alloc(struct worker *w, size_t size, u32 flags)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY;
	u64 since;
	void *p;

	if (flags & GOALLOC_ALLOC_ZERO)
		gfp |= __GFP_ZERO;
	since = read_run_clock(w);
	p = flags & GOALLOC_ALLOC_NOSCAN ? gomalloc_noscan(size, gfp) :
					   gomalloc(size, gfp);
	record_time(w, &w->malloc_hist, since);
	return p;
}

static void fill_slot(struct worker *w, void **slot)
{
	const struct goalloc_run_size *kind = choose_kind(w);
	size_t size = kind->min + random_below(w, kind->max - kind->min + 1);
	void *p = timed_alloc(w, size, kind->flags);

	if (!p) {
		w->failures++;
		return;
	}
	if (w->run->arg->flags & GOALLOC_RUN_TOUCH)
		memset(p, 0x60, size);
	w->mallocs++;
	w->bytes += size;
	*slot = p;
}

static void timed_free(struct worker *w, void *p)
{
	u64 since;

	if (random_below(w, 100) < w->run->arg->remote_percent)
		p = xchg(&w->run->shelf[random_below(w, NR_SHELF)], p);
	if (!p)
		return;
	since = read_run_clock(w);
	gofree(p);
	record_time(w, &w->free_hist, since);
	w->frees++;
}

static void resize_slot(struct worker *w, void **slot)
{
	const struct goalloc_run_size *kind = choose_kind(w);
	size_t size = kind->min + random_below(w, kind->max - kind->min + 1);
	void *p = gorealloc(*slot, size,
			    GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);

	if (!p) {
		w->failures++;
		return;
	}
	*slot = p;
	w->reallocs++;
	w->bytes += size;
}

static void **next_slot(struct worker *w)
{
	const struct goalloc_ioc_run *arg = w->run->arg;
	u32 i, pass;

	if (arg->order == GOALLOC_RUN_RANDOM)
		return &w->slot[random_below(w, arg->live)];
	pass = div_u64_rem(w->step++, arg->live, &i);
	if (arg->order == GOALLOC_RUN_LIFO && pass % 2)
		i = arg->live - 1 - i;
	return &w->slot[i];
}

static void operate_on_slot(struct worker *w)
{
	void **slot = next_slot(w);

	if (!*slot) {
		fill_slot(w, slot);
	} else if (random_below(w, 100) < w->run->arg->realloc_percent) {
		resize_slot(w, slot);
	} else {
		timed_free(w, *slot);
		*slot = NULL;
	}
}

static void stop_run(struct run *run)
{
	run->arg->status = GOALLOC_RUN_SIGNAL;
	WRITE_ONCE(run->stop, true);
}

/*
 * The kernel counts a limit of CPU time as used up in the tick, but sends the
 * signal when the task leaves for user space.
 */
static bool is_caller_over(const struct run *run)
{
	return signal_pending(current) ||
	       current->se.sum_exec_runtime >= run->cpu_limit;
}

/* Asked every 64 operations, since reading the clock costs as much as one. */
static bool is_run_over(struct worker *w)
{
	cond_resched();
	if (!w->task && is_caller_over(w->run))
		stop_run(w->run);
	if (READ_ONCE(w->run->stop))
		return true;
	w->timed_out = ktime_get_ns() >= w->run->deadline;
	return w->timed_out;
}

static void run_operations(struct worker *w)
{
	u64 n, count = w->run->arg->count ?: U64_MAX;

	w->begin = ktime_get_ns();
	for (n = 0; n < count; n++) {
		if (!(n % 64) && is_run_over(w))
			break;
		operate_on_slot(w);
	}
	w->end = ktime_get_ns();
}

static void empty_slots(struct worker *w)
{
	u32 i;

	for (i = 0; i < w->run->arg->live; i++) {
		if (!(i % 1024))
			cond_resched();
		if (!w->slot[i])
			continue;
		gofree(w->slot[i]);
		w->frees++;
	}
}

/* Tell that one more thread is ready.  The last one lets all of them go. */
static void get_ready(struct run *run)
{
	if (!atomic_dec_and_test(&run->unready))
		return;
	run->deadline = ktime_get_ns() + run->arg->duration_ns;
	complete_all(&run->go);
}

static void take_part(struct worker *w)
{
	run_operations(w);
	empty_slots(w);
	if (atomic_dec_and_test(&w->run->running))
		complete(&w->run->done);
}

/* Take no more than the caller could: its cgroups, its niceness, its CPU. */
static int join_caller(struct worker *w)
{
	struct task_struct *caller = w->run->caller;

	if (cgroup_attach_task_all(caller, current))
		return -EPERM;
	set_user_nice(current, task_nice(caller));
	/* Last, since joining a cpuset allows all of its CPUs. */
	return set_cpus_allowed_ptr(current, cpumask_of(w->cpu));
}

static int run_worker(void *data)
{
	struct worker *w = data;
	struct run *run = w->run;
	int err = join_caller(w);

	if (err) {
		WRITE_ONCE(run->err, err);
		WRITE_ONCE(run->stop, true);
	}
	get_ready(run);
	wait_for_completion(&run->go);
	take_part(w);
	/* Wait for kthread_stop(), so that no thread outlives the module. */
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

/* The caller's own part.  It need not wait for the others to be ready. */
static void run_caller(struct worker *w)
{
	get_ready(w->run);
	if (wait_for_completion_interruptible(&w->run->go))
		stop_run(w->run);
	take_part(w);
}

static int check_run_sizes(struct goalloc_ioc_run *arg, u32 *weights)
{
	const u32 flags = GOALLOC_ALLOC_ZERO | GOALLOC_ALLOC_NOSCAN;
	const struct goalloc_run_size *kind;
	u32 i;

	if (!arg->nr_sizes || arg->nr_sizes > GOALLOC_RUN_SIZES)
		return -EINVAL;
	*weights = 0;
	for (i = 0; i < GOALLOC_RUN_SIZES; i++) {
		kind = &arg->sizes[i];
		if (i >= arg->nr_sizes) {
			if (memchr_inv(kind, 0, sizeof(*kind)))
				return -EINVAL;
			continue;
		}
		if (!kind->min || kind->min > kind->max ||
		    kind->max > GOALLOC_MAX_SIZE || !kind->weight ||
		    kind->weight > USHRT_MAX || kind->flags & ~flags)
			return -EINVAL;
		*weights += kind->weight;
	}
	return 0;
}

static int check_run_arg(struct goalloc_ioc_run *arg)
{
	if (arg->flags & ~GOALLOC_RUN_FLAGS ||
	    arg->duration_ns > GOALLOC_RUN_MAX_NS ||
	    !arg->live || arg->live > GOALLOC_RUN_MAX_LIVE ||
	    arg->order > GOALLOC_RUN_LIFO ||
	    arg->realloc_percent > 100 || arg->remote_percent > 100)
		return -EINVAL;
	if (!arg->duration_ns)
		arg->duration_ns = GOALLOC_RUN_MAX_NS;
	return 0;
}

/* CPU time of this process without this task, in ns. */
static u64 read_others_time(void)
{
	struct task_struct *t;
	u64 ns;

	rcu_read_lock();
	ns = current->signal->sum_sched_runtime;
	for_each_thread(current, t)
		if (t != current)
			ns += READ_ONCE(t->se.sum_exec_runtime);
	rcu_read_unlock();
	return ns;
}

/* How much CPU time the caller may have used when the run ends. */
static u64 find_cpu_limit(void)
{
	unsigned long seconds = rlimit(RLIMIT_CPU);
	u64 others;

	if (seconds >= div_u64(U64_MAX, NSEC_PER_SEC))
		return U64_MAX;
	others = read_others_time();
	return max((u64)seconds * NSEC_PER_SEC, others) - others;
}

/* The CPUs whose bits are set in the request.  All must be among @allowed. */
static int read_run_cpus(const struct goalloc_ioc_run *arg,
			 const struct cpumask *allowed, struct cpumask *cpus)
{
	unsigned int cpu;

	cpumask_clear(cpus);
	for (cpu = 0; cpu < GOALLOC_RUN_CPUS; cpu++) {
		if (!(arg->cpus[cpu / 64] & 1ULL << cpu % 64))
			continue;
		if (cpu >= nr_cpu_ids || !cpumask_test_cpu(cpu, allowed))
			return -EINVAL;
		cpumask_set_cpu(cpu, cpus);
	}
	return 0;
}

/* The CPUs that are online and that the caller may use, or those it names. */
static int choose_run_cpus(struct run *run, struct cpumask *allowed,
			   struct cpumask *cpus)
{
	bool any = memchr_inv(run->arg->cpus, 0, sizeof(run->arg->cpus));
	int err = 0;

	cpumask_and(allowed, cpu_online_mask, &current->cpus_mask);
	if (any)
		err = read_run_cpus(run->arg, allowed, cpus);
	else
		cpumask_copy(cpus, allowed);
	if (err)
		return err;
	run->own = cpumask_equal(cpus, allowed);
	run->cpu_limit = find_cpu_limit();
	/* Nobody would count the time of kernel threads. */
	run->alone = run->cpu_limit != U64_MAX || current->policy == SCHED_IDLE;
	if (!run->alone)
		return 0;
	if (!run->own)
		return -EPERM;
	cpumask_copy(cpus, cpumask_of(cpumask_first(cpus)));
	return 0;
}

/* The most bytes that so many objects can have, with a slot for each. */
static u64 worst_case_bytes(const struct goalloc_ioc_run *arg, u64 objects)
{
	u32 i, largest = 0;

	for (i = 0; i < arg->nr_sizes; i++)
		largest = max(largest, arg->sizes[i].max);
	return objects * (gomalloc_size_roundup(largest) + sizeof(void *));
}

static void add_hist(struct goalloc_run_hist *sum,
		     const struct goalloc_run_hist *hist)
{
	u32 i;

	sum->count += hist->count;
	sum->total_ns += hist->total_ns;
	sum->min_ns = min(sum->min_ns, hist->min_ns);
	sum->max_ns = max(sum->max_ns, hist->max_ns);
	for (i = 0; i < GOALLOC_RUN_BUCKETS; i++)
		sum->bucket[i] += hist->bucket[i];
}

/* A minimum starts above all times, so that the first one replaces it. */
static void begin_hists(struct goalloc_run_hist *a, struct goalloc_run_hist *b)
{
	a->min_ns = U64_MAX;
	b->min_ns = U64_MAX;
}

static void end_hist(struct goalloc_ioc_run *arg, struct goalloc_run_hist *hist)
{
	if (!hist->count || arg->flags & GOALLOC_RUN_UNTIMED)
		memset(hist, 0, sizeof(*hist));
}

/* Add up what the threads have counted.  All of them have finished. */
static void sum_up_workers(struct goalloc_ioc_run *arg, struct worker *w, u32 n)
{
	u64 begin = U64_MAX, end = 0;
	u32 i;

	begin_hists(&arg->malloc_hist, &arg->free_hist);
	for (i = 0; i < n; i++, w++) {
		begin = min(begin, w->begin);
		end = max(end, w->end);
		arg->mallocs += w->mallocs;
		arg->frees += w->frees;
		arg->reallocs += w->reallocs;
		arg->failures += w->failures;
		arg->bytes += w->bytes;
		add_hist(&arg->malloc_hist, &w->malloc_hist);
		add_hist(&arg->free_hist, &w->free_hist);
		if (w->timed_out && arg->status == GOALLOC_RUN_COMPLETE)
			arg->status = GOALLOC_RUN_TIME;
	}
	end_hist(arg, &arg->malloc_hist);
	end_hist(arg, &arg->free_hist);
	arg->elapsed_ns = end - begin;
	arg->nr_cpus = n;
}

static void empty_shelf(struct run *run)
{
	u32 i;

	for (i = 0; i < NR_SHELF; i++) {
		if (!run->shelf[i])
			continue;
		gofree(run->shelf[i]);
		run->arg->frees++;
	}
}

static int make_worker(struct run *run, struct worker *w, unsigned int cpu,
		       bool is_caller)
{
	const struct goalloc_ioc_run *arg = run->arg;

	w->run = run;
	w->cpu = cpu;
	prandom_seed_state(&w->rnd, arg->seed + cpu * 0x9e3779b97f4a7c15ULL);
	begin_hists(&w->malloc_hist, &w->free_hist);
	w->slot = kvcalloc(arg->live, sizeof(*w->slot), GFP_KERNEL_ACCOUNT);
	if (!w->slot)
		return -ENOMEM;
	if (is_caller)
		return 0;
	w->task = kthread_create_on_node(run_worker, w, cpu_to_node(cpu),
					 "gorun/%u", cpu);
	if (IS_ERR(w->task)) {
		kvfree(w->slot);
		return PTR_ERR(w->task);
	}
	return 0;
}

/* Have a thread go on where the caller is, whatever keeps it off its CPU. */
static void bring_here(struct worker *w)
{
	if (w->task)
		set_cpus_allowed_ptr(w->task,
				     cpumask_of(raw_smp_processor_id()));
}

/* A thread that was never woken ends without a call of run_worker(). */
static void unmake_workers(struct worker *w, u32 n)
{
	for (; n--; w++) {
		bring_here(w);
		if (w->task)
			kthread_stop(w->task);
		kvfree(w->slot);
	}
}

static int make_workers(struct run *run, struct worker *w,
			const struct cpumask *cpus)
{
	unsigned int cpu;
	u32 n = 0;
	int err;

	for_each_cpu(cpu, cpus) {
		err = make_worker(run, w + n, cpu, run->own && !n);
		if (err) {
			unmake_workers(w, n);
			return err;
		}
		n++;
	}
	return 0;
}

static void run_workers(struct run *run, struct worker *w, u32 n)
{
	u32 i;

	atomic_set(&run->unready, n);
	atomic_set(&run->running, n);
	init_completion(&run->go);
	init_completion(&run->done);
	for (i = run->own; i < n; i++)
		wake_up_process(w[i].task);
	if (run->own)
		run_caller(w);
	if (!wait_for_completion_interruptible(&run->done))
		return;
	stop_run(run);
	/* Again and again, as one may just be on its way to its own CPU. */
	do {
		for (i = 0; i < n; i++)
			bring_here(w + i);
	} while (!wait_for_completion_timeout(&run->done, HZ / 10));
}

static long run_on_cpus(struct run *run, const struct cpumask *cpus)
{
	u32 n = cpumask_weight(cpus);
	struct worker *w;
	long err;

	w = kvcalloc(n, sizeof(*w), GFP_KERNEL_ACCOUNT);
	if (!w)
		return -ENOMEM;
	err = make_workers(run, w, cpus);
	if (!err) {
		run_workers(run, w, n);
		sum_up_workers(run->arg, w, n);
		empty_shelf(run);
		unmake_workers(w, n);
		err = run->err;
	}
	kvfree(w);
	return err;
}

/* Clear the fields that only answer, which are the last ones. */
static void clear_run_answer(struct goalloc_ioc_run *arg)
{
	memset((void *)arg + offsetof(struct goalloc_ioc_run, status), 0,
	       sizeof(*arg) - offsetof(struct goalloc_ioc_run, status));
}

static long charge_and_run(struct godev_file *f, struct run *run,
			   const struct cpumask *cpus)
{
	u64 objects, bytes;
	long err;

	objects = (u64)run->arg->live * cpumask_weight(cpus) + NR_SHELF;
	/* A gorealloc() that moves an object has two for a moment. */
	if (run->arg->realloc_percent)
		objects += cpumask_weight(cpus);
	bytes = worst_case_bytes(run->arg, objects);
	err = godev_charge(f, objects, bytes);
	if (err)
		return err;
	err = run_on_cpus(run, cpus);
	godev_uncharge(f, objects, bytes);
	return err;
}

static long choose_and_run(struct godev_file *f, struct run *run)
{
	cpumask_var_t allowed, cpus;
	long err = -ENOMEM;

	if (!alloc_cpumask_var(&allowed, GFP_KERNEL))
		return err;
	if (alloc_cpumask_var(&cpus, GFP_KERNEL)) {
		err = choose_run_cpus(run, allowed, cpus) ?:
		      charge_and_run(f, run, cpus);
		free_cpumask_var(cpus);
	}
	free_cpumask_var(allowed);
	return err;
}

/**
 * godev_run - GOALLOC_IOC_RUN
 * @call: the call
 *
 * Context: task, may sleep for as long as the workload takes.
 * Return: 0, also when a signal or the time ended the run; -EINVAL for a
 * request that makes no sense or names a CPU that is not online or not the
 * caller's; -EPERM if that needs kernel threads and the caller may have none;
 * -EBUSY during another run; -EDQUOT, -ENOMEM, -EINTR.
 */
long godev_run(const struct godev_call *call)
{
	struct goalloc_ioc_run *arg;
	struct run *run;
	long err;

	run = kzalloc(sizeof(*run) + sizeof(*arg), GFP_KERNEL_ACCOUNT);
	if (!run)
		return -ENOMEM;
	arg = (void *)(run + 1);
	run->arg = arg;
	run->caller = current;
	err = godev_get(call, arg, sizeof(*arg), GOALLOC_RUN_SIZE_VER0) ?:
	      check_run_arg(arg) ?: check_run_sizes(arg, &run->weights);
	if (err)
		goto out;
	clear_run_answer(arg);
	err = godev_put(call, arg, sizeof(*arg));
	if (err)
		goto out;
	err = -EBUSY;
	if (!mutex_trylock(&run_lock))
		goto out;
	err = choose_and_run(call->f, run);
	mutex_unlock(&run_lock);
	if (!err)
		err = godev_put(call, arg, sizeof(*arg));
out:
	kfree(run);
	return err;
}
