// A plan for making an overlay with the new mount interface, with the texts it points into.
#ifndef OVL_CORE_OVERLAY_PLAN_H_
#define OVL_CORE_OVERLAY_PLAN_H_

#include <deque>
#include <string>
#include <vector>

#include "core/overlay_build.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// A layer as the kernel is to get it: by descriptor, or by name where it has to be opened in
// another mount namespace.
struct PlannedLayer {
  int fd = -1;
  std::string path;
};

// What the directories of a scratch filesystem are called, in its root: the table of mounts shows
// them as paths, and nobody else's directory may be taken for them.
inline constexpr const char* kScratchUpper = "overlayfs-in-memory-upper";
inline constexpr const char* kScratchWork = "overlayfs-in-memory-work";

// One plan is carried out once. What Build has opened is closed with the plan.
class OverlayPlan {
 public:
  OverlayPlan();
  OverlayPlan(const OverlayPlan&) = delete;
  OverlayPlan& operator=(const OverlayPlan&) = delete;
  ~OverlayPlan();

  void AddLower(const PlannedLayer& layer) { AddLayer("lowerdir+", layer); }
  void AddDataLower(const PlannedLayer& layer) { AddLayer("datadir+", layer); }
  void SetUpper(const PlannedLayer& upper, const PlannedLayer& work);
  // Upper and work are directories of a new tmpfs; its root has these attributes.
  void SetScratchUpper(uint64_t size, uint64_t inodes, raw::RootAttributes* attributes);
  // One string instead of the descriptors; the caller sees to it that it is not too long.
  void SetLowerdirText(const std::string& text) { AddString("lowerdir", text); }
  // "key" or "key=value".
  void AddOption(const std::string& option);
  // Before Linux 6.13: names instead of descriptors.
  void ByName() { plan_.by_descriptor = false; }
  void SetAttributes(uint64_t attributes) {
    plan_.overlay.attributes = static_cast<unsigned>(attributes);
  }

  // The plan, with all pointers in place; nothing can be added afterwards.
  raw::BuildPlan& Ready();

  // After Build: the mount, or what failed. The contexts are closed: they would keep the overlay.
  Result<UniqueFd> TakeMount();
  // Descriptors of upper and work of a scratch filesystem.
  int upper_fd() const { return directories_[static_cast<size_t>(plan_.upper)].fd; }
  int work_fd() const { return directories_[static_cast<size_t>(plan_.work)].fd; }

 private:
  int AddDirectory(const PlannedLayer& layer);
  void AddLayer(const char* key, const PlannedLayer& layer);
  void AddString(const char* key, const std::string& value);
  const char* Keep(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }
  Failure Failed() const;

  std::deque<std::string> texts_;  // does not move what it holds
  std::vector<raw::Directory> directories_;
  std::vector<raw::Step> steps_;
  std::vector<raw::Step> scratch_steps_;
  raw::BuildPlan plan_;
};

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_PLAN_H_
