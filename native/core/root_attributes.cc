#include "core/root_attributes.h"

#include <cerrno>

#include "core/owner_text.h"
#include "core/rootless_child.h"
#include "core/sys_file.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

struct Giving {
  int upper = -1;
  raw::RootAttributes* attributes = nullptr;
  const char* failed = nullptr;
  int err = 0;
};

void GiveRaw(void* argument) {
  auto& giving = *static_cast<Giving*>(argument);
  giving.failed = raw::GiveAttributes(giving.upper, *giving.attributes);
  giving.err = errno;
}

}  // namespace

Status RootAttributes::Read(int lower, MarkerSpace space) {
  auto st = StatFd(lower);
  if (!st.ok()) return std::move(st.failure());
  raw_.mode = st.value().st_mode;
  raw_.uid = st.value().st_uid;
  raw_.gid = st.value().st_gid;
  raw_.times[0] = st.value().st_atim;
  raw_.times[1] = st.value().st_mtim;
  std::string list;
  auto listed = ListXattrs(lower, list);
  if (!listed.ok()) return listed;
  for (const VisibleXattr& attribute : VisibleXattrs(list, space)) {
    std::string value;
    auto got = GetXattr(lower, attribute.stored, value);
    if (!got.ok()) return std::move(got.failure());
    if (got.value()) xattrs_.emplace_back(attribute.stored, std::move(value));
  }
  return Done{};
}

raw::RootAttributes* RootAttributes::Raw() {
  raw_xattrs_.clear();
  for (const auto& [name, value] : xattrs_) {
    raw_xattrs_.push_back(raw::Attribute{name.c_str(), value.data(), value.size()});
  }
  raw_.xattrs = raw_xattrs_.data();
  raw_.xattr_count = raw_xattrs_.size();
  return &raw_;
}

Status RootAttributes::Give(int upper, const std::string& path, int user_namespace,
                            std::vector<Notice>& warnings) {
  Giving giving{upper, Raw()};
  GiveRaw(&giving);
  if (giving.failed == nullptr && !raw_.owner_kept && user_namespace >= 0) {
    raw_.owner_kept = true;
    auto ran = InUserNamespaceOf(user_namespace, GiveRaw, &giving);
    if (!ran.ok()) return ran;
  }
  if (giving.failed != nullptr) return Refusal(giving.err, giving.failed, "", path);
  AddWarnings(path, warnings);
  return Done{};
}

void RootAttributes::AddWarnings(const std::string& path, std::vector<Notice>& warnings) const {
  if (!raw_.owner_kept) {
    warnings.push_back(Notice{"upper-owner", path, "", OwnerText(raw_.uid, raw_.gid)});
  }
  if (!raw_.xattrs_kept) warnings.push_back(Notice{"upper-xattrs", path, "", ""});
}

}  // namespace ovl
