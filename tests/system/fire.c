/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Update under fire: rules change at a steady rate while datagrams run as fast as they can.
 *
 *   fire SWITCH HOST-NETNS SENDER-NETNS RECEIVER-NETNS ADDRESS CHANGES PER-SECOND NSG [ACL]
 *
 * The NSG has rules "flip-a" (udp 6001) and "flip-b" (udp 6002) and one that allows udp 6000. Each change
 * swaps what flip-a and flip-b say, in one version, and every second one adds or removes a rule that
 * concerns nobody. The sender sends round after round: one datagram to 6000, one to 6001, one to
 * 6002. Then
 *  - every datagram to 6000 must have arrived, once;
 *  - what arrived of 6001 and 6002 must be what a row of whole versions lets through: in each exactly
 *    one of the two passes, so reading the datagrams in the order they were sent, the version may
 *    change no more often than it did.
 * With an ACL, each change instead adds a rule to it that concerns nobody, and the two never turn.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loader/sluice.h"

#define MOST_ROUNDS (1UL << 25)
#define WINDOW 512 /* rounds under way: far below what the receiver's sockets hold */
#define BATCH 32
#define FIRST_PORT 6000
#define KINDS 3 /* steady, flip-a, flip-b */

static const char *sender_netns, *receiver_netns, *address;
static unsigned char *arrived[KINDS]; /* by round: how often */
static atomic_ulong rounds_sent, rounds_heard;
static atomic_bool sending_ends, receiving_ends, receiver_ready;

static void die(const char *what)
{
	fprintf(stderr, "fire: %s: %s\n", what, strerror(errno));
	exit(2);
}

static long long now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static int bound_socket(int kind, bool server)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(FIRST_PORT + kind)};
	int fd = socket(AF_INET, SOCK_DGRAM | (server ? SOCK_NONBLOCK : 0), 0), room = 256 << 20;

	if (fd < 0)
		die("socket");
	if (server) {
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
		    bind(fd, (struct sockaddr *)&local, sizeof(local)))
			die("bind");
	} else {
		inet_pton(AF_INET, address, &local.sin_addr);
		if (connect(fd, (struct sockaddr *)&local, sizeof(local)))
			die("connect");
	}
	return fd;
}

static void *receive(void *unused)
{
	unsigned long numbers[BATCH];
	struct mmsghdr messages[BATCH] = {0};
	struct iovec vectors[BATCH];
	struct pollfd waiting[KINDS];
	int sockets[KINDS], got;

	(void)unused;
	enter(receiver_netns);
	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){&numbers[i], sizeof(numbers[i])};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
	}
	for (int kind = 0; kind < KINDS; kind++)
		sockets[kind] = bound_socket(kind, true);
	for (int kind = 0; kind < KINDS; kind++)
		waiting[kind] = (struct pollfd){.fd = sockets[kind], .events = POLLIN};
	atomic_store(&receiver_ready, true);
	while (!atomic_load(&receiving_ends)) {
		poll(waiting, KINDS, 100);
		for (int kind = 0; kind < KINDS; kind++) {
			got = recvmmsg(sockets[kind], messages, BATCH, 0, NULL);
			for (int i = 0; i < got; i++)
				if (numbers[i] < MOST_ROUNDS)
					arrived[kind][numbers[i]]++;
			if (kind == 0 && got > 0)
				atomic_fetch_add(&rounds_heard, got);
		}
	}
	return NULL;
}

static void *send_rounds(void *unused)
{
	unsigned long round = 0, lost = 0;
	long long stuck;
	int sockets[KINDS];

	(void)unused;
	enter(sender_netns);
	for (int kind = 0; kind < KINDS; kind++)
		sockets[kind] = bound_socket(kind, false);
	while (!atomic_load(&sending_ends) && round < MOST_ROUNDS) {
		for (int kind = 0; kind < KINDS; kind++)
			if (send(sockets[kind], &round, sizeof(round), 0) != sizeof(round))
				die("send");
		atomic_store(&rounds_sent, ++round);
		/* A window, so that no socket overflows; what is lost for good must not close it. */
		stuck = now_ns() + 500000000LL;
		while (round - lost - atomic_load(&rounds_heard) > WINDOW) {
			usleep(20);
			if (now_ns() > stuck)
				lost = round - atomic_load(&rounds_heard);
		}
	}
	return NULL;
}

static struct sluice_config *variant(const struct sluice_config *base, const char *nsg, int number)
{
	static const char *const said[] = {"Allow", "Deny"};
	static const char *const port = "6999", *const protocol = "Udp", *const priority = "999",
				 *const inbound = "Inbound";
	struct sluice_setting extra[] = {{"priority", &priority, 1}, {"direction", &inbound, 1},
					 {"access", &said[1], 1}, {"protocol", &protocol, 1},
					 {"destinationPorts", &port, 1}};
	struct sluice_setting a = {"access", &said[number % 2], 1};
	struct sluice_setting b = {"access", &said[(number + 1) % 2], 1};
	struct sluice_error error = {0};
	struct sluice_config *config;

	if (sluice_config_copy(base, &config, &error) ||
	    sluice_config_update(config, SLUICE_NSG_RULE, nsg, "flip-a", &a, 1, &error) ||
	    sluice_config_update(config, SLUICE_NSG_RULE, nsg, "flip-b", &b, 1, &error) ||
	    (number / 2 && sluice_config_add(config, SLUICE_NSG_RULE, nsg, "extra", extra, 5, NULL,
					     &error))) {
		fprintf(stderr, "fire: %s\n", error.message);
		exit(2);
	}
	return config;
}

