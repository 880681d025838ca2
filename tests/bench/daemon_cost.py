# SPDX-License-Identifier: Apache-2.0
"""The daemon itself: memory, CPU when idle, time to the first answered scrape, size of the binary."""

import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import vqtest


def first_scrape(agent):
    """Seconds from the start of the process to the first answered scrape."""
    with tempfile.TemporaryDirectory() as directory:
        port = pathlib.Path(directory) / "log"
        with port.open("w") as log:
            start = time.monotonic()
            process = subprocess.Popen([agent, "serve", "--web.listen-address=127.0.0.1:0"], stderr=log)
        try:
            url = vqtest.wait_for(lambda: address(port), f"{agent} to serve", 20)
            with urllib.request.urlopen(url, timeout=10) as answer:
                answer.read()
            return time.monotonic() - start
        finally:
            process.terminate()
            process.wait(10)


def address(log):
    for word in log.read_text().split():
        if word.startswith("http://127.0.0.1:"):
            return word
    return None


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def schedstat_seconds(pid):
    """CPU time in nanoseconds' resolution, summed over the threads; a tick is too coarse for an idle agent."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def section(machine):
    starts = [first_scrape(machine.agent) for _ in range(1 if machine.quick else 7)]
    agent = vqtest.Agent(machine.case)
    agent.scrape()
    scrapes, period = (1, 1) if machine.quick else (4, 15)
    pid = agent.process.pid
    busy = schedstat_seconds(pid) if pathlib.Path(f"/proc/{pid}/schedstat").exists() else cpu_seconds(pid)
    began = time.monotonic()
    for _ in range(scrapes):
        time.sleep(period)  # the period of the scrapes
        agent.scrape()
    now = schedstat_seconds(pid) if pathlib.Path(f"/proc/{pid}/schedstat").exists() else cpu_seconds(pid)
    share = (now - busy) / (time.monotonic() - began)
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    maps = agent.scrape().one("vqscope_bpf_array_bytes") or 0
    with tempfile.TemporaryDirectory() as directory:
        stripped = os.path.join(directory, "vqscope")
        vqtest.run("strip", "-o", stripped, machine.agent)
        size = os.path.getsize(stripped)
    agent.stop()
    yield "The daemon", [
        {"what": "own memory (RssAnon)", "value": f"{int(status['RssAnon'].split()[0]) / 1024:.1f} MiB"},
        {"what": "files mapped (RssFile: binary, libraries)",
         "value": f"{int(status['RssFile'].split()[0]) / 1024:.1f} MiB"},
        {"what": "BPF arrays", "value": f"{maps / 2**20:.1f} MiB"},
        {"what": f"CPU when idle, a scrape every {period} s", "value": f"{100 * share:.3f} % of one vCPU"},
        {"what": "start to first answered scrape", "value": f"{1000 * statistics.median(starts):.0f} ms"},
        {"what": "binary, stripped", "value": f"{size / 2**20:.1f} MiB"},
    ]
