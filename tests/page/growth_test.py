# SPDX-License-Identifier: Apache-2.0
"""A page that stays open does not grow: in the last third of the time it holds no more than it held before, and in the
end no more than one that was opened shortly before, which has the same history.

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

        self.address = f"{Relay(self, answer).address}#disk={self.loop.name}&range=900"

    def open(self):
        browser = Browser(self)
        browser.driver.get(self.address)
        browser.wait_for_numbers()
        browser.run("for (const each of document.querySelectorAll('details')) each.open = true;")
        browser.driver.execute_cdp_cmd("Performance.enable", {})
        return browser

    def steps(self, browser):
        """Numbers of the oldest and the newest that the page has."""
        return browser.run("const {min, max} = document.querySelector('#moment'); return [Number(min), Number(max)]")

    def held(self, browser):
        """What it holds without its garbage, and how many nodes have left the document, or are not yet in it. Answers that are
        drawn meanwhile leave up to 0.7 MB of garbage: the least of some looks is without."""
        return min((self.look(browser) for _ in range(5)), key=lambda held: held["bytes"])

    def look(self, browser):
        browser.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        held = {each["name"]: each["value"] for each in browser.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
        oldest, newest = self.steps(browser)
        return {"step": newest, "steps": newest - oldest + 1, "bytes": int(held["JSHeapUsedSize"]), "nodes": int(held["Nodes"]),
                "listeners": int(held["JSEventListeners"]), "apart": int(held["Nodes"]) - browser.run("""
                    const walker = document.createTreeWalker(document);
                    let nodes = 1;
                    while (walker.nextNode()) ++nodes;
                    return nodes;""")}

    def after(self, browser, step):
        """The same, once the page has that step."""
        vqtest.wait_for(lambda: self.steps(browser)[1] >= step, f"step {step}", 300, 0.5)
        return self.held(browser)

    def test_a_page_that_stays_open_does_not_grow(self):
        browser = self.open()
        vqtest.wait_for(lambda: self.steps(browser)[0] > 1, "the history to be full", 2 * KEPT_SECONDS + 30, 0.5)
        # Code is compiled for a while, and tables have their rows after a minute.
        begin = self.steps(browser)[1] + 70
        measured = [self.after(browser, begin)]
        every = 60 if MINUTES >= 20 else 3
        last = max(begin + 10 * every, int(MINUTES * 60))
        while measured[-1]["step"] < last:
            measured.append(self.after(browser, measured[-1]["step"] + every))
            self.write(measured)
        third = len(measured) // 3
        early, middle, late = measured[:third], measured[third:-third], measured[-third:]
        self.assertEqual({each["listeners"] for each in late}, {early[0]["listeners"]})
        self.assertLessEqual(max(each["apart"] for each in late), max(each["apart"] for each in early) + 20)

        # A busier disk takes more room, so that it goes up and down; what grows goes up only.
        held = [statistics.median(each["bytes"] for each in part) for part in (early, middle, late)]
        print(f"after {measured[-1]['step']} steps it holds {held[2]:,} bytes, and held {held[0]:,} and {held[1]:,} before; "
              f"{measured[0]['nodes']} and {measured[-1]['nodes']} nodes")
        self.assertLess(held[2], 1.05 * max(held[:2]))

        # Both have compiled their code.
        fresh = self.open()
        new = self.after(fresh, measured[-1]["step"] + 60)
        old = self.held(browser)
        print(f"in the end it holds {old['bytes']:,} bytes, and one that was opened a minute before {new['bytes']:,}")
        self.assertLess(old["bytes"], 1.2 * new["bytes"])
        self.assertEqual([*browser.complaints(), *fresh.complaints()], [])

    def write(self, measured):
        folder = os.environ.get("VQSCOPE_PAGE_PICTURES")
        if folder:
            lines = [",".join(measured[0]), *(",".join(str(value) for value in each.values()) for each in measured)]
            (pathlib.Path(folder) / "growth.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    vqtest.main()
