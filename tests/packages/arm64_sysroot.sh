#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks (does not install) Debian's arm64 libraries below DIRECTORY, if they are not there: what the preset `arm64`
# links with.
set -eu
directory=${1:?usage: $0 DIRECTORY}
[ -e "$directory.complete" ] && exit 0
rm -rf "$directory"
libraries=$(sed -n '/^build=/,/[^\\]$/p' "$(dirname "$0")/../../deploy/install-dependencies.sh" | tr ' "\\' '\n\n\n' |
  grep -E '^lib.*-dev$|^prometheus-cpp-dev$|^nlohmann-json3-dev$|^linux-libc-dev$' | paste -sd,)
. /etc/os-release
mmdebstrap --quiet --variant=extract --architectures=arm64 \
  --include="libc6-dev,libstdc++-12-dev,$libraries,libgtest-dev,libgmock-dev,libbenchmark-dev" \
  "$VERSION_CODENAME" "$directory" "${VQSCOPE_DEBIAN_MIRROR:-http://deb.debian.org/debian}"
touch "$directory.complete"
