# SPDX-License-Identifier: Apache-2.0
"""Scenarios in which something fails: disks, the agent, or what it needs."""

from changes import difference, keep_busy
from loads import FLUSHES
from measure import Job, everywhere

def hang(disk):
    """The host lets one request a second through, and then all of them."""

    def run(lab):
        name = lab.kernel_name(disk)
        before = difference(lab, disk)
        lab.guest.monitor.throttle(disk, 1)
        lab.guest.run(f"fio --name=hang --filename=/dev/{name} --rw=randread --bs=4k --direct=1 --ioengine=libaio "
                      "--iodepth=8 --number_ios=31 --thread --output-format=json > /tmp/hang 2>&1 &")
        scrape = lab.wait_for_scrape(
            lambda scrape: scrape.sum("vqscope_queue_inflight", device=name) == 8 and
            max((age for _, age in scrape.all("vqscope_queue_oldest_inflight_seconds", device=name)), default=0) > 2,
            "eight requests in flight, the oldest for more than 2 s")
        inflight = lab.guest.read(f"/sys/block/{name}/inflight").split()
        if inflight != ["8", "0"]:
            raise AssertionError(f"the kernel has {inflight} in flight, vqscope 8")
        done = scrape.requests(name, "read")
        lab.guest.monitor.throttle(disk, 0)
        lab.guest.run("while pidof fio > /dev/null; do usleep 10000; done")
        scrape = lab.scrape()
        if scrape.sum("vqscope_queue_inflight", device=name) or scrape.requests(name, "read") <= done:
            raise AssertionError("it did not recover")
        if scrape.all("vqscope_queue_oldest_inflight_seconds", device=name):
            raise AssertionError("an age without a request in flight")
        if (after := difference(lab, disk)) != before:
            raise AssertionError(f"{after - before} requests are missing")
        lab.run(everywhere(disk))

    return run


# Of the disk whose reads fail: behind the parts that other loads use.
BAD_SECTOR = 54 << 11


def errors(disk):
    """Reads of one sector fail, seven times; everything else goes on."""

    def run(lab):
        name = lab.kernel_name(disk)
        before = lab.scrape()
        failed = lab.guest.run(
            f"for i in 1 2 3 4 5 6 7; do dd if=/dev/{name} of=/dev/null bs=4k skip={BAD_SECTOR // 8} count=1 "
            "iflag=direct 2> /dev/null || echo failed; done").count("failed")
        lab.guest.run(f"dd if=/dev/zero of=/dev/{name} bs=4k seek={BAD_SECTOR // 8} count=3 oflag=direct 2> /dev/null")
        after = lab.scrape()
        grown = {(metric, op): after.sum(metric, device=name, op=op) - before.sum(metric, device=name, op=op)
                 for metric in ("vqscope_request_errors_total", "vqscope_request_bytes_total",
                                "vqscope_request_device_latency_seconds_count") for op in ("read", "write")}
        wanted = {("vqscope_request_errors_total", "read"): 7, ("vqscope_request_errors_total", "write"): 0,
                  ("vqscope_request_bytes_total", "read"): 0, ("vqscope_request_bytes_total", "write"): 3 * 4096,
                  ("vqscope_request_device_latency_seconds_count", "read"): 7,
                  ("vqscope_request_device_latency_seconds_count", "write"): 3}
        if failed != 7 or grown != wanted:
            raise AssertionError(f"{failed} of 7 reads failed; vqscope says {grown}")
        lab.run(everywhere(disk, "--rw=randwrite --iodepth=4"))

    return run


def killed_ten_times(disk):
    def run(lab):
        lab.warm_kb = None  # of an agent that is gone
        keep_busy(lab, disk)
        for _ in range(10):
            lab.end_agent("KILL")
            lab.guest.wait_for(lambda: lab.guest.run("bpftool prog list | grep -c tag || true") == lab.programs,
                               "the kernel to let go of the programs")
            lab.start_agent()
            # Calls that had begun when the agent came are none of its losses.
            if lost := lab.scrape().lost().get("notify_nesting"):
                raise AssertionError(f"{lost} notifications lost at the start")
        lab.end_fio()
        lab.run(everywhere(disk) + [Job(disk, 1, FLUSHES, 61)])

    return run


def killed_in_a_burst(disk, times=20):
    """Started under load and killed after a tenth of a second, after two, and so on: while it loads its programs, attaches
    them, and looks at the disks."""

    def run(lab):
        lab.warm_kb = None  # of an agent that is gone
        keep_busy(lab, disk)
        lab.end_agent("KILL")
        lab.guest.run(f"for tenths in $(seq {times}); do vqscope serve > /dev/null 2>&1 & usleep $((100000 * tenths)); "
                      "kill -KILL $!; wait; done 2> /dev/null")
        lab.guest.wait_for(lambda: lab.guest.run("bpftool prog list | grep -c tag || true") == lab.programs,
                           "the kernel to let go of the programs")
        lab.start_agent()
        lab.end_fio()
        lab.run(everywhere(disk) + [Job(disk, 1, FLUSHES, 61)])

    return run


def without_bpf(disk, hide, wrapper, message, restore="true"):
    """What the kernel's files give, and a log that says what is missing and why."""

    def run(lab):
        lab.warm_kb = None
        lab.end_agent()
        lab.guest.run(hide)
        try:
            lab.start_agent(wrapper=wrapper, probes=())
            name = lab.kernel_name(disk)
            scrape = lab.scrape()
            up = {labels["probe"]: value for labels, value in scrape.all("vqscope_probe_up")}
            log = lab.guest.read("/tmp/agent.log")
            if up != {"block": 0, "irq": 0, "lock": 0, "notify": 0} or log.count("probe is off") != 4 or message not in log:
                raise AssertionError(f"probes {up}, log: {log}")
            lab.guest.run(f"fio --name=load --filename=/dev/{name} --rw=randread --bs=4k --direct=1 --number_ios=501 "
                          "--thread > /dev/null")
            after = lab.scrape()
            for metric, labels in (("vqscope_queue_time_seconds_total", {"queue": ""}),
                                   ("vqscope_irq_interrupts_total", {})):
                if after.sum(metric, device=name, **labels) <= scrape.sum(metric, device=name, **labels):
                    raise AssertionError(f"{metric} did not grow")
            if after.all("vqscope_request_device_latency_seconds_count"):
                raise AssertionError("latencies that nobody measured")
            lab.end_agent()
        finally:
            lab.guest.run(restore)
        lab.start_agent()
        lab.run(everywhere(disk))

    return run
