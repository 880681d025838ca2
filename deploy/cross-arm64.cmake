# SPDX-License-Identifier: Apache-2.0
# Toolchain of the preset `arm64`: Debian's cross compiler, and arm64 libraries unpacked below VQSCOPE_ARM64_SYSROOT
# (from the environment) by tests/packages/arm64_sysroot.sh. Nothing of this machine's own packages is changed.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

if(NOT IS_DIRECTORY "$ENV{VQSCOPE_ARM64_SYSROOT}/usr/lib/aarch64-linux-gnu")
  message(FATAL_ERROR "VQSCOPE_ARM64_SYSROOT is not a tree with arm64 libraries; tests/run.sh arm64 makes one")
endif()
set(CMAKE_SYSROOT $ENV{VQSCOPE_ARM64_SYSROOT})
# protoc, clang and bpftool are those of this machine.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)

find_program(QEMU_ARM64 qemu-aarch64-static)
if(QEMU_ARM64)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${QEMU_ARM64} -L ${CMAKE_SYSROOT})
endif()
