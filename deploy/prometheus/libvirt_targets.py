#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a target file for Prometheus' file_sd from the running guests of a libvirt host, as virsh tells of them.

    python3 libvirt_targets.py [--connect URI] [--source lease|agent|arp] [--port 10177] --output FILE

For a timer, such as every minute: FILE is replaced as a whole, and only if it changes. A guest whose address is not
known is left out with a warning on standard error. When virsh fails, FILE stays as it is and the exit status is 1:
targets do not vanish because a host did not answer.
"""

import argparse
import ipaddress
import json
import os
import pathlib
import subprocess
import sys
import tempfile


def virsh(uri, *command):
    done = subprocess.run(["virsh", "--quiet", *(["--connect", uri] if uri else []), *command], capture_output=True,
                          text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"virsh {' '.join(command)}: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout


def address_of(uri, guest, source):
    """The guest's first address that other machines can reach, IPv4 before IPv6; None if there is none."""
    found = []
    for line in virsh(uri, "domifaddr", guest, "--source", source).splitlines():
        words = line.split()  # interface, MAC address, protocol, address/prefix
        if len(words) != 4 or words[2] not in ("ipv4", "ipv6"):
            continue
        address = ipaddress.ip_interface(words[3]).ip
        if not address.is_loopback and not address.is_link_local:
            found.append(address)
    return min(found, key=lambda address: address.version, default=None)


def targets(uri, source, port):
    host = virsh(uri, "hostname").strip()
    groups = []
    for guest in sorted(filter(None, virsh(uri, "list", "--name").splitlines())):
        try:
            address = address_of(uri, guest, source)
        except RuntimeError as error:
            print(f"libvirt_targets: {error}", file=sys.stderr)
            continue
        if address is None:
            print(f"libvirt_targets: {guest} has no address by source {source}: left out", file=sys.stderr)
            continue
        literal = f"[{address}]" if address.version == 6 else str(address)
        groups.append({"targets": [f"{literal}:{port}"], "labels": {"instance": guest, "vm_host": host}})
    return groups


def replace(path, text):
    """Prometheus sees the old file or the new one, never half of one."""
    if path.exists() and path.read_text() == text:
        return
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.rename(file.name, path)


def main():
    parser = argparse.ArgumentParser(description="Writes Prometheus targets from the running guests of a libvirt host.")
    parser.add_argument("--connect", metavar="URI", help="libvirt host, such as qemu:///system (default: virsh's)")
    parser.add_argument("--source", choices=("lease", "agent", "arp"), default="lease",
                        help="who knows the addresses: libvirt's DHCP, the guest's agent, or the host's ARP table")
    parser.add_argument("--port", type=int, default=10177)
    parser.add_argument("--output", metavar="FILE", type=pathlib.Path, required=True)
    options = parser.parse_args()
    try:
        replace(options.output, json.dumps(targets(options.connect, options.source, options.port), indent=2) + "\n")
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        print(f"libvirt_targets: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
