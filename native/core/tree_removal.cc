#include "core/tree_removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "core/sys_dir.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

struct Level {
  std::string name;  // in the level above
  dev_t dev;
  ino_t ino;
};

Result<UniqueFd> OpenForRemoval(int parent, const std::string& name) {
  auto fd = OpenDirectoryAt(parent, name);
  if (fd.ok() || fd.failure().err != EACCES) return fd;
  if (::fchmodat(parent, name.c_str(), 0700, 0) != 0) return Errno("fchmodat", name);
  return OpenDirectoryAt(parent, name);
}

// Removes what is no directory, and gives the name of a directory that is left, or nothing.
Result<std::string> ClearFiles(int dir) {
  std::string subdirectory;
  for (;;) {
    std::vector<std::string> files;
    std::vector<std::string> others;
    auto more = ReadSomeEntries(dir, [&](const DirEntry& entry) {
      (entry.type == DT_DIR ? others : files).emplace_back(entry.name);
    });
    if (!more.ok()) return std::move(more.failure());
    for (const std::string& name : files) {
      if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) continue;
      // DT_UNKNOWN turned out to be a directory (POSIX: EPERM, Linux: EISDIR).
      if (errno != EISDIR && errno != EPERM) return Errno("unlinkat", name);
      others.push_back(name);
    }
    if (subdirectory.empty() && !others.empty()) subdirectory = others.front();
    if (!more.value()) return subdirectory;
  }
}

class Removal {
 public:
  Removal(UniqueFd parent, std::string name) : at_(std::move(parent)), root_(std::move(name)) {}

  Status Run() {
    auto entered = Enter(root_);
    if (!entered.ok()) return entered;
    while (!levels_.empty()) {
      // A position in a directory whose entries are removed says nothing: each pass starts anew.
      if (::lseek(at_.get(), 0, SEEK_SET) < 0) return Errno("lseek", PathOf(""));
      auto directory = ClearFiles(at_.get());
      if (!directory.ok()) return Located(std::move(directory.failure()));
      auto status = directory.value().empty() ? Leave() : Enter(directory.value());
      if (!status.ok()) return status;
    }
    return Done{};
  }

 private:
  std::string PathOf(const std::string& name) const {
    std::string path;
    for (const Level& level : levels_) path.append(level.name).append("/");
    return path + name;
  }

  Failure Located(Failure failure) const {
    failure.path = PathOf(failure.path);
    return failure;
  }

  Status Enter(const std::string& name) {
    auto fd = OpenForRemoval(at_.get(), name);
    if (!fd.ok()) return Located(std::move(fd.failure()));
    auto st = StatFd(fd.value().get());
    if (!st.ok()) return std::move(st.failure());
    // Its entries cannot be removed without writing to it.
    constexpr mode_t kAll = S_IRWXU;
    if ((st.value().st_mode & kAll) != kAll && ::fchmod(fd.value().get(), kAll) != 0) {
      return Errno("fchmod", PathOf(name));
    }
    levels_.push_back(Level{name, st.value().st_dev, st.value().st_ino});
    at_ = std::move(fd.value());
    return Done{};
  }

  // Up again by "..", and only if what lies there still is the directory we were in.
  Status Leave() {
    UniqueFd parent(::openat(at_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent) return Errno("openat", PathOf(".."));
    const Level level = std::move(levels_.back());
    levels_.pop_back();
    struct stat st;
    auto there = StatAt(parent.get(), level.name, st);
    if (!there.ok()) return Located(std::move(there.failure()));
    if (!there.value() || st.st_dev != level.dev || st.st_ino != level.ino) {
      return Refusal(ENOENT, "fstatat", "replaced", PathOf(level.name));
    }
    if (::unlinkat(parent.get(), level.name.c_str(), AT_REMOVEDIR) != 0) {
      return Errno("unlinkat", PathOf(level.name));
    }
    at_ = std::move(parent);
    return Done{};
  }

  UniqueFd at_;
  std::string root_;
  std::vector<Level> levels_;
};

}  // namespace

Status RemoveTree(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  auto fd = OpenDirectory(parent);
  if (!fd.ok()) return std::move(fd.failure());
  auto status =
      Removal(std::move(fd.value()), slash == std::string::npos ? path : path.substr(slash + 1))
          .Run();
  if (status.ok() || status.failure().err == ENOENT) return Done{};
  status.failure().path = parent + status.failure().path;
  return status;
}

}  // namespace ovl
