# SPDX-License-Identifier: Apache-2.0
"""An agent with --web.config.file, and curl as its client."""

import json
import pathlib
import subprocess
import tempfile
import unittest
import urllib.parse

import certificates
import vqtest


class Secured(unittest.TestCase):
    def setUp(self):
        vqtest.require("curl", "openssl")
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-web-")))
        self.config = self.directory / "web.yml"
        self.authority = certificates.Authority(self.directory)

    def write(self, tls=None, **sections):
        """(Re)places the configuration at once, as a careful administrator does. JSON is YAML."""
        if tls is not None:
            sections["tls_server_config"] = {"cert_file": "server.pem", "key_file": "server.key", **tls}
        new = self.directory / "web.new"
        new.write_text(json.dumps(sections))
        new.rename(self.config)

    def start(self, *flags, wrapper=vqtest.WITHOUT_PROBES):
        agent = vqtest.Agent(self, f"--web.config.file={self.config}", "--log.level=debug", *flags, wrapper=wrapper)
        self.port = urllib.parse.urlparse(agent.url).port
        return agent

    def start_with_tls(self, tls=None, **sections):
        self.authority.issue("server")
        self.write(tls or {}, **sections)
        agent = self.start()
        self.assertTrue(agent.url.startswith("https://"), agent.url)
        return agent

    def curl(self, *flags, scheme="https"):
        """(curl's exit status, the HTTP status, its complaint)"""
        done = subprocess.run(["curl", "--silent", "--show-error", "--cacert", self.authority.file, "--max-time", "30",
                               "--output", self.directory / "body", "--write-out", "%{http_code}", *flags,
                               f"{scheme}://127.0.0.1:{self.port}/metrics"], capture_output=True, text=True)
        return done.returncode, int(done.stdout), done.stderr

    def client(self, name):
        return ["--cert", self.directory / f"{name}.pem", "--key", self.directory / f"{name}.key"]

    def check_serves(self, *flags):
        self.assertEqual(self.curl(*flags)[:2], (0, 200), self.curl(*flags))
        self.assertIn("vqscope_build_info", (self.directory / "body").read_text())

    def check_shut(self, *flags):
        """Not a byte of HTTP comes back, with either version of TLS."""
        for version in (["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"]):
            status, http, complaint = self.curl(*version, *flags)
            self.assertNotEqual(status, 0, (version, flags))
            self.assertEqual(http, 0, (version, complaint))
