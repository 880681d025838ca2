# SPDX-License-Identifier: Apache-2.0
"""What `vqscope doctor` tells people to copy, given to the tools that it is meant for: they refuse it as it is printed,
and take it once its placeholders are filled in.

QEMU starts a machine that is stopped at once; libvirt's schema validates a domain; JSON and XML are parsed; commands
for a shell are parsed by one, and what writes a file in the guest is run.
"""

import json
import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

import vqtest

SCHEMAS = pathlib.Path("/usr/share/libvirt/schemas")
QEMU = "qemu-system-x86_64"

# A disk of each kind as somebody may have set it up, and what else has to be on the command line.
QEMU_LINES = {
    "virtio-blk": ("virtio-blk-pci,drive=disk0,vectors=1,indirect_desc=off", []),
    "virtio-blk, MMIO": ("virtio-blk-device,drive=disk0", []),
    "virtio-scsi": ("virtio-scsi-pci,id=scsi0,vectors=1", ["-device", "scsi-hd,drive=disk0,bus=scsi0.0"]),
    "nvme": ("nvme,drive=disk0,serial=0", []),
    "sata": ("drive=disk0,bootindex=1", []),
    "emulated scsi": ("id=scsi0", ["-device", "scsi-hd,drive=disk0,bus=scsi0.0"]),
}

DOMAIN = """<domain type='qemu'>
  <name>guest</name><memory>1048576</memory><vcpu>4</vcpu><iothreads>2</iothreads>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    {controller}
    <disk type='file' device='disk'>
      {driver}<source file='/disk.qcow2'/>{target}<serial>0</serial>
    </disk>
  </devices>
</domain>
"""
DOMAIN_PARTS = {
    "driver": "<driver name='qemu' type='qcow2' discard='unmap'/>",
    "target": "<target dev='sda' bus='scsi'/>",
    "controller": "<controller type='scsi' index='0' model='virtio-scsi'/>",
}


def leaves(value):
    """The values in a JSON object that are no objects themselves."""
    return [leaf for v in value.values() for leaf in leaves(v)] if isinstance(value, dict) else [value]


