// Whether two entries of two trees are the same in everything that counts as a change.
#ifndef OVL_CORE_ENTRY_COMPARISON_H_
#define OVL_CORE_ENTRY_COMPARISON_H_

#include <memory>

#include "core/compare.h"
#include "core/entry_marks.h"
#include "core/mark_reader.h"
#include "core/result.h"

namespace ovl {

struct ComparedEntry {
  const LayerEntry& top;
  const LayerEntry& data;
  const MarkReader& marks;
};

// Of directories what is in them does not count. A file that vanishes meanwhile is a failure.
class EntryComparison {
 public:
  static Result<EntryComparison> Open(const ComparedEntry& a, const ComparedEntry& b);
  enum class State : uint8_t { kMore, kSame, kDifferent };
  // Reads up to 1 MiB of content, where that is what is left to be compared.
  Result<State> Step();

 private:
  State state_ = State::kSame;
  std::unique_ptr<ContentComparison> content_;
  LayerEntry a_;  // whose content it is
  LayerEntry b_;
  PieceBuffers buffers_;
};

}  // namespace ovl

#endif  // OVL_CORE_ENTRY_COMPARISON_H_
