/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * switch.json: which network namespace the switch runs in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/device.h"
#include "loader/netns.h"
#include "loader/state.h"

static int own_cookie(__u64 *cookie, struct sluice_error *error)
{
	int result = netns_cookie(-1, cookie);

	if (result)
		return sluice_error_set(error, result, "cannot tell which network namespace this is: %s",
					strerror(-result));
	return 0;
}

int state_write_netns(const struct sluice *sw, struct sluice_error *error)
{
	__u64 cookie;
	json_t *object;
	char *text;
	int result;

	result = own_cookie(&cookie, error);
	if (result)
		return result;
	object = json_pack("{s:s, s:s, s:I}", "name", sw->name, "netns", sw->netns, "netnsCookie",
			   (json_int_t)cookie);
	text = json_dumps(object, JSON_INDENT(1));
	json_decref(object);
	if (!text)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	result = state_write(sw, "switch.json", text, strlen(text), error);
	free(text);
	return result;
}

static int read_netns(const struct sluice *sw, char name[64], __u64 *cookie,
		      struct sluice_error *error)
{
	const char *netns;
	json_int_t number;
	json_t *object;
	char *text;
	int result;

	result = state_read(sw, "switch.json", &text, NULL, error);
	if (result)
		return result;
	object = json_loads(text, 0, NULL);
	free(text);
	if (json_unpack(object, "{s:s, s:I}", "netns", &netns, "netnsCookie", &number)) {
		result = sluice_error_set(error, -EINVAL, "%s/switch.json is damaged", sw->state);
	} else {
		snprintf(name, 64, "%s", netns);
		*cookie = (__u64)number;
	}
	json_decref(object);
	return result;
}

int state_check_netns(struct sluice *sw, bool *gone, struct sluice_error *error)
{
	__u64 cookie = 0, own = 0;
	char name[64];
	int there, result;

	result = read_netns(sw, name, &cookie, error);
	/* A half of a switch may not have come so far. */
	if (gone && (result == -ENOENT || result == -EINVAL)) {
		*gone = true;
		return 0;
	}
	if (result == -ENOENT)
		return sluice_error_set(error, -ENOTCONN, "switch %s is not up", sw->name);
	result = result ?: own_cookie(&own, error);
	if (result)
		return result;
	if (cookie == own) {
		if (gone)
			*gone = false;
		snprintf(sw->netns, sizeof(sw->netns), "%s", name);
		return 0;
	}
	if (gone) {
		there = netns_by_cookie(cookie);
		if (there < 0) {
			*gone = true;
			return 0;
		}
		close(there);
	}
	if (*name)
		return sluice_error_set(error, -EINVAL,
					"switch %s runs in network namespace %s: say 'sluice -n %s ...'",
					sw->name, name, name);
	return sluice_error_set(error, -EINVAL,
				"switch %s runs in another network namespace than this: enter it "
				"first, or name another switch with --switch", sw->name);
}
