/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames: one sample of how many frames a second come through.
 *
 * A thread for each pair of guests, pinned to a CPU of its own from the last one down, runs the
 * generator on live frames (BPF_F_TEST_XDP_LIVE_FRAMES): it sends from the guest's device, without a
 * stack, at a cost that is the same for every path. What a path does happens in the softirq that
 * follows each batch, mostly on the same CPU. With --seconds, counters and clocks are read twice while
 * all pairs run; with --packets, from the first frame sent to the last received.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/traffic/frame.h"
#include "bench/traffic/traffic.h"
#include "bench/traffic/traffic.skel.h"

#define MOST_PAIRS    64
#define MOST_TRIES    5     /* of sending every flow once */
#define BATCH         64
#define WARM_SECONDS  0.05
#define QUIET_SECONDS 0.02  /* nothing more is on its way */
#define START_SECONDS 10.0
#define MOST_CPUS     1024
#define FIRST_THREADS 8192

struct pair {
	struct guest from, to;
	struct traffic_bpf *forward, *backward;
	pthread_t thread;
	volatile int id; /* of the thread */
	int cpu;
	volatile bool ended;
};

struct sample {
	double seconds; /* 0: until all packets are through */
	unsigned long long packets, flows;
	bool prime, ipv6;
	int pairs;
	struct pair pair[MOST_PAIRS];
};

static struct sample sample = { .flows = 1 };

static const struct frame_shape shapes[2] = { FRAME_OVER_IPV4, FRAME_OVER_IPV6 };

static const struct frame_shape *shape(void)
{
	return &shapes[sample.ipv6];
}

static unsigned short header_checksum(const void *header)
{
	const unsigned char *bytes = header;
	unsigned int sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (unsigned int)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((unsigned short)~sum);
}

/* Writes the IP header of a frame; its length. */
static size_t write_ipv4(unsigned char *at, const struct guest *from, const struct guest *to,
			 size_t length)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			    .tot_len = htons((unsigned short)length),
			    .saddr = from->address.s_addr, .daddr = to->address.s_addr };

	ip.check = header_checksum(&ip);
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

/* A guest's IPv6 address is its IPv4 address behind fd00:1:: (address6_of in bench/world.sh). */
static struct in6_addr ipv6_address(const struct guest *guest)
{
	struct in6_addr address = { .s6_addr = { 0xfd, 0, 0, 1 } };

	memcpy(&address.s6_addr[12], &guest->address, sizeof(guest->address));
	return address;
}

