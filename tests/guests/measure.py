# SPDX-License-Identifier: Apache-2.0
"""One measured load in a guest, and the comparison of everything that the agent said with the guest's own witnesses.

    run = Run(guest, [Job("vda-name", cpu=0, options="--rw=randread", ios=501), ...])
    run.check()

Every disk of the guest is checked, those that were left alone too: nothing may be counted on them.
"""

import collections
import dataclasses
import json
import re
import shlex
import signal
import subprocess

import trace
import vqtest

URL = "http://127.0.0.1:10177/metrics"
# What fio calls the operations, and what the agent does.
OPS = {"read": "read", "write": "write", "trim": "discard", "sync": "flush"}
# Number of the field of /proc/diskstats that counts them (Documentation/admin-guide/iostats.rst), and its sectors.
STATS = {"read": (1, 3), "write": (5, 7), "discard": (12, 14), "flush": (16, None)}
TIME_IN_QUEUE = 11

# Witnesses and a scrape from one moment in which no disk interrupt came, into the directory $1.
SAMPLE = f"""
sample() {{
  mkdir -p $1
  for attempt in $(seq 100); do
    cat /proc/interrupts > $1/interrupts
    cat /proc/diskstats > $1/diskstats
    cat /sys/kernel/tracing/kprobe_profile > $1/kprobes 2> /dev/null
    wget -q -O $1/metrics {URL} || return 1
    grep -E 'virtio|nvme|ata|ahci' $1/interrupts > /tmp/quiet
    cat /proc/interrupts | grep -E 'virtio|nvme|ata|ahci' | cmp -s - /tmp/quiet || continue
    grep -H . /sys/block/*/mq/*/cpu_list > $1/cpu_lists
    cat /proc/$(pidof vqscope)/status > $1/status
    return 0
  done
  echo "no moment without interrupts"
  return 1
}}
"""

# What the doctor says of the load, from its beginning to its end. In its first second it has nothing to say.
DOCTOR = (f"(doctor doctor --json --duration=1h --url={URL.removesuffix('/metrics')} > /tmp/run/doctor 2>&1; "
          "echo $? > /tmp/doctor-status; mv /tmp/doctor-status /tmp/run) &")
DOCTOR_ENDS = "killall -TERM doctor; while [ ! -e /tmp/run/doctor-status ]; do usleep 10000; done"
TOO_SHORT = 128 + signal.SIGTERM
# Of any load in an emulated guest: a vCPU stands still while another runs, and with it the requests that it waits for; and the
# host has the emulator's disks beside all else that it does.
OF_EMULATION = ("host_latency", "slow_at_device")

# Each vCPU works on a part of the disk of its own, so that a request's sector tells who submitted it.
SHARE = 12 << 20


@dataclasses.dataclass(frozen=True)
class Job:
    """One thread of fio on one disk, direct I/O in blocks of 4 KiB, on the vCPU's part of the disk if it has one."""

    disk: str  # name in the layout
    cpu: int | None = None  # the only vCPU it runs on
    options: str = "--rw=randrw --iodepth=8"
    ios: int | None = 501  # None: as long as `options` say


def everywhere(disk, options=Job.options, cpus=4, ios=301):
    """A job on each vCPU, each with a different odd number of requests."""
    return [Job(disk, cpu, options, ios + 34 * cpu) for cpu in range(cpus)]


def fio_command(lab, jobs):
    command = ["fio", "--output-format=json", "--thread", "--ioengine=libaio", "--direct=1", "--bs=4k",
               "--norandommap", "--randrepeat=0"]
    for number, job in enumerate(jobs):
        command += [f"--name=job{number}", f"--filename=/dev/{lab.kernel_name(job.disk)}", f"--size={4 * SHARE}"]
        if job.cpu is not None:
            command += [f"--size={SHARE}", f"--offset={SHARE * job.cpu}"]
        command += job.options.split()
        if job.ios is not None:
            command.append(f"--number_ios={job.ios}")
        if job.cpu is not None:
            command.append(f"--cpus_allowed={job.cpu}")
    return shlex.join(command)


def fio_results(text):
    """The jobs of fio's JSON, in front of which it prints its warnings."""
    return json.loads(text[text.index("{"):])["jobs"]


