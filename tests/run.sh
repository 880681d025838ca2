#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is needed, builds, and runs the tests:
#
#   tests/run.sh         the release build and its tests, but for those of benchmarks and of the packages' contents; the
#                        last line says how it went
#   tests/run.sh unit    of these, those that need neither root nor a particular kernel
#   tests/run.sh kernel  every program on this machine's own kernel, against fio, iostat, /proc and trace events
#   tests/run.sh e2e     the endpoint and the command line, and a real Prometheus that scrapes the agent
#   tests/run.sh deploy  rules, alerts and dashboard, by promtool and on a Prometheus that scrapes the agent
#   tests/run.sh asan    the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   tests/run.sh tsan    the unit tests under ThreadSanitizer
#   tests/run.sh sanitizers  the unit, kernel and end-to-end tests, with the agent, under both
#   tests/run.sh fuzz [SECONDS]  each fuzz target for so long (5), see tests/fuzz/README.md
#   tests/run.sh soak [MINUTES]  a thousand clients at once, slowhttptest, wrk and h2load, then abuse of the endpoint for
#                                so long (10), see tests/soak/README.md
#   tests/run.sh page [MINUTES]  the live page in a browser, which is left open for so long (1); pictures of it, and what
#                                it held meanwhile, are left in build/page
#   tests/run.sh lint    clang-format, clang-tidy, what includes what, and the types of the page's scripts
#   tests/run.sh analyze  what clang-tidy has beyond that and takes longest: the paths through each function
#   tests/run.sh bench [--quick] [SECTION...]  what it costs, see tests/bench/README.md
#   tests/run.sh guests [--shell | --all-kernels | --newest] [NAME...]  real guests in QEMU, see tests/guests/README.md
#   tests/run.sh deb     what the Debian packages contain and how they are installed and removed
#   tests/run.sh packages  the packages and the static build, reproduced, installed, run under systemd and removed, see
#                        deploy/INSTALL.md
#   tests/run.sh arm64   cross-builds, runs the unit tests in QEMU's user mode and the agent in an arm64 guest
#   tests/run.sh alerts  guests again, with Prometheus, Alertmanager and a webhook
set -eu
cd "$(dirname "$0")/.."

group=${1:-all}
case $group in
  all | unit | kernel | e2e | deploy | asan | tsan | sanitizers | bench) deploy/install-dependencies.sh tests ;;
  lint | analyze | fuzz) deploy/install-dependencies.sh tests analysis ;;
  soak | deb | page) deploy/install-dependencies.sh tests "$group" ;;
  guests | alerts) deploy/install-dependencies.sh tests guests ;;
  packages | arm64) deploy/install-dependencies.sh tests deb guests packages ;;
  *) sed -n '3,27s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

sources() { git ls-files '*.cpp' '*.h' '*.c'; }

# tidy CHECKS: of every source. It has to include what it needs, and clang cannot read g++'s precompiled headers.
tidy() {
  cmake --preset release -B build/lint -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON > /dev/null
  # Generated headers have to be there before sources that include them are read.
  cmake --build build/lint --target block_skel_header irq_skel_header lock_skel_header notify_skel_header vqscope_metrics_proto \
    vqscope_recording_proto vqscope_revision
  git ls-files 'agent/*.cpp' 'exporters/*.cpp' | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p build/lint "--checks=$1"
}

lint() {
  sources | xargs clang-format --dry-run --Werror
  python3 -B tests/layers.py
  tsc -p exporters/page/tsconfig.json
  tidy '-clang-analyzer-*'
}

