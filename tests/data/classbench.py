#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""
DATA=DIRECTORY classbench.py: the filter sets of $DATA/classbench as one ACL of the switch, and as
NSGs. The rule that test-ip-flow names is the one that a plain first match finds.
"""
import ipaddress
import os
import random
import re
import time

from switch import Switch, document, run_tests

WITH_PORTS = (6, 17, 132)
LARGE = ("acl1_10k", "fw1_10k", "ipc1_10k")
NSG_RULES = 3900
HEADERS = 1500 # for each large set
LINE = re.compile(r"@(\S+)\s+(\S+)\s+(\d+) : (\d+)\s+(\d+) : (\d+)\s+0x(\w\w)/0x(\w\w)")


class Rule:
    """Ranges of source, destination, source port, destination port; a protocol or None."""

    def __init__(self, line):
        found = LINE.match(line).groups()
        networks = [ipaddress.ip_network(prefix, strict=False) for prefix in found[:2]]
        self.texts = [str(network) for network in networks]
        self.low = [int(network[0]) for network in networks] + [int(found[2]), int(found[4])]
        self.high = [int(network[-1]) for network in networks] + [int(found[3]), int(found[5])]
        self.protocol = int(found[6], 16) if found[7] != "00" else None
        self.any_ports = [pair == ("0", "65535") for pair in (found[2:4], found[4:6])]

    def matches(self, header):
        source, destination, source_port, destination_port, protocol = header
        if self.protocol is not None and protocol != self.protocol:
            return False
        if protocol not in WITH_PORTS and not all(self.any_ports):
            return False
        return (self.low[0] <= source <= self.high[0] and
                self.low[1] <= destination <= self.high[1] and
                (protocol not in WITH_PORTS or
                 (self.low[2] <= source_port <= self.high[2] and
                  self.low[3] <= destination_port <= self.high[3])))

    def as_yaml(self, number, **more):
        """As a rule of an ACL or NSG that is named by its number."""
        ports = ["*" if any_port else "%d-%d" % (self.low[i], self.high[i])
                 for i, any_port in ((2, self.any_ports[0]), (3, self.any_ports[1]))]
        return {"name": "r%d" % number, "direction": "Outbound", "access": "Deny",
                "protocol": "*" if self.protocol is None else self.protocol,
                "sources": self.texts[:1], "sourcePorts": ports[:1],
                "destinations": self.texts[1:], "destinationPorts": ports[1:], **more}


def first_match(rules, header):
    source, destination = header[:2]
    for number, rule in enumerate(rules):
        # The addresses first, and here: this is what takes the time.
        low, high = rule.low, rule.high
        if (low[0] <= source <= high[0] and low[1] <= destination <= high[1] and
                rule.matches(header)):
            return number
    return None


def question(header):
    """A header as a question to p1, as its sender."""
    ends = [str(ipaddress.IPv4Address(address)) for address in header[:2]]
    if header[4] in WITH_PORTS:
        ends = ["%s:%d" % pair for pair in zip(ends, header[2:4])]
    return {"port": "p1", "direction": "Outbound", "protocol": str(header[4]),
            "local": ends[0], "remote": ends[1]}


def headers_near(rules, count):
    """Headers at the edges of rules, just past them, and anywhere."""
    made = []
    for _ in range(count):
        rule = random.choice(rules)
        header = [random.choice((rule.low[i], rule.high[i],
                                 random.randint(rule.low[i], rule.high[i]))) for i in range(4)]
        header.append(random.choice((6, 17, 1, 47)) if rule.protocol is None else rule.protocol)
        if random.random() < 0.3:
            i = random.randrange(4)
            header[i] = min(max(header[i] + random.choice((-1, 1)), 0),
                            0xffffffff if i < 2 else 0xffff)
        if random.random() < 0.1:
            header[4] = random.choice((1, 6, 17, 50, 132, 255))
        made.append(header)
    return made


def main(data):
    folder = os.path.join(data, "classbench")
    seconds = []

    def load(name):
        with open(os.path.join(folder, name), encoding="ascii") as stream:
            return [Rule(line) for line in stream if line.startswith("@")]

    def timed(what, step, *arguments):
        begun = time.monotonic()
        result = step(*arguments)
        seconds.append("%s %.2f s" % (what, time.monotonic() - begun))
        return result

    def lay(where, rules, first_priority=None):
        rows = [rule.as_yaml(i, **({} if first_priority is None else
                                   {"priority": first_priority + i}))
                for i, rule in enumerate(rules)]
        more = ({"acls": [{"name": "set", "appliesTo": "switch", "rules": rows}]}
                if where == "acl" else
                {"nsgs": {"set": {"rules": rows}}, "subnet": {"nsg": "set"}})
        timed("%d rules in" % len(rules), switch.must_lay, document(**more))

    def compare(headers, expected, default):
        """Asks for each header; expected are numbers of rules, None for default."""
        answers = timed("%d questions" % len(headers), switch.ask,
                        [question(header) for header in headers])
        wrong = []
        for header, number, answer in zip(headers, expected, answers):
            want = default if number is None else ("Deny", "set/r%d" % number)
            if (answer["access"], answer["rule"]) != want:
                wrong.append("%s: %s, not %s" % (header, answer, want))
        assert not wrong, "%d of %d differ\n" % (len(wrong), len(headers)) + "\n".join(wrong[:20])

    def told():
        text = ", ".join(seconds)
        seconds.clear()
        return text

    def trace_of_acl_1k():
        with open(os.path.join(folder, "acl_1k_trace"), encoding="ascii") as stream:
            headers = [[int(word) for word in line.split()[:5]] for line in stream]
        with open(os.path.join(folder, "acl_1k_trace.firstmatch"), encoding="ascii") as stream:
            matches = [int(line) for line in stream]
        return headers, matches

    def acl_1k_names_the_first_match_of_every_header():
        rules = load("acl_1k")
        headers, matches = trace_of_acl_1k()
        expected = [first_match(rules, header) for header in headers]
        for header, given, found in zip(headers, matches, expected):
            # Without ports there are none to match, whatever numbers stand in their place.
            assert given == found or header[4] not in WITH_PORTS, (header, given, found)
        lay("acl", rules)
        compare(headers, expected, ("Allow", None))
        return told()

    def acl_1k_as_an_nsg_names_the_first_match_of_every_header():
        rules = load("acl_1k")
        headers, _ = trace_of_acl_1k()
        lay("nsg", rules, 100)
        compare(headers, [first_match(rules, header) for header in headers],
                ("Allow", "set/65001"))
        return told()

    def large_sets_name_the_first_match():
        for name in LARGE:
            rules = load(name)
            lay("acl", rules)
            headers = headers_near(rules, HEADERS)
            compare(headers, [first_match(rules, header) for header in headers],
                    ("Allow", None))
        return told()

    def large_sets_as_nsgs_name_the_first_match():
        for name in LARGE:
            rules = load(name)[:NSG_RULES]
            lay("nsg", rules, 100)
            headers = headers_near(rules, HEADERS // 3)
            expected = [first_match(rules, header) for header in headers]
            headers, expected = zip(*(pair for pair in zip(headers, expected)
                                      if pair[1] is not None))
            compare(headers, expected, None)
        return told()

    def one_rule_of_ten_thousand_changes():
        rules = load("acl1_10k")
        lay("acl", rules)
        rules[5000].protocol = 6 if rules[5000].protocol == 17 else 17
        lay("acl", rules)
        timed("the same again", lay, "acl", rules)
        timed("an asg added", switch.must, "asg", "add", "new")
        headers = headers_near(rules[4990:5010], 200)
        compare(headers, [first_match(rules, header) for header in headers], ("Allow", None))
        return told()

    random.seed(int(os.environ.get("SEED", "1")))
    with Switch() as switch:
        run_tests([acl_1k_names_the_first_match_of_every_header,
                   acl_1k_as_an_nsg_names_the_first_match_of_every_header,
                   large_sets_name_the_first_match, large_sets_as_nsgs_name_the_first_match,
                   one_rule_of_ten_thousand_changes])


if __name__ == "__main__":
    main(os.environ["DATA"])
