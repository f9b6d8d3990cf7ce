#include "core/markers.h"

#include <algorithm>

namespace ovl {

namespace {

template <typename Visit>
void EachName(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t end = list.find('\0');
    visit(list.substr(0, end));
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
}

// XFS shows POSIX ACLs a second time under these names; they are the filesystem's own storage.
bool IsFilesystemInternal(std::string_view name) {
  return name == "trusted.SGI_ACL_FILE" || name == "trusted.SGI_ACL_DEFAULT";
}

}  // namespace

std::string_view MarkerPrefix(MarkerSpace space) {
  return space == MarkerSpace::kUser ? "user.overlay." : "trusted.overlay.";
}

Markers FindMarkers(std::string_view list, MarkerSpace space) {
  Markers found;
  if (space == MarkerSpace::kNone) return found;
  const std::string_view prefix = MarkerPrefix(space);
  EachName(list, [&](std::string_view name) {
    if (!name.starts_with(prefix)) return;
    name.remove_prefix(prefix.size());
    if (name == "opaque") found.opaque = true;
    if (name == "redirect") found.redirect = true;
    if (name == "metacopy") found.metacopy = true;
    if (name == "whiteout") found.whiteout = true;
    if (name == "nlink") found.nlink = true;
    if (name == "origin") found.origin = true;
    if (name == "impure" || name == "upper" || name == "uuid" || name == "protattr") {
      found.any = true;
    }
  });
  found.any = found.any || found.opaque || found.redirect || found.metacopy || found.whiteout ||
              found.nlink || found.origin;
  return found;
}

std::vector<std::string> OverlayXattrs(std::string_view list) {
  std::vector<std::string> out;
  EachName(list, [&](std::string_view name) {
    if (name.starts_with(MarkerPrefix(MarkerSpace::kTrusted)) ||
        name.starts_with(MarkerPrefix(MarkerSpace::kUser))) {
      out.emplace_back(name);
    }
  });
  std::sort(out.begin(), out.end());
  return out;
}

std::string MarkerName(MarkerSpace space, std::string_view mark) {
  std::string name(MarkerPrefix(space));
  name.append(mark);
  return name;
}

std::vector<VisibleXattr> VisibleXattrs(std::string_view list, MarkerSpace space) {
  const std::string_view prefix = MarkerPrefix(space);
  constexpr std::string_view kEscape = "overlay.";
  std::vector<VisibleXattr> out;
  EachName(list, [&](std::string_view name) {
    if (IsFilesystemInternal(name)) return;
    if (space == MarkerSpace::kNone || !name.starts_with(prefix)) {
      out.push_back({std::string(name), std::string(name)});
      return;
    }
    const std::string_view rest = name.substr(prefix.size());
    if (!rest.starts_with(kEscape)) return;
    std::string visible(prefix);
    visible.append(rest.substr(kEscape.size()));
    out.push_back({std::string(name), std::move(visible)});
  });
  std::sort(out.begin(), out.end(),
            [](const VisibleXattr& a, const VisibleXattr& b) { return a.visible < b.visible; });
  return out;
}

}  // namespace ovl
