# SPDX-License-Identifier: Apache-2.0
"""fio's own numbers of reads, writes, trims and flushes, and their bytes, are the agent's numbers, exactly."""

import sys
import unittest

import vqtest

# Each is a fio command line. Buffered jobs leave gaps between blocks, because the page cache would merge neighbours
# into fewer requests than fio made calls. The sizes give odd, known numbers.
JOBS = {
    "direct_random_read": ["--rw=randread", "--direct=1", "--ioengine=libaio", "--iodepth=16", "--bs=4k",
                           "--number_ios=4097"],
    "direct_random_write": ["--rw=randwrite", "--direct=1", "--ioengine=libaio", "--iodepth=32", "--bs=8k",
                            "--number_ios=3001"],
    "io_uring_mixed": ["--rw=randrw", "--direct=1", "--ioengine=io_uring", "--iodepth=64", "--bs=4k",
                       "--number_ios=5003"],
    "io_uring_batched": ["--rw=randread", "--direct=1", "--ioengine=io_uring", "--iodepth=64", "--bs=4k",
                         "--iodepth_batch_submit=16", "--iodepth_batch_complete_min=8", "--number_ios=5003"],
    "trim": ["--rw=randtrim", "--direct=1", "--ioengine=sync", "--bs=4k", "--number_ios=1021"],
    "fsync_heavy": ["--rw=randwrite", "--direct=1", "--ioengine=sync", "--bs=4k", "--fsync=1", "--number_ios=511"],
    "o_dsync": ["--rw=randwrite", "--direct=1", "--sync=dsync", "--ioengine=sync", "--bs=4k", "--number_ios=511"],
    "buffered_read": ["--rw=read:4k", "--direct=0", "--ioengine=psync", "--bs=4k", "--size=16m", "--invalidate=1"],
    "buffered_write": ["--rw=write:4k", "--direct=0", "--ioengine=psync", "--bs=4k", "--size=16m", "--end_fsync=1"],
}
OPS = {"read": "read", "write": "write", "trim": "discard"}


class Counts(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("fio", "losetup", "blockdev")

    def check(self, elevator):
        loop = vqtest.Loop(self, elevator="none")
        if elevator not in loop.elevators():
            self.skipTest(f"this kernel has no {elevator} elevator")
        loop.set("scheduler", elevator)
        loop.set("nomerges", 2)  # random blocks of a batch may be neighbours
        agent = vqtest.Agent(self, f"--device-include=^{loop.name}$", "--require-probe=block")
        agent.wait_for_device(loop.name)
        for name, arguments in JOBS.items():
            with self.subTest(job=name, elevator=elevator):

                def measure():
                    stats, before = vqtest.diskstats(loop.name), agent.scrape()
                    fio = vqtest.Fio(f"--filename={loop.path}", "--allow_mounted_write=0", *arguments)
                    return before, agent.quiet_scrape(loop.name), fio, stats, vqtest.diskstats(loop.name)

                before, after, fio, stats, stats_after = vqtest.measure_undisturbed(measure)
                for fio_op, op in OPS.items():
                    self.assertEqual(after.requests(loop.name, op) - before.requests(loop.name, op), fio.ios(fio_op), op)
                    self.assertEqual(after.bytes(loop.name, op) - before.bytes(loop.name, op), fio.bytes(fio_op), op)
                flushes = after.requests(loop.name, "flush") - before.requests(loop.name, "flush")
                if name == "fsync_heavy":
                    self.assertEqual(flushes, fio.ios("sync"))
                # A second witness, for all jobs: field 16 counts flushes (of O_DSYNC writes fio tells none).
                self.assertEqual(flushes, stats_after[16] - stats[16])
                self.assertEqual(after.requests(loop.name), after.sum("vqscope_submissions_total", device=loop.name))
        last = agent.scrape()
        # Whatever happened, each request was counted or told as lost.
        self.assertLessEqual(set(last.lost()), {"stale_slot"})
        self.assertEqual(last.one("vqscope_queue_inflight", device=loop.name, queue="0"), 0)
        self.assertEqual(last.sum("vqscope_request_errors_total", device=loop.name), 0)

    def test_without_elevator(self):
        self.check("none")

    def test_with_mq_deadline(self):
        self.check("mq-deadline")

    def test_with_kyber(self):
        self.check("kyber")

    def test_with_bfq(self):
        self.check("bfq")


if __name__ == "__main__":
    vqtest.main()
