// Reading directories with getdents64(2), also into one compact list of names.
#ifndef OVL_CORE_SYS_DIR_H_
#define OVL_CORE_SYS_DIR_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace ovl {

struct DirEntry {
  std::string_view name;
  uint8_t type;  // DT_DIR and so on; DT_UNKNOWN where the filesystem does not say
  ino_t ino;
};

// One getdents64(2) call on an open directory; "." and ".." are left out. False at the end.
Result<bool> ReadSomeEntries(int dir, const std::function<void(const DirEntry&)>& visit);

// Whether a name leads to something if, and only if, the directory lists it, byte for byte. On many
// filesystems that is not known: servers may fold case, XFS may, and some have names unlisted.
bool ListsEveryName(int dir);

// Whether the filesystem says of what type an entry is (d_type), by the first getdents64(2) of an
// open directory.
Result<bool> TellsTypes(int dir);

// Where a name was seen.
enum NameSource : uint8_t { kInUpper = 1, kInLower = 2 };

// The names of one directory in one block of memory (16 bytes and the name itself for each), so
// that a directory of a million names costs tens of megabytes and not a million allocations.
class NameList {
 public:
  NameList() = default;
  NameList(NameList&& other) noexcept;
  NameList& operator=(NameList&&) = delete;
  ~NameList();

  // `type` is d_type as the upper has it; what the lowers say of a name is of no interest here.
  void Add(std::string_view name, NameSource source, uint8_t type = 0);
  // Orders by bytes and merges names that were seen more than once.
  void Sort();
  // Says of a name that it was seen there too. False: it was not in the list when that was sorted.
  bool Mark(std::string_view name, NameSource source);
  size_t size() const { return size_; }
  std::string_view name(size_t i) const { return Text(entries_[i]); }
  bool InUpper(size_t i) const { return (entries_[i].sources_and_type & kInUpper) != 0; }
  bool InLower(size_t i) const { return (entries_[i].sources_and_type & kInLower) != 0; }
  uint8_t type(size_t i) const { return static_cast<uint8_t>(entries_[i].sources_and_type >> 4); }

 private:
  // The first bytes that not all names share, as a number: most comparisons end with it.
  struct Entry {
    uint64_t key;
    uint32_t offset_low;
    uint8_t offset_high;
    uint8_t sources_and_type;  // the type, which is below 16, in the upper half
    uint16_t length;           // NAME_MAX is 255; FUSE has longer ones
  };
  static_assert(sizeof(Entry) == 16);
  std::string_view Text(const Entry& entry) const {
    const size_t offset = static_cast<size_t>(entry.offset_high) << 32 | entry.offset_low;
    return {arena_ + offset, entry.length};
  }
  static uint64_t KeyOf(std::string_view rest);

  // realloc(3) moves the pages of a large block instead of its bytes, so that growing needs no
  // second copy; that of a vector does.
  char* arena_ = nullptr;
  size_t arena_used_ = 0;
  size_t arena_room_ = 0;
  Entry* entries_ = nullptr;
  size_t size_ = 0;
  size_t room_ = 0;
  size_t shared_ = 0;  // length of what all names begin with
  size_t sorted_ = 0;  // so many are in order,
  size_t keyed_ = 0;   // by keys of what follows so many bytes
};

// The names that one getdents64(2) call gives. False at the end.
Result<bool> ReadSomeNames(int dir, NameSource source, NameList& out);

}  // namespace ovl

#endif  // OVL_CORE_SYS_DIR_H_
