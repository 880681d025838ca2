# SPDX-License-Identifier: Apache-2.0
"""The page of a recording in a real browser: what it is of, every second of it, and nothing of now."""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest
import urllib.request

import vqtest
from browser import Browser, require_browser


class Recorded(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        require_browser()
        self.loop = vqtest.Loop(self)
        self.file = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-recorded-"))) / "run.vqr"
        vqtest.run(vqtest.AGENT, "record", self.file, f"--device={self.loop.name}", "--note=one queue", "--duration=4")

    def serve(self):
        """(process, address)"""
        server = subprocess.Popen([vqtest.AGENT, "serve", "--replay", self.file, "--web.listen-address=127.0.0.1:0"],
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait, 30)
        self.addCleanup(server.kill)
        while not (address := re.search(r"serves (\S+)$", line := server.stderr.readline().strip())):
            self.assertTrue(line, "it ended")
        return server, address[1]

    def test_it_says_what_it_is_and_steps_through_all_of_it_without_the_server(self):
        server, address = self.serve()
        with urllib.request.urlopen(address + "-/history", timeout=60) as answer:
            steps = json.load(answer)["steps"]
        browser = Browser(self)
        browser.driver.get(address)
        browser.wait_for_numbers()
        clock = "new Date(arguments[0] * 1000).toLocaleTimeString('en-GB')"
        first, last = (browser.run(f"return {clock}", step["time"]) for step in (steps[0], steps[-1]))
        zone = browser.run("return new Date().toLocaleTimeString('en-GB', {timeZoneName: 'short'}).split(' ').pop()")
        said = browser.text("#status")
        self.assertTrue(said.startswith("A recording (one queue), from ") and said.endswith(f"{last} {zone}."), said)
        self.assertEqual(browser.text("#host"), str(self.file))
        self.assertTrue(browser.text("#moment-title").startswith(f"The end, {last}, over "))
        for of_now in ("#pause", "footer a[href$=metrics]", "footer a[href$=snapshot]"):
            self.assertFalse(browser.driver.find_element("css selector", of_now).is_displayed(), of_now)
        server.terminate()
        self.assertEqual(server.wait(30), 0)
        self.assertEqual(browser.run("const slider = document.querySelector('#moment'); return [slider.min, slider.max]"),
                         ["1", str(len(steps))])
        browser.run("const slider = document.querySelector('#moment'); slider.value = slider.min; "
                    "slider.dispatchEvent(new Event('input'))")
        vqtest.wait_for(lambda: browser.text("#moment-title").startswith(first), "the first second", 20)
        self.assertTrue(browser.text("#status").endswith(f"The numbers are those of {first}."))
        self.assertEqual(browser.complaints(), [])


if __name__ == "__main__":
    vqtest.main()
