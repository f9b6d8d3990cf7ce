// A thousand overlays later everything is as it was: not a byte of the heap, no descriptor more.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/detached_overlay.h"
#include "test/overlay_forms.h"
#include "test/tree.h"

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Their allocators do not count, and look for leaks by themselves.
constexpr int kCycles = 50;
size_t HeapInUse() { return 0; }
#elif defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
constexpr int kCycles = 1000;
size_t HeapInUse() { return ::mallinfo2().uordblks; }
#else
constexpr int kCycles = 1000;
size_t HeapInUse() { return 0; }  // this C library does not say
#endif

// What the C library keeps for itself, such as the buffer of a stream.
constexpr size_t kSlack = 4096;

int OpenFds() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

// The named forms, each so often.
bool StaysFlat(const std::vector<std::string>& names) {
  const TempDir temp;
  const SharedLowers lowers(temp.path());
  MakePlaces(temp.path() + "/place");
  bool good = true;
  for (const OverlayForm* form : OverlayForms()) {
    if (std::find(names.begin(), names.end(), form->name) == names.end()) continue;
    const auto once = [&] { return MountWriteClose(*form, temp.path() + "/place", lowers); };
    for (int i = 0; i < 10; ++i) good = CHECK_EQ(once(), "") && good;
    const size_t heap = HeapInUse();
    const int descriptors = OpenFds();
    for (int i = 0; i < kCycles && good; ++i) good = CHECK_EQ(once(), "");
    good = CHECK(HeapInUse() <= heap + kSlack) && good;
    good = CHECK_EQ(OpenFds(), descriptors) && good;
  }
  return good;
}

}  // namespace

TEST(MemoryOfAThousandMounts) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  CHECK(StaysFlat({"attached", "detached", "in memory, detached"}));
}

TEST(MemoryOfAThousandMountsOfAnOrdinaryUser) {
  CHECK(AsOrdinaryUser(
      [](void*) {
        return StaysFlat({"detached", "in memory, detached"});
      },
      nullptr));
}
