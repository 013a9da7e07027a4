#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sends what no honest stack would send, from eth0 of the guest it runs in.

   frames.py SCENARIO [KEY=VALUE...]

Each scenario is a function below that gives the frames; whatever can carry it holds the mark that
`guest watch` looks for. KEYs: dst, src, dst6, src6, mac, port.
"""
import logging
import sys

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
# pylint: disable=wrong-import-position
from scapy.config import conf  # noqa: E402
from scapy.layers.dhcp import BOOTP, DHCP  # noqa: E402
from scapy.layers.dhcp6 import DHCP6_Advertise  # noqa: E402
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_LSRR  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether  # noqa: E402
from scapy.layers.vxlan import VXLAN  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.arch import get_if_hwaddr  # noqa: E402

MARK = Raw(b"sluice-mark" * 6)
OWN_MAC = get_if_hwaddr("eth0")
GATEWAY_MAC = "02:00:00:00:00:fe"  # any unicast address: the switch routes by IP
# Who the guest is in the tests' world, by its MAC.
OWN = {"52:54:00:00:01:04": ("10.1.1.4", "fd00:1:0:1::4"),
       "52:54:00:00:01:05": ("10.1.1.5", "fd00:1:0:1::5"),
       "52:54:00:00:02:04": ("10.1.2.4", "fd00:1:0:2::4")}.get(OWN_MAC, ("10.1.1.4", "fd00:1:0:1::4"))


class World:
    """What a scenario is told, with what is usual where it is told nothing."""

    def __init__(self, words):
        told = dict(word.split("=", 1) for word in words)
        self.dst = told.get("dst", "10.1.2.4")
        self.dst6 = told.get("dst6", "fd00:1:0:2::4")
        self.src = told.get("src", OWN[0])
        self.src6 = told.get("src6", OWN[1])
        self.mac = told.get("mac", OWN_MAC)
        self.port = int(told.get("port", "53"))
        self.device = told.get("dev", "eth0")

    def ether(self, **fields):
        """The Ethernet header of an honest frame, unless fields say otherwise."""
        return Ether(src=self.mac, dst=GATEWAY_MAC, **fields)

    def ip(self, **fields):
        """Ethernet and IPv4."""
        return self.ether() / IP(src=self.src, dst=self.dst, **fields)

    def ipv6(self, **fields):
        """Ethernet and IPv6."""
        return self.ether() / IPv6(src=self.src6, dst=self.dst6, **fields)

    def udp(self):
        """A datagram to the port asked for."""
        return UDP(sport=4000, dport=self.port) / MARK


def udp4(w):
    """An honest datagram; dishonest when src or mac say so."""
    return [w.ip() / w.udp()]


def udp6(w):
    """The same in IPv6."""
    return [w.ipv6() / w.udp()]


def arp_claim(w):
    """Gratuitous ARP for somebody else's address."""
    return [Ether(src=w.mac, dst="ff:ff:ff:ff:ff:ff") /
            ARP(op=2, hwsrc=w.mac, psrc=w.src, hwdst="ff:ff:ff:ff:ff:ff", pdst=w.src) / MARK]


def arp_ask(w):
    """Who has dst, asked with src as the sender."""
    return [Ether(src=w.mac, dst="ff:ff:ff:ff:ff:ff") /
            ARP(op=1, hwsrc=w.mac, psrc=w.src, pdst=w.dst) / MARK]


def nd_claim(w):
    """Unsolicited neighbor advertisement for somebody else's address."""
    return [Ether(src=w.mac, dst="33:33:00:00:00:01") /
            IPv6(src=w.src6, dst="ff02::1", hlim=255) /
            ICMPv6ND_NA(tgt=w.dst6, R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=w.mac)]


def dhcp_offer(w):
    """A DHCP server's answer."""
    return [w.ip() / UDP(sport=67, dport=68) / BOOTP(op=2, yiaddr=w.dst) /
            DHCP(options=[("message-type", "offer"), "end"]) / MARK]


def dhcp6_advertise(w):
    """A DHCPv6 server's answer."""
    return [w.ipv6() / UDP(sport=547, dport=546) / DHCP6_Advertise(trid=7) / MARK]


def router_advert(w):
    """A router advertisement, to all nodes and to one."""
    return [Ether(src=w.mac, dst=ether) / IPv6(src=w.src6, dst=to, hlim=255) /
            ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptSrcLLAddr(lladdr=w.mac) / MARK
            for ether, to in (("33:33:00:00:00:01", "ff02::1"), (GATEWAY_MAC, w.dst6))]


def vlan(w):
    """One tag."""
    return [w.ether() / Dot1Q(vlan=5002) / IP(src=w.src, dst=w.dst) / w.udp()]


def qinq(w):
    """Two tags, both ways of writing the outer one."""
    return [w.ether() / outer / Dot1Q(vlan=2) / IP(src=w.src, dst=w.dst) / w.udp()
            for outer in (Dot1Q(vlan=1), Dot1AD(vlan=1))]


