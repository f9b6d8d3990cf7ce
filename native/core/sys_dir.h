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

// Whether the filesystem says of what type an entry is (d_type), by the first getdents64(2) of an
// open directory.
Result<bool> TellsTypes(int dir);

// Where a name was seen.
enum NameSource : uint8_t { kInUpper = 1, kInLower = 2 };

// The names of one directory in one block of memory (16 bytes and the name itself for each), so
// that a directory of a million names costs tens of megabytes and not a million allocations.
class NameList {
 public:
  void Add(std::string_view name, NameSource source);
  // Orders by bytes and merges names that were seen more than once.
  void Sort();
  size_t size() const { return entries_.size(); }
  std::string_view name(size_t i) const {
    return std::string_view(arena_).substr(entries_[i].offset, entries_[i].length);
  }
  bool InUpper(size_t i) const { return (entries_[i].sources & kInUpper) != 0; }

 private:
  struct Entry {
    uint64_t offset;
    uint16_t length;
    uint8_t sources;
  };
  std::string arena_;
  std::vector<Entry> entries_;
};

// The names that one getdents64(2) call gives. False at the end.
Result<bool> ReadSomeNames(int dir, NameSource source, NameList& out);

}  // namespace ovl

#endif  // OVL_CORE_SYS_DIR_H_
