#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a guest sends from a VF to get past the switch, or somebody on the wire to get at a VF.

   escapes.py DEVICE WAY FROM_MAC TO_MAC [VLAN...]

WAYs are below. Each frame would be let through, were it what it says, and holds the mark that
`guest watch` looks for. Without scapy, which takes seconds to begin in an emulated machine.
"""
import socket
import struct
import sys

MARK = b"sluice-mark" * 6


def mac(text):
    """The six bytes of a MAC."""
    return bytes.fromhex(text.replace(":", ""))


def folded(data):
    """The Internet checksum."""
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp(source, destination, family):
    """A datagram to port 53, from its IP header on."""
    src, dst = socket.inet_pton(family, source), socket.inet_pton(family, destination)
    length = 8 + len(MARK)
    pseudo = src + dst + struct.pack("!IHBB", length, 0, 0, 17)
    bare = struct.pack("!HHHH", 4000, 53, length, 0) + MARK
    datagram = bare[:6] + struct.pack("!H", folded(pseudo + bare) or 0xffff) + bare[8:]
    if family == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28, length, 17, 64) + src + dst + datagram
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0, 64, 17, 0) + src + dst
    return header[:10] + struct.pack("!H", folded(header)) + header[12:] + datagram


def ipv4(source, destination):
    """EtherType and an IPv4 datagram."""
    return b"\x08\x00" + udp(source, destination, socket.AF_INET)


def ipv6(source, destination):
    """EtherType and an IPv6 datagram."""
    return b"\x86\xdd" + udp(source, destination, socket.AF_INET6)


def arp(sender_mac, sender, target):
    """EtherType and a question."""
    return b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac(sender_mac) + \
        socket.inet_aton(sender) + bytes(6) + socket.inet_aton(target) + MARK


def claim(sender_mac, address):
    """EtherType and an unsolicited neighbor advertisement."""
    own = socket.inet_pton(socket.AF_INET6, address)
    everybody = socket.inet_pton(socket.AF_INET6, "ff02::1")
    bare = struct.pack("!BBHI", 136, 0, 0, 1 << 29) + own + b"\2\1" + mac(sender_mac)
    pseudo = own + everybody + struct.pack("!II", len(bare), 58)
    message = bare[:2] + struct.pack("!H", folded(pseudo + bare)) + bare[4:]
    return b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + own + everybody + \
        message


OWN4, OTHER4, HOST4 = "10.1.1.4", "10.1.1.5", "192.0.2.1"
OWN6, OTHER6 = "fd00:1:0:1::4", "fd00:1:0:1::5"
WAYS = {
    "honest": lambda own: [ipv4(OWN4, OTHER4), ipv6(OWN6, OTHER6)],
    "addresses": lambda own: [ipv4("10.1.1.77", OTHER4), ipv6("fd00:1:0:1::77", OTHER6)],
    "neighbors": lambda own: [arp(own, OTHER4, "10.1.2.4"), claim(own, OTHER6)],
    "host": lambda own: [ipv4(OWN4, HOST4)],
}


def main():
    """Sends the frames of a way, tagged where VLANs are given."""
    device, way, source, destination = sys.argv[1:5]
    tags = b"".join(struct.pack("!HH", 0x8100, int(vlan)) for vlan in sys.argv[5:])
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((device, 0))
    for frame in WAYS[way](source):
        wire.send(mac(destination) + mac(source) + tags + frame)


main()
