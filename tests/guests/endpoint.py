# SPDX-License-Identifier: Apache-2.0
"""What scenarios do to the endpoint. The kernel of the machine that runs the tests need not have vsock."""

from lab import PORT

LOCAL = 1  # VMADDR_CID_LOCAL: the guest itself, as the host would reach it by the guest's context ID
BRIDGE = 9177


def scraped_over_vsock(lab):
    """By a vsock connection, and over the bridge that exporters/http/README.md gives for a Prometheus on the host."""
    lab.warm_kb = None  # of an agent that is gone
    lab.end_agent()
    lab.guest.run("insmod /modules/vsock_loopback.ko")
    lab.start_agent(f"--web.listen-address=vsock://:{PORT}", f"--web.listen-address=vsock://{LOCAL}:{PORT + 1}")
    log = lab.guest.read("/tmp/agent.log")
    for address in (f"vsock://:{PORT}", f"vsock://{LOCAL}:{PORT + 1}"):
        if f"serves http on {address}, /metrics" not in log:
            raise AssertionError(f"{address} is not served: {log}")
    for port in (PORT, PORT + 1):
        answer = lab.guest.run("printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' | "
                               f"socat -t 60 - VSOCK-CONNECT:{LOCAL}:{port}")
        if " 200 OK" not in answer.splitlines()[0] or "vqscope_build_info" not in answer:
            raise AssertionError(f"over vsock, port {port}: {answer[:500]}")
    lab.guest.run(f"socat TCP-LISTEN:{BRIDGE},bind=127.0.0.1,reuseaddr,fork VSOCK-CONNECT:{LOCAL}:{PORT} "
                  "> /tmp/bridge.log 2>&1 &")
    metrics = f"wget -q -O - http://127.0.0.1:{BRIDGE}/metrics"
    lab.guest.wait_for(lambda: "vqscope_build_info" in lab.guest.run(metrics, check=False), "a scrape over the bridge")
    lab.guest.run("killall socat")
    in_use = lab.guest.run(f"vqscope serve --web.listen-address=vsock://:{PORT} 2>&1", check=False)
    if "the port is in use" not in in_use:
        raise AssertionError(f"a second agent on the same port: {in_use}")
