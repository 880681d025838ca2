// SPDX-License-Identifier: Apache-2.0
#include "agent/base/similar.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace vqscope {

namespace {

std::string plain(std::string_view word) {
  std::string result(word);
  for (char& c : result) c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// Letters to insert, remove, replace or exchange with their neighbour (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string typed = plain(word);
  const std::string* nearest = nullptr;
  std::size_t least = 0;
  for (const std::string& candidate : candidates) {
    const std::string known = plain(candidate);
    // A part of a word that is cut off is nearer than it looks: "dur" for "duration".
    const bool begins = typed.size() >= 3 && known.starts_with(typed);
    const std::size_t changes = begins ? 1 : distance(typed, known);
    // A third of the letters may be wrong: more than that is another word.
    if (changes > std::max<std::size_t>(1, std::max(typed.size(), known.size()) / 3)) continue;
    if (nearest == nullptr || changes < least) {
      nearest = &candidate;
      least = changes;
    }
  }
  return nearest == nullptr ? "" : "; did you mean '" + *nearest + "'?";
}

}  // namespace vqscope
