// SPDX-License-Identifier: Apache-2.0
// What the probes share: owners of a skeleton and of its links, and the error text of a program that would not
// load. Internal to agent/probes.
#pragma once

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/fd.h"
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

// What the kernel accounts to a loaded program: /proc/self/fdinfo of its descriptor, kept open, because reading it then
// takes no rights, while before Linux 5.19 asking by bpf() does. Empty where it cannot be opened.
Fd open_program_account(int program_fd);

// nullopt when the kernel does not tell (it does from Linux 5.12 on).
std::optional<std::uint64_t> read_recursion_misses(const Fd& account);

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

  // Negative errno when the kernel refuses. `second`: what it is skipped for, the program before it has done already.
  [[nodiscard]] int attach(bpf_program* program, bool second = false) {
    LinkPtr link(bpf_program__attach(program));
    if (!link) return -errno;
    links_.push_back(std::move(link));
    if (!second) accounts_.push_back(open_program_account(bpf_program__fd(program)));
    return 0;
  }

  [[nodiscard]] std::optional<std::uint64_t> missed_runs() const override {
    std::uint64_t misses = 0;
    for (const Fd& account : accounts_) {
      const auto missed = read_recursion_misses(account);
      if (!missed) return std::nullopt;
      misses += *missed;
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
  std::vector<Fd> accounts_;  // of the programs that are attached
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
