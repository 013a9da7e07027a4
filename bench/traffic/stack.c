/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bulk, round-trip, probe: two guests' own stacks, both spoken to by this process. In bulk sender and
 * receiver have a thread and a CPU each, where there are two; a round trip is one thread's, so
 * that it shows the path and not how long a CPU takes to wake another.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/traffic/frame.h"
#include "bench/traffic/traffic.h"

#define PORT           (FIRST_PORT + 1)
#define CHUNK          (128 * 1024)
#define WARM_SECONDS   0.2
#define WAIT_MS        2000
#define PROBE_MS       300
#define MOST_TRIPS     2000000
#define WARM_TRIPS     1000
#define MOST_LOST      10

struct talk {
	struct guest from, to;
	int listener; /* the receiver's socket, bound in TO */
	volatile unsigned long long bytes;
	volatile bool stop;
};

static struct talk talk;

static int open_socket(int type)
{
	int sock = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (sock < 0)
		die("a socket: %s", strerror(errno));
	return sock;
}

/* A path that loses something must not make a sample last for ever. */
static void set_patience(int sock)
{
	struct timeval patience = { .tv_sec = WAIT_MS / 1000 };

	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static int listen_in(struct guest *guest, int type, unsigned short port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int sock, yes = 1;

	enter_guest(guest);
	sock = open_socket(type);
	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(sock, (struct sockaddr *)&at, sizeof(at)) ||
	    (type == SOCK_STREAM && listen(sock, 1)))
		die("port %d in %s: %s", port, guest->netns, strerror(errno));
	return sock;
}

static int connect_from(struct guest *guest, int type, const struct guest *to, unsigned short port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr = to->address };
	int sock;

	enter_guest(guest);
	sock = open_socket(type);
	set_patience(sock);
	if (connect(sock, (struct sockaddr *)&at, sizeof(at)))
		die("from %s to %s: %s", guest->netns, to->netns, strerror(errno));
	return sock;
}

static void read_arguments(int count, char **arguments, const char *usage, double *seconds)
{
	if (count == 5 && !strcmp(arguments[1], "--seconds")) {
		*seconds = atof(arguments[2]);
		arguments += 2;
		count -= 2;
	}
	if (count != 3 || *seconds <= 0)
		die("usage: %s", usage);
	talk.from.netns = arguments[1];
	talk.to.netns = arguments[2];
}

/* --- bulk --- */

static void *swallow(void *argument)
{
	static char chunk[CHUNK];
	struct pollfd ready = { .fd = talk.listener, .events = POLLIN };
	ssize_t length;
	int sock;

	(void)argument;
	pin_to_cpu(last_cpu() > 0 ? last_cpu() - 1 : 0);
	if (poll(&ready, 1, WAIT_MS) != 1 || (sock = accept(talk.listener, NULL, NULL)) < 0)
		die("no connection came to %s", talk.to.netns);
	while ((length = recv(sock, chunk, sizeof(chunk), 0)) > 0)
		talk.bytes += (unsigned long long)length;
	close(sock);
	return NULL;
}

