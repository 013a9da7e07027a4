/* SPDX-License-Identifier: BSD-2-Clause */
/* Remotes: in the document, in what an edit does to it, and as they lie in the tables. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "maps/tunnel.h"
#include "tests/harness/compile_bench.h"
#include "tests/harness/document.h"
#include "tests/harness/walk.h"

#define LINES (1U << 16)

#define DOCUMENT(local, remote, port)                                               \
	"apiVersion: sluice/v1\n"                                                   \
	"switch: {name: sw0}\n"                                                     \
	"uplinks:\n"                                                                \
	"  - {device: eth0}\n"                                                      \
	"tunnel: {local: " local port "}\n"                                         \
	"remotes:\n"                                                                \
	"  - {name: host2, address: " remote "}\n"                                  \
	"vnets:\n"                                                                  \
	"  - name: blue\n"                                                          \
	"    vni: 5001\n"                                                           \
	"    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n"                            \
	"    subnets:\n"                                                            \
	"      - {name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"]}\n"       \
	"    addresses:\n"                                                          \
	"      - {address: 10.1.1.9, mac: \"02:00:00:00:01:09\", remote: host2}\n"  \
	"      - {address: 10.1.2.9, mac: \"02:00:00:00:02:09\", remote: host2}\n"  \
	"      - {address: \"fd00:1:0:1::9\", mac: \"02:00:00:00:01:09\", remote: host2}\n" \
	"ports:\n"                                                                  \
	"  - name: vm1\n"                                                           \
	"    device: tap1\n"                                                        \
	"    vnet: blue\n"                                                          \
	"    subnet: web\n"                                                         \
	"    mac: \"02:00:00:00:00:04\"\n"                                          \
	"    addresses: [10.1.1.4]\n"

static const char document[] = DOCUMENT("192.0.2.1", "192.0.2.2", "");

static char *text_of(const struct sluice_config *config)
{
	char *text;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	assert_non_null(stream);
	assert_int_equal(sluice_config_write(config, stream, NULL), 0);
	fclose(stream);
	return text;
}

static void a_document_with_remotes_is_written_as_it_was_read(void **state)
{
	struct sluice_config *config = bench_read(document);
	char *text = text_of(config);

	(void)state;
	assert_string_equal(text, document);
	free(text);
	sluice_config_free(config);
}

static void an_address_has_one_spelling(void **state)
{
	const char *const mac[] = { "02:00:00:00:01:0a" }, *const remote[] = { "host2" };
	const struct sluice_setting settings[] = { { "mac", mac, 1 }, { "remote", remote, 1 } };
	struct sluice_config *config = bench_read(document);
	struct sluice_error error;

	(void)state;
	assert_int_equal(sluice_config_add(config, SLUICE_VNET_ADDRESS, "blue", "FD00:1:0:1:0::A",
					   settings, 2, NULL, &error), 0);
	assert_string_equal(config->vnets[0].addresses[3].address, "fd00:1:0:1::a");
	assert_int_equal(sluice_config_add(config, SLUICE_VNET_ADDRESS, "blue", "fd00:1:0:1:0::a",
					   settings, 2, NULL, &error), -EEXIST);
	assert_int_equal(sluice_config_delete(config, SLUICE_VNET_ADDRESS, "blue",
					      "fd00:1:0:1:0:0::a", &error), 0);
	assert_int_equal(config->vnets[0].address_count, 3);
	sluice_config_free(config);
}

static void what_changes_about_tunnels_is_told(void **state)
{
	static const char *const expected[] = { "tunnel", "remote", "vnet address" };
	const char *const port[] = { "4790" }, *const address[] = { "192.0.2.3" };
	const struct sluice_setting settings[] = { { "port", port, 1 }, { "address", address, 1 } };
	struct sluice_config *from = bench_read(document), *to = bench_read(document);
	struct sluice_error error;
	json_t *changes;

	(void)state;
	assert_int_equal(sluice_config_update(to, SLUICE_TUNNEL, NULL, NULL, &settings[0], 1,
					      &error), 0);
	assert_int_equal(sluice_config_update(to, SLUICE_REMOTE, NULL, "host2", &settings[1], 1,
					      &error), 0);
	assert_int_equal(sluice_config_delete(to, SLUICE_VNET_ADDRESS, "blue", "10.1.2.9", &error),
			 0);
	changes = sluice_config_diff(from, to);
	assert_int_equal(json_array_size(changes), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(json_string_value(json_object_get(json_array_get(changes, i),
								      "kind")), expected[i]);
	json_decref(changes);
	sluice_config_free(from);
	sluice_config_free(to);
}

/* The port at the end that an address is reached by, and the MAC. */
static const struct port *end_of(const struct bench *bench, const char *text, __u8 *last)
{
	const struct vnet *vnet = (const void *)&bench->lines[bench_port(bench, "vm1")->vnet];
	const struct remote_address *found;
	struct ip_address address;
	__u32 target;

	assert_int_equal(sluice_address_parse(text, &address), 0);
	target = walk_endpoint(bench->lines, vnet, &address);
	assert_int_equal(target >> ENDPOINT_KIND_SHIFT, ENDPOINT_REMOTE);
	target &= ENDPOINT_VALUE_MASK;
	found = &((const struct remote_addresses *)&bench->lines[vnet->remotes])
			 [target / REMOTE_ADDRESSES_PER_LINE]
				 .address[target % REMOTE_ADDRESSES_PER_LINE];
	*last = found->mac[5] + found->mac[4];
	return (const void *)&bench->lines[bench->root->ports + found->slot];
}