# unit_tests PRESET: as many processes as there are CPUs; what one that fails says is printed. build/PRESET/unit-N.xml
# tell how it went, also of one that ends before its time.
unit_tests() {
  rm -f "build/$1"/unit-*.xml
  seq 0 $(($(nproc) - 1)) | UBSAN_OPTIONS=print_stacktrace=1 TEST_TMPDIR=/dev/shm GTEST_TOTAL_SHARDS=$(nproc) \
    xargs -P "$(nproc)" -I NUMBER sh -c '
      GTEST_SHARD_INDEX=$2 "$1"/tests/unit/vqscope_unit_tests --gtest_output=xml:"$1/unit-$2.xml" > "$1/unit-$2.log" 2>&1 ||
        { cat "$1/unit-$2.log"
          [ -f "$1/unit-$2.xml" ] ||
            echo "<testsuites><testcase name=\"unit process $2\"><failure/></testcase></testsuites>" > "$1/unit-$2.xml"
          exit 1; }
    ' unit "build/$1" NUMBER
}

# sanitized PRESET: the tests, and the agent that they start, under a sanitizer.
sanitized() {
  cmake --preset "$1" > /dev/null
  cmake --build --preset "$1" --target vqscope_unit_tests vqscope vqscope_remedy_snippets
  unit_tests "$1"
  ctest --preset "$1" -L 'kernel|e2e' -j "$(nproc)"
}

