# SPDX-License-Identifier: Apache-2.0
"""The other end of sd_notify(3), as a service manager has it."""

import os
import socket
import tempfile
import time


class NotifySocket:
    """A datagram socket that collects what is said to it."""

    def __init__(self, test):
        folder = tempfile.TemporaryDirectory(prefix="vqscope-notify-")
        test.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.path = os.path.join(folder.name, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)

    def wrapper(self, watchdog_us=None):
        """Goes in front of a command, which then finds the socket in its environment."""
        watchdog = [f"WATCHDOG_USEC={watchdog_us}"] if watchdog_us else []
        return ("env", f"NOTIFY_SOCKET={self.path}", *watchdog)

    def wait_for(self, assignment, seconds=20):
        """The first message from now on with a line that begins like this; what came before it is gone."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                message = self.socket.recv(4096).decode()
            except TimeoutError:
                break
            if any(line.startswith(assignment) for line in message.split("\n")):
                return message
        raise AssertionError(f"waited {seconds} s in vain for {assignment}")

    def silent(self, assignment, seconds):
        """Whether no such message comes for so long; those that wait already are dropped."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            pass
        try:
            self.wait_for(assignment, seconds)
        except AssertionError:
            return True
        return False
