// Every name that may differ between the lowers alone and the overlay, in order, with both sides.
//
// For every directory three things are kept: the upper's directory of this path (or none), the
// lower directories that merge with it (`after`), and the lower directories that would show without
// the upper (`before`). Outside opaque and redirected directories the last two are the same, and
// then only the names in the upper are looked at (and those that an index keeps together with a
// changed file): the cost follows the upper, not the lowers.
#ifndef OVL_CORE_MERGED_WALK_H_
#define OVL_CORE_MERGED_WALK_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/layers.h"
#include "core/link_index.h"
#include "core/path_filter.h"
#include "core/result.h"
#include "core/sides.h"
#include "core/sys_dir.h"

namespace ovl {

struct WalkScope {
  bool expand = false;      // go below removed directories
  bool every_name = false;  // go wherever a name of a file with several may be
  PathFilter filter = {};
  const LinkIndex* index = nullptr;
};

class MergedWalk {
 public:
  // Reads directories to their end: the layers have to be the walk's own.
  MergedWalk(Layers layers, WalkScope scope);
  ~MergedWalk();
  MergedWalk(const MergedWalk&) = delete;
  MergedWalk& operator=(const MergedWalk&) = delete;

  enum class Event {
    kBusy,   // one call was made; nothing to report yet
    kEntry,  // entry() is the next one
    kEnd,
  };
  // Goes below the entry that was given last, where there is something, and on.
  Result<Event> Step();

  struct Entry {
    Sides sides;
    bool chosen = true;           // by the filter, and not just on the way
    bool root = false;            // the root of the overlay
    std::string redirected_from;  // path before, where the upper says that it was another
  };
  const Entry& entry() const { return entry_; }
  // From the root of the overlay; "." for the root itself.
  std::string_view path() const { return path_; }
  // The directory that the entry is in, as it is with the upper; of the root itself nothing.
  const struct stat* directory() const;
  // Where it would have been before if only the directories above had been renamed.
  std::string PathInRenamed() const;

  // Closes what can be opened again: another walk has its turn.
  void CloseDirectories();

 private:
  struct Frame;
  Status Start();
  Status Read(Frame& frame);
  Result<Event> Visit(Frame& frame);
  std::string RedirectedPath() const;
  bool GoesBelow() const;
  void Descend();
  void Push(Frame frame);
  void CloseLevel(size_t level);

  Layers layers_;
  WalkScope scope_;
  size_t open_levels_;
  std::vector<std::unique_ptr<Frame>> frames_;
  std::string path_;
  bool started_ = false;
  bool entered_ = true;  // nothing is left to be done below entry_
  Entry entry_;
  PathFilter::Scope filter_;
};

}  // namespace ovl

#endif  // OVL_CORE_MERGED_WALK_H_
