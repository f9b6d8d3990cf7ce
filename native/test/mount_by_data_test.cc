// The string of mount(2): 4095 bytes are given as they are, and one more is compacted.
#include "core/mount_by_data.h"

#include <sys/mount.h>
#include <unistd.h>

#include <string>

#include "core/mount_table.h"
#include "core/sys_mount.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/overlay_dirs.h"
#include "test/overlay_forms.h"

namespace {

// Lowers whose option string has exactly `size` bytes, all open.
class LowersOfSize {
 public:
  LowersOfSize(OverlayDirs& dirs, size_t size) {
    const std::string start = "lowerdir=";
    size_t left = size - start.size();
    while (left > 0) {
      const size_t slash = dirs.Path("").size() + 1;
      const size_t step = left > 600 ? 300 : left > 300 ? left / 2 : left + 1;
      // A colon follows each but the last.
      std::string name(step - 1 - slash, 'n');
      name.replace(0, std::to_string(fds_.size()).size(), std::to_string(fds_.size()));
      if (name.size() > 200) name[150] = '/';
      dirs.tree().File(name + "/of-" + std::to_string(fds_.size()));
      fds_.push_back(dirs.Open(name));
      args.lower.push_back({fds_.back().get(), dirs.Path(name)});
      left -= left < step ? left : step;
    }
    args.target = dirs.Path("merged");
  }

  ovl::MountByDataArgs args;

 private:
  std::vector<ovl::UniqueFd> fds_;
};

size_t SizeOf(const ovl::MountByDataArgs& args) {
  size_t size = std::string("lowerdir=").size() - 1;
  for (const auto& lower : args.lower) size += lower.path.size() + 1;
  return size;
}

void CheckAtSize(size_t size, bool expect_compacted) {
  OverlayDirs dirs;
  const LowersOfSize lowers(dirs, size);
  if (!CHECK_EQ(SizeOf(lowers.args), size)) return;
  char before[4096];
  CHECK(::getcwd(before, sizeof before) != nullptr);
  bool compacted = !expect_compacted;
  const auto mounted = ovl::MountByData(lowers.args, compacted);
  CHECK_EQ(FailureOf(mounted), "");
  CHECK_EQ(compacted, expect_compacted);
  for (size_t i = 0; i < lowers.args.lower.size(); ++i) {
    const std::string name = "merged/of-" + std::to_string(i);
    CHECK(::access(dirs.Path(name).c_str(), F_OK) == 0);
  }
  char after[4096];
  CHECK(::getcwd(after, sizeof after) != nullptr);
  CHECK_EQ(std::string(after), before);
  CHECK(dirs.Unmount("merged"));
}

}  // namespace

TEST(DataAtItsLimit) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  CHECK_EQ(ovl::kMaxMountData, 4095U);
  CheckAtSize(4094, false);
  CheckAtSize(4095, false);
  CheckAtSize(4096, true);
  CheckAtSize(12000, true);
}

// The kernel itself: a page with the zero at its end is what it reads, and one byte more is cut off
// or refused.
TEST(DataAtItsLimitForTheKernel) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  OverlayDirs dirs;
  const LowersOfSize lowers(dirs, 4096);
  ovl::MountArgs args;
  args.source = args.fstype = "overlay";
  args.target = dirs.Path("merged");
  args.data = "";
  for (const auto& lower : lowers.args.lower) args.data->append(":" + lower.path);
  args.data->replace(0, 1, "lowerdir=");
  CHECK_EQ(args.data->size(), 4096U);
  CHECK(!ovl::Mount(args).ok());
}

// Nothing but numbers is left of the names, so even what cannot be told is told: what is too long
// all the same.
TEST(DataThatIsTooLongEvenCompacted) {
  if (!ovl::CanReadTrustedXattrs()) return check::Skip("needs CAP_SYS_ADMIN");
  OverlayDirs dirs;
  const auto lower = dirs.Open("lower");
  ovl::MountByDataArgs args;
  args.target = dirs.Path("merged");
  args.lower.assign(2100, {lower.get(), dirs.Path("lower")});
  bool compacted = false;
  const auto mounted = ovl::MountByData(args, compacted);
  CHECK(!mounted.ok());
  CHECK(compacted);
}

TEST(DataWithFlags) {
  const auto flags = [](uint64_t attributes, unsigned long expected) {
    CHECK_EQ(ovl::MountFlags(attributes), expected);
  };
  flags(0, 0);
  flags(ovl::kAttrReadOnly | ovl::kAttrNosuid | ovl::kAttrNodev | ovl::kAttrNoexec,
        MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
  flags(ovl::kAttrNoatime | ovl::kAttrNodiratime, MS_NOATIME | MS_NODIRATIME);
  flags(ovl::kAttrStrictatime, MS_STRICTATIME);
  flags(ovl::kAttrNosymfollow, 256);
}
