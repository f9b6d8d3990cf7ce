#include "core/layer_ancestry.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/sys_file.h"
#include "core/sys_mount.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

FileId IdOf(const struct stat& st) { return FileId{st.st_dev, st.st_ino}; }

std::vector<FileId> ChainOf(const LayerPlace& place) {
  std::vector<FileId> chain{IdOf(place.st)};
  UniqueFd at;
  bool at_root = place.mount.root;
  while (!at_root) {
    auto parent = OpenParent(at ? at.get() : place.fd.get());
    if (!parent.ok()) break;  // not a directory, or one we may not pass
    auto st = StatFd(parent.value().get());
    auto mount = IdentifyMount(parent.value().get());
    if (!st.ok() || !mount.ok() || mount.value().id != place.mount.id) break;
    if (IdOf(st.value()) == chain.back()) break;  // a kernel that does not tell roots of mounts
    chain.push_back(IdOf(st.value()));
    at_root = mount.value().root;
    at = std::move(parent.value());
  }
  return chain;
}

std::string InsidePath(const LayerPlace& place, const std::vector<MountEntry>& table) {
  const auto entry = std::find_if(table.begin(), table.end(), [&](const MountEntry& each) {
    return each.id == place.table_id;
  });
  auto path = PathOfFd(place.fd.get());
  if (entry == table.end() || !path.ok()) return {};
  return InsidePath(*entry, path.value());
}

}  // namespace

// Component by component: "ab" is not below "a".
bool NamesWithin(std::string_view inner, std::string_view outer) {
  if (!inner.starts_with(outer)) return false;
  return inner.size() == outer.size() || outer.ends_with('/') || inner[outer.size()] == '/';
}

std::string InsidePath(const MountEntry& mount, std::string_view path) {
  if (!NamesWithin(path, mount.target)) return {};
  std::string_view below = path.substr(mount.target.size());
  if (below.starts_with('/')) below.remove_prefix(1);
  std::string inside = mount.root;
  if (!below.empty()) {
    if (!inside.ends_with('/')) inside.push_back('/');
    inside.append(below);
  }
  return inside;
}

Ancestry AncestryOf(const LayerPlace& place, const std::vector<MountEntry>& table) {
  return Ancestry{ChainOf(place), place.missing, InsidePath(place, table)};
}

bool IsWithin(const Ancestry& inner, const Ancestry& outer) {
  const FileId& wanted = outer.chain.front();
  if (!outer.missing.empty()) {
    return inner.chain.front() == wanted && NamesWithin(inner.missing, outer.missing);
  }
  if (std::find(inner.chain.begin(), inner.chain.end(), wanted) != inner.chain.end()) return true;
  // Seen through different mounts of one filesystem.
  return inner.chain.front().dev == wanted.dev && !inner.inside.empty() && !outer.inside.empty() &&
         NamesWithin(inner.inside, outer.inside);
}

}  // namespace ovl
