// Who makes an overlay, by which interface of the kernel, with which options, and with the marks in
// which attributes: what is decided before any of its layers is looked at.
#ifndef OVL_CORE_OVERLAY_DECISION_H_
#define OVL_CORE_OVERLAY_DECISION_H_

#include <string>
#include <vector>

#include "core/markers.h"
#include "core/overlay_spec.h"
#include "core/result.h"
#include "core/sys_privilege.h"

namespace ovl {

struct OverlayDecision {
  MountPrivilege own;
  bool rootless = false;  // by a child in a user namespace
  bool userxattr = false;
  MarkerSpace space = MarkerSpace::kTrusted;
  MountInterface interface = MountInterface::kFsopen;  // kFsopen or kMount
  FeatureSpec features;
  std::vector<std::string> options;
};

// Fails where what is asked for cannot be had by this process or this kernel.
Result<OverlayDecision> DecideOverlay(const OverlaySpec& spec);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_DECISION_H_
