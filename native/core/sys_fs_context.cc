#include "core/sys_fs_context.h"

#include <unistd.h>

#include "core/raw_calls.h"

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

Result<UniqueFd> Fsopen(const std::string& fstype) {
  UniqueFd fd(raw::Fsopen(fstype.c_str()));
  if (!fd) return Errno("fsopen", fstype);
  return fd;
}

Status FsconfigFlag(int fs, const std::string& key) {
  return Configure(fs, raw::kSetFlag, key.c_str(), nullptr, 0);
}

Status FsconfigString(int fs, const std::string& key, const std::string& value) {
  return Configure(fs, raw::kSetString, key.c_str(), value.c_str(), 0);
}

Status FsconfigFd(int fs, const std::string& key, int fd) {
  return Configure(fs, raw::kSetFd, key.c_str(), nullptr, fd);
}

Status FsconfigCreate(int fs) { return Configure(fs, raw::kCmdCreate, nullptr, nullptr, 0); }

Status FsconfigReconfigure(int fs) {
  return Configure(fs, raw::kCmdReconfigure, nullptr, nullptr, 0);
}

Result<UniqueFd> Fsmount(int fs, uint32_t attributes) {
  UniqueFd fd(raw::Fsmount(fs, attributes));
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

}  // namespace ovl
