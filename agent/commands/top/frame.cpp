// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "agent/base/utc.h"
#include "agent/diagnosis/phrases.h"

namespace vqscope {

namespace {

// A vCPU that the host takes away for less is no news.
constexpr double kWorthTelling = 0.01;

TextLine title_line(const Picture* picture, const Ui& ui, const PictureOrigin& origin) {
  TextLine title{{{"vqscope top", Style::kBold}}};
  if (picture != nullptr) {
    title.spans.push_back({fmt::format("  {} UTC", format_utc(picture->realtime_ns))});
    if (picture->seconds) title.spans.push_back({fmt::format("  over {}", duration(*picture->seconds))});
  }
  if (ui.paused) title.spans.push_back({origin.live ? "  PAUSED" : "  RECORDING", Style::kWarning});
  title.spans.push_back({"  " + plain_text(origin.place)});
  return title;
}

// "4 vCPUs, 23 % busy, vCPU 2 completes requests for 5 %; 2 disks"
std::string about_guest(const Picture& picture) {
  const GuestView& guest = picture.guest;
  std::string text = plural(static_cast<double>(picture.topology.online_cpus.size()), "vCPU");
  if (guest.busy) text += fmt::format(", {} busy", percent(*guest.busy));
  const auto most = std::ranges::max_element(guest.cpus, {}, [](const CpuView& cpu) { return cpu.stolen.value_or(0); });
  if (most != guest.cpus.end() && most->stolen.value_or(0) >= kWorthTelling)
    text += fmt::format(", the host ran something else for {} of vCPU {}'s time", percent(*most->stolen), most->cpu);
  const auto full =
      std::ranges::max_element(guest.cpus, {}, [](const CpuView& cpu) { return cpu.completing.value_or(0); });
  if (full != guest.cpus.end() && full->completing.value_or(0) >= kWorthTelling)
    text += fmt::format(", vCPU {} completes requests for {}", full->cpu, percent(*full->completing));
  return text + "; " + plural(static_cast<double>(picture.topology.disks.size()), "disk");
}

// What is missing in the picture, a sentence each.
std::vector<TextLine> notices(const Picture* picture, const PictureOrigin& origin, std::size_t width) {
  std::vector<TextLine> lines;
  if (!origin.message.empty()) add_wrapped(lines, origin.message, width, "", "", Style::kWarning);
  if (picture == nullptr) return lines;
  for (const ProbeStatus& probe : picture->probes)
    if (probe.name == "block" && !probe.up)
      add_wrapped(lines, "No requests are seen: " + probe.reason, width, "", "", Style::kWarning);
  for (const Loss& loss : picture->guest.lost.value_or(std::vector<Loss>()))
    add_wrapped(lines, tell(loss), width, "", "  ", Style::kWarning);
  return lines;
}

// `below`: lines that there is no room for.
TextLine foot_line(const Ui& ui, std::size_t below, std::size_t width) {
  if (ui.typing_filter) return line(fmt::format("/{}_  (Enter: keep it, Esc: drop it)", ui.filter), Style::kBold);
  std::vector<std::string> parts;
  if (!ui.filter.empty()) parts.push_back("/" + ui.filter);
  const auto add = [&parts](std::initializer_list<std::string> keys) { parts.insert(parts.end(), keys); };
  if (ui.screen == Screen::kDisks) {
    add({"?: keys", "Enter: open", "f: findings", "< >: sort", "/: filter", "Space: pause", "q: quit"});
  } else {
    if (below > 0) parts.push_back("Down, PgDn: " + plural(static_cast<double>(below), "more line"));
    if (ui.screen == Screen::kHelp)
      add({"?: back", "q: quit"});
    else
      add({"?: keys", "Esc: disks", "q: quit", "Left Right: in time", "Space: pause"});
  }
  // The last ones are left out first.
  std::string text;
  for (const std::string& part : parts) {
    const std::string more = (text.empty() ? "" : "  ") + part;
    if (!text.empty() && text.size() + more.size() > width) break;
    text += more;
  }
  return line(std::move(text), below > 0 && ui.screen != Screen::kDisks ? Style::kBold : Style::kDim);
}

// The part of `lines` that is shown where there is room for `room`; what cannot be scrolled away is kept. `below` is
// how many there are after it.
std::vector<TextLine> window_of(std::vector<TextLine> lines, std::size_t room, std::size_t& scroll,
                                std::size_t& below) {
  scroll = std::min(scroll, lines.size() - std::min(lines.size(), room));
  lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(scroll));
  below = lines.size() - std::min(lines.size(), room);
  lines.resize(lines.size() - below);
  return lines;
}

// The list, with the selected disk in sight, and below it what was found.
std::vector<TextLine> disks_body(const Picture& picture, const Ui& ui, const Canvas& canvas,
                                 std::optional<std::size_t> room, Frame& frame) {
  std::vector<TextLine> table = disk_table(picture, ui, canvas), body = {std::move(table.front())};
  table.erase(table.begin());
  for (const TextLine& disk : table) frame.extent.disks.push_back(disk.disk);
  std::vector<TextLine> found =
      finding_titles(picture, ui, room ? std::max<std::size_t>(*room / 3, 3) : ~std::size_t{0});
  if (room) {
    const std::size_t below = found.empty() ? 0 : found.size() + 1;
    frame.extent.page = std::max<std::size_t>(*room - std::min(*room, below + 1), 1);
    const auto selected = std::ranges::find(frame.extent.disks, ui.disk);
    const auto row = static_cast<std::size_t>(selected - frame.extent.disks.begin());
    if (selected != frame.extent.disks.end())
      frame.scroll = std::clamp(frame.scroll, row + 1 - std::min(row + 1, frame.extent.page), row);
    std::size_t unseen = 0;
    table = window_of(std::move(table), frame.extent.page, frame.scroll, unseen);
  }
  std::ranges::move(table, std::back_inserter(body));
  if (frame.extent.disks.empty())
    body.push_back(line(picture.disks.empty() ? "There is no disk to look at." : "No disk has that in its name."));
  if (!found.empty()) body.emplace_back();
  std::ranges::move(found, std::back_inserter(body));
  return body;
}

std::vector<TextLine> body_of(const Picture& picture, const Ui& ui, const Canvas& canvas) {
  switch (ui.screen) {
    case Screen::kDisk: return disk_lines(picture, ui, canvas);
    case Screen::kFindings: return finding_lines(picture, ui, canvas);
    default: return help_lines(canvas);
  }
}

}  // namespace

