#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes packages of a build: deploy/packages/build.sh DEB|RPM BUILD_DIRECTORY [OUTPUT_DIRECTORY [OPTION_OF_CPACK...]]
# The times in them are that of the last commit, unless SOURCE_DATE_EPOCH is set.
set -eu
[ $# -ge 2 ] || { sed -n '3,4s/^# //p' "$0" >&2; exit 2; }
format=$1 build=$2 output=${3:-$2}
if [ $# -gt 3 ]; then shift 3; else shift $#; fi
sources=$(dirname "$0")/../..
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$sources" log -1 --format=%ct 2> /dev/null || stat -c %Y "$sources/CMakeLists.txt")}
export SOURCE_DATE_EPOCH
umask 022
mkdir -p "$output"
work=$(mktemp -d "$output/made.XXXXXX")
trap 'rm -rf "$work"' EXIT
cpack -G "$format" --config "$build/CPackConfig.cmake" -B "$work" "$@"

# CPack 3.25 writes the path of its work directory into the checksums of the debug symbols: the package would depend on
# where it was made, and `dpkg --verify` would look there.
for symbols in "$work"/*.ddeb; do
  [ -e "$symbols" ] || continue
  (
    mkdir "$work/parts" "$work/parts/control"
    cd "$work/parts"
    ar x "../${symbols##*/}"
    tar xzf control.tar.gz -C control
    sed -i 's|  /.*/_CPack_Packages/[^ ]*-dbgsym/|  |' control/md5sums
    tar -c --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=root:0 --group=root:0 -C control . > control.tar
    gzip -9n < control.tar > control.tar.gz
    rm "../${symbols##*/}"
    ar rcD "../${symbols##*/}" debian-binary control.tar.gz data.tar.*
  )
done
for made in "$work"/*.deb "$work"/*.ddeb "$work"/*.rpm; do
  [ ! -e "$made" ] || mv "$made" "$output"
done
