#include "core/idmapped_layer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "core/namespace_holder.h"
#include "core/sys_mount_tree.h"

namespace ovl {

namespace {

// The lines of uid_map: first the id inside, which is the one on the disk.
std::string MapText(const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& range : ranges) {
    text += std::to_string(range.from) + " " + std::to_string(range.to) + " " +
            std::to_string(range.count) + "\n";
  }
  return text;
}

Status WriteMap(const std::string& path, const std::vector<IdRange>& ranges) {
  const std::string text = MapText(ranges);
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return Errno("open", path);
  // One write: the kernel takes a map only once and whole.
  if (::write(fd.get(), text.data(), text.size()) < 0) {
    Failure failure = Errno("write", path);
    if (failure.err == EINVAL) failure.reason = "bad-idmap";
    return failure;
  }
  return Done{};
}

Result<UniqueFd> UserNamespaceWith(const IdMap& map) {
  NamespaceHolder holder;
  auto status = holder.Start();
  if (!status.ok()) return std::move(status.failure());
  status = WriteMap(holder.Proc("uid_map"), map.uids);
  if (status.ok()) status = WriteMap(holder.Proc("gid_map"), map.gids);
  if (!status.ok()) return std::move(status.failure());
  return holder.OpenNamespace();
}

}  // namespace

Result<UniqueFd> IdmappedClone(int layer, const IdMap& map, const std::string& path) {
  auto user_namespace = UserNamespaceWith(map);
  if (!user_namespace.ok()) return user_namespace;
  auto clone = OpenTreeClone(layer);
  if (!clone.ok()) {
    clone.failure().path = path;
    return clone;
  }
  MountAttributeChange change;
  change.set = kAttrIdmap;
  change.userns_fd = static_cast<uint64_t>(user_namespace.value().get());
  auto mapped = MountSetattr(clone.value().get(), "", AT_EMPTY_PATH, change);
  if (!mapped.ok()) {
    Failure failure = std::move(mapped.failure());
    failure.path = path;
    failure.reason = failure.err == EPERM ? "idmap-forbidden" : "idmap-refused";
    return failure;
  }
  return clone;
}

}  // namespace ovl
