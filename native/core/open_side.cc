#include "core/open_side.h"

#include <chrono>
#include <string_view>
#include <utility>

#include "core/link_index.h"
#include "core/sides.h"
#include "core/sys_file.h"
#include "core/work_slice.h"

namespace ovl {

namespace {

// What an index says of one lower file. Where it is lost the upper has to be searched.
Result<LinkIndex> IndexOf(const Layers& layers, const LayerEntry& lower) {
  if (layers.index_use == IndexUse::kRead) return FindInIndex(layers, lower);
  auto own = layers.Reopen();
  if (!own.ok()) return std::move(own.failure());
  LinkIndexReader reader(std::move(own.value()));
  const CancelFlag never{false};
  for (bool more = true; more;) {
    auto read = reader.Next(WorkSlice(never, std::chrono::hours(1)));
    if (!read.ok()) return std::move(read.failure());
    more = read.value();
  }
  return reader.Take();
}

// Takes the first name off a path. Names of entries only: no way leads out of a layer.
Result<std::string> TakeName(std::string_view& rest) {
  const size_t end = std::min(rest.find('/'), rest.size());
  std::string name(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (name.empty() || name == "." || name == "..") return Refusal(ENOENT, "openat", "");
  return name;
}

DirStack Roots(const Layers& layers) {
  return DirStack(layers.lowers.begin(),
                  layers.lowers.begin() + static_cast<std::ptrdiff_t>(layers.ordinary()));
}

// Both follow the path from the root, by name: no directory is read. What is wrong with the upper
// is no matter for what was there before it.
Result<Found> ResolveBefore(const Layers& layers, std::string_view rest) {
  Found found;
  found.kind = Found::Kind::kDirectory;
  found.dirs = Roots(layers);
  while (!rest.empty()) {
    auto name = TakeName(rest);
    if (!name.ok()) return std::move(name.failure());
    auto next = LookupName(layers, found.dirs, LookupStart{name.value(), false, false});
    if (!next.ok()) return std::move(next.failure());
    found = std::move(next.value());
  }
  return found;
}

Result<Found> ResolveAfter(const Layers& layers, std::string_view rest) {
  Sides sides;
  sides.upper_dir = layers.upper;
  sides.before.dirs = Roots(layers);
  sides.after.dirs = layers.plain ? DirStack{layers.plain} : Roots(layers);
  sides.after.kind = Found::Kind::kDirectory;
  while (!rest.empty()) {
    auto name = TakeName(rest);
    if (!name.ok()) return std::move(name.failure());
    const MergedDirectory dir(std::move(sides.upper_dir), std::move(sides.after.dirs),
                              std::move(sides.before.dirs));
    Listed listed;
    listed.in_upper = dir.upper != nullptr;
    auto status = ResolveSides(layers, dir, name.value(), listed, sides);
    if (!status.ok()) return std::move(status.failure());
  }
  const Found& after = sides.after;
  const bool linked = after.kind == Found::Kind::kFile && after.top.st.st_nlink > 1;
  if (!linked || sides.in_upper || layers.index_use == IndexUse::kOff) {
    return std::move(sides.after);
  }
  auto index = IndexOf(layers, after.top);
  if (!index.ok()) return std::move(index.failure());
  index.value().Apply(sides);
  return std::move(sides.after);
}

}  // namespace

Result<UniqueFd> OpenSide(const Layers& shared, const std::string& path, Side side) {
  Layers layers = shared;  // the directories are read by name only, and can be shared
  layers.marks = shared.marks.Apart();
  const std::string_view way = path == "." ? std::string_view() : path;
  auto resolved = side == Side::kBefore ? ResolveBefore(layers, way) : ResolveAfter(layers, way);
  if (!resolved.ok()) {
    if (resolved.failure().path.empty()) resolved.failure().path = path;
    return std::move(resolved.failure());
  }
  const Found& found = resolved.value();
  if (path.ends_with('/')) return Refusal(ENOENT, "openat", "", path);
  if (found.kind == Found::Kind::kNothing) return Refusal(ENOENT, "openat", "", path);
  if (found.kind != Found::Kind::kFile || !S_ISREG(found.top.st.st_mode)) {
    return Refusal(EINVAL, "openat", "not-a-file", path);
  }
  if (!found.data.dir) return MissingData(found.top);
  auto dir = found.data.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  auto fd = OpenFileAt(dir.value(), found.data.name);
  if (!fd.ok()) return Located(std::move(fd.failure()), found.data.dir, found.data.name);
  return fd;
}

}  // namespace ovl
