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
cpack -G "$format" --config "$build/CPackConfig.cmake" -B "$output" "$@"
