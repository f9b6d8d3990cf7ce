#include "core/tree_removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/owner_text.h"
#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/sys_make.h"
#include "core/sys_mount.h"

namespace ovl {

namespace {

Failure At(Failure failure, std::string name) {
  failure.path = std::move(name);
  return failure;
}

struct Level {
  std::string name;  // in the level above
  dev_t dev;
  ino_t ino;
  std::vector<std::string> inner = {};  // directories that were read and are still to be entered
  enum { kUnread, kFound, kNothing, kEnd } read = kUnread;  // what the last reading has given
};

bool IsAt(const struct stat& st, const Level& level) {
  return st.st_dev == level.dev && st.st_ino == level.ino;
}

// The mode is changed of what was opened: by its name it could be a link by then, and the file that
// it leads to would be changed.
Result<UniqueFd> OpenForRemoval(int parent, const std::string& name) {
  auto fd = OpenDirectoryAt(parent, name);
  if (fd.ok() || fd.failure().err != EACCES) return fd;
  const UniqueFd closed(
      ::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!closed) return Errno("openat", name);
  auto opened = ChangeMode(closed.get(), 0700);
  if (!opened.ok()) return At(std::move(opened.failure()), name);
  return OpenDirectoryAt(parent, name);
}

// One reading (getdents64(2)): removes what is no directory, and gives the names of the others.
// What the next reading would give is asked for only where the directory then cannot be removed:
// most are small.
Status ClearFiles(int dir, Level& level) {
  std::vector<std::string> files;
  auto more = ReadSomeEntries(dir, [&](const DirEntry& entry) {
    (entry.type == DT_DIR ? level.inner : files).emplace_back(entry.name);
  });
  if (!more.ok()) return std::move(more.failure());
  level.read = !files.empty() || !level.inner.empty() ? Level::kFound
               : more.value()                         ? Level::kNothing
                                                      : Level::kEnd;
  for (const std::string& name : files) {
    if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) continue;
    // DT_UNKNOWN turned out to be a directory. (EPERM, which POSIX has for that, is an immutable
    // file on Linux.)
    if (errno != EISDIR) return Errno("unlinkat", name);
    level.inner.push_back(name);
  }
  return Done{};
}

}  // namespace

class TreeRemoval::Removal {
 public:
  Removal(UniqueFd parent, std::string name) : at_(std::move(parent)), root_(std::move(name)) {}

  Result<bool> Step() {
    auto status = levels_.empty()                         ? Start()
                  : !levels_.back().inner.empty()         ? EnterNext()
                  : levels_.back().read == Level::kUnread ? Clear()
                                                          : Leave();
    if (!status.ok()) return std::move(status.failure());
    return levels_.size() > 1;
  }

 private:
  Status Start() {
    auto above = StatFd(at_.get());
    if (!above.ok()) return std::move(above.failure());
    auto mount = IdentifyMount(at_.get());
    if (!mount.ok()) return std::move(mount.failure());
    mount_ = mount.value().id;
    levels_.push_back(Level{"", above.value().st_dev, above.value().st_ino});
    return Enter(root_);
  }

  std::string PathOf(const std::string& name) const {
    std::string path;
    for (size_t i = 1; i < levels_.size(); ++i) path.append(levels_[i].name).append("/");
    return path + name;
  }

  Failure Located(Failure failure) const {
    if (failure.err == EACCES || failure.err == EPERM) NameOwner(failure);
    if (failure.err == EPERM && IsFixed(failure.path)) failure.reason = "immutable";
    failure.path = PathOf(failure.path);
    return failure;
  }

  // One of the directory above, while we leave.
  Failure Above(Failure failure) {
    levels_.pop_back();
    return Located(std::move(failure));
  }

  // An entry of the directory we are in, or that itself, is immutable or append-only.
  bool IsFixed(const std::string& name) const {
    Look look;
    auto entry = LookAt(at_.get(), name, look);
    if (entry.ok() && entry.value() && look.fixed) return true;
    auto directory = LookAt(at_.get(), ".", look);
    return directory.ok() && directory.value() && look.fixed;
  }

