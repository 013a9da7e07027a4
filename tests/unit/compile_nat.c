/* SPDX-License-Identifier: BSD-2-Clause */
/* Translation in the tables: what each address leads to, what each port is seen as. */
#include <errno.h>
#include <string.h>

#include "maps/nat.h"
#include "tests/harness/compile_bench.h"
#include "tests/harness/walk.h"

#define LINES (1U << 17)

/* Two vnets with the same addresses. */
#define HEAD                                                                                  \
	"apiVersion: sluice/v1\nuplinks: [{device: eth0}]\nvnets:\n"                          \
	"  - {name: a, vni: 1, prefixes: [10.1.0.0/16, \"fd00::/48\"], subnets: ["            \
	"{name: s, prefixes: [10.1.0.0/24, \"fd00::/64\"]}, {name: t, prefixes: [10.1.1.0/24]}]}\n" \
	"  - {name: b, vni: 2, prefixes: [10.1.0.0/16], subnets: [{name: s, prefixes: [10.1.0.0/24]}]}\n" \
	"ports:\n"                                                                            \
	"  - {name: vm1, device: d1, vnet: a, subnet: s, mac: \"02:00:00:00:00:01\","         \
	" addresses: [10.1.0.4, \"fd00::4\"]}\n"                                              \
	"  - {name: vm2, device: d2, vnet: a, subnet: t, mac: \"02:00:00:00:00:02\","         \
	" addresses: [10.1.1.5]}\n"                                                           \
	"  - {name: vm3, device: d3, vnet: b, subnet: s, mac: \"02:00:00:00:00:03\","         \
	" addresses: [10.1.0.4]}\n"

static struct ip_address address_of(const char *text)
{
	struct ip_address address;

	assert_int_equal(sluice_address_parse(text, &address), 0);
	return address;
}

static void open_and_compile(struct bench *bench, const char *text)
{
	struct sluice_error error = { 0 };

	bench_open(bench, bench_read(text), LINES);
	if (bench_compile(bench, &error))
		fail_msg("%s", error.message);
}

static const void *at(const struct bench *bench, __u32 line)
{
	assert_int_not_equal(line, 0);
	return &bench->lines[line];
}

static const struct vnet *outside(const struct bench *bench)
{
	return at(bench, bench->root->outside);
}

static const struct vnet *vnet_of(const struct bench *bench, const char *port)
{
	return at(bench, bench_port(bench, port)->vnet);
}

/* What an address of a vnet leads to, or NULL. */
static const struct nat_address *translated(const struct bench *bench, const struct vnet *vnet,
					    const char *text)
{
	struct ip_address address = address_of(text);
	__u32 target = walk_endpoint(bench->lines, vnet, &address);

	return target >> ENDPOINT_KIND_SHIFT == ENDPOINT_TRANSLATED
		       ? at(bench, target & ENDPOINT_VALUE_MASK)
		       : NULL;
}

static const struct nat_service *service_of(const struct bench *bench,
					    const struct nat_address *address, __u16 port,
					    __u8 protocol)
{
	const struct nat_service_bucket *bucket =
		at(bench, address->services + (port & address->service_mask));

	for (int i = 0; i < NAT_SERVICES_PER_BUCKET; i++)
		if (bucket->service[i].kind && bucket->service[i].port == port &&
		    bucket->service[i].protocol == protocol)
			return &bucket->service[i];
	return NULL;
}

static void assert_address(const struct ip_address *address, const char *text)
{
	struct ip_address expected = address_of(text);

	assert_memory_equal(address, &expected, sizeof(expected));
}

static void without_translation_there_is_no_outside(void **state)
{
	struct bench bench;

	(void)state;
	open_and_compile(&bench, HEAD);
	assert_int_equal(bench.root->outside, 0);
	assert_int_equal(vnet_of(&bench, "vm1")->publics, 0);
	bench_close(&bench);
}

static void a_public_address_leads_to_its_port_and_back(void **state)
{
	const struct nat_address *address;
	const struct vnet *publics;
	struct bench bench;

	(void)state;
	open_and_compile(&bench, HEAD
			 "nat: [{name: n, type: public, address: 203.0.113.1, port: vm3},"
			 " {name: m, type: public, address: \"2001:db8::1\", port: vm1}]\n");
	assert_int_equal(outside(&bench)->vni, 0);
	address = translated(&bench, outside(&bench), "203.0.113.1");
	assert_non_null(address);
	assert_int_equal(address->slot, bench_port(&bench, "vm3")->slot);
	assert_address(&address->inner, "10.1.0.4");
	assert_int_equal(address->services, 0);
	/* vm1 has vm3's address, in another vnet. */
	publics = at(&bench, vnet_of(&bench, "vm3")->publics);
	assert_ptr_equal(translated(&bench, publics, "10.1.0.4"), address);
	publics = at(&bench, vnet_of(&bench, "vm1")->publics);
	assert_null(translated(&bench, publics, "10.1.0.4"));
	address = translated(&bench, publics, "fd00::4");
	assert_address(&address->address, "2001:db8::1");
	assert_null(translated(&bench, outside(&bench), "203.0.113.2"));
	bench_close(&bench);
}

