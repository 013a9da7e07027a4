#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The report of a journal that run.sh wrote.

report.py JOURNAL DIRECTORY: writes bench.json, bench.md and the plots beside it into the
directory, and prints the main figures. A figure is the median of the rounds; its spread is from the
first quartile to the third. A ratio is the median of the rounds' ratios.
"""
import glob
import json
import os
import statistics
import sys

import parts
import plot


def available(sample):
    """Seconds for which the sender had its CPU: something else on the machine may have had it."""
    return sample["seconds"] * (1 - min(sample.get("waited", 0), 0.95))


# measure: the heading of a figure, how it is made of a sample, digits
MEASURES = {
    "established": ("established, Mpps", lambda s: s["received"] / available(s) / 1e6, 3),
    "new": ("every frame new, Mpps", lambda s: s["received"] / available(s) / 1e6, 3),
    "bulk": ("one TCP connection, Gbit/s", lambda s: s["bytes"] * 8 / s["seconds"] / 1e9, 2),
    "round-trip": ("round trip p50, us", lambda s: s["p50"], 2),
}

# measure, path, path under it or beside it with its rules, whether the ratio must be at least or at most;
# no limit: to be seen beside it. What the switch is to come to by tc, in packets a second, is said of a
# bare tc redirect, which is bpf_redirect: it takes a frame to any device, bpf_redirect_peer into a veth's far
# end only. The switch uses that where it can, so the ratio to it stands beside; it is the harder one.
TARGETS = (
    ("established", "sluice-xdp", "bare-xdp", 0, "at least", 0.90),
    ("established", "sluice-tc", "bare-tc", 0, "at least", 0.90),
    ("established", "sluice-tc", "bare-tc-peer", 0, None, None),
    ("bulk", "sluice-tc", "bare-tc", 0, "at least", 0.95),
    ("bulk", "sluice-tc", "bare-tc-peer", 0, "at least", 0.95),
    ("new", "sluice-xdp", "bridge-nft", 1000, "at least", 10),
    ("new", "sluice-tc", "bridge-nft", 1000, "at least", 10),
    ("new", "sluice-xdp", "bare-xdp", 0, None, None),
    ("new", "bare-xdp", "bridge-nft", 1000, None, None),
    ("established", "sluice-af-xdp", "sluice-xdp", 1000, None, None),
    ("round-trip", "sluice-af-xdp", "sluice-xdp", 1000, None, None),
    ("round-trip", "sluice-xdp", "bare-xdp", 0, "at most", 1.10),
    ("round-trip", "sluice-tc", "bare-tc-peer", 0, "at most", 1.10),
)
RULES_OF_TARGETS = 1000
MAIN_PLANS = ("main", "quick")
OWN_THREADS = ("ovs", "sluice-af-xdp") # what has the sender's CPU may be the path itself


def spread(values):
    """Median, quartiles, extremes."""
    low, high = min(values), max(values)
    if len(values) > 1:
        first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    else:
        first = third = values[0]
    return {"median": statistics.median(values), "firstQuartile": first, "thirdQuartile": third,
            "minimum": low, "maximum": high, "rounds": len(values)}


class Results:
    """What a journal holds, by what was measured where."""

    def __init__(self, path):
        self.machine, self.cells, self.missing, self.about = None, {}, [], {}
        self.failed, self.runs = [], 0
        with open(path, encoding="utf-8") as file:
            for line in file:
                try:
                    self.take(json.loads(line))
                except ValueError:
                    continue  # the last line of a run that was killed

    def take(self, entry):
        if "machine" in entry:
            self.machine = entry["machine"]
            self.runs += 1
        elif "didNotRun" in entry:
            self.missing.append(entry)
        elif "failed" in entry:
            self.failed.append(entry)
        elif "sample" in entry:
            key = (entry["plan"], entry["measure"], entry["path"], entry["rules"],
                   entry["guests"], entry.get("CONNECTIONS", 1), entry.get("PAIRS", 1),
                   entry.get("FAMILY", 4))
            if entry["path"] in OWN_THREADS:
                entry["sample"].pop("waited", None)
            self.cells.setdefault(key, {})[self.runs, entry["round"]] = entry["sample"]
        elif "about" in entry:
            self.about[entry["path"]] = (entry["about"], entry["note"])

    def rounds(self, key):
        return {number: sample for number, sample in self.cells.get(key, {}).items()
                if sample.get("received", 1) > 0}

    def values(self, key, value=None):
        value = value or MEASURES[key[1]][1]
        return [value(sample) for sample in self.rounds(key).values()]

    def ratios(self, ours, theirs):
        """Of the rounds that both have."""
        above, below = self.rounds(ours), self.rounds(theirs)
        value = MEASURES[ours[1]][1]
        return [value(above[number]) / value(below[number]) for number in above if number in below]

    def main_rows(self):
        """(path, rules) in the order in which they were measured."""
        rows = []
        for key in self.cells:
            if key[0] in MAIN_PLANS and (key[2], key[3]) not in rows:
                rows.append((key[2], key[3]))
        return rows

    def main(self, measure, path, rules):
        for plan in MAIN_PLANS:
            key = (plan, measure, path, rules, 2, 1, 1, 4)
            if key in self.cells:
                return key
        return None


def targets(results):
    rows = []
    for measure, path, base, rules, sense, limit in TARGETS:
        ours = results.main(measure, path, 0 if path.startswith("bare") else RULES_OF_TARGETS)
        theirs = results.main(measure, base, rules)
        if not ours or not theirs:
            continue
        ratios = results.ratios(ours, theirs)
        if not ratios:
            continue
        ratio = statistics.median(ratios)
        met = ratio >= limit if sense == "at least" else ratio <= limit if sense else None
        rows.append({"measure": measure, "path": path, "beside": base, "rules": rules,
                     "ratio": ratio, "target": f"{sense} {limit:g}" if sense else None,
                     "met": met})
    return rows


def document(results):
    cells = []
    for key, taken in results.cells.items():
        samples = list(taken.values())
        cell = dict(zip(("plan", "measure", "path", "rules", "guests", "connections", "pairs",
                         "family"), key))
        values = results.values(key)
        if not values:
            continue
        cell["unit"] = MEASURES[key[1]][0]
        cell.update(spread(values))
        if "received" in samples[0]:
            cell["cpuNsPerPacket"] = statistics.median(
                results.values(key, lambda s: s["cpuSeconds"] / s["received"] * 1e9))
            cell["lost"] = statistics.median(
                results.values(key, lambda s: max(0, 1 - s["received"] / s["sent"])))
            cell["senderWaited"] = statistics.median(
                results.values(key, lambda s: s.get("waited", 0)))
        if "bytes" in samples[0]:
            cell["cpuSecondsPerGigabyte"] = statistics.median(
                results.values(key, lambda s: s["cpuSeconds"] / s["bytes"] * 1e9))
        for name in ("p90", "p99", "p999", "max"):
            if name in samples[0]:
                cell[name] = statistics.median(results.values(key, lambda s, n=name: s[n]))
        cells.append(cell)
    return {"machine": results.machine, "targets": targets(results), "figures": cells,
            "didNotRun": results.missing, "failed": results.failed}


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def cell_text(cell, digits):
    if not cell:
        return "-"
    return (f"{cell['median']:.{digits}f} ({cell['firstQuartile']:.{digits}f}-"
            f"{cell['thirdQuartile']:.{digits}f})")


def find(made, measure, path, rules):
    for cell in made["figures"]:
        if cell["plan"] in MAIN_PLANS and (cell["measure"], cell["path"], cell["rules"]) == \
                (measure, path, rules):
            return cell
    return None


def main_table(results, made):
    heads = ["path", "rules"]
    for title, _, _ in MEASURES.values():
        heads.append(title)
    rows = []
    for path, rules in results.main_rows():
        row = [path, str(rules) if rules else "-"]
        for measure, (_, _, digits) in MEASURES.items():
            row.append(cell_text(find(made, measure, path, rules), digits))
        rows.append(row)
    return table(heads, rows)


def cost_table(results, made):
    heads = ["path", "rules", "CPU ns a packet, established", "CPU ns a packet, new",
             "lost, established", "lost, new", "sender waited", "CPU s a GB of TCP", "round trip p90, us", "p99", "p99.9"]
    rows = []
    for path, rules in results.main_rows():
        known, new = find(made, "established", path, rules), find(made, "new", path, rules)
        bulk, trip = find(made, "bulk", path, rules), find(made, "round-trip", path, rules)

        def text(cell, name, form):
            return form.format(cell[name]) if cell and name in cell else "-"

        rows.append([path, str(rules) if rules else "-",
                     text(known, "cpuNsPerPacket", "{:.0f}"), text(new, "cpuNsPerPacket", "{:.0f}"),
                     text(known, "lost", "{:.1%}"), text(new, "lost", "{:.1%}"),
                     text(known, "senderWaited", "{:.1%}"),
                     text(bulk, "cpuSecondsPerGigabyte", "{:.2f}"),
                     text(trip, "p90", "{:.1f}"), text(trip, "p99", "{:.1f}"),
                     text(trip, "p999", "{:.1f}")])
    return table(heads, rows)


def ipv6_table(made):
    """Over IPv6 frames alone are measured, not the guests' stacks."""
    rows = {}
    for cell in made["figures"]:
        if cell["plan"] == "ipv6":
            rows.setdefault((cell["path"], cell["rules"]), {})[cell["measure"]] = cell
    shown = ("established", "new")
    return rows and table(["path", "rules"] + [MEASURES[name][0] for name in shown], [
        [path, str(rules) if rules else "-"] + [cell_text(cells.get(name), MEASURES[name][2]) for name in shown]
        for (path, rules), cells in rows.items()])


