/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "bench/traffic/traffic.h"

#define RESOLVE_SECONDS 5

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("traffic: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(2);
}

void enter_netns(const char *name)
{
	char path[256];
	int file;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || setns(file, CLONE_NEWNET))
		die("%s: %s", path, strerror(errno));
	close(file);
}

void enter_guest(struct guest *guest)
{
	struct ifreq request = {};
	int sock;

	enter_netns(guest->netns);
	strcpy(request.ifr_name, GUEST_DEVICE);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || ioctl(sock, SIOCGIFADDR, &request))
		die("%s: the address of %s: %s", guest->netns, GUEST_DEVICE, strerror(errno));
	guest->address = ((struct sockaddr_in *)&request.ifr_addr)->sin_addr;
	if (ioctl(sock, SIOCGIFHWADDR, &request))
		die("%s: the MAC of %s: %s", guest->netns, GUEST_DEVICE, strerror(errno));
	memcpy(guest->mac, request.ifr_hwaddr.sa_data, 6);
	guest->ifindex = if_nametoindex(GUEST_DEVICE);
	close(sock);
}

/* A datagram makes the stack ask for the MAC; the neighbour table has it when the answer came. */
void resolve_mac(struct in_addr address, unsigned char mac[6])
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = address };
	struct arpreq request = { .arp_dev = GUEST_DEVICE };
	double end = now() + RESOLVE_SECONDS;
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(&request.arp_pa, &to, sizeof(to));
	if (sock < 0 || sendto(sock, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("a datagram to %s: %s", inet_ntoa(address), strerror(errno));
	while (ioctl(sock, SIOCGARP, &request) || !(request.arp_flags & ATF_COM)) {
		if (now() > end)
			die("nobody says which MAC %s has", inet_ntoa(address));
		sleep_until(now() + 0.001);
	}
	memcpy(mac, request.arp_ha.sa_data, 6);
	close(sock);
}

int last_cpu(void)
{
	return (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("CPU %d: %s", cpu, strerror(errno));
}

void keep_off_cpus(int first, int last)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int cpu = 0; cpu <= last_cpu(); cpu++)
		if (cpu < first || cpu > last)
			CPU_SET(cpu, &set);
	if (CPU_COUNT(&set) && sched_setaffinity(0, sizeof(set), &set))
		die("the other CPUs: %s", strerror(errno));
}

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void sleep_until(double time)
{
	struct timespec wake = { .tv_sec = (time_t)time };

	wake.tv_nsec = (long)((time - (double)wake.tv_sec) * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == EINTR)
		;
}

double cpu_seconds(void)
{
	unsigned long long user, nice, system, idle, wait, irq, softirq;
	FILE *file = fopen("/proc/stat", "re");

	if (!file || fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
			    &idle, &wait, &irq, &softirq) != 7)
		die("/proc/stat can not be read");
	fclose(file);
	return (double)(user + nice + system + irq + softirq) / (double)sysconf(_SC_CLK_TCK);
}
