// Batches of results as one block of bytes, decoded by lib/packed.ts: an object for every entry
// made here would cost more than finding it. Little-endian, without padding; the layouts are
// written down beside the functions that write them.
#ifndef OVL_BINDING_PACKED_H_
#define OVL_BINDING_PACKED_H_

#include <bit>
#include <cstring>
#include <string>
#include <string_view>

#include "core/change_walk.h"
#include "core/layer_scan.h"

namespace ovl {

static_assert(std::endian::native == std::endian::little,
              "lib/packed.ts reads little-endian; a big-endian port has to swap here");

// A batch ends at either, so that memory stays flat and decoding one never holds up the event loop.
inline constexpr size_t kBatchEntries = 512;
inline constexpr size_t kBatchBytes = 128 * 1024;

class Packed {
 public:
  bool Full() const { return entries_ >= kBatchEntries || bytes_.size() >= kBatchBytes; }
  const std::string& bytes() const { return bytes_; }

 protected:
  void CountEntry() { ++entries_; }
  template <typename Number>
  void Put(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Put(std::string_view text) { bytes_.append(text); }

 private:
  std::string bytes_;
  size_t entries_ = 0;
};

class PackedChanges final : public ChangeSink, public Packed {
 public:
  void Add(const Change& change) override;
  bool Full() const override { return Packed::Full(); }
};

class PackedEntries final : public ScanSink, public Packed {
 public:
  void Add(const ScanEntry& entry) override;
  bool Full() const override { return Packed::Full(); }
};

}  // namespace ovl

#endif  // OVL_BINDING_PACKED_H_
