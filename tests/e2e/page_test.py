# SPDX-License-Identifier: Apache-2.0
"""The live page and its history, as programs see them; tests/page has what takes a browser."""

import concurrent.futures
import gzip
import http.server
import json
import re
import threading
import unittest
import urllib.parse
import urllib.request

import vqtest

MOST_BYTES = 150_000


class Site(unittest.TestCase):
    def setUp(self):
        self.agent = vqtest.Agent(self, wrapper=vqtest.WITHOUT_PROBES)

    def links(self):
        """What the page refers to, but for other sites."""
        page = self.agent.get("/")[2].decode()
        found = re.findall(r'(?:href|src)="([^"#]+)"', page)
        modules = [link for link in found if link.endswith(".js")]
        imported = set()
        while modules:
            text = self.agent.get("/" + modules.pop())[2].decode()
            new = {f"-/page/{name}" for name in re.findall(r"from '\./([^']+)'", text)} - imported
            imported |= new
            modules += new
        return [link for link in found if not link.startswith("https://github.com/")] + sorted(imported)

    def test_it_is_small_and_whole(self):
        size = 0
        for link in ["", *self.links()]:
            status, headers, body = self.agent.get(urllib.parse.urljoin("/", link), Accept_Encoding="gzip")
            self.assertEqual(status, 200, link)
            if link == "" or link.startswith("-/page/"):
                self.assertEqual(headers["Content-Encoding"], "gzip", link)
                self.assertEqual(gzip.decompress(body), self.agent.get("/" + link)[2])
                size += len(body)
        self.assertLess(size, MOST_BYTES)
        self.assertEqual(self.agent.get("/-/page/none.js")[0], 404)
        self.assertEqual(self.agent.get("/-/page/")[0], 404)

    def test_it_refers_to_nothing_but_its_own_agent_and_by_relative_links(self):
        for link in self.links():
            self.assertNotRegex(link, r"^(/|[a-z]+:)")

    def test_nothing_but_its_own_files_may_run_in_it(self):
        policy = self.agent.get("/")[1]["Content-Security-Policy"]
        for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
                     "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"):
            self.assertIn(rule, policy)
        self.assertNotIn("unsafe", policy)
        page = self.agent.get("/")[2].decode()
        self.assertNotRegex(page, r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=")

    def test_the_metrics_are_linked_wherever_they_are(self):
        agent = vqtest.Agent(self, '--web.telemetry-path=/metrics"<b>', wrapper=vqtest.WITHOUT_PROBES)
        self.assertIn(b'href="./metrics%22%3Cb%3E"', agent.get("/")[2])

    def test_it_works_below_the_sub_path_of_a_reverse_proxy(self):
        origin = self.agent.url.removesuffix("/metrics")

        class Proxy(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if not self.path.startswith("/guests/db1/"):
                    self.send_error(404)
                    return
                with urllib.request.urlopen(origin + self.path.removeprefix("/guests/db1")) as answer:
                    body = answer.read()
                    self.send_response(answer.status)
                    self.send_header("Content-Type", answer.headers["Content-Type"])
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        threading.Thread(target=proxy.serve_forever).start()
        base = f"http://127.0.0.1:{proxy.server_address[1]}/guests/db1/"
        for link in ["", "-/history", *self.links()]:
            with urllib.request.urlopen(urllib.parse.urljoin(base, link)) as answer:
                self.assertEqual(answer.status, 200, link)


class History(unittest.TestCase):
    def setUp(self):
        self.agent = vqtest.Agent(self, wrapper=vqtest.WITHOUT_PROBES)

    def ask(self, query="", **headers):
        status, answered, body = self.agent.get("/-/history" + query, **headers)
        self.assertEqual(status, 200, body)
        self.assertEqual(answered["Content-Type"], "application/json")
        self.assertEqual(answered["Cache-Control"], "no-store")
        return json.loads(body)

    def some(self):
        return vqtest.wait_for(lambda: (answer := self.ask())["steps"] and answer, "a step")

    def test_a_cursor_gets_what_is_new(self):
        first = self.some()
        self.assertIn("machine", first)
        new = vqtest.wait_for(lambda: (answer := self.ask("?since=" + first["cursor"]))["steps"] and answer, "another step")
        self.assertNotIn("machine", new)
        number = lambda answer: int(answer["cursor"].split("-")[1])
        self.assertEqual(number(new) - number(first), len(new["steps"]))
        self.assertGreater(new["steps"][0]["time"], first["steps"][-1]["time"])

    def test_a_wrong_cursor_is_told_so(self):
        run = self.some()["cursor"].split("-")[0]
        for query, sentence in (("?since=x", "the cursor of an answer before"), ("?after=1", "the cursor of an answer before"),
                                (f"?since={run}-", "the cursor of an answer before"), (f"?since={run}-999999", "there is no entry"),
                                ("?since=%3Cscript%3E", "the cursor of an answer before")):
            status, headers, body = self.agent.get("/-/history" + query)
            self.assertEqual(status, 400, query)
            self.assertIn(sentence, body.decode())
            self.assertTrue(headers["Content-Type"].startswith("text/plain"))
            self.assertNotIn(b"script", body)
        self.assertTrue(self.ask("?since=0123abc-5")["steps"], "of a run before")

    def test_pages_of_other_origins_read_nothing(self):
        host = self.agent.url.removeprefix("http://").removesuffix("/metrics")
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
                        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site", "Origin": f"http://{host}"}):
            before = self.agent.scrape().one("vqscope_http_refused_total", reason="origin")
            status, answered, body = self.agent.get("/-/history", **headers)
            self.assertEqual(self.agent.scrape().one("vqscope_http_refused_total", reason="origin"), before + 1)
            self.assertEqual(status, 403, headers)
            self.assertNotIn(b"steps", body)
            self.assertIsNone(answered["Access-Control-Allow-Origin"])
        for headers in ({"Origin": f"http://{host}"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
            status, answered, _ = self.agent.get("/-/history", **headers)
            self.assertEqual(status, 200, headers)
            self.assertIsNone(answered["Access-Control-Allow-Origin"])
            self.assertEqual(answered["Cross-Origin-Resource-Policy"], "same-origin")

    def test_many_viewers_are_told_the_same(self):
        cursor = self.some()["cursor"]

        def ask(_):
            return self.agent.get(f"/-/history?since={cursor}", Accept_Encoding="gzip")[2]

        def alike():
            with concurrent.futures.ThreadPoolExecutor(50) as pool:
                answers = set(pool.map(ask, range(50)))
            return len(answers) == 1 and answers  # unless a second passed meanwhile

        (answer,) = vqtest.wait_for(alike, "50 answers within a second", 30)
        self.assertIn("steps", json.loads(gzip.decompress(answer)))


class Numbers(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("losetup", "fio")
        self.loop = vqtest.Loop(self)
        self.agent = vqtest.Agent(self, f"--device-include=^{self.loop.name}$", "--require-probe=block")
        self.agent.wait_for_device(self.loop.name)
        self.cursor, self.disks = "", []

    def follow(self):
        """Takes what is new; returns the sum of the requests so far."""
        _, _, body = self.agent.get("/-/history" + (self.cursor and f"?since={self.cursor}"))
        answer = json.loads(body)
        self.cursor = answer["cursor"]
        self.disks += [disk for step in answer["steps"] for disk in step["disks"] if disk["name"] == self.loop.name]
        return sum(disk["requests"] for disk in self.disks)

    def measure(self):
        before = self.agent.quiet_scrape(self.loop.name)
        vqtest.wait_for(lambda: self.follow() or self.disks, "a step")
        while self.follow() and self.disks[-1]["requests"]:
            pass
        self.disks = []
        vqtest.Fio(f"--filename={self.loop.path}", "--rw=randread", "--direct=1", "--bs=4k", "--iodepth=8",
                   "--ioengine=libaio", "--number_ios=5003")
        after = self.agent.quiet_scrape(self.loop.name)
        grown = after.requests(self.loop.name) - before.requests(self.loop.name)
        vqtest.wait_for(lambda: self.follow() == grown, f"{grown} requests in the history", 15)
        return before, after

    def test_they_are_those_of_the_metrics(self):
        before, after = vqtest.measure_undisturbed(self.measure)
        name = self.loop.name

        def grown(metric, **labels):
            return int(after.sum(metric, device=name, **labels) - before.sum(metric, device=name, **labels))

        def rows(phase):
            return sum(sum(disk.get(phase, {}).get("rows", [])) for disk in self.disks)

        self.assertEqual(sum(disk["requests"] for disk in self.disks), grown("vqscope_request_device_latency_seconds_count"))
        self.assertEqual(rows("at_device"), grown("vqscope_request_device_latency_seconds_count"))
        self.assertEqual(rows("before_issue"), grown("vqscope_request_queue_latency_seconds_count"))
        for cpu in {label["cpu"] for label, _ in after.all("vqscope_submissions_total", device=name)}:
            for where in (self.disks, [disk["queues"][0] for disk in self.disks]):
                counts = [each["submissions"] for each in where]
                self.assertEqual(sum(row[int(cpu)] for row in counts if len(row) > int(cpu)),
                                 grown("vqscope_submissions_total", cpu=cpu))


if __name__ == "__main__":
    vqtest.main()
