#include "core/layers.h"

#include <fcntl.h>

#include "core/private_clone.h"
#include "core/sys_file.h"
#include "core/sys_privilege.h"

namespace ovl {

namespace {

Status ReopenInto(const DirPtr& from, DirPtr& to) {
  if (!from) return Done{};
  auto dir = from->Reopen();
  if (!dir.ok()) return std::move(dir.failure());
  to = std::move(dir.value());
  return Done{};
}

}  // namespace

Result<Layers> Layers::Reopen() const {
  Layers own;
  own.marks = marks;
  own.data_only = data_only;
  own.index_use = index_use;
  own.indexed = indexed;
  own.lowers.resize(lowers.size());
  for (size_t i = 0; i < lowers.size(); ++i) {
    auto status = ReopenInto(lowers[i], own.lowers[i]);
    if (!status.ok()) return std::move(status.failure());
  }
  for (const auto& [from, to] :
       {std::pair{&upper, &own.upper}, {&index, &own.index}, {&plain, &own.plain}}) {
    auto status = ReopenInto(*from, *to);
    if (!status.ok()) return std::move(status.failure());
  }
  return own;
}

Result<Layers> Layers::ReopenApart() const {
  auto own = Reopen();
  if (own.ok()) own.value().marks = marks.Apart();
  return own;
}

Status CheckReadable(MarkerSpace space, const std::string& layer) {
  if (space != MarkerSpace::kTrusted || CanReadTrustedXattrs()) return Done{};
  return Refusal(EPERM, "getxattr", "trusted-unreadable", layer);
}

Result<DirPtr> OpenLayerFd(int fd, uint32_t number, const std::string& display) {
  auto dir = OpenInPrivateClone(fd);
  if (!dir.ok()) {
    dir.failure().path = display;
    return std::move(dir.failure());
  }
  return LayerDir::Root(std::move(dir.value().fd), number, display, std::move(dir.value().clone));
}

Result<DirPtr> HoldLayerFd(int fd, uint32_t number, const std::string& display) {
  UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) return Errno("fcntl", display);
  return LayerDir::UnreadRoot(std::move(own), number, display);
}

Result<DirPtr> OpenLayer(const std::string& path, uint32_t number) {
  auto fd = OpenDirectory(path);
  if (!fd.ok()) return std::move(fd.failure());
  return OpenLayerFd(fd.value().get(), number, path);
}

Result<DirPtr> OpenPlainDirectory(const std::string& path, uint32_t number) {
  auto fd = OpenDirectory(path);
  if (!fd.ok()) return std::move(fd.failure());
  return LayerDir::Root(std::move(fd.value()), number, path);
}

Result<DirPtr> OpenIndex(int work, const std::string& display) {
  const std::string path = display + "/index";
  auto fd = OpenDirectoryAt(work, "index");
  if (!fd.ok()) {
    fd.failure().path = path;
    return std::move(fd.failure());
  }
  return LayerDir::Root(std::move(fd.value()), LayerDir::kUpper, path);
}

}  // namespace ovl