/* Adds a rule that concerns nobody to an ACL. */
static void add_rule(struct sluice *sw, const char *acl, long number)
{
	static const char *const inbound = "Inbound", *const deny = "Deny", *const udp = "Udp";
	char name[32], source[32];
	const char *const sources = source;
	const struct sluice_setting settings[] = {{"direction", &inbound, 1}, {"access", &deny, 1},
						  {"protocol", &udp, 1}, {"sources", &sources, 1}};
	const struct sluice_edit edit = {.verb = SLUICE_EDIT_ADD, .kind = SLUICE_ACL_RULE,
					 .parent = acl, .name = name, .settings = settings,
					 .setting_count = 4};
	struct sluice_error error = {0};
	unsigned int version;

	snprintf(name, sizeof(name), "fire-%ld", number);
	snprintf(source, sizeof(source), "203.0.%ld.%ld", number / 256 % 256, number % 256);
	if (sluice_lock(sw, 5, &error) || sluice_change(sw, &edit, "fire", &version, &error)) {
		fprintf(stderr, "fire: rule %ld: %s\n", number, error.message);
		exit(1);
	}
	sluice_unlock(sw);
}

/* Changes the rules count times; how long it took, in ns. */
static long long change(const char *name, const char *netns, const char *nsg, long count, long rate,
			const char *acl)
{
	struct sluice_options options = {.name = name, .netns = netns};
	struct sluice_config *base, *variants[4];
	static const int order[] = {0, 3, 2, 1}; /* each differs from the one before in the flip */
	struct sluice_error error = {0};
	struct sluice *sw;
	unsigned int version;
	long long begun, next;
	struct timespec time;

	if (sluice_open(&options, &sw, &error) || sluice_running(sw, &version, &base, &error)) {
		fprintf(stderr, "fire: %s\n", error.message);
		exit(2);
	}
	for (int i = 0; i < 4; i++)
		variants[i] = variant(base, nsg, i);
	begun = now_ns();
	for (long i = 0; i < count; i++) {
		next = begun + i * 1000000000LL / rate;
		time = (struct timespec){next / 1000000000, next % 1000000000};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
		if (acl) {
			add_rule(sw, acl, i);
			continue;
		}
		if (sluice_lock(sw, 5, &error) ||
		    sluice_commit(sw, variants[order[i % 4]], "fire", &version, &error)) {
			fprintf(stderr, "fire: change %ld: %s\n", i, error.message);
			exit(1);
		}
		sluice_unlock(sw);
	}
	begun = now_ns() - begun;
	for (int i = 0; i < 4; i++)
		sluice_config_free(variants[i]);
	sluice_config_free(base);
	sluice_close(sw);
	return begun;
}

/* Judges what arrived. 0: as promised. */
static int judge(long changes, long long took, long rate, bool turning)
{
	unsigned long rounds = atomic_load(&rounds_sent), lost = 0, twice = 0, turns = 0;
	unsigned long passed[KINDS] = {0};
	int running = -1, runs;

	for (unsigned long round = 0; round < rounds; round++) {
		lost += !arrived[0][round];
		for (int kind = 0; kind < KINDS; kind++) {
			passed[kind] += !!arrived[kind][round];
			twice += arrived[kind][round] > 1;
		}
		for (int kind = 1; kind < KINDS; kind++) {
			/* Version 1 lets flip-a pass, version 2 flip-b. */
			runs = arrived[kind][round] ? kind : 3 - kind;
			turns += running >= 0 && runs != running;
			running = runs;
		}
	}
	printf("%ld changes, %.0f a second; %lu rounds of 3, %.0f datagrams a second\n", changes,
	       changes * 1e9 / took, rounds, rounds * 3e9 / took);
	printf("steady: %lu lost, %lu of all came twice; flip-a %lu, flip-b %lu passed; the version "
	       "turned %lu times\n", lost, twice, passed[1], passed[2], turns);
	if (lost || twice)
		return 1;
	if (!turning)
		return turns ? 1 : 0;
	/* A change between two bursts of a sender that had to wait for its turn goes unseen. */
	if (turns > (unsigned long)changes + 1 || turns < (unsigned long)changes / 10)
		return 1;
	if (changes * 1e9 / took < 0.9 * rate) {
		printf("the changes were slower than asked for\n");
		return 1;
	}
	return 0;
}

int main(int count, char **word)
{
	pthread_t sender, receiver;
	long changes, rate;
	long long took;

	if (count != 9 && count != 10)
		return 2;
	sender_netns = word[3];
	receiver_netns = word[4];
	address = word[5];
	changes = atol(word[6]);
	rate = atol(word[7]);
	for (int kind = 0; kind < KINDS; kind++) {
		arrived[kind] = calloc(MOST_ROUNDS, 1);
		if (!arrived[kind])
			die("memory");
	}
	pthread_create(&receiver, NULL, receive, NULL);
	while (!atomic_load(&receiver_ready))
		sched_yield();
	pthread_create(&sender, NULL, send_rounds, NULL);
	took = change(word[1], word[2], word[8], changes, rate, word[9]);
	atomic_store(&sending_ends, true);
	pthread_join(sender, NULL);
	/* What is still in the sockets is read before the receiver is told to end. */
	for (unsigned long before = ~0UL; before != atomic_load(&rounds_heard);) {
		before = atomic_load(&rounds_heard);
		usleep(300000);
	}
	atomic_store(&receiving_ends, true);
	pthread_join(receiver, NULL);
	return judge(changes, took, rate, !word[9]);
}
