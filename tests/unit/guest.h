// SPDX-License-Identifier: Apache-2.0
// Guests for tests: the few files of procfs and sysfs that vqscope reads, kept as one text file per guest in
// tests/fixtures/NAME.guest. A line is one of
//
//   PATH<TAB>CONTENT   a file; unless empty it ends in a newline, as sysfs attributes do. \xNN is a byte
//   PATH -> TARGET     a symbolic link, relative as in sysfs
//   PATH <- FILE       a file with the content of tests/fixtures/FILE
//   # ...              a comment
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "agent/topology/scan.h"

namespace vqscope::test {

// Content of tests/fixtures/NAME.
std::string read_fixture(const std::string& name);

// Owner of a temporary folder, removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A guest unpacked below `root`, which must outlive the use of the paths.
struct Tree {
  TemporaryFolder folder;
  SystemPaths paths;
};

// What a guest's files are, to be edited before they are unpacked.
class Guest {
 public:
  // tests/fixtures/NAME.guest
  explicit Guest(const std::string& name);

  // Adds or replaces a file, which unless empty gets a newline at its end, or a link.
  Guest& file(const std::string& path, std::string_view content);
  Guest& link(const std::string& path, std::string_view target);
  // Removes what is at `path` and below it.
  Guest& remove(const std::string& path);
  // Adds or replaces /sys/kernel/irq/NUMBER.
  Guest& irq(unsigned number, std::string_view actions, unsigned hwirq, std::string_view per_cpu_count);

  // Writes everything to a new temporary folder, below `below` in it.
  [[nodiscard]] Tree unpack(const std::filesystem::path& below = {}) const;

 private:
  struct Entry {
    bool is_link = false;
    std::string text;
  };

  std::map<std::string, Entry> entries_;
};

}  // namespace vqscope::test
