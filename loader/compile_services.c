/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The services of a translated address: forwards and balancers, in buckets by port.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/compile_nat.h"

static int lay_forward(struct compiler *compiler, const struct sluice_nat *nat, __u32 *line)
{
	struct nat_target *target;

	*line = compiler_take(compiler, 1);
	if (!*line)
		return -ENOSPC;
	target = tables_line(compiler->tables, *line);
	target->port = nat->to.number;
	return nat_find_target(compiler, nat->to.port, &nat->address, target);
}

static bool is_at(const struct ip_address *a, const struct ip_address *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static int collect(struct compiler *compiler, const struct sluice_vnet *vnet,
		   const struct ip_address *address, struct nat_service *services, size_t *count)
{
	const struct sluice_config *config = compiler->config;
	int result = 0;

	for (size_t i = 0; i < config->nat_count && !vnet && !result; i++) {
		const struct sluice_nat *nat = &config->nat[i];
		struct nat_service *to = &services[*count];

		if (nat->type != SLUICE_NAT_FORWARD || !is_at(&nat->address, address))
			continue;
		*to = (struct nat_service){ .port = (__u16)nat->destination_port,
					    .protocol = (__u8)nat->protocol,
					    .kind = NAT_SERVICE_FORWARD };
		result = lay_forward(compiler, nat, &to->line);
		(*count)++;
	}
	for (size_t i = 0; i < config->lb_count && !result; i++) {
		const struct sluice_lb *lb = &config->lbs[i];
		struct nat_service *to = &services[*count];

		if (!is_at(&lb->frontend.address, address) ||
		    (vnet && strcmp(vnet->name, lb->vnet)))
			continue;
		*to = (struct nat_service){ .port = lb->frontend.port,
					    .protocol = (__u8)lb->protocol,
					    .kind = NAT_SERVICE_BALANCER };
		result = compile_balancer(compiler, lb, &to->line);
		(*count)++;
	}
	return result;
}

static bool buckets_hold(const struct nat_service *services, size_t count, __u32 buckets, __u8 *fill)
{
	memset(fill, 0, buckets);
	for (size_t i = 0; i < count; i++)
		if (fill[services[i].port & (buckets - 1)]++ == NAT_SERVICES_PER_BUCKET)
			return false;
	return true;
}

/* The fewest buckets in which none overflows; one for each port holds the two protocols there are.
 * 0 and the error filled: memory is short. */
static __u32 choose_buckets(struct compiler *compiler, const struct nat_service *services,
			    size_t count)
{
	__u8 *fill = malloc(1 << 16);
	__u32 buckets = 1;

	if (!fill) {
		compiler_no_memory(compiler);
		return 0;
	}
	while (buckets < 1 << 16 && !buckets_hold(services, count, buckets, fill))
		buckets *= 2;
	free(fill);
	return buckets;
}

static int lay_service_buckets(struct compiler *compiler, const struct nat_service *services,
			       size_t count, struct nat_address *address)
{
	struct nat_service_bucket *buckets;
	__u32 bucket_count = choose_buckets(compiler, services, count);

	if (!bucket_count)
		return -ENOMEM;
	address->services = compiler_take(compiler, bucket_count);
	if (!address->services)
		return -ENOSPC;
	address->service_mask = bucket_count - 1;
	buckets = tables_line(compiler->tables, address->services);
	for (size_t i = 0; i < count; i++) {
		struct nat_service *service =
			buckets[services[i].port & address->service_mask].service;

		while (service->kind != NAT_SERVICE_NONE)
			service++;
		*service = services[i];
	}
	return 0;
}

int compile_services(struct compiler *compiler, const struct sluice_vnet *vnet,
		     struct nat_address *address)
{
	const struct sluice_config *config = compiler->config;
	struct nat_service *services =
		calloc(config->nat_count + config->lb_count + 1, sizeof(*services));
	size_t count = 0;
	int result;

	if (!services)
		return compiler_no_memory(compiler);
	result = collect(compiler, vnet, &address->address, services, &count);
	if (!result && count)
		result = lay_service_buckets(compiler, services, count, address);
	free(services);
	return result;
}
