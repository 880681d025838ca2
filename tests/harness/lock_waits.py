# SPDX-License-Identifier: Apache-2.0
"""Waits for a disk's locks by the kernel's own trace events, contention_begin and contention_end."""

import collections
import re

# Who takes a lock, by the function that calls the kernel's spin lock: so the witness finds the locks by itself.
TAKERS = {
    "queue": re.compile(r"virtio_queue_rqs?|virtio_commit_rqs|virtblk_(done|poll|add_req\w*)|virtscsi_(add_cmd|vq_done|"
                        r"kick_vq|req_done|commit_rqs|queuecommand)|nvme_(queue_rqs?|commit_rqs|submit_cmds?|sq_copy_cmd)"),
    "elevator": re.compile(r"dd_\w+|bfq_\w+|kyber_\w+"),
    "dispatch": re.compile(r"blk_mq_(dispatch_rq_list|request_bypass_insert)"),
}
# Spin locks only; a line, and with the option stacktrace those of the stack.
BEGIN = re.compile(r"contention_begin: (?:0x)?([0-9a-f]+) \(flags=SPIN\)\n((?:.*stack trace>\n)?(?: => .*\n)*)")


def find(text):
    """address -> lock, from a trace with the stacks of those that wait.

    An interrupt can leave the kernel's look at a stack with a function that did not call; so most have to agree.
    """
    takers = collections.defaultdict(collections.Counter)
    for address, stack in BEGIN.findall(text):
        callers = [function for function in re.findall(r" => (\w+)", stack) if not re.search("spin_lock|trace", function)]
        if callers:
            takers[int(address, 16)][next((lock for lock, taker in TAKERS.items() if taker.fullmatch(callers[0])), None)] += 1
    found = {}
    for address, counts in takers.items():
        (lock, count), = counts.most_common(1)
        if lock and count >= 0.9 * counts.total():
            found[address] = lock
    return found


def add_up(events, locks):
    """lock -> (waits, time) of those of the events (CPU, time, event, what it says) that are at these addresses."""
    waits, times, begun = collections.Counter(), collections.Counter(), {}
    for cpu, at, event, text in events:
        address = int(re.match(r"(?:0x)?([0-9a-f]+)", text).group(1), 16) if event.startswith("contention") else None
        if event == "contention_begin" and address in locks:
            begun[cpu, address] = at
        elif event == "contention_end" and (cpu, address) in begun:
            waits[locks[address]] += 1
            times[locks[address]] += at - begun.pop((cpu, address))
    return {lock: (waits[lock], times[lock]) for lock in waits}
