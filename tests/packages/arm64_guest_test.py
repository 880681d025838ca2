# SPDX-License-Identifier: Apache-2.0
"""The agent of the preset `arm64` in an emulated arm64 guest with Debian's arm64 kernel, against fio, /proc/diskstats and
/proc/interrupts. Nothing of another architecture is installed on this machine: packages are unpacked into the cache."""

import base64
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import packages
import vqtest

sys.path.append(str(packages.ROOT / "tests/guests"))

import chroot
from kernels import cache_directory, tool

AGENT = packages.ROOT / "build/arm64/vqscope"
UNIT_TESTS = packages.ROOT / "build/arm64/tests/unit/vqscope_unit_tests"
SYSROOT = cache_directory() / "arm64"  # made by arm64_sysroot.sh
PACKAGES = ("linux-image-cloud-arm64", "busybox-static", "fio")
BOOT_SECONDS = 1200  # on a loaded machine
JOBS = ((0, 501), (1, 303))  # vCPU, reads
WRITES = 101
# Suites of unit tests that need a real kernel: QEMU's user mode has neither capabilities nor seccomp of its own.
OF_THE_KERNEL = ("Rights", "Seccomp")

# Everything is done by the guest itself; what it has to tell is a line of base64 on its console for each file.
INIT = f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/tools
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
ip link set lo up
for module in $(cat /modules/order); do insmod /modules/$module; done
echo 2 > /sys/block/vda/queue/nomerges
sample() {{
  while true; do  # until no interrupt came meanwhile
    cat /proc/interrupts > /tmp/interrupts-$1
    cat /proc/diskstats > /tmp/diskstats-$1
    wget -q -O /tmp/metrics-$1 http://127.0.0.1:10177/metrics || break
    cat /proc/interrupts | grep virtio > /tmp/quiet
    grep virtio /tmp/interrupts-$1 | cmp -s - /tmp/quiet && break
  done
}}
vqscope serve --web.listen-address=127.0.0.1:10177 --require-probe=block --require-probe=irq 2> /tmp/agent.log &
until grep -q 'serves http' /tmp/agent.log || ! pidof vqscope > /dev/null; do usleep 100000; done
sample before
fio --output-format=json --thread --ioengine=libaio --direct=1 --bs=4k --filename=/dev/vda --iodepth=4 --norandommap \\
  {' '.join(f'--name=read{cpu} --rw=randread --cpus_allowed={cpu} --number_ios={ios}' for cpu, ios in JOBS)} \\
  --name=write --rw=randwrite --cpus_allowed=0 --number_ios={WRITES} > /tmp/fio 2> /tmp/fio-errors
sample after
vqscope doctor --duration 2 --json > /tmp/doctor 2> /tmp/doctor-errors
echo $? > /tmp/doctor-status
unit_tests --gtest_filter='{":".join(f"{suite}.*" for suite in OF_THE_KERNEL)}' > /tmp/unit-tests 2>&1
echo $? > /tmp/unit-tests-status
uname -rm > /tmp/uname
for file in /tmp/*; do echo "FILE ${{file##*/}} $(base64 -w 0 $file)"; done > /dev/console
poweroff -f
"""


def guest_tree():
    """Kernel, busybox and fio for arm64, unpacked."""
    tree, complete = cache_directory() / "arm64-guest", cache_directory() / "arm64-guest.complete"
    if not complete.exists():
        vqtest.run("rm", "-rf", tree)
        vqtest.run("mmdebstrap", "--quiet", "--variant=extract", "--architectures=arm64",
                   "--include=" + ",".join(PACKAGES), chroot.release(), tree, chroot.MIRROR)
        complete.touch()
    return tree


def add_program(root, program, target, trees):
    """Copies a program, and the shared libraries that it and they need, found in `trees`, below `root`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    vqtest.run("cp", "-L", program, target)
    for name in re.findall(r"NEEDED\s+(\S+)", vqtest.run("objdump", "-p", program)):
        place = root / "lib/aarch64-linux-gnu" / name
        if place.exists():
            continue
        # Some libraries keep others in a directory of their own there.
        found = [path for tree in trees for directory in ("lib", "usr/lib")
                 for path in (tree / directory / "aarch64-linux-gnu").rglob(name) if path.exists()]
        if not found:
            raise AssertionError(f"{program} needs {name}, which is nowhere in {trees}")
        add_program(root, found[0], place, trees)


def build_initramfs(tree, version, image):
    vqtest.run(tool("depmod"), "-b", tree, version)
    with tempfile.TemporaryDirectory(prefix="vqscope-arm64-") as work:
        root = pathlib.Path(work)
        for directory in ("bin", "proc", "sys", "dev", "tmp", "modules"):
            (root / directory).mkdir()
        vqtest.run("cp", "-L", tree / "bin/busybox", root / "bin/busybox")
        for name, program in (("vqscope", AGENT), ("unit_tests", UNIT_TESTS), ("fio", tree / "usr/bin/fio")):
            add_program(root, program, root / "tools" / name, (SYSROOT, tree))
        vqtest.run("aarch64-linux-gnu-strip", root / "tools/vqscope", root / "tools/unit_tests")
        # The dynamic linker has another name in the programs than in the directory of libraries.
        (root / "lib/ld-linux-aarch64.so.1").symlink_to("aarch64-linux-gnu/ld-linux-aarch64.so.1")
        files = {}
        for module in ("virtio_pci", "virtio_blk"):
            text = subprocess.run([tool("modprobe"), "-d", tree, "-S", version, "--show-depends", module],
                                  capture_output=True, text=True).stdout
            files.update(dict.fromkeys(line.split()[1] for line in text.splitlines() if line.startswith("insmod ")))
        for file in files:
            vqtest.run("cp", file, root / "modules")
        (root / "modules/order").write_text("".join(f"{pathlib.Path(file).name}\n" for file in files))
        (root / "init").write_text(INIT)
        (root / "init").chmod(0o755)
        with open(image, "wb") as file:
            subprocess.run("find . | cpio --quiet -o -H newc", shell=True, cwd=root, check=True, stdout=file)


