# SPDX-License-Identifier: Apache-2.0
"""A page that stays open does not grow: what it holds once its history is full is what it holds later.

VQSCOPE_PAGE_MINUTES: for so long; of less than 20 it is told that the agent keeps 20 seconds, so that its history is full
soon. VQSCOPE_PAGE_PICTURES: a folder for growth.csv, what was measured.
"""

import os
import pathlib
import re
import statistics
import unittest
import urllib.request

import vqtest
from browser import Browser, require_browser
from relay import Relay

MINUTES = float(os.environ.get("VQSCOPE_PAGE_MINUTES") or 1)
KEPT_SECONDS = 900 if MINUTES >= 20 else 20


class Growth(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        require_browser()
        self.loop = vqtest.Loop(self)
        vqtest.BackgroundFio(self, f"--filename={self.loop.path}", "--rw=randrw", "--bs=4k", "--direct=1", "--ioengine=libaio",
                             "--iodepth=4", "--rate_iops=200,200", "--time_based", "--runtime=7d")
        self.agent = vqtest.Agent(self, f"--device-include=^({self.loop.name}|{vqtest.root_disk()})$", "--require-probe=block")
        agent = self.agent.url.removesuffix("/metrics")

        def answer(path):
            with urllib.request.urlopen(agent + path) as told:
                body = re.sub(rb'"kept_seconds":\d+', b'"kept_seconds":%d' % KEPT_SECONDS, told.read(), count=1)
                return 200, {name: told.headers[name] for name in ("Content-Type", "Content-Security-Policy")}, body

        self.browser = Browser(self)
        self.browser.driver.get(f"{Relay(self, answer).address}#disk={self.loop.name}&range=900")
        self.browser.wait_for_numbers()
        self.browser.run("for (const each of document.querySelectorAll('details')) each.open = true;")
        self.browser.driver.execute_cdp_cmd("Performance.enable", {})

    def steps(self):
        """Numbers of the oldest and the newest that the page has."""
        return self.browser.run("const {min, max} = document.querySelector('#moment'); return [Number(min), Number(max)]")

    def held(self):
        """What it holds without its garbage, and how many elements have left the document, or are not yet in it."""
        self.browser.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        held = {each["name"]: each["value"] for each in self.browser.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
        oldest, newest = self.steps()
        return {"step": newest, "steps": newest - oldest + 1, "bytes": int(held["JSHeapUsedSize"]), "nodes": int(held["Nodes"]),
                "listeners": int(held["JSEventListeners"]), "apart": int(held["Nodes"]) - self.browser.run("""
                    const walker = document.createTreeWalker(document);
                    let nodes = 1;
                    while (walker.nextNode()) ++nodes;
                    return nodes;""")}

    def after(self, step):
        """The same, once the page has that step."""
        vqtest.wait_for(lambda: self.steps()[1] >= step, f"step {step}", 300, 0.5)
        return self.held()

    def test_a_page_with_a_full_history_does_not_grow(self):
        vqtest.wait_for(lambda: self.steps()[0] > 1, "the history to be full", 2 * KEPT_SECONDS + 30, 0.5)
        # Code is compiled for a while, and tables have their rows after a minute.
        begin = self.steps()[1] + 70
        measured = [self.after(begin)]
        every = 60 if MINUTES >= 20 else 3
        last = max(begin + 10 * every, int(MINUTES * 60))
        while measured[-1]["step"] < last:
            measured.append(self.after(measured[-1]["step"] + every))
        self.write(measured)
        third = len(measured) // 3
        early, late = measured[:third], measured[-third:]
        self.assertEqual({each["listeners"] for each in late}, {early[0]["listeners"]})
        self.assertLessEqual(max(each["apart"] for each in late), max(each["apart"] for each in early) + 20)
        self.assertLessEqual(max(each["nodes"] for each in late), max(each["nodes"] for each in early) + 20)
        grown = statistics.median(each["bytes"] for each in late) - statistics.median(each["bytes"] for each in early)
        steps = late[0]["step"] - early[0]["step"]
        print(f"over {steps} steps: {early[0]['bytes']} -> {late[-1]['bytes']} bytes, {grown / steps:+.0f} a step by their medians; "
              f"{early[0]['nodes']} -> {late[-1]['nodes']} nodes, {late[-1]['listeners']} listeners")
        self.assertLess(grown / early[0]["bytes"], 0.05)
        self.assertEqual(self.browser.complaints(), [])

    def write(self, measured):
        folder = os.environ.get("VQSCOPE_PAGE_PICTURES")
        if folder:
            lines = [",".join(measured[0]), *(",".join(str(value) for value in each.values()) for each in measured)]
            (pathlib.Path(folder) / "growth.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    vqtest.main()
