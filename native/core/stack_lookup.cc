#include "core/stack_lookup.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/layer_search.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

constexpr const char* kMissingData = "metacopy-without-data";

// A regular file of a data-only layer, by its path from the root: there nothing is a mark, and a
// path may go up as long as it stays inside. Without a directory if there is none.
Result<LayerEntry> LookupData(const DirPtr& root, std::string_view path) {
  DirPtr at = root;
  while (!path.empty()) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    const size_t end = std::min(path.find('/'), path.size());
    const std::string name(path.substr(0, end));
    path.remove_prefix(end);
    if (name == "." || name == "..") {
      if (name == ".." && at->IsRoot()) return LayerEntry{};
      if (name == "..") at = DirPtr(at->parent());
      continue;
    }
    auto fd = at->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    LayerEntry entry{at, name, {}};
    auto there = StatAt(fd.value(), name, entry.st);
    if (!there.ok()) return Located(std::move(there.failure()), at, name);
    if (!there.value()) return LayerEntry{};
    if (path.empty() && S_ISREG(entry.st.st_mode)) return entry;
    if (!S_ISDIR(entry.st.st_mode)) return LayerEntry{};
    at = LayerDir::Child(at, name, entry.st.st_dev, entry.st.st_ino);
  }
  return LayerEntry{};
}

// Of the last layer the marks of a directory are not read. A redirect may lead to any layer below,
// so that it is the bottom-most of all; without redirects it is that of this directory.
bool IsLast(const Layers& layers, const DirPtr& base, bool last_of_stack, bool directory) {
  if (layers.plain) return true;  // nothing is a mark, and there is one directory on each side
  if (layers.data_only == 0 && !layers.marks.FollowsRedirects()) return last_of_stack;
  return base->layer() + 1 == layers.ordinary() && (directory || layers.data_only == 0);
}

// What is found where nothing has to be put together of several layers: nothing, a file that has
// its data, and a directory in the last layer. Most entries are such, and take no more than the
// calls that they need. False: it takes the search, from the start.
Result<bool> LookupAlone(const Layers& layers, const DirStack& stack, const LookupStart& start,
                         Found& found) {
  const std::string& name = start.name;
  const bool elsewhere = name.empty() || name[0] == '/' || name == "." || name == "..";
  if (start.directory || start.metacopy || elsewhere) return false;
  struct stat& st = found.top.st;
  for (size_t i = 0; i < stack.size(); ++i) {
    const DirPtr& base = stack[i];
    const bool last = IsLast(layers, base, i + 1 == stack.size(), false);
    DirPtr dir;
    if (start.expected) {
      if (!last) return false;
      auto opened = LayerDir::OpenedChild(base, name, DirUse::kLookUp, st);
      if (opened.ok() && !opened.value()) continue;
      // Where it cannot be opened it is asked about as everything else.
      if (opened.ok()) dir = std::move(opened.value());
    }
    if (!dir) {
      auto fd = base->Fd();
      if (!fd.ok()) {
        if (fd.failure().err == ENOENT) continue;
        return std::move(fd.failure());
      }
      auto there = StatAt(fd.value(), name, st);
      if (!there.ok()) return Located(std::move(there.failure()), base, name);
      if (!there.value()) continue;
    }
    found.top.dir = base;
    found.top.name = name;
    if (S_ISDIR(st.st_mode)) {
      if (!last) return false;
      found.kind = Found::Kind::kDirectory;
      found.dirs.push_back(dir ? std::move(dir)
                               : LayerDir::Child(base, name, st.st_dev, st.st_ino));
      return true;
    }
    auto whiteout = IsWhiteout(layers, found.top, found.xattrs);
    if (!whiteout.ok()) return std::move(whiteout.failure());
    if (whiteout.value() == Whiteout::kYes) {
      found.Clear();
      return true;
    }
    found.unknown = whiteout.value() == Whiteout::kUnknown;
    found.kind = Found::Kind::kFile;
    if (S_ISREG(st.st_mode)) {
      auto marks = ReadFileMarks(layers, found.top, found.xattrs);
      if (!marks.ok()) return std::move(marks.failure());
      if (marks.value().metacopy) return false;
      found.data_unknown = marks.value().unknown;
    }
    found.data = found.top;
    return true;
  }
  found.top.Clear();
  return true;
}