def boot():
    """Boots the guest, and returns the files that it told of: name -> text."""
    tree = guest_tree()
    version = next((tree / "lib/modules").iterdir()).name
    with tempfile.TemporaryDirectory(prefix="vqscope-arm64-") as work:
        image, disk = pathlib.Path(work, "initramfs"), pathlib.Path(work, "disk")
        build_initramfs(tree, version, image)
        disk.touch()
        with open(disk, "r+b") as file:
            file.truncate(64 << 20)
        done = subprocess.run(
            ["qemu-system-aarch64", "-machine", "virt", "-accel", "tcg,thread=single", "-cpu", "cortex-a72", "-m", "1G",
             "-smp", "2", "-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio",
             "-kernel", tree / "boot" / f"vmlinuz-{version}", "-initrd", image,
             "-append", "console=ttyAMA0 quiet panic=-1", "-drive", f"if=none,id=d0,format=raw,file={disk}",
             "-device", "virtio-blk-pci,drive=d0,num-queues=2"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=BOOT_SECONDS)
    console = done.stdout.decode(errors="replace")
    files = {name: base64.b64decode(data).decode(errors="replace")
             for name, data in re.findall(r"(?m)^FILE (\S+) (\S*)\r?$", console)}
    if "uname" not in files:
        raise AssertionError(f"the guest did not come to its end: {console[-4000:]}{done.stderr.decode()}")
    return files


class Arm64Guest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        vqtest.require("qemu-system-aarch64", "mmdebstrap", "cpio", "modprobe", "depmod", "objdump",
                       "aarch64-linux-gnu-strip")
        if not AGENT.exists():
            raise unittest.SkipTest(f"{AGENT} is not built; tests/run.sh arm64 does")
        cls.files = boot()
        if "metrics-after" not in cls.files:
            raise AssertionError(f"the agent did not serve: {cls.files.get('agent.log')}")
        cls.before, cls.after = (vqtest.Scrape(cls.files[f"metrics-{when}"]) for when in ("before", "after"))
        text = cls.files["fio"]
        cls.fio = json.loads(text[text.index("{"):])["jobs"]

    def grown(self, name, **labels):
        return int(self.after.sum(name, **labels) - self.before.sum(name, **labels))

    def diskstats(self, field):
        counts = [next(int(line.split()[2 + field]) for line in self.files[f"diskstats-{when}"].splitlines()
                       if line.split()[2] == "vda") for when in ("before", "after")]
        return counts[1] - counts[0]

    def test_is_an_arm64_kernel_with_the_probes_attached(self):
        print(f"{self.files['uname'].strip()}; {self.files['agent.log']}")
        self.assertTrue(self.files["uname"].strip().endswith("aarch64"))
        for probe in ("block", "irq"):
            self.assertEqual(self.after.one("vqscope_probe_up", probe=probe), 1)

    def test_requests_are_those_of_fio_and_diskstats(self):
        latency = "vqscope_request_device_latency_seconds_count"
        for op, field in (("read", 1), ("write", 5)):
            ios = sum(job[op]["total_ios"] for job in self.fio)
            self.assertEqual(ios, {"read": sum(ios for _, ios in JOBS), "write": WRITES}[op])
            self.assertEqual(self.grown(latency, device="vda", op=op), ios)
            self.assertEqual(self.diskstats(field), ios)
            self.assertEqual(self.grown("vqscope_request_bytes_total", device="vda", op=op), ios * 4096)
        self.assertEqual(self.after.lost(), self.before.lost())

    def test_submitters_are_the_vcpus_that_fio_ran_on(self):
        for cpu, ios in JOBS:
            wanted = ios + (WRITES if cpu == 0 else 0)
            self.assertEqual(self.grown("vqscope_submissions_total", device="vda", cpu=str(cpu)), wanted)

    def test_interrupts_are_those_of_the_kernel(self):
        def kernels(when):
            header, *lines = self.files[f"interrupts-{when}"].splitlines()
            cpus = [word.removeprefix("CPU") for word in header.split()]
            return {(words[0].rstrip(":"), cpu): int(count) for words in map(str.split, lines)
                    if re.fullmatch(r"virtio0-req\.\d+", words[-1]) for cpu, count in zip(cpus, words[1:])}

        before, after = kernels("before"), kernels("after")
        self.assertEqual(len(after), 4)  # two queues, two vCPUs
        self.assertGreater(sum(after.values()), sum(before.values()))
        for (irq, cpu), count in after.items():
            self.assertEqual(self.grown("vqscope_irq_interrupts_total", device="vda", irq=irq, cpu=cpu),
                             count - before[irq, cpu], (irq, cpu))

    def test_gives_up_its_rights_as_the_unit_tests_want_it(self):
        text = self.files["unit-tests"]
        self.assertEqual(int(self.files["unit-tests-status"]), 0, text)
        for suite in OF_THE_KERNEL:
            self.assertRegex(text, rf"\[       OK \] {suite}\.")

    def test_doctor_judges(self):
        self.assertIn(int(self.files["doctor-status"]), (0, 1, 2, 3))
        self.assertIn("findings", json.loads(self.files["doctor"]))


if __name__ == "__main__":
    vqtest.main()
