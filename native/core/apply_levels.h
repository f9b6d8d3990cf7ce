// The directories of the destination on the way to where an apply is, and what is written down of
// each of them.
#ifndef OVL_CORE_APPLY_LEVELS_H_
#define OVL_CORE_APPLY_LEVELS_H_

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/apply_records.h"
#include "core/layer_dir.h"
#include "core/result.h"
#include "core/sys_make.h"

namespace ovl {

// Of a deep tree an apply keeps so many directories open on the way.
inline constexpr size_t kOpenLevels = 64;

struct ApplyLevel {
  std::string path;  // from the destination; "" is itself
  DirPtr dir;        // null where there is no such directory
  struct stat st {};
  bool submount = false;             // another mount lies there, and nothing is done below it
  bool fixed = false;                // chattr(1) forbids to change it
  std::optional<LeaveRecord> leave;  // once something in it, or it itself, is going to change

  // While a tree is being looked at that is to be removed.
  bool removing = false;
  uint64_t names = 0;  // that the tree it was made from has in it
};

class ApplyLevels {
 public:
  explicit ApplyLevels(DirPtr root, const struct stat& st);

  using Left = std::function<Status(ApplyLevel&)>;
  // Goes to a directory: leaves those that are not on the way, the deepest first, and looks at the
  // others. Where one is missing the last level has no directory.
  Result<ApplyLevel*> GoTo(std::string_view path, const Left& left);
  // Leaves all of them.
  Status Finish(const Left& left);

 private:
  Status Pop(const Left& left);
  Status Push(std::string path, const std::string& name);
  std::vector<ApplyLevel> levels_;
};

// Whether a path lies below a directory.
inline bool IsPathBelow(std::string_view path, std::string_view directory) {
  if (directory.empty()) return !path.empty();
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

// The directory that a path is in; "" for one of the top, and for "" itself.
inline std::string_view DirectoryOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

inline std::string NameIn(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace ovl

#endif  // OVL_CORE_APPLY_LEVELS_H_