def three_tags(w):
    """More than is parsed."""
    return [w.ether() / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) /
            IP(src=w.src, dst=w.dst) / w.udp()]


def orphan_fragment(w):
    """A later fragment whose first nobody sent."""
    return [w.ip(id=77, frag=40, proto=17) / MARK]


def orphan_fragment6(w):
    """The same in IPv6."""
    return [w.ipv6() / IPv6ExtHdrFragment(id=77, offset=40, nh=17) / MARK]


def fragment_as_syn(w):
    """A later fragment whose payload reads like an allowed TCP header."""
    return [w.ip(id=78, frag=40, proto=6) / Raw(bytes(TCP(dport=5432, flags="S"))) / MARK]


def tiny_fragment(w):
    """A first fragment of eight bytes of TCP, and one at offset 8."""
    header = bytes(TCP(dport=5432, flags="S"))
    return [w.ip(id=79, flags="MF", proto=6) / Raw(header[:8]),
            w.ip(id=79, frag=1, proto=6) / Raw(header[8:] + bytes(MARK))]


def overlap_fragment(w):
    """Two fragments that share bytes."""
    whole = bytes(w.ip(id=80) / w.udp())[34:] * 2
    first = w.ip(id=80, flags="MF", proto=17) / Raw(whole[:32])
    return [first, w.ip(id=80, frag=3, flags="MF", proto=17) / Raw(whole[24:48])]


def chain_in_fragments(w):
    """A first fragment that does not reach the transport header (RFC 7112)."""
    return [w.ipv6() / IPv6ExtHdrFragment(id=81, m=1, nh=60) /
            Raw(bytes(IPv6ExtHdrDestOpt(nh=60, len=0))) / Raw(b"\0" * 8)]


def long_chain(w):
    """More extension headers than are walked."""
    frame = w.ipv6()
    for _ in range(40):
        frame = frame / IPv6ExtHdrDestOpt(len=0)
    return [frame / w.udp()]


def bad_ihl(w):
    """A header length below five, and a total length beyond the frame."""
    return [w.ip(ihl=4) / w.udp(), w.ip(len=1400) / w.udp()]


def source_route(w):
    """IPv4 loose source routing."""
    return [w.ip(options=[IPOption_LSRR(routers=["10.1.2.4"])]) / w.udp()]


def bad_flags(w):
    """SYN+FIN, none at all, Xmas."""
    return [w.ip() / TCP(sport=4100 + i, dport=5432, flags=flags) / MARK
            for i, flags in enumerate(("SF", 0, "FPU"))]


def lone_ack(w):
    """An ACK of a connection that nobody opened, and a reset of one."""
    return [w.ip() / TCP(sport=4200, dport=5432, flags="A", seq=1000, ack=2000) / MARK,
            w.ip() / TCP(sport=4201, dport=5432, flags="R", seq=1000) / MARK]


def forged_icmp(w):
    """Port unreachable about a flow that does not exist."""
    return [w.ip() / ICMP(type=3, code=3) / IP(src=w.dst, dst=w.src) /
            UDP(sport=9, dport=9) / MARK]


def forged_icmp6(w):
    """The same in IPv6."""
    return [w.ipv6() / ICMPv6DestUnreach(code=4) / IPv6(src=w.dst6, dst=w.src6) /
            UDP(sport=9, dport=9) / MARK]


def broadcast(w):
    """IP to everybody on a wire that does not exist."""
    return [Ether(src=w.mac, dst="ff:ff:ff:ff:ff:ff") / IP(src=w.src, dst="255.255.255.255") / w.udp(),
            Ether(src=w.mac, dst="01:00:5e:00:00:fb") / IP(src=w.src, dst="224.0.0.251") / w.udp()]


def other_ethertype(w):
    """Neither ARP nor IP: 802.1X, LLDP, and one nobody has."""
    return [Ether(src=w.mac, dst=GATEWAY_MAC, type=kind) / MARK for kind in (0x888e, 0x88cc, 0x9999)]


def own_vxlan(w):
    """A tunnel of the guest's own: data like any other."""
    return [w.ip() / UDP(sport=4000, dport=4789) / VXLAN(vni=5002) /
            Ether(src=OWN_MAC, dst=GATEWAY_MAC) / IP(src="10.1.1.4", dst="10.1.2.4") / w.udp()]


def many_flows(w):
    """Two thousand datagrams from as many ports."""
    return [w.ip() / UDP(sport=1024 + i, dport=w.port) / MARK for i in range(2000)]


def echo_to_port(w):
    """A ping, for wherever dst is."""
    return [w.ip() / ICMP() / MARK, w.ipv6() / ICMPv6EchoRequest() / MARK]


def main():
    """Send the frames of the scenario named."""
    world = World(sys.argv[2:])
    frames = globals()[sys.argv[1]](world)
    socket = conf.L2socket(iface=world.device)
    for frame in frames:
        socket.send(frame)
    socket.close()
    print("sent", len(frames))


main()
