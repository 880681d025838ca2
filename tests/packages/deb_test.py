# SPDX-License-Identifier: Apache-2.0
"""The Debian package as dpkg and lintian see it."""

import pathlib
import re
import subprocess
import tempfile
import unittest

import packages
import vqtest

FILES = {
    "/etc/default/vqscope": 0o644,
    "/usr/bin/vqscope": 0o755,
    "/usr/lib/systemd/system/vqscope.service": 0o644,
    "/usr/lib/systemd/system/vqscope.socket": 0o644,
    "/usr/lib/sysusers.d/vqscope.conf": 0o644,
    "/usr/share/bash-completion/completions/vqscope": 0o644,
    "/usr/share/fish/vendor_completions.d/vqscope.fish": 0o644,
    "/usr/share/zsh/vendor-completions/_vqscope": 0o644,
    "/usr/share/man/man1/vqscope.1.gz": 0o644,
    "/usr/share/vqscope/doc/ENDPOINT.md": 0o644,
    "/usr/share/vqscope/doc/FINDINGS.md": 0o644,
    "/usr/share/vqscope/doc/METHOD.md": 0o644,
    "/usr/share/vqscope/doc/METRICS.md": 0o644,
    "/usr/share/vqscope/doc/PAGE.md": 0o644,
    "/usr/share/vqscope/doc/PROMETHEUS.md": 0o644,
    "/usr/share/vqscope/doc/SYSTEMD.md": 0o644,
    "/usr/share/vqscope/examples/alertmanager.yml": 0o644,
    "/usr/share/vqscope/examples/libvirt_targets.py": 0o644,
    "/usr/share/vqscope/examples/prometheus.yml": 0o644,
    "/usr/share/vqscope/examples/scrape_examples.yml": 0o644,
    "/usr/share/vqscope/examples/systemd/more-rights.conf": 0o644,
    "/usr/share/vqscope/examples/systemd/vsock.conf": 0o644,
    "/usr/share/vqscope/examples/web-config.yml": 0o644,
    "/usr/share/vqscope/grafana/vqscope.json": 0o644,
    "/usr/share/vqscope/prometheus/vqscope.alerts.yml": 0o644,
    "/usr/share/vqscope/prometheus/vqscope.rules.yml": 0o644,
    "/usr/share/doc/vqscope/changelog.gz": 0o644,
    "/usr/share/doc/vqscope/copyright": 0o644,
}


def mode(text):
    """0o755 of "-rwxr-xr-x"."""
    return sum(1 << (8 - index) for index, letter in enumerate(text[1:10]) if letter != "-")


class DebianPackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        vqtest.require("cpack", "dpkg-deb", "dpkg-shlibdeps")
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="vqscope-deb-"))
        cls.made = packages.make("DEB", packages.BUILD, cls.directory)
        cls.deb = next(path for path in cls.made if path.suffix == ".deb")

    def field(self, name):
        return vqtest.run("dpkg-deb", "--field", self.deb, name).strip()

    def test_holds_what_it_should_with_these_modes_owned_by_root(self):
        found = {}
        for line in vqtest.run("dpkg-deb", "--contents", self.deb).splitlines():
            permissions, owner, _, _, _, path = line.split(maxsplit=5)
            self.assertEqual(owner, "root/root", line)
            if permissions[0] == "d":
                self.assertEqual(permissions, "drwxr-xr-x", line)
            else:
                found[path.removeprefix(".")] = mode(permissions)
        self.assertEqual(found, FILES)

    def test_configuration_is_a_conffile(self):
        self.assertEqual(vqtest.run("dpkg-deb", "--info", self.deb, "conffiles"), "/etc/default/vqscope\n")

    def test_depends_on_the_libraries_that_the_binary_is_linked_with(self):
        depends = self.field("Depends")
        for needed in re.findall(r"NEEDED\s+(\S+)", vqtest.run("objdump", "-p", vqtest.AGENT)):
            # Cross compilers bring libraries of the same name.
            owners = {line.split(":")[0] for line in vqtest.run("dpkg", "-S", f"*/{needed}").splitlines()}
            pattern = "|".join(re.escape(owner) for owner in owners)
            self.assertRegex(depends, rf"(^|, )({pattern})(-\w+)?( |,|$)", needed)
        self.assertIn("init-system-helpers", depends)

    def test_the_binary_is_stripped_and_its_symbols_are_beside(self):
        with tempfile.TemporaryDirectory() as root:
            vqtest.run("dpkg-deb", "--extract", self.deb, root)
            sections = vqtest.run("objdump", "-h", f"{root}/usr/bin/vqscope")
            self.assertNotIn(".debug_info", sections)
            debug = [path for path in self.made if path.suffix == ".ddeb"]
            self.assertEqual(len(debug), 1, self.made)
            vqtest.run("dpkg-deb", "--extract", debug[0], root)
            build_id = re.search(r"Build ID: (\w\w)(\w+)", vqtest.run("readelf", "-n", f"{root}/usr/bin/vqscope"))
            symbols = pathlib.Path(root, f"usr/lib/debug/.build-id/{build_id[1]}/{build_id[2]}.debug")
            self.assertIn(".debug_info", vqtest.run("objdump", "-h", symbols))
            vqtest.run("md5sum", "--check", "--strict", cwd=root,
                       input=vqtest.run("dpkg-deb", "--info", debug[0], "md5sums"))

    def test_what_help_documents_and_examples_point_to_is_in_it_and_not_where_minimal_images_leave_it_out(self):
        root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-deb-")))
        vqtest.run("dpkg-deb", "--extract", self.deb, root)
        # As debian:slim and Ubuntu's minimal images configure dpkg, in /etc/dpkg/dpkg.cfg.d.
        for excluded in ("usr/share/doc", "usr/share/man"):
            vqtest.run("rm", "-rf", root / excluded)
        agent = root / "usr/bin/vqscope"
        topics = re.findall(r"(?m)^  ([a-z_-]+)", vqtest.run(agent, "explain"))
        self.assertIn("single_queue", topics)
        texts = {f"help {name}": vqtest.run(agent, "help", *name.split()) for name in ("", *packages.commands())}
        texts |= {f"explain {topic}": vqtest.run(agent, "explain", topic) for topic in topics}
        texts |= {str(path.relative_to(root)): path.read_text() for path in root.rglob("*")
                  if path.is_file() and path != agent}
        for name, text in texts.items():
            with self.subTest(name):
                for path in re.findall(r"/usr/share/(?:doc/)?vqscope[\w./-]*", text):
                    self.assertTrue((root / path.rstrip("./").lstrip("/")).exists(), path)
                for topic in re.findall(r"vqscope explain ([a-z][a-z_-]+)", text):
                    self.assertIn(topic, topics)
                if name.startswith(("help", "explain")):
                    self.assertNotRegex(text, r"(?<!/)\b\w+\.md\b")
        for document in (root / "usr/share/vqscope/doc").iterdir():
            for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
                with self.subTest(document.name, link=link):
                    self.assertTrue((document.parent / link).exists())

    def test_lintian_has_nothing_to_say(self):
        vqtest.require("lintian")
        done = subprocess.run(["lintian", "--allow-root", "--no-cfg", "--fail-on", "error,warning", "--tag-display-limit",
                               "0", self.deb],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stdout + done.stderr)

    def test_maintainer_scripts_are_plain_sh(self):
        for script in ("postinst", "prerm", "postrm"):
            text = vqtest.run("dpkg-deb", "--info", self.deb, script)
            self.assertTrue(text.startswith("#!/bin/sh\n"), script)
            subprocess.run(["sh", "-n"], input=text, text=True, check=True)


if __name__ == "__main__":
    vqtest.main()
