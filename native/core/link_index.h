// Files that a mount with an index keeps together: a lower file of several names that was changed
// under one of them has the changed inode in the directory "index" of the workdir, and the mount
// shows that under every one of its names, although the upper may hold one of them or none.
//
// Reference: Documentation/filesystems/overlayfs.rst ("Sharing and copying layers", "index"),
// ovl_lookup_index() in fs/overlayfs/namei.c.
#ifndef OVL_CORE_LINK_INDEX_H_
#define OVL_CORE_LINK_INDEX_H_

#include <sys/stat.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "core/layer_filesystems.h"
#include "core/layers.h"
#include "core/origin.h"
#include "core/raw_walk.h"
#include "core/result.h"
#include "core/sides.h"
#include "core/sys_dir.h"
#include "core/work_slice.h"

namespace ovl {

class LinkIndex {
 public:
  struct Inode {
    LayerEntry entry;  // any name of the changed inode
    bool metacopy = false;
  };

  // Whether the layers are those of a mount with an index. A mark "nlink" means nothing elsewhere:
  // the kernel leaves it also where two names of an overlay lead to one lower file.
  bool used() const { return used_; }
  bool empty() const { return inodes_.empty(); }
  // The inode that shows instead of a lower file, if there is one.
  const Inode* Find(const struct stat& lower) const;
  // Puts it in the place of what the lowers have, where the upper has nothing.
  void Apply(Sides& sides) const;
  // Whether below a lower directory (or in it) a name of such a file may be.
  bool Holds(const DirPtr& dir) const;
  bool Holds(const DirStack& dirs) const;
  // Whether an entry of a lower directory leads to such a file or is one.
  bool Concerns(const DirPtr& dir, const DirEntry& entry) const;

  // `entry` shows instead of `lower`.
  Status Add(const Layers& layers, const struct stat& lower, LayerEntry entry);

 private:
  friend class LinkIndexReader;
  using Id = std::pair<dev_t, ino_t>;
  using DirId = std::tuple<uint32_t, dev_t, ino_t>;
  void AddHolder(const DirPtr& dir);
  bool used_ = false;
  std::map<Id, Inode> inodes_;
  std::unordered_set<ino_t> numbers_;  // of the lower files, for a first look at d_ino
  std::set<DirId> holders_;
  std::set<DirId> crossings_;  // directories that hold one of another device: a subvolume of btrfs
};

// The same for one lower file of several names, which is all that is to be known of it.
Result<LinkIndex> FindInIndex(const Layers& layers, const LayerEntry& lower);

// Finds them out, in pieces: the index, or without one the upper's own marks, and then one reading
// of every directory of the lowers. The latter is the only work of a walk that is proportional to
// the lowers, and done only where there is such a file.
class LinkIndexReader {
 public:
  // Reads directories to their end: the layers have to be its own.
  explicit LinkIndexReader(Layers layers);

  // Goes on until the slice is over; false when everything is known.
  Result<bool> Next(const WorkSlice& slice);
  LinkIndex Take() { return std::move(index_); }

 private:
  Status Start();
  Status StepIndex();
  Status StepUpper();
  void BeginLowers();
  Status StepLowers();
  Status AddIndexEntry(const std::string& name);
  Status AddUpperEntry(const DirPtr& dir, const std::string& name);
  Status Add(const Origin& origin, LayerEntry entry);

  Layers layers_;
  LayerFilesystems filesystems_;
  LinkIndex index_;
  enum class Phase : uint8_t { kStart, kIndex, kUpper, kLowers, kDone } phase_ = Phase::kStart;
  std::unique_ptr<RawWalk> walk_;
  size_t lower_ = 0;
};

// The whole of it at once, read through roots of its own.
Result<LinkIndex> ReadLinkIndex(const Layers& layers);

}  // namespace ovl

#endif  // OVL_CORE_LINK_INDEX_H_
