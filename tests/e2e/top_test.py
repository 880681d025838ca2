# SPDX-License-Identifier: Apache-2.0
"""`vqscope top` on a terminal, as a person sees it."""

import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import tempfile
import unittest

import screens
import vqtest


def once(*arguments, **keywords):
    """(exit status, standard output, standard error)"""
    done = subprocess.run([vqtest.AGENT, "top", "--once", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, **keywords)
    return done.returncode, done.stdout, done.stderr


def words_of(text, first):
    """The words of the line that begins with a word."""
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == first:
            return words
    raise AssertionError(f"no line begins with {first}:\n{text}")


def number(word):
    return float(word.replace(",", ""))


def seconds(number_and_unit):
    value, unit = number_and_unit
    return float(value.lstrip("~")) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]


class Recorded(unittest.TestCase):
    """A recording of snapshots of an agent that measures a loop device, and the scrapes at the same moments."""

    def setUp(self):
        vqtest.require_root()
        folder = tempfile.TemporaryDirectory(prefix="vqscope-top-")
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "run.vqr"
        self.loop = vqtest.Loop(self)
        self.agent = vqtest.Agent(self, f"--device-include=^{self.loop.name}$")
        self.scrapes = []
        self.record()

    def record(self, reads=0):
        """Another reading, after so many reads of 4 KiB; nothing is in flight."""
        if reads:
            vqtest.Fio(f"--filename={self.loop.path}", "--rw=randread", "--bs=4k", f"--io_size={4 * reads}k",
                       "--direct=1")
        self.scrapes.append(self.agent.quiet_scrape(self.loop.name))
        with open(self.file, "ab") as file:
            file.write(self.agent.get("/-/snapshot")[2])

    def growth(self, name, **labels):
        before, after = self.scrapes[-2:]
        return after.sum(name, device=self.loop.name, **labels) - before.sum(name, device=self.loop.name, **labels)

    def console(self, *arguments, **keywords):
        return screens.Console(self, vqtest.AGENT, "top", "--replay", self.file, *arguments, **keywords)

    def test_numbers_equal_the_metrics_of_the_same_readings(self):
        self.record(reads=3000)
        status, text, errors = once("--replay", self.file, self.loop.name)
        self.assertEqual(status, 0, errors)
        value, unit = re.search(r"over ([\d.]+) (ms|s)\b", text.splitlines()[0]).groups()
        window = seconds((value, unit))
        requests = self.growth("vqscope_request_device_latency_seconds_count", op="read")
        self.assertGreaterEqual(requests, 2990)
        read = words_of(text, "read")
        self.assertAlmostEqual(number(read[1]) * window, requests, delta=0.01 * requests)
        size = self.growth("vqscope_request_bytes_total", op="read")
        self.assertAlmostEqual(number(read[2]) * window * (1 << 20), size, delta=0.02 * size)
        # The classic buckets of the scrape hold the quantiles.
        buckets = {}
        for sign, scrape in ((-1, self.scrapes[-2]), (1, self.scrapes[-1])):
            for labels, count in scrape.all("vqscope_request_device_latency_seconds_bucket", device=self.loop.name,
                                            op="read"):
                bound = float(labels["le"])
                buckets[bound] = buckets.get(bound, 0) + sign * count
        for share, quantile in ((0.5, seconds(read[3:5])), (0.99, seconds(read[5:7]))):
            bounds = sorted(buckets)
            upper = next(b for b in bounds if buckets[b] >= share * requests)
            lower = max([b for b in bounds if b < upper], default=0)
            self.assertTrue(lower * 0.99 <= quantile <= upper * 1.01, (lower, quantile, upper))
        flight = float(re.search(r"In flight: ([\d.e-]+) on average, 0 now", text).group(1))
        self.assertAlmostEqual(flight * window, self.growth("vqscope_queue_inflight_seconds_total"),
                               delta=0.02 * flight * window)

    def test_a_replay_shows_what_was_recorded_back_and_forth(self):
        for reads in (100, 200, 300):
            self.record(reads)
        console = self.console("--at=1d")
        console.wait_for("is not in this recording")
        shown = {}

        def look(name):
            text = console.text()
            shown[name] = number(words_of(text, self.loop.name)[1])
            return shown[name]

        console.wait_for(self.loop.name)
        look("last")
        for name, key in (("middle", screens.LEFT), ("first", screens.LEFT), ("middle again", screens.RIGHT),
                          ("last again", "t")):
            before = console.lines()[0]
            console.press(key)
            vqtest.wait_for(lambda: console.lines()[0] != before, "another moment")
            look(name)
        self.assertEqual(shown["middle"], shown["middle again"])
        self.assertEqual(shown["last"], shown["last again"])
        self.assertEqual(len({shown["first"], shown["middle"], shown["last"]}), 3)
        console.press("q")
        self.assertEqual(console.ended(), 0)
        self.assertIn("there is no disk 'nvme7n1'", once("--replay", self.file, "nvme7n1")[2])
        # The same by itself, from text.
        texts = [once("--replay", self.file, "--at", at)[1] for at in ("0", "1d")]
        self.assertEqual(words_of(texts[0], self.loop.name)[1], "-")
        self.assertEqual(number(words_of(texts[1], self.loop.name)[1]), shown["last"])

    def test_keys_do_what_the_help_says(self):
        for reads in (100, 200):
            self.record(reads)
        console = self.console()
        console.wait_for(self.loop.name)
        console.press("?")
        console.wait_for("Keys")
        # The first of it may be there before the rest.
        text = console.wait_for("pause, and go on")
        keys = re.findall(r"^  (\S.{13}  |\S.*?\S  +)(\S.*)$", text, re.M)
        self.assertGreater(len(keys), 15, text)
        console.press("?")
        console.wait_for_no("Keys")
        for key, sign in (("2", "In flight:"), ("3", "finding"), ("1", "REQ/S"), ("\r", "In flight:"),
                          ("\x1b", "REQ/S"), ("\t", "In flight:"), ("\t", "finding"), ("\t", "REQ/S"),
                          ("/", "Enter: keep it"), ("nothing", "No disk has that in its name"), ("\x1b", self.loop.name),
                          ("f", "finding"), ("h", "Keys"), ("h", "finding"), ("\x7f", "REQ/S")):
            console.press(key)
            console.wait_for(sign)
        first = console.lines()[0]
        console.press(screens.RIGHT)
        vqtest.wait_for(lambda: console.lines()[0] != first, "the next reading")
        console.press(screens.LEFT)
        vqtest.wait_for(lambda: console.lines()[0] == first, "the one before")
        console.press(" ")
        console.wait_for_no("RECORDING")
        console.press("q")
        self.assertEqual(console.ended(), 0)
        self.assertTrue(console.is_restored())

    def test_the_mouse_does_what_the_help_says(self):
        other = vqtest.Loop(self)
        self.agent = vqtest.Agent(self, f"--device-include=^({self.loop.name}|{other.name})$")
        self.file.unlink()
        for reads in (0, 100):
            self.record(reads)
        for terminal, sgr in (("xterm-256color", True), ("screen-256color", False)):
            with self.subTest(terminal):
                console = self.console(TERM=terminal, rows=10)
                console.wait_for(other.name)
                rows = {name: next(i for i, line in enumerate(console.lines()) if line.startswith(name))
                        for name in (self.loop.name, other.name)}
                first, second = sorted(rows, key=rows.get)
                vqtest.wait_for(lambda: rows[first] in console.selected(), f"{first} to be selected")
                console.mouse(0, rows[second], sgr)  # a click selects
                vqtest.wait_for(lambda: rows[second] in console.selected(), f"{second} to be selected")
                self.assertNotIn(rows[first], console.selected())
                console.mouse(0, rows[second], sgr)  # and opens what is selected
                console.wait_for("In flight:")
                self.assertTrue(any(line.startswith(f"{second}  ") for line in console.lines()), console.text())
                top = console.lines()
                console.mouse(65, 5, sgr)  # the wheel scrolls
                vqtest.wait_for(lambda: console.lines() != top, "another part")
                console.mouse(64, 5, sgr)
                vqtest.wait_for(lambda: console.lines() == top, "the part before")
                console.press("\x1b")
                console.wait_for_no("In flight:")
                console.mouse(0, 0, sgr)  # where no disk is
                console.mouse(65, 5, sgr)
                console.mouse(64, 5, sgr)
                vqtest.wait_for(lambda: rows[first] in console.selected(), f"{first} to be selected")
                console.press("q")
                self.assertEqual(console.ended(), 0)
                self.assertTrue(console.is_restored())

    def test_a_storm_of_keys_and_resizes_harms_nothing(self):
        for reads in (10, 20):
            self.record(reads)
        console = self.console("--interval=100ms")
        console.wait_for(self.loop.name)
        chaos = random.Random(1)
        keys = ["?", "1", "2", "3", "\t", "\r", "\x1b", " ", "<", ">", "r", "/", "x", "l", "o", "+", "-", "[", "]",
                "g", "G", screens.UP, screens.DOWN, screens.LEFT, screens.RIGHT, "\x1b[5~", "\x1b[6~", "\x7f", "\xff",
                "\x1b[M !!", "\x00"]
        for _ in range(400):
            if chaos.random() < 0.3:
                console.resize(chaos.choice((1, 2, 20, 80, 133, 500)), chaos.choice((1, 2, 5, 24, 100)))
            console.press(chaos.choice(keys))
            console.read()
        console.resize(80, 24)
        console.press("\r\x1b")
        console.press("\x1b")
        console.press("1")
        console.wait_for("REQ/S")
        self.assertIsNone(console.process.poll())
        console.press("q")
        self.assertEqual(console.ended(), 0)
        self.assertTrue(console.is_restored())

    def test_the_terminal_is_restored_whatever_ends_it(self):
        self.record(10)
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGABRT, signal.SIGSEGV):
            with self.subTest(how.name):
                console = self.console()
                console.wait_for(self.loop.name)
                self.assertFalse(console.is_restored())
                console.process.send_signal(how)
                status = console.ended()
                self.assertEqual(status, 0 if how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) else -how)
                self.assertTrue(console.is_restored())

    def test_is_stopped_and_continued_by_a_shell(self):
        self.record(10)
        shell = screens.Console(self, "bash", "--norc", "--noprofile", "-i", PS1="ready> ", HISTFILE="/dev/null")
        shell.wait_for("ready>")
        shell.press(f"{vqtest.AGENT} top --replay {self.file}\n")
        shell.wait_for("REQ/S")
        shell.press("\x1a")
        shell.wait_for("Stopped")
        self.assertTrue(shell.is_restored() or b"\x1b[?1049l" in shell.written)
        shell.press("fg\n")
        shell.wait_for_no("Stopped")  # what was there before is overwritten
        shell.wait_for("REQ/S")
        shell.press("q")
        shell.wait_for("ready>")
        shell.press("exit\n")
        self.assertEqual(shell.ended(), 0)

    def test_colour_and_characters_are_those_that_the_terminal_takes(self):
        self.record(2000)
        colour = re.compile(rb"\x1b\[[0-9;]*3[0-7][0-9;]*m")
        for environment, utf8 in (({}, True), ({"LC_ALL": "C"}, False), ({"NO_COLOR": "1"}, True),
                                  ({"TERM": "vt100"}, True)):
            with self.subTest(environment):
                console = self.console(self.loop.name, "--at=1d", rows=50, **environment)
                console.wait_for("Time at the device")
                self.assertEqual(any(shade in console.text() for shade in "\u2591\u2592\u2593\u2588"), utf8)
                if not utf8:
                    self.assertRegex(console.text(), r"(?m)^ *[\d.]+ [um]?s +[.+*#]")
                    self.assertTrue(all(byte < 0x80 for byte in console.written))
                if environment.keys() & {"NO_COLOR", "TERM"}:
                    self.assertNotRegex(console.written, colour)
                console.press("q")
                self.assertEqual(console.ended(), 0)


