# SPDX-License-Identifier: BSD-2-Clause
"""What other programs than run.sh measured, as parts of a report."""

# part: what it is
TEXTS = {
    "classify": "One verdict of the loaded classifier by test run. Beside: the set whose median a set's is so many "
                "times. A set made against classifiers stands beside rules between networks (ipc) of the same number.",
    "first-packet": "A connection's first packet on its whole way through the programs, by test run, judged by an ACL "
                    "of so many rules; times: the median by that at 100 rules.",
    "loss": "Datagrams and their echoes by the stacks of two guests while rules change: lost or come twice.",
    "neighbours": "What a port's packets cost beside another port that is silent, talks on as many flows as it may, or "
                  "begins flows as fast as it can, by test run.",
    "quick": "A packet by test run, beside floors that parse, look up, count and redirect: the same packet again, and "
             "packets of a million flows over the kernel's hash and over cache lines.",
    "update": "A rule added to so many: until it is live, until all is done, and what a command takes with all that "
              "it reads. Every 257th addition lays all rules anew, which the maximum shows.",
}
# What a heading, column or first cell of the program's JSON is called here.
WORDS = {
    "family": "IP", "median": "median, ns", "minimum": "minimum, ns", "percentile99": "99 %, ns",
    "percentile99_9": "99.9 %, ns", "tail": "99.9 % by median", "times": "times",
    "steps": "lines read, median", "steps99_9": "lines read, 99.9 %", "compileMs": "compiled in ms",
    "compileKib": "compiled with KiB", "lines": "lines of the table",
    "timesFloor": "times its floor", "promised": "promised, at most", "quotients": "against what is promised",
    "sameCpu": "on the same CPU", "otherCpu": "on another CPU", "newFlow": "first packet of a flow",
    "established": "packet of a known flow", "atQuota": "flooding at its quota",
    "empty": "nothing", "floorIpv6": "floor, IPv6", "drop": "drop by policy",
    "establishedIpv6": "packet of a known flow, IPv6", "samePacket": "the same packet again / floor",
    "samePacketIpv6": "the same over IPv6 / floor", "skewedLines": "floor, cache lines, nine of ten packets of 4,096 flows",
    "skewedHash": "floor, kernel's hash, the same", "skewed": "known flows, the same",
    "uniformLines": "floor, cache lines, all flows alike", "uniformHash": "kernel's hash, all flows alike",
    "uniform": "known flows, all flows alike",
    "timesTalking": "times beside one that talks", "wholeSeconds": "all rules anew, s",
}
UNITS = {"liveUs": "live, us", "doneUs": "done, us", "commandUs": "command, us"}


def number_text(value):
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def flat(row):
    """{"a": {"b": 1}} becomes {"a b": 1}."""
    made = {}
    for key, value in row.items():
        if isinstance(value, dict):
            made.update({f"{UNITS.get(key, key)}: {inner}": what for inner, what in value.items()})
        else:
            made[key] = value
    return made


def table(rows):
    rows = [flat(row) for row in rows]
    heads = list(dict.fromkeys(head for row in rows for head in row))
    lines = ["| " + " | ".join(WORDS.get(head, head) for head in heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join(number_text(row.get(head, "-")) for head in heads) + " |" for row in rows]


def classify(rows):
    """Sets of a kind by size; of sets made against classifiers those that they stand beside are left out."""
    found = {"ordinary": [], "hostile": []}
    for row in rows:
        if row["sets"] == "ordinary" or row["kind"] != "ipc":
            found[row["sets"]].append({key: value for key, value in row.items() if key != "sets"})
    found["ordinary"].sort(key=lambda row: (row["family"], row["kind"], row["headers"], row["rules"]))
    return {"rules like those in use": found["ordinary"], "rules made against classifiers": found["hostile"]}


def is_table(value):
    return isinstance(value, dict) and value and all(
        isinstance(row, dict) and not any(isinstance(cell, (dict, list)) for cell in row.values())
        for row in value.values())


def nested(value, depth):
    """A table where it is one, headings where it nests."""
    if is_table(value):
        value = [{"": WORDS.get(key, key), **row} for key, row in value.items()]
    if isinstance(value, list):
        return table(value) + [""] if value else []
    lines = []
    for key, inner in value.items():
        lines += ["#" * depth + " " + WORDS.get(key, key), ""] + nested(inner, depth + 1)
    return lines


def lines(name, value):
    if name == "classify":
        value = classify(value)
    return [f"## {name}", "", TEXTS.get(name, ""), ""] + nested(value, 3)
