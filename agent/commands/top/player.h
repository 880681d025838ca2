// SPDX-License-Identifier: Apache-2.0
// What is shown, and when: readings that come, keys that are pressed. Knows neither terminal nor clock. An object
// serves one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "agent/commands/top/frame.h"
#include "agent/commands/top/history.h"
#include "agent/commands/top/options.h"
#include "agent/commands/top/scene.h"
#include "agent/commands/top/ui.h"
#include "agent/source/source.h"

namespace vqscope {

class Player {
 public:
  // Of the readings that are kept: some minutes of a guest with hundreds of queues, some hours of most.
  static constexpr std::size_t kMostBytes = 16 << 20;

  // Of readings that are added as they come; `ui` is what is shown first.
  explicit Player(Ui ui, std::size_t most_bytes = kMostBytes);

  // Of a recording: its first window, or the moment at which to begin. It fails when there is no reading in it.
  static Result<std::unique_ptr<Player>> of_recording(std::unique_ptr<Source> recording, Ui ui,
                                                      const std::optional<Moment>& at);

  [[nodiscard]] const Ui& ui() const { return ui_; }
  [[nodiscard]] bool is_recording() const { return recording_ != nullptr; }

  void set_place(std::string place) { origin_.place = std::move(place); }
  // What the person should know; empty: nothing.
  void tell(std::string sentence) { origin_.message = std::move(sentence); }

  // The disks, queues and vCPUs that there are, to be shown until there is a reading.
  void preview(Topology topology, std::uint64_t realtime_ns);

  // The next reading; it is shown unless paused.
  void add(DecodedSnapshot snapshot);

  // Of a recording that is not paused: the next reading, as far as there is one.
  void advance();

  void press(Key key);
  // On a line of the last frame.
  void click(std::size_t line);

  Result<const Frame*> draw(const Canvas& canvas);

 private:
  // Reads on until there are so many readings; false at the recording's end.
  bool read_until(std::size_t readings);
  [[nodiscard]] Extent extent() const;

  Ui ui_;
  PictureOrigin origin_;
  History history_;
  Scene scene_;
  std::unique_ptr<Source> recording_;                          // null: readings come from elsewhere
  std::optional<std::pair<Topology, std::uint64_t>> preview_;  // and when it was read
  Frame frame_;                                                // the last one
};

}  // namespace vqscope
