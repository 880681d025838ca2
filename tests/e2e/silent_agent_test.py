# SPDX-License-Identifier: Apache-2.0
"""Agents that die, or take connections and never answer: what was seen is told, and Ctrl-C is not waited for."""

import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest

import vqtest

vqtest.require_root()


class SilentAgent(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-silent-")))
        self.loop = vqtest.Loop(self)

    def start(self, *arguments):
        process = subprocess.Popen([vqtest.AGENT, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_ctrl_c_before_the_first_answer_ends_it(self):
        """That it was not waited for shows in what is said: there is no word of an answer that did not come in time."""
        before = self.folder / "before.vqr"
        vqtest.run(vqtest.AGENT, "record", before, f"--device={self.loop.name}", "--duration=2")
        for status, said, *arguments in (
                (130, "it was ended in its first second", "doctor"),
                (1, "had not answered when this was ended", "record", self.folder / "none.vqr"),
                (4, "had not answered when this was ended", "compare", before)):
            with self.subTest(arguments), socket.create_server(("127.0.0.1", 0)) as mute:
                process = self.start(*arguments, f"--url=127.0.0.1:{mute.getsockname()[1]}")
                connection, _ = mute.accept()
                with connection:
                    self.assertIn(b"GET /-/snapshot", connection.recv(4096))
                    process.send_signal(signal.SIGINT)
                    out, err = process.communicate(timeout=60)
                self.assertEqual((process.returncode, out), (status, ""), err)
                self.assertIn(said, err)
        self.assertFalse((self.folder / "none.vqr").exists())

    def agent(self):
        agent = vqtest.Agent(self, f"--device={self.loop.name}", "--require-probe=block")
        return agent, "--url=" + agent.url.removesuffix("/metrics")

    def test_ctrl_c_while_an_agent_hangs_tells_what_was_seen(self):
        agent, url = self.agent()
        out = self.folder / "out.vqr"
        recorder = self.start("record", out, url)
        while "recording " not in (line := recorder.stderr.readline()):
            self.assertTrue(line, "the recorder ended")
        size = out.stat().st_size
        vqtest.wait_for(lambda: out.stat().st_size > size, "another reading", 30)
        agent.process.send_signal(signal.SIGSTOP)
        self.addCleanup(agent.process.send_signal, signal.SIGCONT)
        self.assertIn("trying again", recorder.stderr.readline())
        recorder.send_signal(signal.SIGINT)
        _, err = recorder.communicate(timeout=60)
        self.assertEqual(recorder.returncode, 1, err)
        self.assertIn("the end is not in it: ", err)


if __name__ == "__main__":
    vqtest.main()
