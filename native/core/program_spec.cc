#include "core/program_spec.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "core/program_search.h"

namespace ovl {

namespace {

// execve(2) wants pointers to bytes it does not change.
std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

const char* WhyDenied(ExecDenial denial) {
  switch (denial) {
    case ExecDenial::kUnreachable:
      return "program-unreachable";
    case ExecDenial::kDirectory:
      return "program-is-directory";
    case ExecDenial::kNoFile:
      return "program-is-no-file";
    case ExecDenial::kMode:
      return "program-mode";
    case ExecDenial::kNoexec:
      return "program-noexec";
    case ExecDenial::kUser:
      return "program-of-others";
    case ExecDenial::kInterpreter:
      return "interpreter-denied";
    case ExecDenial::kUnknown:
      break;
  }
  return "";
}

const char* WhyNotExecuted(const ViewFault& fault) {
  switch (fault.err) {
    case ENOENT:
      return fault.program_exists ? "interpreter-missing" : "program-missing";
    case EACCES:
      return WhyDenied(fault.denial);
    case ENOEXEC:
      return "program-format";
    default:
      return "";
  }
}

const char* WhyNotAttached(int err) {
  switch (err) {
    case EPERM:
      return "view-not-permitted";
    case ENOENT:
      return "target-missing";
    case ENOTDIR:
      return "target-not-directory";
    default:
      return "";
  }
}

const char* WhyNoNetwork(int err) {
  switch (err) {
    case EPERM:
      return "network-not-permitted";
    case ENOSPC:
      return "network-namespaces-exhausted";
    case EINVAL:
      return "no-network-namespaces";
    default:
      return "";
  }
}

const char* WhyNoPidNamespace(int err) {
  switch (err) {
    case EPERM:
      return "pids-not-permitted";
    case ENOSPC:
      return "pid-namespaces-exhausted";
    case EINVAL:
      return "no-pid-namespaces";
    case EAGAIN:
      return "process-limit";
    default:
      return "";
  }
}

const char* WhyNotIsolated(const ViewFault& fault) {
  const std::string_view call = fault.call;
  if (call == "unshare") return WhyNoNetwork(fault.err);
  if (call == "ioctl" || call == "socket") return "no-loopback";
  if (std::string_view(fault.on) == "proc") {
    return fault.err == EPERM ? "proc-refused" : fault.err == ENOENT ? "proc-missing" : "";
  }
  switch (fault.err) {
    case EPERM:
      return "isolation-not-permitted";
    case ENOENT:
    case ENOTDIR:
      return "isolated-missing";
    case EACCES:
      return "isolated-denied";
    case ELOOP:
      return "isolated-link";
    case EINVAL:
      return call == "open_tree" ? "isolated-unbindable" : "";
    default:
      return "";
  }
}

}  // namespace

Status PreparedProgram::Prepare(ProgramSpec spec) {
  spec_ = std::move(spec);
  auto opened = OpenStdio();
  if (!opened.ok()) return opened;
  candidates_ = ProgramCandidates(spec_.file, spec_.env);
  candidate_pointers_ = Pointers(candidates_);
  argv_ = Pointers(spec_.args);
  env_ = Pointers(spec_.env);
  child_.cwd = spec_.cwd.c_str();
  child_.by_path = spec_.file.find('/') != std::string::npos;
  child_.candidates = candidate_pointers_.data();
  child_.argv = argv_.data();
  child_.env = env_.data();
  return Done{};
}

Status PreparedProgram::OpenStdio() {
  for (size_t i = 0; i < spec_.stdio.size(); ++i) {
    child_.stdio[i] = spec_.stdio[i];
    if (spec_.stdio[i] == kStdioNull) {
      owned_[i] = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
      if (!owned_[i]) return Errno("open", "/dev/null");
    } else if (spec_.stdio[i] == kStdioPipe) {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) return Errno("pipe2");
      const bool input = i == 0;
      owned_[i] = UniqueFd(ends[input ? 0 : 1]);
      kept_[i] = UniqueFd(ends[input ? 1 : 0]);
    }
    if (owned_[i]) child_.stdio[i] = owned_[i].get();
  }
  return Done{};
}

void PreparedProgram::CloseItsEnds() {
  for (UniqueFd& each : owned_) each.Reset();
}

Failure ExplainFault(const ViewFault& fault, const ProgramSpec& spec, const std::string& at) {
  const char* const forbidden = fault.err == EPERM ? "view-not-permitted" : "";
  switch (fault.failed) {
    case ViewStep::kJoin:
      return Refusal(fault.err, "setns", forbidden, "user namespace");
    case ViewStep::kUnshare:
      return Refusal(fault.err, "unshare",
                     fault.err == ENOSPC ? "mount-namespaces-exhausted" : forbidden,
                     "mount namespace");
    case ViewStep::kCopy:
      return Refusal(fault.err, "open_tree", fault.err == EINVAL ? "view-not-copied" : forbidden);
    case ViewStep::kPropagation:
      return Refusal(fault.err, "mount", fault.err == EINVAL ? "root-is-no-mount" : forbidden, "",
                     "/");
    case ViewStep::kCarry:
      return Refusal(fault.err, "open_tree", forbidden, at);
    case ViewStep::kAttach:
      return Refusal(fault.err, "move_mount", WhyNotAttached(fault.err), "", at);
    case ViewStep::kEnterDirectory:
      return Refusal(fault.err, "fchdir", forbidden, at);
    case ViewStep::kEnter:
      return Refusal(fault.err, "chroot", forbidden, at);
    case ViewStep::kIsolate:
      return Refusal(fault.err, fault.call, WhyNotIsolated(fault), fault.on, at);
    case ViewStep::kPidNamespace:
      return Refusal(fault.err, "clone", WhyNoPidNamespace(fault.err), "pid namespace");
    case ViewStep::kSupervise:
      return Refusal(fault.err, "prctl", "");
    case ViewStep::kCapabilities:
      return Refusal(fault.err, "capset", "");
    case ViewStep::kReport:
      return Refusal(fault.err, fault.call, "", "supervisor");
    case ViewStep::kClone:
      return Refusal(fault.err, "clone", fault.err == EAGAIN ? "process-limit" : "");
    case ViewStep::kStdioFlags:
      return Refusal(fault.err, "fcntl", "");
    case ViewStep::kStdio:
      return Refusal(fault.err, "dup2", "");
    case ViewStep::kChdir:
      return Refusal(fault.err, "chdir", fault.err == ENOENT ? "view-cwd-missing" : "", spec.cwd);
    case ViewStep::kNone:  // which is no failure and never comes here
    case ViewStep::kExecute:
      break;
  }
  return Refusal(fault.err, "execve", WhyNotExecuted(fault), spec.file);
}

}  // namespace ovl
