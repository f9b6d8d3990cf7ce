#include "core/filesystem_fitness.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <initializer_list>

#include "core/sys_mount_tree.h"

namespace ovl {

namespace {

// <linux/magic.h>, and the filesystems' own files where that has none.
constexpr unsigned long kProc = 0x9fa0;
constexpr unsigned long kTmpfs = 0x01021994;
constexpr unsigned long kBtrfs = 0x9123683e;
constexpr unsigned long kNfs = 0x6969;
constexpr unsigned long kSmb = 0x517b;
constexpr unsigned long kCifs = 0xff534d42;
constexpr unsigned long kSmb2 = 0xfe534d42;
constexpr unsigned long kCeph = 0x00c36400;
constexpr unsigned long kAfs = 0x5346414f;
constexpr unsigned long kFuse = 0x65735546;
constexpr unsigned long kV9fs = 0x01021997;
constexpr unsigned long kMsdos = 0x4d44;
constexpr unsigned long kExfat = 0x2011bab0;

bool IsOneOf(unsigned long magic, std::initializer_list<unsigned long> list) {
  return std::find(list.begin(), list.end(), magic & 0xffffffffUL) != list.end();
}

}  // namespace

std::optional<Finding> JudgeUpperType(unsigned long magic, const std::string& path) {
  // Not one of them has RENAME_WHITEOUT, without which a remote upper is refused.
  if (IsOneOf(magic, {kNfs, kSmb, kCifs, kSmb2, kCeph, kAfs})) {
    return Mistake(EINVAL, "upper-remote", path);
  }
  if (IsOneOf(magic, {kFuse, kV9fs})) return Warning(EINVAL, "upper-fuse", path);
  return std::nullopt;
}

std::optional<Finding> JudgeLowerType(unsigned long magic, const std::string& path) {
  if (IsOneOf(magic, {kProc})) return Mistake(EINVAL, "lower-on-proc", path);
  if (IsOneOf(magic, {kMsdos, kExfat})) return Mistake(EINVAL, "lower-case-insensitive", path);
  return std::nullopt;
}

bool AlwaysTellsTypes(unsigned long magic) { return IsOneOf(magic, {kTmpfs, kBtrfs}); }

unsigned InodeFlags(int fd) {
  int flags = 0;  // an int, whatever the number of the ioctl says
  return ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 ? static_cast<unsigned>(flags) : 0;
}

std::optional<Finding> JudgeCaseFolding(const std::vector<FoldedLayer>& layers) {
  const auto folded =
      std::find_if(layers.begin(), layers.end(), [](const FoldedLayer& l) { return l.folded; });
  if (folded == layers.end()) return std::nullopt;
  const auto plain =
      std::find_if(layers.begin(), layers.end(), [](const FoldedLayer& l) { return !l.folded; });
  if (plain == layers.end()) return Warning(EINVAL, "layers-casefolded", folded->path);
  return Mistake(EINVAL, "layers-casefold-mixed", folded->path, plain->path);
}

std::string FlagsNotKept(const struct statfs& fs, uint64_t attributes) {
  const struct {
    unsigned long flag;  // ST_*
    uint64_t attribute;
    const char* name;
  } all[] = {
      {0x2, kAttrNosuid, "nosuid"},
      {0x4, kAttrNodev, "nodev"},
      {0x8, kAttrNoexec, "noexec"},
  };
  std::string names;
  for (const auto& each : all) {
    if ((static_cast<unsigned long>(fs.f_flags) & each.flag) == 0) continue;
    if ((attributes & each.attribute) != 0) continue;
    names.append(names.empty() ? "" : ", ").append(each.name);
  }
  return names;
}

}  // namespace ovl
