// Makes what is going to be put in place, complete in every attribute, where nobody sees it.
#ifndef OVL_CORE_APPLY_BUILD_H_
#define OVL_CORE_APPLY_BUILD_H_

#include <sys/stat.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/entry_attributes.h"
#include "core/file_copy.h"
#include "core/layer_dir.h"
#include "core/result.h"
#include "core/stack_lookup.h"
#include "core/unique_fd.h"

namespace ovl {

// A name in a directory that is open or can be opened.
struct BuildPlace {
  DirPtr dir;
  std::string name;
  gid_t group;  // of the directory
};

// The data of a regular file, and what fstat(2) says of it.
struct DataFile {
  UniqueFd fd;
  struct stat st {};
};

class ApplyBuild {
 public:
  ApplyBuild(MarkReader marks, XattrNames names) : marks_(std::move(marks)), names_(names) {}

  // What fails here cannot be copied.
  static Result<DataFile> OpenData(const Found& after);
  // Anything but a directory; `data` of a regular file that is open already. False: its data is
  // still to be copied, by StepCopy.
  Result<bool> BeginFile(const Found& after, const BuildPlace& place, std::optional<DataFile> data);
  bool copying() const { return copy_ != nullptr; }
  // Up to 8 MiB; false when the file is complete. What has failed is not left.
  Result<bool> StepCopy();
  // The one that is complete.
  const struct stat& made() const { return made_; }

  // With its owner and all attributes that do not keep us from filling it.
  Result<DirPtr> BeginDirectory(const Found& after, const BuildPlace& place);
  // With the rest of them, once it is full. `mode` may have more than the directory itself, for as
  // long as it has to be moved.
  Status EndDirectory(const DirPtr& dir, const struct stat& st, const Xattrs& xattrs, mode_t mode);
  const Xattrs& xattrs() const { return xattrs_; }  // of the directory that was begun last

  // Files of several names are one file again.
  Result<bool> JoinGroup(const struct stat& st, const BuildPlace& place);
  void RememberGroup(const struct stat& st, BuildPlace place);
  // What had the name is gone again.
  void ForgetGroup(const DirPtr& dir, const std::string& name);
  // Another name for a file that is in the destination already. False where that cannot be.
  Result<bool> LinkExisting(int dir, const std::string& name, const BuildPlace& place);

  uint64_t bytes() const { return bytes_; }
  const Maker& maker() const { return maker_; }
  const MarkReader& marks() const { return marks_; }
  XattrNames names() const { return names_; }

 private:
  Result<bool> BeginData(const Found& after, const BuildPlace& place, DataFile from);
  Status MakeOther(const Found& after, const BuildPlace& place);
  Status Look(const BuildPlace& place);
  Failure Abandon(Failure failure, const BuildPlace& place);

  MarkReader marks_;
  XattrNames names_;
  Maker maker_;
  CopyFacts facts_;
  std::unique_ptr<FileCopy> copy_;
  struct stat after_ {};  // of the file that is being copied
  Xattrs xattrs_;
  BuildPlace place_;
  std::string source_;  // for messages
  struct stat made_ {};
  std::map<std::pair<dev_t, ino_t>, BuildPlace> groups_;
  uint64_t bytes_ = 0;
};

}  // namespace ovl

#endif  // OVL_CORE_APPLY_BUILD_H_
