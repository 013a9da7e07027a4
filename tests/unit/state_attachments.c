/* SPDX-License-Identifier: BSD-2-Clause */
/* Which device a port gets, what is taken over from the version before, and the record of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <net/if_arp.h>

#include "loader/attach.h"
#include "loader/state.h"

/* By name, as devices_read() gives them. */
static struct device host[] = {
	{ .ifindex = 9, .name = "eth0", .type = ARPHRD_ETHER, .link_nsid = -1 },
	{ .ifindex = 5, .name = "tap0", .kind = "tun", .type = ARPHRD_ETHER, .link_nsid = -1 },
	{ .ifindex = 6, .name = "tun0", .kind = "tun", .type = ARPHRD_NONE, .link_nsid = -1 },
	{ .ifindex = 3, .name = "vhere", .kind = "veth", .type = ARPHRD_ETHER, .link = 4, .link_nsid = -1 },
	{ .ifindex = 2, .name = "vout", .kind = "veth", .type = ARPHRD_ETHER, .link = 2, .link_nsid = 0 },
};
static const struct devices devices = { host, sizeof(host) / sizeof(host[0]) };
static const struct attachments none;

static struct sluice_port ports[2];
static struct sluice_uplink uplinks[1];
static struct sluice_config config = { .ports = ports, .uplinks = uplinks };

static void set_port(size_t i, char *name, char *device, enum sluice_hook hook)
{
	ports[i] = (struct sluice_port){ .name = name, .device = device, .hook = hook };
	config.port_count = i + 1;
	config.uplink_count = 0;
}

static struct attachments resolve(const struct attachments *running)
{
	struct attachments resolved;
	struct sluice_error error = {};

	if (attachments_resolve(&config, &devices, running, false, &resolved, &error))
		fail_msg("%s", error.message);
	return resolved;
}

static int refused(const struct attachments *running, bool tolerate, struct sluice_error *error)
{
	struct attachments resolved = {};
	int result =
		attachments_resolve(&config, &devices, running, tolerate, &resolved, error);

	attachments_free(&resolved);
	return result;
}

static void a_veth_and_a_tap_go_by_tc_unless_told_otherwise(void **state)
{
	struct attachments resolved;

	(void)state;
	set_port(0, "a", "vout", SLUICE_HOOK_AUTO);
	set_port(1, "b", "tap0", SLUICE_HOOK_XDP);
	resolved = resolve(&none);
	assert_int_equal(resolved.count, 2);
	assert_int_equal(resolved.list[0].ifindex, 2);
	assert_int_equal(resolved.list[0].placement.delivery, DELIVERY_TC);
	assert_int_equal(resolved.list[0].hook, ATTACH_NONE);
	assert_int_equal(resolved.list[1].placement.delivery, DELIVERY_XDP);
	assert_false(resolved.list[1].placement.redirect_peer);
	attachments_free(&resolved);
}

static void only_a_veth_into_another_namespace_is_redirected_to_its_peer(void **state)
{
	struct attachments resolved;

	(void)state;
	set_port(0, "a", "vout", SLUICE_HOOK_AUTO);
	set_port(1, "b", "vhere", SLUICE_HOOK_AUTO);
	resolved = resolve(&none);
	assert_true(resolved.list[0].placement.redirect_peer);
	assert_false(resolved.list[1].placement.redirect_peer);
	attachments_free(&resolved);
}

static void a_missing_device_is_refused_by_name(void **state)
{
	struct sluice_error error;

	(void)state;
	set_port(0, "a", "nosuch", SLUICE_HOOK_AUTO);
	assert_int_equal(refused(&none, false, &error), -ENODEV);
	assert_non_null(strstr(error.message, "port a: there is no device nosuch"));
	set_port(0, "a", "nosuchns/eth0", SLUICE_HOOK_AUTO);
	assert_int_equal(refused(&none, false, &error), -ENODEV);
	assert_non_null(strstr(error.message, "no network namespace nosuchns"));
}

static void a_vanished_device_of_a_running_port_does_not_stop_other_changes(void **state)
{
	struct attachment old = { .owner = "a", .device = "gone", .ifname = "gone", .ifindex = 77 };
	struct attachments running = { &old, 1 }, resolved;
	struct sluice_error error;

	(void)state;
	set_port(0, "a", "gone", SLUICE_HOOK_AUTO);
	resolved = resolve(&running);
	assert_int_equal(resolved.list[0].ifindex, 0);
	assert_int_equal(resolved.list[0].placement.ifindex, 0);
	attachments_free(&resolved);
	set_port(0, "other", "gone", SLUICE_HOOK_AUTO);
	assert_int_equal(refused(&running, false, &error), -ENODEV);
	assert_int_equal(refused(&running, true, &error), 0);
}

static void a_device_without_ethernet_is_refused(void **state)
{
	struct sluice_error error;

	(void)state;
	set_port(0, "a", "tun0", SLUICE_HOOK_AUTO);
	assert_int_equal(refused(&none, false, &error), -EINVAL);
	assert_non_null(strstr(error.message, "tun0 is no Ethernet device"));
}

static void two_owners_of_one_device_are_refused(void **state)
{
	struct sluice_error error;

	(void)state;
	set_port(0, "a", "eth0", SLUICE_HOOK_AUTO);
	uplinks[0] = (struct sluice_uplink){ .device = "eth0" };
	config.uplink_count = 1;
	assert_int_equal(refused(&none, false, &error), -EINVAL);
	assert_non_null(strstr(error.message, "both on device eth0"));
}

