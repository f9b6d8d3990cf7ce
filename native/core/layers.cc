#include "core/layers.h"

#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/sys_privilege.h"

namespace ovl {

Status CheckReadable(MarkerSpace space, const std::string& layer) {
  if (space == MarkerSpace::kUser || CanReadTrustedXattrs()) return Done{};
  return Refusal(EPERM, "getxattr", "trusted-unreadable", layer);
}

Result<DirPtr> OpenLayerFd(int fd, uint32_t number, const std::string& display) {
  // A path can be walked from either: the clone where we may make one, the mount itself where not.
  auto clone = OpenTreeClone(fd);
  auto dir = OpenDirectoryAt(clone.ok() ? clone.value().get() : fd, ".");
  if (!dir.ok()) {
    dir.failure().path = display;
    return std::move(dir.failure());
  }
  return LayerDir::Root(std::move(dir.value()), number, display);
}

Result<DirPtr> OpenLayer(const std::string& path, uint32_t number) {
  auto fd = OpenDirectory(path);
  if (!fd.ok()) return std::move(fd.failure());
  return OpenLayerFd(fd.value().get(), number, path);
}

}  // namespace ovl
