// SPDX-License-Identifier: Apache-2.0
// Readings of one run of an agent, taken one after the other: what the doctor looks at. Of all of them only the first,
// the last and what the others add are kept. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "agent/diagnosis/course.h"
#include "agent/recording/reader.h"

namespace vqscope {

// Of less nothing can be told. The shortest --duration is a second, and readings come a little early now and then.
inline constexpr double kShortestSeconds = 0.9;

class Stretch {
 public:
  void add(DecodedSnapshot snapshot);

  // Whether a reading is of the same run as those that are here.
  [[nodiscard]] bool is_followed_by(const DecodedSnapshot& snapshot) const;

  [[nodiscard]] bool empty() const { return readings_ == 0; }
  [[nodiscard]] std::size_t readings() const { return readings_; }

  // Of a stretch that is not empty. The two may be one and the same.
  [[nodiscard]] const Reading& first() const { return first_.reading; }
  [[nodiscard]] const Reading& last() const { return last_.reading; }
  [[nodiscard]] const Course& course() const { return course_; }
  // Of the first reading, starting with it.
  [[nodiscard]] RecordingHeader header() const { return starting_at(first_); }

  // From the first reading to the last.
  [[nodiscard]] double seconds() const;
  // When they were taken, in nanoseconds since 1970.
  [[nodiscard]] std::uint64_t begin_ns() const { return realtime_of(first_); }
  [[nodiscard]] std::uint64_t end_ns() const { return realtime_of(last_); }

  // A sentence about times without a reading; empty: there are none.
  [[nodiscard]] std::string gaps() const;

 private:
  DecodedSnapshot first_, last_;
  Course course_;
  std::size_t readings_ = 0;
  std::size_t gaps_ = 0;
  std::uint64_t gap_ns_ = 0;                                // all of them
  std::uint64_t longest_ns_ = 0, longest_realtime_ns_ = 0;  // and when it began
};

}  // namespace vqscope
