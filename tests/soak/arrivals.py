# SPDX-License-Identifier: Apache-2.0
"""How long an honest client waits while 1,000 others arrive at once, with and without TLS and a password.

Exit status 1: longer than a second."""

import base64
import pathlib
import tempfile
import time
import unittest
from concurrent import futures

import abuse
import certificates
import vqtest
from honest import Client, Honest

CROWD = 1000
SECONDS_AFTER = 3


class Arrivals(unittest.TestCase):
    def setUp(self):
        self.assertTrue(abuse.allow_many_descriptors(), "the hard limit of descriptors is below 4096")

    def measure(self, what, config="", authorization=""):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-arrivals-")))
        authority, flags = None, []
        if config:
            made = certificates.Authority(directory)
            made.issue("server")
            authority = made.file
            (directory / "web.yml").write_text(config)
            flags = [f"--web.config.file={directory}/web.yml"]
        agent = vqtest.Agent(self, *flags)
        client = Client(agent.url, authority, authorization)
        honest = Honest(client, pause=0.02)
        begin, cpu = time.monotonic(), abuse.cpu_seconds(agent.process.pid)
        crowd = [client.connect() for _ in range(CROWD)]
        with futures.ThreadPoolExecutor(64) as pool:
            crowd = list(pool.map(client.ask, crowd))
        arrived = time.monotonic() - begin
        time.sleep(SECONDS_AFTER)  # the length of the sample
        cpu = abuse.cpu_seconds(agent.process.pid) - cpu
        seconds = honest.stop()
        for one in crowd:
            one.close()
        print(f"{what}: {CROWD} arrived in {arrived:.2f} s, the agent took {cpu:.2f} s of CPU; {len(seconds)} honest scrapes, "
              f"median {seconds[len(seconds) // 2] * 1000:.0f} ms, longest {seconds[-1] * 1000:.0f} ms", flush=True)
        self.assertLess(seconds[-1], 1)

    TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"

    def test_plain(self):
        self.measure("plain")

    def test_tls(self):
        self.measure("TLS", self.TLS)

    def test_tls_and_a_password(self):
        self.measure("TLS and a password", f"{self.TLS}basic_auth_users: {{me: {certificates.bcrypt('secret', 10)}}}\n",
                     f"Authorization: Basic {base64.b64encode(b'me:secret').decode()}\r\n")


if __name__ == "__main__":
    vqtest.main()
