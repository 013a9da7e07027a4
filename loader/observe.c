// SPDX-License-Identifier: BSD-2-Clause
/*
 * Events as they happen (maps/event.h).
 *
 * The ring has one reader's position, so one observer at a time: a lock on the switch's pin
 * directory, which dies with its holder. Programs write only while observe_until lies ahead; it
 * is pushed forward by a little at a time, so a killed observer costs nothing.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "loader/switch.h"

#define OBSERVE_AHEAD_NS 2000000000ULL
#define POLL_MS          200

struct observation {
	sluice_event_visitor visit;
	void *context;
	__u64 since; /* older records are another observer's leftovers */
	int stopped; /* what visit returned */
};

static __u64 coarse_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int on_record(void *context, void *data, size_t size)
{
	struct observation *observation = context;
	struct event event;

	if (size < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	if (event.time < observation->since)
		return 0;
	observation->stopped = observation->visit(&event, observation->context);
	return observation->stopped ? -ECANCELED : 0;
}

/* Forgets what the CPUs left out for somebody before. */
static int clear_budgets(struct sluice *sw)
{
	int cpus = libbpf_num_possible_cpus();
	struct event_budget *budgets = cpus > 0 ? calloc(cpus, sizeof(*budgets)) : NULL;
	__u32 zero = 0;
	int err;

	if (!budgets)
		return -ENOMEM;
	err = bpf_map_update_elem(sw->map.event_budgets, &zero, budgets, BPF_ANY);
	free(budgets);
	return err;
}

/* What was left out after the last record, of all CPUs, as a record of no kind. */
static int tell_left_out(struct sluice *sw, struct observation *observation)
{
	int cpus = libbpf_num_possible_cpus();
	struct event_budget *budgets = cpus > 0 ? calloc(cpus, sizeof(*budgets)) : NULL;
	struct event event = { .time = coarse_now() };
	__u32 zero = 0;
	int err;

	if (!budgets)
		return -ENOMEM;
	err = bpf_map_lookup_elem(sw->map.event_budgets, &zero, budgets);
	for (int cpu = 0; cpu < cpus && !err; cpu++)
		event.left_out += budgets[cpu].left_out;
	free(budgets);
	if (!err && event.left_out)
		err = observation->visit(&event, observation->context);
	return err;
}

static int watch(struct sluice *sw, struct ring_buffer *ring, struct observation *observation,
		 bool (*stop)(void *context), struct sluice_error *error)
{
	while (!stop(observation->context)) {
		int got;

		__atomic_store_n(&sw->control->observe_until, coarse_now() + OBSERVE_AHEAD_NS,
				 __ATOMIC_RELEASE);
		got = ring_buffer__poll(ring, POLL_MS);
		if (observation->stopped)
			return observation->stopped;
		/* The maps of a switch that is taken off live on here, and say nothing more. */
		if (!__atomic_load_n(&sw->control->root, __ATOMIC_ACQUIRE))
			return sluice_error_set(error, -ENOTCONN, "switch %s was taken off",
						sw->name);
		if (got < 0 && got != -EINTR)
			return sluice_error_set(error, got, "events can not be read: %s",
						strerror(-got));
	}
	return 0;
}

int sluice_observe(struct sluice *sw, unsigned int per_second, sluice_event_visitor visit,
		   bool (*stop)(void *context), void *context, struct sluice_error *error)
{
	struct observation observation = { .visit = visit, .context = context };
	struct ring_buffer *ring;
	int lock, err;

	lock = open(sw->pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0) {
		err = -errno;
		return sluice_error_set(error, err, "%s can not be opened: %s", sw->pins,
					strerror(-err));
	}
	if (flock(lock, LOCK_EX | LOCK_NB)) {
		close(lock);
		return sluice_error_set(error, -EBUSY,
					"somebody else observes switch %s; there is one at a time",
					sw->name);
	}
	observation.since = coarse_now();
	ring = ring_buffer__new(sw->map.events, on_record, &observation, NULL);
	if (!ring) {
		err = -errno;
		close(lock);
		return sluice_error_set(error, err, "events can not be opened: %s", strerror(-err));
	}
	__atomic_store_n(&sw->control->observe_per_second, per_second, __ATOMIC_RELEASE);
	err = clear_budgets(sw);
	if (err)
		sluice_error_set(error, err, "events can not be counted: %s", strerror(-err));
	else
		err = watch(sw, ring, &observation, stop, error);
	__atomic_store_n(&sw->control->observe_until, 0, __ATOMIC_RELEASE);
	if (!err)
		err = tell_left_out(sw, &observation);
	ring_buffer__free(ring);
	close(lock);
	return err;
}