static void a_gateway_serves_the_subnets_it_names(void **state)
{
	const struct nat_gateway *gateway;
	const struct nat_addresses *pool;
	const struct subnet *subnet;
	struct bench bench;

	(void)state;
	open_and_compile(&bench, HEAD
			 "nat: [{name: n, type: gateway, vnet: a, subnets: [s], ports: 2000-2999,"
			 " addresses: [203.0.113.1, \"2001:db8::1\", 203.0.113.2, 203.0.113.3,"
			 " 203.0.113.4, 203.0.113.5]}, {name: m, type: gateway, vnet: b,"
			 " addresses: [203.0.113.6]}]\n");
	subnet = at(&bench, bench_port(&bench, "vm1")->subnet);
	gateway = at(&bench, subnet->gateway_nat);
	assert_int_equal(gateway->port_low, 2000);
	assert_int_equal(gateway->port_high, 2999);
	assert_int_equal(gateway->address_count[0], 5);
	assert_int_equal(gateway->address_count[1], 1);
	pool = at(&bench, gateway->addresses[0]);
	assert_address(&pool[0].address[1], "203.0.113.2");
	assert_address(&pool[1].address[0], "203.0.113.5");
	pool = at(&bench, gateway->addresses[1]);
	assert_address(&pool[0].address[0], "2001:db8::1");
	/* Its addresses are known outside, and lead to nobody. */
	assert_int_equal(translated(&bench, outside(&bench), "203.0.113.5")->slot, 0);
	subnet = at(&bench, bench_port(&bench, "vm2")->subnet);
	assert_int_equal(subnet->gateway_nat, 0);
	subnet = at(&bench, bench_port(&bench, "vm3")->subnet);
	gateway = at(&bench, subnet->gateway_nat);
	assert_int_equal(gateway->port_low, 1024);
	assert_int_equal(gateway->port_high, 65535);
	assert_int_equal(gateway->address_count[1], 0);
	bench_close(&bench);
}

/* More forwards than a bucket holds, on numbers that would all meet in the smaller tables. */
static void every_forward_of_an_address_is_found(void **state)
{
	char text[8192];
	struct bench bench;
	size_t length;

	(void)state;
	length = (size_t)snprintf(text, sizeof(text), HEAD "nat:\n");
	for (int i = 1; i <= 20; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "  - {name: f%d, type: forward, address: 203.0.113.1, "
					   "protocol: %s, destinationPort: %d, to: \"vm2:%d\"}\n",
					   i, i & 1 ? "Tcp" : "Udp", i / 2 * 1024 + 22, 100 + i);
	open_and_compile(&bench, text);
	for (int i = 1; i <= 20; i++) {
		const struct nat_address *address =
			translated(&bench, outside(&bench), "203.0.113.1");
		const struct nat_service *service = service_of(
			&bench, address, (__u16)(i / 2 * 1024 + 22), i & 1 ? 6 : 17);
		const struct nat_target *target;

		assert_non_null(service);
		assert_int_equal(service->kind, NAT_SERVICE_FORWARD);
		target = at(&bench, service->line);
		assert_int_equal(target->slot, bench_port(&bench, "vm2")->slot);
		assert_int_equal(target->port, 100 + i);
		assert_address(&target->address, "10.1.1.5");
		assert_null(service_of(&bench, address, (__u16)(i / 2 * 1024 + 23), 6));
	}
	bench_close(&bench);
}

static void a_frontend_is_an_address_of_its_vnet_alone(void **state)
{
	const struct nat_address *address;
	const struct nat_balancer *balancer;
	const struct nat_service *service;
	const struct nat_target *target;
	struct bench bench;

	(void)state;
	open_and_compile(&bench, HEAD
			 "lbs: [{name: l, vnet: a, frontend: \"10.1.0.100:443\", protocol: Tcp,"
			 " backends: [vm1, vm2], backendPort: 8443, affinity: 2-tuple}]\n");
	assert_int_equal(bench.root->outside, 0);
	assert_null(translated(&bench, vnet_of(&bench, "vm3"), "10.1.0.100"));
	address = translated(&bench, vnet_of(&bench, "vm1"), "10.1.0.100");
	assert_non_null(address);
	assert_int_equal(address->slot, 0);
	service = service_of(&bench, address, 443, 6);
	assert_int_equal(service->kind, NAT_SERVICE_BALANCER);
	balancer = at(&bench, service->line);
	assert_int_equal(balancer->affinity, NAT_AFFINITY_2_TUPLE);
	assert_int_equal(balancer->target_count, 2);
	target = at(&bench, balancer->targets + 1);
	assert_int_equal(target->slot, bench_port(&bench, "vm2")->slot);
	assert_int_equal(target->port, 8443);
	bench_close(&bench);
}

