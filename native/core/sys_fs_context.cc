#include "core/sys_fs_context.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "core/raw_calls.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

constexpr unsigned kFspickCloexec = 1;

// The kernel's messages are lines; one that does not fit is kept and answered with EMSGSIZE.
constexpr size_t kMessageSize = 4096;

Status Configure(int fs, unsigned command, const char* key, const char* value, int aux) {
  if (raw::Fsconfig(fs, command, key, value, aux) != 0) {
    return Errno("fsconfig", key == nullptr ? "" : key);
  }
  return Done{};
}

}  // namespace

Result<UniqueFd> Fsopen(const std::string& fstype, uint32_t flags) {
  UniqueFd fd(raw::Fsopen(fstype.c_str(), flags | raw::kFsopenCloexec));
  if (!fd) return Errno("fsopen", fstype);
  return fd;
}

Status FsconfigFlag(int fs, const std::string& key) {
  return Configure(fs, raw::kSetFlag, key.c_str(), nullptr, 0);
}

Status FsconfigString(int fs, const std::string& key, const std::string& value) {
  return Configure(fs, raw::kSetString, key.c_str(), value.c_str(), 0);
}

Status FsconfigBinary(int fs, const std::string& key, const std::string& value) {
  // Past what the kernel takes it does not matter by how much.
  const auto size = static_cast<int>(std::min<size_t>(value.size(), INT_MAX));
  return Configure(fs, raw::kSetBinary, key.c_str(), value.data(), size);
}

Status FsconfigPath(int fs, const std::string& key, int dir, const std::string& path) {
  return Configure(fs, raw::kSetPath, key.c_str(), path.c_str(), dir);
}

Status FsconfigPathEmpty(int fs, const std::string& key, int dir, const std::string& path) {
  return Configure(fs, raw::kSetPathEmpty, key.c_str(), path.c_str(), dir);
}

Status FsconfigFd(int fs, const std::string& key, int fd) {
  return Configure(fs, raw::kSetFd, key.c_str(), nullptr, fd);
}

Status FsconfigCreate(int fs) { return Configure(fs, raw::kCmdCreate, nullptr, nullptr, 0); }

Status FsconfigCreateExcl(int fs) {
  return Configure(fs, raw::kCmdCreateExcl, nullptr, nullptr, 0);
}

Status FsconfigReconfigure(int fs) {
  return Configure(fs, raw::kCmdReconfigure, nullptr, nullptr, 0);
}

Result<UniqueFd> Fsmount(int fs, uint32_t attributes, uint32_t flags) {
  UniqueFd fd(raw::Fsmount(fs, attributes, flags | raw::kFsmountCloexec));
  if (!fd) return Errno("fsmount");
  return fd;
}

Result<UniqueFd> Fspick(int dir, const std::string& path, uint32_t flags) {
  UniqueFd fd(raw::Fspick(dir, path.c_str(), flags | kFspickCloexec));
  if (!fd) return Errno("fspick", path);
  return fd;
}

std::vector<std::string> ReadFsLog(int fs) {
  std::vector<std::string> log;
  std::string message(kMessageSize, '\0');
  for (;;) {
    const ssize_t n = ::read(fs, message.data(), message.size());
    if (n < 0) return log;  // ENODATA: that was all
    log.emplace_back(message, 0, static_cast<size_t>(n));
    if (!log.back().empty() && log.back().back() == '\n') log.back().pop_back();
  }
}

Result<std::vector<std::string>> ReadFsLogOf(int fd) {
  auto kind = PathOfFd(fd);
  if (!kind.ok()) {
    // The link of a closed descriptor is missing like a whole /proc that is.
    const bool open = ::fcntl(fd, F_GETFD) >= 0;
    return Refusal(open ? kind.failure().err : EBADF, "read", open ? "no-proc" : "");
  }
  if (kind.value() != "anon_inode:[fscontext]") {
    return Refusal(EINVAL, "read", "not-fs-context", kind.value());
  }
  return ReadFsLog(fd);
}

Failure WithFsLog(Failure failure, int fs) {
  auto log = ReadFsLogOf(fs);
  if (log.ok()) failure.log = std::move(log.value());
  return failure;
}

}  // namespace ovl
