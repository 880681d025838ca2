// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/guest.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace vqscope::test {

namespace fs = std::filesystem;

namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\\x" && i + 4 <= text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 2, 2)), nullptr, 16));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::string read_fixture(const std::string& name) {
  const fs::path path = fs::path(VQSCOPE_FIXTURES) / name;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("no fixture " + path.string());
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

TemporaryFolder::TemporaryFolder() {
  std::string name = ::testing::TempDir() + "vqscope-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Guest::Guest(const std::string& name) {
  std::istringstream lines(read_fixture(name + ".guest"));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto cut = [&line](std::string_view mark) { return line.find(mark); };
    if (const auto tab = cut("\t"); tab != std::string::npos) {
      file(line.substr(0, tab), unescape(std::string_view(line).substr(tab + 1)));
    } else if (const auto arrow = cut(" -> "); arrow != std::string::npos) {
      link(line.substr(0, arrow), line.substr(arrow + 4));
    } else if (const auto from = cut(" <- "); from != std::string::npos) {
      entries_[line.substr(0, from)] = {false, read_fixture(line.substr(from + 4))};
    } else {
      throw std::runtime_error(name + ".guest: " + line);
    }
  }
}

Guest& Guest::file(const std::string& path, std::string_view content) {
  entries_[path] = {false, std::string(content) + (content.empty() ? "" : "\n")};
  return *this;
}

Guest& Guest::link(const std::string& path, std::string_view target) {
  entries_[path] = {true, std::string(target)};
  return *this;
}

Guest& Guest::remove(const std::string& path) {
  const std::size_t removed = std::erase_if(entries_, [&](const auto& entry) {
    return entry.first == path || std::string_view(entry.first).starts_with(path + "/");
  });
  if (removed == 0) throw std::runtime_error("nothing to remove at " + path);
  return *this;
}

Guest& Guest::irq(unsigned number, std::string_view actions, unsigned hwirq, std::string_view per_cpu_count) {
  const std::string directory = "sys/kernel/irq/" + std::to_string(number);
  file(directory + "/actions", actions);
  file(directory + "/hwirq", std::to_string(hwirq));
  return file(directory + "/per_cpu_count", per_cpu_count);
}

Tree Guest::unpack(const fs::path& below) const {
  Tree tree;
  const fs::path root = tree.folder.path() / below;
  tree.paths = {root / "proc", root / "sys"};
  for (const auto& [path, entry] : entries_) {
    const fs::path target = root / path;
    fs::create_directories(target.parent_path());
    if (entry.is_link)
      fs::create_symlink(entry.text, target);
    else
      std::ofstream(target, std::ios::binary) << entry.text;
  }
  return tree;
}

}  // namespace vqscope::test