class Remedies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.snippets = json.loads(vqtest.run(os.environ["VQSCOPE_REMEDY_SNIPPETS"]))

    def changes(self, platform, start):
        """(kind of disk, snippet) of each change on a platform whose snippet begins so, once."""
        found = {(s["disk"].removesuffix(", 4 queues"), s["snippet"]) for s in self.snippets
                 if s["platform"] == platform and s["changes"] and s["snippet"].startswith(start)}
        self.assertTrue(found, "there is nothing to test")
        return sorted(found)

    def start_qemu(self, arguments, image, machine):
        qmp = ('{"execute": "qmp_capabilities"}\n{"execute": "query-block"}\n{"execute": "human-monitor-command", '
               '"arguments": {"command-line": "info qtree"}}\n{"execute": "quit"}\n')
        return subprocess.run(
            [QEMU, "-machine", machine, "-accel", "tcg", "-S", "-m", "64", "-smp", "4", "-nodefaults", "-display",
             "none", "-qmp", "stdio", "-drive", f"file={image},if=none,id=disk0,format=raw", *arguments],
            input=qmp, capture_output=True, text=True, timeout=60)

    def test_qemu_refuses_its_options_unread_and_takes_them_filled_in(self):
        vqtest.require(QEMU)
        image = self.enterContext(vqtest.scratch_file(prefix="vqscope-image-"))
        os.truncate(image, 1 << 20)
        helps = {device: vqtest.run(QEMU, "-device", f"{device}-pci,help") for device in ("virtio-blk", "virtio-scsi")}
        tried = 0
        for kind, snippet in self.changes("qemu", "-"):
            if "iothread-vq-mapping" in snippet and "iothread-vq-mapping" not in helps[kind.partition(",")[0]]:
                device = shlex.split(snippet.replace("\\\n", " "))[-1]
                self.assertRaises(json.JSONDecodeError, json.loads, device)
                self.assertEqual(list(json.loads(device.replace("PRESENT-OPTIONS", '"drive": "disk0"'))),
                                 ["drive", "iothread-vq-mapping"])
                print(f"not tried: this QEMU is too old for iothread-vq-mapping of {kind}")
                continue
            if kind.endswith("MMIO") and "iothread" in snippet:
                print("not tried: QEMU has no IOThreads for virtio over MMIO under this accelerator")
                continue
            if snippet.startswith("-device virtio") and kind not in ("sata", "emulated scsi"):
                continue  # only these have to become virtio disks
            machine = "microvm" if kind.endswith("MMIO") else "q35"
            with self.subTest(kind, snippet=snippet):
                arguments = shlex.split(snippet.replace("\\\n", " "))
                unread = self.start_qemu(arguments, image, machine)
                self.assertNotEqual(unread.returncode, 0)
                line, more = QEMU_LINES[kind]
                if "vq-mapping" in snippet:
                    driver, *options = line.split(",")
                    line = json.dumps({"driver": driver, **dict(o.split("=") for o in options if "vectors" not in o
                                                                and "indirect" not in o)})[1:-1]
                arguments = [a.replace("PRESENT-OPTIONS", line) for a in arguments] + more
                done = self.start_qemu(arguments, image, machine)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                (drive,) = json.loads(done.stdout.splitlines()[2])["return"]
                self.assertIn("qdev", drive)  # a device has it
                option, _, value = snippet.rpartition(",")[2].partition("=")
                if value.isdigit():  # it counts, although the line said something else
                    self.assertTrue(f"{option} = {value} " in done.stdout, done.stdout)
                tried += 1
        self.assertGreaterEqual(tried, 15)

    def schema_takes(self, **parts):
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(DOMAIN.format(**{**DOMAIN_PARTS, **parts}))
            file.flush()
            return subprocess.run(["xmllint", "--noout", "--relaxng", SCHEMAS / "domain.rng", file.name],
                                  capture_output=True, text=True, timeout=60)

    def test_libvirts_schema_refuses_its_xml_unread_and_takes_it_filled_in(self):
        vqtest.require("xmllint")
        if not (SCHEMAS / "domain.rng").exists():
            raise unittest.SkipTest("libvirt's schemas (package libvirt0) are not installed")
        self.assertEqual(self.schema_takes().returncode, 0)
        # Since 10.0 a disk's driver can have IOThreads of its own, since 11.2 a controller's.
        several = (SCHEMAS / "domaincommon.rng").read_text().count('<ref name="iothreads"/>')
        tried = 0
        for kind, snippet in self.changes("libvirt", "<"):
            tag = ElementTree.fromstring(snippet.replace("PRESENT-ATTRIBUTES", "")).tag
            on_controller = kind.startswith("virtio-scsi") and tag != "target"
            if tag == "iothreads":
                if several < (2 if on_controller else 1):
                    print(f"not tried: this libvirt's schema is too old for <iothreads> of {kind}")
                    continue
                snippet = f"<driver name='qemu'>{snippet}</driver>"
            filled = snippet.replace("IOTHREAD-ID", "1").replace("PRESENT-NAME", "sda").replace(
                "PRESENT-ATTRIBUTES", {"driver": "" if on_controller else "name='qemu' type='qcow2' discard='unmap'",
                                       "controller": "type='scsi' index='0'"}.get(tag, ""))
            with self.subTest(kind, snippet=snippet):
                for text, taken in ((snippet, False), (filled, True)):
                    if on_controller:
                        parts = {"controller": f"<controller type='scsi' index='0' model='virtio-scsi'>{text}"
                                               "</controller>"}
                    else:
                        parts = {tag if tag in DOMAIN_PARTS else "driver": text}
                    done = self.schema_takes(**parts)
                    self.assertEqual(done.returncode == 0, taken, done.stderr)
                tried += 1
        self.assertGreaterEqual(tried, 6)

    def test_a_firecracker_drive_keeps_all_that_it_has(self):
        has = {"drive_id": "rootfs", "path_on_host": "/rootfs", "is_root_device": True, "cache_type": "Writeback"}
        for _, snippet in self.changes("firecracker", "{"):
            self.assertRaises(json.JSONDecodeError, json.loads, snippet)
            self.assertEqual(json.loads(snippet.replace("PRESENT-FIELDS", json.dumps(has)[1:-1])),
                             {**has, "io_engine": "Async"})

    def test_ovirt_and_kubevirt_are_sent_one_field(self):
        for _, snippet in self.changes("ovirt", "curl"):
            words = shlex.split(snippet)
            body = ElementTree.fromstring(words[words.index("-d") + 1])
            self.assertEqual(len([element for element in body.iter() if len(element) == 0]), 1)
        for _, snippet in self.changes("kubevirt", "kubectl patch"):
            words = shlex.split(snippet)
            patch = json.loads(words[words.index("--patch") + 1])
            self.assertEqual(len(leaves(patch)) if isinstance(patch, dict) else len(patch), 1)

    def test_commands_are_sound_for_a_shell(self):
        commands = {s["snippet"] for s in self.snippets if not s["snippet"].startswith(("-", "<", "{", "info"))}
        self.assertGreater(len(commands), 20)
        for snippet in sorted(commands):
            with self.subTest(snippet=snippet):
                vqtest.run("sh", "-n", "-c", snippet)

    def test_a_udev_rule_that_is_there_stays(self):
        rules = {s["snippet"] for s in self.snippets if "/etc/udev" in s["snippet"]}
        self.assertTrue(rules)
        for snippet in sorted(rules):
            with tempfile.TemporaryDirectory() as folder:
                moved = snippet.replace("/etc/udev/rules.d", folder)
                subprocess.run(["sh", "-c", moved], check=True)
                (file,) = pathlib.Path(folder).iterdir()
                self.assertIn('ATTR{queue/scheduler}="none"', file.read_text())
                file.write_text("another\n")
                again = subprocess.run(["sh", "-c", moved], capture_output=True, text=True)
                self.assertNotEqual(again.returncode, 0)
                self.assertEqual(file.read_text(), "another\n")


if __name__ == "__main__":
    vqtest.main()
