# SPDX-License-Identifier: Apache-2.0
"""What the page has to show: latency, from the histograms of /metrics, and what was found."""

import collections
import json
import re

import words

# The bounds of the native histograms, so that /metrics as text has all that they hold (exporters/prometheus/METRICS.md).
BOUNDS = range(-168, 65)
PHASES = {"at the device": "vqscope_request_device_latency_seconds", "before issue": "vqscope_request_queue_latency_seconds"}


def near(value, form):
    """What a number can be written as whose sixth digit is rounded, as the page's are."""
    return {words.shown(value and value * (1 + part), form) for part in (-1e-5, 0, 1e-5)}


class Latency:
    """Of the requests between two scrapes, by what of both has these labels."""

    def __init__(self, grown, name, **labels):
        self.count = round(grown(f"{name}_count", **labels))
        self.mean = grown(f"{name}_sum", **labels) / self.count if self.count else None
        below = [round(grown(f"{name}_bucket", le=index, **labels)) for index in BOUNDS]
        # By the index of the native bucket's upper bound; the last is of what took longer than all.
        self.buckets = [here - before for before, here in zip([0, *below], [*below, self.count])]

    def quantile(self, q):
        """Absent where less than ten lie beyond it; inside of a bucket as Prometheus has it for exponential ones."""
        if self.count == 0 or round(self.count * min(q, 1 - q), 3) < 10:
            return None
        before = 0
        for index, here in zip(BOUNDS, self.buckets):
            if here and before + here >= q * self.count:
                share = (q * self.count - before) / here
                # The first begins at 0.
                return share * 2 ** (index / 8) if index == BOUNDS[0] else 2 ** ((index - 1 + share) / 8)
            before += here
        return 2 ** (BOUNDS[-1] / 8)

    def rows(self):
        """The picture's, by number: four buckets each, with all that is below and above in the first and the last."""
        rows = collections.Counter()
        for index, here in zip([*BOUNDS, BOUNDS[-1] + 1], self.buckets):
            rows[min(max((index + 167) // 4, 0), 57)] += here
        return {row: count for row, count in rows.items() if count}


def judged_at(agent, number):
    """What was judged at a step, or last before it; None: nothing was."""
    cursor, judged = "", None
    while True:
        answer = json.loads(agent.get(f"/-/history{cursor and '?since=' + cursor}")[2])
        judged = next((each for each in reversed(answer.get("judged", [])) if each["step"] <= number), judged)
        if not answer["more"]:
            return judged
        cursor = answer["cursor"]


def shown_findings(browser):
    """Their names."""
    return sorted(re.search(r"\[(\w+)\]$", text)[1] for text in browser.texts("#findings article > p.quiet"))
