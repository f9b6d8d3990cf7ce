#include "core/stack_lookup.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/sys_file.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

constexpr const char* kMissingData = "metacopy-without-data";

// The search for one name, from layer to layer.
struct Search {
  const Layers& layers;
  std::string name;  // relative to the directory at hand, or absolute from the layer's root
  bool directory = false;
  bool metacopy = false;
  bool stop = false;
  bool unknown = false;            // marks could not be read that may decide the search
  bool data_unknown = false;       // and such that may decide where the data is
  bool redirected = false;         // by the layer searched last
  bool absolute_redirect = false;  // an absolute one was met anywhere

  bool Absolute() const { return !name.empty() && name[0] == '/'; }

  // Puts a redirect of the component that `prefix` ends before and `rest` begins after into the
  // name that the layers below are searched for.
  Status Redirect(const std::string& value, const std::string& prefix, const std::string& rest,
                  const std::string& where) {
    auto checked = CheckRedirect(value, where);
    if (!checked.ok()) return std::move(checked.failure());
    if (value[0] == '/') {
      // An opaque ancestor on an absolute path had ended the search; an absolute redirect further
      // down sends it on.
      stop = false;
      absolute_redirect = true;
      name = value + rest;
    } else {
      name = prefix + value + rest;
    }
    redirected = true;
    return Done{};
  }
};

struct Hit {
  bool found = false;
  bool directory = false;
  LayerEntry entry;
  std::optional<std::string> xattrs;
  DirPtr dir;  // of a directory: itself
};

// One component in one layer. `prefix` is what of the name lies before it, `rest` what follows
// (with its slash); `last_layer` spares what only matters to layers below.
Result<Hit> LookupComponent(Search& search, const DirPtr& base, const std::string& component,
                            const std::string& prefix, const std::string& rest, bool last_layer) {
  Hit hit;
  // A redirect may hold such a name, and the kernel refuses it when the search gets there.
  if (component == "." || component == "..") {
    return Refusal(EACCES, "openat", "bad-redirect", base->PathOf(component));
  }
  auto fd = base->Fd();
  if (!fd.ok()) {
    if (fd.failure().err == ENOENT) return hit;
    return std::move(fd.failure());
  }
  auto there = StatAt(fd.value(), component, hit.entry.st);
  if (!there.ok()) return Located(std::move(there.failure()), base, component);
  if (!there.value()) return hit;
  hit.entry.dir = base;
  hit.entry.name = component;
  const mode_t mode = hit.entry.st.st_mode;

  const bool last_component = rest.empty();
  auto whiteout = IsWhiteout(search.layers, hit.entry, hit.xattrs);
  if (!whiteout.ok()) return std::move(whiteout.failure());
  if (whiteout.value() == Whiteout::kYes) {
    search.stop = true;
    return hit;
  }
  if (whiteout.value() == Whiteout::kUnknown) search.unknown = true;
  // Below a metacopy only a regular file can hold the data.
  if (last_component && search.metacopy && !S_ISREG(mode)) {
    search.stop = true;
    return hit;
  }
  if (!S_ISDIR(mode)) {
    if (search.directory || !last_component) {
      search.stop = true;
      return hit;
    }
    hit.found = true;
    search.metacopy = false;
    if (S_ISREG(mode)) {
      auto marks = ReadFileMarks(search.layers, hit.entry, hit.xattrs);
      if (!marks.ok()) return std::move(marks.failure());
      if (marks.value().unknown) search.data_unknown = true;
      search.metacopy = marks.value().metacopy;
      // From the bottom-most ordinary layer into a data-only one is allowed always (Linux 6.16).
      const bool into_data = base->layer() + 1 == search.layers.ordinary() &&
                             search.layers.data_only > 0 && marks.value().redirect[0] == '/';
      if (search.metacopy && !into_data) {
        auto follow = search.layers.marks.CheckMetacopy(base, component);
        if (!follow.ok()) return std::move(follow.failure());
      }
      if (search.metacopy && !marks.value().redirect.empty()) {
        auto status =
            search.Redirect(marks.value().redirect, prefix, rest, base->PathOf(component));
        if (!status.ok()) return std::move(status.failure());
      }
    }
    search.stop = !search.metacopy;
    return hit;
  }
  hit.found = true;
  hit.directory = true;
  hit.dir = LayerDir::Child(base, component, hit.entry.st.st_dev, hit.entry.st.st_ino);
  if (last_component) search.directory = true;
  if (last_layer) return hit;
  auto marks = ReadDirectoryMarks(search.layers, hit.entry, hit.xattrs);
  if (!marks.ok()) return std::move(marks.failure());
  if (marks.value().unknown) search.unknown = true;
  if (marks.value().opaque) {
    search.stop = true;
  } else if (!marks.value().redirect.empty()) {
    auto follow = search.layers.marks.CheckRedirect(hit.dir, "");
    if (!follow.ok()) return std::move(follow.failure());
    auto status = search.Redirect(marks.value().redirect, prefix, rest, base->PathOf(component));
    if (!status.ok()) return std::move(status.failure());
  }
  return hit;
}

