# SPDX-License-Identifier: Apache-2.0
"""The shipped dashboard, and its queries as Grafana would send them."""

import json
import re

import monitoring

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
