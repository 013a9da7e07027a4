/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-2-4 with 128 bits of output, word by word; see policy_hash.h. */
#include "loader/policy_hash.h"

#include <string.h>

struct sip {
	__u64 v[4];
	__u64 words;
};

static __u64 rotate(__u64 value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static void sip_round(__u64 v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static struct sip sip_begin(const __u64 seed[2])
{
	return (struct sip){
		.v = { seed[0] ^ 0x736f6d6570736575ULL, seed[1] ^ 0x646f72616e646f6dULL ^ 0xee,
		       seed[0] ^ 0x6c7967656e657261ULL, seed[1] ^ 0x7465646279746573ULL }
	};
}

static void sip_word(struct sip *sip, __u64 word)
{
	sip->v[3] ^= word;
	sip_round(sip->v);
	sip_round(sip->v);
	sip->v[0] ^= word;
	sip->words++;
}

static void sip_bytes(struct sip *sip, const void *bytes, size_t length)
{
	for (size_t at = 0; at < length; at += 8) {
		__u64 word = 0;

		memcpy(&word, (const char *)bytes + at, length - at < 8 ? length - at : 8);
		sip_word(sip, word);
	}
}

static struct policy_content sip_end(struct sip *sip)
{
	struct policy_content content;

	/* All input comes in whole words, so their number stands for the length. */
	sip_word(sip, sip->words << 56);
	sip->v[2] ^= 0xee;
	for (int half = 0; half < 2; half++) {
		for (int i = 0; i < 4; i++)
			sip_round(sip->v);
		content.half[half] = sip->v[0] ^ sip->v[1] ^ sip->v[2] ^ sip->v[3];
		sip->v[1] ^= 0xdd;
	}
	return content;
}

static void hash_addresses(struct sip *sip, bool any, const struct address_range *ranges,
			   size_t count)
{
	sip_word(sip, any ? ~0ULL : count);
	if (!any)
		sip_bytes(sip, ranges, count * sizeof(*ranges));
}

static void hash_ports(struct sip *sip, const struct sluice_port_range *ports, size_t count)
{
	sip_word(sip, count);
	sip_bytes(sip, ports, count * sizeof(*ports));
}

void policy_hash_rule(const __u64 seed[2], const struct classifier_rule *rule,
		      struct policy_content *sum)
{
	struct sip sip = sip_begin(seed);
	struct policy_content term;

	sip_word(&sip, (__u64)rule->id << 32 | rule->access);
	sip_word(&sip, (__u64)(__u16)rule->protocol << 32 | (__u64)(__u16)rule->icmp_type << 16 |
			       (__u16)rule->icmp_code);
	hash_addresses(&sip, rule->any_source, rule->sources, rule->source_count);
	hash_addresses(&sip, rule->any_destination, rule->destinations, rule->destination_count);
	hash_ports(&sip, rule->source_ports, rule->source_port_count);
	hash_ports(&sip, rule->destination_ports, rule->destination_port_count);
	term = sip_end(&sip);
	for (int half = 0; half < 2; half++)
		sum->half[half] += term.half[half];
}

void policy_hash_place(const __u64 seed[2], __u32 rule, __u32 link, bool take_out,
		       struct policy_content *sum)
{
	struct sip sip = sip_begin(seed);
	struct policy_content term;

	sip_word(&sip, (__u64)rule << 32 | link);
	term = sip_end(&sip);
	for (int half = 0; half < 2; half++)
		sum->half[half] += take_out ? -term.half[half] : term.half[half];
}

__u64 policy_key(const __u64 seed[2], const char *group, enum direction direction, __u32 vni)
{
	struct sip sip = sip_begin(seed);

	sip_word(&sip, (__u64)vni << 32 | direction);
	sip_bytes(&sip, group, strlen(group));
	return sip_end(&sip).half[0];
}
