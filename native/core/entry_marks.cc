#include "core/entry_marks.h"

#include <string_view>
#include <utility>

#include "core/sys_xattr.h"

namespace ovl {

namespace {

// Nothing, or a header (version, length, flags, algorithm: struct ovl_metacopy) and perhaps a
// digest. The kernel refuses one that is too short, and looks at the rest for fs-verity only.
bool IsMetacopyValue(std::string_view value) {
  constexpr size_t kHeader = 4;
  return value.empty() || value.size() >= kHeader;
}

Result<Markers> ListMarks(const Layers& layers, const LayerEntry& entry, XattrList& xattrs) {
  auto listed = ListXattrsOf(entry, xattrs);
  if (!listed.ok()) return std::move(listed.failure());
  return layers.marks.Read(xattrs.names, entry.dir, entry.name);
}

Result<bool> ReadMark(const Layers& layers, const LayerEntry& entry, std::string_view mark,
                      std::string& value) {
  return GetXattrOf(entry, MarkerName(layers.marks.space(), mark), value);
}

}  // namespace

Status ListXattrsOf(const LayerEntry& entry, XattrList& xattrs) {
  if (xattrs.known) return Done{};
  auto fd = entry.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto listed = entry.name.empty() ? ListXattrs(fd.value(), xattrs.names)
                                   : ListXattrsAt(fd.value(), entry.name, xattrs.names);
  if (!listed.ok()) return Located(std::move(listed.failure()), entry.dir, entry.name);
  xattrs.known = true;
  return Done{};
}

Result<bool> GetXattrOf(const LayerEntry& entry, const std::string& attribute, std::string& value) {
  auto fd = entry.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto got = entry.name.empty() ? GetXattr(fd.value(), attribute, value)
                                : GetXattrAt(fd.value(), entry.name, attribute, value);
  if (!got.ok()) return Located(std::move(got.failure()), entry.dir, entry.name);
  return got;
}

Result<std::string> CheckRedirect(const std::string& value, const std::string& where) {
  std::string name = value.substr(0, value.find('\0'));  // to the kernel it is a C string
  const bool absolute = !name.empty() && name[0] == '/';
  const bool bad =
      name.empty() || name.back() == '/' || name.find(absolute ? "//" : "/") != std::string::npos;
  if (bad) return Refusal(EINVAL, "getxattr", "bad-redirect", where);
  return name;
}

Result<Whiteout> IsWhiteout(const Layers& layers, const LayerEntry& entry, XattrList& xattrs) {
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
                                          XattrList& xattrs, const DirPtr& itself) {
  DirectoryMarks marks;
  if (directory.name.empty()) return marks;  // on the root of a layer the kernel ignores both
  marks.unknown = !layers.marks.readable();
  if (marks.unknown || layers.marks.space() == MarkerSpace::kNone) return marks;
  const LayerEntry own{itself, "", {}};
  const LayerEntry& asked = itself && itself->IsOpen() ? own : directory;
  auto found = ListMarks(layers, asked, xattrs);
  if (!found.ok()) return std::move(found.failure());
  std::string value;
  if (found.value().opaque) {
    auto got = ReadMark(layers, asked, "opaque", value);
    if (!got.ok()) return std::move(got.failure());
    // Exactly one byte counts; "x" announces whiteouts by attribute, which are found by looking.
    marks.opaque = got.value() && value == "y";
  }
  if (found.value().redirect && !marks.opaque) {
    auto got = ReadMark(layers, asked, "redirect", value);
    if (!got.ok()) return std::move(got.failure());
    if (got.value()) {
      auto checked = CheckRedirect(value, directory.dir->PathOf(directory.name));
      if (!checked.ok()) return std::move(checked.failure());
      marks.redirect = std::move(checked.value());
    }
  }
  return marks;
}

Result<FileMarks> ReadFileMarks(const Layers& layers, const LayerEntry& file, XattrList& xattrs) {
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

}  // namespace ovl
