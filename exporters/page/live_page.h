// SPDX-License-Identifier: Apache-2.0
// What the page at / shows: its history, and what it is told with each answer. README.md has the format.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/reading.h"
#include "exporters/http/body.h"
#include "exporters/page/finding_history.h"
#include "exporters/page/machine.h"
#include "exporters/page/step.h"
#include "exporters/page/step_history.h"

namespace vqscope {

// Where a client is in the history of one run of the agent.
struct Cursor {
  std::string run;
  std::uint64_t number = 0;  // of the last entry that it has
};

// Of "since=RUN-NUMBER", or of nothing: from the beginning. An error is a sentence for the client.
Result<Cursor> parse_cursor(std::string_view query);

// All functions are thread-safe.
class LivePage {
 public:
  // `run` differs between two runs of the agent, and has letters and digits only. `host`: name of this machine.
  LivePage(std::string version, std::string run, std::string host);

  // Whether it is time for add(): a step has passed since the last one.
  [[nodiscard]] bool is_due(std::uint64_t now_ns) const;

  // Takes a reading with histograms and the time of the CPUs. `realtime_ns`: when it was taken, since 1970.
  void add(Reading reading, std::uint64_t realtime_ns);

  // The counters begin anew: between the readings before and those to come is no step.
  void begin_anew();

  // What was added is of a recording, and there is no more to come. The host is its file.
  void set_recording(const ShownRecording& recording);

  // All that there is to tell since a cursor, some minutes of it at the most. However many ask for the same, it is made
  // once. An error is a sentence for the client.
  Result<Body> answer(std::string_view query, bool gzip);

 private:
  [[nodiscard]] std::string pack_step(const HistoryStep& step, Grain finest);
  // What there is to tell since an entry.
  struct Excerpt {
    std::uint64_t last = 0, newest = 0;  // entries: the last one of `packed`, and the last that there is
    std::uint64_t step_seconds = 1;
    std::string recording = {};                            // JSON; empty: it is none
    std::string machine = {}, findings = {}, before = {};  // JSON; empty: they have not changed
    std::string judged = {};                               // JSON; empty: nothing was
    std::vector<std::string> packed = {};
  };
  [[nodiscard]] std::uint64_t newest_entry() const;
  [[nodiscard]] Excerpt excerpt(std::uint64_t after) const;
  [[nodiscard]] std::string write(const Excerpt& excerpt) const;

  const std::string version_, run_, host_;
  mutable std::mutex mutex_;  // for all down to the next one; never held for long, so that sampling does not wait
  StepHistory history_;
  std::string recording_;  // as in an Excerpt
  std::optional<Reading> last_;
  bool condensed_ = false;  // whether its snapshot is
  FindingHistory findings_;
  // Since which entry they are what they are: who has that one has them.
  std::uint64_t machine_since_ = 0, findings_since_ = 0;
  Grain grain_ = Grain::kAll;
  unsigned steps_at_grain_ = 0;
  std::mutex making_;                                       // for what follows; taken before the other
  std::uint64_t answers_newest_ = 0;                        // the newest entry when they were made
  std::map<std::pair<std::uint64_t, bool>, Body> answers_;  // by number and gzip
};

}  // namespace vqscope
