# SPDX-License-Identifier: BSD-2-Clause
"""The scaling curves of a report: what varies is on the horizontal axis, a line is a path."""
import os
import shutil
import subprocess

# plan: what varies, the title, whether it grows by factors
CURVES = {
    "rules": ("rules", "rules in front of the one that matches", True),
    "flows": ("connections", "connections, visited one after the other", True),
    "ports": ("guests", "ports of the switch", True),
    "cores": ("pairs", "pairs of guests, each sender on a CPU of its own", False),
}
# A path has the same colour in every plot.
COLOURS = {
    "sluice-xdp": "#d62728", "sluice-tc": "#ff9f1c", "bare-xdp": "#1a1a1a", "bare-tc": "#9467bd",
    "bare-tc-peer": "#7f7f7f", "bridge": "#1f77b4", "bridge-nft": "#2ca02c", "iptables": "#8c564b",
}
WORDS = {"established": "established connections", "new": "every frame a new connection"}


def lines(made, plan, measure):
    """{path: [(x, cell)]}, in order."""
    found = {}
    for cell in made["figures"]:
        if cell["plan"] == plan and cell["measure"] == measure:
            found.setdefault(cell["path"], []).append((cell[CURVES[plan][0]], cell))
    return {path: sorted(points, key=lambda point: point[0]) for path, points in found.items()}


def draw(found, title, axis, by_factors, path):
    """One SVG by gnuplot; each line has its quartiles as error bars."""
    script = [f"set terminal svg size 760,420 font 'sans,12' background rgb 'white'",
              f"set output '{path}'", f"set title '{title}'", f"set xlabel '{axis}'",
              "set ylabel 'million frames a second'", "set key outside right", "set grid"]
    if by_factors:
        script += ["set logscale xy", "set format x '%.0f'"]
    else:
        script += ["set yrange [0:*]", "set xtics 1"]
    blocks, plots = [], []
    for number, (name, points) in enumerate(found.items()):
        blocks.append(f"$d{number} << EOD")
        blocks += [f"{x} {c['median']} {c['firstQuartile']} {c['thirdQuartile']}" for x, c in points]
        blocks.append("EOD")
        colour = f"linecolor rgb '{COLOURS[name]}' " if name in COLOURS else ""
        plots.append(f"$d{number} using 1:2:3:4 with yerrorlines linewidth 2 {colour}title '{name}'")
    subprocess.run(["gnuplot"], input="\n".join(blocks + script + ["plot " + ", ".join(plots)]),
                   text=True, check=True)


def curves(made, directory):
    """Draws what was measured: [(plan and measure, title, file name or None)]."""
    drawn = []
    for plan, (_, axis, by_factors) in CURVES.items():
        for measure, words in WORDS.items():
            found = lines(made, plan, measure)
            if not any(len(points) > 1 for points in found.values()):
                continue
            name = f"bench-{plan}-{measure}.svg"
            if shutil.which("gnuplot"):
                draw(found, words, axis, by_factors, os.path.join(directory, name))
            else:
                name = None
            drawn.append(((plan, measure), f"{plan[0].upper()}{plan[1:]}: {words}", name))
    return drawn


def curve_table(made, which):
    """The same as a table: a row is a path."""
    found = lines(made, *which)
    values = sorted({x for points in found.values() for x, _ in points})
    table = [f"| Mpps at {CURVES[which[0]][0]} | " + " | ".join(f"{x:,}" for x in values) + " |",
             "|" + "---|" * (len(values) + 1)]
    for path, points in found.items():
        at = dict(points)
        table.append(f"| {path} | " + " | ".join(
            f"{at[x]['median']:.3f}" if x in at else "-" for x in values) + " |")
    return table
