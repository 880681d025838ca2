# SPDX-License-Identifier: Apache-2.0
"""A kernel upgrade with the same configuration: series.txt is what both kernels have to show, and where they differ."""

import base64
import pathlib
import re
import tempfile
import time

import certificates
import vqtest
from lab import PORT
from loads import FLUSHES, TRIMS
from measure import Job, everywhere

EXPECTED = pathlib.Path(__file__).with_name("series.txt")
FOLDER = "/tmp/web"  # of the configuration, in the guest
USER, PASSWORD = "prometheus", "lab"
FLAGS = (f"--web.config.file={FOLDER}/web.yml", "--device-include=^vd", "--histogram.classic-buckets=0.0009765625,1")
CONFIG = f"""tls_server_config:
  cert_file: server.pem
  key_file: server.key
basic_auth_users:
  {USER}: {{hash}}
"""
# Values that are not the same twice (which elevator a disk begins with: whether its module was there); findings come and
# go with the load.
VARYING = {"cpu", "irq", "version", "revision", "scheduler"}
LEFT_OUT = {"vqscope_finding"}


def write_configuration(lab):
    with tempfile.TemporaryDirectory(prefix="vqscope-web-") as folder:
        authority = certificates.Authority(folder)
        authority.issue("server")
        files = {name: pathlib.Path(folder, name).read_text() for name in ("ca.pem", "server.pem", "server.key")}
    files["web.yml"] = CONFIG.format(hash=certificates.bcrypt(PASSWORD))
    # Other scenarios have paused the guest and moved its clock, and to a clock that is behind the certificate is not valid.
    lab.guest.run(f"date -s @{int(time.time())} && mkdir -p {FOLDER}")
    for name, text in files.items():
        lab.guest.run(f"cat > {FOLDER}/{name} << 'END'\n{text}\nEND")


def scrape(lab):
    """By TLS and with a password, as a Prometheus does that is configured for it."""
    credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    request = f"GET /metrics HTTP/1.0\\r\\nAuthorization: Basic {credentials}\\r\\n\\r\\n"
    # Where socat has nothing more to send it would end the connection for both sides.
    answer = lab.guest.run(f"printf '{request}' | socat -t 60 STDIO,ignoreeof "
                           f"OPENSSL:127.0.0.1:{PORT},cafile={FOLDER}/ca.pem,commonname=localhost")
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")
    if " 200 OK\n" not in head:
        raise AssertionError(f"no answer by TLS: {answer[:1000]}")
    return vqtest.Scrape(body)


def series(text, disks):
    """Names and labels of a scrape, a histogram's as one. `disks`: what to call them, by kernel name."""
    histograms = set(re.findall(r"^# TYPE (\S+) histogram$", text, re.MULTILINE))
    found = set()
    for name, labels, _ in vqtest.Scrape(text).samples:
        base = re.sub("_(bucket|sum|count)$", "", name)
        name = base if base in histograms else name
        if name not in LEFT_OUT:
            shown = (f'{label}="{"*" if label in VARYING else disks.get(value, value)}"'
                     for label, value in labels.items() if label != "le")
            found.add(f"{name}{{{','.join(shown)}}}")
    return found


def expected(kernel):
    """Of a kernels.Kernel."""
    lines = (line for line in EXPECTED.read_text().splitlines() if line and not line.startswith("#"))
    split = [line.rpartition(": ") for line in lines]  # "6.1: SERIES", or "SERIES" of every kernel
    version = kernel.name.partition("-")[0]
    return {name for only, _, name in split if only in ("", version)
            and (kernel.traces_notifications or not name.startswith("vqscope_virtqueue_notify"))}


def vcpu_of(lab, disk, queue):
    """A vCPU that the queue serves, which kernels do not agree about; where the disk has no such queue, any."""
    cpus = lab.guest.run(f"cat /sys/block/{lab.kernel_name(disk)}/mq/{queue}/cpu_list 2> /dev/null", check=False)
    return int(cpus.split(",")[0]) if cpus.strip() else queue


def same_configuration(*disks):
    def run(lab):
        lab.warm_kb = None  # of an agent that is gone
        lab.end_agent()
        write_configuration(lab)
        lab.start_agent(*FLAGS)
        for disk in disks:
            lab.fio([*everywhere(disk, ios=51), Job(disk, vcpu_of(lab, disk, 1), FLUSHES, 31),
                     Job(disk, vcpu_of(lab, disk, 2), TRIMS, 7)])

        def idle():
            now = scrape(lab)
            quiet = not now.all("vqscope_irq_concentration_ratio") and not now.sum("vqscope_queue_inflight")
            return now if quiet and now.all("vqscope_queue_avgqu_sz") and now.all("vqscope_scrapes_total") else None

        names = {lab.kernel_name(disk): disk for disk in disks}
        shown = series(lab.guest.wait_for(idle, "the window to be empty").text, names)
        wanted = expected(lab.kernel)
        if shown != wanted:
            raise AssertionError("\n  ".join([f"{EXPECTED.name} and Linux {lab.kernel.name} differ:",
                                              *(f"+{line}" for line in sorted(shown - wanted)),
                                              *(f"-{line}" for line in sorted(wanted - shown))]))
        lab.end_agent()
        lab.start_agent()

    return run
