// Where a layer is, or is going to be, looked at without changing anything.
#ifndef OVL_CORE_LAYER_PLACE_H_
#define OVL_CORE_LAYER_PLACE_H_

#include <sys/stat.h>
#include <sys/vfs.h>

#include <optional>
#include <string>

#include "core/finding.h"
#include "core/overlay_spec.h"
#include "core/result.h"
#include "core/sys_mount.h"
#include "core/unique_fd.h"

namespace ovl {

struct LayerPlace {
  std::string path;  // as messages call it
  // The directory, or the nearest one above it that exists. O_PATH: nothing is read through it.
  UniqueFd fd;
  std::string missing;  // what of the path does not exist yet; "" where it is all there
  struct stat st = {};
  struct statfs fs = {};
  MountIdentity mount;
  uint64_t table_id = 0;

  bool exists() const { return missing.empty(); }
  bool IsDirectory() const { return S_ISDIR(st.st_mode); }
};

// Follows links, as the kernel does for a layer.
Result<LayerPlace> FindPlace(const std::string& path);

// By descriptor where the layer has one.
Result<LayerPlace> FindPlace(const LayerSpec& layer);

// What a failed FindPlace says of a layer; `not_directory` is the reason for ENOTDIR.
Finding NotReached(const Failure& failure, const std::string& path, const char* not_directory);

// The directory opened for reading. EACCES where we may only pass through it.
Result<UniqueFd> OpenForReading(const LayerPlace& place);

// Whether the caller's ids permit to create in the directory: faccessat(2) with the effective ones.
// What else may be in the way (EROFS, EPERM of an immutable one) is no matter of permission.
bool MayCreateIn(const LayerPlace& place);

}  // namespace ovl

#endif  // OVL_CORE_LAYER_PLACE_H_
