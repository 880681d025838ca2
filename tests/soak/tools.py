# SPDX-License-Identifier: Apache-2.0
"""How long an honest client waits beside slowhttptest, wrk and h2load, at and over the limit of connections.

Usage: tools.py [SECONDS of each]. Only this machine's loopback is a target, and every run is bounded in time and
connections. Exit status 1: the agent died, or did not answer an honest client at another address within a second."""

import subprocess
import sys
import tempfile
import unittest
import urllib.parse

import abuse
import vqtest
from honest import Client, Honest

AT, OVER = 3800, 4090  # connections: all are let in; more than the agent may have
# Sixteen requests at once, and then the next sixteen, without waiting.
PIPELINE = """init = function() local all = {} for i = 1, 16 do all[i] = wrk.format("GET") end wrk.all = table.concat(all) end
request = function() return wrk.all end"""


def told(seconds):
    return f"{seconds[len(seconds) // 2] * 1000:.0f} ms ({seconds[-1] * 1000:.0f} ms the longest of {len(seconds)})"


class Tools(unittest.TestCase):
    SECONDS = 20

    def setUp(self):
        vqtest.require("slowhttptest", "wrk", "h2load")
        self.assertTrue(abuse.allow_many_descriptors(8192), "the hard limit of descriptors is below 8192")
        self.start("--web.listen-address=127.0.0.1:0")

    def start(self, *flags):
        self.agent = vqtest.Agent(self, *flags)
        self.assertEqual(urllib.parse.urlparse(self.agent.url).hostname, "127.0.0.1")

    def measure(self, what, *command):
        elsewhere = Honest(Client(self.agent.url, source="127.0.0.2"), pause=0.1)
        beside = Honest(Client(self.agent.url), pause=0.1)
        cpu = abuse.cpu_seconds(self.agent.process.pid)
        with tempfile.TemporaryFile() as output:
            tool = subprocess.Popen([*map(str, command), self.agent.url], stdout=output, stderr=subprocess.STDOUT)
            self.addCleanup(tool.kill)
            tool.wait(self.SECONDS + 60)
        usage, cpu = abuse.Usage(self.agent.process.pid), abuse.cpu_seconds(self.agent.process.pid) - cpu
        seconds, same_address = elsewhere.stop(), beside.stop()
        refused = {labels["reason"]: int(value) for labels, value in
                   self.agent.scrape().all("vqscope_http_refused_total") if value}
        print(f"{what}: an honest client at another address waited for {told(seconds)}, one at the tool's for "
              f"{told(same_address)}; the agent took {cpu:.1f} s of CPU, has {usage}, refused {refused}", flush=True)
        self.assertIsNone(self.agent.process.poll(), "the agent died")
        self.assertLess(seconds[-1], 1)

    def slow(self, manner, connections, *flags):
        return ("slowhttptest", manner, "-c", connections, "-r", 1000, "-l", self.SECONDS, "-p", 3, *flags, "-u")

    def test_slow_heads(self):
        for connections in (AT, OVER):
            self.measure(f"slowhttptest, {connections} slow heads", *self.slow("-H", connections, "-i", 2))

    def test_slow_bodies(self):
        self.measure(f"slowhttptest, {OVER} slow bodies", *self.slow("-B", OVER, "-i", 2))

    def test_slow_readers(self):
        self.measure(f"slowhttptest, {OVER} slow readers",
                     *self.slow("-X", OVER, "-w", 10, "-y", 20, "-n", 2, "-z", 32, "-k", 3))

    def test_scrapes_without_a_pause(self):
        for connections in (100, 1000, AT):
            self.measure(f"wrk, {connections} connections", *self.wrk(connections))
            self.measure(f"h2load by HTTP/1.1, {connections} connections", "h2load", "--h1", "-t", 2, "-c", connections,
                         "-D", self.SECONDS)

    def wrk(self, connections, *flags):
        return ("wrk", "-t", 2, "-c", connections, "-d", f"{self.SECONDS}s", "--timeout", "30s", *flags)

    def test_scrapes_of_half_a_megabyte_without_a_pause(self):
        self.agent.stop()
        self.start("--web.listen-address=127.0.0.1:0", f"--path.sysfs={abuse.guest_with_many_queues(self)}")
        for connections in (100, AT):
            self.measure(f"wrk, {connections} connections, large answers", *self.wrk(connections))
        self.measure(f"wrk, {AT} connections, large answers, closed after each",
                     *self.wrk(AT, "-H", "Connection: close"))

    def test_requests_without_waiting_for_answers(self):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(PIPELINE)
            script.flush()
            self.measure(f"wrk, {AT} connections with 16 requests each", *self.wrk(AT, "-s", script.name))

    def test_a_connection_for_each_scrape(self):
        self.measure(f"wrk, {AT} connections, closed after each answer", *self.wrk(AT, "-H", "Connection: close"))

    def test_http_2_without_asking(self):
        self.measure("h2load by HTTP/2, 100 connections", "h2load", "-c", 100, "-n", 1000)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Tools.SECONDS = int(sys.argv.pop())
    vqtest.main()
