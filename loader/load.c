/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object: loaded, pinned, opened again, replaced by a newer one.
 */
#include "loader/load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/sluice.skel.h"
#include "loader/state.h"

/* What libbpf complained of first, so that a failure can be told in one line. */
static __thread char complaint[200];

static int remember_complaint(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_WARN && !*complaint)
		vsnprintf(complaint, sizeof(complaint), format, arguments);
	return 0;
}

void libbpf_quiet(void)
{
	complaint[0] = '\0';
	libbpf_set_print(remember_complaint);
}

const char *libbpf_complaint(void)
{
	complaint[strcspn(complaint, "\n")] = '\0';
	return complaint;
}

static int open_object(struct sluice_bpf **object, struct sluice_error *error)
{
	libbpf_quiet();
	*object = sluice_bpf__open();
	if (!*object)
		return sluice_error_set(error, -errno, "cannot read the built-in programs: %s",
					strerror(errno));
	return 0;
}

static int load_object(struct sluice_bpf *object, struct sluice_error *error)
{
	int result = sluice_bpf__load(object);

	if (result)
		return sluice_error_set(error, result,
					"the kernel does not take the programs: %s (%s)",
					strerror(-result), libbpf_complaint());
	return 0;
}

/* A descriptor of our own, that outlives the object. */
static int keep(int fd, int *kept)
{
	*kept = dup(fd);
	return *kept < 0 ? -errno : 0;
}

static int keep_programs(const struct sluice_bpf *object, struct sluice *sw)
{
	int result = 0;

#define X(name) result = result ?: keep(bpf_program__fd(object->progs.name), &sw->program.name);
	SWITCH_PROGRAMS(X)
#undef X
	return result;
}

static int keep_maps(const struct sluice_bpf *object, struct sluice *sw)
{
	int result = 0;

#define X(name) result = result ?: keep(bpf_map__fd(object->maps.name), &sw->map.name);
	SWITCH_MAPS(X)
#undef X
	return result;
}

static int pin(const struct sluice *sw, const char *name, int fd)
{
	char path[STATE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", sw->pins, name);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

static int pin_all(const struct sluice *sw, struct sluice_error *error)
{
	int result = 0;

#define X(name) result = result ?: pin(sw, #name, sw->map.name);
	SWITCH_MAPS(X)
#undef X
#define X(name) result = result ?: pin(sw, #name, sw->program.name);
	SWITCH_PROGRAMS(X)
#undef X
	if (result)
		return sluice_error_set(error, result, "cannot pin to %s: %s", sw->pins,
					strerror(-result));
	return 0;
}

/* A flow table that does not fit into memory is the one failure of loading that a document can mend. */
static int explain_memory(int result, unsigned int flows, struct sluice_error *error)
{
	if (result != -ENOMEM)
		return result;
	return sluice_error_set(error, result,
				"the kernel has no memory for the switch's tables; the flow table "
				"for %u flows takes %llu MiB of it: give switch.flows a lower number",
				flows, (unsigned long long)flow_buckets_for(flows) *
					       FLOWS_PER_BUCKET * FLOW_BYTES >> 20);
}

static int size_flows(struct sluice_bpf *object, __u32 buckets, struct sluice_error *error)
{
	int result = bpf_map__set_max_entries(object->maps.flows, buckets) ?:
		     bpf_map__set_max_entries(object->maps.flow_details, buckets) ?:
		     bpf_map__set_max_entries(object->maps.flow_tags, buckets);

	if (result)
		return sluice_error_set(error, result, "cannot size the flow table: %s",
					strerror(-result));
	return 0;
}

int switch_load(struct sluice *sw, unsigned int flows, struct sluice_error *error)
{
	struct sluice_bpf *object;
	int result;

	result = open_object(&object, error);
	if (result)
		return result;
	result = size_flows(object, flow_buckets_for(flows), error);
	if (!result)
		result = explain_memory(load_object(object, error), flows, error);
	if (!result) {
		result = keep_maps(object, sw) ?: keep_programs(object, sw);
		if (result)
			sluice_error_set(error, result, "cannot keep what was loaded: %s",
					 strerror(-result));
	}
	sluice_bpf__destroy(object);
	return result ?: pin_all(sw, error);
}

static int open_pin(const struct sluice *sw, const char *name, int *fd, struct sluice_error *error)
{
	char path[STATE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", sw->pins, name);
	*fd = bpf_obj_get(path);
	if (*fd >= 0)
		return 0;
	if (errno == ENOENT)
		return sluice_error_set(error, -ENOTCONN, "switch %s is not up", sw->name);
	return sluice_error_set(error, -errno, "cannot open %s: %s", path, strerror(errno));
}

int switch_open_pins(struct sluice *sw, struct sluice_error *error)
{
	int result = 0;

	libbpf_quiet();
#define X(name) result = result ?: open_pin(sw, #name, &sw->map.name, error);
	SWITCH_MAPS(X)
#undef X
#define X(name) result = result ?: open_pin(sw, #name, &sw->program.name, error);
	SWITCH_PROGRAMS(X)
#undef X
	return result;
}

int switch_start_sweep(struct sluice *sw, struct sluice_error *error)
{
	unsigned char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame));

	__atomic_add_fetch(&sw->control->sweep_generation, 1, __ATOMIC_RELEASE);
	if (bpf_prog_test_run_opts(sw->program.sluice_start, &options))
		return sluice_error_set(error, -errno, "cannot start the sweep of old flows: %s",
					strerror(errno));
	if (options.retval)
		return sluice_error_set(error, -EIO,
					"cannot start the sweep of old flows: the timer answered %d",
					(int)options.retval);
	return 0;
}

/* --- replacing the programs ------------------------------------------------------------------ */

/* Whether the running map is what the new programs expect. */
static int same_shape(const struct bpf_map *map, const char *name, int fd,
		      struct sluice_error *error)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return sluice_error_set(error, -errno, "cannot look at map %s: %s", name,
					strerror(errno));
	if (info.type != (__u32)bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.max_entries != bpf_map__max_entries(map))
		return sluice_error_set(error, -ENOTSUP,
					"map %s of the running switch is not shaped as this version's "
					"programs need it: use 'sluice export', 'down', 'up -f'", name);
	return 0;
}

