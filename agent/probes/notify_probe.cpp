// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/skeleton.h"
#include "notify.skel.h"

namespace vqscope {

namespace {

using NotifyProbe = SkeletonProbe<notify_bpf>;

// One set of the programs for one function; a transport's functions differ in whether they tell the device more than
// the queue's index (VIRTIO_F_NOTIFICATION_DATA).
Result<ProbePtr> attach_to(const Arrays& arrays, const char* function) {
  auto opened = NotifyProbe::open();
  if (!opened) return tl::unexpected(opened.error());
  auto& probe = **opened;
  const std::string what = std::string("cannot trace ") + function + "()";
  if (bpf_program__set_attach_target(probe->progs.notify_entry, 0, function) != 0 ||
      bpf_program__set_attach_target(probe->progs.notify_exit, 0, function) != 0)
    return load_error(what, ESRCH);
  fill(const_cast<vqs_bucket_table&>(probe->rodata->bucket_table));
  probe->rodata->possible_cpus = arrays.capacity.possible_cpus;
  if (!probe.share(probe->maps.control, arrays.control) ||
      !probe.share(probe->maps.virtio_devices, arrays.virtio_devices) ||
      !probe.share(probe->maps.notifies, arrays.notifies) ||
      !probe.share(probe->maps.notify_stacks, arrays.notify_stacks))
    return fail_errno("cannot share arrays with the notification programs");
  if (const int error = probe.load(); error != 0) {
    if (error == -EPERM)
      return fail(what + ": this kernel refuses fentry programs, or the process lacks CAP_PERFMON", EPERM);
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
  // PCI and MMIO transports; a kernel has those of the transports that it was built with or has loaded.
  for (const char* function : {"vp_notify", "vp_notify_with_data", "vm_notify", "vm_notify_with_data"}) {
    auto probe = attach_to(arrays, function);
    if (probe)
      probes.push_back(std::move(*probe));
    else if (!first_error || first_error->code == ESRCH)
      first_error = probe.error();
  }
  if (probes.empty()) return tl::unexpected(*first_error);
  return ProbePtr(std::make_unique<NotifyProbes>(std::move(probes)));
}

}  // namespace vqscope
