// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "agent/source/required_probes.h"
#include "agent/source/source.h"

namespace vqscope {

namespace {

class Agent : public Source {
 public:
  Agent(AgentClient client, DiskSelection disks, std::vector<std::string> required_probes)
      : client_(std::move(client)), disks_(std::move(disks)), required_probes_(std::move(required_probes)) {}

  Result<std::optional<DecodedSnapshot>> read() override {
    auto snapshot = client_.snapshot();
    if (!snapshot) return tl::unexpected(snapshot.error());
    Reading& reading = snapshot->reading;
    // What goes away later is told of by the readings.
    if (std::exchange(first_, false)) {
      if (auto found = find_named(disks_, reading.topology); !found) return tl::unexpected(found.error());
      if (auto up = check_required(required_probes_, reading.probes, place()); !up) return tl::unexpected(up.error());
    }
    keep_selected(disks_, reading);
    const RecordingHeader& header = snapshot->header;
    if (last_ && !is_same_run(*last_, header)) ++segment_;
    last_ = header;
    snapshot->segment = segment_;
    return std::move(*snapshot);
  }

  [[nodiscard]] std::string place() const override { return "the agent at " + client_.url(); }

 private:
  AgentClient client_;
  DiskSelection disks_;
  std::vector<std::string> required_probes_;
  bool first_ = true;
  std::optional<RecordingHeader> last_;
  std::size_t segment_ = 0;
};

}  // namespace

Result<std::unique_ptr<Source>> open_agent(const MeasureOptions& options, const AgentAddress& agent,
                                           DiskSelection disks) {
  auto client = AgentClient::create(agent);
  if (!client) return tl::unexpected(client.error());
  return std::make_unique<Agent>(std::move(*client), std::move(disks), options.required_probes);
}

}  // namespace vqscope
