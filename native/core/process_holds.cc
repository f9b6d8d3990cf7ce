#include "core/process_holds.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_proc.h"

namespace ovl {

namespace {

constexpr size_t kMaxHolds = 64;  // of one process; the others are counted

bool IsDenied(const Failure& failure) { return failure.err == EACCES || failure.err == EPERM; }

bool IsGone(const Failure& failure) { return failure.err == ENOENT || failure.err == ESRCH; }

// One process while it is looked at. Everything is found by what a link says first, which touches
// no filesystem: to follow the link of a file on a dead server would never return. Only what may
// lie on a mount that is wanted is followed, and then it is the mount's id that decides.
class Scan {
 public:
  Scan(int process, const WantedMounts& wanted) : process_(process), wanted_(wanted) {
    holder_.copy = true;
  }

  Status Run() {
    Status status = Tasks();
    if (status.ok()) status = Link("exe", HoldKind::kExe);
    if (status.ok()) status = Directory("fd", HoldKind::kFile);
    if (status.ok()) status = Directory("map_files", HoldKind::kMapping);
    return status;
  }

  MountHolder& holder() { return holder_; }

 private:
  // Every thread can have a working and a root directory of its own (CLONE_FS, unshare(2)).
  Status Tasks() {
    return ForEach("task", [this](const std::string& task) -> Status {
      Status status = Link(task + "/cwd", HoldKind::kCwd);
      if (status.ok()) status = Link(task + "/root", HoldKind::kRoot);
      if (!status.ok() && IsDenied(status.failure()) && HoldsNothing(process_, task + "/stat")) {
        return Done{};
      }
      return status;
    });
  }

  Status Directory(const char* name, HoldKind kind) {
    return ForEach(name, [&](const std::string& link) { return Link(link, kind); });
  }

  template <typename Visit>
  Status ForEach(const char* name, const Visit& visit) {
    const UniqueFd dir(::openat(process_, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) {
      Failure failure = Errno("openat", name);
      if (IsGone(failure)) return Done{};
      return failure;
    }
    std::vector<std::string> names;
    for (;;) {
      const auto more = ReadSomeEntries(dir.get(), [&](const DirEntry& entry) {
        names.push_back(std::string(name) + "/" + std::string(entry.name));
      });
      if (!more.ok() && !IsGone(more.failure())) return more.failure();
      if (!more.ok() || !more.value()) break;
    }
    for (const std::string& each : names) {
      Status status = visit(each);
      if (!status.ok()) return status;
    }
    return Done{};
  }

  Status Link(const std::string& link, HoldKind kind) {
    auto path = ReadLinkAt(process_, link);
    // The kernel writes the path into a page. What is deeper may be anywhere, so it is looked at.
    const bool too_long = !path.ok() && path.failure().err == ENAMETOOLONG;
    if (too_long) path = std::string();
    if (!path.ok()) {
      if (IsGone(path.failure())) return Done{};
      return std::move(path.failure());
    }
    const bool candidate =
        too_long || std::any_of(wanted_.by_id.begin(), wanted_.by_id.end(), [&](const auto& each) {
          return IsAtOrBelow(path.value(), each.second.place);
        });
    if (!candidate) return Done{};
    const auto mount = kind == HoldKind::kFile ? MountOfDescriptor(link) : MountOfLink(link);
    if (!mount.ok()) {
      if (IsGone(mount.failure())) return Done{};
      if (kind != HoldKind::kMapping || !IsDenied(mount.failure())) return mount.failure();
      // What is mapped may be followed in the initial user namespace only. The path has to do.
      if (IsOnMount(path.value())) Add(kind, link, std::move(path.value()), false);
      return Done{};
    }
    const auto found = wanted_.by_id.find(mount.value());
    if (found != wanted_.by_id.end()) {
      Add(kind, link, std::move(path.value()), found->second.copy);
    }
    return Done{};
  }

  // By the path alone.
  bool IsOnMount(const std::string& path) const {
    const auto below = [&](const std::string& place) { return IsAtOrBelow(path, place); };
    return std::any_of(
               wanted_.by_id.begin(), wanted_.by_id.end(),
               [&](const auto& each) { return !each.second.copy && below(each.second.place); }) &&
           std::none_of(wanted_.submounts.begin(), wanted_.submounts.end(), below);
  }

  Result<uint64_t> MountOfLink(const std::string& link) const {
    auto fd = OpenPath("/proc/self/fd/" + std::to_string(process_) + "/" + link);
    if (!fd.ok()) return std::move(fd.failure());
    return TableMountId(fd.value().get());
  }

  // `link` is "fd/N".
  Result<uint64_t> MountOfDescriptor(const std::string& link) const {
    constexpr std::string_view kLabel = "mnt_id:\t";
    const auto info = ReadProcFile(process_, "fdinfo" + link.substr(link.find('/')));
    if (!info.ok()) return info.failure();
    const size_t at = info.value().find(kLabel);
    uint64_t id = 0;
    if (at != std::string::npos) {
      const char* const text = info.value().data();
      (void)std::from_chars(text + at + kLabel.size(), text + info.value().size(), id);
    }
    if (id == 0) return Refusal(ENOENT, "read", "", link);  // no mount has this one
    return id;
  }

  void Add(HoldKind kind, const std::string& link, std::string path, bool copy) {
    holder_.copy = holder_.copy && copy;
    Hold hold{kind, -1, std::move(path)};
    if (kind == HoldKind::kFile) {
      const char* const number = link.data() + link.find('/') + 1;
      (void)std::from_chars(number, link.data() + link.size(), hold.fd);  // the kernel wrote it
    }
    // Threads share a working directory, and a file is mapped in several pieces.
    for (const Hold& other : holder_.holds) {
      if (other.kind == kind && other.fd == hold.fd && other.path == hold.path) return;
    }
    if (holder_.holds.size() < kMaxHolds) {
      holder_.holds.push_back(std::move(hold));
    } else {
      ++holder_.omitted;
    }
  }

  const int process_;
  const WantedMounts& wanted_;
  MountHolder holder_;
};

}  // namespace

bool IsAtOrBelow(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/' ||
          path.substr(directory.size()) == " (deleted)");
}

std::string CommandOf(int process) {
  auto text = ReadProcFile(process, "comm");
  if (!text.ok()) return "";
  if (text.value().ends_with('\n')) text.value().pop_back();
  return std::move(text.value());
}

std::vector<std::string> ArgumentsOf(int process) {
  const auto text = ReadProcFile(process, "cmdline");
  std::vector<std::string> args;
  if (!text.ok()) return args;
  for (std::string_view rest = text.value(); !rest.empty();) {
    const size_t end = std::min(rest.find('\0'), rest.size());
    args.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return args;
}

Result<MountHolder> HoldsOf(pid_t pid, const WantedMounts& wanted) {
  auto process = OpenDirectory("/proc/" + std::to_string(pid));
  if (!process.ok()) {
    if (IsGone(process.failure())) return MountHolder{};
    return std::move(process.failure());
  }
  Scan scan(process.value().get(), wanted);
  Status status = scan.Run();
  if (!status.ok()) {
    if (IsDenied(status.failure()) && HoldsNothing(process.value().get(), "stat")) {
      return MountHolder{};
    }
    return std::move(status.failure());
  }
  MountHolder& holder = scan.holder();
  if (holder.holds.empty()) return MountHolder{};
  holder.pid = pid;
  holder.command = CommandOf(process.value().get());
  holder.args = ArgumentsOf(process.value().get());
  return std::move(holder);
}

}  // namespace ovl
