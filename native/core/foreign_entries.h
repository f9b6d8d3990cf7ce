// Whether a tree holds anything that its user has no full right to.
#ifndef OVL_CORE_FOREIGN_ENTRIES_H_
#define OVL_CORE_FOREIGN_ENTRIES_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "core/result.h"

namespace ovl {

struct ForeignEntry {
  std::string path;
  uid_t uid = 0;
  gid_t gid = 0;
};

// The first entry met in `path`, itself included, that is another user's, or of a group that the
// caller is not in; nothing where there is none. One stat for each entry, in no order; it is over
// with the first that is found.
Result<std::optional<ForeignEntry>> FindForeignEntry(const std::string& path);

}  // namespace ovl

#endif  // OVL_CORE_FOREIGN_ENTRIES_H_