class Sample:
    """The agent's numbers and the kernel's at one moment."""

    def __init__(self, files, directory):
        text = {name: files[f"{directory}/{name}"] for name in
                ("metrics", "interrupts", "diskstats", "cpu_lists", "kprobes", "status")}
        self.scrape = vqtest.Scrape(text["metrics"])
        self.diskstats = {words[2]: [None, *map(int, words[3:])]
                          for words in map(str.split, text["diskstats"].splitlines())}
        header, *lines = text["interrupts"].splitlines()
        cpus = [int(word.removeprefix("CPU")) for word in header.split()]
        self.interrupts, self.actions = {}, {}
        for words in map(str.split, lines):
            if (irq := words[0].rstrip(":")).isdigit():
                self.interrupts[int(irq)] = dict(zip(cpus, map(int, words[1:])))
                self.actions[int(irq)] = " ".join(words[len(cpus) + 1:])
        self.cpu_lists = {}  # disk -> queue -> CPUs
        for line in text["cpu_lists"].splitlines():
            path, _, cpu_list = line.partition(":")
            _, _, _, disk, _, queue, _ = path.split("/")
            self.cpu_lists.setdefault(disk, {})[int(queue)] = {int(cpu) for cpu in cpu_list.split(",")}
        # hits of the probes on vp_notify() and vm_notify(), by whoever notifies whichever device
        self.kicks = sum(int(line.split()[1]) for line in text["kprobes"].splitlines() if "notify" in line)
        self.heap_kb = int(re.search(r"RssAnon:\s+(\d+) kB", text["status"]).group(1))


