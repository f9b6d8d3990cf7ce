// What a walk reports.
#ifndef OVL_CORE_CHANGE_H_
#define OVL_CORE_CHANGE_H_

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/compare.h"
#include "core/path_filter.h"

namespace ovl {

enum class ChangeKind : uint8_t { kAdded, kModified, kDeleted };

struct Change {
  ChangeKind kind = ChangeKind::kAdded;
  mode_t type = 0;           // S_IFMT bits: of what is there now, or was, if it is deleted
  mode_t previous_type = 0;  // where the type changed
  Aspects aspects = 0;       // of a modification
  bool content_unknown = false;
  bool unknown = false;           // marks that could not be read may say otherwise
  std::string_view path;          // from the root of the overlay; "." for the root itself
  size_t name_size = 0;           // of the last component of it
  std::string_view renamed_from;  // path before, where the layer says that it was another
};

// Takes the changes of one batch.
class ChangeSink {
 public:
  virtual ~ChangeSink() = default;
  virtual void Add(const Change& change) = 0;
  virtual bool Full() const = 0;
};

struct ChangeOptions {
  ContentMode content = ContentMode::kAuto;
  Aspects ignore = 0;
  bool expand = false;  // list what lay below a removed directory
  bool kinds = false;   // of a change nothing but its kind is of interest
  PathFilter filter = {};
  unsigned threads = 0;  // at most; 0: as many as the processors that we may use
};

}  // namespace ovl

#endif  // OVL_CORE_CHANGE_H_
