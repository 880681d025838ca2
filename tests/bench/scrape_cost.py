# SPDX-License-Identifier: Apache-2.0
"""Time and size of a scrape, from vqscope_scrape_bench."""

import json

import vqtest

FORMATS = {0: "text", 1: "OpenMetrics", 2: "protobuf"}


def section(machine):
    seconds = 0.02 if machine.quick else 0.5
    # Every result, once: a repetition's median is not asked for because one scrape is already a mean of many.
    text = vqtest.run(machine.scrape_bench, "--benchmark_format=json", f"--benchmark_min_time={seconds}")
    rows, locks = [], []
    for result in json.loads(text)["benchmarks"]:
        if "error_message" in result:
            raise AssertionError(f"{result['name']}: {result['error_message']}")
        arguments = dict(word.split(":") for word in result["name"].split("/")[1:])
        if result["name"].startswith("locks/"):
            locks.append({"queues and CPUs": arguments["queues"], "disks": arguments["disks"],
                          "waited for by each CPU": arguments["waited"], "locks": round(result["locks"]),
                          "CPU us": round(result["cpu_time"])})
            continue
        rows.append({"queues": arguments["queues"], "disks": arguments["disks"], "ops": arguments["ops"],
                     "format": FORMATS[int(arguments["format"])], "gzip": "yes" if arguments["gzip"] == "1" else "no",
                     "CPU us": round(result["cpu_time"]), "bytes": round(result["bytes"]),
                     "allocations": round(result["allocations"]), "kB allocated": round(result["allocated_bytes"] / 1e3),
                     "series classic": round(result["classic_series"]),
                     "series native": round(result["native_series"]),
                     "of the agent itself": round(result["own_series"])})
    yield "A scrape", rows
    yield "What waits for locks add to it", locks
