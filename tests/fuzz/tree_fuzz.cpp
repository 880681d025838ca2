// SPDX-License-Identifier: Apache-2.0
// The scan of sysfs and procfs, on the tree of a real guest in which the input replaces the content of files: each line
// "NUMBER<TAB>CONTENT" that of one file, by its place in the sorted list of paths; \n in it is a newline.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "agent/base/text.h"
#include "agent/model/model.h"
#include "agent/probes/reader.h"
#include "agent/topology/facts.h"
#include "agent/topology/scan.h"
#include "exporters/prometheus/self_metrics.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/guest.h"

namespace vqscope {
namespace {

namespace fs = std::filesystem;
using fuzz::require;

class Playground {
 public:
  // The guest with a SCSI disk has the most kinds of files.
  explicit Playground(const std::string& guest) : tree_(prepared(guest).unpack()) {
    for (const auto& entry : fs::recursive_directory_iterator(tree_.folder.path()))
      if (fs::is_regular_file(entry.symlink_status())) files_.push_back(entry.path());
    std::sort(files_.begin(), files_.end());
  }

  void replace(std::size_t number, const std::string& content) {
    const fs::path& path = files_[number % files_.size()];
    if (!originals_.contains(path)) originals_[path] = read_file(path).value();
    write(path, content);
  }

  void restore() {
    for (const auto& [path, content] : originals_) write(path, content);
    originals_.clear();
  }

  [[nodiscard]] const SystemPaths& paths() const { return tree_.paths; }

 private:
  static test::Guest prepared(const std::string& name) {
    test::Guest guest(name);
    guest.file("proc/diskstats", " 253 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17");
    guest.file("proc/stat", "cpu 1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nbtime 1700000000");
    guest.file("proc/self/stat", "1 (vqscope) S 1 1 1 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 4 0 100 1000000 500 1");
    return guest;
  }

  static void write(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }

  test::Tree tree_;
  std::vector<fs::path> files_;
  std::map<fs::path, std::string> originals_;
};

void scan(const SystemPaths& paths) {
  static const auto filter = DeviceFilter::create("", "^$");
  const auto topology = scan_topology(paths, *filter, "KVMKVMKVM");
  if (!topology) {
    require(!topology.error().message.empty());
    return;
  }
  require(!topology->online_cpus.empty());
  // As the daemon reads it where there is no BPF.
  Snapshot snapshot = read_snapshot(paths, *topology, nullptr, nullptr, {}, Detail::kHistograms);
  require(snapshot.devices.size() == topology->disks.size());
  (void)derive(*topology, snapshot, &snapshot, {});
  static const SelfMetrics self("0", "0", 0);
  (void)self.families(paths.procfs, {});
}

}  // namespace
}  // namespace vqscope

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static vqscope::Playground grounds[] = {vqscope::Playground("virtio-blk"), vqscope::Playground("virtio-scsi"),
                                          vqscope::Playground("nvme"), vqscope::Playground("ide")};
  if (size == 0) return 0;
  vqscope::Playground& ground = grounds[data[0] % std::size(grounds)];
  for (const std::string_view line : vqscope::split(vqscope::fuzz::text(data + 1, size - 1), "\n")) {
    const auto tab = line.find('\t');
    const auto number = vqscope::parse_number<std::uint16_t>(line.substr(0, tab));
    if (!number || tab == std::string_view::npos) continue;
    std::string content(line.substr(tab + 1));
    for (std::size_t at = 0; (at = content.find("\\n", at)) != std::string::npos; ++at) content.replace(at, 2, "\n");
    ground.replace(*number, content);
  }
  vqscope::scan(ground.paths());
  ground.restore();
  return 0;
}
