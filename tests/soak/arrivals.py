# SPDX-License-Identifier: Apache-2.0
"""How long an honest client waits while 1,000 others arrive at once, with and without TLS and a password.

Exit status 1: longer than a second."""

import base64
import multiprocessing
import pathlib
import socket
import ssl
import tempfile
import time
import unittest
import urllib.parse
from concurrent import futures

import abuse
import certificates
import vqtest

CROWD = 1000
SECONDS_AFTER = 3


class Client:
    """Where to connect, and how."""

    def __init__(self, url, authority, authorization):
        address = urllib.parse.urlparse(url)
        self.address = (address.hostname, address.port)
        self.tls = ssl.create_default_context(cafile=authority) if authority else None
        self.headers = f"Host: x\r\n{authorization}"

    def connect(self):
        client = socket.create_connection(self.address, timeout=60)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def ask(self, client, headers=""):
        if self.tls:
            client = self.tls.wrap_socket(client, server_hostname="localhost")
        client.sendall(f"GET /metrics HTTP/1.1\r\n{self.headers}{headers}\r\n".encode())
        return client

    def scrape(self):
        begin = time.monotonic()
        answer = b""
        with self.ask(self.connect(), "Connection: close\r\n") as client:
            while piece := client.recv(1 << 20):
                answer += piece
        if b" 200 " not in answer[:20]:
            raise AssertionError(answer[:200])
        return time.monotonic() - begin


def honest(client, ready, ended, waits):
    """A process of its own, so that it does not wait for the crowd's interpreter."""
    seconds = [client.scrape()]
    ready.set()
    while not ended.wait(0.02):
        seconds.append(client.scrape())
    waits.put(sorted(seconds))


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
        ready, ended, waits = multiprocessing.Event(), multiprocessing.Event(), multiprocessing.Queue()
        alone = multiprocessing.Process(target=honest, args=(client, ready, ended, waits))
        alone.start()
        ready.wait(60)
        begin, cpu = time.monotonic(), abuse.cpu_seconds(agent.process.pid)
        crowd = [client.connect() for _ in range(CROWD)]
        with futures.ThreadPoolExecutor(64) as pool:
            crowd = list(pool.map(client.ask, crowd))
        arrived = time.monotonic() - begin
        ended.wait(SECONDS_AFTER)
        cpu = abuse.cpu_seconds(agent.process.pid) - cpu
        ended.set()
        seconds = waits.get(timeout=60)
        alone.join(60)
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
