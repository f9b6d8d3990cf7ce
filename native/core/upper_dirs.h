// The two directories a writable overlay needs besides its lowers.
#ifndef OVL_CORE_UPPER_DIRS_H_
#define OVL_CORE_UPPER_DIRS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/markers.h"
#include "core/overlay_spec.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// Directories made on the way to a mount; removed again unless the mount succeeds.
class CreatedDirs {
 public:
  CreatedDirs() = default;
  CreatedDirs(const CreatedDirs&) = delete;
  CreatedDirs& operator=(const CreatedDirs&) = delete;
  // rmdir(2) only, so that nothing can be lost: a directory that is not empty stays.
  ~CreatedDirs();

  // mkdir(2) unless something is there; `created` says which.
  Status Make(const std::string& path, bool& created);
  // A directory that does not exist yet and that somebody else may make on our behalf.
  void Expect(std::string path) { paths_.push_back(std::move(path)); }
  void Keep() { paths_.clear(); }

 private:
  std::vector<std::string> paths_;
};

struct UpperDirs {
  std::string upper;
  std::string work;
  UniqueFd upper_fd;
  UniqueFd work_fd;
  bool fresh = false;       // the upper was created
  bool fresh_work = false;  // the workdir was created
};

// Opens or creates both, and refuses what the kernel would accept to the user's harm
// (upper_check.h), and a work directory on another mount where none was named.
Result<UpperDirs> PrepareUpper(const UpperSpec& upper, const std::optional<std::string>& work,
                               bool accept_unclean, MarkerSpace space, CreatedDirs& created);

}  // namespace ovl

#endif  // OVL_CORE_UPPER_DIRS_H_
