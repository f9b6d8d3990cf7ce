// The writable part of an overlay while that is made: its directories, who else has them, and what
// is put back if the mount fails.
#ifndef OVL_CORE_OVERLAY_UPPER_H_
#define OVL_CORE_OVERLAY_UPPER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/ephemeral_upper.h"
#include "core/layers.h"
#include "core/live_overlay.h"
#include "core/opened_lower.h"
#include "core/overlay_decision.h"
#include "core/overlay_spec.h"
#include "core/result.h"
#include "core/root_attributes.h"
#include "core/upper_dirs.h"
#include "core/upper_guard.h"

namespace ovl {

class OverlayUpper {
 public:
  // `decision` and `lowers` are filled in before anything is called.
  OverlayUpper(const OverlaySpec& spec, const OverlayDecision& decision,
               const std::vector<OpenedLower>& lowers)
      : spec_(spec), decision_(decision), lowers_(lowers) {}

  // Opens or creates it, sees to it that nobody else has it, and opens the layer. One in memory is
  // made by the overlay's own maker where that goes by fsopen(2): then OpenScratch follows.
  // `user_namespace`: whose ids a new one may get, or -1.
  Status Prepare(int user_namespace, Layers& layers, std::vector<Notice>& warnings);
  Status OpenScratch(Layers& layers, std::vector<Notice>& warnings);

  // The last step before the mount: where that fails the mark is put back, since the upper is no
  // better for it. What the volatile mount has left unwritten is written first.
  Status AcceptUnclean();

  // Before the mount is attached, as everything that can fail: writes down who has it.
  Status Record(const MountIds& ids, const std::string& target);
  Status TakeOffTmpfs();

  // What is left to be done when the overlay is closed. Nothing is put back any more.
  Leftovers Finish();
  std::optional<UpperGuard> TakeGuard() { return std::move(guard_); }

  // Nothing that belongs to a mount which is still there may be removed.
  void Keep();
  // `made`: the kernel was asked to mount, and may have left its mark of a volatile mount already,
  // of one that nobody has written to. One that was there before says something else, and stays.
  void PutBack(bool made);

  UpperDirs& dirs() { return dirs_; }
  const UpperDirs& dirs() const { return dirs_; }
  RootAttributes& scratch_attributes() { return scratch_attributes_; }
  // The mount on which the guard keeps files open.
  std::optional<uint64_t> guarded_mount() const { return guarded_mount_; }

 private:
  Status Guard();
  Status GiveAttributes(int user_namespace, std::vector<Notice>& warnings);
  Status OpenLayer(Layers& layers);

  const OverlaySpec& spec_;
  const OverlayDecision& decision_;
  const std::vector<OpenedLower>& lowers_;
  // In the order in which they have to go: directories last.
  TemporaryDirectory temporary_;
  CreatedDirs created_;
  TmpfsAtPath tmpfs_;
  UpperDirs dirs_;
  // Gone before the directories are removed: it has a file in one of them.
  std::optional<UpperGuard> guard_;
  std::optional<uint64_t> guarded_mount_;
  RootAttributes scratch_attributes_;
  bool accepted_ = false;  // a volatile mount's mark was removed
};

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_UPPER_H_
