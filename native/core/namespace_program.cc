#include "core/namespace_program.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "core/program_child.h"
#include "core/sys_clone.h"

namespace ovl {

namespace {

constexpr unsigned kGiven[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
                               CAP_FSETID};

struct NamespaceChild {
  int user_namespace = -1;
  const ProgramChild* program = nullptr;
  ViewFault fault;
};

// Who is not user 0 keeps capabilities over execve(2) as ambient ones only (Linux 4.3), and those
// have to be inheritable.
bool KeepCapabilities(ViewFault& fault) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  const bool known = ::syscall(SYS_capget, &header, data) == 0;  // it is, with such a header
  for (const unsigned capability : kGiven) data[0].inheritable |= 1U << capability;
  const bool inheritable = known && ::syscall(SYS_capset, &header, data) == 0;
  if (!fault.Did(ViewStep::kCapabilities, inheritable)) return false;
  for (const unsigned capability : kGiven) {
    const bool raised = ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0;
    if (!fault.Did(ViewStep::kSupervise, raised)) return false;
  }
  return true;
}

int RunNamespaceChild(void* argument) {
  auto& child = *static_cast<NamespaceChild*>(argument);
  MakeSignalsOrdinary();
  const bool joined = ::setns(child.user_namespace, CLONE_NEWUSER) == 0;
  if (!child.fault.Did(ViewStep::kJoin, joined)) return 0;
  const bool told = ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0;
  if (!child.fault.Did(ViewStep::kSupervise, told) || !KeepCapabilities(child.fault)) return 0;
  BecomeProgram(*child.program, child.fault);
  return 0;
}

}  // namespace

Result<ProcessEnd> RunInUserNamespace(int user_namespace, const ProgramSpec& spec) {
  PreparedProgram program;
  auto prepared = program.Prepare(spec);
  if (!prepared.ok()) return std::move(prepared.failure());
  NamespaceChild child{user_namespace, &program.child(), {}};
  // No exit signal: nobody else's waiting sees this child.
  auto cloned = CloneSharingMemory(0, RunNamespaceChild, &child);
  if (!cloned.ok()) return std::move(cloned.failure());
  auto end = WaitPidfd(cloned.value().pidfd.get(), Waiting::kYes);
  if (child.fault.failed != ViewStep::kNone) return ExplainFault(child.fault, spec, "");
  if (!end.ok()) return std::move(end.failure());
  return *end.value();
}

}  // namespace ovl