// The name in one layer: a single component of `base`, or an absolute path from the layer's root.
// A redirect met on the way rewrites the name for the layers below even if a later component is
// then missing here; counting what remains from the end keeps the place while the front changes.
Result<Hit> LookupLayer(Search& search, const DirPtr& base, bool last_layer) {
  if (!search.Absolute()) {
    static const std::string none;
    const std::string name = search.name;  // which a redirect rewrites
    return LookupComponent(search, base, name, none, none, last_layer);
  }
  DirPtr at = base;
  size_t remaining = search.name.size() - 1;
  for (;;) {
    const std::string whole = search.name;
    const size_t begin = whole.size() - remaining;
    const size_t end = std::min(whole.find('/', begin), whole.size());
    auto hit = LookupComponent(search, at, whole.substr(begin, end - begin), whole.substr(0, begin),
                               whole.substr(end), last_layer);
    if (!hit.ok() || !hit.value().found || end == whole.size()) return hit;
    remaining -= end - begin + 1;
    at = hit.value().dir;
  }
}

// Nothing, or a header (version, length, flags, algorithm: struct ovl_metacopy) and perhaps a
// digest. The kernel refuses one that is too short, and looks at the rest for fs-verity only.
bool IsMetacopyValue(std::string_view value) {
  constexpr size_t kHeader = 4;
  return value.empty() || value.size() >= kHeader;
}

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

// One list serves the marks and, later, the comparison of all attributes.
Result<Markers> ListMarks(const Layers& layers, const LayerEntry& entry,
                          std::optional<std::string>& xattrs) {
  if (!xattrs) {
    auto fd = entry.dir->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    auto list = ListXattrsAt(fd.value(), entry.name);
    if (!list.ok()) return Located(std::move(list.failure()), entry.dir, entry.name);
    xattrs = std::move(list.value());
  }
  return layers.marks.Read(*xattrs, entry.dir, entry.name);
}

Result<bool> ReadMark(const Layers& layers, const LayerEntry& entry, std::string_view mark,
                      std::string& value) {
  auto fd = entry.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto got = GetXattrAt(fd.value(), entry.name, MarkerName(layers.marks.space(), mark), value);
  if (!got.ok()) return Located(std::move(got.failure()), entry.dir, entry.name);
  return got;
}

}  // namespace

void Found::Clear() {
  kind = Kind::kNothing;
  unknown = data_unknown = false;
  top.Clear();
  data.Clear();
  xattrs.reset();
  dirs.clear();
}

Failure MissingData(const LayerEntry& metacopy) {
  return Refusal(EIO, "openat", kMissingData, metacopy.dir->PathOf(metacopy.name));
}

bool IsMissingData(const Failure& failure) {
  return std::string_view(failure.reason) == kMissingData;
}

