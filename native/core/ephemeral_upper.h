// What an upper that ends with its overlay is made of.
#ifndef OVL_CORE_EPHEMERAL_UPPER_H_
#define OVL_CORE_EPHEMERAL_UPPER_H_

#include <string>
#include <utility>

#include "core/overlay_spec.h"
#include "core/result.h"

namespace ovl {

// A directory of its own, removed with everything in it unless it is kept.
class TemporaryDirectory {
 public:
  TemporaryDirectory() = default;
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  // "overlayfs-XXXXXX" in `parent`.
  Status Make(const std::string& parent);
  const std::string& path() const { return path_; }
  std::string Keep() { return std::exchange(path_, {}); }

 private:
  std::string path_;
};

// A tmpfs at a path, for mount(2), which knows layers by path only. The overlay keeps it alive when
// it is taken off again.
class TmpfsAtPath {
 public:
  TmpfsAtPath() = default;
  TmpfsAtPath(const TmpfsAtPath&) = delete;
  TmpfsAtPath& operator=(const TmpfsAtPath&) = delete;
  ~TmpfsAtPath();

  Status Mount(const UpperSpec& upper);
  Status TakeOff();
  bool mounted() const { return mounted_; }
  const std::string& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;  // removed after the tmpfs is off
  bool mounted_ = false;
};

}  // namespace ovl

#endif  // OVL_CORE_EPHEMERAL_UPPER_H_
