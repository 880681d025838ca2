// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/text.h"
#include "agent/recording/codec.h"
#include "agent/recording/reader.h"
#include "readings.h"

namespace vqscope {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const RecordingHeader kHeader = {"0.1.0", "6.1.0", "x86_64", "boot",  1'700'000'000'000'000'000,
                                 5,       4,       "a note", "#1 SMP"};

// What a reader found: readings with their segments, then why it stopped.
struct Found {
  std::vector<Reading> readings;
  std::vector<std::size_t> segments;
  std::vector<RecordingHeader> headers;
  std::optional<RecordingDamage> damage;
  std::string error;
};

Found read_all(std::string bytes) {
  Found found;
  auto reader = RecordingReader::from_bytes(std::move(bytes), "FILE");
  if (!reader) {
    found.error = reader.error().message;
    return found;
  }
  for (;;) {
    const auto next = reader->next();
    if (!next) {
      found.error = next.error().message;
      break;
    }
    if (!*next) break;
    found.readings.push_back((*next)->reading);
    found.segments.push_back((*next)->segment);
    found.headers.push_back((*next)->header);
  }
  found.damage = reader->damage();
  return found;
}

void expect_equal(const Reading& a, const Reading& b) {
  EXPECT_TRUE(a.topology == b.topology);
  EXPECT_TRUE(a.probes == b.probes);
  EXPECT_TRUE(a.snapshot == b.snapshot);
}

// Ten readings in which everything moves, with the length of the file after each of them.
struct Sample {
  std::vector<Reading> readings;
  std::vector<std::size_t> ends;
  std::string bytes;
};

Sample sample(unsigned queues = 2, int count = 10) {
  Sample result;
  std::mt19937_64 random(1);
  Reading reading = test::quiet_reading(queues);
  RecordingEncoder encoder;
  result.bytes = encoder.begin(kHeader);
  for (int i = 0; i < count; ++i) {
    result.readings.push_back(reading);
    result.bytes += encoder.add(reading);
    result.ends.push_back(result.bytes.size());
    test::stir(reading, random);
  }
  return result;
}

TEST(Recording, GivesBackEveryReadingAsItWas) {
  const Sample written = sample();
  const Found found = read_all(written.bytes);
  EXPECT_EQ(found.error, "");
  EXPECT_FALSE(found.damage);
  ASSERT_EQ(found.readings.size(), written.readings.size());
  for (std::size_t i = 0; i < found.readings.size(); ++i) expect_equal(found.readings[i], written.readings[i]);
  EXPECT_EQ(found.headers.back(), kHeader);
}

TEST(Recording, KeepsWhatIsKnownOfADisk) {
  Reading reading = test::quiet_reading(4);
  Topology& topology = reading.topology;
  topology.possible_list = {0, 2, 5};
  topology.guest.limits.nvme_write_queues = 0;
  topology.guest.limits.xen_blkfront_queues = 4;
  topology.guest.limits.virtio_scsi_poll_queues = 2;
  topology.guest.hypervisor = true;
  topology.guest.has_msi = false;
  topology.guest.architecture = "power";
  Disk& disk = topology.disks.front();
  disk.queues[0].type = QueueType::kDefault;
  disk.queues[1].type = QueueType::kRead;
  disk.queues[2].type = QueueType::kPoll;
  disk.facts.uses_msi = false;
  disk.facts.shares_admin_line = true;
  disk.facts.pci_id = 0x1b36'0010;
  disk.facts.pci_subsystem = 0x1af4'1100;
  disk.stacking = {Layer{"dm-3", "mpatha", "mpath"}, {"sdb", "sdc"}, {{"dm-4", "vg0-root", "LVM"}}};
  const Found found = read_all(encode_recording(kHeader, reading));
  ASSERT_EQ(found.readings.size(), 1U);
  expect_equal(found.readings[0], reading);
}

TEST(Recording, FollowsDisksThatComeAndGoAndCountersThatBeginAnew) {
  std::mt19937_64 random(2);
  std::vector<Reading> readings;
  Reading reading = test::quiet_reading(2);
  readings.push_back(reading);
  test::stir(reading, random);
  readings.push_back(reading);
  Reading with_second = reading;  // a disk is plugged
  with_second.topology.disks.push_back(reading.topology.disks[0]);
  with_second.topology.disks[1].name = "vdb";
  with_second.snapshot.devices.push_back(reading.snapshot.devices[0]);
  with_second.snapshot.devices[1].name = "vdb";
  test::stir(with_second, random);
  readings.push_back(with_second);
  Reading restarted = test::quiet_reading(1);  // everything anew, in one queue
  restarted.probes[1] = {"block", false, "no rights", {}};
  restarted.snapshot.devices[0].queues.reset();
  restarted.snapshot.devices[0].accounting = DeviceAccounting{7, 1};
  restarted.snapshot.devices[0].notifies.clear();
  restarted.snapshot.devices[0].vectors[0].handler.reset();
  restarted.snapshot.losses.reset();
  restarted.snapshot.activity = {std::nullopt, std::nullopt, 5, 6};
  readings.push_back(restarted);
  restarted.snapshot.devices[0].accounting = DeviceAccounting{9, 0};
  readings.push_back(restarted);
  readings.push_back(test::quiet_reading(2));
  test::stir(reading, random);
  readings.push_back(reading);
  readings.push_back(test::quiet_reading(2));  // same shape, all operations gone

  RecordingEncoder encoder;
  std::string bytes = encoder.begin(kHeader);
  for (const Reading& each : readings) bytes += encoder.add(each);
  const Found found = read_all(bytes);
  ASSERT_EQ(found.readings.size(), readings.size()) << found.error;
  for (std::size_t i = 0; i < readings.size(); ++i) expect_equal(found.readings[i], readings[i]);
}

TEST(Recording, TellsOfIdlenessAsFarAsItIsKnown) {
  RecordingEncoder encoder;
  std::string bytes = encoder.begin(kHeader);
  std::vector<Reading> readings;
  // Known, stepped back as the kernel's does, not known of one, known again, and of one more.
  for (const std::vector<CpuTime>& times :
       {std::vector<CpuTime>{{100, 1, 50}, {100, 2, 60}}, std::vector<CpuTime>{{200, 1, 49}, {200, 2, 130}},
        std::vector<CpuTime>{{300, 1, {}}, {300, 2, {}}}, std::vector<CpuTime>{{310, 1, {}}, {310, 2, {}}},
        std::vector<CpuTime>{{400, 1, 70}, {400, 2, 200}},
        std::vector<CpuTime>{{500, 1, 80}, {500, 2, 210}, {7, 0, 7}}}) {
    Reading& reading = readings.emplace_back(test::quiet_reading(1));
    reading.snapshot.cpu_times = times;
    bytes += encoder.add(reading);
  }
  const Found found = read_all(bytes);
  ASSERT_EQ(found.readings.size(), readings.size()) << found.error;
  for (std::size_t i = 0; i < readings.size(); ++i) expect_equal(found.readings[i], readings[i]);
}

TEST(Recording, SegmentsFollowEachOther) {
  const Sample one = sample(2, 3);
  const Found found = read_all(one.bytes + sample(4, 2).bytes);
  ASSERT_EQ(found.readings.size(), 5U);
  EXPECT_THAT(found.segments, testing::ElementsAre(0, 0, 0, 1, 1));
  EXPECT_EQ(found.readings[3].topology.online_cpus.size(), 4U);
}

TEST(Recording, CutOffAnywhereItGivesEveryWholeReadingBeforeTheCut) {
  const Sample written = sample(1, 4);
  for (std::size_t cut = 0; cut < written.bytes.size(); ++cut) {
    SCOPED_TRACE(cut);
    const Found found = read_all(written.bytes.substr(0, cut));
    std::size_t whole = 0;
    while (whole < written.ends.size() && written.ends[whole] <= cut) ++whole;
    ASSERT_EQ(found.readings.size(), whole);
    for (std::size_t i = 0; i < whole; ++i) expect_equal(found.readings[i], written.readings[i]);
    if (cut == 0) {
      EXPECT_EQ(found.error, "FILE is empty, not a recording");
      continue;
    }
    EXPECT_EQ(found.error, "");
    if (!found.damage) continue;  // between two records
    EXPECT_TRUE(found.damage->torn);
    EXPECT_LE(found.damage->offset, cut);
    // What is sound of it can be built on.
    const Found mended = read_all(written.bytes.substr(0, found.damage->offset) + written.bytes);
    EXPECT_EQ(mended.readings.size(), whole + written.readings.size());
    EXPECT_FALSE(mended.damage);
  }
}

TEST(Recording, AByteThatChangedIsNoticedAndNothingAfterItIsBelieved) {
  const Sample written = sample(1, 4);
  for (std::size_t at = 0; at < written.bytes.size(); ++at) {
    SCOPED_TRACE(at);
    std::string bytes = written.bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    const Found found = read_all(bytes);
    EXPECT_TRUE(!found.error.empty() || found.damage);
    std::size_t before = 0;
    while (before < written.ends.size() && written.ends[before] <= at) ++before;
    ASSERT_LE(found.readings.size(), before);
    for (std::size_t i = 0; i < found.readings.size(); ++i) expect_equal(found.readings[i], written.readings[i]);
  }
}

TEST(Recording, ZerosAtItsEndAreWhatAPowerFailureLeaves) {
  const Sample written = sample(1, 3);
  const Found found = read_all(written.bytes + std::string(100'000, '\0'));
  EXPECT_EQ(found.readings.size(), 3U);
  ASSERT_TRUE(found.damage);
  EXPECT_TRUE(found.damage->torn);
  EXPECT_EQ(found.damage->offset, written.bytes.size());
  const Found in_the_middle = read_all(written.bytes + std::string(4096, '\0') + written.bytes);
  ASSERT_TRUE(in_the_middle.damage);
  EXPECT_FALSE(in_the_middle.damage->torn);
}

TEST(Recording, SaysWhatAFileIsThatItCannotRead) {
  EXPECT_EQ(read_all("PK\003\004 and more of a foreign file").error, "FILE is not a recording of vqscope");
  EXPECT_EQ(read_all("x").error, "FILE is not a recording of vqscope");
  std::string newer = sample(1, 1).bytes;
  newer[kRecordingMagic.size()] = 2;
  EXPECT_EQ(read_all(newer).error,
            "FILE was written by a newer vqscope: its format is 2, and this vqscope reads format 1");
  EXPECT_THAT(read_all(sample(1, 1).bytes + newer).error, HasSubstr("newer vqscope"));
  EXPECT_THAT(RecordingReader::open("/").error().message, HasSubstr("is a directory"));
  EXPECT_THAT(RecordingReader::open("/nonexistent/file").error().message,
              StartsWith("cannot open /nonexistent/file: No such file"));
}

TEST(Recording, ASnapshotOverHttpIsARecordingOfOneReading) {
  std::mt19937_64 random(3);
  Reading reading = test::quiet_reading(3);
  test::stir(reading, random);
  const auto decoded = decode_recorded_snapshot(encode_recording(kHeader, reading), "http://x");
  ASSERT_TRUE(decoded) << decoded.error().message;
  expect_equal(decoded->reading, reading);
  EXPECT_EQ(decoded->header, kHeader);
  EXPECT_THAT(decode_recorded_snapshot(RecordingEncoder().begin(kHeader), "http://x").error().message,
              HasSubstr("http://x holds no reading"));
}

TEST(Recording, ASecondInWhichNothingHappensTakesSomeBytes) {
  Reading reading = test::quiet_reading(16);
  RecordingEncoder encoder;
  (void)encoder.begin(kHeader);
  (void)encoder.add(reading);
  reading.snapshot.time_ns += 1'000'000'000;
  EXPECT_LT(encoder.add(reading).size(), 32U);
}

TEST(PlainName, LeavesNothingThatSaysSomethingToAShellOrATerminal) {
  EXPECT_EQ(plain_name("etherd/e1.1"), "etherd/e1.1");
  EXPECT_EQ(plain_name("0000:00:05.0"), "0000:00:05.0");
  EXPECT_EQ(plain_name("vda;curl $(x) | sh\x1b[31m`y`"), "vda_curl___x____sh__31m_y_");
  EXPECT_EQ(plain_name(std::string(100, 'a')), std::string(64, 'a'));
}

// Puts what is not UTF-8 into every string of a reading and its header.
TEST(Recording, IsReadWhateverBytesItsStringsHad) {
  const std::string odd = "a\xff\xc3(";
  Reading reading = test::quiet_reading(1);
  Topology& topology = reading.topology;
  topology.vmm = topology.guest.manager = odd;
  topology.guest.command_line = odd;
  Disk& disk = topology.disks[0];
  disk.name = disk.driver = disk.transport = disk.bus_id = disk.scheduler = reading.snapshot.devices[0].name = odd;
  for (InterruptLine& line : disk.interrupts) line.action = odd;
  disk.facts.settings = {{odd, odd}};
  disk.stacking = {Layer{odd, odd, odd}, {odd}, {{odd, odd, odd}}};
  for (VectorCounters& vector : reading.snapshot.devices[0].vectors) vector.line.action = odd;
  reading.snapshot.devices[0].locks = {{odd, 0, 0, 0, {}}};
  for (ProbeStatus& probe : reading.probes) probe.name = probe.reason = odd;
  RecordingHeader header = kHeader;
  header.vqscope_version = header.kernel_release = header.machine = header.boot_id = header.note =
      header.kernel_version = odd;
  RecordingEncoder encoder;
  std::string bytes = encoder.begin(header) + encoder.add(reading);
  reading.snapshot.time_ns += 1'000'000'000;
  bytes += encoder.add(reading);
  const Found found = read_all(bytes);
  EXPECT_EQ(found.error, "");
  EXPECT_FALSE(found.damage);
  ASSERT_EQ(found.readings.size(), 2U);
  EXPECT_EQ(found.headers[0].note, "a\xef\xbf\xbd\xef\xbf\xbd(");
  EXPECT_EQ(found.readings[1].topology.guest.command_line, "a\xef\xbf\xbd\xef\xbf\xbd(");
}

}  // namespace
}  // namespace vqscope
