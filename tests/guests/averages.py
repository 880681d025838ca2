# SPDX-License-Identifier: Apache-2.0
"""avgqu-sz and time in queue under a steady load on all disks at once, against iostat and /proc/diskstats."""

import json

import vqtest
from measure import TIME_IN_QUEUE, URL, Job

DEPTH = 4  # requests in flight on each disk
BUSY = 0.5  # average queue size at least; parallel ATA takes one request at a time
IOPS = 50  # that QEMU lets through
ATTEMPTS = 8  # for each disk to agree once: an emulated guest on a busy host does not go steadily


def time_in_queue(text):
    """disk -> seconds, of /proc/diskstats."""
    return {words[2]: int(words[2 + TIME_IN_QUEUE]) / 1e3 for words in map(str.split, text.strip().splitlines())}


class Interval:
    """What everyone says about one run of iostat."""

    def __init__(self, lab, window):
        scrape = f"cat /proc/diskstats; echo CUT; wget -q -O - {URL}; echo CUT;"
        parts = lab.guest.run(f"{scrape} iostat -dxy -o JSON {window} 1; echo CUT; {scrape}").split("CUT\n")
        self.stats = [time_in_queue(parts[0]), time_in_queue(parts[3])]
        self.scrapes = [vqtest.Scrape(parts[1]), vqtest.Scrape(parts[4])]
        self.iostat = {disk["disk_device"]: disk["aqu-sz"]
                       for disk in json.loads(parts[2])["sysstat"]["hosts"][0]["statistics"][0]["disk"]}

    def grown(self, metric, name):
        return self.scrapes[1].sum(metric, device=name) - self.scrapes[0].sum(metric, device=name)

    def disagreements(self, name):
        """A request that ends between two readings brings its whole time with it, and the gauge looks back over a time
        that is not quite iostat's interval: hence the tolerances."""
        edge = 2 * DEPTH * DEPTH / IOPS
        mine, kernel = self.grown("vqscope_queue_time_seconds_total", name), self.stats[1][name] - self.stats[0][name]
        if abs(mine - kernel) > edge + 0.02 * kernel:
            yield f"time in queue: vqscope says {mine:.3f} s, /proc/diskstats {kernel:.3f} s"
        # A disk that takes one request at a time leaves the others waiting before their issue.
        integral = self.grown("vqscope_queue_inflight_seconds_total", name)
        waiting = self.grown("vqscope_request_queue_latency_seconds_sum", name)
        if abs(integral + waiting - mine) > edge + 0.05 * mine:
            yield f"integral of in-flight {integral:.3f} s, waiting {waiting:.3f} s, time in queue {mine:.3f} s"
        gauge, iostat = average(self.scrapes[1], name), self.iostat[name]
        if iostat < BUSY or abs(gauge - iostat) > 0.1 * iostat:
            yield f"avgqu-sz: vqscope says {gauge:.2f}, iostat {iostat}"


def average(scrape, name):
    return scrape.sum("vqscope_queue_avgqu_sz", device=name)


def check_averages(lab, window):
    """Holds every disk back, so that the queues are as long as the load makes them, whatever the speed of the guest."""
    names = {disk.name: lab.kernel_name(disk.name) for disk in lab.disks()}
    for disk in names:
        lab.guest.monitor.throttle(disk, IOPS)
    lab.start_fio([Job(disk, options=f"--rw=randread --iodepth={DEPTH} --time_based --runtime=600", ios=None)
                   for disk in names])
    lab.wait_for_scrape(lambda scrape: all(average(scrape, name) > BUSY for name in names.values()),
                        "a steady load on every disk")
    for _ in range(ATTEMPTS):
        interval = Interval(lab, window)
        problems = {disk: list(interval.disagreements(name)) for disk, name in names.items()}
        names = {disk: name for disk, name in names.items() if problems[disk]}
        if not names:
            break
    else:
        raise AssertionError("\n  ".join(["", *(f"{disk}: {text}" for disk in names for text in problems[disk])]))
    lab.end_fio()
    for disk in lab.disks():
        lab.guest.monitor.throttle(disk.name, 0)
