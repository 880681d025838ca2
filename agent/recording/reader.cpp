// SPDX-License-Identifier: Apache-2.0
#include "agent/recording/reader.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

namespace vqscope {

namespace {

constexpr std::size_t kFrameBytes = 8;  // length and CRC

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::uint32_t crc(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

bool is_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

}  // namespace

Result<RecordingReader> RecordingReader::open(const std::filesystem::path& path) {
  if (path == kStandardStream) {
    if (::isatty(STDIN_FILENO) == 1) return fail("standard input is a terminal, not a recording");
    return create(std::make_unique<std::istream>(std::cin.rdbuf()), "standard input");
  }
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return fail_errno("cannot open " + path.string());
  if (S_ISDIR(status.st_mode)) return fail(path.string() + " is a directory, not a recording", EISDIR);
  errno = 0;
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*file) return fail_errno("cannot open " + path.string());
  return create(std::move(file), path.string());
}

Result<RecordingReader> RecordingReader::from_bytes(std::string bytes, std::string name) {
  return create(std::make_unique<std::istringstream>(std::move(bytes)), std::move(name));
}

Result<RecordingReader> RecordingReader::create(std::unique_ptr<std::istream> input, std::string name) {
  RecordingReader reader(std::move(input), std::move(name));
  const auto magic = reader.take(kRecordingMagic.size());
  if (!magic) return tl::unexpected(magic.error());
  if (magic->empty()) return fail(reader.name_ + " is empty, not a recording");
  if (*magic != kRecordingMagic.substr(0, magic->size())) return fail(reader.name_ + " is not a recording of vqscope");
  if (magic->size() < kRecordingMagic.size()) {
    reader.damaged("it is cut off in its first bytes", true);
    return reader;
  }
  if (auto begun = reader.begin_segment(); !begun) return tl::unexpected(begun.error());
  return reader;
}

Result<std::string> RecordingReader::take(std::size_t size) {
  std::string bytes(size, '\0');
  errno = 0;
  input_->read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<std::size_t>(input_->gcount()));
  if (input_->bad() || (bytes.size() < size && !input_->eof())) return fail_errno("cannot read " + name_);
  read_ += bytes.size();
  return bytes;
}

Result<bool> RecordingReader::begin_segment() {
  const auto bytes = take(4);
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->size() < 4) {
    damaged("its last segment is cut off in its first bytes", true);
    return false;
  }
  const std::uint32_t format = little_endian(*bytes);
  if (format > kRecordingFormat)
    return fail(fmt::format(
        "{} was written by a newer vqscope: its format is {}, and this vqscope {}", name_, format,
        kRecordingFormat == 1 ? "reads format 1" : fmt::format("reads formats up to {}", kRecordingFormat)));
  if (format == 0) {
    damaged("a segment has format 0, which never was", false);
    return false;
  }
  decoder_ = RecordingDecoder();
  header_.reset();
  ++segments_;
  return true;
}

bool RecordingReader::rest_is_zero() {
  for (;;) {
    const auto bytes = take(1 << 16);
    if (!bytes || bytes->empty()) return bytes.has_value();
    if (!is_zero(*bytes)) return false;
  }
}

Result<std::optional<std::string>> RecordingReader::next_message() {
  for (;;) {
    const auto frame = take(kFrameBytes);
    if (!frame) return tl::unexpected(frame.error());
    if (frame->empty()) return std::nullopt;
    if (*frame == kRecordingMagic) {
      const auto begun = begin_segment();
      if (!begun) return tl::unexpected(begun.error());
      if (!*begun) return std::nullopt;
      continue;
    }
    const std::uint32_t length = frame->size() == kFrameBytes ? little_endian(*frame) : 0;
    if (length > kMaxRecordBytes) {
      damaged("a record has a length that makes no sense", false);
      return std::nullopt;
    }
    auto message = take(length);
    if (!message) return tl::unexpected(message.error());
    const bool last = input_->peek() == std::istream::traits_type::eof();
    if (frame->size() < kFrameBytes || message->size() < length) {
      damaged("the last record is not whole", true);
      return std::nullopt;
    }
    if (length == 0) {  // no record is empty; after a power failure, what the disk has not got is read as zeros
      const bool torn = is_zero(*frame) && rest_is_zero();
      damaged(torn ? "it ends in zeros that were never written" : "a record is empty", torn);
      return std::nullopt;
    }
    if (crc(*message) != little_endian(frame->substr(4))) {
      damaged(last ? "the last record is not whole" : "a record does not match its checksum", last);
      return std::nullopt;
    }
    return std::optional<std::string>(std::move(*message));
  }
}

Result<std::optional<RecordedReading>> RecordingReader::next() {
  while (!damage_) {
    sound_ = read_;
    auto message = next_message();
    if (!message) return tl::unexpected(message.error());
    if (!*message) break;
    const auto event = decoder_.take(**message);
    if (!event) {
      damaged(event.error().message, false);
      break;
    }
    if (const auto* header = std::get_if<RecordingHeader>(&*event)) header_ = *header;
    if (const auto* reading = std::get_if<const Reading*>(&*event)) {
      sound_ = read_;
      return std::optional<RecordedReading>(RecordedReading{*header_, segments_ - 1, **reading});
    }
  }
  return std::nullopt;
}

std::string cut_short(const std::string& name, const RecordingDamage& damage) {
  return fmt::format("{} is sound up to byte {} only ({}); what comes after is left out", name, damage.offset,
                     damage.what);
}

std::uint64_t realtime_of(const DecodedSnapshot& snapshot) {
  return realtime_of(snapshot.header, snapshot.reading.snapshot.time_ns);
}

RecordingHeader starting_at(const DecodedSnapshot& snapshot) {
  RecordingHeader header = snapshot.header;
  header.started_realtime_ns = realtime_of(snapshot);
  header.started_monotonic_ns = snapshot.reading.snapshot.time_ns;
  return header;
}

Result<DecodedSnapshot> decode_recorded_snapshot(std::string bytes, std::string name) {
  auto reader = RecordingReader::from_bytes(std::move(bytes), name);
  if (!reader) return tl::unexpected(reader.error());
  const auto reading = reader->next();
  if (!reading) return tl::unexpected(reading.error());
  if (!*reading)
    return fail(fmt::format("{} holds no reading: {}", name,
                            reader->damage() ? reader->damage()->what : "it ends after its header"));
  return DecodedSnapshot{(*reading)->header, (*reading)->reading};
}

}  // namespace vqscope
