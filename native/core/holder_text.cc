#include "core/holder_text.h"

#include <ctime>

namespace ovl {

namespace {

constexpr size_t kMaxShown = 120;

// Anybody who can write to the workdir can write a lease, and it may be shown on a terminal.
std::string Printable(const std::string& text) {
  std::string out = text.substr(0, kMaxShown);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return out.size() < text.size() ? out + "..." : out;
}

std::string ProcessText(const std::string& pid, const std::string& command) {
  return "pid " + pid + (command.empty() ? "" : " (" + Printable(command) + ")");
}

std::string TimeText(int64_t seconds) {
  const time_t time = seconds;
  struct tm parts;
  char text[64];
  if (::gmtime_r(&time, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return "an unknown time";
  }
  return text;
}

std::string TargetText(const std::string& target) {
  return target.empty() ? "as a detached mount" : "mounted on " + Printable(target);
}

}  // namespace

std::string LockHolderText(uint64_t pid, const std::optional<LeaseHolder>& lease) {
  const std::string seen = std::to_string(pid);
  const std::string command = pid == 0 ? "" : CommandOf(seen);
  // The lease may be an older one. The pid in it is that of the holder's own pid namespace.
  const bool leased =
      lease && (pid == 0 || pid == lease->pid || (!command.empty() && command == lease->command));
  if (leased) {
    return ProcessText(std::to_string(pid == 0 ? lease->pid : pid), lease->command) +
           " has held it since " + TimeText(lease->since) + ", " + TargetText(lease->target);
  }
  if (pid == 0) return "a process that cannot be seen from here has locked it";
  return ProcessText(seen, command) + " has locked it";
}

std::string MountHolderText(const std::optional<FoundOverlay>& found,
                            const std::optional<LeaseHolder>& lease) {
  std::string text;
  if (found && found->by_lease) {
    text = ProcessText(std::to_string(lease->pid), lease->command) + " mounted it on " +
           Printable(found->target) + " at " + TimeText(lease->since);
  } else if (found) {
    text = "it is mounted on " + Printable(found->target);
  } else {
    text =
        "it is mounted where it cannot be seen from here (detached, in another mount namespace, or "
        "unmounted lazily with files still open)";
    if (lease) {
      text += "; the last to record a mount was " +
              ProcessText(std::to_string(lease->pid), lease->command) + " at " +
              TimeText(lease->since) + ", " + TargetText(lease->target);
    }
  }
  if (found && !found->process.empty()) {
    text += " in the mount namespace of " + ProcessText(found->process, CommandOf(found->process));
  }
  return text;
}

}  // namespace ovl
