#include "core/mount_attributes.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// Not in the headers of all distributions we build on. Linux 5.10.
constexpr uint64_t kMsNosymfollow = 256;

struct Notation {
  std::string_view word;
  uint64_t attribute;
  uint64_t flag;
};

// Without the access time modes: those are one value of several bits.
constexpr Notation kNotations[] = {
    {"ro", kAttrReadOnly, MS_RDONLY},
    {"nosuid", kAttrNosuid, MS_NOSUID},
    {"nodev", kAttrNodev, MS_NODEV},
    {"noexec", kAttrNoexec, MS_NOEXEC},
    {"nodiratime", kAttrNodiratime, MS_NODIRATIME},
    {"nosymfollow", kAttrNosymfollow, kMsNosymfollow},
};

}  // namespace

uint64_t ParseMountAttributes(std::string_view words) {
  uint64_t attributes = 0;
  // The table has no word for strictatime: it is what a mount without another mode has.
  uint64_t atime = kAttrStrictatime;
  while (!words.empty()) {
    const size_t end = words.find(',');
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    if (word == "relatime") atime = 0;
    if (word == "noatime") atime = kAttrNoatime;
    const auto* const known =
        std::find_if(std::begin(kNotations), std::end(kNotations),
                     [&](const Notation& notation) { return notation.word == word; });
    if (known != std::end(kNotations)) attributes |= known->attribute;
  }
  return attributes | atime;
}

Result<uint64_t> RestrictionsOn(const std::string& path) {
  auto fd = OpenPath(path);
  if (!fd.ok()) return std::move(fd.failure());
  auto fs = StatFs(fd.value().get());
  if (!fs.ok()) {
    fs.failure().path = path;
    return std::move(fs.failure());
  }
  const auto flags = static_cast<uint64_t>(fs.value().f_flags);
  return ((flags & ST_NOSUID) != 0 ? kAttrNosuid : 0) | ((flags & ST_NODEV) != 0 ? kAttrNodev : 0) |
         ((flags & ST_NOEXEC) != 0 ? kAttrNoexec : 0);
}

uint64_t ToMountFlags(uint64_t attributes) {
  uint64_t flags = 0;
  for (const Notation& notation : kNotations) {
    if ((attributes & notation.attribute) != 0) flags |= notation.flag;
  }
  switch (attributes & kAttrAtimeMask) {
    case kAttrNoatime:
      return flags | MS_NOATIME;
    case kAttrStrictatime:
      return flags | MS_STRICTATIME;
    default:
      return flags | MS_RELATIME;
  }
}

}  // namespace ovl
