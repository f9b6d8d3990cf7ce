// An overlay that we made, from then until it is closed.
#ifndef OVL_CORE_LIVE_OVERLAY_H_
#define OVL_CORE_LIVE_OVERLAY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/overlay_unmount.h"
#include "core/result.h"
#include "core/rootless_child.h"
#include "core/unique_fd.h"
#include "core/upper_guard.h"

namespace ovl {

// What an overlay leaves to be done when it is closed.
struct Leftovers {
  // Of an upper that is not finished with when the mount is gone: a volatile one, which has to be
  // synced and rid of its mark, or a temporary one.
  UniqueFd upper;
  UniqueFd work;
  std::string upper_path;
  std::string work_path;
  bool is_volatile = false;
  std::string temporary;  // the directory to remove, if any
};

struct CloseRequest {
  bool lazy = false;
  bool sync = true;
};

// Every method may be called from any thread; they wait for each other: looking and unmounting are
// two calls, and of two closings at a time the second would take off what lies beneath.
class LiveOverlay {
 public:
  // `mount`: of a detached overlay; else it is attached at `target`.
  LiveOverlay(const MountIds& ids, UniqueFd mount, std::string target,
              std::shared_ptr<const UniqueFd> user_namespace, Leftovers leftovers,
              std::optional<UpperGuard> guard);

  // Puts a detached overlay on a directory. EINVAL with reason "attached" where it is on one.
  // `beneath`: below what is mounted there. Gives the resolved path.
  Result<std::string> Attach(const std::string& target, bool beneath, uint64_t propagation);

  // Unmounts, or lets go of the mount; then syncs what a volatile mount has not, and removes its
  // mark and what was temporary, unless somebody still uses the overlay (EBUSY, reason
  // "still-used"): through an open file, or a copy in another mount namespace. After a failure it
  // can be called again and goes on from there; `gone` says whether the mount was still there.
  Status Close(const CloseRequest& request);

  // The root of an attached overlay, open. ENOENT with reason "not-at-target" where others have
  // unmounted, moved or covered it: what lies there then is not ours.
  Result<UniqueFd> OpenRoot();

  // Forgets cached names and files, after a lower was changed: see overlay_refresh.h.
  Status Refresh();

  // The descriptor of a detached overlay; -1 when it is attached or closed. It is ours. Like the
  // next two it never waits for work that is under way.
  int mount_fd();

  bool gone() const { return unmounted_.load(); }

  // Of an ordinary user's overlay; null otherwise, and when it is closed.
  std::shared_ptr<const UniqueFd> user_namespace();
  const MountIds& ids() const { return ids_; }

 private:
  Status RecordPlace(const std::string& place);
  Result<UniqueFd> OpenTarget() const;
  Status Unmount(bool lazy);
  Status CleanUp(const CloseRequest& request);
  Status CheckUnused() const;
  void GiveBack();
  UniqueFd TakeMount();

  std::mutex mutex_;
  std::mutex quick_;  // of mount_ and user_namespace_, which the event loop asks for
  const MountIds ids_;
  UniqueFd mount_;
  std::string target_;  // empty: detached
  std::shared_ptr<const UniqueFd> user_namespace_;
  Leftovers leftovers_;
  std::optional<UpperGuard> guard_;  // nothing: nobody else can have the upper
  std::atomic<bool> unmounted_ = false;
  bool lazily_ = false;
};

}  // namespace ovl

#endif  // OVL_CORE_LIVE_OVERLAY_H_