static size_t write_ipv6(unsigned char *at, const struct guest *from, const struct guest *to,
			 size_t length)
{
	struct ip6_hdr ip = { .ip6_flow = htonl(6U << 28), .ip6_hlim = 64, .ip6_nxt = IPPROTO_UDP,
			      .ip6_plen = htons((unsigned short)(length - sizeof(ip))),
			      .ip6_src = ipv6_address(from), .ip6_dst = ipv6_address(to) };

	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

/* UDP's checksum is left at zero: ports change with every frame, and nobody on the way looks at it. */
static void write_frame(unsigned char frame[MOST_FRAME_LENGTH], const struct guest *from,
			const struct guest *to, const unsigned char destination[6])
{
	struct ether_header ethernet = { .ether_type = htons(sample.ipv6 ? ETHERTYPE_IPV6
									 : ETHERTYPE_IP) };
	size_t length = shape()->length - sizeof(ethernet), header;
	struct frame_mark mark = { .value = FRAME_MARK };
	struct udphdr udp = { 0 };

	memcpy(ethernet.ether_dhost, destination, 6);
	memcpy(ethernet.ether_shost, from->mac, 6);
	memset(frame, 0, MOST_FRAME_LENGTH);
	memcpy(frame, &ethernet, sizeof(ethernet));
	header = (sample.ipv6 ? write_ipv6 : write_ipv4)(frame + sizeof(ethernet), from, to, length);
	udp.len = htons((unsigned short)(length - header));
	memcpy(frame + sizeof(ethernet) + header, &udp, sizeof(udp));
	memcpy(frame + shape()->mark, &mark, sizeof(mark));
}

/* The programs that send in one direction, and the count where that ends. */
static struct traffic_bpf *load_direction(struct guest *from, struct guest *to, bool reverse)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE);
	unsigned char destination[6], frame[MOST_FRAME_LENGTH];
	struct traffic_bpf *traffic = traffic_bpf__open();
	int error;

	if (!traffic)
		die("the programs do not open: %s", strerror(errno));
	memcpy((void *)&traffic->rodata->shape, shape(), sizeof(*shape()));
	if (traffic_bpf__load(traffic))
		die("the programs do not load: %s", strerror(errno));
	enter_guest(to);
	hook.ifindex = (int)to->ifindex;
	options.prog_fd = bpf_program__fd(traffic->progs.count);
	error = bpf_tc_hook_create(&hook);
	if (!error || error == -EEXIST)
		error = bpf_tc_attach(&hook, &options);
	if (error)
		die("counting in %s: %s", to->netns, strerror(-error));
	enter_guest(from);
	resolve_mac(to->address, destination);
	write_frame(frame, from, to, destination);
	memcpy(traffic->bss->template, frame, sizeof(traffic->bss->template));
	traffic->bss->reverse = reverse;
	return traffic;
}

static void unload_direction(struct traffic_bpf *traffic, struct guest *to)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)to->ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	enter_netns(to->netns);
	bpf_tc_hook_destroy(&hook);
	traffic_bpf__destroy(traffic);
}

