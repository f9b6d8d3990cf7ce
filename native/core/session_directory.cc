#include "core/session_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "core/sys_file.h"
#include "core/sys_lock.h"
#include "core/sys_make.h"
#include "core/tree_removal.h"

namespace ovl {

namespace {

constexpr const char* kRecord = "/session.json";
constexpr const char* kNewRecord = "/session.json.new";

Failure On(Failure failure, const std::string& path) {
  failure.path = path;
  return failure;
}

Status Rename(const std::string& from, const std::string& to) {
  return RenameAt(AT_FDCWD, from, AT_FDCWD, to, Renaming::kOver);
}

Status Fill(const UniqueFd& dir, const std::string& draft, unsigned places) {
  for (unsigned i = 0; i < places; ++i) {
    const std::string name = std::to_string(i);
    auto made = MakeDirectoryAt(dir.get(), name, 0700);
    if (!made.ok()) return On(std::move(made.failure()), std::string(draft).append("/" + name));
  }
  return Done{};
}

Status Write(const std::string& path, const SessionText& record) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd file(::open(path.c_str(), kFlags, 0600));
  if (!file) return Errno("open", path);
  auto written = WriteAll(file.get(), record.text.data(), record.text.size(), 0);
  if (!written.ok()) return On(std::move(written.failure()), path);
  if (record.durable && ::fdatasync(file.get()) != 0) return Errno("fdatasync", path);
  return Done{};
}

// Whether the name still leads to the open directory.
Result<bool> IsNamed(const std::string& path, int fd) {
  auto mine = StatFd(fd);
  if (!mine.ok()) return On(std::move(mine.failure()), path);
  struct stat there;
  auto found = StatAt(AT_FDCWD, path, there);
  if (!found.ok()) return On(std::move(found.failure()), path);
  return found.value() && there.st_dev == mine.value().st_dev &&
         there.st_ino == mine.value().st_ino;
}

// After a failure, which is what is reported: one of removing as well would hide it, and what is
// left then has a name that says what it is.
void RemoveDraft(const std::string& draft) { (void)RemoveTree(draft); }

}  // namespace

Result<UniqueFd> LockDirectory(const std::string& path) {
  auto fd = OpenDirectory(path);
  if (!fd.ok()) return std::move(fd.failure());
  auto locked = TryLock(fd.value().get());
  if (!locked.ok()) return On(std::move(locked.failure()), path);
  if (!locked.value()) return UniqueFd();
  auto mine = StatFd(fd.value().get());
  if (!mine.ok()) return On(std::move(mine.failure()), path);
  // Whoever had the lock before may have removed the directory, and another may have been made.
  // What is a link is nothing of ours, wherever it leads.
  struct stat there;
  if (::fstatat(AT_FDCWD, path.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
    return Errno("fstatat", path);
  if (S_ISLNK(there.st_mode)) return Failure{ENOTDIR, "fstatat", path};
  if (there.st_dev != mine.value().st_dev || there.st_ino != mine.value().st_ino) {
    return Failure{ENOENT, "fstatat", path};
  }
  return std::move(fd.value());
}

Status WriteSessionText(const std::string& path, const SessionText& record) {
  auto written = Write(path + kNewRecord, record);
  if (!written.ok()) return written;
  return Rename(path + kNewRecord, path + kRecord);
}

Result<UniqueFd> DraftSession(const std::string& draft, unsigned places) {
  if (::mkdir(draft.c_str(), 0700) != 0) {
    if (errno == EEXIST) return UniqueFd();
    return Errno("mkdir", draft);
  }
  auto lock = LockDirectory(draft);
  if (!lock.ok() && lock.failure().err == ENOENT) return UniqueFd();
  if (!lock.ok()) {
    RemoveDraft(draft);
    return lock;
  }
  if (!lock.value()) return lock;
  auto filled = Fill(lock.value(), draft, places);
  if (!filled.ok()) {
    RemoveDraft(draft);
    return std::move(filled.failure());
  }
  return lock;
}

Status NameSession(const std::string& draft, const std::string& path, const SessionText& record) {
  auto written = Write(draft + kRecord, record);  // nobody reads it before it has its name
  if (!written.ok()) return written;
  return Rename(draft, path);
}

Result<UniqueFd> MakeSession(const std::string& draft, unsigned places, const std::string& path,
                             const SessionText& record) {
  auto lock = DraftSession(draft, places);
  if (!lock.ok() || !lock.value()) return lock;
  auto named = NameSession(draft, path, record);
  if (!named.ok()) {
    RemoveDraft(draft);
    return std::move(named.failure());
  }
  return lock;
}

Status RetireSession(const std::string& path, const std::string& retired, int lock) {
  auto named = IsNamed(path, lock);
  if (!named.ok()) return std::move(named.failure());
  if (!named.value()) return Done{};
  auto moved = Rename(path, retired);
  if (!moved.ok()) return moved;
  return RemoveTree(retired);
}

}  // namespace ovl