static int adopt_map(struct bpf_map *map, const char *name, int fd, struct sluice_error *error)
{
	int result = same_shape(map, name, fd, error);

	if (result)
		return result;
	result = bpf_map__reuse_fd(map, fd);
	if (result)
		return sluice_error_set(error, result, "cannot take over map %s: %s", name,
					strerror(-result));
	return 0;
}

static int adopt_maps(struct sluice_bpf *object, const struct sluice *sw,
		      struct sluice_error *error)
{
	int result = size_flows(object, sw->flow_buckets, error);

#define X(name) result = result ?: adopt_map(object->maps.name, #name, sw->map.name, error);
	SWITCH_MAPS(X)
#undef X
	return result;
}

int load_over_maps(const struct sluice *sw, struct sluice *newer, struct sluice_error *error)
{
	struct sluice_bpf *object;
	int result;

	result = open_object(&object, error);
	if (result)
		return result;
	result = adopt_maps(object, sw, error) ?: load_object(object, error);
	if (!result) {
		result = keep_programs(object, newer);
		if (result)
			sluice_error_set(error, result, "cannot keep what was loaded: %s",
					 strerror(-result));
	}
	sluice_bpf__destroy(object);
	return result;
}

/* Puts a program in the place of its predecessor's pin, which is never missing in between. */
static int replace_pin(const struct sluice *sw, const char *name, int fd)
{
	char path[STATE_PATH_MAX], temporary[STATE_PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/%s", sw->pins, name);
	snprintf(temporary, sizeof(temporary), "%s_next", path);
	if (unlink(temporary) && errno != ENOENT)
		return -errno;
	if (bpf_obj_pin(fd, temporary))
		return -errno;
	return rename(temporary, path) ? -errno : 0;
}

int replace_program_pins(const struct sluice *sw, struct sluice_error *error)
{
	int result = 0;

#define X(name) result = result ?: replace_pin(sw, #name, sw->program.name);
	SWITCH_PROGRAMS(X)
#undef X
	if (result)
		return sluice_error_set(error, result, "cannot pin the new programs: %s",
					strerror(-result));
	return 0;
}

int open_uplink_object(const struct sluice *sw, struct bpf_object **object,
		       struct sluice_error *error)
{
	struct bpf_program *program;
	struct sluice_bpf *opened;
	int result;

	result = open_object(&opened, error);
	if (result)
		return result;
	result = adopt_maps(opened, sw, error);
	if (result) {
		sluice_bpf__destroy(opened);
		return result;
	}
	bpf_object__for_each_program(program, opened->obj)
		bpf_program__set_autoload(program, program == opened->progs.sluice_uplink_xdp);
	/* The caller frees the object itself; the rest of the skeleton is only names for its parts. */
	*object = opened->obj;
	return 0;
}
