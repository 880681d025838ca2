# SPDX-License-Identifier: Apache-2.0
"""The shipped dashboard, and its queries as Grafana would send them."""

import json
import re
import time

import monitoring

# Panels, and single queries of panels, that may be empty, with the series of the agent without which they are, and why that
# may be missing.
NEEDS = {
    "Errors and requeues": ("vqscope_request_requeues_total", "no request was pushed back"),
    "Findings": ("vqscope_finding", "no finding holds"),
    "Duration of a notification": ("vqscope_virtqueue_notify_seconds_count", "the kernel refuses the notify probe"),
    "Notifications per second": ("vqscope_virtqueue_notify_seconds_count", "the kernel refuses the notify probe"),
    "Requests per notification": ("vqscope_virtqueue_notify_seconds_count", "the kernel refuses the notify probe"),
    "Cost of the layout": ("vqscope_queue_cost_ratio", "waits for locks were not measured"),
    "Where the time goes, query D": ("vqscope_lock_wait_seconds_total", "nobody was seen to wait for a lock"),
}
PATH = monitoring.ROOT / "deploy/grafana/vqscope.json"
DASHBOARD = json.loads(PATH.read_text())


def panels():
    """Every panel but the rows' headings, those in collapsed rows too."""
    for panel in DASHBOARD["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def targets():
    """(panel, target) for every query."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel, target


def variables():
    return {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}


def is_instant(target):
    return bool(target.get("instant"))


def expand(expression, values, interval):
    """The expression with Grafana's variables replaced: `values` by name, rates over `interval`."""
    values = {**values, "__rate_interval": interval, "__interval": interval}

    def value(match):
        name = match.group(1) or match.group(2)
        if name not in values:
            raise AssertionError(f"no variable ${name}, in {expression}")
        return values[name]

    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, expression)


def legend_labels(target):
    return set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", "")))


def may_be_empty(scrape):
    """Panels and queries for which this agent has no data, and why."""
    return {title: why for title, (series, why) in NEEDS.items() if not scrape.all(series)}


def problems(prometheus, values, interval, may_be_empty):
    """What is wrong with the answers to the dashboard's queries, over the last ten steps of a tenth of the interval:
    nothing but NaN, or a legend that names a label which is not there. A query that fails raises AssertionError."""
    end, found = time.time(), []
    for panel, target in targets():
        query = expand(target["expr"], values, f"{interval}s")
        if is_instant(target):
            answer = [labels for labels, value in prometheus.query(query, time=end) if value == value]
        else:
            answer = [labels for labels, numbers in prometheus.query_range(query, end - interval, end, interval / 10)
                      if numbers]
        name = f"{panel['title']}, query {target['refId']}"
        if not answer and not {panel["title"], name} & set(may_be_empty):
            found.append(f"{name}: no answer to {query}")
        # A map's rows are the classic buckets' `le`, or come with the native histogram.
        missing = set() if panel["type"] == "heatmap" else {
            label for labels in answer for label in legend_labels(target) - set(labels)}
        if missing:
            found.append(f"{name}: no label {missing} in the answer to {query}")
    return found
