#include "core/filesystem_fitness.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include "core/filesystem_magic.h"
#include "core/sys_mount_tree.h"

namespace ovl {

std::optional<Finding> JudgeUpperType(unsigned long type, const std::string& path) {
  // Not one of them has RENAME_WHITEOUT, without which a remote upper is refused.
  if (magic::IsOneOf(type, {magic::kNfs, magic::kSmb, magic::kCifs, magic::kSmb2, magic::kCeph,
                            magic::kAfs})) {
    return Mistake(EINVAL, "upper-remote", path);
  }
  if (magic::IsOneOf(type, {magic::kFuse, magic::kV9fs}))
    return Warning(EINVAL, "upper-fuse", path);
  return std::nullopt;
}

std::optional<Finding> JudgeLowerType(unsigned long type, const std::string& path) {
  if (magic::IsOneOf(type, {magic::kProc})) return Mistake(EINVAL, "lower-on-proc", path);
  if (magic::IsOneOf(type, {magic::kMsdos, magic::kExfat}))
    return Mistake(EINVAL, "lower-case-insensitive", path);
  return std::nullopt;
}

bool AlwaysTellsTypes(unsigned long type) {
  return magic::IsOneOf(type, {magic::kTmpfs, magic::kBtrfs});
}

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
