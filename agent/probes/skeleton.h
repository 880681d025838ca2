// SPDX-License-Identifier: Apache-2.0
// What the three probes share: owners of a skeleton and of its links, and the error text of a program that would not
// load. Internal to agent/probes.
#pragma once

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/probes/probe.h"
#include "bpf/buckets.h"

namespace vqscope {

template <typename Skeleton>
struct SkeletonDeleter {
  void operator()(Skeleton* skeleton) const { Skeleton::destroy(skeleton); }
};
template <typename Skeleton>
using SkeletonPtr = std::unique_ptr<Skeleton, SkeletonDeleter<Skeleton>>;

struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using LinkPtr = std::unique_ptr<bpf_link, LinkDeleter>;

// Programs of one skeleton and their links.
template <typename Skeleton>
class SkeletonProbe : public Probe {
 public:
  static Result<std::unique_ptr<SkeletonProbe>> open() {
    SkeletonPtr<Skeleton> skeleton(Skeleton::open());
    if (!skeleton) return fail_errno("cannot open the built-in BPF object");
    std::unique_ptr<SkeletonProbe> probe(new SkeletonProbe);
    probe->skeleton_ = std::move(skeleton);
    return probe;
  }

  Skeleton* operator->() const { return skeleton_.get(); }

  // Before load: lets a map of the object be one of the agent's arrays.
  template <typename Record>
  [[nodiscard]] bool share(bpf_map* map, const ArrayOf<Record>& array) {
    return bpf_map__reuse_fd(map, array.fd()) == 0;
  }

  // Negative errno when the verifier or the kernel refuses.
  [[nodiscard]] int load() { return Skeleton::load(skeleton_.get()); }

  // Negative errno when the kernel refuses.
  [[nodiscard]] int attach(bpf_program* program) {
    LinkPtr link(bpf_program__attach(program));
    if (!link) return -errno;
    links_.push_back(std::move(link));
    programs_.push_back(program);
    return 0;
  }

  [[nodiscard]] std::optional<std::uint64_t> missed_runs() const override {
    std::uint64_t misses = 0;
    for (const bpf_program* program : programs_) {
      bpf_prog_info info = {};
      __u32 size = sizeof info;
      if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) return std::nullopt;
      misses += info.recursion_misses;
    }
    return misses;
  }

  ~SkeletonProbe() override {
    // In the order of attachment reversed: a completion is seen for every issue that was.
    while (!links_.empty()) links_.pop_back();
  }

 private:
  SkeletonProbe() = default;

  SkeletonPtr<Skeleton> skeleton_;
  std::vector<bpf_program*> programs_;
  std::vector<LinkPtr> links_;
};

// "cannot load the block programs: ..." with the remedy that fits the errno.
tl::unexpected<Error> load_error(const std::string& what, int code);

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};
using BtfPtr = std::unique_ptr<btf, BtfDeleter>;

// The kernel's own BTF, some megabytes; null when the kernel has none.
BtfPtr load_kernel_btf();

// The boundaries of the histograms, for a skeleton's read-only data.
void fill(vqs_bucket_table& table);

}  // namespace vqscope
