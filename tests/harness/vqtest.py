# SPDX-License-Identifier: Apache-2.0
"""What the tests on a running kernel share: the agent, scrapes, loads, and witnesses that are not ours.

Everything waits for facts, with a deadline, and cleans up after itself through unittest's addCleanup.
"""

import contextlib
import fcntl
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

AGENT = os.environ.get("VQSCOPE", "build/release/vqscope")
SKIPPED = 77  # CTest's SKIP_RETURN_CODE

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"


def main():
    """Runs the tests of the calling file; exit status 77 if every one of them was skipped."""
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    for test, reason in result.skipped:
        print(f"skipped: {test.id()}: {reason}")
    if result.testsRun == 0:
        sys.exit("no test ran")
    sys.exit(SKIPPED if len(result.skipped) == result.testsRun else 0)


@functools.cache
def sanitized():
    """Whether the agent was built with a sanitizer, which keeps what was freed, and makes it several times slower."""
    libraries = subprocess.run(["ldd", AGENT], capture_output=True, text=True).stdout
    return "libasan" in libraries or "libtsan" in libraries


def patience(seconds):
    """A bound for what an agent without sanitizers does in so long, with room to spare."""
    return seconds * 10 if sanitized() else seconds


def wait_for(fact, what, seconds=10.0, interval=0.02):
    """Calls `fact` until it returns something true, and returns that."""
    seconds = patience(seconds)
    deadline = time.monotonic() + seconds
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(interval)


def run(*command, **keywords):
    """Runs a command to its end and returns its standard output; its errors are in the exception."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **keywords)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Scrape:
    """A parsed text scrape: (name, labels) -> value."""

    LINE = re.compile(r"^([a-z_:A-Z0-9]+)(?:\{(.*)\})? (\S+)$")
    LABEL = re.compile(r'([a-z_A-Z0-9]+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = self.LINE.match(line).groups()
            self.samples.append((name, dict(self.LABEL.findall(labels or "")), float(value)))

    def all(self, name, **labels):
        """Samples with this name and these labels, as (labels, value)."""
        return [(l, v) for n, l, v in self.samples if n == name and all(l.get(k) == w for k, w in labels.items())]

    def sum(self, name, **labels):
        return sum(v for _, v in self.all(name, **labels))

    def one(self, name, **labels):
        """The only such sample's value; None if there is none."""
        found = self.all(name, **labels)
        if len(found) > 1:
            raise AssertionError(f"{len(found)} samples of {name} {labels}")
        return found[0][1] if found else None

    def requests(self, device, op=None):
        labels = {"device": device, **({"op": op} if op else {})}
        return int(self.sum("vqscope_request_device_latency_seconds_count", **labels))

    def bytes(self, device, op):
        return int(self.sum("vqscope_request_bytes_total", device=device, op=op))

    def missing(self, device, expected):
        """Reads of a disk that are missing, and not told as lost: some kernels skip programs now and then."""
        return max(expected - self.requests(device, "read") - sum(self.lost().values()), 0)

    def lost(self):
        """Lost events by reason, without those that were not lost."""
        return {l["reason"]: int(v) for l, v in self.all("vqscope_probe_lost_events_total") if v}


# In front of a command: without the right to load programs, which takes most of the time in which an agent starts.
WITHOUT_PROBES = ("setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin")


