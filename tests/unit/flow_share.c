/* SPDX-License-Identifier: BSD-2-Clause */
/* How the flow table is shared out among the ports, and what is said when there is little. */
#include "tests/harness/unit.h"

#include <stdio.h>
#include <string.h>

#include "loader/flow_share.h"
#include "maps/flow.h"

#define MOST_PORTS 300
#define ROOM       (SLUICE_DEFAULT_FLOWS * 4 / 5)

static struct sluice_port ports[MOST_PORTS];
static struct sluice_config config;
static char said[256];

/* So many ports, none of which says a flowLimit, at the default size of the table. */
static void have(size_t count)
{
	memset(ports, 0, sizeof(ports));
	for (size_t i = 0; i < count; i++)
		ports[i].name = "vm";
	config = (struct sluice_config){ .flows = SLUICE_DEFAULT_FLOWS,
					 .ports = ports,
					 .port_count = count };
}

static void assert_said(const char *part)
{
	flow_limits_check(&config, said, sizeof(said));
	if (part ? !strstr(said, part) : said[0])
		fail_msg("it says: %s", said);
}

static void what_ports_have_that_say_nothing_fits_in_however_many_they_are(void **state)
{
	(void)state;
	for (size_t count = 1; count <= 200; count++) {
		have(count);
		assert_true(flow_share(&config) * count <= ROOM);
		assert_true(flow_share(&config) <= 100000);
		assert_true(flow_share(&config) == 100000 || flow_share(&config) == ROOM / count);
		assert_said(NULL);
	}
}

static void what_others_were_given_is_not_shared(void **state)
{
	(void)state;
	have(5);
	ports[3].flow_limit = 150000;
	assert_int_equal(flow_share(&config), (ROOM - 150000) / 4);
	assert_said(NULL);
	ports[3].flow_limit = 10;
	assert_int_equal(flow_share(&config), (ROOM - 10) / 4);
}

static void who_was_given_nearly_all_leaves_the_others_something(void **state)
{
	(void)state;
	have(4);
	ports[1].flow_limit = 1000000;
	assert_int_equal(flow_share(&config), 1000);
	assert_said("port vm alone can shut the others out of the flow table: its flowLimit is "
		    "1000000");
	ports[1].flow_limit = ROOM - 3000;
	assert_int_equal(flow_share(&config), 1000);
	assert_said(NULL);
	ports[1].flow_limit = ROOM - 2999;
	assert_int_equal(flow_share(&config), 1000);
	assert_said("ports can together shut others out");
	have(MOST_PORTS);
	ports[1].flow_limit = 1000000;
	assert_int_equal(flow_share(&config), ROOM / MOST_PORTS);
}

static void a_share_that_is_little_is_said_with_what_mends_it(void **state)
{
	unsigned int flows;

	(void)state;
	have(MOST_PORTS);
	assert_int_equal(flow_share(&config), ROOM / MOST_PORTS);
	assert_said("each port without a flowLimit may have 699 flows only");
	assert_int_equal(sscanf(strstr(said, "switch.flows: "), "switch.flows: %u", &flows), 1);
	config.flows = flows;
	assert_true(flow_share(&config) >= 1000);
	assert_said(NULL);
}

static void no_port_has_none(void **state)
{
	(void)state;
	have(0);
	assert_said(NULL);
	have(MOST_PORTS);
	config.flows = 1;
	assert_true(flow_share(&config) >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ports_have_that_say_nothing_fits_in_however_many_they_are),
		cmocka_unit_test(what_others_were_given_is_not_shared),
		cmocka_unit_test(who_was_given_nearly_all_leaves_the_others_something),
		cmocka_unit_test(a_share_that_is_little_is_said_with_what_mends_it),
		cmocka_unit_test(no_port_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