def target_table(made):
    rows = [[row["measure"], row["path"],
             row["beside"] + (f", {row['rules']} rules" if row["rules"] else ""),
             f"{row['ratio']:.2f}", row["target"] or "-",
             {True: "yes", False: "**no**", None: "-"}[row["met"]]]
            for row in made["targets"]]
    return table(["measure", "path", "beside", "ratio", "target", "met"], rows)


def machine_lines(machine):
    def lines(value, depth):
        for name, what in value.items():
            if isinstance(what, dict):
                yield "  " * depth + f"- {name}:"
                yield from lines(what, depth + 1)
            else:
                yield "  " * depth + f"- {name}: {what}"
    return list(lines(machine or {}, 0))


def write_report(results, made, directory):
    page = ["# What sluice costs, beside what it is compared with", "",
            "Made by `make bench`. Namespace - veth - switch - veth - namespace; 60-byte UDP frames, made by one",
            "CPU and counted at tc ingress of the receiving guest; the sending, the path and the counting share",
            "that CPU, unless the path has threads of its own. A figure is the median of the rounds, in which the paths",
            "took turns; its spread is from the first quartile to the third. CPU is user, system and interrupt",
            "time of all CPUs. Frames a second are those of a second for which the sender and the path had their CPU: what",
            "something else took of it (sender waited) is no fault of the path. bench/ says what each path is and how each sample is taken.",
            "What does not say IPv6 is IPv4.", "",
            "## Targets", ""] + target_table(made) + ["",
            "Packets a second by tc are held to a bare `bpf_redirect`, the tc redirect that reaches any device. The",
            "switch uses `bpf_redirect_peer` where the receiver is a veth's far end, as here; the ratio to that, bare,",
            "is the harder one and stands beside without a target. How many times nftables a redirect comes to that",
            "looks at nothing (new, bare-xdp) is the most that new connections could reach with this generator.",
            "", "## Paths", ""]
    page += main_table(results, made) + [""] + cost_table(results, made) + [""]
    page += [f"- {path}: {about}{'; ' + note if note else ''}"
             for path, (about, note) in results.about.items()] + [""]
    over_ipv6 = ipv6_table(made)
    if over_ipv6:
        page += ["## Over IPv6", "", "80-byte UDP frames; rules about IPv6 addresses.", ""] + over_ipv6 + [""]
    for name, title, image in plot.curves(made, directory):
        page += [f"## {title}", "", f"![{title}]({image})" if image else "(gnuplot is not installed: no plot)",
                 ""] + plot.curve_table(made, name) + [""]
    if made["didNotRun"] or made["failed"]:
        page += ["## What did not run", ""]
        page += [f"- {e['plan']}: {e['path']}, {e['rules']} rules: {e['didNotRun']}"
                 for e in made["didNotRun"]]
        page += [f"- {e['plan']}: {e['measure']} on {e['path']}, {e['rules']} rules"
                 f"{', ' + str(e['CONNECTIONS']) + ' connections' if 'CONNECTIONS' in e else ''}, "
                 f"round {e.get('round')}: {e['failed']}" for e in made["failed"]] + [""]
    for name in sorted(made["parts"]):
        page += parts.lines(name, made["parts"][name])
    page += ["## The machine", ""] + machine_lines(made["machine"]) + [""]
    with open(os.path.join(directory, "bench.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(page))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    results = Results(sys.argv[1])
    made = document(results)
    made["parts"] = {}
    for path in glob.glob(os.path.join(sys.argv[2], "bench-*.json")):
        with open(path, encoding="utf-8") as file:
            made["parts"][os.path.basename(path)[6:-5]] = json.load(file)
    with open(os.path.join(sys.argv[2], "bench.json"), "w", encoding="utf-8") as file:
        json.dump(made, file, indent=1)
    write_report(results, made, sys.argv[2])
    for line in target_table(made) + [""] + main_table(results, made):
        if not line.startswith("|---"):
            print("  ".join(f"{part.strip():<22}" for part in line.strip("|").split("|")).rstrip())
    for entry in made["didNotRun"]:
        print(f"did not run: {entry['path']}, {entry['rules']} rules: {entry['didNotRun']}")


main()