class Agent:
    """A running `vqscope serve` on a port of its own."""

    def __init__(self, test, *flags, wrapper=(), binary=(AGENT,)):
        self.log = self.open_log(test)
        self.process = subprocess.Popen(
            [*wrapper, *binary, "serve", "--web.listen-address=127.0.0.1:0", *flags], stderr=self.log)
        test.addCleanup(self.stop)
        self.url = wait_for(self._address, f"{AGENT} to serve", 20)

    def open_log(self, test):
        """Where its standard error goes."""
        log = tempfile.NamedTemporaryFile("w+", prefix="vqscope-log-", delete=False)
        test.addCleanup(os.unlink, log.name)
        return log

    def output(self):
        """What it has logged."""
        return pathlib.Path(self.log.name).read_text()

    def _address(self):
        found = re.search(r"serves (https?://127\.0\.0\.1:\d+/metrics)", self.output())
        if not found and self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}: {self.output()}")
        return found and found.group(1)

    def get(self, path="/metrics", **headers):
        """(status, headers, body) of a GET."""
        url = self.url.removesuffix("/metrics") + path
        request = urllib.request.Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=patience(10)) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def scrape(self):
        return Scrape(self.get()[2].decode())

    def quiet_scrape(self, device):
        """A scrape with nothing in flight; a completion that was not seen is found out within seconds."""

        def quiet():
            scrape = self.scrape()
            return scrape if scrape.sum("vqscope_queue_inflight", device=device) == 0 else None

        return wait_for(quiet, f"nothing to be in flight on {device}")

    def wait_for_device(self, device):
        return wait_for(lambda: self.scrape().one("vqscope_device_queues", device=device), f"{device} to be measured")

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(patience(10))
        self.log.close()
        # Of a build with sanitizers: what they found is a failure of the test that made them find it.
        if re.search(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:", self.output()):
            raise AssertionError(self.output())
        return self.process.returncode


class Loop:
    """A loop device (blk-mq, one hardware queue) over a file of its own, or over `backing`."""

    def __init__(self, test, megabytes=64, directory="/dev/shm", backing=None, elevator="none"):
        if backing is None:
            handle, backing = tempfile.mkstemp(prefix="vqscope-loop-", dir=directory)
            os.truncate(handle, megabytes << 20)
            os.close(handle)
            test.addCleanup(os.unlink, backing)
        try:
            self.path = run("losetup", "--find", "--show", backing).strip()
        except AssertionError as error:
            raise unittest.SkipTest(f"no loop device: {error}")
        self.name = os.path.basename(self.path)
        self.sysfs = pathlib.Path("/sys/block") / self.name
        # udev leaves a locked device alone; it would read from it after every writer closes it.
        self.lock = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        test.addCleanup(self.detach)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.set("scheduler", elevator)
        run("blockdev", "--setra", "0", self.path)  # nothing is read but what is asked for

    def set(self, attribute, value):
        (self.sysfs / "queue" / attribute).write_text(str(value))

    def elevators(self):
        return re.sub(r"[\[\]]", "", (self.sysfs / "queue/scheduler").read_text()).split()

    def detach(self):
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None
            run("losetup", "--detach", self.path)


class Fio:
    """A finished fio run; by op ("read", "write", "trim", "sync") its own counts."""

    def __init__(self, *arguments):
        require("fio")
        # fio warns on standard output, in front of its JSON.
        text = run("fio", "--name=test", "--output-format=json", *arguments)
        self.job = json.loads(text[text.index("{"):])["jobs"][0]
        if self.job["error"]:
            raise AssertionError(text)

    def ios(self, op):
        return self.job[op]["total_ios"]

    def bytes(self, op):
        return self.job[op]["io_bytes"]


def diskstats(device):
    """Fields of /proc/diskstats, numbered from 1 as in Documentation/admin-guide/iostats.rst."""
    for line in pathlib.Path("/proc/diskstats").read_text().splitlines():
        words = line.split()
        if words[2] == device:
            return [None, *map(int, words[3:])]
    raise AssertionError(f"no {device} in /proc/diskstats")


def interrupts():
    """/proc/interrupts: interrupt -> {CPU: count}."""
    with open("/proc/interrupts") as file:
        cpus = [int(word.removeprefix("CPU")) for word in file.readline().split()]
        lines = {}
        for line in file:
            words = line.split()
            if words[0].rstrip(":").isdigit():
                lines[int(words[0].rstrip(":"))] = dict(zip(cpus, map(int, words[1:])))
        return lines


def root_disk():
    """Kernel name of the whole disk below the working directory's file system, if it is a blk-mq disk."""
    number = os.stat(".").st_dev
    path = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    while path.name and not (path / "mq").exists():
        path = path.parent
        if path.name == "block" or path == path.parent:
            raise unittest.SkipTest("the working directory is not on a blk-mq disk")
    return path.name


def with_interrupts(irqs, read):
    """(counts of these interrupts by CPU, what `read` returned), from a moment in which none of them came."""

    def counts():
        return {irq: per_cpu for irq, per_cpu in interrupts().items() if irq in irqs}

    def attempt():
        before = counts()
        value = read()
        return (before, value) if counts() == before else None

    return wait_for(attempt, "a moment without interrupts", 30)


def measure_undisturbed(measure, attempts=5):
    """What `measure` returns, (scrape before, scrape after, ...), from an attempt in which the agent lost no event.

    There are kernels that skip programs now and then, whole batches of completions at a time. The agent then says so, and
    what it says beside is incomplete: there is nothing to compare.
    """
    for _ in range(attempts):
        before, after, *rest = measure()
        if after.lost() == before.lost():
            return before, after, *rest
    raise unittest.SkipTest(f"this kernel skipped programs, as the agent told, in each of {attempts} attempts: "
                            f"{before.lost()} -> {after.lost()}")


def require(*tools):
    for tool in tools:
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            raise unittest.SkipTest(f"{tool} is not installed")


def require_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root")


class BackgroundFio:
    """A fio run that goes on until stop(), which waits for it."""

    def __init__(self, test, *arguments):
        require("fio")
        self.process = subprocess.Popen(["fio", "--name=load", "--output-format=json", *arguments],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        test.addCleanup(self.stop)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


class FrozenLoop:
    """A loop device whose writes hang on demand: its file lies on a file system that can be frozen.

    The loop driver has taken the request then, and does not end it until thaw()."""

    def __init__(self, test):
        require("mkfs.ext4", "fsfreeze", "mount")
        carrier = Loop(test, megabytes=128)
        run("mkfs.ext4", "-q", "-F", carrier.path)
        self.mount = tempfile.mkdtemp(prefix="vqscope-mount-")
        test.addCleanup(os.rmdir, self.mount)
        run("mount", carrier.path, self.mount)
        test.addCleanup(run, "umount", self.mount)
        backing = os.path.join(self.mount, "disk")
        with open(backing, "wb") as file:
            file.write(bytes(32 << 20))
            os.fsync(file.fileno())
        self.loop = Loop(test, backing=backing)
        self.frozen = False
        test.addCleanup(self.thaw)

    def freeze(self):
        run("fsfreeze", "--freeze", self.mount)
        self.frozen = True

    def thaw(self):
        if self.frozen:
            run("fsfreeze", "--unfreeze", self.mount)
            self.frozen = False

    def hang_a_write(self, test):
        """Starts a direct write of 4 KiB that will hang; returns its process."""
        writer = subprocess.Popen(["dd", "if=/dev/zero", f"of={self.loop.path}", "bs=4k", "count=1", "oflag=direct",
                                   "conv=notrunc"], stderr=subprocess.DEVNULL)

        def end():
            self.thaw()
            writer.wait(30)

        test.addCleanup(end)
        return writer


@contextlib.contextmanager
def scratch_file(directory=".", prefix="vqscope-fio-"):
    """Name of a file on the disk under test, removed at the end."""
    handle, name = tempfile.mkstemp(prefix=prefix, dir=directory)
    os.close(handle)
    try:
        yield name
    finally:
        os.unlink(name)
