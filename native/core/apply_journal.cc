#include "core/apply_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/sys_file.h"
#include "core/sys_make.h"

namespace ovl {

namespace {

// magic, version u32, header length u32, header; records, each between its length (u32) twice, so
// that they can be read in both directions; number of records u64, of changes u64, checksum u64,
// end mark.
constexpr std::string_view kMagic = "ovlapply";
constexpr std::string_view kEnd = "ovlended";
constexpr uint32_t kVersion = 2;
constexpr uint32_t kOldestVersion = 1;  // its header has no nanoseconds
constexpr size_t kFront = 16;
constexpr size_t kTrailer = 32;
constexpr size_t kWindow = 256 * 1024;
constexpr size_t kFlushAt = 64 * 1024;
constexpr size_t kLength = sizeof(uint32_t);

bool IsKnown(uint32_t version) { return version >= kOldestVersion && version <= kVersion; }

// FNV-1a: a guard against accidents, which is all that a file of our own in a directory of our own
// has to be guarded against.
constexpr uint64_t kChecksumStart = 0xcbf29ce484222325U;
uint64_t Checksum(uint64_t sum, std::string_view bytes) {
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return sum;
}

template <typename T>
std::string Number(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T NumberAt(std::string_view bytes, size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

Result<JournalWriter> JournalWriter::Create(int dir, const std::string& name, std::string display,
                                            const JournalHeader& header) {
  auto fd = CreateFileAt(dir, name, 0600);
  if (!fd.ok()) {
    fd.failure().path = std::move(display);
    return std::move(fd.failure());
  }
  JournalWriter writer(std::move(fd.value()), std::move(display));
  writer.checksum_ = kChecksumStart;
  const std::string text = EncodeHeader(header);
  writer.Append(kMagic);
  writer.Append(Number(kVersion));
  writer.Append(Number(static_cast<uint32_t>(text.size())));
  writer.Append(text);
  auto flushed = writer.Flush();
  if (!flushed.ok()) return std::move(flushed.failure());
  return writer;
}

void JournalWriter::Append(std::string_view bytes) {
  checksum_ = Checksum(checksum_, bytes);
  buffer_.append(bytes);
}

Status JournalWriter::Add(const ApplyRecord& record) {
  const std::string bytes = EncodeRecord(record);
  const std::string length = Number(static_cast<uint32_t>(bytes.size()));
  Append(length);
  Append(bytes);
  Append(length);
  ++records_;
  const auto* leave = std::get_if<LeaveRecord>(&record);
  const auto* unit = std::get_if<UnitRecord>(&record);
  if ((leave != nullptr && leave->change) || (unit != nullptr && unit->change) ||
      std::holds_alternative<PartRecord>(record)) {
    ++changes_;
  }
  return buffer_.size() < kFlushAt ? Status(Done{}) : Flush();
}

Status JournalWriter::Flush() {
  for (size_t done = 0; done < buffer_.size();) {
    const ssize_t n = ::write(fd_.get(), buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("write", display_);
    done += static_cast<size_t>(n);
  }
  buffer_.clear();
  return Done{};
}

Status JournalWriter::Seal(bool sync) {
  Append(Number(records_));
  Append(Number(changes_));
  buffer_.append(Number(checksum_));
  buffer_.append(kEnd);
  auto flushed = Flush();
  if (!flushed.ok() || !sync) return flushed;
  auto synced = Sync(fd_.get());
  if (!synced.ok()) synced.failure().path = display_;
  return synced;
}

Result<JournalReader> JournalReader::Open(int dir, const std::string& name, std::string display) {
  auto fd = OpenFileAt(dir, name);
  if (!fd.ok()) {
    fd.failure().path = std::move(display);
    return std::move(fd.failure());
  }
  JournalReader reader(std::move(fd.value()), std::move(display));
  auto verified = reader.Verify();
  if (!verified.ok()) return std::move(verified.failure());
  return reader;
}

std::optional<JournalHeader> JournalReader::Peek(int dir, const std::string& name) {
  auto fd = OpenFileAt(dir, name);
  if (!fd.ok()) return std::nullopt;
  auto text = ReadUpTo(fd.value().get(), kWindow);
  if (!text.ok() || text.value().size() < kFront || !text.value().starts_with(kMagic)) {
    return std::nullopt;
  }
  const auto length = NumberAt<uint32_t>(text.value(), kMagic.size() + sizeof(uint32_t));
  if (text.value().size() < kFront + length) return std::nullopt;
  return DecodeHeader(std::string_view(text.value()).substr(kFront, length));
}

Failure JournalReader::Damaged() const {
  return Refusal(EUCLEAN, "read", "journal-damaged", display_);
}

Status JournalReader::Verify() {
  auto st = StatFd(fd_.get());
  if (!st.ok()) return std::move(st.failure());
  const auto size = static_cast<uint64_t>(st.value().st_size);
  if (!S_ISREG(st.value().st_mode) || size < kFront + kTrailer) return Damaged();
  end_ = size;  // for Read
  uint64_t sum = kChecksumStart;
  const uint64_t summed = size - kTrailer + 2 * sizeof(uint64_t);
  for (uint64_t at = 0; at < summed;) {
    const size_t piece = std::min<uint64_t>(kWindow, summed - at);
    auto bytes = Read(at, piece, false);
    if (!bytes.ok()) return std::move(bytes.failure());
    if (at == 0 && !bytes.value().starts_with(kMagic)) return Damaged();
    if (at == 0 && !IsKnown(NumberAt<uint32_t>(bytes.value(), kMagic.size()))) {
      return Refusal(ENOTSUP, "read", "journal-version", display_);
    }
    sum = Checksum(sum, bytes.value());
    at += piece;
  }
  auto trailer = Read(size - kTrailer, kTrailer, false);
  if (!trailer.ok()) return std::move(trailer.failure());
  if (!trailer.value().ends_with(kEnd)) return Damaged();
  if (NumberAt<uint64_t>(trailer.value(), 2 * sizeof(uint64_t)) != sum) return Damaged();
  changes_ = NumberAt<uint64_t>(trailer.value(), sizeof(uint64_t));
  end_ = size - kTrailer;
  auto front = Read(0, kFront, false);
  if (!front.ok()) return std::move(front.failure());
  const auto length = NumberAt<uint32_t>(front.value(), kMagic.size() + sizeof(uint32_t));
  if (kFront + length > end_) return Damaged();
  auto text = Read(kFront, length, false);
  if (!text.ok()) return std::move(text.failure());
  auto header = DecodeHeader(text.value());
  if (!header) return Damaged();
  header_ = std::move(*header);
  begin_ = at_ = kFront + length;
  return Done{};
}

Result<std::string_view> JournalReader::Read(uint64_t offset, size_t size, bool backward) {
  if (offset >= window_at_ && offset + size <= window_at_ + window_.size()) {
    return std::string_view(window_).substr(offset - window_at_, size);
  }
  const size_t more = size < kWindow ? kWindow - size : 0;
  const uint64_t start = backward ? offset - std::min<uint64_t>(offset, more) : offset;
  window_.resize(offset - start + size + (backward ? 0 : more));
  size_t have = 0;
  while (have < window_.size()) {
    const ssize_t n = ::pread(fd_.get(), window_.data() + have, window_.size() - have,
                              static_cast<off_t>(start + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      window_.clear();
      return Errno("pread", display_);
    }
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  window_.resize(have);
  window_at_ = start;
  if (offset - start + size > have) return Damaged();
  return std::string_view(window_).substr(offset - start, size);
}

Result<std::optional<ApplyRecord>> JournalReader::Next() {
  if (at_ >= end_) return std::optional<ApplyRecord>();
  if (end_ - at_ < 2 * kLength) return Damaged();
  auto length = Read(at_, kLength, false);
  if (!length.ok()) return std::move(length.failure());
  const auto size = NumberAt<uint32_t>(length.value(), 0);
  if (end_ - at_ < 2 * kLength + size) return Damaged();
  auto bytes = Read(at_ + kLength, size, false);
  if (!bytes.ok()) return std::move(bytes.failure());
  auto record = DecodeRecord(bytes.value());
  if (!record) return Damaged();
  at_ += 2 * kLength + size;
  return record;
}

Result<std::optional<ApplyRecord>> JournalReader::Previous() {
  if (at_ <= begin_) return std::optional<ApplyRecord>();
  if (at_ - begin_ < 2 * kLength) return Damaged();
  auto length = Read(at_ - kLength, kLength, true);
  if (!length.ok()) return std::move(length.failure());
  const auto size = NumberAt<uint32_t>(length.value(), 0);
  if (at_ - begin_ < 2 * kLength + size) return Damaged();
  auto bytes = Read(at_ - kLength - size, size, true);
  if (!bytes.ok()) return std::move(bytes.failure());
  auto record = DecodeRecord(bytes.value());
  if (!record) return Damaged();
  at_ -= 2 * kLength + size;
  return record;
}

}  // namespace ovl
