#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""
DATA=DIRECTORY azure.py: the security groups of $DATA/azure-nsg as documents and as `nsg rule
create` commands. What Azure takes is taken, or refused for the right reason, and judges like a
plain model of it.
"""
import ipaddress
import json
import os
import random

from switch import Switch, document, run_tests

VNET = [ipaddress.ip_network(prefix) for prefix in ("10.1.0.0/16", "fd00:1::/48")]
BUILT_IN = {"virtualnetwork": "VirtualNetwork", "internet": "Internet",
            "azureloadbalancer": "LoadBalancer"}
# Of rules of Azure that hold lists, and the options of az, by our key.
FIELDS = {"sources": ("sourceAddressPrefix", "--source-address-prefixes"),
          "sourcePorts": ("sourcePortRange", "--source-port-ranges"),
          "destinations": ("destinationAddressPrefix", "--destination-address-prefixes"),
          "destinationPorts": ("destinationPortRange", "--destination-port-ranges")}
DEFAULTS = {"Inbound": [("65000", "Allow", "VirtualNetwork", "VirtualNetwork"),
                        ("65001", "Allow", "LoadBalancer", "*"), ("65500", "Deny", "*", "*")],
            "Outbound": [("65000", "Allow", "VirtualNetwork", "VirtualNetwork"),
                         ("65001", "Allow", "*", "Internet"), ("65500", "Deny", "*", "*")]}
# The service tags of Azure that a document has to define itself, as the tests do.
SERVICES = {"GatewayManager": "198.18.0.0/24", "ApiManagement": "198.18.1.0/24",
            "HDInsight": "198.18.2.0/24", "AppServiceManagement": "198.18.3.0/24",
            "AzureCloud": "198.18.0.0/16", "Storage": "198.18.5.0/24", "Sql": "198.18.6.0/24",
            "EventHub": "198.18.7.0/24", "AzureMonitor": "198.18.8.0/24",
            "AzureActiveDirectory": "198.18.9.0/24", "AzureKeyVault": "198.18.10.0/24"}


def is_template(value):
    """Whether a value of Azure's holds an expression that only a deployment resolves."""
    if isinstance(value, (list, tuple)):
        return any(is_template(item) for item in value)
    if isinstance(value, dict):
        return any(is_template(item) for item in value.values())
    return isinstance(value, str) and value.startswith("[")


def convert(rule):
    """A rule of Azure as one of ours, as it is written there."""
    ours = {"name": rule["name"].replace(" ", "_"), "priority": rule["priority"],
            "direction": rule["direction"], "access": rule["access"],
            "protocol": rule["protocol"]}
    for key, (field, _) in FIELDS.items():
        values = rule.get(field + "s") or [rule.get(field, "*")]
        ours[key] = [str(value) for value in values]
    return ours


def load(data):
    """The groups as (source, rules of ours), without rules that hold expressions."""
    groups, left_out = [], 0
    with open(os.path.join(data, "azure-nsg", "nsgs.jsonl"), encoding="utf-8") as stream:
        for line in stream:
            group = json.loads(line)
            kept = [rule for rule in group["rules"] if not is_template(rule)]
            left_out += len(group["rules"]) - len(kept)
            groups.append((group["source"], [convert(rule) for rule in kept]))
    return groups, left_out


def wrong_with(rules):
    """What a group must be refused for, as a word of the message; None when it is right."""
    seen = set()
    for rule in rules:
        if "" in rule["sourcePorts"] + rule["destinationPorts"]:
            return '"" is not a number'
        if not 100 <= int(rule["priority"]) <= 4096:
            return "priority"
        if (int(rule["priority"]), rule["direction"].lower()) in seen:
            return "same priority"
        seen.add((int(rule["priority"]), rule["direction"].lower()))
        if rule["name"] in [other["name"] for other in rules if other is not rule]:
            return rule["name"]
    return None


def in_selector(text, address):
    """Whether the address is one of a prefix, a tag or all."""
    tag = BUILT_IN.get(text.lower(), text)
    inside = any(address in network for network in VNET if network.version == address.version)
    if tag == "*":
        return True
    if tag == "VirtualNetwork":
        return inside
    if tag == "Internet":
        return not inside
    if tag == "LoadBalancer":
        return False
    return address in ipaddress.ip_network(SERVICES.get(tag, tag), strict=False)


def in_ports(text, port):
    low, _, high = text.partition("-")
    return text == "*" or (port is not None and int(low) <= port <= int(high or low))


def judge(rules, asked):
    """Access and rule of a group, as Azure describes it."""
    for rule in sorted(rules, key=lambda rule: int(rule["priority"])):
        if rule["direction"].lower() != asked["direction"].lower():
            continue
        if rule["protocol"] != "*" and rule["protocol"].lower() != asked["protocol"].lower():
            continue
        if (any(in_selector(text, asked["source"]) for text in rule["sources"]) and
                any(in_selector(text, asked["destination"]) for text in rule["destinations"]) and
                any(in_ports(text, asked["sourcePort"]) for text in rule["sourcePorts"]) and
                any(in_ports(text, asked["destinationPort"])
                    for text in rule["destinationPorts"])):
            return rule["access"], rule["name"]
    for number, access, source, destination in DEFAULTS[asked["direction"]]:
        if in_selector(source, asked["source"]) and in_selector(destination, asked["destination"]):
            return access, number
    return None


