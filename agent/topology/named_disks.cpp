// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/named_disks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "agent/base/similar.h"
#include "agent/base/text.h"
#include "agent/topology/parse.h"

namespace vqscope {

namespace {

constexpr std::string_view kDev = "/dev/";
constexpr std::size_t kMostNames = 12;
// Stacks of device mapper are a few layers high; sysfs that goes in circles is none.
constexpr unsigned kMostLayers = 16;

bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// A "/" in a kernel name is a "!" in sysfs.
std::string exchange(std::string name, char from, char to) {
  std::replace(name.begin(), name.end(), from, to);
  return name;
}

class Finder {
 public:
  explicit Finder(const SystemPaths& paths) : paths_(paths), block_(paths.sysfs / "block") {}

  Result<void> add(const std::string& word) {
    auto name = kernel_name(word);
    if (!name) return tl::unexpected(name.error());
    return resolve(word, *name, 0);
  }

  NamedDisks take() { return std::move(found_); }

 private:
  // The name in sysfs of what a word means; names are not looked up.
  [[nodiscard]] Result<std::string> kernel_name(const std::string& word) const {
    if (!word.starts_with('/')) return exchange(word, '/', '!');
    struct stat status = {};
    if (::stat(word.c_str(), &status) == 0) {
      if (!S_ISBLK(status.st_mode)) return fail(fmt::format("'{}' is not a block device", word));
      std::error_code error;
      const auto device = std::filesystem::read_symlink(
          paths_.sysfs / "dev/block" / fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev)), error);
      if (!error) return device.filename().string();
    }
    if (word.starts_with(kDev)) return exchange(word.substr(kDev.size()), '/', '!');
    return fail_errno(fmt::format("'{}' is neither the name of a disk nor the path of one", word));
  }

  Result<void> resolve(const std::string& word, const std::string& name, unsigned layer) {
    const std::filesystem::path disk = block_ / name;
    if (name.empty() || name.starts_with('.') || !is_there(disk)) return partition(word, name, layer);
    if (is_there(disk / "mq")) {
      add_disk(exchange(name, '!', '/'));
      return {};
    }
    auto below = list_directory(disk / "slaves");
    if (below.empty()) below = nvme_paths(name);
    if (below.empty() || layer == kMostLayers)
      return fail(fmt::format("{} has no requests that could be measured: blk-mq does not drive it", word));
    if (layer == 0)
      found_.notes.push_back(fmt::format("{} has no requests of its own; the disks below it are looked at.", word));
    for (const std::string& member : below)
      if (auto resolved = resolve(member, member, layer + 1); !resolved) return resolved;
    return {};
  }

  // Hidden disks, that only their names tell from others before Linux 6.15.
  [[nodiscard]] std::vector<std::string> nvme_paths(const std::string& head) const {
    auto names = list_directory(block_);
    std::erase_if(names, [&](const std::string& name) { return head_of_nvme_path(name) != head; });
    return names;
  }

  Result<void> partition(const std::string& word, const std::string& name, unsigned layer) {
    const auto disks = list_directory(block_);
    const auto parent = std::find_if(disks.begin(), disks.end(), [&](const std::string& disk) {
      return !name.empty() && is_there(block_ / disk / name / "partition");
    });
    if (parent != disks.end()) {
      if (layer == 0)
        found_.notes.push_back(
            fmt::format("{} is a partition of {}; the whole disk is looked at.", word, exchange(*parent, '!', '/')));
      return resolve(word, *parent, layer);
    }
    std::vector<std::string> there;
    for (const std::string& disk : disks)
      if (is_there(block_ / disk / "mq")) there.push_back(exchange(disk, '!', '/'));
    found_.missing.push_back(no_such_disk(word, there));
    add_disk(exchange(name, '!', '/'));
    return {};
  }

  void add_disk(std::string name) {
    if (std::find(found_.disks.begin(), found_.disks.end(), name) == found_.disks.end())
      found_.disks.push_back(std::move(name));
  }

  const SystemPaths& paths_;
  std::filesystem::path block_;
  NamedDisks found_;
};

}  // namespace

Result<NamedDisks> find_named_disks(const std::vector<std::string>& words, const SystemPaths& paths) {
  Finder finder(paths);
  for (const std::string& word : words)
    if (auto added = finder.add(word); !added) return tl::unexpected(added.error());
  return finder.take();
}

Result<NamedDisks> take_named_disks(const std::vector<std::string>& words) {
  NamedDisks found;
  for (const std::string& word : words) {
    std::string name = word.starts_with(kDev) ? word.substr(kDev.size()) : word;
    if (name.empty() || name.starts_with('/') || name.starts_with("disk/") || name.starts_with("mapper/"))
      return fail(fmt::format(
          "'{}' cannot be looked up on another machine; name the disk as its kernel does, such as vda", word));
    found.disks.push_back(exchange(std::move(name), '!', '/'));
  }
  return found;
}

std::string no_such_disk(const std::string& word, const std::vector<std::string>& there) {
  // Loop devices by the dozen would hide the others.
  std::vector<std::string> told;
  for (const std::string& name : there)
    if (!name.starts_with("loop") && !name.starts_with("ram") && !name.starts_with("zram")) told.push_back(name);
  if (told.empty()) told = there;
  if (told.empty()) return fmt::format("there is no disk '{}', nor any other", word);
  if (told.size() == 1) return fmt::format("there is no disk '{}'; there is: {}", word, told.front());
  const std::size_t more = told.size() > kMostNames ? told.size() - kMostNames : 0;
  told.resize(told.size() - more);
  return fmt::format("there is no disk '{}'; there are: {}{}{}", word, fmt::join(told, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "", did_you_mean(word, there));
}

}  // namespace vqscope
