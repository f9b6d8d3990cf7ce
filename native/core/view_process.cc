#include "core/view_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "core/program_search.h"
#include "core/sys_clone.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_pidfd.h"
#include "core/view_child.h"

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

// 0, 1 and 2 of the program, and what the parent keeps of them.
struct Stdio {
  std::array<UniqueFd, 3> owned;
  std::array<UniqueFd, 3> kept;
  std::array<int, 3> numbers{};
};

Status OpenStdio(const std::array<int, 3>& wanted, Stdio& out) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    out.numbers[i] = wanted[i];
    if (wanted[i] == kStdioNull) {
      out.owned[i] = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
      if (!out.owned[i]) return Errno("open", "/dev/null");
    } else if (wanted[i] == kStdioPipe) {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) return Errno("pipe2");
      const bool input = i == 0;
      out.owned[i] = UniqueFd(ends[input ? 0 : 1]);
      out.kept[i] = UniqueFd(ends[input ? 1 : 0]);
    }
    if (out.owned[i]) out.numbers[i] = out.owned[i].get();
  }
  return Done{};
}

// execve(2) wants pointers to bytes it does not change.
std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

const char* WhyNotExecuted(const ViewChild& child) {
  switch (child.err) {
    case ENOENT:
      return child.program_exists ? "interpreter-missing" : "program-missing";
    case EACCES:
      return "program-not-executable";
    case ENOEXEC:
      return "program-format";
    default:
      return "";
  }
}

Failure Explain(const ViewChild& child, const ViewProcessSpec& spec) {
  const char* const forbidden = child.err == EPERM ? "view-not-permitted" : "";
  switch (child.failed) {
    case ViewStep::kJoin:
      return Refusal(child.err, "setns", forbidden, "user namespace");
    case ViewStep::kUnshare:
      return Refusal(child.err, "unshare",
                     child.err == ENOSPC ? "mount-namespaces-exhausted" : forbidden,
                     "mount namespace");
    case ViewStep::kCopy:
      return Refusal(child.err, "open_tree", child.err == EINVAL ? "view-not-copied" : forbidden);
    case ViewStep::kPropagation:
      return Refusal(child.err, "mount", child.err == EINVAL ? "root-is-no-mount" : forbidden, "",
                     "/");
    case ViewStep::kAttach:
      return Refusal(child.err, "move_mount", forbidden, "", spec.at);
    case ViewStep::kStdio:
      return Refusal(child.err, "dup2", "");
    case ViewStep::kChdir:
      return Refusal(child.err, "chdir", child.err == ENOENT ? "view-cwd-missing" : "", spec.cwd);
    case ViewStep::kNone:  // which is no failure and never comes here
    case ViewStep::kExecute:
      break;
  }
  return Refusal(child.err, "execve", WhyNotExecuted(child), spec.file);
}

}  // namespace

Result<ViewProcess> StartInView(const ViewProcessSpec& spec) {
  auto place = CheckPlace(spec.at);
  if (!place.ok()) return std::move(place.failure());
  Stdio stdio;
  auto opened = OpenStdio(spec.stdio, stdio);
  if (!opened.ok()) return std::move(opened.failure());
  const auto candidates = ProgramCandidates(spec.file, spec.env);
  const auto candidate_pointers = Pointers(candidates);
  const auto argv = Pointers(spec.args);
  const auto env = Pointers(spec.env);

  ViewChild child;
  child.mount = spec.mount;
  child.user_namespace = spec.user_namespace;
  child.at = spec.at.c_str();
  child.cwd = spec.cwd.c_str();
  child.stdio = stdio.numbers;
  child.candidates = candidate_pointers.data();
  child.argv = argv.data();
  child.env = env.data();
  auto cloned = CloneSharingMemory(SIGCHLD, RunViewChild, &child);
  if (!cloned.ok()) return std::move(cloned.failure());
  if (child.failed != ViewStep::kNone) {
    // Its own failure is the one to tell; if somebody else has waited for it, it is gone as well.
    (void)WaitPidfd(cloned.value().pidfd.get(), Waiting::kYes);
    return Explain(child, spec);
  }
  return ViewProcess{cloned.value().pid, std::move(cloned.value().pidfd), std::move(stdio.kept)};
}

}  // namespace ovl
