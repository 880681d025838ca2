#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what building vqscope needs on Debian 12 or newer; with the words "tests", "analysis", "soak", "deb",
# "page", "guests" and "packages", what those need too (see tests/run.sh).
set -eu

build="g++ cmake ninja-build pkg-config clang bpftool linux-libc-dev libbpf-dev zlib1g-dev libcurl4-openssl-dev \
  libmicrohttpd-dev prometheus-cpp-dev protobuf-compiler libprotobuf-dev libcli11-dev libspdlog-dev libfmt-dev \
  libexpected-dev nlohmann-json3-dev libre2-dev libcap-dev libseccomp-dev libsystemd-dev libgnutls28-dev \
  libcrypt-dev libncurses-dev libyaml-cpp-dev ca-certificates"
tests="libgtest-dev libgmock-dev libbenchmark-dev libbpf-tools binutils python3 python3-pyte fio sysstat \
  e2fsprogs mount util-linux prometheus prometheus-alertmanager qemu-system-x86 libvirt0 libxml2-utils strace systemd \
  curl openssl socat mandoc man-db fish zsh libvirt-clients cloud-init git"
analysis="clang-format clang-tidy libclang-rt-dev node-typescript"
soak="slowhttptest wrk nghttp2-client"
page="chromium chromium-driver python3-selenium fonts-dejavu-core nginx-light"
deb="dpkg-dev file lintian"

guests="qemu-system-x86 busybox-static cpio kmod binutils nvme-cli dmsetup mdadm socat"

packaging="rpm mmdebstrap g++-aarch64-linux-gnu qemu-user-static qemu-system-arm"

packages=$build
for group in "$@"; do
  case $group in
    tests) packages="$packages $tests" ;;
    analysis) packages="$packages $analysis" ;;
    soak) packages="$packages $soak" ;;
    deb) packages="$packages $deb" ;;
    page) packages="$packages $page" ;;
    guests) packages="$packages $guests" ;;
    packages) packages="$packages $packaging" ;;
    *) echo "usage: $0 [tests] [analysis] [soak] [deb] [page] [guests] [packages]" >&2; exit 2 ;;
  esac
done

missing=
for package in $packages; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) || status=
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "These packages are missing and only root can install them:$missing" >&2
  exit 1
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# A policy that keeps services from being started: the tests start their own Prometheus.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' > $policy
  chmod +x $policy
  trap 'rm -f $policy' EXIT
fi
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $missing > /dev/null
