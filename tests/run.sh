#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is needed, builds, and runs the tests:
#
#   tests/run.sh         all of them but the guests
#   tests/run.sh unit    without root or a particular kernel
#   tests/run.sh kernel  every program on this machine's own kernel, against fio, iostat, /proc and trace events
#   tests/run.sh e2e     the endpoint and the command line, and a real Prometheus that scrapes the agent
#   tests/run.sh asan    the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   tests/run.sh lint    clang-format and clang-tidy
#   tests/run.sh guests [--shell] [NAME...]  real guests in QEMU, see tests/guests/README.md
set -eu
cd "$(dirname "$0")/.."

group=${1:-all}
case $group in
  all | unit | kernel | e2e | asan | lint) deploy/install-dependencies.sh tests ;;
  guests) deploy/install-dependencies.sh tests guests ;;
  *) sed -n '3,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

sources() { git ls-files '*.cpp' '*.h' '*.c'; }

lint() {
  cmake --preset release > /dev/null
  sources | xargs clang-format --dry-run --Werror
  # Generated headers have to be there before sources that include them are read.
  cmake --build --preset release --target block_skel_header irq_skel_header notify_skel_header vqscope_metrics_proto \
    vqscope_recording_proto
  git ls-files 'agent/*.cpp' 'exporters/*.cpp' | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p build/release
}

asan() {
  cmake --preset asan > /dev/null
  cmake --build --preset asan --target vqscope_unit_tests
  ctest --preset asan -L unit -j "$(nproc)"
}

release() {
  cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
  cmake --build --preset release
  ctest --preset release "$@"
}

case $group in
  lint) lint ;;
  asan) asan ;;
  guests)
    shift
    cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
    cmake --build --preset release --target vqscope
    VQSCOPE=$PWD/build/release/vqscope PYTHONPATH=tests/harness exec python3 -B tests/guests "$@"
    ;;
  # A neighbour on the machine can disturb one comparison with a witness, not two in a row.
  all) lint; asan; release -j "$(nproc)" --repeat until-pass:2 ;;
  *) release -L "$group" -j "$(nproc)" ;;
esac
