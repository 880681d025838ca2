# SPDX-License-Identifier: Apache-2.0
"""What the daemon may do, and that it does not need more: witnesses are the kernel (/proc/PID/status) and fio."""

import json
import os
import pathlib
import pwd
import subprocess
import unittest

import vqtest

NONE = "0" * 16
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
# Of the user that the service has; any user without rights of its own does.
USER = "nobody"
BPF_AND_PERFMON = f"{1 << 39 | 1 << 38:016x}"  # linux/capability.h
LOAD = ["--rw=randread", "--direct=1", "--bs=4k", "--number_ios=1013"]


def as_user(capabilities=("bpf", "perfmon")):
    """Runs the agent as the unit does: its own user, no groups, these capabilities and no others."""
    vqtest.require("setpriv")
    account = pwd.getpwnam(USER)
    some = ",".join(f"+{name}" for name in capabilities)
    return ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
            f"--inh-caps=-all,{some}", f"--ambient-caps=-all,{some}", f"--bounding-set=-all,{some}", "--no-new-privs")


# What the unit makes of the file system (systemd.exec(5)): ProtectSystem=strict, ProtectHome, PrivateTmp,
# PrivateDevices, ProtectProc=invisible, ProtectKernelTunables, ProtectKernelModules.
UNITS_VIEW = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /mnt
touch /mnt/vqscope && mount --bind "$1" /mnt/vqscope
shift
for place in /home /root /tmp /var/tmp; do [ ! -d $place ] || mount -t tmpfs -o mode=755 tmpfs $place; done
touch /mnt/nothing && chmod 0 /mnt/nothing
mkdir /mnt/dev && mount -t tmpfs -o mode=755 tmpfs /mnt/dev
for device in null zero full random urandom tty; do touch /mnt/dev/$device; mount --bind /dev/$device /mnt/dev/$device; done
mount -t proc -o hidepid=invisible proc /proc
for file in /proc/kallsyms /proc/kcore; do [ ! -e $file ] || mount --bind /mnt/nothing $file; done
for place in /proc/sys /proc/irq /proc/fs; do
  [ ! -d $place ] || { mount --bind $place $place; mount -o remount,bind,ro $place; }
