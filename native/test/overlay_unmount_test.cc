#include "core/overlay_unmount.h"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <functional>
#include <string>

#include "core/sys_file.h"
#include "core/unique_fd.h"
#include "test/check.h"
#include "test/child.h"
#include "test/overlay_dirs.h"

namespace {

// A lookup of somebody else's is enough to make a mount busy, and over in a moment.
void CheckWaits(const std::function<bool(const std::string& target)>& unmount) {
  if (::geteuid() != 0) return check::Skip("needs root");
  constexpr struct timespec kShort = {0, 10'000'000};
  const OverlayDirs dirs;
  const std::string target = dirs.Path("merged");
  bool done = false;
  // On a busy machine the child may last longer than anybody waits: then it is another try.
  for (int round = 0; round < 5 && !done; ++round) {
    if (!CHECK_EQ(dirs.Mount("upper", "work", "merged"), 0)) return;
    Child user([&](const Child& child) {
      const ovl::UniqueFd fd(::open(target.c_str(), O_PATH | O_CLOEXEC));
      child.Say(fd ? "open" : "failed");
      child.Pause();
      (void)::nanosleep(&kShort, nullptr);
    });
    CHECK_EQ(user.Hear(), "open");
    user.Continue();
    done = unmount(target);
    user.Kill();
    if (!done) CHECK(unmount(target));
  }
  CHECK(done);
}

}  // namespace

TEST(UnmountAtWaitsForWhatPasses) {
  CheckWaits([](const std::string& target) { return !ovl::UnmountAt(target, 0, {}).failure; });
}

TEST(UnmountExactlyWaitsForWhatPasses) {
  CheckWaits([](const std::string& target) {
    auto fd = ovl::OpenPath(target);
    if (!CHECK(fd.ok())) return false;
    const auto ids = ovl::IdsOf(fd.value().get());
    fd.value().Reset();
    return ids.ok() && ovl::UnmountExactly(target, ids.value(), 0).ok();
  });
}
