#include "core/opened_lower.h"

#include <sys/stat.h>

#include <utility>

#include "core/idmapped_layer.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

std::string ShownPath(int fd) {
  auto path = PathOfFd(fd);
  return path.ok() ? path.value() : "descriptor " + std::to_string(fd);
}

Result<UniqueFd> OpenNamed(const std::string& path) {
  auto fd = OpenDirectory(path);
  if (fd.ok()) return fd;
  if (fd.failure().err == ENOENT) fd.failure().reason = "lower-missing";
  if (fd.failure().err == ENOTDIR) fd.failure().reason = "lower-not-directory";
  if (fd.failure().err == EACCES) fd.failure().reason = "lower-denied";
  return fd;
}

Result<UniqueFd> OpenGiven(int given, const std::string& name) {
  auto st = StatFd(given);
  if (!st.ok()) return Refusal(st.failure().err, "fstat", "lower-bad-descriptor", name);
  if (!S_ISDIR(st.value().st_mode)) {
    return Refusal(ENOTDIR, "fstat", "lower-not-directory", name);
  }
  // Anew, for reading: what fsmount(2) and open_tree(2) give is no better than O_PATH.
  auto fd = OpenDirectoryAt(given, ".");
  if (!fd.ok()) fd.failure().path = name;
  return fd;
}

bool LeadsTo(const std::string& name, int fd) {
  struct stat by_name;
  auto there = StatFd(fd);
  return there.ok() && ::stat(name.c_str(), &by_name) == 0 &&
         by_name.st_dev == there.value().st_dev && by_name.st_ino == there.value().st_ino;
}

Status Idmap(const LayerSpec& layer, OpenedLower& lower) {
  auto clone = IdmappedClone(lower.fd.get(), layer.idmap, layer.path);
  if (!clone.ok()) return std::move(clone.failure());
  lower.idmapped = std::move(clone.value());
  auto fd = OpenDirectoryAt(lower.idmapped.get(), ".");
  if (!fd.ok()) return std::move(fd.failure());
  lower.fd = std::move(fd.value());
  return Done{};
}

}  // namespace

Result<OpenedLower> OpenedLower::Open(const LayerSpec& layer, bool in_child) {
  OpenedLower lower;
  lower.shown = layer.path;
  if (layer.fd && lower.shown.empty()) lower.shown = ShownPath(layer.fd->get());
  auto fd = layer.fd ? OpenGiven(layer.fd->get(), lower.shown) : OpenNamed(layer.path);
  if (!fd.ok()) return std::move(fd.failure());
  lower.fd = std::move(fd.value());
  if (!layer.idmap.empty()) {
    auto mapped = Idmap(layer, lower);
    if (!mapped.ok()) return std::move(mapped.failure());
    lower.planned.fd = lower.idmapped.get();
    return lower;
  }
  lower.planned.fd = lower.fd.get();
  if (!layer.fd) lower.planned.path = layer.path;
  if (in_child && (!layer.fd || LeadsTo(lower.shown, lower.fd.get()))) {
    lower.planned.path = lower.shown;
    lower.planned.fd = -1;
  }
  return lower;
}

}  // namespace ovl
