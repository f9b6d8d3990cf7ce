// What this kernel and this process can do with overlays.
#ifndef OVL_CORE_OVERLAY_PROBE_H_
#define OVL_CORE_OVERLAY_PROBE_H_

#include <optional>

#include "core/kernel_support.h"
#include "core/result.h"
#include "core/rootless_probe.h"

namespace ovl {

struct Privileges {
  bool sys_admin = false;             // CAP_SYS_ADMIN
  bool user_namespace = false;        // not the one the system started with
  bool owns_mount_namespace = false;  // CAP_SYS_ADMIN counts for mounting
  bool open_by_handle = false;        // CAP_DAC_READ_SEARCH in the initial user namespace
};

struct OverlayProbe {
  Privileges privileges;
  bool registered = false;  // /proc/filesystems has overlay; else a module may still be loaded
  KernelAnswers answers;    // of the child where this process may not ask
  Support statmount = Support::kUnknown;       // Linux 6.8
  Support listmount = Support::kUnknown;       // Linux 6.8
  Support open_tree_attr = Support::kUnknown;  // Linux 6.15
  Support mount_beneath = Support::kUnknown;   // Linux 6.5
  std::optional<Failure> mounting;             // why no overlay can be put at a path
  std::optional<Failure> rootless;             // why no overlay can be made without privileges
};

OverlayProbe ProbeOverlay();

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_PROBE_H_
