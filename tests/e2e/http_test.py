# SPDX-License-Identifier: Apache-2.0
"""The endpoint, as clients of all manners see it, and the command line."""

import contextlib
import errno
import gzip
import json
import os
import random
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

import vqtest

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Endpoint(unittest.TestCase):
    def setUp(self):
        self.agent = vqtest.Agent(self, wrapper=vqtest.WITHOUT_PROBES)
        self.address = urllib.parse.urlparse(self.agent.url)

    def connect(self):
        client = socket.create_connection((self.address.hostname, self.address.port), timeout=10)
        self.addCleanup(client.close)
        return client

    def talk(self, request, half_close=False):
        """All that comes back to these bytes until the server closes the connection."""
        client = self.connect()
        answer = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(request)
            if half_close:
                self.end_sending(client)
            while chunk := client.recv(65536):
                answer += chunk
        return answer

    def raw(self, request, half_close=True):
        """The first line of the answer to these bytes; nothing if the connection was closed without one, as it often is
        where the client ends sending before the answer."""
        return self.talk(request, half_close).split(b"\r\n")[0]

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

    def test_no_page_is_older_than_its_request(self):
        scrapes = [self.agent.scrape().sum("vqscope_scrapes_total") for _ in range(20)]
        self.assertEqual(scrapes, [scrapes[0] + i for i in range(20)])

    def test_promtool_has_no_complaint(self):
        vqtest.require("promtool")
        done = subprocess.run(["promtool", "check", "metrics"], input=self.agent.get()[2], capture_output=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))

    def test_pages(self):
        self.assertIn(b'<a href="./metrics">', self.agent.get("/")[2])
        for path, status in (("/-/healthy", 200), ("/-/ready", 200), ("/nothing", 404), ("/metrics/", 404)):
            self.assertEqual(self.agent.get(path)[0], status, path)

    def test_only_get_and_head_are_answered(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
            request = f"{method} /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
            self.assertIn(b" 405 ", self.raw(request.encode()), method)
        self.assertIn(b" 200 ", self.raw(b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", False))

    def test_oversized_and_malformed_requests_are_refused(self):
        for request in (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
                        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100_000 + b"\r\n"):
            answer = self.raw(request)
            self.assertTrue(answer == b"" or b" 4" in answer, answer)
        randomly = random.Random(7)
        for _ in range(50):
            answer = self.raw(randomly.randbytes(randomly.randrange(1, 2000)))
            self.assertNotIn(b" 200 ", answer)
        self.check_serves()

    def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(self):
        hidden = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for head in (b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5\r\nContent-Length: 5",
                     b"Content-Length: 5, 5", b"Content-Length: +5", b"Content-Length: abc", b"Content-Length:",
                     b"Content-Length: 99999999999999999999999x", b"Content-Length : 5", b"Content-Length:\r\n 5",
                     b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
                     b"Transfer-Encoding: xchunked", b"Transfer-Encoding:\r\n chunked", b"X: y\r\n\tz",
                     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"Host: localhost", b"X: a\rb", b"X y: z"):
            for method in (b"GET", b"POST"):
                answer = self.talk(method + b" /metrics HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n" + hidden)
                self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), (head, answer[:200]))
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1, (head, answer[:500]))
        for line in (b"GET /metrics%00 HTTP/1.1", b"GET /%00 HTTP/1.1", b"GET /metr%zzics HTTP/1.1", b"GET metrics HTTP/1.1",
                     b"GET /a b HTTP/1.1"):
            answer = self.talk(line + b"\r\nHost: localhost\r\n\r\n" + hidden)
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), (line, answer[:200]))
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1, (line, answer[:500]))
        answer = self.talk(b"GET /metrics HTTP/1.1\r\n\r\n" + hidden)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer[:200])
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer[:500])
        self.assertIn(b" 200 ", self.raw(b"GET /metrics HTTP/1.0\r\n\r\n", False), "HTTP/1.0 needs no Host")
        self.assertGreater(self.agent.scrape().one("vqscope_http_refused_total", reason="bad_request"), 40)

    def test_a_nul_cuts_nothing_short(self):
        hidden = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for head in (b"GET\0 /metrics HTTP/1.1\r\nHost: localhost\r\n", b"GET\0X /metrics HTTP/1.1\r\nHost: localhost\r\n",
                     b"GET /metrics\0 HTTP/1.1\r\nHost: localhost\r\n", b"GET /metrics\0x HTTP/1.1\r\nHost: localhost\r\n",
                     b"GET /metrics?a\0b HTTP/1.1\r\nHost: localhost\r\n", b"GET /metrics HTTP/1.1\0\r\nHost: localhost\r\n",
                     b"GET /metrics HTTP/1.1\r\nHost: localhost\0.evil.com\r\n", b"GET /metrics HTTP/1.1\r\nHost: localhost\0\r\n",
                     b"GET /metrics HTTP/1.1\r\nHost:\0localhost\r\n", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n",
                     b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\nY: z\r\n",
                     b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\0\r\n", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\0X: y\r\n",
                     b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX\0: y\r\n"):
            answer = self.talk(head + b"\r\n" + hidden)
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), (head, answer[:200]))
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1, (head, answer[:500]))

    def test_lines_end_in_cr_lf_and_nothing_else(self):
        for head in (b"GET /metrics HTTP/1.1\nHost: localhost\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: localhost\n\r\n",
                     b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\n", b"GET  /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            self.assertIn(b" 400 ", self.raw(head), head)

    def test_a_head_of_any_size_is_served_or_told_that_it_is_too_large(self):
        line = b"GET /-/healthy%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n"

        def of_size(size, what):
            if what == "target":
                return line % (b"?" + b"a" * (size - len(line) + 3), b"")
            if what == "header":
                return line % (b"", b"X: " + b"a" * (size - len(line) - 1) + b"\r\n")
            if what == "arguments":
                return line % (b"?" + b"a&" * (size // 2), b"")
            if what == "cookies":
                return line % (b"", b"Cookie: " + b"a;" * (size // 2) + b"\r\n")
            return line % (b"", b"X: y\r\n" * (size // 6))

        sizes = [*range(300, 2200, 7), *range(3000, 14000, 1000), *range(15000, 22000, 97)]
        for what in ("target", "header", "headers", "arguments", "cookies"):
            seen, twice = {}, 0
            for size in sizes:
                answer = self.talk(of_size(size, what))
                self.assertRegex(answer, b"^HTTP/1.1 (200|414|431) ", (what, size))
                twice += answer.count(b"HTTP/1.1 ") > 1
                seen[size] = b" 200 " in answer
            self.assertLessEqual(twice, 2, f"{what}: only what leaves the library some bytes is answered with two heads")
            self.assertTrue(seen[sizes[0]])
            self.assertFalse(seen[sizes[-1]])
            self.assertEqual(sorted(seen.values(), reverse=True), list(seen.values()), "those that are served are the smaller")
        self.assertIn(b" 414 ", self.raw(of_size(17000, "target"), False))
        for method, length in ((b"GET", True), (b"HEAD", False)):
            answer = self.talk(of_size(17000, "header").replace(b"GET", method))
            self.assertTrue(answer.startswith(b"HTTP/1.1 431 "), answer[:200])
            for name in (b"X-Content-Type-Options: nosniff", b"Content-Security-Policy: default-src 'none'", b"X-Frame-Options: deny",
                         b"Referrer-Policy: no-referrer", b"Connection: close", b"Date: "):
                self.assertIn(b"\r\n" + name, answer)
            self.assertEqual(bool(answer.split(b"\r\n\r\n", 1)[1]), length)

    def test_what_follows_a_body_is_not_read_as_a_request(self):
        hidden = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for length in (b"Content-Length: %d" % len(hidden), b"Transfer-Encoding: chunked"):
            for method, status in ((b"GET", b" 400 "), (b"POST", b" 405 ")):
                answer = self.talk(method + b" /-/healthy HTTP/1.1\r\nHost: localhost\r\n" + length + b"\r\n\r\n" + hidden)
                self.assertIn(status, answer.split(b"\r\n")[0])
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)

    def test_whole_urls_are_taken_as_a_proxy_sends_them(self):
        url = self.agent.url.encode()
        self.assertIn(b" 200 ", self.raw(b"GET " + url + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                                         False))
        self.assertIn(b" 421 ", self.raw(b"GET http://evil.com/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"))

    def test_a_page_that_points_its_name_at_loopback_reads_nothing(self):
        def ask(host, address=self.address):
            with socket.create_connection((address.hostname, address.port), timeout=10) as client:
                client.sendall(f"GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                return b"".join(iter(lambda: client.recv(65536), b""))

        for host in ("evil.com", f"evil.com:{self.address.port}", "localhost.evil.com", "127.0.0.1.evil.com"):
            answer = ask(host)
            self.assertIn(b" 421 ", answer.split(b"\r\n")[0], host)
            self.assertNotIn(b"vqscope_build_info", answer)
            self.assertIn(b"--web.allowed-host", answer)
        for host in ("localhost", f"LOCALHOST:{self.address.port}", "127.0.0.1", "[::1]:80", socket.gethostname()):
            self.assertIn(b" 200 ", ask(host).split(b"\r\n")[0], host)
        agent = vqtest.Agent(self, "--web.allowed-host=Guest.example", "--web.allowed-host=other")
        address = urllib.parse.urlparse(agent.url)
        for host in ("guest.example:80", "other"):
            self.assertIn(b" 200 ", ask(host, address).split(b"\r\n")[0], host)
        self.assertIn(b" 421 ", ask("evil.com", address).split(b"\r\n")[0])
        self.assertEqual(agent.scrape().one("vqscope_http_refused_total", reason="host"), 1)

    def test_every_answer_keeps_browsers_from_using_it_for_anything_else(self):
        for path in ("/", "/metrics", "/-/snapshot", "/nothing", "/%00"):
            _, headers, _ = self.agent.get(path)
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff", path)
            self.assertEqual(headers["X-Frame-Options"], "deny")
            self.assertEqual(headers["Referrer-Policy"], "no-referrer")
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])

    def test_lines_of_one_name_are_one_list(self):
        head = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        answer = self.talk(head + b"Accept: text/plain;q=0.1\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n")
        self.assertIn(b"Content-Type: application/openmetrics-text", answer)
        answer = self.talk(head + b"Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n")
        self.assertIn(b"Content-Encoding: gzip", answer)

    def test_idle_and_slow_clients_stop_nobody(self):
        for i in range(800):
            client = self.connect()
            if i % 2:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            elif i % 3 == 0:  # asks, and does not read the answer
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        for _ in range(10):
            self.check_serves()


class CommandLine(unittest.TestCase):
    def check_fails(self, status, sentence, *flags):
        done = subprocess.run([vqtest.AGENT, *flags], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(sentence, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_wrong_command_line_is_exit_status_2(self):
        self.check_fails(2, "a command is missing")
        self.check_fails(2, "--no-such-flag", "serve", "--no-such-flag")
        self.check_fails(2, "cannot be used together", "serve", "--device-include=a", "--device-exclude=b")
        self.check_fails(2, "not a regular expression", "serve", "--device-include=(")
        self.check_fails(2, "--require-probe", "serve", "--require-probe=nonsense")
        self.check_fails(2, "nearest are", "serve", "--histogram.classic-buckets=0.001")
        self.check_fails(2, "needs a port", "serve", "--web.listen-address=localhost")

    def test_an_address_that_cannot_be_used_is_exit_status_1(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.check_fails(1, "in use", "serve", f"--web.listen-address=127.0.0.1:{taken.getsockname()[1]}")

    def test_a_standard_error_that_cannot_be_written_changes_no_exit_status(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"--web.listen-address=127.0.0.1:{taken.getsockname()[1]}"
            for where in ("2>&-", "2>/dev/full", "2>&1 >/dev/null | true"):
                for status, *flags in ((2, "serve", "--no-such-flag"), (2,), (1, "serve", address), (3, "doctor", "--duration=x"),
                                       (3, "doctor", "--url=unix:/no/such", "--duration=1"),
                                       (1, "record", "/no/such/file", "--duration=1"), (4, "compare", "/no", "/no")):
                    done = subprocess.run(["bash", "-c", f'"$0" "$@" {where}; exit "${{PIPESTATUS[0]}}"', vqtest.AGENT, *flags],
                                          stdout=subprocess.DEVNULL, timeout=60)
                    self.assertEqual(done.returncode, status, (where, flags))

    def test_serves_without_standard_streams(self):
        with tempfile.TemporaryDirectory(prefix="vqscope-streams-") as directory:
            path = f"{directory}/agent.sock"
            for where in ("<&- >&- 2>&-", "2>/dev/full"):
                process = subprocess.Popen(["sh", "-c", f'exec "$0" serve --web.listen-address=unix:{path} {where}', vqtest.AGENT])
                self.addCleanup(process.kill)
                vqtest.wait_for(lambda: os.path.exists(path) or process.poll() is not None, "the socket", 20)
                body = vqtest.run("curl", "-sS", "--fail", "--max-time", "30", "--retry-connrefused", "--retry", "20",
                                  "--unix-socket", path, "http://localhost/metrics")
                self.assertIn("vqscope_build_info", body)
                process.terminate()
                self.assertEqual(process.wait(30), 0, where)

    def test_what_cannot_be_written_is_an_error(self):
        url = vqtest.Agent(self).url.removesuffix("/metrics")
        for where in (">/dev/full", ">&-"):
            for status, *command in ((3, "doctor", "--duration=1", f"--url={url}"), (1, "help", "doctor"), (1, "serve", "--help"),
                                     (1, "--version"), (1, "version"), (1, "explain")):
                done = subprocess.run(["sh", "-c", f'exec "$0" "$@" {where}', vqtest.AGENT, *command],
                                      stderr=subprocess.PIPE, text=True, timeout=60)
                self.assertEqual(done.returncode, status, (where, command))
                self.assertIn("cannot write to standard output: ", done.stderr)

    def test_logs_are_json_when_asked(self):
        agent = vqtest.Agent(self, "--log.format=json")
        for line in agent.output().splitlines():
            self.assertEqual(set(json.loads(line)), {"ts", "level", "msg"})


if __name__ == "__main__":
    vqtest.main()
