# SPDX-License-Identifier: Apache-2.0
"""Where the endpoint can be reached: unix sockets, sockets from systemd, vsock, several at once."""

import json
import os
import pathlib
import re
import socket
import stat
import subprocess
import tempfile
import unittest

import vqtest


class Sockets(unittest.TestCase):
    def setUp(self):
        vqtest.require("curl")
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-sockets-")))
        self.path = self.directory / "agent.sock"

    def check_serves(self, *where):
        body = vqtest.run("curl", "-sS", "--fail", "--max-time", "30", *where)
        self.assertIn("vqscope_build_info", body)

    def check_serves_at(self, path):
        self.check_serves("--unix-socket", path, "http://localhost/metrics")

    def launch(self, *command, **keywords):
        """A process that is ended with the test, and a function that tells what it has written so far."""
        log = tempfile.NamedTemporaryFile("w+", dir=self.directory, delete=False)
        self.addCleanup(log.close)
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log, **keywords)

        def end():
            process.terminate()
            process.wait(30)

        self.addCleanup(end)
        return process, lambda: pathlib.Path(log.name).read_text()

    def check_fails(self, sentence, *flags, **keywords):
        done = subprocess.run([vqtest.AGENT, "serve", *flags], capture_output=True, text=True, timeout=60, **keywords)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(sentence, done.stderr)


class UnixSockets(Sockets):
    def test_serves_beside_others_and_takes_its_file_away(self):
        agent = vqtest.Agent(self, f"--web.listen-address=unix:{self.path}", "--web.unix-socket-mode=0600")
        vqtest.wait_for(lambda: f"serves http on unix:{self.path}, /metrics" in agent.output(), "the socket")
        self.check_serves_at(self.path)
        self.check_serves(agent.url)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(self.path.exists())

    def test_a_name_below_a_domain_has_to_be_this_machines(self):
        """A page of a stranger can have it lead to a bridge."""
        vqtest.Agent(self, f"--web.listen-address=unix:{self.path}", "--web.allowed-host=db1.example")
        for host, status in (("localhost", "200"), ("guest", "200"), ("127.0.0.1:10242", "200"), ("db1.example", "200"),
                             ("evil.example", "421"), ("localhost.evil.example:10242", "421")):
            told = vqtest.run("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--unix-socket",
                              self.path, f"http://{host}/metrics")
            self.assertEqual(told, status, host)

    def test_a_dead_agents_socket_is_replaced_and_a_living_ones_is_not(self):
        dead = vqtest.Agent(self, f"--web.listen-address=unix:{self.path}")
        dead.process.kill()
        dead.process.wait(30)
        self.assertTrue(self.path.exists())
        vqtest.Agent(self, f"--web.listen-address=unix:{self.path}")
        self.check_serves_at(self.path)
        self.check_fails("somebody listens there", f"--web.listen-address=unix:{self.path}")
        self.check_serves_at(self.path)

    def test_only_those_whom_the_mode_lets_may_read(self):
        vqtest.require_root()
        vqtest.require("setpriv")
        os.chmod(self.directory, 0o755)
        vqtest.Agent(self, f"--web.listen-address=unix:{self.path}")
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "curl", "-sS", "--fail",
                  "--unix-socket", self.path, "http://localhost/metrics"]
        self.assertEqual(subprocess.run(nobody, capture_output=True).returncode, 7)  # CURLE_COULDNT_CONNECT
        self.path.chmod(0o666)
        self.assertIn("vqscope_build_info", vqtest.run(*nobody))

    def test_doctor_and_record_read_it(self):
        vqtest.Agent(self, f"--web.listen-address=unix:{self.path}")
        done = subprocess.run([vqtest.AGENT, "doctor", "--duration=1", "--json", f"--url=unix:{self.path}"],
                              capture_output=True, text=True, timeout=60)
        self.assertIn("findings", json.loads(done.stdout), done.stderr)
        recording = self.directory / "run.vqr"
        vqtest.run(vqtest.AGENT, "record", recording, "--duration=1", f"--url=unix:{self.path}")
        self.assertGreater(recording.stat().st_size, 0)


