#include "core/filesystem_fitness.h"

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

#include "core/sys_mount_tree.h"
#include "test/check.h"

using ovl::Finding;
using ovl::FoldedLayer;
using ovl::Severity;

namespace {

constexpr unsigned long kNfs = 0x6969;
constexpr unsigned long kCifs = 0xff534d42;
constexpr unsigned long kFuse = 0x65735546;
constexpr unsigned long kExt4 = 0xef53;
constexpr unsigned long kProc = 0x9fa0;
constexpr unsigned long kVfat = 0x4d44;

std::string Told(const std::optional<Finding>& finding) {
  if (!finding) return "nothing";
  const char* const severity = finding->severity == Severity::kError ? "error " : "warning ";
  return severity + std::string(finding->reason);
}

struct statfs WithFlags(long flags) {
  struct statfs fs = {};
  fs.f_flags = flags;
  return fs;
}

}  // namespace

TEST(FitnessOfUppers) {
  CHECK_EQ(Told(ovl::JudgeUpperType(kNfs, "/u")), "error upper-remote");
  CHECK_EQ(Told(ovl::JudgeUpperType(kCifs, "/u")), "error upper-remote");
  // f_type is signed on some C libraries: the same number with all bits above set.
  CHECK_EQ(Told(ovl::JudgeUpperType(0xffffffff00000000UL | kCifs, "/u")), "error upper-remote");
  CHECK_EQ(Told(ovl::JudgeUpperType(kFuse, "/u")), "warning upper-fuse");
  CHECK_EQ(Told(ovl::JudgeUpperType(kExt4, "/u")), "nothing");
}

TEST(FitnessOfLowers) {
  CHECK_EQ(Told(ovl::JudgeLowerType(kProc, "/l")), "error lower-on-proc");
  CHECK_EQ(Told(ovl::JudgeLowerType(kVfat, "/l")), "error lower-case-insensitive");
  CHECK_EQ(Told(ovl::JudgeLowerType(kNfs, "/l")), "nothing");
}

TEST(FitnessOfFoldedLayers) {
  CHECK_EQ(Told(ovl::JudgeCaseFolding({})), "nothing");
  CHECK_EQ(Told(ovl::JudgeCaseFolding({{"/a", false}, {"/b", false}})), "nothing");
  CHECK_EQ(Told(ovl::JudgeCaseFolding({{"/a", true}, {"/b", true}})), "warning layers-casefolded");
  const auto mixed = ovl::JudgeCaseFolding({{"/a", false}, {"/b", true}, {"/c", false}});
  CHECK_EQ(Told(mixed), "error layers-casefold-mixed");
  if (!CHECK(mixed.has_value())) return;
  CHECK_EQ(mixed->path, "/b");
  CHECK_EQ(mixed->dest, "/a");
  CHECK_EQ(mixed->err, EINVAL);
}

TEST(FitnessNamesFlagsThatGetLost) {
  CHECK_EQ(ovl::FlagsNotKept(WithFlags(0), 0), "");
  CHECK_EQ(ovl::FlagsNotKept(WithFlags(0x2 | 0x4 | 0x8 | 0x1), 0), "nosuid, nodev, noexec");
  CHECK_EQ(ovl::FlagsNotKept(WithFlags(0x2 | 0x8), ovl::kAttrNosuid), "noexec");
  CHECK_EQ(ovl::FlagsNotKept(WithFlags(0x8), ovl::kAttrNoexec), "");
}
