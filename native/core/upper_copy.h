// A copy of an upper that is not mounted, which means the same as the original: whiteouts, opaque
// directories and every other mark of overlayfs, with all attributes, holes and names of one file.
#ifndef OVL_CORE_UPPER_COPY_H_
#define OVL_CORE_UPPER_COPY_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/entry_attributes.h"
#include "core/file_copy.h"
#include "core/layer_dir.h"
#include "core/result.h"
#include "core/sys_dir.h"

namespace ovl {

// Marks that name something in the lowers (origin, redirect, metacopy) mean the same in a copy,
// since the lowers are the same. The one that names the overlay itself (uuid) is left out. An index
// lies beside an upper and names what is in it by file handles: one that has an index cannot be
// copied, which the caller has to see to.
class UpperCopy {
 public:
  // `to` must not be there yet; what holds it must be reached by nobody else.
  static Result<std::unique_ptr<UpperCopy>> Open(const std::string& from, const std::string& to);

  // One entry, or some of a file's data; false when everything is copied and on the disk. After a
  // failure the rest of the copy is to be removed.
  Result<bool> Step();

  uint64_t entries() const { return entries_; }
  uint64_t bytes() const { return bytes_; }  // that were not shared

 private:
  // A directory that is being filled.
  struct Frame {
    DirPtr from;
    DirPtr to;
    struct stat st {};
    Xattrs xattrs;
    NameList names;
    bool read = false;
    size_t next = 0;
  };
  struct Place {
    DirPtr dir;
    std::string name;
  };

  UpperCopy(DirPtr from, DirPtr parent, std::string name)
      : root_(std::move(from)), parent_(std::move(parent)), name_(std::move(name)) {}

  Status Begin();
  Status Read(Frame& frame);
  Status Enter(const LayerEntry& entry, const Place& place);
  Status Leave();
  Status Copy(const LayerEntry& entry, const Place& place);
  Result<bool> Join(const struct stat& st, const Place& place);
  Status BeginData(const LayerEntry& entry, const Place& place);
  Status StepData();
  Status Make(const LayerEntry& entry, const Place& place, const Xattrs& xattrs);
  void Made(const struct stat& st, Place place);
  // A directory is given away when it is full: until then all are ours.
  bool Owned(const struct stat& st) const { return maker_.Gives(st, maker_.gid); }

  DirPtr root_;
  DirPtr parent_;  // of the copy
  std::string name_;
  bool begun_ = false;
  Maker maker_;
  std::vector<std::unique_ptr<Frame>> frames_;
  CopyFacts facts_;
  std::unique_ptr<FileCopy> data_;
  LayerEntry entry_;  // whose data is being copied
  Place place_;
  Xattrs xattrs_;
  std::map<std::pair<dev_t, ino_t>, Place> groups_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace ovl

#endif  // OVL_CORE_UPPER_COPY_H_