def some_address(rules, key, version):
    """Of what the rules name, or of the vnet, or of elsewhere."""
    texts = [text for rule in rules for text in rule[key]
             if "." in text or ":" in text] + ["10.1.0.0/16", "fd00:1::/48", "8.8.8.8",
                                               "2001:db8::/32", *SERVICES.values()]
    networks = [ipaddress.ip_network(text, strict=False) for text in texts]
    network = random.choice([network for network in networks if network.version == version])
    address = int(network.network_address) + random.randrange(min(network.num_addresses, 1 << 60))
    return (ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address)(address)


def some_port(rules, key):
    text = random.choice([text for rule in rules for text in rule[key]] or ["*"])
    if text == "*" or random.random() < 0.2:
        return random.randrange(65536)
    return min(65535, int(random.choice(text.split("-"))) + random.choice((0, 0, 1)))


def some_question(rules):
    """What the model is asked, and the same as test-ip-flow is."""
    version = random.choice((4, 4, 6))
    protocol = random.choice(("Tcp", "Tcp", "Udp", "Icmp"))
    has_ports = protocol != "Icmp"
    asked = {"direction": random.choice(("Inbound", "Inbound", "Outbound")), "protocol": protocol,
             "source": some_address(rules, "sources", version),
             "destination": some_address(rules, "destinations", version),
             "sourcePort": some_port(rules, "sourcePorts") if has_ports else None,
             "destinationPort": some_port(rules, "destinationPorts") if has_ports else None}
    ends = [str(asked[end]) for end in ("source", "destination")]
    if has_ports:
        ends = [("[%s]:%d" if version == 6 else "%s:%d") % pair for pair in
                zip(ends, (asked["sourcePort"], asked["destinationPort"]))]
    if asked["direction"] == "Inbound":
        ends.reverse()
    return asked, {"port": "p1", "direction": asked["direction"], "protocol": protocol,
                   "local": ends[0], "remote": ends[1]}


def main(data):
    groups, left_out = load(data)

    def with_groups(chosen, **more):
        """A document in which each group is an nsg of its own; p1's subnet has the first."""
        return document(subnet={"nsg": "g%d" % chosen[0]},
                        nsgs={"g%d" % i: {"rules": groups[i][1]} for i in chosen}, **more)

    def a_service_tag_that_is_not_defined_is_named():
        named = 0
        for i, (source, rules) in enumerate(groups):
            tags = {text for rule in rules for text in rule["sources"] + rule["destinations"]
                    if text in SERVICES}
            if not tags or wrong_with(rules):
                continue
            done = switch.lay(with_groups([i]))
            assert done.returncode == 2 and any('tag "%s" does not exist' % tag in done.stderr
                                                for tag in tags), (source, done.stderr)
            named += 1
        return "%d groups" % named

    def each_group_is_taken_or_refused_for_what_is_wrong():
        refused = 0
        for i, (source, rules) in enumerate(groups):
            done = switch.lay(with_groups([i], tags=tags))
            wrong = wrong_with(rules)
            if wrong:
                refused += 1
                assert done.returncode == 2 and wrong in done.stderr, (source, done.stderr)
            else:
                assert done.returncode == 0, (source, done.stderr)
        return "%d groups, %d refused, %d rules with expressions left out" % (
            len(groups), refused, left_out)

    def each_group_judges_like_the_model():
        asked_of = 0
        right = [i for i, (_, rules) in enumerate(groups) if not wrong_with(rules)]
        for i in right:
            rules = groups[i][1]
            switch.must_lay(with_groups([i], tags=tags))
            pairs = [some_question(rules) for _ in range(QUESTIONS)]
            for (asked, question), answer in zip(pairs, switch.ask([pair[1] for pair in pairs])):
                access, name = judge(rules, asked)
                assert (answer["access"], answer["rule"], answer["level"]) == (
                    access, "g%d/%s" % (i, name), "subnet"), (groups[i][0], question, answer, name)
            asked_of += len(pairs)
        return "%d questions to %d groups" % (asked_of, len(right))

    def az_commands_make_the_same_group():
        made = 0
        for i in [i for i, (_, rules) in enumerate(groups) if not wrong_with(rules)][:COMMANDS]:
            rules = groups[i][1]
            switch.must_lay(with_groups([i], tags=tags))
            from_file = switch.must("-j", "export")
            switch.must_lay(document(subnet={"nsg": "g%d" % i}, tags=tags,
                                     nsgs={"g%d" % i: {"rules": []}}))
            for rule in rules:
                options = [word for key, (_, option) in FIELDS.items()
                           for word in (option, *rule[key])]
                switch.must("nsg", "rule", "create", "--nsg-name", "g%d" % i, "-n", rule["name"],
                            "--priority", str(rule["priority"]), "--direction", rule["direction"],
                            "--access", rule["access"], "--protocol", rule["protocol"], *options)
                made += 1
            assert json.loads(switch.must("-j", "export")) == json.loads(from_file), groups[i][0]
        return "%d rules" % made

    tags = {name: [prefix] for name, prefix in SERVICES.items()}
    random.seed(int(os.environ.get("SEED", "1")))
    with Switch() as switch:
        switch.must_lay(document())
        run_tests([a_service_tag_that_is_not_defined_is_named,
                   each_group_is_taken_or_refused_for_what_is_wrong,
                   each_group_judges_like_the_model, az_commands_make_the_same_group])


QUESTIONS = 200 # to each group
COMMANDS = 20   # groups that are made rule by rule

if __name__ == "__main__":
    main(os.environ["DATA"])