static void each_subnet_has_its_end_and_each_address_its_mac(void **state)
{
	const struct port *near, *near6, *far;
	struct bench bench;
	__u8 mac;

	(void)state;
	bench_open(&bench, bench_read(document), LINES);
	assert_int_equal(bench_compile(&bench, NULL), 0);
	near = end_of(&bench, "10.1.1.9", &mac);
	assert_int_equal(near->mtu, SLUICE_MTU_ANY);
	assert_int_equal(mac, 0x0a);
	near6 = end_of(&bench, "fd00:1:0:1::9", &mac);
	assert_int_equal(mac, 0x0a);
	far = end_of(&bench, "10.1.2.9", &mac);
	assert_int_equal(mac, 0x0b);
	assert_ptr_equal(near, near6);
	assert_ptr_not_equal(near, far);
	assert_int_equal(near->slot, ids_find(bench.slots, "remote/host2/blue/web"));
	assert_int_equal(far->slot, ids_find(bench.slots, "remote/host2/blue"));
	assert_int_equal(near->subnet, bench_port(&bench, "vm1")->subnet);
	assert_int_equal(far->subnet, 0);
	assert_int_equal(near->vnet, bench_port(&bench, "vm1")->vnet);
	assert_int_equal(near->vni, 5001);
	assert_int_equal(near->delivery, DELIVERY_TUNNEL);
	assert_int_equal(near->flags,
			 PORT_IN_USE | PORT_MAY_SPOOF | PORT_KEEP_NSG_IN | PORT_KEEP_NSG_OUT);
	assert_int_equal(near->nic_nsg[DIRECTION_INBOUND], 0);
	bench_close(&bench);
}

static void same_headers(const char *text, const __u8 *expected, size_t length)
{
	const struct tunnel *tunnel;
	struct bench bench;
	__u8 mac;

	bench_open(&bench, bench_read(text), LINES);
	assert_int_equal(bench_compile(&bench, NULL), 0);
	tunnel = (const void *)&bench.lines[end_of(&bench, "10.1.1.9", &mac)->tunnel];
	assert_int_equal(tunnel->length, length);
	assert_int_equal(tunnel->remote, 1);
	assert_memory_equal(tunnel->headers, expected, length);
	bench_close(&bench);
}

static void headers_over_ipv4_are_laid_to_the_byte(void **state)
{
	static const __u8 expected[] = {
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0xb6, 0xe9, 192, 0, 2, 1, 192, 0, 2, 2,
		0, 0, 0x12, 0xb5, 0, 0, 0, 0, 0x08, 0, 0, 0, 0, 0x13, 0x89, 0,
	};

	(void)state;
	same_headers(document, expected, sizeof(expected));
}

static void headers_over_ipv6_are_laid_to_the_byte(void **state)
{
	static const __u8 expected[] = {
		0x60, 0, 0, 0, 0, 0, 17, 64,
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		0, 0, 0x12, 0xb6, 0, 0, 0, 0, 0x08, 0, 0, 0, 0, 0x13, 0x89, 0,
	};

	(void)state;
	same_headers(DOCUMENT("\"2001:db8::1\"", "\"2001:db8::2\"", ", port: 4790"), expected,
		     sizeof(expected));
}

static void the_way_in_knows_remotes_and_vnis(void **state)
{
	const struct tunnel_entry *entry;
	struct ip_address remote, stranger;
	struct vnet remotes;
	struct root vnis;
	struct bench bench;

	(void)state;
	bench_open(&bench, bench_read(document), LINES);
	assert_int_equal(bench_compile(&bench, NULL), 0);
	entry = (const void *)&bench.lines[bench.root->tunnels];
	assert_int_equal(entry->port, htons(4789));
	remotes = (struct vnet){ .endpoints = entry->remotes,
				 .endpoint_mask = entry->remote_mask,
				 .endpoint_seed = entry->remote_seed };
	sluice_address_parse("192.0.2.2", &remote);
	sluice_address_parse("192.0.2.3", &stranger);
	assert_int_equal(walk_endpoint(bench.lines, &remotes, &remote),
			 ENDPOINT_REMOTE << ENDPOINT_KIND_SHIFT | 1);
	assert_int_equal(walk_endpoint(bench.lines, &remotes, &stranger), 0);
	/* A vnet stands where a device's slot would. */
	vnis = (struct root){ .devices = entry->vnis, .device_mask = entry->vni_mask };
	assert_int_equal(walk_device(bench.lines, &vnis, 5001),
			 bench_port(&bench, "vm1")->vnet & 0xffff);
	assert_int_equal(walk_device(bench.lines, &vnis, 5002), 0);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_with_remotes_is_written_as_it_was_read),
		cmocka_unit_test(an_address_has_one_spelling),
		cmocka_unit_test(what_changes_about_tunnels_is_told),
		cmocka_unit_test(each_subnet_has_its_end_and_each_address_its_mac),
		cmocka_unit_test(headers_over_ipv4_are_laid_to_the_byte),
		cmocka_unit_test(headers_over_ipv6_are_laid_to_the_byte),
		cmocka_unit_test(the_way_in_knows_remotes_and_vnis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
