# SPDX-License-Identifier: Apache-2.0
"""What clients, and the kernel, may do to the agent without harm to it or to honest clients."""

import http.client
import pathlib
import re
import signal
import subprocess
import time
import unittest
import urllib.parse
import urllib.request

import abuse
import vqtest

# Memory that comes and goes with the allocator, in bytes. A sanitizer keeps what was freed.
SLACK = 24 << 20


class Abuse(unittest.TestCase):
    def setUp(self):
        if not abuse.allow_many_descriptors():
            self.skipTest("the hard limit of descriptors is below 4096")

    def usage(self, agent):
        return abuse.Usage(agent.process.pid)

    def check_honest(self, agent, times=5):
        """Honest clients are served, each within the harness's bound."""
        for _ in range(times):
            self.assertEqual(agent.get()[0], 200)

    def check_recovers(self, agent, abuse_once):
        """After a second time everything is as after the first: nothing is kept of anybody."""
        abuse_once()
        first = self.usage(agent)
        abuse_once()
        vqtest.wait_for(lambda: self.usage(agent).descriptors <= first.descriptors, "connections to be closed", 60)
        second = self.usage(agent)
        self.assertEqual(second.threads, first.threads)
        if not vqtest.sanitized():
            self.assertLess(second.rss, first.rss + SLACK, f"{first}; {second}")

    def test_a_thousand_connections_of_all_manners_at_once(self):
        agent = vqtest.Agent(self)
        self.check_honest(agent)
        before = self.usage(agent)

        def crowd():
            crowd = abuse.Crowd(agent.url, 1000)
            self.addCleanup(crowd.close)
            for _ in range(3):
                crowd.trickle()
                self.check_honest(agent)
            during = self.usage(agent)
            self.assertEqual(during.threads, before.threads)
            self.assertLessEqual(during.descriptors, before.descriptors + 1001)
            if not vqtest.sanitized():
                self.assertLess(during.rss, before.rss + SLACK + (1000 << 15), f"{before}; {during}")
            crowd.close()
            vqtest.wait_for(lambda: self.usage(agent).descriptors <= before.descriptors + 1, "connections to be closed",
                            60)

        self.check_recovers(agent, crowd)

    def test_slow_readers_of_large_answers_share_a_bounded_memory(self):
        agent = vqtest.Agent(self, f"--path.sysfs={abuse.guest_with_many_queues(self)}")
        size = len(agent.get()[2])
        self.assertGreater(size, 300_000, "large enough for the socket buffers not to take it")
        before = self.usage(agent)

        def readers():
            crowd = abuse.Crowd(agent.url, 500, ["reads nothing"])
            self.addCleanup(crowd.close)
            self.check_honest(agent)
            during = self.usage(agent)
            # 32 MiB of bodies, and 32 KiB for each connection.
            self.assertLess((32 << 20) + (500 << 15) + SLACK, 500 * size, "else this test cannot fail")
            if not vqtest.sanitized():
                self.assertLess(during.rss, before.rss + (32 << 20) + (500 << 15) + SLACK, f"{before}; {during}")
            crowd.close()

        self.check_recovers(agent, readers)

    def test_every_pipelined_request_is_answered(self):
        agent = vqtest.Agent(self)
        client = abuse.connect(agent.url)
        self.addCleanup(client.close)
        client.sendall(abuse.GET * 300)
        self.assertEqual(len(abuse.read_answers(client, 300)), 300)

    def stop_for_a_while(self, agent):
        """Until SIGCONT: so that all who come meanwhile wait, however fast the agent is."""
        agent.process.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{agent.process.pid}/task")
        vqtest.wait_for(lambda: all(") T " in path.read_text() for path in tasks.glob("*/stat")), "it to be stopped")

    def test_those_who_wait_share_one_page_of_each_kind(self):
        agent = vqtest.Agent(self)
        address = urllib.parse.urlparse(agent.url)
        kinds = {(accept, encoding): [http.client.HTTPConnection(address.hostname, address.port, timeout=vqtest.patience(10))
                                      for _ in range(16)]
                 for accept in ("text/plain", vqtest.PROTOBUF) for encoding in ("gzip", "identity")}

        def ask():
            for (accept, encoding), clients in kinds.items():
                for client in clients:
                    client.request("GET", "/metrics", headers={"Accept": accept, "Accept-Encoding": encoding})

        def read():
            return [[client.getresponse().read() for client in clients] for clients in kinds.values()]

        for clients in kinds.values():
            for client in clients:
                self.addCleanup(client.close)
        ask()
        before = set().union(*read())
        self.stop_for_a_while(agent)
        ask()
        agent.process.send_signal(signal.SIGCONT)
        for pages in read():
            # The first who is looked at need not wait, and the second page is for all the others.
            self.assertLessEqual(len(set(pages)), 2)
            self.assertFalse(before.intersection(pages), "a page that was there before")

    def test_those_that_come_at_once_are_let_in_by_dozens(self):
        vqtest.require("strace")
        agent = vqtest.Agent(self)
        before = self.usage(agent)
        self.stop_for_a_while(agent)
        crowd = abuse.Crowd(agent.url, 500, ["slow writer"])
        self.addCleanup(crowd.close)
        with vqtest.scratch_file(prefix="vqscope-strace-") as trace:
            witness = subprocess.Popen(["strace", "-f", "-p", str(agent.process.pid), "-e", "trace=accept4,poll", "-o",
                                        trace], stderr=subprocess.PIPE, text=True)
            self.addCleanup(witness.kill)
            self.assertIn("attached", witness.stderr.readline())
            agent.process.send_signal(signal.SIGCONT)
            vqtest.wait_for(lambda: self.usage(agent).descriptors >= before.descriptors + 500, "all to be let in", 30)
            self.check_honest(agent)
            witness.terminate()
            witness.wait(10)
            with open(trace, encoding="utf-8") as lines:
                calls = [line for line in lines if "accept4(" in line or "poll(" in line]
        accepts = [i for i, line in enumerate(calls) if "accept4(" in line]
        self.assertGreaterEqual(len(accepts), 500)
        rounds = sum("poll(" in line for line in calls[:accepts[499]])
        self.assertLess(rounds, 125, "rounds of the server's loop, which looks at every connection in each")

    def test_a_storm_of_scrapes_and_connections_that_break_off(self):
        agent = vqtest.Agent(self)
        self.check_honest(agent)

        def storm():
            scrapes = abuse.Storm(agent.url, 8)
            for _ in range(500):
                abuse.churn(agent.url)
            self.check_honest(agent)
            self.assertGreater(scrapes.stop(), 0)

        self.check_recovers(agent, storm)

    def test_too_few_descriptors_are_said_at_once(self):
        vqtest.require("prlimit")
        done = subprocess.run(["prlimit", "--nofile=64:64", vqtest.AGENT, "serve", "--web.listen-address=127.0.0.1:0"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("this process may have 64 files open, and needs 128", done.stderr)

    def test_connections_leave_descriptors_for_the_disks(self):
        vqtest.require_root()
        vqtest.require("prlimit", "losetup")
        disk = vqtest.Loop(self)
        agent = vqtest.Agent(self, "--device-include=^loop", wrapper=("prlimit", "--nofile=128:128"))
        agent.wait_for_device(disk.name)
        # They are more than the agent may have descriptors.
        crowd = abuse.Crowd(agent.url, 300, ["slow writer"])
        self.addCleanup(crowd.close)
        vqtest.wait_for(lambda: self.usage(agent).descriptors >= 64, "connections to be accepted")
        another = vqtest.Loop(self)
        vqtest.wait_for(lambda: f"disk {another.name} appeared" in agent.output(), f"{another.name} to be seen")
        self.check_honest(agent)
        self.assertLess(self.usage(agent).descriptors, 128)
        self.assertGreater(agent.scrape().one("vqscope_http_refused_total", reason="limit"), 200)
        self.assertNotIn("Too many open files", agent.output())
        self.assertNotIn(f"disk {disk.name} is gone", agent.output())
        crowd.close()
        agent.wait_for_device(disk.name)

    def test_at_the_limit_those_that_do_nothing_give_way_on_whichever_listener(self):
        vqtest.require("prlimit")
        agent = vqtest.Agent(self, "--web.listen-address=127.0.0.1:0", wrapper=("prlimit", "--nofile=1024:1024"))
        urls = vqtest.wait_for(lambda: found if len(found := re.findall(r"serves (http://\S+)", agent.output())) == 2 else None,
                               "both listeners")
        crowd = abuse.Crowd(urls[0], 1500, ["idle", "slow writer"])
        self.addCleanup(crowd.close)
        for _ in range(10):
            crowd.trickle()
            for url in urls:
                with urllib.request.urlopen(url, timeout=vqtest.patience(10)) as answer:
                    scrape = vqtest.Scrape(answer.read().decode())
        self.assertEqual(agent.output().count("gave way to a new one"), 1, "told once a minute")
        vqtest.wait_for(lambda: agent.scrape().one("vqscope_http_refused_total", reason="limit") >= 700, "them to be counted")
        self.assertGreater(scrape.one("vqscope_http_connections", state="head"), 500)
        self.assertLess(self.usage(agent).descriptors, 1024)

    def test_slow_heads_and_handshakes_have_their_time_and_no_more(self):
        agent = vqtest.Agent(self)
        crowd = abuse.Crowd(agent.url, 20, ["slow writer", "idle"])
        self.addCleanup(crowd.close)
        self.assertEqual(crowd.still_open(), 20)

        def all_closed():
            crowd.trickle()
            return crowd.still_open() == 0

        vqtest.wait_for(all_closed, "the server to lose patience", 25, interval=0.5)
        self.assertEqual(agent.scrape().one("vqscope_http_refused_total", reason="deadline"), 20)

    def test_a_storm_of_uevents_is_looked_at_once_a_second_and_to_its_end(self):
        vqtest.require_root()
        vqtest.require("strace", "losetup")
        disk = vqtest.Loop(self)
        agent = vqtest.Agent(self, "--device-include=^loop")
        agent.wait_for_device(disk.name)
        with vqtest.scratch_file(prefix="vqscope-strace-") as trace:
            # The witness: each look at the disks begins with the list of CPUs.
            witness = subprocess.Popen(["strace", "-f", "-p", str(agent.process.pid), "-e", "trace=openat", "-o", trace],
                                       stderr=subprocess.PIPE, text=True)
            self.addCleanup(witness.kill)
            self.assertIn("attached", witness.stderr.readline())
            begin = time.monotonic()
            for _ in range(3000):
                (disk.sysfs / "uevent").write_text("change")
            another = vqtest.Loop(self)
            vqtest.wait_for(lambda: f"disk {another.name} appeared" in agent.output(), f"{another.name} to be seen")
            seconds = time.monotonic() - begin
            witness.terminate()
            witness.wait(10)
            with open(trace, encoding="utf-8") as lines:
                looks = sum("/sys/devices/system/cpu/online" in line for line in lines)
        self.assertGreaterEqual(looks, 1)
        self.assertLessEqual(looks, seconds + 2)


if __name__ == "__main__":
    vqtest.main()
