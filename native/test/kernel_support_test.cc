#include "core/kernel_support.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "core/sys_fs_context.h"
#include "test/check.h"

using ovl::Support;

namespace {

bool MayAsk() {
  auto fs = ovl::Fsopen("overlay");
  if (fs.ok() || fs.failure().err != EPERM) return true;
  check::Skip("fsopen(2) is for CAP_SYS_ADMIN");
  return false;
}

}  // namespace

TEST(SupportOfOptionsIsWhatTheKernelSays) {
  if (!MayAsk()) return;
  if (ovl::FsopenSupport() != Support::kYes) {
    CHECK(ovl::OptionSupport("index") == Support::kUnknown);
    return;
  }
  for (const char* const option :
       {"index", "metacopy", "redirect_dir", "xino", "nfs_export", "uuid", "userxattr", "volatile",
        "default_permissions", "lowerdir", "upperdir", "workdir", "ro"}) {
    if (ovl::OptionSupport(option) != Support::kYes) {
      check::Fail(__FILE__, __LINE__, std::string("not known: ") + option);
    }
  }
  CHECK(ovl::OptionSupport("no_such_option") == Support::kNo);
  CHECK(!ovl::KnowsOption("noatime"));  // an attribute of mounts, not an option
  CHECK(!ovl::KnowsOption(""));
}

TEST(SupportIsTheSameWhenAskedAgain) {
  if (!MayAsk()) return;
  const Support fsopen = ovl::FsopenSupport();
  const Support descriptors = ovl::LayerDescriptorSupport();
  CHECK(fsopen == ovl::FsopenSupport());
  CHECK(descriptors == ovl::LayerDescriptorSupport());
  CHECK(fsopen == Support::kYes || descriptors != Support::kYes);
}

TEST(SupportLeavesNoDescriptorAndErrnoAlone) {
  const int before = ::open("/", O_PATH | O_CLOEXEC);
  (void)::close(before);
  errno = E2BIG;
  (void)ovl::HasRealFsopen();
  (void)ovl::HasLayerDescriptors();
  (void)ovl::KnowsOption("another_one_nobody_knows");
  CHECK_EQ(errno, E2BIG);
  const int after = ::open("/", O_PATH | O_CLOEXEC);
  (void)::close(after);
  CHECK_EQ(after, before);
}