# fuzz SECONDS: every target for so long, as many at a time as there are CPUs. An input that fails is kept.
fuzz() {
  cmake --preset fuzz > /dev/null
  cmake --build --preset fuzz --target vqscope_fuzz
  targets=$(cd build/fuzz/fuzz && echo fuzz_*)
  mkdir -p build/fuzz/found
  for target in $targets; do mkdir -p "build/fuzz/corpus/${target#fuzz_}"; done
  # shellcheck disable=SC2086 # a list of words
  printf '%s\n' $targets | TEST_TMPDIR=/dev/shm xargs -P "$(nproc)" -I TARGET sh -c '
    name=${1#fuzz_}
    build/fuzz/fuzz/"$1" -max_total_time="$2" -timeout=25 -rss_limit_mb=2048 -max_len=65536 \
      -print_final_stats=1 -artifact_prefix=build/fuzz/found/"$name"- build/fuzz/corpus/"$name" \
      tests/fuzz/corpus/"$name" > build/fuzz/found/"$name".log 2>&1 || { cat build/fuzz/found/"$name".log; exit 1; }
    echo "$name: $(sed -n "s/stat::number_of_executed_units: *//p" build/fuzz/found/"$name".log) inputs," \
      "$(sed -n "s/.*DONE *cov: \([0-9]*\).*/\1/p" build/fuzz/found/"$name".log) edges, no complaint"
  ' fuzz TARGET "$1"
}

# run_tests RESULTS ARGUMENT...: runs the tests that ctest chooses by the arguments; build/release/RESULTS tells how it
# went.
run_tests() {
  results=$1
  shift
  rm -f "build/release/$results"
  # Why a part of a test was skipped is the last that it says.
  ctest --preset release --output-junit "$results" --test-output-size-passed 1000000 "$@"
}

# release ARGUMENT...: builds, and runs the tests that ctest chooses by the arguments.
release() {
  cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
  cmake --build --preset release
  status=0
  run_tests tests.xml "$@" || status=$?
  python3 -B tests/harness/summary.py build/release/tests.xml
  return $status
}

# Tests of the whole agent wait more than they work, so that those of its parts are built meanwhile. A neighbour on the
# machine can disturb a comparison with a witness, but hardly three in a row.
everything() {
  cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
  cmake --build --preset release --target vqscope vqscope_remedy_snippets
  nice cmake --build --preset release --target vqscope_unit_tests > build/release/build.log 2>&1 &
  building=$!
  trap 'kill $building' EXIT
  status=0
  run_tests agent.xml -L 'e2e|deploy|packages|page' -j "$((2 * $(nproc)))" --repeat until-pass:3 || status=$?
  trap - EXIT
  wait $building || { cat build/release/build.log; exit 1; }
  run_tests kernel.xml -L kernel --repeat until-pass:3 || status=$?
  unit_tests release || status=$?
  python3 -B tests/harness/summary.py build/release/agent.xml build/release/kernel.xml build/release/unit-*.xml
  return $status
}

case $group in
  lint) lint ;;
  analyze) tidy '-*,clang-analyzer-*,-clang-analyzer-unix.Malloc' ;;
  unit)
    cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
    cmake --build --preset release --target vqscope_unit_tests
    status=0
    unit_tests release || status=$?
    python3 -B tests/harness/summary.py build/release/unit-*.xml
    exit $status
    ;;
  asan | tsan)
    cmake --preset "$group" > /dev/null
    cmake --build --preset "$group" --target vqscope_unit_tests
    unit_tests "$group"
    ;;
  sanitizers)
    sanitized asan
    sanitized tsan
    ;;
  fuzz) fuzz "${2:-5}" ;;
  soak)
    cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
    cmake --build --preset release --target vqscope
    export VQSCOPE="$PWD/build/release/vqscope" PYTHONPATH=tests/harness
    python3 -B tests/soak/arrivals.py
    python3 -B tests/soak/tools.py
    exec python3 -B tests/soak/run.py "${2:-10}"
    ;;
  page)
    cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
    cmake --build --preset release --target vqscope
    mkdir -p build/page
    export VQSCOPE="$PWD/build/release/vqscope" VQSCOPE_PAGE_PICTURES="$PWD/build/page" VQSCOPE_PAGE_MINUTES="${2:-1}"
    status=0
    for test in page numbers reached growth; do
      # Selenium is that of the distribution, and so has to be Python.
      PYTHONPATH=tests/harness /usr/bin/python3 -B "tests/page/${test}_test.py" || [ $? -eq 77 ] || status=1
    done
    exit $status
    ;;
  guests)
    shift
    cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
    cmake --build --preset release --target vqscope
    VQSCOPE=$PWD/build/release/vqscope PYTHONPATH=tests/harness exec python3 -B tests/guests "$@"
    ;;
  bench)
    shift
    cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
    cmake --build --preset release --target vqscope vqscope_floor vqscope_scrape_bench vqscope_lock_storm
    VQSCOPE=$PWD/build/release/vqscope PYTHONPATH=tests/harness:tests/bench exec python3 -B tests/bench/run.py "$@"
    ;;
  packages)
    deploy/static/libraries.sh build/static
    for preset in release release-static; do
      cmake --preset $preset > /dev/null
      cmake --build --preset $preset
    done
    for test in deb manual static rpm lifecycle systemd reproducible; do
      echo "packages.$test"
      status=0
      VQSCOPE=$PWD/build/release/vqscope PYTHONPATH=tests/harness:tests/packages python3 -B "tests/packages/${test}_test.py" ||
        status=$?
      [ $status -eq 0 ] || [ $status -eq 77 ] || exit $status
    done
    ;;
  arm64)
    export VQSCOPE_ARM64_SYSROOT="${VQSCOPE_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vqscope-lab}/arm64"
    mkdir -p "$(dirname "$VQSCOPE_ARM64_SYSROOT")"
    tests/packages/arm64_sysroot.sh "$VQSCOPE_ARM64_SYSROOT"
    cmake --preset arm64 > /dev/null
    cmake --build --preset arm64 --target vqscope vqscope_unit_tests
    qemu-aarch64-static -L "$VQSCOPE_ARM64_SYSROOT" build/arm64/vqscope --version
    # QEMU's user mode has neither capabilities nor seccomp: these two suites run in the guest.
    ctest --preset arm64 -L unit -E '^(Rights|Seccomp)\.' -j "$(nproc)"
    status=0
    PYTHONPATH=tests/harness:tests/packages python3 -B tests/packages/arm64_guest_test.py || status=$?
    [ $status -eq 0 ] || [ $status -eq 77 ] || exit $status
    ;;
  alerts)
    cmake --preset release -DVQSCOPE_TESTS=ON > /dev/null
    cmake --build --preset release --target vqscope
    VQSCOPE=$PWD/build/release/vqscope PYTHONPATH=tests/harness:tests/guests exec python3 -B \
      tests/deploy/alerts_in_guests.py
    ;;
  all) everything ;;
  *) release -L "$group" -j "$(nproc)" ;;
esac
