/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be counted in an IPv4 rule set whose rules name one prefix and one range of ports on each
 * side, so that drawn sets can be held against those of others.
 */
#ifndef SLUICE_TESTS_RULE_SET_STATISTICS_H
#define SLUICE_TESTS_RULE_SET_STATISTICS_H

#include "tests/harness/rule_set.h"

/* X(identifier, name). Of a side: any is /0, wide to /8, block to /29, host what is longer. All are
 * shares of the rules, unless they say "of prefixes": of the different prefixes of that side. */
#define RULE_SET_STATISTICS(X)                                                 \
	X(SOURCE_ANY, "source any")                                            \
	X(SOURCE_WIDE, "source wide")                                          \
	X(SOURCE_BLOCK, "source block")                                        \
	X(SOURCE_HOST, "source host")                                          \
	X(SOURCE_DISTINCT, "source different prefixes")                        \
	X(SOURCE_NESTED, "source inside another block, of prefixes")           \
	X(SOURCE_REGIONS, "source different /16, of prefixes")                 \
	X(SOURCE_NETS, "source different /24, of prefixes")                    \
	X(SOURCE_PORTS_ANY, "source ports any")                                \
	X(SOURCE_PORTS_HIGH, "source ports high")                              \
	X(SOURCE_PORTS_ONE, "source port, one")                                \
	X(DESTINATION_ANY, "destination any")                                  \
	X(DESTINATION_WIDE, "destination wide")                                \
	X(DESTINATION_BLOCK, "destination block")                              \
	X(DESTINATION_HOST, "destination host")                                \
	X(DESTINATION_DISTINCT, "destination different prefixes")              \
	X(DESTINATION_NESTED, "destination inside another block, of prefixes") \
	X(DESTINATION_REGIONS, "destination different /16, of prefixes")       \
	X(DESTINATION_NETS, "destination different /24, of prefixes")          \
	X(DESTINATION_PORTS_ANY, "destination ports any")                      \
	X(DESTINATION_PORTS_HIGH, "destination ports high")                    \
	X(DESTINATION_PORTS_ONE, "destination port, one")                      \
	X(BOTH_HOSTS, "both sides host")                                       \
	X(PAIRS, "different pairs of prefixes")                                \
	X(DUPLICATES, "the same as another rule")                              \
	X(TCP, "Tcp")                                                          \
	X(UDP, "Udp")                                                          \
	X(ICMP, "Icmp")                                                        \
	X(ANY_PROTOCOL, "any protocol")

enum rule_set_statistic {
#define RULE_SET_STATISTIC(identifier, name) STATISTIC_##identifier,
	RULE_SET_STATISTICS(RULE_SET_STATISTIC)
#undef RULE_SET_STATISTIC
	RULE_SET_STATISTIC_COUNT
};

struct rule_set_statistics {
	double share[RULE_SET_STATISTIC_COUNT];
};

extern const char *const rule_set_statistic_names[RULE_SET_STATISTIC_COUNT];

void rule_set_count(const struct rule_set *set, struct rule_set_statistics *statistics);
/* Reads lines as ClassBench writes them: "@SOURCE/N DESTINATION/N LOW : HIGH LOW : HIGH P/MASK". */
int rule_set_read(struct rule_set *set, FILE *stream);

#endif
