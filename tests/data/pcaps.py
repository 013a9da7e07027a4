#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""
DATA=DIRECTORY pcaps.py: every capture in $DATA/pcaps through `trace --replay`, beside an
independent reading of its frames.
"""
import glob
import json
import os

from parse import ETHERNET, captures, parse
from switch import Switch, document, run_tests

OPEN = {"guards": {"spoofing": "allow", "dhcpServer": "allow", "routerAdvert": "allow"}}


def main(data):
    paths = sorted(glob.glob(os.path.join(data, "pcaps", "*.pcap")))

    def every_frame_of_every_capture_is_read_right():
        frames, wrong = 0, []
        for path in paths:
            link, expected, whole = captures(path)
            done = switch.run("-j", "trace", "p1", "--replay", path)
            if link != ETHERNET or not whole:
                if not done.returncode:
                    wrong.append("%s is no whole Ethernet capture, and was taken" % path)
                continue
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            frames += len(expected)
            if done.returncode or len(lines) != len(expected):
                wrong.append("%s: exit %d, %d lines for %d frames: %s" % (
                    path, done.returncode, len(lines), len(expected), done.stderr.strip()))
                continue
            for line, (frame, _) in zip(lines, expected):
                want = parse(frame)
                if line["parsed"] != want:
                    wrong.append("%s frame %d (%s):\n  got  %s\n  want %s" % (
                        os.path.basename(path), line["frame"], line["reason"], line["parsed"],
                        want))
        assert not wrong, "%d of %d frames differ\n" % (len(wrong), frames) + "\n".join(
            wrong[:20])
        return "%d frames of %d captures" % (frames, len(paths))

    assert paths, "no captures in " + data
    with Switch() as switch:
        switch.must_lay(document(port=OPEN))
        run_tests([every_frame_of_every_capture_is_read_right])


if __name__ == "__main__":
    main(os.environ["DATA"])
