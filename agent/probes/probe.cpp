// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/probe.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <string>

#include "agent/base/text.h"
#include "agent/model/buckets.h"
#include "agent/probes/permission.h"
#include "agent/probes/skeleton.h"

namespace vqscope {

namespace {

// ENOTSUPP of the kernel, which the C library does not know: no trampolines on this architecture.
constexpr int kNotSupported = 524;

int log_libbpf(libbpf_print_level, const char* format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return length;
  // Whole: the verifier's last words are those that tell why.
  std::string message(static_cast<std::size_t>(length), '\0');
  std::vsnprintf(message.data(), message.size() + 1, format, arguments);
  spdlog::debug("libbpf: {}", trim(message));
  return length;
}

}  // namespace

void route_libbpf_messages() { libbpf_set_print(log_libbpf); }

BtfPtr load_kernel_btf() { return BtfPtr(btf__load_vmlinux_btf()); }

Fd open_program_account(int program_fd) {
  return Fd(::open(("/proc/self/fdinfo/" + std::to_string(program_fd)).c_str(), O_RDONLY | O_CLOEXEC));
}

std::optional<std::uint64_t> read_recursion_misses(const Fd& account) {
  char buffer[1024];
  const ssize_t length = account ? ::pread(account.get(), buffer, sizeof buffer, 0) : -1;
  if (length <= 0) return std::nullopt;
  constexpr std::string_view kKey = "recursion_misses:";
  for (const std::string_view line : split({buffer, static_cast<std::size_t>(length)}, "\n"))
    if (line.starts_with(kKey)) return parse_number<std::uint64_t>(trim(line.substr(kKey.size())));
  return std::nullopt;
}

void fill(vqs_bucket_table& table) { table = make_bucket_table(); }

tl::unexpected<Error> load_error(const std::string& what, int code) {
  if (!load_kernel_btf()) {
    if (::access("/sys/kernel/btf/vmlinux", F_OK) == 0)
      return fail(what +
                      ": cannot read /sys/kernel/btf/vmlinux, though it is there; are there too few descriptors "
                      "(ulimit -n), or is there too little memory?",
                  code);
    return fail(what + ": this kernel has no BTF (/sys/kernel/btf/vmlinux; CONFIG_DEBUG_INFO_BTF)", code);
  }
  switch (code) {
    case EPERM: return fail(what + ": " + why_not_permitted(), code);
    case ENOENT:
    case ESRCH: return fail(what + ": this kernel lacks a function, tracepoint or field that it needs", code);
    case EACCES:
    case EINVAL: return fail(what + ": the kernel's verifier refused it; --log.level=debug shows its words", code);
    case kNotSupported: return fail(what + ": this kernel cannot trace functions (fentry)", code);
    default: return fail_errno(what, code);
  }
}

const std::vector<ProbeKind>& probe_kinds() {
  static const std::vector<ProbeKind> kinds = {
      {"irq", "time in interrupt handlers, and which completions crossed vCPUs", attach_irq_probe},
      {"block", "latency histograms, bytes, errors and in-flight per hardware queue", attach_block_probe},
      {"notify", "duration of virtqueue notifications", attach_notify_probe},
      {"lock", "waits for the disks' locks", attach_lock_probe},
  };
  return kinds;
}

}  // namespace vqscope
