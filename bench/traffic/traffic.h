/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands of `traffic` share: places in namespaces, the clock, the CPUs' time. */
#ifndef SLUICE_BENCH_TRAFFIC_H
#define SLUICE_BENCH_TRAFFIC_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdnoreturn.h>

#define GUEST_DEVICE "eth0"

/* A guest: the namespace and its eth0. */
struct guest {
	const char *netns; /* the name under /run/netns */
	unsigned int ifindex;
	struct in_addr address;
	unsigned char mac[6];
};

noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Moves the calling thread into the guest's namespace and finds out what the guest is. */
void enter_guest(struct guest *guest);
void enter_netns(const char *name);

/* The MAC to which frames for the address go from the calling thread's namespace. */
void resolve_mac(struct in_addr address, unsigned char mac[6]);

void pin_to_cpu(int cpu);
/* The calling thread may run everywhere but there; where there is one CPU only, everywhere. */
void keep_off_cpus(int first, int last);
int last_cpu(void);

double now(void);         /* seconds, monotone */
double cpu_seconds(void); /* what all CPUs together have worked, user, system and interrupts */
void sleep_until(double time);

int command_frames(int count, char **arguments);
int command_bulk(int count, char **arguments);
int command_round_trip(int count, char **arguments);
int command_probe(int count, char **arguments);
int command_redirect(int count, char **arguments);

#endif
