# SPDX-License-Identifier: Apache-2.0
"""Coming and going: of the agent, of its rights, of disks, and of what was promised for each."""

import json
import os
import signal
import subprocess
import unittest

import vqtest

PROGRAMS = {"irq_entry", "irq_exit", "softirq_entry", "softirq_exit", "lock_begin", "lock_end",
            *(f"rq_{event}{number}" for event in ("issue", "requeue", "complete") for number in ("", "2")),
            *(f"notify_{end}{number}" for end in ("entry", "exit") for number in range(1, 5))}


def left_behind():
    """Names of our programs and arrays that the kernel still holds."""
    programs = json.loads(vqtest.run("bpftool", "--json", "prog", "list"))
    maps = json.loads(vqtest.run("bpftool", "--json", "map", "list"))
    return [p["name"] for p in programs if p.get("name") in PROGRAMS] + [
        m["name"] for m in maps if m.get("name", "").startswith("vqs_")]


class Agent(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        vqtest.require("bpftool")

    def check_gone_after(self, how, status):
        agent = vqtest.Agent(self, "--require-probe=block")
        self.assertTrue(left_behind())
        self.assertEqual(agent.stop(how), status)
        vqtest.wait_for(lambda: not left_behind(), "the kernel to let go of programs and arrays")

    def test_leaves_nothing_behind_on_sigterm(self):
        self.check_gone_after(signal.SIGTERM, 0)

    def test_leaves_nothing_behind_on_sigkill(self):
        self.check_gone_after(signal.SIGKILL, -signal.SIGKILL)

    def test_two_agents_measure_the_same(self):
        loop = vqtest.Loop(self)
        agents = [vqtest.Agent(self, f"--device-include=^{loop.name}$") for _ in range(2)]
        for agent in agents:
            agent.wait_for_device(loop.name)
        fio = vqtest.Fio(f"--filename={loop.path}", "--rw=randread", "--direct=1", "--bs=4k", "--number_ios=1013")
        for agent in agents:
            self.assertEqual(agent.scrape().requests(loop.name, "read"), fio.ios("read"))


class WithoutRights(unittest.TestCase):
    """The agent may not use BPF, as on a kernel without it or in a container."""

    WRAPPER = ("setpriv", "--bounding-set=-all")

    def setUp(self):
        vqtest.require_root()
        vqtest.require("setpriv")

    def test_serves_what_procfs_and_sysfs_give_and_says_what_is_missing(self):
        disk = vqtest.root_disk()
        agent = vqtest.Agent(self, f"--device-include=^{disk}$", wrapper=self.WRAPPER)
        scrape = agent.scrape()
        self.assertEqual(dict((l["probe"], v) for l, v in scrape.all("vqscope_probe_up")),
                         {"block": 0, "irq": 0, "lock": 0, "notify": 0})
        for probe in ("block", "irq", "lock", "notify"):
            self.assertEqual(agent.output().count(f"the {probe} probe is off"), 1)
        self.assertIn("not permitted: this process lacks CAP_BPF and CAP_PERFMON", agent.output())
        self.assertIsNotNone(scrape.one("vqscope_queue_inflight", device=disk, queue=""))
        before = scrape.one("vqscope_queue_time_seconds_total", device=disk, queue="")
        with vqtest.scratch_file() as name:
            vqtest.Fio(f"--filename={name}", "--rw=write", "--size=64m", "--bs=64k", "--direct=1")
        scrape = agent.scrape()
        self.assertGreater(scrape.one("vqscope_queue_time_seconds_total", device=disk, queue=""), before)
        self.assertTrue(scrape.all("vqscope_irq_interrupts_total", device=disk))
        self.assertIsNotNone(scrape.one("vqscope_irq_concentration_ratio", device=disk))
        self.assertIsNotNone(scrape.one("vqscope_queue_avgqu_sz", device=disk, queue=""))
        self.assertEqual(scrape.all("vqscope_request_device_latency_seconds_count"), [])

    def test_names_the_one_capability_that_is_missing(self):
        cap_bpf = 39  # by number, since older setpriv do not know the name
        agent = vqtest.Agent(self, wrapper=("setpriv", f"--bounding-set=-all,+cap_{cap_bpf}"))
        self.assertIn("this process lacks CAP_PERFMON;", agent.output())

    def test_blames_no_rights_where_the_kernel_refuses(self):
        agent = vqtest.Agent(self)
        off = [line for line in agent.output().splitlines() if "probe is off" in line]
        if not off:
            self.skipTest("this kernel takes every probe")
        for line in off:
            self.assertNotIn("lacks", line)

    def test_a_required_probe_that_is_missing_is_a_start_up_failure(self):
        done = subprocess.run([*self.WRAPPER, vqtest.AGENT, "serve", "--web.listen-address=127.0.0.1:0",
                               "--require-probe=block"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the block probe is required but", done.stderr)
        self.assertIn("CAP_BPF", done.stderr)


class Hotplug(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()

    def test_a_new_disk_appears_a_removed_one_vanishes_and_others_keep_counting(self):
        stays = vqtest.Loop(self)
        agent = vqtest.Agent(self, "--device-include=^loop", "--require-probe=block")
        agent.wait_for_device(stays.name)
        job = ["--rw=randread", "--direct=1", "--bs=4k", "--number_ios=503"]
        vqtest.Fio(f"--filename={stays.path}", *job)
        for _ in range(5):
            comes = vqtest.Loop(self)
            vqtest.wait_for(lambda: agent.scrape().one("vqscope_device_queues", device=comes.name),
                            f"{comes.name} to be measured", seconds=1)
            vqtest.Fio(f"--filename={comes.path}", *job)
            scrape = agent.quiet_scrape(comes.name)
            self.assertEqual(scrape.missing(comes.name, 503), 0)
            self.assertLessEqual(scrape.requests(comes.name, "read"), 503)
            comes.detach()
            vqtest.wait_for(lambda: f'device="{comes.name}"' not in agent.scrape().text,
                            f"the series of {comes.name} to vanish", seconds=2)
            self.assertEqual(agent.quiet_scrape(stays.name).missing(stays.name, 503), 0)
        vqtest.Fio(f"--filename={stays.path}", *job)
        scrape = agent.quiet_scrape(stays.name)
        self.assertEqual(scrape.missing(stays.name, 2 * 503), 0)
        self.assertLessEqual(scrape.requests(stays.name, "read"), 2 * 503)
        self.assertLessEqual(set(scrape.lost()), {"stale_slot"})

    def test_a_queue_that_outgrows_its_place_gets_a_larger_one_and_loses_nothing_unseen(self):
        loop = vqtest.Loop(self, elevator="mq-deadline")
        agent = vqtest.Agent(self, f"--device-include=^{loop.name}$", "--require-probe=block")
        agent.wait_for_device(loop.name)
        job = ["--rw=randread", "--direct=1", "--bs=4k", "--ioengine=io_uring", "--iodepth=1024",
               "--iodepth_batch_submit=1024", "--number_ios=15013", f"--filename={loop.path}"]
        loop.set("nomerges", 2)
        vqtest.Fio(*job)
        scrape = agent.quiet_scrape(loop.name)
        self.assertEqual(scrape.requests(loop.name, "read") + scrape.lost().get("stale_slot", 0), 15013)
        loop.set("nr_requests", 2048)
        vqtest.Fio(*job)
        # Whatever tag was out of range before the agent looked again is counted, and whatever completion this kernel ran
        # no program for; nothing else is missing.
        scrape = agent.quiet_scrape(loop.name)
        self.assertEqual(scrape.requests(loop.name, "read") + sum(scrape.lost().values()), 2 * 15013)
        self.assertLessEqual(set(scrape.lost()), {"tag_out_of_range", "stale_slot"})

        def whole():
            before = agent.scrape()
            vqtest.Fio(*job)
            after = agent.scrape()
            return after.requests(loop.name, "read") - before.requests(loop.name, "read") == 15013

        vqtest.wait_for(whole, "the larger place")
        self.assertEqual(agent.scrape().one("vqscope_queue_inflight", device=loop.name, queue="0"), 0)


if __name__ == "__main__":
    vqtest.main()
