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

// Follows the path from the root, by name: no directory is read.
Result<Sides> Resolve(const Layers& layers, const std::string& path) {
  DirStack roots(layers.lowers.begin(),
                 layers.lowers.begin() + static_cast<std::ptrdiff_t>(layers.ordinary()));
  Sides sides;
  sides.upper_dir = layers.upper;
  sides.before.dirs = roots;
  sides.after.dirs = layers.plain ? DirStack{layers.plain} : std::move(roots);
  sides.before.kind = sides.after.kind = Found::Kind::kDirectory;
  std::string_view rest = path == "." ? std::string_view() : path;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string name(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    // Names of entries only: no way leads out of a layer.
    if (name.empty() || name == "." || name == "..") return Refusal(ENOENT, "openat", "", path);
    const MergedDirectory dir(std::move(sides.upper_dir), std::move(sides.after.dirs),
                              std::move(sides.before.dirs));
    auto next = ResolveSides(layers, dir, name, dir.upper != nullptr);
    if (!next.ok()) return std::move(next.failure());
    sides = std::move(next.value());
  }
  return sides;
}

Status ApplyIndex(const Layers& layers, Sides& sides) {
  const Found& after = sides.after;
  if (after.kind != Found::Kind::kFile || after.top.st.st_nlink < 2) return Done{};
  auto own = layers.Reopen();
  if (!own.ok()) return std::move(own.failure());
  LinkIndexReader reader(std::move(own.value()), LinkIndexReader::Want::kInodes);
  const CancelFlag never{false};
  for (bool more = true; more;) {
    auto read = reader.Next(WorkSlice(never, std::chrono::hours(1)));
    if (!read.ok()) return std::move(read.failure());
    more = read.value();
  }
  reader.Take().Apply(sides);
  return Done{};
}

}  // namespace

Result<UniqueFd> OpenSide(const Layers& shared, const std::string& path, Side side) {
  Layers layers = shared;  // the directories are read by name only, and can be shared
  layers.marks = shared.marks.Apart();
  auto sides = Resolve(layers, path);
  if (!sides.ok()) return std::move(sides.failure());
  auto indexed = ApplyIndex(layers, sides.value());
  if (!indexed.ok()) return std::move(indexed.failure());
  const Found& found = side == Side::kBefore ? sides.value().before : sides.value().after;
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
