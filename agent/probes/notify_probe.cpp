// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/permission.h"
#include "agent/probes/skeleton.h"
#include "notify.skel.h"

namespace vqscope {

namespace {

using NotifyProbe = SkeletonProbe<notify_bpf>;

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
std::vector<const char*> find_functions() {
  const BtfPtr kernel = load_kernel_btf();
  std::vector<const char*> found;
  for (const auto& [module, name] : kFunctions)
    if (has(kernel.get(), name) || (kernel && has(BtfPtr(btf__load_module_btf(module, kernel.get())).get(), name)))
      found.push_back(name);
  return found;
}

// One set of the programs for one function.
Result<ProbePtr> attach_to(const Arrays& arrays, const char* function) {
  auto opened = NotifyProbe::open();
  if (!opened) return tl::unexpected(opened.error());
  auto& probe = **opened;
  const std::string what = std::string("cannot trace ") + function + "()";
  if (bpf_program__set_attach_target(probe->progs.notify_entry, 0, function) != 0 ||
      bpf_program__set_attach_target(probe->progs.notify_exit, 0, function) != 0)
    // It was found in BTF files, which all may read; libbpf asks the kernel (BPF_BTF_GET_FD_BY_ID).
    return fail(what + ": it is in a kernel module, and naming one takes CAP_SYS_ADMIN while programs are attached",
                EPERM);
  fill(const_cast<vqs_bucket_table&>(probe->rodata->bucket_table));
  probe->rodata->possible_cpus = arrays.capacity.possible_cpus;
  if (!probe.share(probe->maps.control, arrays.control) ||
      !probe.share(probe->maps.virtio_devices, arrays.virtio_devices) ||
      !probe.share(probe->maps.notifies, arrays.notifies) ||
      !probe.share(probe->maps.notify_stacks, arrays.notify_stacks))
    return fail_errno("cannot share arrays with the notification programs");
  if (const int error = probe.load(); error != 0) {
    if (error == -EPERM && refuses_fentry())
      return fail(what + ": this kernel refuses fentry programs; those on tracepoints it takes", EPERM);
    return load_error(what, -error);
  }
  for (bpf_program* program : {probe->progs.notify_exit, probe->progs.notify_entry})
    if (const int error = probe.attach(program); error != 0) return load_error(what, -error);
  return ProbePtr(std::move(*opened));
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
  for (const char* function : find_functions()) {
    auto probe = attach_to(arrays, function);
    if (probe)
      probes.push_back(std::move(*probe));
    else if (!first_error)
      first_error = probe.error();
  }
  if (probes.empty()) {
    if (first_error) return tl::unexpected(*first_error);
    return load_error("cannot trace the virtio transports' notifications", ESRCH);
  }
  return ProbePtr(std::make_unique<NotifyProbes>(std::move(probes)));
}

}  // namespace vqscope
