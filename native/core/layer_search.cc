#include "core/layer_search.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// One component in one layer. `prefix` is what of the name lies before it, `rest` what follows
// (with its slash); `last_layer` spares what only matters to layers below.
Result<LayerHit> LookupComponent(LayerSearch& search, const DirPtr& base,
                                 const std::string& component, const std::string& prefix,
                                 const std::string& rest, bool last_layer) {
  LayerHit hit;
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
  if (!marks.ok()) {
    if (marks.failure().err == ENOENT) return LayerHit();  // as if it had gone before
    return std::move(marks.failure());
  }
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

}  // namespace

Status LayerSearch::Redirect(const std::string& value, const std::string& prefix,
                             const std::string& rest, const std::string& where) {
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

Result<LayerHit> LookupLayer(LayerSearch& search, const DirPtr& base, bool last_layer) {
  if (!search.Absolute()) {
    static const std::string none;
    const std::string name = search.name;  // which a redirect rewrites
    return LookupComponent(search, base, name, none, none, last_layer);
  }
  DirPtr at = base;
  // Counting what remains from the end keeps the place while a redirect changes the front.
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

}  // namespace ovl