static struct attachment attached(const char *owner, const char *ifname, __u32 ifindex,
				  enum sluice_hook wanted, enum attach_hook hook)
{
	struct attachment made = { .ifindex = ifindex, .wanted = wanted, .hook = hook };

	strcpy(made.owner, owner);
	strcpy(made.device, ifname);
	strcpy(made.ifname, ifname);
	return made;
}

static void a_program_stays_when_its_port_is_renamed(void **state)
{
	struct attachment old = attached("a", "vout", 2, SLUICE_HOOK_AUTO, ATTACH_TCX);
	struct attachments running = { &old, 1 }, resolved;

	(void)state;
	set_port(0, "b", "vout", SLUICE_HOOK_TC);
	resolved = resolve(&running);
	assert_int_equal(resolved.list[0].hook, ATTACH_TCX);
	assert_ptr_equal(attachments_match(&running, &resolved.list[0]), &old);
	attachments_free(&resolved);
}

static void another_hook_is_attached_anew(void **state)
{
	struct attachment old = attached("a", "vout", 2, SLUICE_HOOK_AUTO, ATTACH_TCX);
	struct attachments running = { &old, 1 }, resolved;

	(void)state;
	set_port(0, "a", "vout", SLUICE_HOOK_XDP);
	resolved = resolve(&running);
	assert_int_equal(resolved.list[0].hook, ATTACH_NONE);
	assert_null(attachments_match(&running, &resolved.list[0]));
	attachments_free(&resolved);
}

static void another_device_with_a_known_ifindex_is_attached_anew(void **state)
{
	struct attachment old = attached("a", "before", 2, SLUICE_HOOK_AUTO, ATTACH_TCX);
	struct attachments running = { &old, 1 }, resolved;

	(void)state;
	set_port(0, "a", "vout", SLUICE_HOOK_AUTO);
	resolved = resolve(&running);
	assert_int_equal(resolved.list[0].hook, ATTACH_NONE);
	attachments_free(&resolved);
}

static void the_record_reads_back_as_it_was_written(void **state)
{
	struct sluice sw = { .state = "/tmp/sluice-record-XXXXXX" };
	struct attachment one = attached("vm1", "tap0", 5, SLUICE_HOOK_XDP, ATTACH_XDP);
	struct attachments written = { &one, 1 }, read;

	(void)state;
	one.placement = (struct placement){ .ifindex = 5,
					    .delivery = DELIVERY_XDP,
					    .redirect_peer = true,
					    .why = "because \"quoted\"",
					    .second = 6 };
	one.program = 17;
	one.prepared = true;
	one.change[0] = (struct feature_change){ 4026532246ULL, 2, FEATURE_TX_CHECKSUM, false, true };
	one.change_count = 1;
	assert_non_null(mkdtemp(sw.state));
	assert_int_equal(attachments_read(&sw, &read, NULL), 0);
	assert_int_equal(read.count, 0);
	attachments_free(&read);
	assert_int_equal(attachments_write(&sw, &written, NULL), 0);
	assert_int_equal(attachments_read(&sw, &read, NULL), 0);
	assert_int_equal(read.count, 1);
	assert_string_equal(read.list[0].owner, "vm1");
	assert_string_equal(read.list[0].ifname, "tap0");
	assert_int_equal(read.list[0].ifindex, 5);
	assert_int_equal(read.list[0].hook, ATTACH_XDP);
	assert_int_equal(read.list[0].program, 17);
	assert_true(read.list[0].prepared);
	assert_true(read.list[0].placement.redirect_peer);
	assert_string_equal(read.list[0].placement.why, "because \"quoted\"");
	assert_int_equal(read.list[0].change_count, 1);
	assert_int_equal(read.list[0].change[0].netns, 4026532246ULL);
	assert_int_equal(read.list[0].change[0].feature, FEATURE_TX_CHECKSUM);
	assert_false(read.list[0].change[0].on);
	assert_true(read.list[0].change[0].was);
	attachments_free(&read);
	remove_tree(sw.state, NULL);
}

static void a_damaged_record_is_refused(void **state)
{
	static const char *const texts[] = { "", "[", "{}", "[1]", "[{\"owner\": \"a\"}]" };
	struct sluice sw = { .state = "/tmp/sluice-record-XXXXXX" };
	struct attachments read = {};
	struct sluice_error error;

	(void)state;
	assert_non_null(mkdtemp(sw.state));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(state_write(&sw, "attachments.json", texts[i], strlen(texts[i]),
					     NULL), 0);
		assert_int_equal(attachments_read(&sw, &read, &error), -EINVAL);
	}
	assert_null(read.list);
	remove_tree(sw.state, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_veth_and_a_tap_go_by_tc_unless_told_otherwise),
		cmocka_unit_test(only_a_veth_into_another_namespace_is_redirected_to_its_peer),
		cmocka_unit_test(a_missing_device_is_refused_by_name),
		cmocka_unit_test(a_vanished_device_of_a_running_port_does_not_stop_other_changes),
		cmocka_unit_test(a_device_without_ethernet_is_refused),
		cmocka_unit_test(two_owners_of_one_device_are_refused),
		cmocka_unit_test(a_program_stays_when_its_port_is_renamed),
		cmocka_unit_test(another_hook_is_attached_anew),
		cmocka_unit_test(another_device_with_a_known_ifindex_is_attached_anew),
		cmocka_unit_test(the_record_reads_back_as_it_was_written),
		cmocka_unit_test(a_damaged_record_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
