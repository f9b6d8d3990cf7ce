// What the kernel accepts in an upper and a workdir to the user's harm, or refuses without a word.
// Looked at before every mount, so each is a handful of system calls, and nothing is written.
#ifndef OVL_CORE_UPPER_CHECK_H_
#define OVL_CORE_UPPER_CHECK_H_

#include <optional>
#include <string>

#include "core/finding.h"
#include "core/markers.h"

namespace ovl {

// Of an upper that is open for reading: on an overlay, read-only (the mount or the filesystem),
// unable to hold the marks or to tell types, immutable. 3 system calls, and 3 more where the kind
// of filesystem does not say that it tells types.
std::optional<Finding> FindUpperMistake(int upper, MarkerSpace space, const std::string& path);

// Of both, open for reading: on different mounts, a file or strangers where the kernel cleans up
// ("work" in the workdir), more nested than it cleans, a mark of a feature it does not know, an
// immutable workdir. `accept_volatile`: a volatile mount's mark is no mistake. 4 system calls; 4
// more where "work" is there, and 4 for each directory in it.
std::optional<Finding> FindWorkMistake(int upper, int work, const std::string& upper_path,
                                       const std::string& work_path, bool accept_volatile);

// The second without the first: what lies in a workdir.
std::optional<Finding> FindLeftover(int work, const std::string& work_path, bool accept_volatile);

}  // namespace ovl

#endif  // OVL_CORE_UPPER_CHECK_H_
