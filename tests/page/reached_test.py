# SPDX-License-Identifier: Apache-2.0
"""The page wherever it is reached, in a real browser: TLS, a password, a reverse proxy's sub-path, a bridge. And the pages
that may not read it: those of other origins."""

import base64
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request

import certificates
import vqtest
from browser import Browser, require_browser
from relay import Relay

USER, PASSWORD = "reader", "p@ss:w/rd"
READABLE = ("-/history", "metrics", "")
SECRETS = ("vqscope_build_info", '"kept_seconds"', "kept_seconds", "<title>vqscope")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(port):
    """Whether somebody listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Place(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        require_browser()
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-page-")))

    def process(self, port, *command):
        """Runs it until the end of the test; it listens at the port when this returns."""
        process = subprocess.Popen([str(word) for word in command])
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.terminate)
        vqtest.wait_for(lambda: answers(port), f"{command[0]} to listen")

    def bridge(self, port, path):
        """As exporters/http/README.md has it for vsock, which this machine may not have; the agent treats both alike."""
        vqtest.require("socat")
        self.process(port, "socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", f"UNIX-CONNECT:{path}")


class Reached(Place):
    def load(self):
        """A light one, on a disk of its own."""
        self.loop = vqtest.Loop(self)
        vqtest.BackgroundFio(self, f"--filename={self.loop.path}", "--rw=randread", "--bs=4k", "--direct=1", "--ioengine=libaio",
                             "--rate_iops=200", "--time_based", "--runtime=600")

    def start(self, *flags):
        self.load()
        return vqtest.Agent(self, f"--device-include=^{self.loop.name}$", "--require-probe=block", *flags)

    def check_works(self, address, names=()):
        """Numbers come and go on, also after a reload; links lead to what they say."""
        browser = Browser(self, names=names)
        browser.driver.get(address)
        self.check_shows(browser)
        browser.driver.refresh()
        self.check_shows(browser)
        root = browser.run("return location.origin + location.pathname")
        for link in browser.run("return [...document.querySelectorAll('footer a')].map((each) => each.href)"):
            if not link.startswith("https://github.com/"):
                self.assertTrue(link.startswith(root), f"{link} is below {root}")
                self.assertEqual(browser.wait("return (await fetch(arguments[0])).status", link), 200, link)
        asked = browser.run("return performance.getEntriesByType('resource').map((each) => each.name)")
        self.assertGreater(len(asked), 5)
        self.assertEqual([each for each in asked if not each.startswith(root)], [])
        browser.click("#link")
        vqtest.wait_for(lambda: browser.text("#status").startswith("Live; the numbers are those of"), "the moment of the link")
        step = browser.run("return document.body.dataset.step")
        browser.driver.refresh()
        vqtest.wait_for(lambda: browser.run("return document.body.dataset.step") == step, "that moment, after a reload")
        browser.driver.find_element("link text", "Metrics").click()
        vqtest.wait_for(lambda: "vqscope_build_info" in (browser.text("body") or ""), "the metrics of the link")
        browser.driver.back()
        vqtest.wait_for(lambda: browser.run("return document.body.dataset.step") == step, "the page again, as it was")
        self.assertEqual(browser.complaints(), [])
        return browser

    def check_shows(self, browser):
        browser.wait_for_numbers()
        first = int(browser.run("return document.body.dataset.step"))
        vqtest.wait_for(lambda: int(browser.run("return document.body.dataset.step")) >= first + 2, "two more steps", 20)
        vqtest.wait_for(lambda: re.match(r"[1-9]", browser.numbers()["requests/s"]), "requests of the load", 20)

    def secured(self, **sections):
        file = self.directory / "web.yml"
        (self.directory / "web.new").write_text(json.dumps(sections))
        (self.directory / "web.new").rename(file)
        return f"--web.config.file={file}"

    def test_behind_tls(self):
        certificates.Authority(self.directory).issue("server")
        agent = self.start(self.secured(tls_server_config={"cert_file": "server.pem", "key_file": "server.key"}))
        self.assertTrue(agent.url.startswith("https://"))
        self.check_works(agent.url.removesuffix("metrics"))

    def test_with_a_password_and_until_it_is_changed(self):
        agent = self.start(self.secured(basic_auth_users={USER: certificates.bcrypt(PASSWORD)}))
        address = agent.url.removesuffix("metrics")
        stranger = Browser(self)
        stranger.driver.get(address)
        self.assertIsNone(stranger.text("#status"))
        browser = self.check_works(address.replace("://", f"://{USER}:{urllib.parse.quote(PASSWORD, safe='')}@"))
        self.assertNotIn(USER, browser.run("return document.querySelector('#link').href"), "a link for others has no password")
        self.secured(basic_auth_users={USER: certificates.bcrypt("another")})
        vqtest.wait_for(lambda: "it takes too long" in browser.text("#status"), "the reader to be asked for the new one", 20)

        # The browser asks with each answer 401, and forgets what has been typed with each new one.
        def as_told(path):
            given = base64.b64encode(f"{USER}:another".encode()).decode()
            return agent.get(path, Authorization=f"Basic {given}")[2]

        def refused():
            return vqtest.Scrape(as_told("/metrics").decode()).sum("vqscope_http_refused_total", reason="password")

        before, step = refused(), len(json.loads(as_told("/-/history"))["steps"])
        vqtest.wait_for(lambda: len(json.loads(as_told("/-/history"))["steps"]) >= step + 3, "some seconds")
        self.assertEqual(refused(), before)

    def test_a_reader_who_gives_no_password_is_left_alone(self):
        agent = self.start()
        asked, locked = [], threading.Event()

        def answer(path):
            asked.append(path)
            if locked.is_set() and path.startswith("/-/history"):
                return 401, {"Content-Type": "text/plain"}, b"a user and password are needed"
            with urllib.request.urlopen(agent.url.removesuffix("/metrics") + path) as told:
                return 200, {"Content-Type": told.headers["Content-Type"]}, told.read()

        browser = Browser(self)
        browser.driver.get(Relay(self, answer).address)
        self.check_shows(browser)
        locked.set()
        vqtest.wait_for(lambda: "Reload the page to give it" in browser.text("#status"), "a password to be asked for", 20)
        before, step = len(asked), len(json.loads(agent.get("/-/history")[2])["steps"])
        vqtest.wait_for(lambda: len(json.loads(agent.get("/-/history")[2])["steps"]) >= step + 3, "some seconds")
        self.assertEqual(len(asked), before)

    def test_below_a_sub_path_of_nginx(self):
        """As in its manual, and with the name by which the reader asks passed on; with TLS, too."""
        vqtest.require("nginx")
        certificates.Authority(self.directory).issue("proxy", names="DNS:vq.test")
        agent = self.start("--web.allowed-host=vq.test")
        agent_port = urllib.parse.urlparse(agent.url).port
        for scheme, settings in (("http", ""), ("https", "proxy_set_header Host $host; proxy_http_version 1.1;")):
            with self.subTest(scheme):
                port = free_port()
                tls = (f"ssl_certificate {self.directory}/proxy.pem; ssl_certificate_key {self.directory}/proxy.key;"
                       if scheme == "https" else "")
                temporary = " ".join(f"{kind}_temp_path {self.directory}/{kind};"
                                     for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                file = self.directory / f"{scheme}.conf"
                file.write_text(f"""
                    daemon off; user root; worker_processes 1; pid {self.directory}/{scheme}.pid; error_log stderr error;
                    events {{}}
                    http {{
                      access_log off; {temporary}
                      server {{
                        listen 127.0.0.1:{port}{' ssl' if tls else ''}; {tls}
                        location /vq/ {{ proxy_pass http://127.0.0.1:{agent_port}/; {settings} }}
                      }}
                    }}""")
                self.process(port, "nginx", "-c", file, "-e", "stderr")
                browser = self.check_works(f"{scheme}://vq.test:{port}/vq/", names=("vq.test",))
                browser.driver.get(f"{scheme}://vq.test:{port}/")
                self.assertIsNone(browser.text("#status"), "nothing of it is above its path")

    def test_through_a_bridge(self):
        path, port = self.directory / "agent.sock", free_port()
        self.start(f"--web.listen-address=unix:{path}")
        self.bridge(port, path)
        self.check_works(f"http://127.0.0.1:{port}/")


class Strangers(Place):
    """Pages of other origins, which a reader of this machine has open in the same browser."""

    # What a page can do to read another: each way gives what it got.
    WAYS = """
        const url = arguments[0], got = [];
        const attempt = async (name, way) => {
          try { got.push(name + ': ' + await way()); } catch (error) { got.push(name + ': ' + error); }
        };
        await attempt('fetch', async () => (await fetch(url)).text());
        await attempt('credentials', async () => (await fetch(url, {credentials: 'include'})).text());
        await attempt('opaque', async () => (await fetch(url, {mode: 'no-cors'})).text());
        await attempt('XMLHttpRequest', () => new Promise((resolve) => {
          const request = new XMLHttpRequest();
          request.onloadend = () => resolve(request.status + request.responseText);
          request.open('GET', url);
          request.send();
        }));
        await attempt('script', () => new Promise((resolve) => {
          const script = document.createElement('script');
          script.src = url;
          script.onload = () => resolve('LOADED');
          script.onerror = () => resolve('refused');
          document.head.append(script);
        }));
        await attempt('frame', () => new Promise((resolve) => {
          const frame = document.createElement('iframe');
          frame.src = url;
          frame.onload = () => {
            try { resolve(frame.contentDocument?.documentElement.textContent); } catch (error) { resolve(String(error)); }
          };
          document.body.append(frame);
        }));
        return got;"""

    def somebody(self):
        """A server of somebody else, with a page that has no policy."""
        return Relay(self, lambda path: (200, {"Content-Type": "text/html"}, b"<title>somebody else</title>"))

    def check_cannot_read(self, browser, agent_address, when):
        for path in READABLE:
            got = browser.wait(self.WAYS, agent_address + path)
            self.assertEqual(len(got), 6, (when, path, got))
            for each in got:
                self.assertFalse(any(secret in each for secret in (*SECRETS, "LOADED")), (when, path, each[:300]))

    def test_a_page_of_another_origin_cannot_read(self):
        agent = vqtest.Agent(self, wrapper=vqtest.WITHOUT_PROBES)
        browser = Browser(self, names=("evil.test",))
        own = agent.url.removesuffix("metrics")
        other = self.somebody()
        for host in ("127.0.0.1", "localhost", "evil.test"):
            browser.driver.get(f"http://{host}:{other.port}/")
            self.check_cannot_read(browser, own, host)
        # That the ways lead somewhere: the agent's own page can.
        browser.driver.get(own)
        self.assertIn("vqscope_build_info", browser.wait("return (await fetch('metrics')).text()"))

    def test_nor_can_one_whose_name_has_been_pointed_at_the_agent(self):
        """It was loaded from its own server, and its name leads to the agent from then on: to the browser one origin."""
        browser = Browser(self, names=("evil.test",))
        other = self.somebody()
        browser.driver.get(f"http://evil.test:{other.port}/")
        other.stop()
        agent = vqtest.Agent(self, f"--web.listen-address=127.0.0.1:{other.port}", wrapper=vqtest.WITHOUT_PROBES)
        vqtest.wait_for(lambda: f"127.0.0.1:{other.port}/metrics" in agent.output(), "the agent at that port")
        self.check_cannot_read(browser, f"http://evil.test:{other.port}/", "rebound")
        self.assertIn("421", browser.wait("return String((await fetch('/metrics')).status)"))

    def test_nor_through_a_bridge(self):
        path = self.directory / "agent.sock"
        vqtest.Agent(self, f"--web.listen-address=unix:{path}", wrapper=vqtest.WITHOUT_PROBES)
        browser = Browser(self, names=("evil.test",))
        other = self.somebody()
        browser.driver.get(f"http://evil.test:{other.port}/")
        other.stop()
        self.bridge(other.port, path)
        self.check_cannot_read(browser, f"http://evil.test:{other.port}/", "rebound")


if __name__ == "__main__":
    vqtest.main()