Result<std::string> CheckRedirect(const std::string& value, const std::string& where) {
  std::string name = value.substr(0, value.find('\0'));  // to the kernel it is a C string
  const bool absolute = !name.empty() && name[0] == '/';
  const bool bad =
      name.empty() || name.back() == '/' || name.find(absolute ? "//" : "/") != std::string::npos;
  if (bad) return Refusal(EINVAL, "getxattr", "bad-redirect", where);
  return name;
}

Result<Whiteout> IsWhiteout(const Layers& layers, const LayerEntry& entry,
                            std::optional<std::string>& xattrs) {
  if (layers.marks.space() == MarkerSpace::kNone) return Whiteout::kNo;
  if (IsWhiteoutDevice(entry.st)) return Whiteout::kYes;
  if (!MayBeXattrWhiteout(entry.st)) return Whiteout::kNo;
  if (!layers.marks.readable()) return Whiteout::kUnknown;
  auto marks = ListMarks(layers, entry, xattrs);
  if (!marks.ok()) {
    if (marks.failure().err == ENOENT) return Whiteout::kNo;
    return std::move(marks.failure());
  }
  return marks.value().whiteout ? Whiteout::kYes : Whiteout::kNo;
}

Result<DirectoryMarks> ReadDirectoryMarks(const Layers& layers, const LayerEntry& directory,
                                          std::optional<std::string>& xattrs) {
  DirectoryMarks marks;
  if (directory.name.empty()) return marks;  // on the root of a layer the kernel ignores both
  marks.unknown = !layers.marks.readable();
  if (marks.unknown || layers.marks.space() == MarkerSpace::kNone) return marks;
  auto found = ListMarks(layers, directory, xattrs);
  if (!found.ok()) {
    if (found.failure().err == ENOENT) return marks;
    return std::move(found.failure());
  }
  std::string value;
  if (found.value().opaque) {
    auto got = ReadMark(layers, directory, "opaque", value);
    if (!got.ok()) return std::move(got.failure());
    // Exactly one byte counts; "x" announces whiteouts by attribute, which are found by looking.
    marks.opaque = got.value() && value == "y";
  }
  if (found.value().redirect && !marks.opaque) {
    auto got = ReadMark(layers, directory, "redirect", value);
    if (!got.ok()) return std::move(got.failure());
    if (got.value()) {
      auto checked = CheckRedirect(value, directory.dir->PathOf(directory.name));
      if (!checked.ok()) return std::move(checked.failure());
      marks.redirect = std::move(checked.value());
    }
  }
  return marks;
}

Result<FileMarks> ReadFileMarks(const Layers& layers, const LayerEntry& file,
                                std::optional<std::string>& xattrs) {
  FileMarks marks;
  marks.unknown = !layers.marks.readable();
  if (marks.unknown || layers.marks.space() == MarkerSpace::kNone) return marks;
  auto read = ListMarks(layers, file, xattrs);
  if (!read.ok()) return std::move(read.failure());
  const Markers& found = read.value();
  marks.whiteout = found.whiteout;
  marks.nlink = found.nlink;
  marks.origin = found.origin;
  // Only a regular file can be one, and a redirect without it is stale and ignored.
  if (!found.metacopy || !S_ISREG(file.st.st_mode)) return marks;
  const auto path = [&file] { return file.dir->PathOf(file.name); };
  std::string value;
  auto got = ReadMark(layers, file, "metacopy", value);
  if (!got.ok()) return std::move(got.failure());
  if (!got.value()) return marks;
  if (!IsMetacopyValue(value)) return Refusal(EIO, "getxattr", "bad-metacopy", path());
  marks.metacopy = true;
  if (!found.redirect) return marks;
  got = ReadMark(layers, file, "redirect", value);
  if (!got.ok()) return std::move(got.failure());
  if (!got.value()) return marks;
  auto checked = CheckRedirect(value, path());
  if (!checked.ok()) return std::move(checked.failure());
  marks.redirect = std::move(checked.value());
  return marks;
}

namespace {

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
  Search search{layers, start.name, start.directory, start.metacopy};
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
      Hit& each = hit.value();
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
