// SPDX-License-Identifier: GPL-2.0
/*
 * RUN: a workload, described by a process and executed in the kernel.
 *
 * A thread on each CPU that takes part goes over an array of slots, again and
 * again: an empty one gets an object, a full one is freed, or changed in size.
 * In which order it goes says who is freed when.  Objects that another CPU is
 * to free are left on a shelf, and what was there before is taken.
 *
 * All threads wait until all are there, so that they run together, and stop
 * when their operations are done, when the time is over, or when the caller
 * gets a signal; he waits interruptibly and gets what was counted until then.
 * Then the slots and the shelf are emptied, which is timed by nobody.
 *
 * Time is taken around single calls, which costs about as much as they do
 * (%GOALLOC_RUN_UNTIMED does without), and is put into buckets by powers of
 * two: memory is fixed, and a copy from thread to thread one addition.
 *
 * The worst case is charged to the account before the start: a run cannot
 * hold more than its file may.  One runs at a time, for two would measure each
 * other.
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "dev.h"

#define NR_SHELF	256

static DEFINE_MUTEX(one_at_a_time);

/**
 * struct run - a workload under way
 * @arg: what is asked for and answered
 * @weights: sum of the sizes' weights
 * @ready: threads that are not there yet
 * @go: they all are
 * @deadline: ktime_get_ns() when the time is over
 * @stop: no more operations
 * @running: threads that are not done yet
 * @done: they all are
 * @shelf: objects that others may free
 */
struct run {
	struct goalloc_ioc_run *arg;
	u32 weights;
	atomic_t ready;
	struct completion go;
	u64 deadline;
	bool stop;
	atomic_t running;
	struct completion done;
	void *shelf[NR_SHELF];
};

/**
 * struct worker - a thread of a run
 * @run: whose
 * @task: the thread
 * @rnd: what is random to it
 * @slot: its objects
 * @step: where it is in its order
 * @begin: when it began
 * @end: when it ended
 * @timed_out: it was the time that ended it
 * @mallocs: counted
 * @frees: counted
 * @reallocs: counted
 * @failures: counted
 * @bytes: asked for
 * @malloc_hist: how long that took
 * @free_hist: how long that took
 */
