#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# On a bare Debian machine, as root: installs what is needed, builds, starts `vqscope serve`, and shows what it
# measures right now. Stops with Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "quickstart: eBPF programs need root; run this with sudo" >&2; exit 1; }

deploy/install-dependencies.sh
command -v curl > /dev/null || { apt-get update -qq && apt-get install -y -qq curl > /dev/null; }
cmake --preset release > /dev/null
cmake --build --preset release --target vqscope

url=http://127.0.0.1:10177
log=$(mktemp)
build/release/vqscope serve "$@" 2> "$log" &
agent=$!
trap 'kill $agent 2> /dev/null; rm -f "$log"' EXIT
trap exit INT TERM
until grep -q "serves http" "$log"; do
  kill -0 $agent 2> /dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.1
done
cat "$log" >&2

# A little load, so that there is something to see: reads of the binary past the page cache.
dd if=build/release/vqscope of=/dev/null bs=4k iflag=direct status=none 2> /dev/null || true

curl -fs $url/metrics | awk -v url=$url '
  function label(name) { return match($1, name "=\"[^\"]*\"") ? substr($1, RSTART + length(name) + 2, RLENGTH - length(name) - 3) : "" }
  /^vqscope_device_queues/ { queues[label("device")] = $2 }
  /^vqscope_online_cpus/ { cpus = $2 }
  /^vqscope_irq_interrupts_total/ { irqs[label("device")] += $2; d = label("device"); if (!((d, label("cpu")) in seen)) { seen[d, label("cpu")]; on[d] = on[d] (on[d] ? "," : "") label("cpu") } }
  /^vqscope_request_device_latency_seconds_sum/ { time[label("device")] += $2 }
  /^vqscope_request_device_latency_seconds_count/ { count[label("device")] += $2 }
  END {
    printf "\nOpen %s/ - Prometheus scrapes %s/metrics. Right now:\n", url, url
    for (d in queues) {
      printf "  %s: %d hardware queue(s) for %d vCPU(s)\n", d, queues[d], cpus
      printf "  %s: %d interrupts, taken by vCPU %s\n", d, irqs[d], on[d] == "" ? "-" : on[d]
      if (count[d]) printf "  %s: %d requests, %.3f ms at the device on average\n", d, count[d], 1000 * time[d] / count[d]
      else printf "  %s: no request so far\n", d
    }
    print "\nCtrl-C ends it."
  }'
wait $agent
