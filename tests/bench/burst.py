# SPDX-License-Identifier: Apache-2.0
"""The highest rate that the machine gives: is an event lost, and does the cost of one change?"""

import time

import kernel_cost
import vqtest


def section(machine):
    device, path = machine.loop()
    agent = vqtest.Agent(machine.case, f"--device-include=^{device}$", "--require-probe=block")
    agent.wait_for_device(device)
    parts, seconds = (2, 0.5) if machine.quick else (6, 10)
    rows = []
    before = agent.scrape().requests(device)
    stats = vqtest.diskstats(device)
    with kernel_cost.Statistics(), kernel_cost.Load(path):
        for part in range(parts):
            start = time.monotonic()
            cost = kernel_cost.measure(agent.process, seconds)
            rows.append({"second": round(part * seconds, 1),
                         "requests/s": round(cost["issue"][1] / (time.monotonic() - start)),
                         "issue + complete ns": round(cost["issue"][0] + cost["complete"][0]), "lost": "", "missing": ""})
    scrape, after = agent.scrape(), vqtest.diskstats(device)
    counted = after[1] + after[5] + after[12] + after[16] - stats[1] - stats[5] - stats[12] - stats[16]
    rows.append({"second": "in all", "requests/s": "", "issue + complete ns": "", "lost": sum(scrape.lost().values()),
                 "missing": counted - (scrape.requests(device) - before)})
    agent.stop()
    yield f"Burst, {device}", rows
