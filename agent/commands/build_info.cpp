// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/build_info.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <google/protobuf/stubs/common.h>
#include <microhttpd.h>
#include <seccomp.h>
#include <spdlog/version.h>
#include <zlib.h>

#include "agent/source/agent_client.h"
#include "revision.h"
#include "version.h"

namespace vqscope {

namespace {

#if defined(__x86_64__)
constexpr const char* kMachine = "x86-64";
#elif defined(__aarch64__)
constexpr const char* kMachine = "arm64";
#else
constexpr const char* kMachine = "other";
#endif

std::string seccomp_release() {
  const scmp_version* version = ::seccomp_version();
  return version == nullptr ? "unknown" : fmt::format("{}.{}.{}", version->major, version->minor, version->micro);
}

}  // namespace

std::string describe_build() {
  const std::string curl = AgentClient::library();
  return fmt::format(
      "vqscope {} ({})\n"
      "  built:     {} for {}, {} {}\n"
      "  libraries: libbpf {}.{}, libmicrohttpd {}, protobuf {}, libseccomp {}, zlib {}, fmt {}.{}.{}, spdlog "
      "{}.{}.{}\n"
      "  TLS:       {}\n"
      "  --url:     {}",
      VQSCOPE_VERSION, VQSCOPE_REVISION, VQSCOPE_BUILD_TYPE, kMachine,
#if defined(__clang__)
      "clang", __clang_version__,
#else
      "gcc", __VERSION__,
#endif
      ::libbpf_major_version(), ::libbpf_minor_version(), ::MHD_get_version(),
      google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION), seccomp_release(), ::zlibVersion(),
      FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100, SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR,
      SPDLOG_VER_PATCH, ::MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES ? "yes" : "no",
      curl.empty() ? "no" : "yes, " + curl);
}

}  // namespace vqscope
