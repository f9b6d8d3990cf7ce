#include "core/view_process.h"

#include <sys/stat.h>

#include <csignal>
#include <utility>

#include "core/program_child.h"
#include "core/sys_clone.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_pidfd.h"
#include "core/view_mounts.h"

namespace ovl {

namespace {

Result<bool> SamePlace(int a, int b) {
  auto a_st = StatFd(a);
  if (!a_st.ok()) return std::move(a_st.failure());
  auto b_st = StatFd(b);
  if (!b_st.ok()) return std::move(b_st.failure());
  if (a_st.value().st_dev != b_st.value().st_dev || a_st.value().st_ino != b_st.value().st_ino) {
    return false;
  }
  // The same directory may be on several mounts.
  auto a_id = IdentifyMount(a);
  if (!a_id.ok()) return std::move(a_id.failure());
  auto b_id = IdentifyMount(b);
  if (!b_id.ok()) return std::move(b_id.failure());
  return a_id.value().id == b_id.value().id;
}

// Before the clone, where a failure can be told in detail: the namespace of the child will be a
// copy of ours.
Status CheckPlace(const std::string& at) {
  auto place = OpenPath(at);
  if (!place.ok()) {
    if (place.failure().err == ENOENT) place.failure().reason = "target-missing";
    return std::move(place.failure());
  }
  auto st = StatFd(place.value().get());
  if (!st.ok()) return std::move(st.failure());
  if (!S_ISDIR(st.value().st_mode)) {
    return Refusal(ENOTDIR, "move_mount", "target-not-directory", "", at);
  }
  auto root = OpenPath("/");
  if (!root.ok()) return std::move(root.failure());
  auto same = SamePlace(place.value().get(), root.value().get());
  if (!same.ok()) return std::move(same.failure());
  // The kernel takes it, but whoever has that root goes on seeing what lies below.
  if (same.value()) return Refusal(EINVAL, "move_mount", "view-at-root", "", at);
  return Done{};
}

struct ViewChild {
  ViewMounts view;
  const ProgramChild* program = nullptr;
  ViewFault fault;
};

int RunViewChild(void* argument) {
  auto& child = *static_cast<ViewChild*>(argument);
  MakeSignalsOrdinary();
  if (EnterView(child.view, child.fault)) BecomeProgram(*child.program, child.fault);
  return 0;  // to clone(2), which ends the process and runs or flushes nothing: that is the
             // parent's
}

}  // namespace

Result<ViewProcess> StartInView(const ViewProcessSpec& spec) {
  auto place = CheckPlace(spec.at);
  if (!place.ok()) return std::move(place.failure());
  PreparedProgram program;
  auto prepared = program.Prepare(spec);
  if (!prepared.ok()) return std::move(prepared.failure());

  ViewMount mount{spec.mount, spec.at.c_str(), -1};
  ViewChild child;
  child.view.user_namespace = spec.user_namespace;
  child.view.mounts = &mount;
  child.view.count = 1;
  child.program = &program.child();
  auto cloned = CloneSharingMemory(SIGCHLD, RunViewChild, &child);
  if (!cloned.ok()) return std::move(cloned.failure());
  if (child.fault.failed != ViewStep::kNone) {
    // Its own failure is the one to tell; if somebody else has waited for it, it is gone as well.
    (void)WaitPidfd(cloned.value().pidfd.get(), Waiting::kYes);
    return ExplainFault(child.fault, spec, spec.at);
  }
  return ViewProcess{cloned.value().pid, std::move(cloned.value().pidfd), program.TakePipes()};
}

}  // namespace ovl
