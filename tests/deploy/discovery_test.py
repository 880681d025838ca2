# SPDX-License-Identifier: Apache-2.0
"""The example configurations that find guests or install the agent, by those who read them."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import vqtest

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
SCRIPT = DEPLOY / "prometheus/libvirt_targets.py"


class Examples(unittest.TestCase):
    def test_prometheus_takes_the_scrape_examples(self):
        vqtest.require("promtool")
        vqtest.run("promtool", "check", "config", DEPLOY / "prometheus/scrape_examples.yml")

    def test_cloud_init_takes_the_user_data(self):
        vqtest.require("cloud-init")
        self.assertIn("Valid", vqtest.run("cloud-init", "schema", "--config-file", DEPLOY / "cloud-init.yml"))


class LibvirtTargets(unittest.TestCase):
    """With libvirt's own test driver, a host with one guest in memory."""

    def setUp(self):
        vqtest.require("virsh", "promtool")
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-libvirt-")))
        self.output = self.directory / "targets.json"

    def run_script(self, *flags):
        return subprocess.run([SCRIPT, "--output", self.output, *flags], capture_output=True, text=True)

    def test_writes_targets_that_prometheus_takes(self):
        done = self.run_script("--connect", "test:///default", "--port", "10178")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        (group,) = json.loads(self.output.read_text())
        address = vqtest.run("virsh", "-q", "-c", "test:///default", "domifaddr", "test").split()[3].split("/")[0]
        self.assertEqual(group["targets"], [f"{address}:10178"])
        self.assertEqual(group["labels"]["instance"], "test")
        config = self.directory / "prometheus.yml"
        config.write_text(f"scrape_configs: [{{job_name: vqscope, file_sd_configs: [{{files: ['{self.output}']}}]}}]")
        # promtool reads the files too, and warns of those that are missing.
        self.assertNotIn("WARNING", vqtest.run("promtool", "check", "config", config))
        self.assertEqual([path.name for path in self.directory.iterdir() if path.name.startswith(".")], [])

    def test_is_not_written_anew_when_nothing_changed(self):
        self.run_script("--connect", "test:///default")
        os.utime(self.output, (1, 1))
        self.run_script("--connect", "test:///default")
        self.assertEqual(self.output.stat().st_mtime, 1)

    def test_keeps_the_targets_when_the_host_does_not_answer(self):
        self.output.write_text("[]")
        done = self.run_script("--connect", "test:///no/such/file")
        self.assertEqual(done.returncode, 1)
        self.assertIn("virsh", done.stderr)
        self.assertEqual(self.output.read_text(), "[]")


if __name__ == "__main__":
    vqtest.main()
