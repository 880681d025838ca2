# SPDX-License-Identifier: Apache-2.0
"""A browser for the tests of the page: Debian's chromium, without a window."""

import unittest

import vqtest

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    MISSING = None
except ImportError:
    MISSING = "selenium is not installed for this Python"


class Browser:
    """Each has a profile of its own; what the page says on the console is in complaints()."""

    def __init__(self, test, width=1280, height=900, dark=False, scale=1):
        if MISSING:
            raise unittest.SkipTest(MISSING)
        vqtest.require("chromium", "chromedriver")
        options = Options()
        # Chromium's own sandbox does not work for root.
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        test.addCleanup(self.driver.quit)
        self.resize(width, height, scale)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def resize(self, width, height, scale=1):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500})

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? null", selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector)

    def cells(self, selector):
        """The rows of a table as texts."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map((row) => "
                        "[...row.children].map((cell) => cell.textContent))", selector)

    def click(self, selector):
        self.run("document.querySelector(arguments[0]).click()", selector)

    def complaints(self):
        """Errors and warnings, those of its policy too; but for those of requests that fail because the agent is away."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING") and "net::ERR" not in entry["message"]]