Result<Found> SearchStack(const Layers& layers, const DirStack& stack, const LookupStart& start) {
  LayerSearch search{layers, start.name, start.directory, start.metacopy};
  search.absolute_redirect = search.Absolute();
  bool from_roots = search.Absolute();
  const size_t ordinary = layers.ordinary();
  const DirStack& roots = layers.lowers;
  Found found;
  // With an absolute name every ordinary layer is searched from its root, else the stack's.
  size_t i = 0;
  const auto size = [&] { return from_roots ? ordinary : stack.size(); };
  while (!search.stop && i < size()) {
    const DirPtr& base = from_roots ? roots[i] : stack[i];
    const bool last = IsLast(layers, base, i + 1 == size(), search.directory);
    search.redirected = false;
    auto hit = LookupLayer(search, base, last);
    if (!hit.ok()) return std::move(hit.failure());
    ++i;
    if (hit.value().found) {
      LayerHit& each = hit.value();
      if (each.directory) {
        found.dirs.push_back(std::move(each.dir));
      } else if (!search.metacopy) {
        found.data = each.entry;
      }
      if (found.kind == Found::Kind::kNothing) {
        found.kind = each.directory ? Found::Kind::kDirectory : Found::Kind::kFile;
        found.top = std::move(each.entry);
        found.xattrs = std::move(each.xattrs);
      }
    }
    if (search.stop) break;
    if (search.redirected && search.Absolute() && !from_roots) {
      from_roots = true;
      i = base->layer() + 1;
    }
  }
  // Data-only layers are no part of the tree; only an absolute redirect of a metacopy gets there.
  if (search.metacopy && search.absolute_redirect && search.Absolute() && !found.data.dir) {
    for (size_t d = ordinary; d < roots.size() && !found.data.dir; ++d) {
      auto data = LookupData(roots[d], search.name);
      if (!data.ok()) return std::move(data.failure());
      found.data = std::move(data.value());
    }
  }
  // Where data-only layers may have it the kernel looks when the file is opened, else at once.
  const bool later = layers.data_only > 0 && search.absolute_redirect && search.Absolute();
  if (found.kind == Found::Kind::kFile && !found.data.dir && !later) {
    return MissingData(found.top);
  }
  found.unknown = search.unknown;
  found.data_unknown = search.data_unknown;
  return found;
}

}  // namespace

void Found::Clear() {
  kind = Kind::kNothing;
  unknown = data_unknown = false;
  top.Clear();
  data.dir.reset();  // without it nobody looks at the rest
  data.name.clear();
  xattrs.Clear();
  dirs.clear();
}

Failure MissingData(const LayerEntry& metacopy) {
  return Refusal(EIO, "openat", kMissingData, metacopy.dir->PathOf(metacopy.name));
}

bool IsMissingData(const Failure& failure) {
  return std::string_view(failure.reason) == kMissingData;
}

Status LookupNameInto(const Layers& layers, const DirStack& stack, const LookupStart& start,
                      Found& found) {
  found.Clear();
  auto alone = LookupAlone(layers, stack, start, found);
  if (!alone.ok()) return std::move(alone.failure());
  if (alone.value()) return Done{};
  auto searched = SearchStack(layers, stack, start);
  if (!searched.ok()) return std::move(searched.failure());
  found = std::move(searched.value());
  return Done{};
}

Result<Found> LookupName(const Layers& layers, const DirStack& stack, const LookupStart& start) {
  Found found;
  auto status = LookupNameInto(layers, stack, start, found);
  if (!status.ok()) return std::move(status.failure());
  return found;
}

}  // namespace ovl
