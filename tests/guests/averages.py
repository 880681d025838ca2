# SPDX-License-Identifier: Apache-2.0
"""avgqu-sz and time in queue under a steady load on all disks at once, against iostat and /proc/diskstats."""

import json

import vqtest
from measure import TIME_IN_QUEUE, URL, Job

DEPTH = 4  # requests in flight on each disk
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
        """Of the counters: they hold whatever the speed of the guest."""
        # A request that ends between the two readings that are compared brings its whole time with it.
        ages = [max((age for _, age in scrape.all("vqscope_queue_oldest_inflight_seconds", device=name)), default=0)
                for scrape in self.scrapes]
        edge = DEPTH * (sum(ages) + DEPTH / IOPS)
        mine, kernel = self.grown("vqscope_queue_time_seconds_total", name), self.stats[1][name] - self.stats[0][name]
        if abs(mine - kernel) > edge + 0.02 * kernel:
            yield f"time in queue: vqscope says {mine:.3f} s, /proc/diskstats {kernel:.3f} s"
        integral = self.grown("vqscope_queue_inflight_seconds_total", name)
        if abs(integral - mine) > edge + 0.05 * mine:
            yield f"integral of in-flight {integral:.3f} s, time in queue {mine:.3f} s, oldest requests {ages} s"

    def agrees(self, name):
        """The gauge looks back over the time before the second scrape, which is not quite iostat's interval."""
        gauge = average(self.scrapes[1], name)
        return self.iostat[name] > DEPTH / 2 and abs(gauge - self.iostat[name]) < 0.1 * self.iostat[name]


def average(scrape, name):
    return scrape.sum("vqscope_queue_avgqu_sz", device=name)


def check_averages(lab, window):
    """Holds every disk back, so that the queues are as long as the load makes them, whatever the speed of the guest."""
    names = {disk.name: lab.kernel_name(disk.name) for disk in lab.disks()}
    for disk in names:
        lab.guest.monitor.throttle(disk, IOPS)
    lab.start_fio([Job(disk, options=f"--rw=randread --iodepth={DEPTH} --time_based --runtime=600", ios=None)
                   for disk in names])
    lab.wait_for_scrape(lambda scrape: all(average(scrape, name) > DEPTH / 2 for name in names.values()),
                        "a steady load on every disk")
    disagreeing = dict(names)
    for _ in range(ATTEMPTS):
        interval = Interval(lab, window)
        problems = [f"{disk}: {text}" for disk, name in names.items() for text in interval.disagreements(name)]
        if problems:
            raise AssertionError("\n  ".join(["", *problems]))
        disagreeing = {disk: name for disk, name in disagreeing.items() if not interval.agrees(name)}
        if not disagreeing:
            break
    else:
        raise AssertionError("\n  ".join(["avgqu-sz:", *(
            f"{disk}: vqscope says {average(interval.scrapes[1], name):.2f}, iostat {interval.iostat[name]}"
            for disk, name in disagreeing.items())]))
    lab.end_fio()
    for disk in names:
        lab.guest.monitor.throttle(disk, 0)
