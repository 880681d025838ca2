# SPDX-License-Identifier: Apache-2.0
"""A browser for the tests of the page: Debian's chromium, without a window."""

import base64
import unittest

import vqtest

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    MISSING = None
except ImportError:
    MISSING = "selenium is not installed for this Python"


def require_browser():
    if MISSING:
        raise unittest.SkipTest(MISSING)
    vqtest.require("chromium", "chromedriver")


class Browser:
    """Each has a profile of its own; what the page and its policy say against it is in complaints().

    `names`: host names that it takes for 127.0.0.1. Certificates of strangers are good enough for it."""

    def __init__(self, test, width=1280, height=900, dark=False, scale=1, names=()):
        require_browser()
        options = Options()
        # Chromium's own sandbox does not work for root.
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     f"--host-resolver-rules={', '.join(f'MAP {name} 127.0.0.1' for name in names)}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.accept_insecure_certs = True
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        test.addCleanup(self.driver.quit)
        self.resize(width, height, scale)
        self.prefer(dark)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
            document.addEventListener('securitypolicyviolation', (event) => console.error('policy', event.violatedDirective,
                                                                                          event.blockedURI));"""})

    def resize(self, width, height, scale=1):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500})

    def prefer(self, dark):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def picture(self, file, whole):
        """Of what fits the screen, or of the whole page."""
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole})
        file.write_bytes(base64.b64decode(taken["data"]))

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, *arguments):
        """What the script, whose body may wait, returns."""
        return self.driver.execute_async_script(
            f"const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done, (error) => done(String(error)));",
            *arguments)

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

    def numbers(self):
        """Those of the moment that is shown, by their names."""
        return dict(self.cells("#numbers > div"))

    def wait_for_numbers(self):
        return vqtest.wait_for(lambda: self.run("return document.body.dataset.step"), "numbers on the page", 20)

    def complaints(self):
        """Errors and warnings, those of its policy too; but for those of requests that fail because the agent is away."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING") and "net::ERR" not in entry["message"]]
