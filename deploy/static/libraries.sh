#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds, as archives below PREFIX, the three libraries of the static build that Debian has as shared objects only: from
# Debian's own sources, at the version that is installed. Does nothing if they are there.
set -eu
prefix=$(realpath -m "${1:?usage: $0 PREFIX}")
[ -e "$prefix/complete" ] && exit 0
. /etc/os-release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache" "$prefix"
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
${VQSCOPE_DEBIAN_MIRROR:-http://deb.debian.org/debian} $VERSION_CODENAME main" > "$work/sources.list"
cat > "$work/apt.conf" << END
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "root";
END
export APT_CONFIG="$work/apt.conf"
apt-get update -qq

# build SOURCE_PACKAGE OPTION...
build() {
  source=$1
  shift
  (cd "$work" && apt-get source -qq "$source" > /dev/null)
  cmake -G Ninja -S "$work/$source"-*/ -B "$work/build-$source" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DBUILD_SHARED_LIBS=OFF -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_CXX_FLAGS="-ffile-prefix-map=$work=." -Wno-dev "$@" > "$work/log" 2>&1 &&
    cmake --build "$work/build-$source" >> "$work/log" 2>&1 &&
    cmake --install "$work/build-$source" >> "$work/log" 2>&1 || { tail -n 50 "$work/log" >&2; exit 1; }
}

build fmtlib -DFMT_TEST=OFF -DFMT_DOC=OFF
build spdlog -DSPDLOG_FMT_EXTERNAL=ON -DSPDLOG_BUILD_EXAMPLE=OFF
build prometheus-cpp -DENABLE_PULL=OFF -DENABLE_PUSH=OFF -DENABLE_TESTING=OFF -DENABLE_COMPRESSION=OFF
touch "$prefix/complete"
