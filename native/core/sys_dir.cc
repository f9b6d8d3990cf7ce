#include "core/sys_dir.h"

#include <dirent.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/filesystem_magic.h"

namespace ovl {

namespace {

// linux_dirent64 as the kernel writes it; glibc before 2.30 has no wrapper and no type for it.
constexpr size_t kReclenOffset = 16;
constexpr size_t kTypeOffset = 18;
constexpr size_t kNameOffset = 19;
constexpr size_t kBufferSize = 32 * 1024;  // larger buffers measured no faster
constexpr size_t kFirstBytes = 512;
constexpr size_t kFirstNames = 32;

// `block` with room for `wanted` elements. There is nothing that could be done without memory, as
// everywhere where the library allocates.
template <typename T>
T* Grown(T* block, size_t wanted, size_t first, size_t& room) {
  if (wanted <= room) return block;
  room = std::max({wanted, first, room + room / 2});
  void* const grown = std::realloc(static_cast<void*>(block), room * sizeof(T));
  if (grown == nullptr) std::abort();
  return static_cast<T*>(grown);
}

bool IsDotOrDotDot(std::string_view name) { return name == "." || name == ".."; }

}  // namespace

NameList::NameList(NameList&& other) noexcept
    : arena_(std::exchange(other.arena_, nullptr)),
      arena_used_(std::exchange(other.arena_used_, 0)),
      arena_room_(std::exchange(other.arena_room_, 0)),
      entries_(std::exchange(other.entries_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      room_(std::exchange(other.room_, 0)),
      shared_(std::exchange(other.shared_, 0)),
      sorted_(std::exchange(other.sorted_, 0)),
      keyed_(std::exchange(other.keyed_, 0)) {}

NameList::~NameList() {
  std::free(arena_);
  std::free(entries_);
}

void NameList::Add(std::string_view name, NameSource source, uint8_t type) {
  arena_ = Grown(arena_, arena_used_ + name.size(), kFirstBytes, arena_room_);
  entries_ = Grown(entries_, size_ + 1, kFirstNames, room_);
  if (size_ == 0) {
    shared_ = name.size();
  } else {
    const std::string_view first = Text(entries_[0]);
    const size_t most = std::min(shared_, name.size());
    shared_ = 0;
    while (shared_ < most && first[shared_] == name[shared_]) ++shared_;
  }
  std::memcpy(arena_ + arena_used_, name.data(), name.size());
  entries_[size_++] =
      Entry{0, static_cast<uint32_t>(arena_used_), static_cast<uint8_t>(arena_used_ >> 32),
            static_cast<uint8_t>(type << 4 | source), static_cast<uint16_t>(name.size())};
  arena_used_ += name.size();
}

// Keys end in NUL bytes where names do, and no name holds one: equal keys of short names are equal
// names, and a prefix comes first.
uint64_t NameList::KeyOf(std::string_view rest) {
  uint64_t key = 0;
  for (size_t k = 0; k < sizeof key; ++k) {
    key = key << 8 | (k < rest.size() ? static_cast<uint8_t>(rest[k]) : 0);
  }
  return key;
}

bool NameList::Mark(std::string_view name, NameSource source) {
  if (sorted_ == 0 || name.substr(0, keyed_) != Text(entries_[0]).substr(0, keyed_)) return false;
  const std::string_view rest = name.substr(keyed_);
  const uint64_t key = KeyOf(rest);
  Entry* const end = entries_ + sorted_;
  Entry* const at = std::lower_bound(entries_, end, key, [&](const Entry& entry, uint64_t wanted) {
    if (entry.key != wanted) return entry.key < wanted;
    return Text(entry).substr(keyed_) < rest;
  });
  if (at == end || Text(*at) != name) return false;
  at->sources_and_type |= source;
  return true;
}

void NameList::Sort() {
  if (sorted_ == size_) return;
  for (size_t i = shared_ == keyed_ ? sorted_ : 0; i < size_; ++i) {
    entries_[i].key = KeyOf(Text(entries_[i]).substr(shared_));
  }
  keyed_ = shared_;
  const auto before = [this](const Entry& a, const Entry& b) {
    if (a.key != b.key) return a.key < b.key;
    // string_view compares as unsigned bytes: the order that is promised.
    return Text(a).substr(keyed_) < Text(b).substr(keyed_);
  };
  std::sort(entries_ + sorted_, entries_ + size_, before);
  std::inplace_merge(entries_, entries_ + sorted_, entries_ + size_, before);
  size_t kept = 0;
  for (size_t i = 0; i < size_; ++i) {
    const Entry& entry = entries_[i];
    Entry* const last = kept > 0 ? entries_ + kept - 1 : nullptr;
    if (last != nullptr && last->key == entry.key && Text(*last) == Text(entry)) {
      // One of the types is the upper's, the other 0.
      last->sources_and_type |= entry.sources_and_type;
    } else {
      entries_[kept++] = entry;
    }
  }
  size_ = sorted_ = kept;
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

bool ListsEveryName(int dir) {
  struct statfs fs;
  if (::fstatfs(dir, &fs) != 0) return false;
  const auto type = static_cast<unsigned long>(fs.f_type);
  if (!magic::IsOneOf(type, {magic::kBtrfs, magic::kExt, magic::kF2fs, magic::kTmpfs})) {
    return false;
  }
  // tmpfs has no flags before Linux 6.6, and no casefold before 6.13.
  unsigned flags = 0;
  if (::ioctl(dir, FS_IOC_GETFLAGS, &flags) != 0) return type == magic::kTmpfs;
  return (flags & FS_CASEFOLD_FL) == 0;
}

Result<bool> TellsTypes(int dir) {
  alignas(8) char buffer[1024];
  const long n = ::syscall(SYS_getdents64, dir, buffer, sizeof buffer);
  if (n < 0) return Errno("getdents64");
  return n > 0 && buffer[kTypeOffset] != DT_UNKNOWN;
}

Result<bool> ReadSomeNames(int dir, NameSource source, NameList& out) {
  return ReadSomeEntries(dir, [&](const DirEntry& entry) {
    out.Add(entry.name, source, source == kInUpper ? entry.type : 0);
  });
}

}  // namespace ovl
