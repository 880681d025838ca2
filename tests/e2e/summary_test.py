# SPDX-License-Identifier: Apache-2.0
"""The last line of tests/run.sh, made of what CTest and GoogleTest wrote about tests that pass, fail, and are skipped."""

import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

import summary

TESTS = """
add_test(good sh -c "exit 0")
add_test(bad sh -c "exit 1")
add_test(system sh -c "echo 'skipped: system.Case.test: no such device here'; exit 77")
set_tests_properties(system PROPERTIES SKIP_RETURN_CODE 77)
add_test(google sh -c "printf 'a.cpp:7: Skipped\\\\nno IPv6\\\\n[  SKIPPED ] A.b\\\\n'")
set_tests_properties(google PROPERTIES SKIP_REGULAR_EXPRESSION "\\\\[  SKIPPED \\\\]")
add_test(part sh -c "echo 'skipped: part.Case.test: the kernel is too old'")
"""

GOOGLE = """<testsuites><testsuite name="A">
<testcase name="good" status="run" result="completed" classname="A"/>
<testcase name="off" status="notrun" result="suppressed" classname="A"/>
<testcase name="bad" status="run" result="completed" classname="A"><failure message="a.cpp:9&#x0A;Expected"/></testcase>
<testcase name="part" status="run" result="skipped" classname="A"><skipped message="a.cpp:7&#x0A;no IPv6"/></testcase>
</testsuite></testsuites>"""


class Summary(unittest.TestCase):
    def summary_of(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "CTestTestfile.cmake").write_text(TESTS)
            subprocess.run(["ctest", "--output-junit", "tests.xml", *arguments], cwd=folder, stdout=subprocess.DEVNULL)
            return summary.summarize(ElementTree.parse(pathlib.Path(folder, "tests.xml")).getroot())

    def test_counts_and_gives_reasons(self):
        self.assertEqual(
            self.summary_of(),
            "2 passed, 1 failed, 2 skipped; failed: bad; skipped: system: no such device here; google: no IPv6; skipped in "
            "part: part: the kernel is too old")

    def test_reads_googletest(self):
        self.assertEqual(summary.summarize(ElementTree.fromstring(GOOGLE)),
                         "1 passed, 1 failed, 1 skipped; failed: A.bad; skipped: A.part: no IPv6")

    def test_is_short_when_all_is_well(self):
        self.assertEqual(self.summary_of("-R", "good"), "1 passed, 0 failed, 0 skipped")


if __name__ == "__main__":
    unittest.main()
