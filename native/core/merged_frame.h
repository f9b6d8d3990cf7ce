// One directory of the overlay on a walk: its names that may differ, and both sides of each.
//
// Three things are kept: the upper's directory of this path (or none), the lower directories that
// merge with it (`after`), and the lower directories that would show without the upper (`before`).
// Outside opaque and redirected directories the last two are the same, and then only the names in
// the upper are looked at (and those that an index keeps together with a changed file): the cost
// follows the upper, not the lowers. Where the upper has far more names than the lowers these are
// listed once, instead of being asked for each.
#ifndef OVL_CORE_MERGED_FRAME_H_
#define OVL_CORE_MERGED_FRAME_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/layers.h"
#include "core/link_index.h"
#include "core/path_filter.h"
#include "core/result.h"
#include "core/sides.h"
#include "core/sys_dir.h"
#include "core/unique_fd.h"

namespace ovl {

struct WalkScope {
  bool expand = false;      // go below removed directories
  bool every_name = false;  // go wherever a name of a file with several may be
  PathFilter filter = {};
  const LinkIndex* index = nullptr;
};

// Where a directory is in the overlay, and where it was: a link to the directory above, so that a
// deep tree does not hold a path for each of its levels.
class WalkPlace {
 public:
  using Ptr = std::shared_ptr<const WalkPlace>;
  static Ptr Root() { return std::make_shared<const WalkPlace>(nullptr, "", ""); }
  WalkPlace(Ptr above, std::string name, std::string redirect)
      : above_(std::move(above)), name_(std::move(name)), redirect_(std::move(redirect)) {}
  ~WalkPlace();
  WalkPlace(const WalkPlace&) = delete;
  WalkPlace& operator=(const WalkPlace&) = delete;

  const Ptr& above() const { return above_; }
  const std::string& name() const { return name_; }
  // Of an entry of this directory; "" is the directory itself, and its path "" at the root.
  std::string PathOf(std::string_view name) const;
  // Where that entry would have been before if only the directories above had been renamed.
  std::string PathBefore(std::string_view name) const;
  // The same of an entry with a redirect.
  std::string PathBefore(std::string_view name, const std::string& redirect) const;

 private:
  Ptr above_;
  std::string name_;
  std::string redirect_;  // path before, where the upper says that it was another
};

struct WalkEntry {
  Sides sides;
  std::string name;             // in its directory; of the root of the overlay "."
  bool chosen = true;           // by the filter, and not just on the way
  bool root = false;            // the root of the overlay
  std::string redirected_from;  // path before, where the upper says that it was another
  WalkPlace::Ptr place;         // of the directory that it is in
  PathFilter::Scope filter;

  // What it is in an overlay where only directories above have been renamed.
  std::string PathInRenamed() const { return root ? std::string() : place->PathBefore(name); }
  // Everything it refers to stays for as long as it does.
  void Own();
  // The directories that its files are in.
  template <typename Use>
  void EachDirectory(Use use) const {
    for (const Found* side : {&sides.before, &sides.after}) {
      for (const LayerEntry* file : {&side->top, &side->data}) {
        if (file->dir) use(file->dir);
      }
    }
  }
};

class MergedFrame {
 public:
  MergedFrame(MergedDirectory merged, WalkPlace::Ptr place, PathFilter::Scope filter,
              const WalkScope& scope);

  // The root of the overlay, which is no name of any directory.
  static Status VisitRoot(const Layers& layers, const WalkScope& scope, WalkEntry& entry);

  // One getdents64(2) call, and the sorting with the last of each directory. False when done.
  Result<bool> Read();
  bool sorted() const { return sorted_; }
  // Once they are sorted.
  size_t size() const { return names_.size(); }
  // False: there is nothing to be said of that name.
  Result<bool> Visit(const Layers& layers, size_t i, WalkEntry& entry) const;

  // Whether there is something to be found below an entry, and its directory; of that, the entry
  // gives up its part.
  static bool GoesBelow(const Layers& layers, const WalkScope& scope, const WalkEntry& entry);
  static std::shared_ptr<MergedFrame> Below(WalkEntry& entry, const WalkScope& scope);

  const WalkPlace::Ptr& place() const { return place_; }
  // Each of its directories in the layers.
  template <typename Use>
  void EachDirectory(Use use) const {
    if (owned_.upper) use(owned_.upper);
    for (const DirPtr& lower : owned_.after) use(lower);
    if (!owned_.split) return;
    for (const DirPtr& lower : owned_.before) use(lower);
  }

 private:
  Status List();
  void PlanJoin();
  void Join();
  // A descriptor to read that directory by; -1 where it has vanished.
  Result<int> Readable(const DirPtr& dir);

  MergedDirectory owned_;
  MergedDirectory dir_;  // the same, borrowed
  WalkPlace::Ptr place_;
  PathFilter::Scope filter_;
  const WalkScope& scope_;
  NameList names_;
  std::vector<std::pair<DirPtr, NameSource>> to_read_;
  UniqueFd reading_;  // of the one to be read next, where its own descriptor cannot be read
  std::vector<DirPtr> to_join_;  // lowers that are listed instead of being asked for each name
  size_t most_to_join_ = 0;      // names
  bool may_join_ = false;
  bool joined_ = false;  // of a name that is not marked there is nothing in the lowers
  bool sorted_ = false;
};

}  // namespace ovl

#endif  // OVL_CORE_MERGED_FRAME_H_
