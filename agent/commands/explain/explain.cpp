// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/explain/explain.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "agent/base/similar.h"
#include "agent/base/standard_streams.h"
#include "agent/base/terminal.h"
#include "agent/base/terminal_width.h"
#include "agent/base/text.h"
#include "agent/base/wrap.h"
#include "agent/commands/common/exit_status.h"
#include "agent/diagnosis/finding.h"
#include "agent/view/losses.h"

namespace vqscope {

namespace {

constexpr std::size_t kNarrowest = 40, kWidest = 100;
constexpr std::string_view kHeading = "## ";

struct Section {
  std::string topic;    // as it is typed: "which-disk-to-choose"
  std::string heading;  // of the document, or of a kind of lost events
  std::string_view text;
};

std::string topic_of(std::string_view heading) {
  std::string topic(heading);
  for (char& c : topic) c = c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return topic;
}

// "single-queue" is what somebody types who remembers "single_queue".
bool is_same(std::string_view topic, std::string_view typed) {
  return std::equal(topic.begin(), topic.end(), typed.begin(), typed.end(),
                    [](char a, char b) { return a == b || (a == '_' && b == '-'); });
}

std::vector<Section> sections() {
  std::vector<Section> all;
  const std::string_view document = findings_document();
  std::size_t begin = document.find("\n## ");
  while (begin != std::string_view::npos) {
    begin += 1 + kHeading.size();
    const std::size_t end = document.find("\n## ", begin);
    const std::string_view section = document.substr(begin, end == std::string_view::npos ? end : end - begin);
    const std::size_t line = section.find('\n');
    const std::string_view heading = section.substr(0, line);
    all.push_back(
        {topic_of(heading), std::string(heading), line == std::string_view::npos ? "" : section.substr(line)});
    begin = end;
  }
  for (std::size_t kind = 0; kind < kLossKinds.size(); ++kind)
    all.push_back({std::string(kLossNames[kind]),
                   fmt::format("Not counted: {}s{} {}", kLossKinds[kind].what,
                               kLossKinds[kind].what == "request" ? "," : "", kLossKinds[kind].details),
                   kLossKinds[kind].why});
  return all;
}

// One paragraph of Markdown as words: of links their text, of emphasis and code what is emphasised.
std::string words_of(std::string_view text) {
  std::string words;
  bool code = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '`') {
      code = !code;
    } else if (!code && text.substr(i, 2) == "**") {
      ++i;
    } else if (!code && text[i] == ']' && text.substr(i + 1, 1) == "(" && text.find(')', i) != std::string_view::npos) {
      i = text.find(')', i);
    } else if (code || text[i] != '[') {
      words += text[i];
    }
  }
  return words;
}

std::vector<std::string_view> cells_of(std::string_view row) {
  std::vector<std::string_view> cells;
  row = trim(row);
  row.remove_prefix(std::min<std::size_t>(row.size(), 1));
  for (std::size_t bar = row.find('|'); bar != std::string_view::npos; bar = row.find('|')) {
    cells.push_back(trim(row.substr(0, bar)));
    row.remove_prefix(bar + 1);
  }
  return cells;
}

// A row after the other: a terminal is narrower than a table.
std::string table_text(const std::vector<std::string_view>& lines, std::size_t width) {
  std::string text;
  const auto heads = cells_of(lines.front());
  for (std::size_t row = 2; row < lines.size(); ++row) {
    const auto cells = cells_of(lines[row]);
    if (cells.empty()) continue;
    text += wrap(words_of(cells[0]), width, "  ", "  ");
    for (std::size_t i = 1; i < cells.size() && i < heads.size(); ++i)
      text += wrap(words_of(cells[i]), width, heads.size() > 2 ? fmt::format("    {}: ", words_of(heads[i])) : "    ",
                   "      ");
  }
  return text;
}

std::string block_text(const std::vector<std::string_view>& lines, std::size_t width) {
  if (lines.front().starts_with("|")) return table_text(lines, width);
  std::string text, paragraph;
  const auto end_paragraph = [&] {
    if (paragraph.empty()) return;
    const bool item = paragraph.starts_with("- ");
    text += wrap(words_of(item ? paragraph.substr(2) : paragraph), width, item ? "- " : "", item ? "  " : "");
    paragraph.clear();
  };
  for (const std::string_view line : lines) {
    const bool literal = line.starts_with("    ");
    if (literal || line.starts_with("- ")) end_paragraph();
    if (literal)
      text += fmt::format("{}\n", line);
    else
      paragraph += fmt::format("{}{}", paragraph.empty() ? "" : " ", trim(line));
  }
  end_paragraph();
  return text;
}

std::string section_text(std::string_view markdown, std::size_t width) {
  std::string text;
  std::vector<std::string_view> block;
  const auto end_block = [&] {
    if (!block.empty()) text += "\n" + block_text(block, width);
    block.clear();
  };
  while (!markdown.empty()) {
    const std::size_t end = std::min(markdown.find('\n'), markdown.size());
    const std::string_view line = markdown.substr(0, end);
    markdown.remove_prefix(std::min(end + 1, markdown.size()));
    if (trim(line).empty())
      end_block();
    else
      block.push_back(line);
  }
  end_block();
  return text;
}

// What the section's links lead to in this document.
std::string related(const Section& section, const std::vector<Section>& all) {
  std::string commands;
  for (const Section& other : all)
    if (other.topic != section.topic && section.text.find("(#" + other.topic + ")") != std::string_view::npos)
      commands += fmt::format("  vqscope explain {}\n", other.topic);
  return commands.empty() ? "" : "\nSee also:\n" + commands;
}

std::string title_of(const Section& section) {
  for (const FindingKind& kind : finding_kinds())
    if (kind.id == section.heading) return std::string(kind.title);
  return section.heading;
}

std::string list(const std::vector<Section>& all, std::size_t width) {
  constexpr std::size_t kColumn = 32;
  std::string text;
  for (const Section& section : all)
    text +=
        wrap(title_of(section), width, fmt::format("  {:<{}}", section.topic, kColumn - 2), std::string(kColumn, ' '));
  return text + "\n" +
         wrap(
             "vqscope explain FINDING tells what one means, how it is decided and how to mend it. The last ones are "
             "what "
             "measuring may miss.",
             width, "", "");
}

}  // namespace

Result<std::string> explain(const std::string& topic, std::size_t width, bool colour) {
  const std::vector<Section> all = sections();
  if (topic.empty()) return list(all, width);
  std::vector<std::string> topics;
  for (const Section& section : all) {
    if (is_same(section.topic, topic_of(topic)))
      return paint(wrap(title_of(section), width, section.topic + ": ", "  "), Paint::kBold, colour) +
             section_text(section.text, width) + related(section, all);
    topics.push_back(section.topic);
  }
  const std::string hint = did_you_mean(topic_of(topic), topics);
  return fail(fmt::format("there is no finding '{}'{}", topic,
                          hint.empty() ? "; 'vqscope explain' lists those that there are" : hint));
}

int explain(const ExplainOptions& options) {
  const auto text = explain(options.topic, std::clamp(terminal_width(STDOUT_FILENO), kNarrowest, kWidest),
                            wants_colour(STDOUT_FILENO));
  if (!text) {
    complain(text.error().message);
    return kExitUsage;
  }
  if (const auto printed = print(*text); !printed) {
    complain(printed.error().message);
    return kExitFailure;
  }
  return 0;
}

}  // namespace vqscope
