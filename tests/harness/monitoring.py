# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus and Alertmanager, as tests run them: on free ports, in a folder of their own."""

import http.server
import json
import math
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

import vqtest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = [ROOT / "deploy/prometheus/vqscope.rules.yml", ROOT / "deploy/prometheus/vqscope.alerts.yml"]
NATIVE = "--enable-feature=native-histograms"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that serves HTTP, ended with the test."""

    def __init__(self, test, command, ready):
        """`command` is given the folder and the address; `ready` is a path that answers 200 when it serves."""
        self.directory = pathlib.Path(test.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-monitoring-")))
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        log = test.enterContext(open(self.directory / "log", "w"))
        self.process = subprocess.Popen(command(self.directory, self.address), stdout=log, stderr=log)
        test.addCleanup(self.process.wait, 30)
        test.addCleanup(self.process.terminate)
        vqtest.wait_for(lambda: self._serves(ready), f"{self.process.args[0]} to serve", 60)

    def _serves(self, ready):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.process.args[0]} ended: {(self.directory / 'log').read_text()}")
        try:
            with urllib.request.urlopen(self.url + ready, timeout=10):
                return True
        except urllib.error.URLError:
            return False

    def get(self, path, **parameters):
        """The "data" of an API's answer; its error message is in the exception."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters, doseq=True)}",
                                        timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode(errors='replace')}") from error


class Prometheus(Server):
    """Scrapes and evaluates every `interval`. `targets` is {instance: host:port}, all in the job "vqscope", whose further
    settings are `job`."""

    def __init__(self, test, targets, *flags, rules=(), alertmanager=None, interval="1s", **job):
        def command(directory, address):
            config = directory / "prometheus.yml"
            config.write_text(json.dumps({
                "global": {"scrape_interval": interval, "evaluation_interval": interval},
                "rule_files": [str(path) for path in rules],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]
                             if alertmanager else []},
                "scrape_configs": [{"job_name": "vqscope", **job,
                                    "file_sd_configs": [{"files": [f"{directory}/targets.json"]}]}],
            }))  # JSON is YAML
            self._write_targets(directory, targets)
            return ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
                    f"--web.listen-address={address}", *flags]

        super().__init__(test, command, "/-/ready")

    def _write_targets(self, directory, targets):
        self.targets = targets
        new = directory / "targets.new"
        new.write_text(json.dumps([{"targets": [target], "labels": {"instance": instance}}
                                   for instance, target in targets.items()]))
        new.rename(directory / "targets.json")

    def set_targets(self, targets):
        """Scrapes these from now on; Prometheus watches the file."""
        self._write_targets(self.directory, targets)

    def query(self, expression, **parameters):
        """The instant vector as [(labels, value)]; a native histogram's value is its dictionary."""
        return [(r["metric"], float(r["value"][1]) if "value" in r else r["histogram"][1])
                for r in self.get("/api/v1/query", query=expression, **parameters)["result"]]

    def query_range(self, expression, start, end, step):
        """[(labels, values without those that are not a number)]; native histograms' values are dictionaries."""
        result = self.get("/api/v1/query_range", query=expression, start=start, end=end, step=step)["result"]
        series = []
        for r in result:
            values = [float(v) for _, v in r.get("values", [])]
            series.append((r["metric"], [v for v in values if not math.isnan(v)] + [h for _, h in
                                                                                     r.get("histograms", [])]))
        return series

    def scrapes(self):
        """How often each target was scraped without a failure, at least."""
        up = [value for _, value in self.query("sum_over_time(up[2h])")]
        return min(up) if len(up) == len(self.targets) else 0

    def wait_for_scrapes(self, count, seconds=60):
        vqtest.wait_for(lambda: self.scrapes() >= count, f"{count} scrapes", seconds)


class Alertmanager(Server):
    def __init__(self, test, config):
        def command(directory, address):
            (directory / "alertmanager.yml").write_text(config)
            return ["prometheus-alertmanager", f"--config.file={directory}/alertmanager.yml",
                    f"--storage.path={directory}/data", f"--web.listen-address={address}", "--cluster.listen-address="]

        super().__init__(test, command, "/-/ready")

    def alerts(self, alertname, **labels):
        """Active alerts with this name and these labels, as the API's dictionaries."""
        filters = [f'{name}="{value}"' for name, value in {"alertname": alertname, **labels}.items()]
        query = urllib.parse.urlencode({"filter": filters}, doseq=True)
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts?{query}", timeout=30) as answer:
            return json.load(answer)


class Webhook:
    """Receives what an Alertmanager sends: `alerts` are (status, labels, annotations), in the order of arrival."""

    def __init__(self, test):
        self.alerts = []
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.alerts += [(alert["status"], alert["labels"], alert["annotations"])
                                   for alert in message["alerts"]]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass  # the test prints what matters

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        test.addCleanup(server.server_close)
        test.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def of(self, alertname, status, **labels):
        """Annotations of the alerts that arrived with this name, status and these labels."""
        return [annotations for state, got, annotations in list(self.alerts) if state == status
                and got["alertname"] == alertname and all(got.get(k) == v for k, v in labels.items())]


def quick_rules(directory, window="15s", wait="10s"):
    """Copies of the shipped rule files with quick durations and nothing else changed: every range and offset of at least
    a minute becomes `window`, every `for` of at least a minute becomes `wait`. Names and thresholds stay."""
    copies = []
    for path in RULES:
        text = re.sub(r"\[\d+[mhd]\]", f"[{window}]", path.read_text())
        text = re.sub(r"offset \d+[mhd]", f"offset {window}", text)
        text = re.sub(r"(?m)^( +for: )[1-9]\d*[mhd]$", rf"\g<1>{wait}", text)
        copies.append(pathlib.Path(directory, path.name))
        copies[-1].write_text(text)
    return copies