/* Runs the generator from the namespace that the calling thread is in, until a signal or the end. */
static void generate(const struct traffic_bpf *traffic, const struct guest *from, unsigned int packets)
{
	unsigned char frame[MOST_FRAME_LENGTH];
	struct xdp_md context = { .data_end = shape()->length, .ingress_ifindex = from->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = shape()->length,
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = (int)packets,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	memset(frame, 0, sizeof(frame));
	memcpy(frame, traffic->bss->template, sizeof(traffic->bss->template));
	if (bpf_prog_test_run_opts(bpf_program__fd(traffic->progs.generate), &options) &&
	    errno != EINTR)
		die("frames from %s: %s", from->netns, strerror(errno));
}

static unsigned long long received_by(const struct traffic_bpf *traffic)
{
	return *(volatile __u64 *)&traffic->bss->received;
}

static unsigned long long sent_by(const struct traffic_bpf *traffic)
{
	return *(volatile __u64 *)&traffic->bss->sent;
}

/* Waits until nothing more arrives; when the last did. */
static double settle(const struct traffic_bpf *traffic)
{
	unsigned long long last = received_by(traffic);
	double when = now();

	while (now() < when + QUIET_SECONDS) {
		if (received_by(traffic) != last) {
			last = received_by(traffic);
			when = now();
		}
		sleep_until(now() + 0.0002);
	}
	return when;
}

/* Sends every flow once; what was lost is made up for by sending all again. */
static void send_every_flow(struct traffic_bpf *traffic, const struct guest *from,
			    unsigned long long flows)
{
	for (int try = 0; try < MOST_TRIES; try++) {
		traffic->bss->next_flow = 0;
		traffic->bss->flows = flows;
		traffic->bss->sent = traffic->bss->received = 0;
		traffic->bss->limit = flows;
		generate(traffic, from, (unsigned int)flows);
		settle(traffic);
		if (received_by(traffic) >= flows)
			return;
	}
	die("of %llu flows from %s only %llu arrive", flows, from->netns, received_by(traffic));
}

static void prime(struct pair *pair, unsigned long long flows)
{
	enter_netns(pair->from.netns);
	send_every_flow(pair->forward, &pair->from, flows);
	enter_netns(pair->to.netns);
	send_every_flow(pair->backward, &pair->to, flows);
}

static void *send_thread(void *argument)
{
	struct pair *pair = argument;

	pair->id = gettid();
	pin_to_cpu(pair->cpu);
	enter_netns(pair->from.netns);
	generate(pair->forward, &pair->from,
		 sample.packets ? (unsigned int)sample.packets : INT_MAX);
	pair->ended = true;
	return NULL;
}

static void start(void)
{
	for (int i = 0; i < sample.pairs; i++) {
		struct traffic_bpf *traffic = sample.pair[i].forward;

		traffic->bss->sent = traffic->bss->received = traffic->bss->next_flow = 0;
		traffic->bss->flows = sample.flows;
		traffic->bss->limit = sample.packets;
		if (pthread_create(&sample.pair[i].thread, NULL, send_thread, &sample.pair[i]))
			die("a thread: %s", strerror(errno));
	}
	for (int i = 0; i < sample.pairs; i++) {
		double end = now() + START_SECONDS;

		while (!sent_by(sample.pair[i].forward))
			if (now() > end)
				die("%s sends nothing", sample.pair[i].from.netns);
	}
}

static void stop(void)
{
	for (int i = 0; i < sample.pairs; i++) {
		/* A signal that arrives before the system call does is lost. */
		while (!sample.pair[i].ended) {
			pthread_kill(sample.pair[i].thread, SIGUSR1);
			sleep_until(now() + 0.001);
		}
		pthread_join(sample.pair[i].thread, NULL);
	}
}

static unsigned long long total(unsigned long long (*counter)(const struct traffic_bpf *))
{
	unsigned long long sum = 0;

	for (int i = 0; i < sample.pairs; i++)
		sum += counter(sample.pair[i].forward);
	return sum;
}

/* A field of a thread's schedstat in seconds: 0 how long it ran, 1 how long it waited for a CPU. */
static double scheduled(const char *thread, int field)
{
	unsigned long long times[2] = { 0 };
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/schedstat", thread);
	file = fopen(path, "re");
	if (file && fscanf(file, "%llu %llu", &times[0], &times[1]) != 2)
		times[field] = 0;
	if (file)
		fclose(file);
	return (double)times[field] / 1e9;
}

/* The kernel thread that does a CPU's softirqs when there are too many; what it does is the path's. */
static const char *softirq_thread(int cpu)
{
	static char ids[MOST_CPUS][16];
	char wanted[32], name[32], path[64];

	snprintf(wanted, sizeof(wanted), "ksoftirqd/%d\n", cpu);
	/* They are among the first threads that a kernel makes, a few a CPU. */
	for (int id = 2; cpu < MOST_CPUS && !ids[cpu][0] && id < FIRST_THREADS; id++) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/comm", id);
		file = fopen(path, "re");
		if (file && fgets(name, sizeof(name), file) && !strcmp(name, wanted))
			snprintf(ids[cpu], sizeof(ids[cpu]), "%d", id);
		if (file)
			fclose(file);
	}
	return cpu < MOST_CPUS ? ids[cpu] : "";
}

/* How long the senders have waited for their CPUs because something that is not of the path ran there. */
static double waited(void)
{
	char thread[32];
	double sum = 0;

	for (int i = 0; i < sample.pairs; i++) {
		snprintf(thread, sizeof(thread), "self/task/%d", sample.pair[i].id);
		sum += scheduled(thread, 1) - scheduled(softirq_thread(sample.pair[i].cpu), 0);
	}
	return sum;
}

static void print_sample(unsigned long long sent, unsigned long long received, double seconds,
			 double cpu, double delay)
{
	printf("{\"sent\":%llu,\"received\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.2f,"
	       "\"waited\":%.3f}\n",
	       sent, received, seconds, cpu, delay > 0 ? delay / sample.pairs / seconds : 0);
}

