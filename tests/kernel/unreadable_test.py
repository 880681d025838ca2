# SPDX-License-Identifier: Apache-2.0
"""/proc and /sys cannot be read for a while: what is measured goes on, one line tells, and all is well afterwards."""

import http.client
import os
import re
import tempfile
import unittest
import urllib.parse

import vqtest

JOB = ("--rw=randread", "--direct=1", "--bs=4k", "--number_ios=503")


class Looks:
    """How often the agent has looked at the disks, by strace."""

    def __init__(self, test, agent):
        vqtest.require("strace")
        self.trace = tempfile.NamedTemporaryFile("r", prefix="vqscope-strace-")
        test.addCleanup(self.trace.close)
        self.witness = vqtest.subprocess.Popen(
            ["strace", "-f", "-p", str(agent.process.pid), "-e", "trace=openat", "-o", self.trace.name],
            stderr=vqtest.subprocess.PIPE, text=True)
        test.addCleanup(self.stop)
        test.assertIn("attached", self.witness.stderr.readline())

    def count(self):
        self.trace.seek(0)
        return self.trace.read().count("/sys/devices/system/cpu/online")

    def wait_for(self, more):
        wanted = self.count() + more
        vqtest.wait_for(lambda: self.count() >= wanted, f"{more} looks at the disks", 30)

    def stop(self):
        self.witness.terminate()
        self.witness.wait(10)
        self.witness.stderr.close()


class Unreadable(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("fio", "losetup", "mount", "nsenter", "unshare")

    def start(self, *flags, wrapper=()):
        """An agent that sees mounts of its own, and a disk that it measures."""
        self.loop = vqtest.Loop(self)
        # In the foreground, so that the shell's process becomes the agent.
        self.agent = vqtest.Agent(self, "--device-include=^loop", *flags, wrapper=("unshare", "--mount", *wrapper))
        self.agent.wait_for_device(self.loop.name)

    def within(self, *command):
        """Runs a command with the agent's mounts."""
        vqtest.run("nsenter", f"--mount=/proc/{self.agent.process.pid}/ns/mnt", *command)

    def read(self):
        vqtest.Fio(f"--filename={self.loop.path}", *JOB)

    def lines(self, pattern):
        return len(re.findall(pattern, self.agent.output()))

    def check_disks_stay(self, hide, show):
        self.start("--require-probe=block")
        looks = Looks(self, self.agent)
        self.read()
        before = self.agent.scrape()
        hide()
        # A disk that comes meanwhile makes it look, and look again every second.
        comes = vqtest.Loop(self)
        looks.wait_for(3)
        self.assertEqual(self.lines("error: the disks known so far stay in force: "), 1, self.agent.output())
        self.read()
        scrape = self.scrape()
        self.check_counted(before, scrape, 503)
        self.assertEqual({labels["device"] for labels, _ in before.all("vqscope_device_queues")},
                         {labels["device"] for labels, _ in scrape.all("vqscope_device_queues")})
        show()
        self.agent.wait_for_device(comes.name)
        self.read()
        self.check_counted(before, self.scrape(), 2 * 503)
        self.assertEqual(self.lines("error: "), 1, self.agent.output())
        self.assertEqual(self.lines("info: the disks can be read again"), 1, self.agent.output())
        self.assertEqual(self.lines(f"disk {self.loop.name} is gone"), 0)

    def scrape(self):
        return self.agent.scrape()

    def check_counted(self, before, after, reads):
        expected = before.requests(self.loop.name, "read") + reads
        self.assertLessEqual(after.requests(self.loop.name, "read"), expected)
        self.assertEqual(after.missing(self.loop.name, expected), 0)

    def check_mounted_over(self, path):
        self.check_disks_stay(lambda: self.within("mount", "-t", "tmpfs", "none", path),
                              lambda: self.within("umount", path))
        self.assertTrue(os.listdir(path), "only the agent's view was to change")

    def test_sysfs_hidden(self):
        self.check_mounted_over("/sys")

    def test_list_of_disks_hidden(self):
        self.check_mounted_over("/sys/block")

    def test_size_of_a_disk_unreadable(self):
        with tempfile.NamedTemporaryFile(prefix="vqscope-secret-") as secret:
            os.chmod(secret.name, 0)  # the agent has no capabilities
            path = "/sys/devices/virtual/block/{}/size"
            self.check_disks_stay(
                lambda: self.within("mount", "--bind", secret.name, path.format(self.loop.name)),
                lambda: self.within("umount", path.format(self.loop.name)))

    def test_no_descriptors(self):
        vqtest.require("prlimit")

        def limit(descriptors):
            vqtest.run("prlimit", "--pid", self.agent.process.pid, f"--nofile={descriptors}:")

        def lowest_free():
            used = {int(number) for number in os.listdir(f"/proc/{self.agent.process.pid}/fd")}
            return min(set(range(1024)) - used)

        def hide():
            # A connection from before goes on being served.
            url = urllib.parse.urlsplit(self.agent.url)
            connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
            self.addCleanup(connection.close)

            def scrape():
                connection.request("GET", url.path)
                return vqtest.Scrape(connection.getresponse().read().decode())

            scrape()
            self.scrape = scrape
            # Not one number below the limit is free.
            limit(lowest_free())

        self.check_disks_stay(hide, lambda: limit(1024))
        self.assertEqual(self.lines("Too many open files"), 1)
        self.assertEqual(self.agent.get("/-/healthy")[0], 200)  # a new connection

    def test_procfs_hidden_where_the_kernels_accounting_is_all_there_is(self):
        vqtest.require("setpriv")
        self.start(wrapper=("setpriv", "--bounding-set=-all"))
        self.read()

        def time(scrape):
            return scrape.one("vqscope_queue_time_seconds_total", device=self.loop.name, queue="")

        before = vqtest.wait_for(lambda: time(self.agent.scrape()), "the kernel's accounting")
        self.within("mount", "-t", "tmpfs", "none", "/proc")
        # Absent while it is not known; never zero.
        vqtest.wait_for(lambda: "are missing for now" in self.agent.output(), "the agent to tell", 20)
        for _ in range(20):
            self.assertIsNone(time(self.agent.scrape()))
        self.assertIsNotNone(self.agent.scrape().one("vqscope_device_queues", device=self.loop.name))
        self.read()
        self.within("umount", "/proc")
        vqtest.wait_for(lambda: "accounting of every disk can be read again" in self.agent.output(), "its return", 20)
        self.assertGreaterEqual(time(self.agent.scrape()), before)
        # Of the disk with the first name.
        self.assertEqual(self.lines(r"error: in-flight and time in queue of loop\d+ are missing for now: "
                                    "cannot open /proc/diskstats"), 1, self.agent.output())
        self.assertEqual(self.lines("error: "), 1, self.agent.output())

    def test_procfs_hidden_where_the_probes_count(self):
        self.start("--require-probe=block")
        before = self.agent.scrape()
        self.assertIsNotNone(self.agent.scrape().one("process_resident_memory_bytes"))
        self.within("mount", "-t", "tmpfs", "none", "/proc")
        self.read()
        scrape = self.agent.scrape()
        self.check_counted(before, scrape, 503)
        self.assertIsNone(scrape.one("process_resident_memory_bytes"))
        self.within("umount", "/proc")
        self.assertIsNotNone(self.agent.scrape().one("process_resident_memory_bytes"))
        self.assertEqual(self.lines("error: "), 0, self.agent.output())


if __name__ == "__main__":
    vqtest.main()