Frame make_frame(const Picture* picture, const Ui& ui, const PictureOrigin& origin, const Canvas& canvas) {
  Frame frame;
  frame.scroll = ui.scroll;
  frame.extent.sort_columns = sort_columns().size();
  frame.lines.push_back(title_line(picture, ui, origin));
  if (picture != nullptr && ui.screen != Screen::kHelp)
    add_wrapped(frame.lines, about_guest(*picture), canvas.width, "", "  ");
  std::ranges::move(notices(picture, origin, canvas.width), std::back_inserter(frame.lines));
  std::optional<std::size_t> room;  // a line for the foot, and one for the body at the least
  if (canvas.height) room = std::max<std::size_t>(*canvas.height - std::min(*canvas.height, frame.lines.size() + 1), 1);
  std::vector<TextLine> body;
  std::size_t below = 0;
  if (picture != nullptr && ui.screen == Screen::kDisks) {
    body = disks_body(*picture, ui, canvas, room, frame);
  } else if (picture != nullptr) {
    body = body_of(*picture, ui, canvas);
    frame.extent.page = room.value_or(body.size());
    if (room) body = window_of(std::move(body), *room, frame.scroll, below);
  } else if (ui.screen == Screen::kHelp) {
    body = help_lines(canvas);
    if (room) body = window_of(std::move(body), *room, frame.scroll, below);
  }
  if (room) body.resize(*room);
  std::ranges::move(body, std::back_inserter(frame.lines));
  if (canvas.height) frame.lines.push_back(foot_line(ui, below, canvas.width));
  if (canvas.height && frame.lines.size() > *canvas.height) frame.lines.resize(*canvas.height);
  for (TextLine& drawn : frame.lines) drawn = clipped(std::move(drawn), canvas.width);
  return frame;
}

}  // namespace vqscope
