# SPDX-License-Identifier: Apache-2.0
"""A program on a pseudo-terminal, whose screen is read as a person would, with pyte."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import unittest

import vqtest

# Debian's modules, for an interpreter that is not Debian's.
sys.path.append("/usr/lib/python3/dist-packages")
try:
    import pyte
except ImportError:
    pyte = None
else:
    class Screen(pyte.Screen):
        """Scrolls by several lines, and repeats the last character, too."""

        def scroll(self, count, line, step):
            x, y = self.cursor.x, self.cursor.y
            for _ in range(count or 1):
                self.cursor.y = line
                step()
            self.cursor.x, self.cursor.y = x, y

        last = " "

        def draw(self, data):
            super().draw(data)
            self.last = data[-1:] or self.last

        def repeat(self, count=1):
            self.draw(self.last * (count or 1))

        def scroll_up(self, count=1):
            self.scroll(count, self.margins.bottom if self.margins else self.lines - 1, self.index)

        def scroll_down(self, count=1):
            self.scroll(count, self.margins.top if self.margins else 0, self.reverse_index)

    class Stream(pyte.ByteStream):
        csi = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down", "b": "repeat"}
        events = pyte.ByteStream.events | {"scroll_up", "scroll_down", "repeat"}

# As a terminal sends them to a program that has asked for its keypad.
UP, DOWN, RIGHT, LEFT = "\x1bOA", "\x1bOB", "\x1bOC", "\x1bOD"


class Console:
    """The program, its screen (pyte) and all that it wrote (`written`)."""

    def __init__(self, test, *command, columns=80, rows=24, **environment):
        if pyte is None:
            raise unittest.SkipTest("python3-pyte is not installed")
        self.near, self.far = pty.openpty()
        self.screen = Screen(columns, rows)
        self.stream = Stream(self.screen)
        self.written = b""
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(self.far)
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=self.far, stdout=self.far, stderr=self.far, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "screen-256color", "LC_ALL": "C.UTF-8", **environment})
        test.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        os.close(self.near)
        os.close(self.far)

    def resize(self, columns, rows):
        fcntl.ioctl(self.near, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def read(self):
        """What was written since goes to the screen."""
        while select.select([self.near], [], [], 0)[0]:
            piece = os.read(self.near, 1 << 16)
            self.written += piece
            self.stream.feed(piece)

    def lines(self):
        self.read()
        return [row.rstrip() for row in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def press(self, keys):
        os.write(self.near, keys.encode())

    def mouse(self, button, row, sgr):
        """A button of xterm's (64 and 65 are the wheel, which never goes up) goes down and up on a row, counted from 0, in
        one of the two ways in which terminals tell of it."""
        wheel = button >= 64
        if sgr:
            self.press("".join(f"\x1b[<{button};3;{row + 1}{end}" for end in ("M" if wheel else "Mm")))
        else:
            self.press("".join("\x1b[M" + chr(32 + b) + "#" + chr(33 + row) for b in ([button] if wheel else [button, 3])))

    def wait_for(self, text, seconds=10):
        """The screen's text once it has that."""
        try:
            return vqtest.wait_for(lambda: (shown := self.text()) and text in shown and shown, f"'{text}'", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error} on\n{self.text()}") from None

    def selected(self):
        """The rows, counted from 0, that are shown in reverse."""
        self.read()
        return [row for row in range(self.screen.lines) if self.screen.buffer[row][0].reverse]

    def wait_for_no(self, text):
        vqtest.wait_for(lambda: text not in self.text(), f"'{text}' to go")

    def ended(self):
        """Its exit status, once it has ended."""

        def status():
            self.read()  # nobody ends while nobody reads
            return self.process.poll() is not None

        vqtest.wait_for(status, "the program to end", 20)
        self.read()
        return self.process.returncode

    def is_restored(self):
        """Whether the terminal is as the program found it: its modes, its screen, its cursor."""
        self.read()
        on, off = self.written.rfind(b"\x1b[?1049h"), self.written.rfind(b"\x1b[?1049l")
        hidden, shown = self.written.rfind(b"\x1b[?25l"), self.written.rfind(b"\x1b[?25h")
        return termios.tcgetattr(self.far) == self.modes and off >= on and shown >= hidden
