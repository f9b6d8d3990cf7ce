// A directory of one layer, reached from the layer's root and never through a symbolic link.
#ifndef OVL_CORE_LAYER_DIR_H_
#define OVL_CORE_LAYER_DIR_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/private_clone.h"
#include "core/result.h"
#include "core/sys_file.h"
#include "core/unique_fd.h"

namespace ovl {

class LayerDir;
using DirPtr = std::shared_ptr<LayerDir>;

// Directories that merge, top-most first.
using DirStack = std::vector<DirPtr>;

// Opens on first use. The descriptor may be closed again to stay within the process's limit (a tree
// can be deeper than that) and is then re-opened by walking down from the nearest open ancestor; a
// directory that is no longer the same one counts as gone.
//
// Any thread may open it. Where one may close it while others use it, those pin it.
class LayerDir : public std::enable_shared_from_this<LayerDir> {
 public:
  // The root of layer number `layer`; lowers count from 0, the top-most, and the upper is kUpper.
  // `clone`: of its mount, where it is in one.
  static Result<DirPtr> Root(UniqueFd fd, uint32_t layer, std::string display,
                             AttachedClonePtr clone = nullptr);
  // A root that is there to be reopened only, which is when it gets a private clone of its mount.
  static Result<DirPtr> UnreadRoot(UniqueFd fd, uint32_t layer, std::string display);
  static DirPtr Child(const DirPtr& parent, std::string name, dev_t dev, ino_t ino);
  // One that is opened at once, which tells what it is without asking by name before; `st` is then
  // what fstat(2) says. Null: there is nothing of that name. To look up names only: the descriptor
  // cannot be read, nor asked for attributes.
  static Result<DirPtr> OpenedChild(const DirPtr& parent, const std::string& name, DirUse use,
                                    struct stat& st);

  ~LayerDir();
  LayerDir(const LayerDir&) = delete;
  LayerDir& operator=(const LayerDir&) = delete;

  static constexpr uint32_t kUpper = UINT32_MAX;

  uint32_t layer() const { return layer_; }
  dev_t dev() const { return dev_; }
  ino_t ino() const { return ino_; }
  bool IsRoot() const { return parent_ == nullptr; }
  DirUse use() const { return use_; }
  const DirPtr& parent() const { return parent_; }
  const std::string& name() const { return name_; }
  // Where an entry of this directory lies, for messages.
  std::string PathOf(const std::string& name) const;

  // A root with a descriptor of its own, so that two readers do not share a position.
  Result<DirPtr> Reopen() const;

  Result<int> Fd() {
    const int fd = fd_.load(std::memory_order_acquire);
    if (fd >= 0) return fd;
    return Open();
  }
  bool IsOpen() const { return fd_.load(std::memory_order_relaxed) >= 0; }
  // Closes the descriptor unless it is pinned; a root stays open. Fd() opens it again.
  void Close();
  // For a directory that is done with: opens from here the nearest one above that somebody else has
  // too, by "..", if that is closed. From the root it would be as many levels as it is deep. Null
  // where there is nothing to be opened, or it is not the way back; Fd() tells then.
  DirPtr OpenWayBack();
  // From Fd() on the descriptor stays what it is until Unpin().
  void Pin();
  void Unpin() { pins_.fetch_sub(1, std::memory_order_release); }
  // When it was last of use, for whoever closes the ones that were not for the longest time; 0: not
  // since it was opened, which may have been only as a way to another one.
  void Used(uint64_t when) { used_.store(when, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kClosing = UINT32_MAX;

  LayerDir() = default;
  Result<int> Open();
  int Give(UniqueFd opened);
  bool IsSame(const struct stat& st) const { return st.st_dev == dev_ && st.st_ino == ino_; }
  static Result<int> OpenBelow(const std::vector<LayerDir*>& closed, LayerDir*& above,
                               int parent_fd, UniqueFd& passing);

  DirPtr parent_;
  std::string name_;  // of a root: its path as the user knows it
  std::atomic<int> fd_{-1};
  std::atomic<uint32_t> pins_{0};
  std::atomic<uint64_t> used_{0};
  std::unique_ptr<PrivateClone> later_;  // of an unread root
  AttachedClonePtr clone_;               // of another root
  dev_t dev_ = 0;
  ino_t ino_ = 0;
  uint32_t layer_ = 0;
  DirUse use_ = DirUse::kRead;
};

// Closes a directory that was opened only to reach something in it, and those above up to `here`:
// of such there may be any number.
void CloseUpTo(const DirPtr& dir, const DirPtr& here);

// The same directory without a share in it, for as long as somebody else has one: copies of it do
// not count, which threads that look at one directory would pay for on every entry.
inline DirPtr Borrowed(const DirPtr& dir) { return DirPtr(DirPtr(), dir.get()); }
// With a share again.
inline DirPtr Owned(const DirPtr& dir) { return dir ? dir->shared_from_this() : dir; }

// The same failure, said of an entry of a directory; with reason "not-readable" where that may not
// be read.
Failure Located(Failure failure, const DirPtr& dir, const std::string& name);

// Whether a failure says that an entry, or a directory on the way to it, is no longer there.
bool HasVanished(const Failure& failure, const DirPtr& dir, const std::string& name);

// The same directories of the same layers in the same order.
bool SameStack(const DirStack& a, const DirStack& b);

}  // namespace ovl

#endif  // OVL_CORE_LAYER_DIR_H_
