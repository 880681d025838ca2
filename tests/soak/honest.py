# SPDX-License-Identifier: Apache-2.0
"""A client that means well, in a process of its own, so that it does not wait for the crowd's interpreter."""

import multiprocessing
import socket
import ssl
import time
import urllib.parse

import vqtest


class Client:
    """Where to connect, and how; `source` is the address to connect from."""

    def __init__(self, url, authority=None, authorization="", source=None):
        self.source = (source, 0) if source else None
        address = urllib.parse.urlparse(url)
        self.address = (address.hostname, address.port)
        self.tls = ssl.create_default_context(cafile=authority) if authority else None
        self.headers = f"Host: localhost\r\n{authorization}"

    def connect(self):
        client = socket.create_connection(self.address, timeout=60, source_address=self.source)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def ask(self, client, headers=""):
        if self.tls:
            client = self.tls.wrap_socket(client, server_hostname="localhost")
        client.sendall(f"GET /metrics HTTP/1.1\r\n{self.headers}{headers}\r\n".encode())
        return client

    def scrape(self):
        """Seconds from connecting to the end of an answer."""
        begin = time.monotonic()
        answer = []
        with self.ask(self.connect(), "Connection: close\r\n") as client:
            while piece := client.recv(1 << 20):
                answer.append(piece)
        if not answer or b" 200 " not in answer[0][:20]:
            raise AssertionError(answer[:1])
        return time.monotonic() - begin


class Honest:
    """Scrapes, each over a connection of its own, with a pause of so many seconds between them; has done the first."""

    def __init__(self, client, pause):
        self.ended, self.waits = multiprocessing.Event(), multiprocessing.SimpleQueue()
        self.process = multiprocessing.Process(target=self._scrape_on, args=(client, pause), daemon=True)
        self.process.start()
        vqtest.wait_for(lambda: not self.waits.empty() or not self.process.is_alive(), "the first scrape", 60)

    def _scrape_on(self, client, pause):
        while True:
            self.waits.put(client.scrape())
            if self.ended.wait(pause):
                return

    def take(self):
        """How many seconds each scrape took since the last call, in rising order."""
        if not self.process.is_alive() and self.process.exitcode != 0:
            raise AssertionError("the honest client was not served")
        seconds = []
        while not self.waits.empty():
            seconds.append(self.waits.get())
        return sorted(seconds)

    def stop(self):
        """Those since the last call of take()."""
        self.ended.set()
        self.process.join(60)
        if self.process.is_alive():
            raise AssertionError("the honest client still waits after a minute")
        return self.take()