class Live(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        self.loop = vqtest.Loop(self)

    def load(self):
        vqtest.BackgroundFio(self, f"--filename={self.loop.path}", "--rw=randread", "--bs=4k", "--direct=1",
                             "--time_based", "--runtime=120", "--rate_iops=500")

    def busy(self, console):
        """Waits for requests in the line of the disk."""

        def rate():
            words = [line.split() for line in console.lines() if line.startswith(self.loop.name)]
            return words and words[0][1] not in ("-", "0") and number(words[0][1])

        return vqtest.wait_for(rate, "requests on the screen", 20)

    def test_takes_its_own_probes_and_shows_requests(self):
        self.load()
        console = screens.Console(self, vqtest.AGENT, "top", f"--device-include=^{self.loop.name}$")
        self.busy(console)
        console.press("q")
        self.assertEqual(console.ended(), 0)
        self.assertTrue(console.is_restored())

    def test_an_agent_that_goes_away_and_comes_back_is_waited_for(self):
        self.load()
        agent = vqtest.Agent(self, f"--device-include=^{self.loop.name}$")
        address = agent.url.removeprefix("http://").removesuffix("/metrics")
        console = screens.Console(self, vqtest.AGENT, "top", f"--url={address}", columns=160)
        self.busy(console)
        agent.stop()
        console.wait_for("No reading, and trying again")
        vqtest.Agent(self, f"--device-include=^{self.loop.name}$", f"--web.listen-address={address}")
        console.wait_for_no("No reading")
        self.busy(console)
        console.press("q")
        self.assertEqual(console.ended(), 0)

    def test_quits_while_an_agent_does_not_answer(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        console = screens.Console(self, vqtest.AGENT, "top", f"--url=127.0.0.1:{listener.getsockname()[1]}")
        asking, _ = listener.accept()
        self.addCleanup(asking.close)
        console.wait_for("Asking the agent")
        console.press("q")
        self.assertEqual(console.ended(), 0)
        self.assertTrue(console.is_restored())

    def serve_here(self):
        """An agent where one is looked for in this guest."""
        try:
            socket.create_server(("127.0.0.1", 10177)).close()
        except OSError:
            self.skipTest("port 10177 is taken")
        agent = vqtest.Agent(self, f"--device-include=^{self.loop.name}$", "--web.listen-address=127.0.0.1:10177")
        self.addCleanup(agent.process.send_signal, signal.SIGCONT)
        return agent

    def test_quits_while_the_agent_of_this_guest_is_stopped(self):
        self.load()
        agent = self.serve_here()
        console = screens.Console(self, vqtest.AGENT, "top", columns=160)
        self.busy(console)
        self.assertIn("the agent at http://127.0.0.1:10177", console.lines()[0])
        agent.process.send_signal(signal.SIGSTOP)
        console.wait_for("No reading, and trying again: ")
        console.wait_for("no answer in 1 s; is the agent stopped, or out of reach?")
        console.press("q")
        self.assertEqual(console.ended(), 0)
        self.assertTrue(console.is_restored())

    def test_attaches_probes_where_the_agent_of_this_guest_is_stopped(self):
        self.load()
        self.serve_here().process.send_signal(signal.SIGSTOP)
        console = screens.Console(self, vqtest.AGENT, "top", f"--device-include=^{self.loop.name}$", columns=160)
        self.busy(console)
        self.assertNotIn("the agent at", console.lines()[0])
        console.press("q")
        self.assertEqual(console.ended(), 0)

    def test_pausing_stands_still(self):
        self.load()
        console = screens.Console(self, vqtest.AGENT, "top", f"--device-include=^{self.loop.name}$", "--interval=200ms")
        self.busy(console)
        console.press(" ")
        before = console.wait_for("PAUSED").splitlines()
        written = len(console.written)
        console.press(screens.LEFT)
        vqtest.wait_for(lambda: console.lines()[:1] != before[:1] or len(console.written) > written, "the one before")
        shown = console.lines()
        with self.assertRaises(AssertionError):
            vqtest.wait_for(lambda: console.lines() != shown, "a change", 1)
        console.press("l")
        console.wait_for_no("PAUSED")


class AnyGuest(unittest.TestCase):
    def test_without_a_terminal_it_says_what_to_do(self):
        done = subprocess.run([vqtest.AGENT, "top"], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("--once prints one picture", done.stderr)

    def test_wrong_command_lines_are_one_sentence(self):
        for sentence, *arguments in (("is not a time", "--at=soon", "--replay=x"), ("--at requires --replay", "--at=5"),
                                     ("No such file", "--replay=/nowhere"), ("is not a time from", "--interval=0"),
                                     ("excludes", "--replay=x", "--url=y")):
            status, out, err = once(*arguments)
            self.assertIn(status, (1, 2), err)
            self.assertEqual(out, "")
            self.assertIn(sentence, err)

    def test_a_picture_as_text_is_as_wide_as_columns_say_or_as_it_takes(self):
        vqtest.require_root()
        disk = vqtest.root_disk()

        def widest(**environment):
            status, text, err = once("--interval=200ms", disk, env={**os.environ, **environment})
            self.assertEqual(status, 0, err)
            self.assertNotIn(" ...", text)
            return max(map(len, text.splitlines()))

        self.assertLessEqual(widest(COLUMNS="80"), 80)
        self.assertLessEqual(widest(COLUMNS=""), 120)

    def test_without_rights_it_shows_what_sysfs_has_and_what_is_missing(self):
        vqtest.require_root()
        vqtest.require("setpriv")
        disk = vqtest.root_disk()
        done = subprocess.run([*vqtest.WITHOUT_PROBES, vqtest.AGENT, "top", "--once", f"--device-include=^{disk}$",
                               "--interval=200ms"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("No requests are seen: ", done.stdout)
        row = words_of(done.stdout, disk)
        queues = len(os.listdir(f"/sys/block/{disk}/mq"))
        self.assertIn(f"{queues}/{os.cpu_count()}", row)
        self.assertEqual(row[1], "-")

    def test_an_unknown_terminal_is_one_sentence(self):
        console = screens.Console(self, vqtest.AGENT, "top", TERM="no-such-terminal", columns=200)
        self.assertEqual(console.ended(), 1)
        self.assertIn("TERM='no-such-terminal', is not known here", console.text())

    def test_a_terminal_that_cannot_be_drawn_on_is_one_sentence(self):
        console = screens.Console(self, vqtest.AGENT, "top", TERM="dumb", columns=200)
        self.assertEqual(console.ended(), 1)
        self.assertIn("TERM='dumb', cannot go to a place on the screen; --once prints one picture", console.text())
        self.assertTrue(console.is_restored())


if __name__ == "__main__":
    vqtest.main()
