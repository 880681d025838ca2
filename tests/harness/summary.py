# SPDX-License-Identifier: Apache-2.0
"""One line about runs of CTest, from their JUnit files: what passed, what failed, what was skipped, and why.

    summary.py JUNIT.xml...
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

# vqtest.main(): "skipped: NAME: REASON". GoogleTest: "FILE:LINE: Skipped", and the reason in the next line.
REASONS = (re.compile(r"^skipped: [^:\n]*: (.+)$", re.M), re.compile(r": Skipped\n(.+)$", re.M))


def reasons(case):
    text = case.findtext("system-out") or ""
    return sorted({found.strip() for pattern in REASONS for found in pattern.findall(text)})


def with_reasons(cases):
    return "; ".join(f"{case.get('name')}: {', '.join(reasons(case)) or 'it does not say why'}" for case in cases)


def summarize(*roots):
    cases = [case for root in roots for case in root.findall("testcase")]
    failed = [case for case in cases if case.find("failure") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    passed = [case for case in cases if case not in failed and case not in skipped]
    in_part = [case for case in passed if reasons(case)]
    line = f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped"
    if failed:
        line += f"; failed: {', '.join(case.get('name') for case in failed)}"
    if skipped:
        line += f"; skipped: {with_reasons(skipped)}"
    if in_part:
        line += f"; skipped in part: {with_reasons(in_part)}"
    return line


if __name__ == "__main__":
    print(summarize(*(ElementTree.parse(file).getroot() for file in sys.argv[1:])))
