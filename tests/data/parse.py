# SPDX-License-Identifier: BSD-2-Clause
"""
An independent reading of captures and of the frames in them: what `trace --replay` must call
`parsed`. Written from the RFCs and the interface, not from the switch.
"""
import ipaddress
import struct

ETHERNET = 1


def captures(path):
    """The link type of a pcap file, and its frames as (bytes, length on the wire)."""
    with open(path, "rb") as stream:
        data = stream.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<",
             b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}[data[:4]]
    link = struct.unpack(order + "I", data[20:24])[0] & 0xffff
    frames, at = [], 24
    while at + 16 <= len(data):
        size, wire = struct.unpack(order + "II", data[at + 8:at + 16])
        if at + 16 + size > len(data):
            break
        frames.append((data[at + 16:at + 16 + size], wire))
        at += 16 + size
    return link, frames, at == len(data)


def parse(frame):
    """What a reader of the frame finds; fields that are not there are left out."""
    found = {}
    if len(frame) < 14:
        return found
    vlans, at = [], 12
    kind = struct.unpack("!H", frame[at:at + 2])[0]
    while kind in (0x8100, 0x88a8) and len(vlans) < 2:
        if len(frame) < at + 6:
            return found
        tag, kind = struct.unpack("!HH", frame[at + 2:at + 6])
        vlans.append(tag & 0xfff)
        at += 4
    found.update(vlans=vlans, etherType=kind)
    if kind == 0x0800:
        parse_ipv4(frame, at + 2, found)
    elif kind == 0x86dd:
        parse_ipv6(frame, at + 2, found)
    return found


def parse_ipv4(frame, at, found):
    ip = frame[at:at + 20]
    if len(ip) < 20 or ip[0] >> 4 != 4:
        return
    total, _, fragment = struct.unpack("!HHH", ip[2:8])
    found.update(source=str(ipaddress.IPv4Address(ip[12:16])),
                 destination=str(ipaddress.IPv4Address(ip[16:20])), protocol=ip[9],
                 fragment="later" if fragment & 0x1fff else "first" if fragment & 0x2000 else "no")
    header = (ip[0] & 15) * 4
    if header >= 20 and total >= header and found["fragment"] != "later":
        parse_transport(frame[:at + total], at + header, 1, found)


def parse_ipv6(frame, at, found):
    ip = frame[at:at + 40]
    if len(ip) < 40 or ip[0] >> 4 != 6:
        return
    protocol, fragment = ip[6], "no"
    end = at + 40 + struct.unpack("!H", ip[4:6])[0]
    found.update(source=str(ipaddress.IPv6Address(ip[8:24])),
                 destination=str(ipaddress.IPv6Address(ip[24:40])), protocol=protocol,
                 fragment=fragment)
    packet, next_at = frame[:end], at + 40
    while protocol in (0, 43, 44, 60):
        if next_at + 8 > len(packet):
            return
        size = 8 if protocol == 44 else 8 + packet[next_at + 1] * 8
        if next_at + size > end:
            return
        if protocol == 44:
            offset = struct.unpack("!H", packet[next_at + 2:next_at + 4])[0]
            fragment = "later" if offset & ~7 else "first" if offset & 1 else fragment
        protocol = packet[next_at]
        found.update(protocol=protocol, fragment=fragment)
        if fragment == "later":
            return
        next_at += size
    parse_transport(packet, next_at, 58, found)


def parse_transport(packet, at, icmp, found):
    """Ports and the like, when the transport's fixed header is there as a whole."""
    fixed = {6: 20, 17: 8, 132: 12, icmp: 8}.get(found["protocol"])
    header = packet[at:]
    if fixed is None or len(header) < fixed:
        return
    if found["protocol"] == icmp:
        found.update(icmpType=header[0], icmpCode=header[1])
        return
    source, destination = struct.unpack("!HH", header[:4])
    found.update(sourcePort=source, destinationPort=destination)
    if found["protocol"] == 6:
        found["tcpFlags"] = header[13]
