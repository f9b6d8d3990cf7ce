// What an apply is going to do to its destination, as it is written down before the first change:
// enough to finish it without the layers, and to undo it.
#ifndef OVL_CORE_APPLY_RECORDS_H_
#define OVL_CORE_APPLY_RECORDS_H_

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/entry_attributes.h"

namespace ovl {

// A change as it is reported (Change, with texts of its own).
struct ChangeInfo {
  uint8_t kind = 0;
  uint32_t type = 0;
  uint32_t previous_type = 0;
  uint16_t aspects = 0;
  bool implied = false;  // a directory that is needed by what was selected in it
  std::string path;
  std::string renamed_from;
};

// How a file is known again. The inode number alone would not do, since numbers are used again.
struct Identity {
  uint64_t ino = 0;
  uint32_t type = 0;
  int64_t size = 0;
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  static Identity Of(const struct stat& st);
  bool IsOf(const struct stat& st) const;
};

// The first change in a directory of the destination is at hand.
struct EnterRecord {
  std::string path;  // from the destination; "" is itself
  uint64_t ino = 0;
  uint32_t mode = 0;
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  bool unlock = false;  // its mode forbids us to change it
};

struct Ownership {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t mode = 0;
};

// The last one was: its own attributes.
struct LeaveRecord {
  std::string path;
  uint64_t ino = 0;
  Ownership before;
  Ownership after;
  int64_t seconds = 0;  // of its modification time afterwards
  int64_t nanoseconds = 0;
  std::vector<XattrChange> xattrs;
  std::optional<ChangeInfo> change;  // where it is a change of its own
};

enum class UnitKind : uint8_t { kAdd, kReplace, kRemove };

// One name of the directory that was entered last: what takes its place lies in the stage under the
// number, and what was there comes to lie there.
struct UnitRecord {
  static constexpr uint32_t kNoMode = UINT32_MAX;
  std::string path;
  uint64_t slot = 0;
  UnitKind kind = UnitKind::kAdd;
  Identity before;
  Identity after;
  // Directories can be moved by who may write to them only.
  uint32_t unlock_before = kNoMode;  // the mode that it has and gets back
  uint32_t lock_after = kNoMode;     // the mode that it gets in its place
  std::optional<ChangeInfo> change;
};

// Something that comes along with the unit before it.
struct PartRecord {
  ChangeInfo change;
};

using ApplyRecord = std::variant<EnterRecord, LeaveRecord, UnitRecord, PartRecord>;

std::string EncodeRecord(const ApplyRecord& record);
// Nothing where the bytes are no record.
std::optional<ApplyRecord> DecodeRecord(std::string_view bytes);

// What the journal begins with.
struct JournalHeader {
  uint64_t stage_ino = 0;        // a copy of the stage elsewhere is no stage
  uint64_t destination_ino = 0;  // and it belongs to one directory
  uint64_t fingerprint = 0;      // of what was asked for
  int64_t seconds = 0;           // when
  int64_t nanoseconds = -1;      // of that; -1 where it was not written (version 1)
  uint64_t pid = 0;
  int64_t root_seconds = 0;  // modification time of the destination, which may hold the stage
  int64_t root_nanoseconds = 0;
  std::string source;       // for people
  std::string destination;  // as it was named
};
std::string EncodeHeader(const JournalHeader& header);
std::optional<JournalHeader> DecodeHeader(std::string_view bytes);

}  // namespace ovl

#endif  // OVL_CORE_APPLY_RECORDS_H_