class SystemdSockets(Sockets):
    def test_systemds_own_activation_is_served(self):
        vqtest.require("systemd-socket-activate")
        # It starts the agent when the first client comes, who waits for as long as that takes.
        self.launch("systemd-socket-activate", "-l", self.path, "--", vqtest.AGENT, "serve", "--web.systemd-socket")
        vqtest.wait_for(self.path.exists, "the socket")
        self.check_serves_at(self.path)
        self.check_serves_at(self.path)

    def pass_on(self, *sockets, pid="$$"):
        """The agent's command line, started with these as descriptors 3 and up, as systemd does it."""
        shuffle = " ".join(f"{3 + i}<&{s.fileno()}" for i, s in enumerate(sockets))
        return {"args": ["sh", "-c", f'export LISTEN_PID={pid} LISTEN_FDS={len(sockets)}; exec "$0" serve '
                                     f"--web.systemd-socket {shuffle}", vqtest.AGENT],
                "pass_fds": [s.fileno() for s in sockets]}

    def listening(self):
        one = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(one.close)
        # Out of the way of the descriptors that it is passed as.
        other = socket.fromfd(one.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(other.close)
        return other

    def test_several_sockets_are_served_and_outlive_the_agent(self):
        tcp, local = self.listening(), socket.socket(socket.AF_UNIX)
        self.addCleanup(local.close)
        local.bind(str(self.path))
        local.listen()
        command = self.pass_on(tcp, local)
        url = f"http://127.0.0.1:{tcp.getsockname()[1]}/metrics"
        for _ in range(2):  # systemd starts it again on the same sockets
            process, output = self.launch(*command["args"], pass_fds=command["pass_fds"])
            vqtest.wait_for(lambda: f"serves http on unix:{self.path}" in output(), "the agent to serve", 30)
            self.assertIn(f"serves {url}", output())
            self.check_serves(url)
            self.check_serves_at(self.path)
            process.terminate()
            self.assertEqual(process.wait(30), 0, output())
            self.assertTrue(self.path.exists())

    def test_what_is_no_listening_socket_is_refused(self):
        quiet = socket.socket()
        self.addCleanup(quiet.close)
        command = self.pass_on(quiet)
        done = subprocess.run(command["args"], pass_fds=command["pass_fds"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("descriptor 3 from systemd is not a socket that listens", done.stderr)

    def test_sockets_for_another_process_or_none_are_refused(self):
        command = self.pass_on(self.listening(), pid=1)
        done = subprocess.run(command["args"], pass_fds=command["pass_fds"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("systemd passed no socket to this process", done.stderr)
        self.check_fails("systemd passed no socket", "--web.systemd-socket")
        self.check_fails("descriptor 3 from systemd is not a socket that listens", "--web.systemd-socket",
                         preexec_fn=lambda: os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1"))


class Vsock(Sockets):
    LOCAL = 1  # VMADDR_CID_LOCAL

    def setUp(self):
        super().setUp()
        if not hasattr(socket, "AF_VSOCK") or not os.path.exists("/dev/vsock"):
            self.skipTest("this kernel has no vsock")

    def serve(self):
        agent = vqtest.Agent(self, "--web.listen-address=vsock://:0")
        found = vqtest.wait_for(lambda: re.search(r"serves http on vsock://:(\d+), /metrics", agent.output()), "vsock")
        return int(found.group(1))

    def test_listens(self):
        port = self.serve()
        self.check_fails("in use", f"--web.listen-address=vsock://:{port}")

    def test_a_scrape_comes_through_vsock_and_through_the_documented_bridge(self):
        vqtest.require("socat")
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((self.LOCAL, socket.VMADDR_PORT_ANY))
            except OSError as error:
                self.skipTest(f"this kernel has no vsock loopback ({error})")
        port = self.serve()
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as client:
            client.settimeout(30)
            client.connect((self.LOCAL, port))
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        self.assertTrue(answer.startswith(b"HTTP/1.0 200") or answer.startswith(b"HTTP/1.1 200"), answer[:100])
        self.assertIn(b"vqscope_build_info", answer)
        self.launch("socat", f"UNIX-LISTEN:{self.path},fork", f"VSOCK-CONNECT:{self.LOCAL}:{port}")
        vqtest.wait_for(self.path.exists, "socat")
        self.check_serves_at(self.path)


if __name__ == "__main__":
    vqtest.main()
