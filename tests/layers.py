# SPDX-License-Identifier: Apache-2.0
"""Whether each folder includes only what stands below it (agent/README.md says what is in which), and whether each name is
one class's: all of them share a namespace, and the linker takes one of two without a word."""
import pathlib
import re
import sys

# From the ground up. The folders of a line do not include each other.
ROOMS = [
    ["bpf"],
    ["agent/base"],
    ["agent/topology"],
    ["agent/model"],
    ["agent/probes", "agent/diagnosis", "agent/recording"],
    ["agent/collector", "agent/view", "agent/comparison"],
    ["agent/source"],
    ["exporters/http"],
    ["exporters/prometheus", "exporters/page"],
    ["agent/commands/common"],
    [f"agent/commands/{command}" for command in ("serve", "doctor", "record", "compare", "explain", "top")],
    ["agent/commands"],
    ["agent"],
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}

ROOT = pathlib.Path(__file__).parent.parent


def complaints():
    """One line for each include that leads upwards or aside, and for each folder without a place."""
    for source in sorted([*ROOT.glob("agent/**/*"), *ROOT.glob("exporters/**/*")]):
        if source.suffix not in (".h", ".cpp"):
            continue
        name = str(source.relative_to(ROOT))
        room = str(source.parent.relative_to(ROOT))
        if room not in LEVEL:
            yield f"{name}: {room} has no place among the rooms of tests/layers.py"
            continue
        for included in re.findall(r'^#include "((?:agent|bpf|exporters)/[^"]+)"', source.read_text(), re.MULTILINE):
            other = included.rsplit("/", 1)[0]
            if other != room and LEVEL.get(other, len(ROOMS)) >= LEVEL[room]:
                yield f"{name} includes {included}, which does not stand below {room}"


def names_of_two():
    """One line for each class that has the name of another one."""
    places = {}
    for header in sorted([*ROOT.glob("agent/**/*.h"), *ROOT.glob("exporters/**/*.h")]):
        for name in re.findall(r"^(?:class|struct|enum(?: class)?) (\w+)(?: final)?(?: : [^;{\n]+)? \{", header.read_text(), re.MULTILINE):
            places.setdefault(name, []).append(str(header.relative_to(ROOT)))
    for name, headers in places.items():
        if len(headers) > 1:
            yield f"{name} is defined in {' and in '.join(headers)}"


if __name__ == "__main__":
    found = [*complaints(), *names_of_two()]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
