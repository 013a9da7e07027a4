/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sharing a device with XDP programs that were loaded through libxdp: its dispatcher calls each in
 * turn, and is replaced as one when a program joins or leaves, so that no packet misses the others.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "loader/attach.h"
#include "loader/load.h"

#define UPLINK_PROGRAM "sluice_uplink_xdp"

static int say_nothing(enum libxdp_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static struct xdp_multiprog *dispatcher_get(__u32 ifindex)
{
	struct xdp_multiprog *programs;

	libxdp_set_print(say_nothing);
	programs = xdp_multiprog__get_from_ifindex((int)ifindex);
	if (libxdp_get_error(programs))
		return NULL;
	if (xdp_multiprog__is_legacy(programs)) {
		xdp_multiprog__close(programs);
		return NULL;
	}
	return programs;
}

bool dispatcher_there(__u32 ifindex)
{
	struct xdp_multiprog *programs = dispatcher_get(ifindex);

	if (!programs)
		return false;
	xdp_multiprog__close(programs);
	return true;
}

int dispatcher_attach(const struct sluice *sw, const char *ifname, __u32 ifindex, __u32 *program,
		      struct sluice_error *error)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, options, .prog_name = UPLINK_PROGRAM);
	struct xdp_multiprog *programs = dispatcher_get(ifindex);
	enum xdp_attach_mode mode = XDP_MODE_NATIVE;
	struct bpf_object *object;
	struct xdp_program *ours;
	int result;

	if (programs) {
		mode = xdp_multiprog__attach_mode(programs);
		xdp_multiprog__close(programs);
	}
	result = open_uplink_object(sw, &object, error);
	if (result)
		return result;
	options.obj = object;
	ours = xdp_program__create(&options);
	result = (int)libxdp_get_error(ours);
	if (result) {
		bpf_object__close(object);
		return sluice_error_set(error, result, "libxdp does not take the uplink program: %s",
					strerror(-result));
	}
	result = xdp_program__attach(ours, (int)ifindex, mode, 0);
	if (!result)
		*program = xdp_program__id(ours);
	xdp_program__close(ours);
	if (result)
		return sluice_error_set(error, result,
					"libxdp cannot add a program to the dispatcher on %s (%s): is "
					"the dispatcher object of package libxdp1 installed?", ifname,
					strerror(-result));
	return 0;
}

/* Our program among those of the dispatcher, by its id or, without one, by its name, of which the
 * kernel keeps fifteen letters. Belongs to programs. */
static struct xdp_program *find_program(struct xdp_multiprog *programs, __u32 id)
{
	struct xdp_program *at = NULL;

	while ((at = xdp_multiprog__next_prog(at, programs)))
		if (id ? xdp_program__id(at) == id :
			 !strncmp(xdp_program__name(at), UPLINK_PROGRAM, 15))
			return at;
	return NULL;
}

int dispatcher_detach(__u32 ifindex, __u32 program)
{
	struct xdp_multiprog *programs = dispatcher_get(ifindex);
	struct xdp_program *ours;
	int result = 0;

	if (!programs)
		return 0;
	ours = find_program(programs, program);
	if (ours)
		result = xdp_program__detach(ours, (int)ifindex,
					     xdp_multiprog__attach_mode(programs), 0);
	xdp_multiprog__close(programs);
	return result;
}

bool dispatcher_has(__u32 ifindex, __u32 program)
{
	struct xdp_multiprog *programs = dispatcher_get(ifindex);
	bool there;

	if (!programs)
		return false;
	there = find_program(programs, program) != NULL;
	xdp_multiprog__close(programs);
	return there;
}
