// The directory in which an apply prepares what it is going to put in place, and keeps what it
// replaced until the end: `.NAME.overlayfs-apply` beside the destination NAME, or, where that is
// not the same mount or may not be written to, `.overlayfs-apply` in it. Nobody else may look into
// it.
//
// What it holds says how far the apply has come:
//   journal.new  it is being prepared: nothing has been changed
//   journal      what is to be changed is all there; some of it may have been done
//   done         all of it was done, and what was replaced is being removed
//   undone       all of it was undone, and what was prepared is being removed
//   slots        what is to be put in place, or was replaced, by number
// Empty and with the sticky bit it is the last of one that was done.
#ifndef OVL_CORE_APPLY_STAGE_H_
#define OVL_CORE_APPLY_STAGE_H_

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>

#include "core/layer_dir.h"
#include "core/result.h"
#include "core/tree_removal.h"
#include "core/unique_fd.h"

namespace ovl {

// The root of the tree to which changes are applied.
struct Destination {
  UniqueFd fd;
  std::string path;  // as it was named
  struct stat st {};
  // EINVAL with reason "destination-is-overlay" where an overlay is mounted there, EROFS where it
  // cannot be written and `use` is to do so.
  enum class Use : uint8_t { kWrite, kLook };
  static Result<Destination> Open(const std::string& path, Use use = Use::kWrite);
};

class ApplyStage {
 public:
  enum class State : uint8_t { kPreparing, kReady, kDone, kUndone };

  // The one that an interrupted apply has left. EBUSY with reason "apply-running" where it is not
  // interrupted; EEXIST with "stage-foreign" where something else has its name.
  static Result<std::optional<ApplyStage>> Find(const Destination& destination);
  static Result<ApplyStage> Create(const Destination& destination);
  // Whether something has the name of one: two calls at most, and nothing is opened or locked. Of a
  // path without links.
  static bool SeemsThere(const std::string& path);

  ApplyStage(ApplyStage&&) = default;
  ApplyStage& operator=(ApplyStage&&) = default;

  State state() const { return state_; }
  int fd() const { return fd_.get(); }
  ino_t ino() const { return ino_; }
  const DirPtr& slots() const { return slots_; }
  bool inside() const { return inside_; }
  const std::string& name() const { return name_; }
  const std::string& path() const { return path_; }
  std::string PathOf(const char* name) const { return path_ + "/" + name; }
  // Whether the journal is there still.
  bool marked() const { return marked_; }
  // The name of the journal in the present state.
  const char* JournalName() const;

  Status Enter(State state, bool sync);
  // Removes it; false when it is gone.
  Result<bool> RemoveSome();

  static std::string SlotName(uint64_t slot);

 private:
  ApplyStage() = default;
  struct Place {
    UniqueFd parent;
    std::string name;
    std::string path;
    bool inside = false;
  };
  static Result<std::optional<Place>> Beside(const Destination& destination);
  static Result<Place> Inside(const Destination& destination);
  static Result<std::optional<ApplyStage>> OpenAt(Place place);
  static Result<std::optional<ApplyStage>> CreateAt(Place place);
  Status OpenSlots();

  UniqueFd parent_;
  UniqueFd fd_;
  std::string name_;  // in the parent
  std::string path_;
  ino_t ino_ = 0;
  bool inside_ = false;
  State state_ = State::kPreparing;
  DirPtr slots_;
  std::unique_ptr<TreeRemoval> removal_;
  bool cleared_ = false;
  bool marked_ = false;
};

}  // namespace ovl

#endif  // OVL_CORE_APPLY_STAGE_H_
