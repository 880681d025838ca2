# SPDX-License-Identifier: Apache-2.0
"""The dashboard by itself: Grafana's published types accept it, and what they cannot say holds too."""

import itertools
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import grafana
import monitoring
import vqtest

SCHEMA = pathlib.Path(__file__).parent / "grafana-schema"


class Schema(unittest.TestCase):
    def test_grafanas_types_accept_it_and_reject_it_when_it_is_wrong(self):
        vqtest.require("node", "npm")
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-schema-")))
        shutil.copytree(SCHEMA, folder, dirs_exist_ok=True)
        installed = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                                   cwd=folder, capture_output=True, text=True)
        if installed.returncode != 0:
            raise unittest.SkipTest(f"npm cannot fetch Grafana's types: {installed.stderr.strip()}")
        text = grafana.PATH.read_text()
        self.assertEqual(self.errors(folder, text), "")
        broken = text
        for right, wrong in (('"yAxis"', '"yAxes"'), ('"unit": "s"', '"unit": 1'), ('"multi"}', '"many"}')):
            self.assertIn(right, text)
            broken = broken.replace(right, wrong, 1)
        errors = self.errors(folder, broken)
        for complaint in ("'\"yAxes\"' does not exist", "'number' is not assignable to type 'string'", '\'"many"\''):
            self.assertIn(complaint, errors)

    @staticmethod
    def errors(folder, dashboard):
        """What the compiler says of a dashboard's text."""
        (folder / "dashboard.ts").write_text(
            f'import type {{ Dashboard }} from "./types";\nexport const dashboard: Dashboard = {dashboard};\n')
        return subprocess.run(["node", "node_modules/typescript/bin/tsc", "--project", "."], cwd=folder,
                              capture_output=True, text=True).stdout


class Structure(unittest.TestCase):
    def test_panels_have_an_id_of_their_own_and_do_not_overlap(self):
        panels = grafana.DASHBOARD["panels"]
        ids = [panel["id"] for panel in panels]
        self.assertEqual(len(ids), len(set(ids)))
        places = [panel["gridPos"] for panel in panels]
        for place in places:
            self.assertLessEqual(place["x"] + place["w"], 24)
        for a, b in itertools.combinations(places, 2):
            apart = (a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or
                     a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])
            self.assertTrue(apart, f"{a} and {b}")

    def test_every_panel_asks_the_chosen_data_source_and_says_what_it_shows_in_which_unit(self):
        for panel in grafana.panels():
            with self.subTest(panel["title"]):
                self.assertEqual(panel["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                self.assertTrue(panel["description"])
                if panel["type"] == "heatmap":
                    self.assertTrue(panel["options"]["yAxis"]["unit"])
                elif panel["title"] not in ("Findings", "Alerts", "Disks"):
                    self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                references = [target["refId"] for target in panel["targets"]]
                self.assertEqual(len(references), len(set(references)))

    def test_every_query_is_about_the_chosen_guest(self):
        for panel, target in grafana.targets():
            for selector in re.findall(r"\{(.*?)\}", target["expr"]):
                with self.subTest(panel["title"], query=target["refId"]):
                    self.assertIn('job="$job",instance="$instance"', selector)

    def test_findings_of_the_whole_guest_are_shown_whichever_disks_are_chosen(self):
        """They have device="". Grafana writes several choices as (a|b), and all of them as the variable's allValue."""
        everything = grafana.variables()["device"]["allValue"]
        asked = [target["expr"] for _, target in grafana.targets() if "vqscope_finding{" in target["expr"]]
        self.assertTrue(asked)
        for expression in asked:
            pattern = re.search(r'device=~"(.*?)"', expression)[1]
            for chosen, shown in ((everything, {"", "vda", "vdb", "vdc"}), ("(vda|vdb)", {"", "vda", "vdb"}),
                                  ("vda", {"", "vda"})):
                with self.subTest(chosen):
                    matcher = re.compile(pattern.replace("$device", chosen))
                    self.assertEqual({name for name in ("", "vda", "vdb", "vdc") if matcher.fullmatch(name)}, shown)

    def test_every_variable_is_defined_before_it_is_used(self):
        defined = {"__rate_interval", "__interval"}
        for name, variable in grafana.variables().items():
            if variable["type"] == "query":
                used = set(re.findall(r"\$(\w+)", variable["query"]["query"]))
                self.assertLessEqual(used, defined, name)
                self.assertEqual(variable["datasource"]["uid"], "${datasource}")
            defined.add(name)
        for _, target in grafana.targets():
            self.assertLessEqual(set(re.findall(r"\$(\w+)", target["expr"])), defined)

    def test_tables_transform_and_override_fields_that_their_queries_give(self):
        """What is left out or put in order may be absent; what a matrix is made of, and what is coloured, may not."""
        matrix = next(panel for panel in grafana.panels() if panel["title"] == "Interrupts: vCPU x queue")
        options = next(t["options"] for t in matrix["transformations"] if t["id"] == "groupingToMatrix")
        header = options["rowField"] + "\\" + options["columnField"]  # as Grafana names the first column
        self.assertEqual([override["matcher"]["options"] for override in matrix["fieldConfig"]["overrides"]], [header])
        for field in (options["rowField"], options["columnField"]):
            self.assertIn(field, matrix["targets"][0]["expr"])
        sort = next(t["options"] for t in matrix["transformations"] if t["id"] == "sortBy")
        self.assertEqual(sort["sort"][0]["field"], header)

    def test_queries_and_rules_ask_for_metrics_that_the_readme_lists(self):
        listed = set(re.findall(r"`((?:vqscope|process)_[a-z_*]+)", (monitoring.ROOT / "exporters/prometheus/METRICS.md").read_text()))
        texts = [target["expr"] for _, target in grafana.targets()] + [path.read_text() for path in monitoring.RULES]
        # A recorded series has colons in its name, and a runbook's address slashes before it.
        asked = {re.sub(r"_(bucket|sum|count)$", "", name) for text in texts
                 for name in re.findall(r"(?<![\w:/])((?:vqscope|process)_[a-z_]+)\b(?!:)", text)}
        unknown = {name for name in asked if name not in listed and not ("process_*" in listed and "process_" in name)}
        self.assertLessEqual(unknown, {"vqscope_finding"})  # the contract has it, see agent/diagnosis


if __name__ == "__main__":
    vqtest.main()
