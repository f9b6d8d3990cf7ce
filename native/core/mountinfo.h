// The text form of the table of mounts: proc_pid_mountinfo(5).
#ifndef OVL_CORE_MOUNTINFO_H_
#define OVL_CORE_MOUNTINFO_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mount_entry.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// Undoes the octal escapes of the table ("\040" is a space).
std::string UnescapeOctal(std::string_view text);

// Splits options at commas (one that is part of a value is escaped) and undoes the escapes.
std::vector<std::string> SplitOptions(std::string_view text);

// Lines that do not have the documented form are left out.
std::vector<MountEntry> ParseMountinfo(std::string_view text);

// Of the calling thread: /proc/self would be the main thread's table.
inline constexpr char kOwnMountinfo[] = "/proc/thread-self/mountinfo";

// A mountinfo file tells of changes of its table: poll(2) says POLLPRI once after each.
class TableChanges {
 public:
  static Result<TableChanges> Open(const std::string& path);

  // Whether mounts have come, gone, moved or got other options since this was last asked, or
  // opened.
  Result<bool> Any();

  int fd() const { return fd_.get(); }

 private:
  TableChanges(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
};

// Mounts come and go while a table is read piece by piece, so that of two that were there by turns
// both may be found, or none. A reading in which anything changed is repeated, this often: of a
// table that never rests, the last reading is taken.
inline constexpr int kTableReadings = 8;

// A mountinfo file: of the calling thread, or of another process, whose mount points are then
// relative to that one's root. A line may have any length.
//
// The kernel hands a table out in pieces, and mounts come and go between them. A reading in which
// they did is repeated; of a table that never rests the last reading is taken, which has every
// mount that was there and stayed in its place all the time (on Linux before 5.8 one may be
// missing).
Result<std::vector<MountEntry>> ReadMountinfo(const std::string& path);

}  // namespace ovl

#endif  // OVL_CORE_MOUNTINFO_H_
