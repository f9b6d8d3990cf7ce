// What differs between two objects of the same type: the aspects of a modification.
#ifndef OVL_CORE_COMPARE_H_
#define OVL_CORE_COMPARE_H_

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/mark_reader.h"
#include "core/result.h"
#include "core/stack_lookup.h"
#include "core/unique_fd.h"
#include "core/work_slice.h"

namespace ovl {

// Bits of a set; the order is that of the published list.
enum Aspect : uint16_t {
  kAspectType = 1 << 0,
  kAspectContent = 1 << 1,
  kAspectMode = 1 << 2,
  kAspectOwner = 1 << 3,
  kAspectXattrs = 1 << 4,
  kAspectTimes = 1 << 5,
  kAspectDevice = 1 << 6,
  kAspectTarget = 1 << 7,
  kAspectLinks = 1 << 8,
};
using Aspects = uint16_t;

enum class ContentMode : uint8_t {
  kAuto,    // compare the bytes unless equality is certain without: same inode, same blocks
  kAlways,  // compare the bytes of every pair of equal size
  kNever,   // equal size counts as unknown
};

// Mode, owner, times, device: what stat tells. `before` and `after` are of one type.
Aspects CompareStat(const struct stat& before, const struct stat& after);

// Every attribute that is visible through a mount, ACLs and capabilities included.
// Lists what has not been listed yet.
Result<bool> SameXattrs(Found& before, Found& after, const MarkReader& marks);

Result<bool> SameTarget(const LayerEntry& before, const LayerEntry& after);

// Memory for a piece of each of two files. One will do for any number of comparisons, one at a
// time.
class PieceBuffers {
 public:
  // Twice so many bytes.
  char* Of(size_t piece) {
    if (bytes_.size() < 2 * piece) bytes_.resize(2 * piece);
    return bytes_.data();
  }

 private:
  std::vector<char> bytes_;
};

// The data of two files (of a metacopy it need not be as long as the file), read side by side in
// pieces: a piece for every call of Step, so that one huge file neither holds up an abort nor an
// exiting process.
class ContentComparison {
 public:
  // `always`: read them even if they are the same blocks.
  static Result<std::unique_ptr<ContentComparison>> Open(const LayerEntry& before,
                                                         const LayerEntry& after, bool always);
  enum class State { kMore, kSame, kDifferent };
  // Compares up to 1 MiB of data; holes of both sides are passed over. The entries are for
  // messages.
  Result<State> Step(const LayerEntry& before, const LayerEntry& after, PieceBuffers& buffers);

 private:
  ContentComparison() = default;
  void PassHoles();
  UniqueFd before_;
  UniqueFd after_;
  bool same_size_ = true;
  bool sparse_ = false;  // both may have holes, and the filesystem tells where
  off_t size_ = 0;
  off_t offset_ = 0;
  size_t piece_ = 0;
};

}  // namespace ovl

#endif  // OVL_CORE_COMPARE_H_
