# SPDX-License-Identifier: Apache-2.0
"""One line about runs of CTest and of GoogleTest, from their JUnit files: what passed, what failed, what was skipped, why.

    summary.py JUNIT.xml...
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

# vqtest.main(): "skipped: NAME: REASON". GoogleTest: "FILE:LINE: Skipped", and the reason in the next line; in its own
# files without the word.
REASONS = (re.compile(r"^skipped: [^:\n]*: (.+)$", re.M), re.compile(r": Skipped\n(.+)$", re.M))
MESSAGE = re.compile(r"^\S+:\d+\n(.+)$", re.M)


def name(case):
    suite = case.get("classname")
    return case.get("name") if suite in (None, case.get("name")) else f"{suite}.{case.get('name')}"


def reasons(case):
    found = [reason for pattern in REASONS for reason in pattern.findall(case.findtext("system-out") or "")]
    for skipped in case.findall("skipped"):
        found += MESSAGE.findall(skipped.get("message") or "")
    return sorted({reason.strip() for reason in found})


def with_reasons(cases):
    return "; ".join(f"{name(case)}: {', '.join(reasons(case)) or 'it does not say why'}" for case in cases)


def summarize(*roots):
    cases = [case for root in roots for case in root.iter("testcase") if case.get("result") != "suppressed"]
    failed = [case for case in cases if case.find("failure") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    passed = [case for case in cases if case not in failed and case not in skipped]
    in_part = [case for case in passed if reasons(case)]
    line = f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped"
    if failed:
        line += f"; failed: {', '.join(map(name, failed))}"
    if skipped:
        line += f"; skipped: {with_reasons(skipped)}"
    if in_part:
        line += f"; skipped in part: {with_reasons(in_part)}"
    return line


if __name__ == "__main__":
    print(summarize(*(ElementTree.parse(file).getroot() for file in sys.argv[1:])))
