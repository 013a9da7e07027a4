# SPDX-License-Identifier: BSD-2-Clause
"""
What the tests with given data share: a switch in a network namespace of its own, its document, and
a line of TAP for each test.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SLUICE = os.path.join(BUILD, "sluice")
NAME = "sld%d" % os.getpid()
MAC = "52:54:00:00:00:%02x"


class Switch:
    """Ports p1, p2, ... of a vnet "net", each a veth that is up; gone at the end of the `with`."""

    def __init__(self, ports=2):
        self.ports = ports
        self.work = tempfile.TemporaryDirectory(prefix=NAME)

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", NAME], check=True)
        for number in range(1, self.ports + 1):
            near, far = "p%d" % number, "p%dx" % number
            ip = ["ip", "-n", NAME, "link"]
            subprocess.run([*ip, "add", near, "type", "veth", "peer", "name", far], check=True)
            subprocess.run([*ip, "set", near, "up"], check=True)
            subprocess.run([*ip, "set", far, "up"], check=True)
        return self

    def __exit__(self, *_):
        self.run("down")
        subprocess.run(["ip", "netns", "del", NAME], check=True)
        self.work.cleanup()

    def path(self, name):
        return os.path.join(self.work.name, name)

    def run(self, *arguments, **options):
        """The finished `sluice ARGUMENTS`, whose output is text."""
        return subprocess.run([SLUICE, "-n", NAME, "--switch", NAME, *arguments], text=True,
                              capture_output=True, **options)

    def must(self, *arguments, **options):
        done = self.run(*arguments, **options)
        if done.returncode:
            raise AssertionError("sluice %s: %d: %s" % (" ".join(arguments), done.returncode,
                                                       done.stderr or done.stdout[:500]))
        return done.stdout

    def lay(self, document):
        """Makes the document what runs; JSON is YAML."""
        path = self.path("document.yaml")
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(document, stream)
        return self.run("apply" if os.path.exists("/run/sluice/" + NAME) else "up", "-f", path)

    def must_lay(self, document):
        done = self.lay(document)
        if done.returncode:
            raise AssertionError(done.stderr)

    def ask(self, questions):
        """The answers of test-ip-flow --batch."""
        text = "".join(json.dumps(question) + "\n" for question in questions)
        answers = self.must("-j", "test-ip-flow", "--batch", "-", input=text).splitlines()
        assert len(answers) == len(questions), "%d answers to %d questions" % (
            len(answers), len(questions))
        return [json.loads(answer) for answer in answers]


def document(**more):
    """Two ports of one subnet, with addresses of both families."""
    return {
        "apiVersion": "sluice/v1",
        "switch": {"name": NAME},
        "vnets": [{
            "name": "net", "vni": 5001, "prefixes": ["10.1.0.0/16", "fd00:1::/48"],
            "subnets": [{"name": "one", "prefixes": ["10.1.1.0/24", "fd00:1:0:1::/64"],
                         **more.pop("subnet", {})}]}],
        "ports": [{
            "name": "p%d" % number, "device": "p%d" % number, "hook": "tc", "vnet": "net",
            "subnet": "one", "mac": MAC % number,
            "addresses": ["10.1.1.%d" % (3 + number), "fd00:1:0:1::%d" % (3 + number)],
            **more.get("port", {})} for number in (1, 2)],
        **{key: value for key, value in more.items() if key != "port"},
    }


def run_tests(tests):
    """Runs each function and says in TAP what came of it; a test may return a remark."""
    failed = 0
    for test in tests:
        name = test.__name__
        begun = time.monotonic()
        try:
            remark = test()
            print("ok - %s" % name)
            print("# %s%.1f s" % (remark + ", " if remark else "", time.monotonic() - begun))
        except AssertionError as error:
            failed += 1
            print("not ok - %s" % name)
            for line in str(error).splitlines():
                print("#   " + line)
        sys.stdout.flush()
    sys.exit(failed > 0)