/* Two looks at the counters while everything runs. */
static void measure_by_time(void)
{
	unsigned long long sent, received;
	double begun, cpu, delay;

	start();
	sleep_until(now() + WARM_SECONDS);
	begun = now();
	sent = total(sent_by);
	received = total(received_by);
	cpu = cpu_seconds();
	delay = waited();
	sleep_until(begun + sample.seconds);
	sent = total(sent_by) - sent;
	received = total(received_by) - received;
	begun = now() - begun;
	cpu = cpu_seconds() - cpu;
	delay = waited() - delay;
	stop();
	print_sample(sent, received, begun, cpu, delay);
}

/* From the first frame to the last; a path that is too slow is stopped when the time is over. */
static void measure_by_packets(void)
{
	const struct traffic_bpf *traffic = sample.pair[0].forward;
	double first, last, cpu = cpu_seconds(), end, delay;

	start();
	first = (double)traffic->bss->first_time / 1e9;
	delay = waited();
	end = sample.seconds > 0 ? first + sample.seconds : 1e12;
	while (!sample.pair[0].ended && now() < end && received_by(traffic) < sample.packets)
		sleep_until(now() + 0.0002);
	last = now();
	cpu = cpu_seconds() - cpu;
	delay = sample.pair[0].ended ? 0 : waited() - delay;
	if (now() < end && received_by(traffic) < sample.packets)
		last = settle(traffic);
	print_sample(sent_by(traffic), received_by(traffic), last - first, cpu, delay);
	stop();
}

static bool read_arguments(int count, char **arguments)
{
	int i = 1;

	for (; i < count && !strncmp(arguments[i], "--", 2); i++) {
		if (!strcmp(arguments[i], "--prime"))
			sample.prime = true;
		else if (!strcmp(arguments[i], "--ipv6"))
			sample.ipv6 = true;
		else if (i + 1 == count)
			return false;
		else if (!strcmp(arguments[i], "--seconds"))
			sample.seconds = atof(arguments[++i]);
		else if (!strcmp(arguments[i], "--packets"))
			sample.flows = sample.packets = strtoull(arguments[++i], NULL, 10);
		else if (!strcmp(arguments[i], "--flows"))
			sample.flows = strtoull(arguments[++i], NULL, 10);
		else
			return false;
	}
	sample.pairs = (count - i) / 2;
	for (int pair = 0; pair < sample.pairs && pair < MOST_PAIRS; pair++, i += 2) {
		sample.pair[pair].from.netns = arguments[i];
		sample.pair[pair].to.netns = arguments[i + 1];
		sample.pair[pair].cpu = last_cpu() - pair % (last_cpu() + 1);
	}
	return i == count && sample.pairs > 0 && sample.flows > 0 &&
	       sample.flows <= (unsigned long long)PORTS_A_SIDE * PORTS_A_SIDE &&
	       (sample.seconds > 0 || sample.packets) && (!sample.packets || sample.pairs == 1);
}

static void wake(int number)
{
	(void)number;
}

int command_frames(int count, char **arguments)
{
	struct sigaction action = { .sa_handler = wake };

	if (!read_arguments(count, arguments))
		die("usage: frames [--ipv6] [--seconds S] [--packets N] [--flows N] [--prime] FROM TO...");
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < sample.pairs; i++) {
		struct pair *pair = &sample.pair[i];

		pair->backward = load_direction(&pair->to, &pair->from, true);
		pair->forward = load_direction(&pair->from, &pair->to, false);
		if (sample.prime)
			prime(pair, sample.flows);
	}
	keep_off_cpus(last_cpu() - sample.pairs + 1, last_cpu());
	if (sample.packets)
		measure_by_packets();
	else
		measure_by_time();
	for (int i = 0; i < sample.pairs; i++) {
		unload_direction(sample.pair[i].forward, &sample.pair[i].to);
		unload_direction(sample.pair[i].backward, &sample.pair[i].from);
	}
	return 0;
}