struct worker {
	struct run *run;
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

static u32 below(struct worker *w, u32 n)
{
	return (u64)prandom_u32_state(&w->rnd) * n >> 32;
}

static u64 now(const struct worker *w)
{
	return w->run->arg->flags & GOALLOC_RUN_UNTIMED ? 0 : ktime_get_ns();
}

static void count_time(struct worker *w, struct goalloc_run_hist *hist,
		       u64 since)
{
	u64 ns = now(w) - since;

	hist->count++;
	hist->total_ns += ns;
	hist->min_ns = min(hist->min_ns, ns);
	hist->max_ns = max(hist->max_ns, ns);
	hist->bucket[min_t(int, fls64(ns), GOALLOC_RUN_BUCKETS - 1)]++;
}

static const struct goalloc_run_size *choose_kind(struct worker *w)
{
	const struct goalloc_run_size *kind = w->run->arg->sizes;
	u32 n = below(w, w->run->weights);

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
	since = now(w);
	p = flags & GOALLOC_ALLOC_NOSCAN ? gomalloc_noscan(size, gfp) :
					   gomalloc(size, gfp);
	count_time(w, &w->malloc_hist, since);
	return p;
}

static void fill_slot(struct worker *w, void **slot)
{
	const struct goalloc_run_size *kind = choose_kind(w);
	size_t size = kind->min + below(w, kind->max - kind->min + 1);
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

	if (below(w, 100) < w->run->arg->remote_percent)
		p = xchg(&w->run->shelf[below(w, NR_SHELF)], p);
	if (!p)
		return;
	since = now(w);
	gofree(p);
	count_time(w, &w->free_hist, since);
	w->frees++;
}

static void resize_slot(struct worker *w, void **slot)
{
	const struct goalloc_run_size *kind = choose_kind(w);
	size_t size = kind->min + below(w, kind->max - kind->min + 1);
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
		return &w->slot[below(w, arg->live)];
	pass = div_u64_rem(w->step++, arg->live, &i);
	if (arg->order == GOALLOC_RUN_LIFO && pass % 2)
		i = arg->live - 1 - i;
	return &w->slot[i];
}

static void operate(struct worker *w)
{
	void **slot = next_slot(w);

	if (!*slot) {
		fill_slot(w, slot);
	} else if (below(w, 100) < w->run->arg->realloc_percent) {
		resize_slot(w, slot);
	} else {
		timed_free(w, *slot);
		*slot = NULL;
	}
}

/* Every so often: is it over? */
static bool over(struct worker *w)
{
	cond_resched();
	if (READ_ONCE(w->run->stop))
		return true;
	w->timed_out = ktime_get_ns() >= w->run->deadline;
	return w->timed_out;
}

static void operate_until_over(struct worker *w)
{
	u64 n, count = w->run->arg->count ?: U64_MAX;

	w->begin = ktime_get_ns();
	for (n = 0; n < count; n++) {
		if (!(n % 64) && over(w))
			break;
		operate(w);
	}
	w->end = ktime_get_ns();
}

static void empty(struct worker *w)
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

static int worker_fn(void *data)
{
	struct worker *w = data;
	struct run *run = w->run;

	if (atomic_dec_and_test(&run->ready)) {
		run->deadline = ktime_get_ns() + run->arg->duration_ns;
		complete_all(&run->go);
	}
	wait_for_completion(&run->go);
	operate_until_over(w);
	empty(w);
	if (atomic_dec_and_test(&run->running))
		complete(&run->done);
	/* Whoever made us fetches us: nothing of ours runs after that. */
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

static int check_sizes(struct goalloc_ioc_run *arg, u32 *weights)
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

static int check_arg(struct goalloc_ioc_run *arg)
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

/* Which CPUs: a bit each, in the order of their numbers. */
static int choose_cpus(const struct goalloc_ioc_run *arg, struct cpumask *cpus)
{
	bool any = memchr_inv(arg->cpus, 0, sizeof(arg->cpus));
	unsigned int cpu;

	cpumask_clear(cpus);
	if (!any) {
		cpumask_copy(cpus, cpu_online_mask);
		return 0;
	}
	for (cpu = 0; cpu < GOALLOC_RUN_CPUS; cpu++) {
		if (!(arg->cpus[cpu / 64] & 1ULL << cpu % 64))
			continue;
		if (cpu >= nr_cpu_ids || !cpu_online(cpu))
			return -EINVAL;
		cpumask_set_cpu(cpu, cpus);
	}
	return 0;
}

/* What a run may hold at most: bytes, of so many objects. */
static u64 worst_case(const struct goalloc_ioc_run *arg, u64 objects)
{
	u32 i, largest = 0;

	for (i = 0; i < arg->nr_sizes; i++)
		largest = max(largest, arg->sizes[i].max);
	return objects * gomalloc_size_roundup(largest);
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

/* Until the first time is counted there is no shortest one. */
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

/* All threads are done: add them up. */
static void answer(struct goalloc_ioc_run *arg, struct worker *w, u32 n)
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

static int make_worker(struct run *run, struct worker *w, unsigned int cpu)
{
	const struct goalloc_ioc_run *arg = run->arg;

	w->run = run;
	prandom_seed_state(&w->rnd, arg->seed + cpu * 0x9e3779b97f4a7c15ULL);
	begin_hists(&w->malloc_hist, &w->free_hist);
	w->slot = kvcalloc(arg->live, sizeof(*w->slot), GFP_KERNEL_ACCOUNT);
	if (!w->slot)
		return -ENOMEM;
	w->task = kthread_create_on_node(worker_fn, w, cpu_to_node(cpu),
					 "gorun/%u", cpu);
	if (IS_ERR(w->task)) {
		kvfree(w->slot);
		return PTR_ERR(w->task);
	}
	kthread_bind(w->task, cpu);
	return 0;
}

/* A thread that has never been woken does nothing but end. */
static void unmake_workers(struct worker *w, u32 n)
{
	for (; n--; w++) {
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
		err = make_worker(run, w + n, cpu);
		if (err) {
			unmake_workers(w, n);
			return err;
		}
		n++;
	}
	return 0;
}

static void start_and_wait(struct run *run, struct worker *w, u32 n)
{
	u32 i;

	atomic_set(&run->ready, n);
	atomic_set(&run->running, n);
	init_completion(&run->go);
	init_completion(&run->done);
	for (i = 0; i < n; i++)
		wake_up_process(w[i].task);
	if (!wait_for_completion_interruptible(&run->done))
		return;
	run->arg->status = GOALLOC_RUN_SIGNAL;
	WRITE_ONCE(run->stop, true);
	wait_for_completion(&run->done);
}

static long execute(struct run *run, const struct cpumask *cpus)
{
	u32 n = cpumask_weight(cpus);
	struct worker *w;
	long err;

	w = kvcalloc(n, sizeof(*w), GFP_KERNEL_ACCOUNT);
	if (!w)
		return -ENOMEM;
	err = make_workers(run, w, cpus);
	if (!err) {
		start_and_wait(run, w, n);
		answer(run->arg, w, n);
		empty_shelf(run);
		unmake_workers(w, n);
	}
	kvfree(w);
	return err;
}

/* The answer's fields say nothing before there is one. */
static void clear_answer(struct goalloc_ioc_run *arg)
{
	memset((void *)arg + offsetof(struct goalloc_ioc_run, status), 0,
	       sizeof(*arg) - offsetof(struct goalloc_ioc_run, status));
}

static long charge_and_execute(struct godev_file *f, struct run *run)
{
	u64 objects, bytes;
	cpumask_var_t cpus;
	long err;

	if (!alloc_cpumask_var(&cpus, GFP_KERNEL))
		return -ENOMEM;
	err = choose_cpus(run->arg, cpus);
	if (err)
		goto out;
	objects = (u64)run->arg->live * cpumask_weight(cpus) + NR_SHELF;
	/* Who changes an object's size has the old and the new for a moment. */
	if (run->arg->realloc_percent)
		objects += cpumask_weight(cpus);
	bytes = worst_case(run->arg, objects);
	err = godev_charge(f, objects, bytes);
	if (err)
		goto out;
	err = execute(run, cpus);
	godev_uncharge(f, objects, bytes);
out:
	free_cpumask_var(cpus);
	return err;
}

/**
 * godev_run - GOALLOC_IOC_RUN
 * @call: the call
 *
 * Context: task, may sleep, for as long as the workload says.
 * Return: 0, also when a signal or the time ended it; -EINVAL for what makes no
 * sense or a CPU that is not online, -EDQUOT, -EBUSY while another runs,
 * -ENOMEM, -EINTR.
 */
long godev_run(const struct godev_call *call)
{
	struct goalloc_ioc_run *arg;
	struct run *run;
	long err;

	run = kzalloc(sizeof(*run) + sizeof(*arg), GFP_KERNEL);
	if (!run)
		return -ENOMEM;
	arg = (void *)(run + 1);
	run->arg = arg;
	err = godev_get(call, arg, sizeof(*arg), GOALLOC_RUN_SIZE_VER0) ?:
	      check_arg(arg) ?: check_sizes(arg, &run->weights);
	if (err)
		goto out;
	clear_answer(arg);
	err = godev_put(call, arg, sizeof(*arg));
	if (err)
		goto out;
	err = -EBUSY;
	if (!mutex_trylock(&one_at_a_time))
		goto out;
	err = charge_and_execute(call->f, run);
	mutex_unlock(&one_at_a_time);
	if (!err)
		err = godev_put(call, arg, sizeof(*arg));
out:
	kfree(run);
	return err;
}
