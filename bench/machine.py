#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The machine and what is compared on it, as one line of JSON."""
import datetime
import glob
import json
import os
import platform
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def said(*command):
    """The first line a command prints, or None where there is no such command."""
    try:
        out = subprocess.run(command, capture_output=True, text=True, cwd=HERE, check=False)
    except OSError:
        return None
    lines = (out.stdout or out.stderr).splitlines()
    return lines[0].strip() if lines else None


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None


def field(text, name):
    found = re.search(rf"^{name}\s*:\s*(.*)$", text or "", re.MULTILINE)
    return found.group(1) if found else None


def package(name):
    return said("dpkg-query", "-W", "-f", "${Version}", name) or None


os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
cpuinfo = read("/proc/cpuinfo")
print(json.dumps({"machine": {
    "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    "commit": said("git", "rev-parse", "--short=12", "HEAD"),
    "changed": bool(said("git", "status", "--porcelain", "--untracked-files=no")),
    "cpu": field(cpuinfo, "model name"),
    "cpus": os.cpu_count(),
    "hypervisor": said("systemd-detect-virt")
    or ("yes" if re.search(r"\bhypervisor\b", cpuinfo or "") else "none"),
    "memory": field(read("/proc/meminfo"), "MemTotal"),
    "kernel": platform.release(),
    "system": field((read("/etc/os-release") or "").replace("=", ":"), "PRETTY_NAME"),
    "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "none visible",
    "mitigations": {os.path.basename(path): read(path)
                    for path in sorted(glob.glob("/sys/devices/system/cpu/vulnerabilities/*"))
                    if read(path) != "Not affected"},
    "bpfJit": read("/proc/sys/net/core/bpf_jit_enable"),
    "versions": {
        "nftables": said("nft", "--version"),
        "iptables": said("iptables", "--version"),
        "conntrack": package("conntrack"),
        "openvswitch": said("ovs-vswitchd", "--version"),
        "xdp-filter": package("xdp-tools"),
        "iproute2": said("ip", "-V"),
        "libbpf": said("pkg-config", "--modversion", "libbpf"),
        "gnuplot": said("gnuplot", "--version"),
    },
}}))
