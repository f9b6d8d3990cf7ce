#include "core/mark_reader.h"

namespace ovl {

MarkReader MarkReader::Decided(MarkerSpace space) {
  MarkReader reader;
  reader.space_ = space;
  return reader;
}

MarkReader MarkReader::Undecided() {
  MarkReader reader;
  reader.decided_ = false;
  reader.met_ = std::make_shared<Met>();
  return reader;
}

MarkReader MarkReader::Apart() const {
  MarkReader reader = *this;
  if (met_) reader.met_ = std::make_shared<Met>();
  return reader;
}

MarkReader MarkReader::Unreadable() {
  MarkReader reader;
  reader.readable_ = false;
  return reader;
}

Result<Markers> MarkReader::Read(std::string_view list, const DirPtr& dir,
                                 const std::string& name) const {
  if (!readable_ || list.empty()) return Markers{};
  if (decided_) return FindMarkers(list, space_);
  const Markers trusted = FindMarkers(list, MarkerSpace::kTrusted);
  const Markers user = FindMarkers(list, MarkerSpace::kUser);
  if (!trusted.any && !user.any) return trusted;
  const MarkerSpace here = user.any ? MarkerSpace::kUser : MarkerSpace::kTrusted;
  if ((trusted.any && user.any) || (met_->any && here != met_->space)) {
    return Refusal(ENOTSUP, "listxattr", "both-namespaces", dir->PathOf(name));
  }
  *met_ = Met{true, here};
  return user.any ? user : trusted;
}

// A mount with userxattr neither follows redirects nor knows metacopies: it answers EPERM for the
// entry, so there is no view of it that could be described.
Status MarkReader::CheckRedirect(const DirPtr& dir, const std::string& name) const {
  if (space() == MarkerSpace::kUser) {
    return Refusal(ENOTSUP, "listxattr", "user-redirect", dir->PathOf(name));
  }
  if (!redirects_) {
    return Refusal(ENOTSUP, "listxattr", "redirect-not-followed", dir->PathOf(name));
  }
  return Done{};
}

Status MarkReader::CheckMetacopy(const DirPtr& dir, const std::string& name) const {
  if (space() == MarkerSpace::kUser) {
    return Refusal(ENOTSUP, "listxattr", "user-metacopy", dir->PathOf(name));
  }
  if (!metacopies_) {
    return Refusal(ENOTSUP, "listxattr", "metacopy-not-followed", dir->PathOf(name));
  }
  return Done{};
}

}  // namespace ovl