static void *pour(void *argument)
{
	static char chunk[CHUNK];
	int sock = *(int *)argument;

	pin_to_cpu(last_cpu());
	while (!talk.stop)
		if (send(sock, chunk, sizeof(chunk), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			die("the connection from %s broke: %s", talk.from.netns, strerror(errno));
	shutdown(sock, SHUT_WR);
	return NULL;
}

int command_bulk(int count, char **arguments)
{
	double seconds = 1, begun, cpu;
	unsigned long long bytes;
	pthread_t receiver, sender;
	int sock;

	read_arguments(count, arguments, "bulk [--seconds S] FROM TO", &seconds);
	talk.listener = listen_in(&talk.to, SOCK_STREAM, PORT);
	if (pthread_create(&receiver, NULL, swallow, NULL))
		die("a thread: %s", strerror(errno));
	sock = connect_from(&talk.from, SOCK_STREAM, &talk.to, PORT);
	if (pthread_create(&sender, NULL, pour, &sock))
		die("a thread: %s", strerror(errno));
	sleep_until(now() + WARM_SECONDS);
	begun = now();
	bytes = talk.bytes;
	cpu = cpu_seconds();
	sleep_until(begun + seconds);
	bytes = talk.bytes - bytes;
	seconds = now() - begun;
	cpu = cpu_seconds() - cpu;
	talk.stop = true;
	pthread_join(sender, NULL);
	pthread_join(receiver, NULL);
	printf("{\"bytes\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.2f}\n", bytes, seconds, cpu);
	return 0;
}

/* --- round trip --- */

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static double percentile(const float *sorted, int count, double part)
{
	int index = (int)(part * count);

	return (double)sorted[index < count ? index : count - 1] * 1e6;
}

/* Both sockets are this thread's: no scheduler, no waking up is part of a trip, only two stacks and
 * the path, there and back. */
static bool trip(int sock)
{
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	char bytes[18] = { 0 };

	return send(sock, bytes, sizeof(bytes), 0) == sizeof(bytes) &&
	       recvfrom(talk.listener, bytes, sizeof(bytes), 0, (struct sockaddr *)&from,
			&length) == sizeof(bytes) &&
	       sendto(talk.listener, bytes, sizeof(bytes), 0, (struct sockaddr *)&from,
		      length) == sizeof(bytes) &&
	       recv(sock, bytes, sizeof(bytes), 0) == sizeof(bytes);
}

/* Seconds of each trip; how many there were. */
static int ping_pong(int sock, double seconds, float *trips)
{
	int count = 0, lost = 0;
	double end, begun;

	for (int i = 0; i < WARM_TRIPS; i++)
		lost += !trip(sock);
	end = now() + seconds;
	while (count < MOST_TRIPS && (begun = now()) < end) {
		if (trip(sock))
			trips[count++] = (float)(now() - begun);
		else
			lost++;
		if (lost > MOST_LOST)
			die("%s hears no echo: %s", talk.from.netns, strerror(errno));
	}
	return count;
}

int command_round_trip(int count, char **arguments)
{
	static float trips[MOST_TRIPS];
	double seconds = 1, cpu;
	int sock;

	read_arguments(count, arguments, "round-trip [--seconds S] FROM TO", &seconds);
	talk.listener = listen_in(&talk.to, SOCK_DGRAM, PORT);
	set_patience(talk.listener);
	sock = connect_from(&talk.from, SOCK_DGRAM, &talk.to, PORT);
	pin_to_cpu(last_cpu());
	cpu = cpu_seconds();
	count = ping_pong(sock, seconds, trips);
	cpu = cpu_seconds() - cpu;
	qsort(trips, (size_t)count, sizeof(*trips), compare);
	printf("{\"trips\":%d,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f,"
	       "\"cpuSeconds\":%.2f}\n",
	       count, percentile(trips, count, 0.5), percentile(trips, count, 0.9),
	       percentile(trips, count, 0.99), percentile(trips, count, 0.999),
	       percentile(trips, count, 1), cpu);
	return 0;
}

/* --- probe --- */

int command_probe(int count, char **arguments)
{
	struct pollfd arrived = { .events = POLLIN };
	unsigned short port;
	int sock;

	if (count != 4)
		die("usage: probe FROM TO PORT");
	talk.from.netns = arguments[1];
	talk.to.netns = arguments[2];
	port = (unsigned short)atoi(arguments[3]);
	arrived.fd = listen_in(&talk.to, SOCK_DGRAM, port);
	sock = connect_from(&talk.from, SOCK_DGRAM, &talk.to, port);
	if (send(sock, "probe", 5, 0) != 5)
		die("from %s: %s", talk.from.netns, strerror(errno));
	puts(poll(&arrived, 1, PROBE_MS) == 1 ? "arrived" : "silent");
	close(sock);
	return 0;
}
