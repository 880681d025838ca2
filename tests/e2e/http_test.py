# SPDX-License-Identifier: Apache-2.0
"""The endpoint, as clients of all manners see it, and the command line."""

import errno
import gzip
import json
import random
import socket
import subprocess
import unittest
import urllib.parse

import vqtest

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Endpoint(unittest.TestCase):
    def setUp(self):
        self.agent = vqtest.Agent(self)
        self.address = urllib.parse.urlparse(self.agent.url)

    def connect(self):
        client = socket.create_connection((self.address.hostname, self.address.port), timeout=10)
        self.addCleanup(client.close)
        return client

    def raw(self, request):
        """The first line of the answer to these bytes; nothing if the connection was closed without one."""
        client = self.connect()
        try:
            client.sendall(request)
            self.end_sending(client)
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk
        except ConnectionError:
            return b""
        return answer.split(b"\r\n")[0]

    @staticmethod
    def end_sending(client):
        try:
            client.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise
            # The server refused the request and closed before; what it answered can still be there to be read.

    def check_serves(self):
        status, headers, body = self.agent.get()
        self.assertEqual((status, headers["Content-Type"]), (200, TEXT))
        self.assertIn(b"vqscope_build_info", body)

    def test_formats_are_negotiated(self):
        for accept, content_type, sign in (
                ("", TEXT, b"# HELP vqscope_"),
                ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
                 "application/openmetrics-text; version=1.0.0; charset=utf-8", b"# EOF\n"),
                (vqtest.PROTOBUF, "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                 "encoding=delimited", b"vqscope_build_info")):
            status, headers, body = self.agent.get(Accept=accept)
            self.assertEqual((status, headers["Content-Type"]), (200, content_type))
            self.assertIn(sign, body)
            self.assertIsNone(headers["Content-Encoding"])
            status, headers, packed = self.agent.get(Accept=accept, Accept_Encoding="gzip")
            self.assertEqual(headers["Content-Encoding"], "gzip")
            self.assertIn(sign, gzip.decompress(packed))

    def test_promtool_has_no_complaint(self):
        vqtest.require("promtool")
        done = subprocess.run(["promtool", "check", "metrics"], input=self.agent.get()[2], capture_output=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))

    def test_pages(self):
        self.assertIn(b'<a href="/metrics">', self.agent.get("/")[2])
        for path, status in (("/-/healthy", 200), ("/-/ready", 200), ("/nothing", 404), ("/metrics/", 404)):
            self.assertEqual(self.agent.get(path)[0], status, path)

    def test_only_get_and_head_are_answered(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
            request = f"{method} /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
            self.assertIn(b" 405 ", self.raw(request.encode()), method)
        self.assertIn(b" 200 ", self.raw(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))

    def test_oversized_and_malformed_requests_are_refused(self):
        for request in (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                        b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
                        b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100_000 + b"\r\n"):
            answer = self.raw(request)
            self.assertTrue(answer == b"" or b" 4" in answer, answer)
        randomly = random.Random(7)
        for _ in range(50):
            answer = self.raw(randomly.randbytes(randomly.randrange(1, 2000)))
            self.assertNotIn(b" 200 ", answer)
        self.check_serves()

    def test_idle_and_slow_clients_stop_nobody(self):
        for i in range(800):
            client = self.connect()
            if i % 2:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            elif i % 3 == 0:  # asks, and does not read the answer
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        for _ in range(10):
            self.check_serves()


class CommandLine(unittest.TestCase):
    def check_fails(self, status, sentence, *flags):
        done = subprocess.run([vqtest.AGENT, *flags], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(sentence, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_wrong_command_line_is_exit_status_2(self):
        self.check_fails(2, "subcommand", )
        self.check_fails(2, "--no-such-flag", "serve", "--no-such-flag")
        self.check_fails(2, "cannot be used together", "serve", "--device-include=a", "--device-exclude=b")
        self.check_fails(2, "not a regular expression", "serve", "--device-include=(")
        self.check_fails(2, "--require-probe", "serve", "--require-probe=nonsense")
        self.check_fails(2, "nearest are", "serve", "--histogram.classic-buckets=0.001")

    def test_an_address_that_cannot_be_used_is_exit_status_1(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.check_fails(1, "in use", "serve", f"--web.listen-address=127.0.0.1:{taken.getsockname()[1]}")
        self.check_fails(1, "needs a port", "serve", "--web.listen-address=localhost")

    def test_logs_are_json_when_asked(self):
        agent = vqtest.Agent(self, "--log.format=json")
        for line in agent.output().splitlines():
            self.assertEqual(set(json.loads(line)), {"ts", "level", "msg"})


if __name__ == "__main__":
    vqtest.main()
