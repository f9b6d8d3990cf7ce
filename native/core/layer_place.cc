#include "core/layer_place.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

Result<LayerPlace> Describe(LayerPlace place) {
  auto st = StatFd(place.fd.get());
  if (!st.ok()) return std::move(st.failure());
  auto fs = StatFs(place.fd.get());
  if (!fs.ok()) return std::move(fs.failure());
  auto mount = IdentifyMount(place.fd.get());
  if (!mount.ok()) return std::move(mount.failure());
  auto table_id = TableMountId(place.fd.get());
  if (!table_id.ok()) return std::move(table_id.failure());
  place.st = st.value();
  place.fs = fs.value();
  place.mount = mount.value();
  place.table_id = table_id.value();
  return place;
}

// The last component of a path and what leads to it; slashes at the end do not count.
std::string TakeLast(std::string& path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return std::exchange(path, ".");
  std::string last = path.substr(slash + 1);
  path.resize(slash == 0 ? 1 : slash);
  return last;
}

}  // namespace

Result<LayerPlace> FindPlace(const std::string& path) {
  LayerPlace place;
  place.path = path;
  std::string above = path;
  for (;;) {
    auto fd = OpenPath(above);
    if (fd.ok()) {
      place.fd = std::move(fd.value());
      return Describe(std::move(place));
    }
    if (fd.failure().err != ENOENT || above == "/" || above == ".") {
      fd.failure().path = path;
      return std::move(fd.failure());
    }
    std::string last = TakeLast(above);
    place.missing = place.missing.empty() ? std::move(last) : last + "/" + place.missing;
  }
}

Result<LayerPlace> FindPlace(const LayerSpec& layer) {
  if (!layer.fd) return FindPlace(layer.path);
  LayerPlace place;
  place.path = layer.path;
  place.fd = UniqueFd(::fcntl(layer.fd->get(), F_DUPFD_CLOEXEC, 0));
  if (!place.fd) return Errno("fcntl", layer.path);
  if (place.path.empty()) {
    auto named = PathOfFd(place.fd.get());
    if (named.ok()) place.path = std::move(named.value());
  }
  return Describe(std::move(place));
}

// EACCES names a directory on the way as well, so that it is no statement about the layer itself.
Finding NotReached(const Failure& failure, const std::string& path, const char* not_directory) {
  if (failure.err == ENOTDIR) return Mistake(ENOTDIR, not_directory, path);
  if (failure.err == EACCES) return Mistake(EACCES, "layer-no-access", path);
  return Mistake(failure.err, failure.reason, path);
}

Result<UniqueFd> OpenForReading(const LayerPlace& place) {
  auto fd = OpenDirectoryAt(place.fd.get(), ".");
  if (!fd.ok()) fd.failure().path = place.path;
  return fd;
}

bool MayCreateIn(const LayerPlace& place) {
  return ::faccessat(place.fd.get(), ".", W_OK | X_OK, AT_EACCESS) == 0 || errno != EACCES;
}

}  // namespace ovl
