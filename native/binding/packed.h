// Batches of results as one block of bytes, decoded by lib/packed*.ts: an object for every entry
// made here would cost more than finding it. Little-endian, without padding; the layouts are
// written down beside the functions that write them.
#ifndef OVL_BINDING_PACKED_H_
#define OVL_BINDING_PACKED_H_

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/change.h"
#include "core/change_totals.h"
#include "core/layer_scan.h"

namespace ovl {

static_assert(std::endian::native == std::endian::little,
              "lib/packed.ts reads little-endian; a big-endian port has to swap here");

// A block ends at either, so that decoding one never holds up the event loop.
inline constexpr size_t kBatchEntries = 512;
inline constexpr size_t kBatchBytes = 128 * 1024;

class Packed {
 public:
  const std::string& bytes() const { return bytes_; }

 protected:
  template <typename Number>
  void Put(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Put(std::string_view text) { bytes_.append(text); }

 private:
  std::string bytes_;
};

class PackedEntries final : public ScanSink, public Packed {
 public:
  void Add(const ScanEntry& entry) override;
  bool Full() const override { return entries_ >= kBatchEntries || bytes().size() >= kBatchBytes; }

 private:
  size_t entries_ = 0;
};

// Numbers and texts apart: what most entries have in common, the directory, is there once, and so
// is the question whether all texts are ASCII.
class PackedChanges {
 public:
  explicit PackedChanges(size_t most) : most_(most) {}
  void Add(const Change& change);
  bool Full() const { return entries_ >= most_ || texts_.size() >= kBatchBytes; }
  bool empty() const { return entries_ == 0; }
  std::string bytes() const;
  // Nothing, but the memory is kept.
  void Clear();

 private:
  void Put(std::string_view text);

  size_t most_;
  size_t entries_ = 0;
  std::vector<uint32_t> numbers_;
  std::string texts_;
  std::string directory_;
  char bits_ = 0;  // of all texts
};

// What one job finds, in blocks: to stop and go on costs a walk what a hundred entries do, so that
// a job finds more than may be decoded at once. Bounded, so that memory stays flat.
class ChangeBlocks final : public ChangeSink {
 public:
  // For the next job, which may find so many.
  void Begin(size_t most);
  void Add(const Change& change) override;
  bool Full() const override { return entries_ >= most_ || blocks_.size() >= kBlocks; }
  std::vector<std::string> Take();

  // At most.
  static constexpr size_t kBlocks = 8;
  static constexpr size_t kChangesEach = 2048;  // two milliseconds to decode

 private:
  void EndBlock();

  size_t most_ = 0;
  size_t entries_ = 0;
  std::vector<std::string> blocks_;
  PackedChanges block_{kChangesEach};
};

class PackedTotals final : public TotalsSink, public Packed {
 public:
  void Add(std::string_view path, const ChangeTotals& totals) override;
  bool Full() const override { return entries_ >= kBatchEntries || bytes().size() >= kBatchBytes; }

 private:
  size_t entries_ = 0;
};

// How many there are of each kind. Never full: nothing of it crosses before the end.
class ChangeCounts final : public ChangeSink {
 public:
  void Add(const Change& change) override { ++counts_[static_cast<size_t>(change.kind)]; }
  bool Full() const override { return false; }
  uint64_t of(ChangeKind kind) const { return counts_[static_cast<size_t>(kind)]; }

 private:
  std::array<uint64_t, 3> counts_{};
};

}  // namespace ovl

#endif  // OVL_BINDING_PACKED_H_
