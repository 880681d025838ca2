# SPDX-License-Identifier: Apache-2.0
"""The live page in a real browser, with fio on the machine's disk.

VQSCOPE_PAGE_PICTURES: a folder for pictures of the page at three sizes, light and dark, and page.png, the one of the README.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import vqtest
import words
from browser import Browser, require_browser
from expected import judged_at, shown_findings

AXE = pathlib.Path(__file__).parent / "axe"


class Page(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        require_browser()
        vqtest.require("fio")
        self.disk = vqtest.root_disk()
        self.browser = Browser(self)
        self.agent = vqtest.Agent(self, f"--device-include=^{self.disk}$", "--require-probe=block")
        self.address = self.agent.url.removesuffix("metrics")

    def load(self):
        name = self.enterContext(vqtest.scratch_file())
        vqtest.BackgroundFio(self, f"--filename={name}", "--size=256M", "--rw=randrw", "--rwmixread=70", "--bs=4k", "--direct=1",
                             "--ioengine=libaio", "--iodepth=8", "--numjobs=2", "--time_based", "--runtime=600")
        vqtest.wait_for(lambda: self.steps() and self.of(self.steps()[-1]).get("at_device", {}).get("count", 0) > 1000,
                        "a load", 60)

    def steps(self):
        return json.loads(self.agent.get("/-/history")[2])["steps"]

    def of(self, step):
        return next((disk for disk in step["disks"] if disk["name"] == self.disk), {})

    def open(self, fragment=""):
        self.browser.driver.get("about:blank")
        self.browser.driver.get(self.address + fragment)
        self.browser.wait_for_numbers()

    def shown_step(self):
        return self.browser.run("return document.body.dataset.step")

    def settled(self, fact, what):
        return vqtest.wait_for(fact, f"{what}; the page says: {self.browser.text('#status')}", 20, 0.1)

    def test_what_is_chosen_is_shown_and_stays(self):
        self.load()
        self.open()
        self.assertEqual(self.browser.text("#disk-title"), self.disk)
        self.browser.click("#matrix tbody tr button")
        self.settled(lambda: self.browser.text("#disk-title") == f"{self.disk}, queue 0", "the queue to be shown")
        self.assertIn("queue=0", self.browser.run("return location.hash"))
        self.assertNotIn("interrupts/s", self.browser.numbers())
        self.browser.click("#pause")
        self.settled(lambda: self.browser.text("#status").startswith("Paused at"), "a pause")
        step = self.shown_step()
        newest = self.steps()[-1]["time"]
        vqtest.wait_for(lambda: self.steps()[-1]["time"] > newest + 2, "some seconds")
        self.assertEqual(self.shown_step(), step)
        link = self.browser.run("return document.querySelector('#link').href")
        self.browser.click("#live")
        self.settled(lambda: self.browser.text("#status") == "Live." and self.shown_step() != step, "the present")
        self.open(link[link.index("#"):])
        self.settled(lambda: self.shown_step() == step, "the moment of the link")
        self.assertEqual(self.browser.text("#disk-title"), f"{self.disk}, queue 0")
        self.open(f"#disk={self.disk}&at=1000000000")
        self.settled(lambda: "is not kept" in self.browser.text("#status"), "a moment long gone to be told of")

    def test_its_findings_are_those_of_the_moment_that_is_shown(self):
        self.open()
        vqtest.wait_for(lambda: judged_at(self.agent, 10), "what was judged without a load", 30)
        self.load()
        loaded = self.steps()[-1]["time"]
        vqtest.wait_for(lambda: self.steps()[-1]["time"] > loaded + 12, "a window of the load", 30)
        newest = int(self.shown_step())
        held = [judged_at(self.agent, number) for number in (10, newest)]
        self.assertNotEqual(*({finding["finding"] for finding in each["findings"]} for each in held))
        for each in (*held, held[0]):
            self.browser.run("const slider = document.querySelector('#moment'); slider.value = arguments[0];"
                             "slider.dispatchEvent(new Event('input'));", str(each["step"]))
            self.settled(lambda: self.shown_step() == str(each["step"]), "the moment")
            self.assertEqual(shown_findings(self.browser), sorted(finding["finding"] for finding in each["findings"]))
            until = self.browser.text("#moment-title").split(",")[0]
            self.assertEqual(self.browser.text("#findings-moment"), f"in the {words.duration(each['seconds'])} to {until}")
        self.assertEqual(self.browser.complaints(), [])

    def test_it_is_used_by_keyboard(self):
        from selenium.webdriver.common.keys import Keys
        self.open()
        vqtest.wait_for(lambda: len(self.steps()) > 5, "some seconds", 20)
        self.settled(lambda: int(self.shown_step()) > 5, "some seconds on the page")
        reached = []
        for _ in range(40):
            self.browser.driver.switch_to.active_element.send_keys(Keys.TAB)
            reached.append(self.browser.run("const at = document.activeElement; return at.id || at.textContent.trim()"))
        for what in (self.disk, "queue", "phase", "range", "pause", "live", "link", "moment", "Metrics"):
            self.assertIn(what, reached)
        self.assertEqual([what for what in reached if what in ("queue", "pause", "moment", "Metrics")][:4],
                         ["queue", "pause", "moment", "Metrics"], "the order of the page")
        slider = self.browser.driver.find_element("id", "moment")
        slider.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
        self.settled(lambda: self.browser.text("#status").startswith("Live; the numbers are those of"), "a moment")
        self.assertRegex(slider.get_attribute("aria-valuetext"), r"^\d\d:\d\d:\d\d, .* requests per second, median ")
        slider.send_keys(Keys.ESCAPE)
        self.settled(lambda: self.browser.text("#status") == "Live.", "the present")

    def test_an_agent_that_goes_away_and_comes_back(self):
        self.open()
        self.assertEqual(self.browser.text("#status"), "Live.")
        self.browser.click("#link")
        self.settled(lambda: self.browser.text("#status").startswith("Live; the numbers are those of"), "a moment")
        port = re.search(r":(\d+)/", self.address).group(1)
        self.agent.stop()
        self.settled(lambda: self.browser.text("#status").startswith("The agent has not answered since"), "its absence")
        again = vqtest.Agent(self, f"--device-include=^{self.disk}$", f"--web.listen-address=127.0.0.1:{port}")
        self.settled(lambda: self.browser.text("#status") == "The moment that was shown is not kept any more. Live.", "its return")
        vqtest.wait_for(lambda: json.loads(again.get("/-/history")[2])["steps"], "its first step")
        self.settled(lambda: int(self.shown_step()) <= 30, "the numbers of the new one")
        self.assertEqual(self.browser.complaints(), [])

    def test_a_disk_that_goes_away_while_it_is_shown(self):
        loop = vqtest.Loop(self)
        agent = vqtest.Agent(self, f"--device-include=^({self.disk}|{loop.name})$", "--require-probe=block")
        agent.wait_for_device(loop.name)
        self.browser.driver.get(f"{agent.url.removesuffix('metrics')}#disk={loop.name}&queue=0")
        self.settled(lambda: self.browser.numbers().get("in flight, at its end") == "0", "its numbers")
        seen = self.shown_step()
        loop.detach()
        self.settled(lambda: self.browser.text("#disk-about").startswith("This disk is not there"), "that it is gone")
        self.assertEqual([row[0] for row in self.browser.cells("#disk-rows tr")], [self.disk])
        self.settled(lambda: set(self.browser.numbers().values()) == {words.NOTHING}, "no numbers of now")
        self.assertEqual(self.browser.text("#status"), "Live.")
        self.browser.run("const slider = document.querySelector('#moment'); slider.value = arguments[0];"
                         "slider.dispatchEvent(new Event('input'));", seen)
        self.settled(lambda: self.browser.numbers().get("in flight, at its end") == "0", "its numbers of then")
        self.browser.click("#disk-rows button")
        self.settled(lambda: self.browser.text("#disk-title") == self.disk, "the other disk")
        self.assertEqual(self.browser.complaints(), [])

    def test_it_fits_a_desktop_a_tablet_and_a_phone(self):
        self.load()
        vqtest.wait_for(lambda: len(self.steps()) >= 70 or not os.environ.get("VQSCOPE_PAGE_PICTURES"), "a picture's worth", 150)
        folder = pathlib.Path(os.environ.get("VQSCOPE_PAGE_PICTURES") or
                              self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-page-")))
        # Opened wide; the last is the picture of the README.
        browser = Browser(self)
        browser.driver.get(f"{self.address}#disk={self.disk}&range=60")
        browser.wait_for_numbers()
        for name, width, height in (("desktop", 1280, 900), ("tablet", 820, 1180), ("phone", 360, 740), ("page", 1200, 800)):
            for dark in (True, False):
                browser.resize(width, height, 0.75 if name == "page" else 1)
                browser.prefer(dark)
                step = browser.run("return document.body.dataset.step")
                vqtest.wait_for(lambda: browser.run("return document.body.dataset.step") != step, "the next step")
                self.assertLessEqual(browser.run("return document.documentElement.scrollWidth"), width, name)
                drawn = browser.run("""
                    const canvas = document.querySelector('#latency canvas'), copy = canvas.cloneNode();
                    const context = copy.getContext('2d');
                    context.drawImage(canvas, 0, 0);
                    const pixels = context.getImageData(0, 0, copy.width, copy.height).data;
                    return new Set(new Uint32Array(pixels.buffer)).size;""")
                self.assertGreater(drawn, 5, f"the picture on a {name} has colours")
                browser.picture(folder / f"{name}{'-dark' if dark else ''}.png", whole=name != "page")
        self.assertEqual(browser.complaints(), [])
        self.assertLess((folder / "page.png").stat().st_size, 200_000)

    def test_axe_finds_nothing_serious(self):
        vqtest.require("npm")
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-axe-")))
        for file in AXE.iterdir():
            (folder / file.name).write_text(file.read_text())
        installed = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                                   cwd=folder, capture_output=True, text=True)
        if installed.returncode != 0:
            self.skipTest(f"npm cannot fetch axe: {installed.stderr.strip()}")
        axe = (folder / "node_modules/axe-core/axe.min.js").read_text()
        self.load()
        for width, dark in ((1280, False), (1280, True), (360, False)):
            browser = Browser(self, width, 900, dark)
            browser.driver.get(self.address)
            browser.wait_for_numbers()
            browser.run("for (const each of document.querySelectorAll('details')) each.open = true;")
            browser.driver.set_script_timeout(120)
            found = browser.driver.execute_async_script(
                axe + "; const done = arguments[arguments.length - 1]; axe.run().then((found) => done(found.violations));")
            serious = [(each["id"], each["impact"], [node["html"] for node in each["nodes"]][:3]) for each in found
                       if each["impact"] in ("serious", "critical", "moderate")]
            self.assertEqual(serious, [], (width, dark))


if __name__ == "__main__":
    vqtest.main()
