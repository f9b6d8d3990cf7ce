#include "core/sys_dir.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace ovl {

namespace {

// linux_dirent64 as the kernel writes it; glibc before 2.30 has no wrapper and no type for it.
constexpr size_t kReclenOffset = 16;
constexpr size_t kTypeOffset = 18;
constexpr size_t kNameOffset = 19;
constexpr size_t kBufferSize = 32 * 1024;  // larger buffers measured no faster

bool IsDotOrDotDot(std::string_view name) { return name == "." || name == ".."; }

}  // namespace

void NameList::Add(std::string_view name, NameSource source) {
  entries_.push_back(Entry{arena_.size(), static_cast<uint16_t>(name.size()), source});
  arena_.append(name);
}

void NameList::Sort() {
  const auto text = [this](const Entry& e) {
    return std::string_view(arena_).substr(e.offset, e.length);
  };
  // string_view compares as unsigned bytes: the order that is promised.
  std::sort(entries_.begin(), entries_.end(),
            [&](const Entry& a, const Entry& b) { return text(a) < text(b); });
  size_t kept = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (kept > 0 && text(entries_[kept - 1]) == text(entries_[i])) {
      entries_[kept - 1].sources |= entries_[i].sources;
    } else {
      entries_[kept++] = entries_[i];
    }
  }
  entries_.resize(kept);
}

Result<bool> ReadSomeEntries(int dir, const std::function<void(const DirEntry&)>& visit) {
  alignas(8) char buffer[kBufferSize];
  const long n = ::syscall(SYS_getdents64, dir, buffer, sizeof buffer);
  // ENOENT: the directory was removed while it was open, and has no names any more.
  if (n < 0 && errno != ENOENT) return Errno("getdents64");
  if (n <= 0) return false;
  for (long at = 0; at < n;) {
    uint64_t ino;
    uint16_t reclen;
    std::memcpy(&ino, buffer + at, sizeof ino);
    std::memcpy(&reclen, buffer + at + kReclenOffset, sizeof reclen);
    const std::string_view name(buffer + at + kNameOffset);
    const auto type = static_cast<uint8_t>(buffer[at + kTypeOffset]);
    if (!IsDotOrDotDot(name)) visit(DirEntry{name, type, static_cast<ino_t>(ino)});
    at += reclen;
  }
  return true;
}

Result<bool> TellsTypes(int dir) {
  alignas(8) char buffer[1024];
  const long n = ::syscall(SYS_getdents64, dir, buffer, sizeof buffer);
  if (n < 0) return Errno("getdents64");
  return n > 0 && buffer[kTypeOffset] != DT_UNKNOWN;
}

Result<bool> ReadSomeNames(int dir, NameSource source, NameList& out) {
  return ReadSomeEntries(dir, [&](const DirEntry& entry) { out.Add(entry.name, source); });
}

}  // namespace ovl
