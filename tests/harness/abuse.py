# SPDX-License-Identifier: Apache-2.0
"""Clients that do what clients should not, a guest with many queues, and what a process holds meanwhile."""

import os
import pathlib
import random
import resource
import shutil
import socket
import struct
import tempfile
import threading
import time
import urllib.parse

import vqtest

GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def allow_many_descriptors(wanted=4096):
    """Descriptors for the clients, which live in this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True


class Usage:
    """What a process holds now."""

    def __init__(self, pid):
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        self.rss = int(status["VmRSS"].split()[0]) << 10
        self.threads = int(status["Threads"])
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))

    def __str__(self):
        return f"{self.rss / 2**20:.1f} MiB, {self.threads} threads, {self.descriptors} descriptors"


def cpu_seconds(pid):
    """CPU time that a process has taken, in user space and in the kernel."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def connect(url, receive_buffer=None):
    address = urllib.parse.urlparse(url)
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(vqtest.patience(10))
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect((address.hostname, address.port))
    return client


def break_off(client):
    """Closes with a reset instead of a goodbye."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


# What each kind of client sends at once, and later in small pieces; None: half of the connection is closed.
MANNERS = {
    "idle": (b"", b""),
    "slow writer": (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"a"),
    "reads nothing": (GET, b""),
    "pipelines and reads nothing": (GET * 50, GET),
    "half-closed": (GET, None),
    "half a request, half-closed": (b"GET /metrics HTTP/1.1\r\nHo", None),
    "random bytes": (random.Random(1).randbytes(300), b"\xff"),
    "giant header": (b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 30_000, b"a"),
}


class Crowd:
    """Connections of all these manners in turn, open until close()."""

    def __init__(self, url, count, manners=tuple(MANNERS)):
        self.clients = []
        for i in range(count):
            now, later = MANNERS[manners[i % len(manners)]]
            client = connect(url, receive_buffer=4096)
            self.clients.append((client, later))
            client.setblocking(False)
            self._send(client, now)
            if later is None:
                self._shut(client)

    @staticmethod
    def _send(client, data):
        try:
            client.send(data)
        except (BlockingIOError, ConnectionError):
            pass  # as an abusive client has it: the server took as much as it wanted

    @staticmethod
    def _shut(client):
        try:
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was faster

    def trickle(self):
        """Each client sends its next piece, and reads a few bytes."""
        for client, later in self.clients:
            if later:
                self._send(client, later)
            try:
                client.recv(16)
            except (BlockingIOError, ConnectionError):
                pass

    def still_open(self):
        """How many the server has neither closed nor reset."""
        count = 0
        for client, _ in self.clients:
            try:
                count += bool(client.recv(1, socket.MSG_PEEK))
            except BlockingIOError:
                count += 1
            except ConnectionError:
                pass
        return count

    def close(self):
        for client, _ in self.clients:
            client.close()
        self.clients = []


def read_answers(client, count):
    """Reads so many answers with a Content-Length from one connection; the lengths of their bodies."""
    lengths, buffer = [], b""
    while len(lengths) < count:
        while b"\r\n\r\n" not in buffer:
            buffer += receive(client)
        head, buffer = buffer.split(b"\r\n\r\n", 1)
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise AssertionError(head)
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        while len(buffer) < length:
            buffer += receive(client)
        buffer = buffer[length:]
        lengths.append(length)
    return lengths


def receive(client):
    chunk = client.recv(1 << 20)
    if not chunk:
        raise ConnectionError("the connection was closed within an answer")
    return chunk


class Background:
    """Calls `once()` again and again in threads until stop(), which returns how often and raises what was raised."""

    def __init__(self, once, threads=1):
        self.stopped = threading.Event()
        self.counts, self.error = [0] * threads, None
        self.threads = [threading.Thread(target=self._run, args=(once, i), daemon=True) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, once, i):
        try:
            while not self.stopped.is_set():
                once()
                self.counts[i] += 1
        except Exception as error:  # handed on by stop()
            self.error = error

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)
        if self.error:
            raise self.error
        return sum(self.counts)


class Storm:
    """Scrapes over a kept connection, one after the other, in threads, until stop()."""

    def __init__(self, url, threads):
        self.url = url
        self.local = threading.local()
        self.background = Background(self._once, threads)

    def _once(self):
        if not hasattr(self.local, "client"):
            self.local.client = connect(self.url)
        self.local.client.sendall(GET)
        read_answers(self.local.client, 1)

    def stop(self):
        return self.background.stop()


def churn(url, randomly=random.Random(2)):
    """One connection that ends in any way at any point."""
    client = connect(url)
    what = randomly.randrange(5)
    try:
        if what == 1:
            client.sendall(GET[:randomly.randrange(len(GET))])
        elif what >= 2:
            client.sendall(GET)
        if what == 3:
            client.recv(100)
        if what == 4:
            read_answers(client, 1)
    except ConnectionError:
        pass
    finally:
        break_off(client) if randomly.randrange(2) else client.close()


def guest_with_many_queues(test, disks=24, queues=64):
    """A sysfs of disks that do nothing, with which a scrape is large; returns its path."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="vqscope-sysfs-"))
    test.addCleanup(shutil.rmtree, root)

    def write(path, content):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{content}\n")

    write("devices/system/cpu/online", f"0-{queues - 1}")
    write("devices/system/cpu/possible", f"0-{queues - 1}")
    (root / "block").mkdir()
    for disk in range(disks):
        path = f"devices/virtual/block/fake{disk}"
        write(f"{path}/size", 2048)
        for queue in range(queues):
            write(f"{path}/mq/{queue}/cpu_list", queue)
            write(f"{path}/mq/{queue}/nr_tags", 64)
        (root / f"block/fake{disk}").symlink_to(f"../{path}")
    return root


def seconds_to_answer(get):
    begin = time.monotonic()
    status = get()[0]
    if status != 200:
        raise AssertionError(f"an honest client was answered {status}")
    return time.monotonic() - begin
