# SPDX-License-Identifier: Apache-2.0
"""What `vqscope doctor` tells people to copy, given to the tools that it is meant for.

QEMU's command lines start a machine that is stopped at once; libvirt's XML is validated against libvirt's schema;
Firecracker's JSON and oVirt's XML are parsed; commands for a shell are parsed by one.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

import vqtest

SCHEMAS = pathlib.Path("/usr/share/libvirt/schemas")
QEMU = "qemu-system-x86_64"

DOMAIN = """<domain type='qemu'>
  <name>guest</name><memory>1048576</memory><vcpu>4</vcpu>{guest}
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>{devices}</devices>
</domain>
"""


class Remedies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.snippets = json.loads(vqtest.run(os.environ["VQSCOPE_REMEDY_SNIPPETS"]))

    def chosen(self, wanted):
        """Distinct snippets, with the title that the step has."""
        found = {s["snippet"]: s["where"] for s in self.snippets if wanted(s)}
        self.assertTrue(found, "there is nothing to test")
        return sorted((where, snippet) for snippet, where in found.items())

    def test_qemu_accepts_its_command_lines(self):
        vqtest.require(QEMU)
        image = self.enterContext(vqtest.scratch_file(prefix="vqscope-image-"))
        os.truncate(image, 1 << 20)
        mapping = "iothread-vq-mapping" in vqtest.run(QEMU, "-device", "virtio-blk-pci,help")
        tried = 0
        for where, snippet in self.chosen(lambda s: s["platform"] == "qemu" and s["snippet"].startswith("-")):
            if "iothread-vq-mapping" in snippet and not mapping:
                print(f"not tried: {where}: this QEMU is too old for iothread-vq-mapping")
                continue
            with self.subTest(where, snippet=snippet):
                arguments = shlex.split(snippet.replace("\\\n", " ").replace("/path/to/disk.img", image))
                qmp = '{"execute": "qmp_capabilities"}\n{"execute": "query-block"}\n{"execute": "quit"}\n'
                done = subprocess.run(
                    [QEMU, "-machine", "q35", "-accel", "tcg", "-S", "-m", "64", "-smp", "4", "-nodefaults", "-display",
                     "none", "-qmp", "stdio", *arguments], input=qmp, capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                if "drive=disk0" in snippet or '"drive":"disk0"' in snippet:
                    self.assertIn('"device": "disk0"', done.stdout)
                    self.assertIn('"qdev":', done.stdout)
                tried += 1
        self.assertGreaterEqual(tried, 7)

    def test_libvirts_schema_accepts_its_xml(self):
        vqtest.require("xmllint")
        if not (SCHEMAS / "domain.rng").exists():
            raise unittest.SkipTest("libvirt's schemas (package libvirt0) are not installed")
        # Since 10.0 a disk's driver can have IOThreads of its own.
        several = (SCHEMAS / "domaincommon.rng").read_text().count('<element name="iothreads">') > 1
        tried = 0
        for where, snippet in self.chosen(lambda s: s["platform"] == "libvirt" and s["snippet"].startswith("<")):
            if "10.0" in where and not several:
                print(f"not tried: {where}: this libvirt's schema is older")
                ElementTree.fromstring(f"<x>{snippet}</x>")
                continue
            parts = ElementTree.fromstring(f"<x>{snippet}</x>")
            text = {True: "", False: ""}
            for part in parts:
                text[part.tag == "iothreads"] += ElementTree.tostring(part, encoding="unicode")
            with self.subTest(where, snippet=snippet), tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
                file.write(DOMAIN.format(guest=text[True], devices=text[False]))
                file.flush()
                done = subprocess.run(["xmllint", "--noout", "--relaxng", SCHEMAS / "domain.rng", file.name],
                                      capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)
                tried += 1
        self.assertGreaterEqual(tried, 3)

    def test_firecrackers_json_and_ovirts_xml_are_well_formed(self):
        for _, snippet in self.chosen(lambda s: s["platform"] == "firecracker" and s["snippet"].startswith("PUT")):
            body = json.loads(snippet.partition("\n")[2])
            self.assertIn(body["io_engine"], ("Sync", "Async"))
        for _, snippet in self.chosen(lambda s: s["platform"] == "ovirt" and "curl" in s["snippet"]):
            machine = ElementTree.fromstring(re.search(r"-d '(.*)'", snippet).group(1))
            self.assertEqual(machine.findtext("virtio_scsi_multi_queues"), "4")

    def test_commands_are_sound_for_a_shell(self):
        commands = self.chosen(lambda s: not s["snippet"].startswith(("-", "<", "PUT")))
        for where, snippet in commands:
            with self.subTest(where, snippet=snippet):
                vqtest.run("sh", "-n", "-c", snippet)


if __name__ == "__main__":
    vqtest.main()