done
[ ! -d /lib/modules ] || mount -t tmpfs -o mode=0 tmpfs /lib/modules
mount --bind /sys /sys && mount -o remount,bind,ro /sys
mount --move /mnt/dev /dev
mount -o remount,bind,ro /
exec "$@"
"""
# The unit's binary is below /usr: this one may be in a place that is hidden.
BINARY_IN_VIEW = "/mnt/vqscope"


def in_units_view():
    vqtest.require("unshare", "mount")
    return {"wrapper": ("unshare", "--mount", "sh", "-c", UNITS_VIEW, "sh", vqtest.AGENT, *as_user()),
            "binary": (BINARY_IN_VIEW,)}


def threads(pid):
    """/proc/PID/task/*/status, each as a dictionary."""
    statuses = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        lines = (line.split(":", 1) for line in (task / "status").read_text().splitlines())
        statuses.append({key: value.strip() for key, value in lines})
    return statuses


# Absent until it happens, which may be before the other agent has attached its programs.
RARE = {"vqscope_request_requeues_total", "vqscope_request_errors_total"}


def series(scrape):
    return {(name, tuple(sorted(labels.items()))) for name, labels, _ in scrape.samples if name not in RARE}


class Rights(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("fio", "losetup", "blockdev")
        if vqtest.sanitized():
            self.skipTest("with a sanitizer the agent has no filter of system calls, and its memory can be looked at")
        self.loop = vqtest.Loop(self)

    def start(self, *flags, **how):
        agent = vqtest.Agent(self, "--device-include=^loop", "--require-probe=block", "--require-probe=irq", *flags, **how)
        agent.wait_for_device(self.loop.name)
        return agent

    def check_harmless(self, agent, uid, bounding=NONE):
        """All threads, the server's under a scrape included, have no rights and a filter."""
        agent.scrape()
        statuses = threads(agent.process.pid)
        self.assertGreater(len(statuses), 1)
        for status in statuses:
            self.assertEqual({key: status[key] for key in SETS}, {key: NONE for key in SETS} | {"CapBnd": bounding})
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
            self.assertEqual(status["Uid"].split(), [str(uid)] * 4)
        # Undumpable: its files in /proc belong to root, whoever it is.
        self.assertEqual(os.stat(f"/proc/{agent.process.pid}/environ").st_uid, 0)

    def check_measures(self, agent):
        """The kernel's programs still count exactly, also on a disk that appears only now, and of one that grows."""
        before = agent.scrape().requests(self.loop.name, "read")
        vqtest.Fio(f"--filename={self.loop.path}", *LOAD)
        scrape = agent.quiet_scrape(self.loop.name)
        self.assertLessEqual(scrape.requests(self.loop.name, "read"), before + 1013)
        self.assertEqual(scrape.missing(self.loop.name, before + 1013), 0)
        comes = vqtest.Loop(self)
        agent.wait_for_device(comes.name)
        fio = vqtest.Fio(f"--filename={comes.path}", *LOAD)
        scrape = agent.quiet_scrape(comes.name)
        self.assertLessEqual(scrape.requests(comes.name, "read"), fio.ios("read"))
        self.assertEqual(scrape.missing(comes.name, fio.ios("read")), 0, scrape.lost())
        self.assertEqual(scrape.bytes(comes.name, "read"), fio.bytes("read"))
        comes.detach()
        vqtest.wait_for(lambda: f'device="{comes.name}"' not in agent.scrape().text, f"{comes.name} to vanish")
        # "program_recursion" among the lost ones would be 0 and present: the kernel still tells of missed runs.
        reasons = {l["reason"] for l, _ in agent.scrape().all("vqscope_probe_lost_events_total")}
        self.assertIn("program_recursion", reasons)

    def test_root_keeps_nothing_once_it_serves_and_collects_on(self):
        agent = self.start()
        load = vqtest.BackgroundFio(self, f"--filename={self.loop.path}", "--rw=randread", "--direct=1", "--bs=4k",
                                    "--time_based", "--runtime=600")
        vqtest.wait_for(lambda: agent.scrape().requests(self.loop.name, "read") > 1000, "the load to be measured")
        self.check_harmless(agent, 0)
        load.stop()
        self.check_measures(agent)
        self.check_harmless(agent, 0)
        self.assertNotIn("system calls", agent.output())

    def test_root_becomes_the_user_that_it_is_told(self):
        account = pwd.getpwnam(USER)
        agent = self.start(f"--user={USER}")
        self.check_harmless(agent, account.pw_uid)
        for status in threads(agent.process.pid):
            self.assertEqual((status["Gid"].split(), status["Groups"]), ([str(account.pw_gid)] * 4, ""))
        self.check_measures(agent)

    def test_a_user_with_two_capabilities_attaches_and_gives_them_up(self):
        agent = self.start(wrapper=as_user())
        # Dropping capabilities from the bounding set takes CAP_SETPCAP; with no_new_privs they cannot be had from there.
        self.check_harmless(agent, pwd.getpwnam(USER).pw_uid, bounding=BPF_AND_PERFMON)
        self.check_measures(agent)

    def test_what_the_unit_leaves_of_the_file_system_is_enough(self):
        agent, root = self.start(**in_units_view()), self.start()
        self.check_harmless(agent, pwd.getpwnam(USER).pw_uid, bounding=BPF_AND_PERFMON)
        self.check_measures(agent)
        probes = [a.scrape().all("vqscope_probe_up") for a in (agent, root)]
        self.assertEqual(*probes)

    def test_a_user_that_does_not_exist_or_cannot_be_become_is_a_start_up_failure(self):
        for wrapper, user, words in (((), "no-such-user-here", "there is no user"),
                                     (as_user(), "root", "cannot become user root")):
            done = subprocess.run([*wrapper, vqtest.AGENT, "serve", "--web.listen-address=127.0.0.1:0",
                                   f"--user={user}"], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)

    def test_without_the_filter_says_so(self):
        agent = self.start("--no-seccomp")
        self.assertIn("warning: system calls are not restricted (--no-seccomp)", agent.output())
        self.assertEqual({status["Seccomp"] for status in threads(agent.process.pid)}, {"0"})


class SameNumbers(unittest.TestCase):
    """An agent of a user with two capabilities sees what root's does."""

    def setUp(self):
        vqtest.require_root()
        self.disk = vqtest.root_disk()

    def load(self):
        scratch = vqtest.scratch_file()
        name = scratch.__enter__()
        self.addCleanup(scratch.__exit__, None, None, None)
        vqtest.BackgroundFio(self, f"--filename={name}", "--rw=randrw", "--direct=1", "--bs=4k", "--size=16m",
                             "--time_based", "--runtime=600", "--ioengine=libaio", "--iodepth=8", "--numjobs=2",
                             "--fsync=32")  # flushes come too

    def test_root_and_user_export_the_same_series(self):
        self.load()
        mine = f"--device-include=^{self.disk}$"
        root, user = vqtest.Agent(self, mine), vqtest.Agent(self, mine, wrapper=as_user())

        # Interrupts and rare operations come to both, but not in the same scrape.
        def same():
            a, b = series(root.scrape()), series(user.scrape())
            return a if a == b else None

        try:
            both = vqtest.wait_for(same, "the same series", 30)
        except AssertionError:
            self.assertEqual(series(root.scrape()), series(user.scrape()))
            raise
        self.assertIn("vqscope_request_device_latency_seconds_count", {name for name, _ in both})
        self.assertIn("vqscope_irq_handler_seconds_count", {name for name, _ in both})
        infos = [agent.scrape().all("vqscope_device_info") for agent in (root, user)]
        self.assertEqual(*infos)

    def test_root_and_user_get_the_same_findings(self):
        self.load()

        def found(wrapper):
            return subprocess.Popen([*wrapper, vqtest.AGENT, "doctor", "--json", "--duration=2",
                                     f"--device-include=^{self.disk}$"], stdout=subprocess.PIPE, text=True)

        def same():
            # At the same time, because both measure what the load is like just then.
            doctors = [found(()), found(as_user())]
            reports = [json.loads(doctor.communicate(timeout=60)[0]) for doctor in doctors]
            kinds = [{(f["device"], f["finding"], f["severity"]) for f in r["findings"]} for r in reports]
            return kinds[0] == kinds[1] and reports

        reports = vqtest.wait_for(same, "the same findings", 60)
        self.assertTrue(reports[0]["findings"])
        self.assertEqual(reports[0]["platforms"], reports[1]["platforms"])


if __name__ == "__main__":
    vqtest.main()