static void a_frontend_that_is_a_gateways_is_refused(void **state)
{
	struct sluice_error error = { 0 };
	struct bench bench;

	(void)state;
	bench_open(&bench, bench_read(HEAD "lbs: [{name: l, vnet: a, frontend: \"10.1.0.1:443\", "
					   "protocol: Tcp}]\n"), LINES);
	assert_int_equal(bench_compile(&bench, &error), -EINVAL);
	assert_non_null(strstr(error.message, "the address 10.1.0.1 is taken twice"));
	bench_close(&bench);
}

/* --- balancers --- */

#define BACKENDS 10

static void draw_table(const char *const *backends, size_t count, const char **entry)
{
	char text[4096];
	struct bench bench;
	const struct nat_balancer *balancer;
	const struct nat_entries *entries;
	size_t length = (size_t)snprintf(text, sizeof(text), HEAD);

	for (int i = 0; i < BACKENDS; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "  - {name: be%d, device: e%d, vnet: a, subnet: s, "
					   "mac: \"02:00:00:00:01:%02d\", addresses: [10.1.0.%d]}\n",
					   i, i, i, 20 + i);
	length += (size_t)snprintf(text + length, sizeof(text) - length,
				   "lbs: [{name: l, vnet: a, frontend: \"10.1.0.100:443\", "
				   "protocol: Tcp, backends: [");
	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
					   i ? ", " : "", backends[i]);
	snprintf(text + length, sizeof(text) - length, "]}]\n");
	open_and_compile(&bench, text);
	balancer = at(&bench, service_of(&bench, translated(&bench, vnet_of(&bench, "vm1"),
							     "10.1.0.100"), 443, 6)->line);
	entries = at(&bench, balancer->entries);
	for (__u32 i = 0; i < NAT_BALANCER_ENTRIES; i++) {
		__u16 target = entries[i / NAT_ENTRIES_PER_LINE].target[i % NAT_ENTRIES_PER_LINE];

		assert_in_range(target, 0, count - 1);
		entry[i] = backends[target];
	}
	bench_close(&bench);
}

static void backends_share_evenly_and_one_that_leaves_moves_few_others(void **state)
{
	static const char *const all[BACKENDS] = { "be0", "be1", "be2", "be3", "be4",
						   "be5", "be6", "be7", "be8", "be9" };
	static const char *before[NAT_BALANCER_ENTRIES], *after[NAT_BALANCER_ENTRIES];
	const char *fewer[BACKENDS - 1];
	unsigned int moved = 0;

	(void)state;
	draw_table(all, BACKENDS, before);
	for (int i = 0; i < BACKENDS; i++) {
		unsigned int share = 0;

		for (__u32 j = 0; j < NAT_BALANCER_ENTRIES; j++)
			share += before[j] == all[i];
		assert_in_range(share, NAT_BALANCER_ENTRIES / BACKENDS,
				NAT_BALANCER_ENTRIES / BACKENDS + 1);
	}
	for (int i = 0, j = 0; i < BACKENDS; i++)
		if (i != 4)
			fewer[j++] = all[i];
	draw_table(fewer, BACKENDS - 1, after);
	for (__u32 j = 0; j < NAT_BALANCER_ENTRIES; j++)
		moved += before[j] != all[4] && strcmp(before[j], after[j]);
	print_message("of %u entries, %u moved that did not have to\n", NAT_BALANCER_ENTRIES, moved);
	assert_in_range(moved, 0, NAT_BALANCER_ENTRIES / 10);
}

static void a_balancer_without_backends_serves_nobody(void **state)
{
	const struct nat_balancer *balancer;
	struct bench bench;

	(void)state;
	open_and_compile(&bench, HEAD "lbs: [{name: l, vnet: a, frontend: \"[2001:db8::9]:53\", "
				      "protocol: Udp}]\n");
	balancer = at(&bench, service_of(&bench, translated(&bench, outside(&bench), "2001:db8::9"),
					 53, 17)->line);
	assert_int_equal(balancer->target_count, 0);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_translation_there_is_no_outside),
		cmocka_unit_test(a_public_address_leads_to_its_port_and_back),
		cmocka_unit_test(a_gateway_serves_the_subnets_it_names),
		cmocka_unit_test(every_forward_of_an_address_is_found),
		cmocka_unit_test(a_frontend_is_an_address_of_its_vnet_alone),
		cmocka_unit_test(a_frontend_that_is_a_gateways_is_refused),
		cmocka_unit_test(backends_share_evenly_and_one_that_leaves_moves_few_others),
		cmocka_unit_test(a_balancer_without_backends_serves_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