class Run:
    """A load between two samples. `before` and `after` are shell commands round the load; files that they leave in
    /tmp/run are in `files`. Without `accounting` the kernel keeps no statistics of its own (queue/iostats is 0).
    `meanwhile` is called while the jobs run, which have no number of requests then: its return ends them. Without
    `interrupts` the disks' interrupt lines change in between: what they tell is not checked."""

    def __init__(self, lab, jobs, before="", after="", accounting=True, meanwhile=None, interrupts=True):
        self.lab, self.jobs, self.accounting, self.interrupts = lab, jobs, accounting, interrupts
        start = (f"{SAMPLE}\nrm -rf /tmp/run; mkdir /tmp/run; sample /tmp/run/before || exit 1\n"
                 f"{before}\n{DOCTOR}\n{trace.START}\n{fio_command(lab, jobs)} > /tmp/run/fio")
        end = (f"{DOCTOR_ENDS}\n{trace.STOP}\n{after}\n"
               "sample /tmp/run/after || exit 1\n"
               "cd /sys/block; for disk in *; do echo $disk $(cat $disk/dev); done > /tmp/run/numbers")
        if meanwhile:
            lab.guest.run(f"{start} 2>&1 &")
            meanwhile()
            # Interrupted, fio waits for its requests and tells what it has done.
            lab.guest.run(f"{SAMPLE}\nkillall -INT fio || {{ cat /tmp/run/fio; exit 1; }}\n"
                          f"while pidof fio > /dev/null; do usleep 10000; done\n{end}")
        else:
            lab.guest.run(f"{start} || {{ cat /tmp/run/fio; exit 1; }}\n{end}")
        self.files = lab.guest.fetch("/tmp/run")
        self.before, self.after = Sample(self.files, "before"), Sample(self.files, "after")
        self.fio = fio_results(self.files["fio"])
        self.numbers = dict(line.split() for line in self.files["numbers"].splitlines())
        self.traces, self.problems = {}, []

    # What fio did.

    def done(self, disk, op=None, cpu=None):
        """Requests that fio made."""
        return sum(result[kind]["total_ios"] for job, result in zip(self.jobs, self.fio) for kind, name in OPS.items()
                   if job.disk == disk and op in (None, name) and cpu in (None, job.cpu))

    def done_bytes(self, disk, op):
        kind = next(kind for kind, name in OPS.items() if name == op)
        return sum(result[kind].get("io_bytes", 0) for job, result in zip(self.jobs, self.fio) if job.disk == disk)

    # What the agent said.

    def grown(self, metric, **labels):
        return self.after.scrape.sum(metric, **labels) - self.before.scrape.sum(metric, **labels)

    def requests(self, **labels):
        return int(self.grown("vqscope_request_device_latency_seconds_count", **labels))

    def info(self, kernel_name):
        """Labels of vqscope_device_info."""
        return self.after.scrape.all("vqscope_device_info", device=kernel_name)[0][0]

    def siblings(self, disk):
        """Names of the disks on this one's controller, which share its interrupts and virtqueues, itself among them."""
        own = self.info(self.lab.kernel_name(disk.name))["bus_id"]
        if not own:
            return [disk.name]
        return [other.name for other in self.lab.disks()
                if self.info(self.lab.kernel_name(other.name))["bus_id"] == own]

    # What the kernel said.

    def trace(self, kernel_name):
        if kernel_name not in self.traces:
            self.traces[kernel_name] = trace.Trace(self.files["trace"], self.numbers[kernel_name])
        return self.traces[kernel_name]

    def stat(self, kernel_name, field):
        return self.after.diskstats[kernel_name][field] - self.before.diskstats[kernel_name][field]

    def taken(self, irq):
        """CPU -> interrupts, without the CPUs that took none."""
        return {cpu: count - self.before.interrupts.get(irq, {}).get(cpu, 0)
                for cpu, count in self.after.interrupts.get(irq, {}).items()
                if count != self.before.interrupts.get(irq, {}).get(cpu, 0)}

    # The comparison.

    def expect(self, what, got, wanted):
        if got != wanted:
            self.problems.append(f"{what}: vqscope says {got}, it is {wanted}")

    def require(self, what, holds):
        if not holds:
            self.problems.append(what)

    def check(self):
        """Raises AssertionError with every disagreement."""
        for disk in self.lab.disks():
            name = self.lab.kernel_name(disk.name)
            self.check_counts(disk, name)
            self.check_queues(disk, name)
            if self.interrupts:
                self.check_interrupts(disk, name)
                self.check_locality(disk, name)
            if self.accounting:
                self.check_time(name)
        self.check_notifications()
        self.check_findings()
        lost = {reason: count - self.before.scrape.lost().get(reason, 0)
                for reason, count in self.after.scrape.lost().items()}
        self.expect("lost events", {reason: count for reason, count in lost.items() if count}, {})
        self.check_exposition()
        self.raise_problems()

    def raise_problems(self):
        if self.problems:
            raise AssertionError("\n  ".join(["", *self.problems]))

    def check_counts(self, disk, name):
        for op, (requests_field, sectors_field) in STATS.items():
            self.expect(f"{disk.name}: {op} requests by fio", self.requests(device=name, op=op),
                        self.done(disk.name, op))
            # An fsync is an empty write that asks for a flush: the kernel counts it as a write that took no sectors,
            # and the flush besides. Only the flush reaches the driver.
            empty = self.done(disk.name, "flush") if op == "write" else 0
            if self.accounting:
                self.expect(f"{disk.name}: {op} requests by /proc/diskstats", self.requests(device=name, op=op) + empty,
                            self.stat(name, requests_field))
            if op == "flush":
                continue
            mine = int(self.grown("vqscope_request_bytes_total", device=name, op=op))
            self.expect(f"{disk.name}: {op} bytes by fio", mine, self.done_bytes(disk.name, op))
            if self.accounting:
                self.expect(f"{disk.name}: {op} bytes by /proc/diskstats", mine, self.stat(name, sectors_field) * 512)
            self.expect(f"{disk.name}: {op} bytes in the kernel's trace", mine, 512 * sum(
                completion.sectors for completion in self.trace(name).completions if completion.op == op))
        self.expect(f"{disk.name}: requeues in the kernel's trace",
                    int(self.grown("vqscope_request_requeues_total", device=name)), self.trace(name).requeues)
        self.expect(f"{disk.name}: other requests", self.requests(device=name, op="other"), 0)
        self.expect(f"{disk.name}: errors", int(self.grown("vqscope_request_errors_total", device=name)), 0)
        self.expect(f"{disk.name}: in flight", self.after.scrape.sum("vqscope_queue_inflight", device=name), 0)

    def check_queues(self, disk, name):
        """Requests by submitting vCPU, and each on the queue that mq/N/cpu_list gives to that vCPU."""
        lists = self.after.cpu_lists[name]
        self.expect(f"{disk.name}: hardware queues", int(self.after.scrape.one("vqscope_device_queues", device=name)),
                    len(lists))
        self.expect(f"{disk.name}: hardware queues of the layout", len(lists), disk.queues)
        if any(job.cpu is None for job in self.jobs if job.disk == disk.name):
            self.expect(f"{disk.name}: submissions", int(self.grown("vqscope_submissions_total", device=name)),
                        self.done(disk.name))
            return
        for queue, cpus in lists.items():
            self.expect(f"{disk.name}: requests on queue {queue}, which serves vCPUs {cpus}",
                        self.requests(device=name, queue=str(queue)),
                        sum(self.done(disk.name, cpu=cpu) for cpu in cpus))
        for cpu in set().union(*lists.values()):
            self.expect(f"{disk.name}: submissions by vCPU {cpu}",
                        int(self.grown("vqscope_submissions_total", device=name, cpu=str(cpu))),
                        self.done(disk.name, cpu=cpu))

    def lines(self, name):
        """irq -> queue label of the disk's interrupt lines that have been used."""
        return {int(labels["irq"]): labels["queue"]
                for labels, _ in self.after.scrape.all("vqscope_irq_interrupts_total", device=name)}

    def check_interrupts(self, disk, name):
        lines = self.lines(name)
        for irq in lines:
            mine = {cpu: int(self.grown("vqscope_irq_interrupts_total", device=name, irq=str(irq), cpu=str(cpu)))
                    for cpu in self.after.interrupts[irq]}
            self.expect(f"{disk.name}: interrupts of line {irq} ({self.after.actions[irq]})",
                        {cpu: count for cpu, count in mine.items() if count}, self.taken(irq))
        taken = sum(sum(self.taken(irq).values()) for irq in lines)
        handled = int(self.grown("vqscope_irq_handler_seconds_count", device=name))
        self.expect(f"{disk.name}: interrupt handlers timed", handled, taken)
        for irq, queue in lines.items():
            # The witness for which queue a line serves is the name that the driver gave it, where that has a number.
            if number := re.search(r"virtio\d+-req\.(\d+)|nvme\d+q(\d+)", self.after.actions[irq]):
                self.expect(f"{disk.name}: queue of line {irq}", queue,
                            number.group(1) or str(int(number.group(2)) - 1))
            elif disk.lines == "shared":
                self.expect(f"{disk.name}: queue of line {irq}", queue, "0" if disk.queues == 1 else "")
        if not self.done(disk.name):
            return
        if disk.lines == "none":
            self.expect(f"{disk.name}: lines", len(lines), 0)
            return
        self.require(f"{disk.name}: no interrupts", taken > 0)
        if disk.lines == "shared":
            self.expect(f"{disk.name}: lines", len(lines), 1)
        elif len(self.siblings(disk)) == 1:
            busy = {labels["queue"] for labels, value in
                    self.after.scrape.all("vqscope_request_device_latency_seconds_count", device=name)
                    if self.requests(device=name, queue=labels["queue"])}
            self.expect(f"{disk.name}: queues with interrupts",
                        sorted({queue for irq, queue in lines.items() if self.taken(irq)}), sorted(busy))

    def check_locality(self, disk, name):
        """Local completions are those whose submitter took the last interrupt of the queue's line: counted in the
        kernel's trace, and, if one vCPU took all interrupts of a line, known from /proc/interrupts alone."""
        completed = int(self.grown("vqscope_queue_completions_total", device=name))
        self.expect(f"{disk.name}: completions", completed, self.done(disk.name) if disk.lines != "none" else 0)
        pinned = all(job.cpu is not None for job in self.jobs if job.disk == disk.name)
        if disk.lines == "none" or not pinned:
            return
        line_of = {number: next((irq for irq, queue in self.lines(name).items() if queue in (str(number), "")), None)
                   for number in self.after.cpu_lists[name]}
        queue_of = {cpu: number for number, cpus in self.after.cpu_lists[name].items() for cpu in cpus}
        flushers = {job.cpu for job in self.jobs if job.disk == disk.name and "fsync" in job.options}
        local = collections.Counter()
        for completion in self.trace(name).completions:
            if completion.op == "flush" and len(flushers) > 1:
                return  # a flush has no sector that would tell who asked for it
            cpu = next(iter(flushers)) if completion.op == "flush" else completion.sector * 512 // SHARE
            local[queue_of[cpu]] += completion.takers.get(line_of[queue_of[cpu]]) == cpu
        for queue in line_of:
            self.expect(f"{disk.name}: local completions of queue {queue} in the kernel's trace",
                        int(self.grown("vqscope_queue_completions_total", device=name, queue=str(queue),
                                       locality="local")), local[queue])
        for irq, label in self.lines(name).items():
            if len(taken := self.taken(irq)) != 1:
                continue
            cpu = next(iter(taken))
            queues = [int(label)] if label else list(line_of)
            self.expect(f"{disk.name}: local completions of line {irq}, taken by vCPU {cpu}",
                        sum(int(self.grown("vqscope_queue_completions_total", device=name, queue=str(queue),
                                           locality="local")) for queue in queues),
                        self.done(disk.name, cpu=cpu) if queue_of.get(cpu) in queues else 0)

    def check_time(self, name):
        """Time in queue as the kernel accounts it: to a few microseconds later than the agent. An emulated vCPU may stand still
        in between, for tens of milliseconds where others have their turn."""
        mine, kernel = self.grown("vqscope_queue_time_seconds_total", device=name), self.stat(name, TIME_IN_QUEUE) / 1e3
        self.require(f"{name}: time in queue: vqscope says {mine:.4f} s, /proc/diskstats {kernel:.4f} s",
                     mine - kernel <= 0.02 + 0.05 * kernel and kernel - mine <= 0.1 + 0.1 * kernel)

    def check_notifications(self):
        """A driver notifies at most once per request that it is given, and the kernel calls the function that is timed
        exactly as often as we say. Only disks are virtio devices here; their other virtqueues stay silent."""
        if not self.lab.kernel.traces_notifications or not any(
                disk.device.startswith("virtio") or "scsi" in disk.device for disk in self.lab.disks()):
            return
        total, seen = 0, set()
        for disk in self.lab.disks():
            siblings = self.siblings(disk)
            if siblings[0] in seen:
                continue
            seen.add(siblings[0])
            name = self.lab.kernel_name(disk.name)
            kicks = int(self.grown("vqscope_virtqueue_notify_seconds_count", device=name))
            total += kicks
            names = [self.lab.kernel_name(sibling) for sibling in siblings]
            issued = sum(self.done(sibling) for sibling in siblings) + sum(
                int(self.grown("vqscope_request_requeues_total", device=kernel_name)) for kernel_name in names)
            self.require(f"{disk.name}: {kicks} notifications for {issued} requests given to the driver",
                         kicks <= issued)
            if self.info(name)["transport"].startswith("virtio") and issued:
                self.require(f"{disk.name}: no notifications for {issued} requests", kicks > 0)
        self.expect("notifications by a kprobe on the same function", total, self.after.kicks - self.before.kicks)

    def check_findings(self):
        """The doctor may tell of a disk what is so under any load, and what the scenario's makes of it. Where the load was too
        short, or an emulated guest so busy that the agent's answer took longer than the doctor waits, it judges nothing."""
        if int(self.files["doctor-status"]) == TOO_SHORT or re.search("[Tt]ime(d |-|)out", self.files["doctor"]):
            return
        if not self.files["doctor"].startswith("{"):
            self.problems.append(f"the doctor ended with {self.files['doctor-status'].strip()}: {self.files['doctor']}")
            return
        names = {self.lab.kernel_name(disk.name): disk for disk in self.lab.disks()}
        report, _ = json.JSONDecoder().raw_decode(self.files["doctor"])
        for finding in report["findings"]:
            disk = names.get(finding["device"])
            wrong = finding["finding"] not in (*OF_EMULATION, *self.lab.findings, *(disk.findings if disk else ()))
            self.require(f"the doctor tells {finding['severity']} {finding['finding']} of {disk.name if disk else 'the guest'}"
                         f": {' '.join(finding['evidence'])}", not wrong)

    def check_exposition(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.after.scrape.text, capture_output=True,
                              text=True)
        self.require(f"promtool: {done.stdout}{done.stderr}", done.returncode == 0)