  // Of an entry of the directory we are in: whose that is, if it is not ours. A name that may not
  // be removed is a matter of the directory (EACCES), unless that has the sticky bit (EPERM).
  void NameOwner(Failure& failure) const {
    const bool of_directory = failure.err == EACCES && std::string_view(failure.call) == "unlinkat";
    struct stat st;
    if (of_directory ? ::fstat(at_.get(), &st) != 0
                     : ::fstatat(at_.get(), failure.path.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return;
    }
    if (st.st_uid == ::geteuid()) return;
    failure.reason = "owned-by-other";
    failure.detail = OwnerText(st.st_uid, st.st_gid);
  }

  Status Clear() {
    auto cleared = ClearFiles(at_.get(), levels_.back());
    if (!cleared.ok()) return Located(std::move(cleared.failure()));
    return Done{};
  }

  Status EnterNext() {
    const std::string name = std::move(levels_.back().inner.back());
    levels_.back().inner.pop_back();
    return Enter(name);
  }

  Status Enter(const std::string& name) {
    auto fd = OpenForRemoval(at_.get(), name);
    if (!fd.ok() && fd.failure().err == ENOENT) return Done{};  // somebody else removed it
    if (!fd.ok()) return Located(std::move(fd.failure()));
    auto st = StatFd(fd.value().get());
    if (!st.ok()) return std::move(st.failure());
    // Not only RESOLVE_NO_XDEV: where openat2(2) is missing or forbidden nothing else would stop
    // us.
    auto mount = IdentifyMount(fd.value().get());
    if (!mount.ok()) return Located(std::move(mount.failure()));
    if (mount.value().id != mount_) return Refusal(EXDEV, "openat", "submount", PathOf(name));
    // Its entries cannot be removed without writing to it.
    constexpr mode_t kAll = S_IRWXU;
    if ((st.value().st_mode & kAll) != kAll && ::fchmod(fd.value().get(), kAll) != 0) {
      return Located(Errno("fchmod", name));
    }
    levels_.push_back(Level{name, st.value().st_dev, st.value().st_ino});
    at_ = std::move(fd.value());
    return Done{};
  }

  // Up again by "..", and only into the directory we came from, and if what lies there still is the
  // one we were in: whoever may write to the tree could have moved it, and everything beside its
  // new place would be removed.
  Status Leave() {
    UniqueFd parent(::openat(at_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent) return Errno("openat", PathOf(".."));
    const Level& level = levels_.back();
    const Level& outer = levels_[levels_.size() - 2];
    auto above = StatFd(parent.get());
    if (!above.ok()) return Above(std::move(above.failure()));
    struct stat st;
    auto there = StatAt(parent.get(), level.name, st);
    if (!there.ok()) return Above(std::move(there.failure()));
    if (!IsAt(above.value(), outer) || (there.value() && !IsAt(st, level))) {
      const std::string name = level.name;
      levels_.pop_back();
      return Refusal(ESTALE, "fstatat", "replaced", PathOf(name));
    }
    if (there.value() && ::unlinkat(parent.get(), level.name.c_str(), AT_REMOVEDIR) != 0 &&
        errno != ENOENT) {
      const bool entries = errno == ENOTEMPTY || errno == EEXIST;  // POSIX allows both
      if (entries && level.read != Level::kEnd) return ReadOn();
      Failure failure = Errno("unlinkat", level.name);
      at_ = std::move(parent);
      return Above(std::move(failure));
    }
    levels_.pop_back();
    at_ = std::move(parent);
    return Done{};
  }

  // A position in a directory whose entries were removed says nothing: it is read from its
  // beginning.
  Status ReadOn() {
    Level& level = levels_.back();
    if (level.read == Level::kFound && ::lseek(at_.get(), 0, SEEK_SET) < 0) {
      return Errno("lseek", PathOf(""));
    }
    level.read = Level::kUnread;
    return Done{};
  }

  UniqueFd at_;
  std::string root_;
  uint64_t mount_ = 0;
  std::vector<Level> levels_;  // the first is the directory that holds the tree, and stays
};

TreeRemoval::TreeRemoval(UniqueFd parent, std::string name)
    : removal_(std::make_unique<Removal>(std::move(parent), std::move(name))) {}

TreeRemoval::~TreeRemoval() = default;

Result<bool> TreeRemoval::Step() { return removal_->Step(); }

Status RemoveTree(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  auto fd = OpenDirectory(parent);
  if (!fd.ok()) return std::move(fd.failure());
  TreeRemoval removal(std::move(fd.value()),
                      slash == std::string::npos ? path : path.substr(slash + 1));
  for (;;) {
    auto more = removal.Step();
    if (!more.ok()) {
      more.failure().path = parent + more.failure().path;
      return std::move(more.failure());
    }
    if (!more.value()) return Done{};
  }
}

}  // namespace ovl
