// SPDX-License-Identifier: Apache-2.0
#include "agent/base/clock.h"
#include "agent/probes/kernel_traits.h"
#include "agent/probes/permission.h"
#include "agent/probes/skeleton.h"
#include "notify.skel.h"

namespace vqscope {

namespace {

using NotifyProbe = SkeletonProbe<notify_bpf>;

// Of entry and exit programs, see notify.bpf.c. Two are enough where only interrupts come in between. Where tasks do,
// each pair more finds some nine tenths of what those before it miss.
constexpr std::size_t kPairs = 2, kMostPairs = 4;

struct Function {
  const char* module;  // that holds it where the transport is not built in
  const char* name;
};

// PCI and MMIO transports. A transport's functions differ in whether they tell the device more than the queue's index
// (VIRTIO_F_NOTIFICATION_DATA).
constexpr Function kFunctions[] = {{"virtio_pci", "vp_notify"},
                                   {"virtio_pci", "vp_notify_with_data"},
                                   {"virtio_mmio", "vm_notify"},
                                   {"virtio_mmio", "vm_notify_with_data"}};

bool has(const btf* types, const char* function) {
  return types != nullptr && btf__find_by_name_kind(types, function, BTF_KIND_FUNC) > 0;
}

// Those that this kernel has, itself or in a module that is loaded. They are looked for here because libbpf 1.1 keeps
// the kernel's type information, more than 4 MB, for ever when bpf_program__set_attach_target() does not find one.
std::vector<const char*> find_functions(btf* kernel) {
  std::vector<const char*> found;
  for (const auto& [module, name] : kFunctions)
    if (has(kernel, name) || (kernel != nullptr && has(BtfPtr(btf__load_module_btf(module, kernel)).get(), name)))
      found.push_back(name);
  return found;
}

// One set of the programs, of which there are so many pairs, for one function.
Result<ProbePtr> attach_to(const Arrays& arrays, const char* function, std::size_t pairs) {
  auto opened = NotifyProbe::open();
  if (!opened) return tl::unexpected(opened.error());
  auto& probe = **opened;
  const std::string what = std::string("cannot trace ") + function + "()";
  bpf_program* const entries[] = {probe->progs.notify_entry1, probe->progs.notify_entry2, probe->progs.notify_entry3,
                                  probe->progs.notify_entry4};
  bpf_program* const exits[] = {probe->progs.notify_exit1, probe->progs.notify_exit2, probe->progs.notify_exit3,
                                probe->progs.notify_exit4};
  for (std::size_t i = 0; i < std::size(entries); ++i) {
    for (bpf_program* program : {entries[i], exits[i]}) {
      bpf_program__set_autoload(program, i < pairs);
      if (i < pairs && bpf_program__set_attach_target(program, 0, function) != 0)
        // It was found in BTF files, which all may read; libbpf asks the kernel (BPF_BTF_GET_FD_BY_ID).
        return fail(what + ": it is in a kernel module, and naming one takes CAP_SYS_ADMIN while programs are attached",
                    EPERM);
    }
  }
  fill(const_cast<vqs_bucket_table&>(probe->rodata->bucket_table));
  probe->rodata->possible_cpus = arrays.capacity.possible_cpus;
  for (std::size_t i = 0; i < pairs; ++i) probe->rodata->exit_programs |= 2U << i;
  if (!probe.share(probe->maps.control, arrays.control) ||
      !probe.share(probe->maps.virtio_devices, arrays.virtio_devices) ||
      !probe.share(probe->maps.notifies, arrays.notifies) ||
      !probe.share(probe->maps.notify_calls, arrays.notify_calls))
    return fail_errno("cannot share arrays with the notification programs");
  if (const int error = probe.load(); error != 0) {
    if (error == -EPERM && refuses_fentry())
      return fail(what + ": this kernel refuses fentry programs; those on tracepoints it takes", EPERM);
    return load_error(what, -error);
  }
  // Entries before exits: a call that is under way meanwhile has no exit then, rather than an exit without an entry.
  // What the kernel skips, the programs tell themselves.
  for (bpf_program* const* programs : {entries, exits})
    for (std::size_t i = 0; i < pairs; ++i)
      if (const int error = probe.attach(programs[i], true); error != 0) return load_error(what, -error);
  return ProbePtr(std::move(*opened));
}

tl::unexpected<Error> no_function() {
  std::string names;
  for (const auto& [module, name] : kFunctions) names += (names.empty() ? "" : ", ") + std::string(name);
  return fail("cannot trace notifications: of " + names +
                  " this kernel's type information has none, nor that of the modules that are loaded; modules have it "
                  "from Linux 5.11 on, with CONFIG_DEBUG_INFO_BTF_MODULES",
              ESRCH);
}

// All functions that could be traced, as one probe.
class NotifyProbes : public Probe {
 public:
  explicit NotifyProbes(std::vector<ProbePtr> probes) : probes_(std::move(probes)) {}

  [[nodiscard]] std::optional<std::uint64_t> missed_runs() const override {
    std::uint64_t misses = 0;
    for (const ProbePtr& probe : probes_) {
      const auto own = probe->missed_runs();
      if (!own) return std::nullopt;
      misses += *own;
    }
    return misses;
  }

 private:
  std::vector<ProbePtr> probes_;
};

}  // namespace

Result<ProbePtr> attach_notify_probe(const Arrays& arrays) {
  std::vector<ProbePtr> probes;
  std::optional<Error> first_error;
  __u64& since = arrays.control[0].notify_since_ns;
  since = ~__u64{0};
  BtfPtr kernel = load_kernel_btf();
  const std::size_t pairs = kernel && tasks_preempt_in_kernel(kernel.get()) ? kMostPairs : kPairs;
  const std::vector<const char*> functions = find_functions(kernel.get());
  kernel.reset();
  for (const char* function : functions) {
    auto probe = attach_to(arrays, function, pairs);
    if (probe)
      probes.push_back(std::move(*probe));
    else if (!first_error)
      first_error = probe.error();
  }
  if (probes.empty()) {
    if (first_error) return tl::unexpected(*first_error);
    return no_function();
  }
  __atomic_store_n(&since, monotonic_ns(), __ATOMIC_RELAXED);
  return ProbePtr(std::make_unique<NotifyProbes>(std::move(probes)));
}

}  // namespace vqscope
