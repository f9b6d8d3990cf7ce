// Many threads mount and unmount at once, as the threads of libuv's pool do; for the thread
// sanitizer as well, which looks at the core's own memory.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "core/mount_table.h"
#include "core/overlay_mount.h"
#include "core/sys_file.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/detached_overlay.h"
#include "test/overlay_forms.h"
#include "test/tree.h"

namespace {

constexpr size_t kThreads = 16;
constexpr size_t kCycles = 26;  // twice every form as root

// One thread's part, and what went wrong there: a check counts for the main thread only.
struct Part {
  size_t number = 0;
  const std::function<std::string(size_t)>* work = nullptr;
  pthread_barrier_t* start = nullptr;
  std::string wrong;
};

void* RunPart(void* argument) {
  auto& part = *static_cast<Part*>(argument);
  (void)::pthread_barrier_wait(part.start);
  part.wrong = (*part.work)(part.number);
  return nullptr;
}

// Runs `work` in all threads at once, with their numbers. True if none of them reports anything.
bool InThreads(const std::function<std::string(size_t)>& work) {
  pthread_barrier_t start;
  std::vector<Part> parts(kThreads);
  std::vector<pthread_t> threads(kThreads);
  if (!CHECK(::pthread_barrier_init(&start, nullptr, kThreads) == 0)) return false;
  for (size_t i = 0; i < kThreads; ++i) {
    parts[i] = Part{i, &work, &start, ""};
    // The others would wait for ever for one that is missing.
    if (::pthread_create(&threads[i], nullptr, RunPart, &parts[i]) != 0) ::abort();
  }
  bool good = true;
  for (size_t i = 0; i < kThreads; ++i) {
    good = CHECK(::pthread_join(threads[i], nullptr) == 0) && good;
    good = CHECK_EQ(parts[i].wrong, "") && good;
  }
  (void)::pthread_barrier_destroy(&start);
  return good;
}

std::string ReadTable(size_t cycle) {
  const auto source = cycle % 2 == 0 ? ovl::TableSource::kAuto : ovl::TableSource::kMountinfo;
  return FailureOf(ovl::ReadMountTable(source));
}

// Every thread goes through all forms, each beginning with another one, at places of its own and
// on lowers that all have in common.
bool AllForms() {
  const TempDir temp;
  const SharedLowers lowers(temp.path());
  const auto forms = OverlayForms();
  for (size_t i = 0; i < kThreads; ++i) MakePlaces(temp.path() + "/" + std::to_string(i));
  return InThreads([&](size_t thread) -> std::string {
    const std::string base = temp.path() + "/" + std::to_string(thread);
    for (size_t cycle = 0; cycle < kCycles; ++cycle) {
      const OverlayForm& form = *forms[(thread + cycle) % forms.size()];
      std::string wrong = MountWriteClose(form, base, lowers);
      if (wrong.empty() && cycle % 4 == 0) wrong = ReadTable(cycle / 4);
      if (!wrong.empty()) return form.name + (": " + wrong);
    }
    return "";
  });
}

ovl::OverlaySpec ViewOf(const TempDir& temp) {
  ovl::OverlaySpec spec;
  for (const char* name : {"/lower", "/other"}) {
    ovl::LayerSpec layer;
    layer.path = temp.path() + name;
    spec.lower.push_back(layer);
  }
  return spec;
}

bool IsOverlayAt(const std::string& path) {
  auto fd = ovl::OpenPath(path);
  auto mount = ovl::FindMountOf(fd.ok() ? fd.value().get() : -1);
  return mount.ok() && mount.value() && mount.value()->fstype == "overlay";
}

}  // namespace

TEST(ConcurrentMountsOfEveryForm) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  CHECK(AllForms());
}

TEST(ConcurrentMountsOfOrdinaryUsers) {
  CHECK(AsOrdinaryUser([](void*) { return AllForms(); }, nullptr));
}

// Of one overlay: it is attached by one thread, refreshed and asked by all, and closed once. What
// was mounted at the target before stays.
TEST(ConcurrentUsesOfOneOverlay) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"lower", "other", "target"}) tree.Dir(name);
  ovl::OverlaySpec below = ViewOf(temp);
  below.target = tree.Path("target");
  auto beneath = ovl::MountOverlay(below);
  auto mounted = ovl::MountOverlay(ViewOf(temp));
  if (!CHECK(beneath.ok()) || !CHECK(mounted.ok())) return;
  ovl::LiveOverlay& live = *mounted.value().live;
  std::atomic<size_t> attached = 0;
  CHECK(InThreads([&](size_t) -> std::string {
    auto place = live.Attach(tree.Path("target"), false, 0);
    if (place.ok()) ++attached;
    if (!place.ok() && std::string(place.failure().reason) != "attached") {
      return Text(place.failure());
    }
    if (live.mount_fd() != -1) return "still detached";
    return FailureOf(live.Refresh());
  }));
  CHECK_EQ(attached.load(), 1U);
  CHECK(InThreads([&](size_t) { return FailureOf(live.Close({})); }));
  CHECK(IsOverlayAt(tree.Path("target")));
  CHECK_EQ(FailureOf(beneath.value().live->Close({})), "");
  CHECK(!IsOverlayAt(tree.Path("target")));
}

// Of those who want the same upper, one at a time has it, and the others are told.
TEST(ConcurrentMountsOfOneUpper) {
  if (!ovl::MayMount()) return check::Skip("needs CAP_SYS_ADMIN");
  const TempDir temp;
  const SharedLowers lowers(temp.path());
  ovl::OverlaySpec spec;
  spec.lower.emplace_back().path = lowers.lower();
  spec.upper = {ovl::UpperKind::kDirectory, temp.path() + "/upper"};
  std::atomic<size_t> mounted = 0;
  std::atomic<bool> taken = false;
  CHECK(InThreads([&](size_t) -> std::string {
    auto overlay = ovl::MountOverlay(spec);
    if (!overlay.ok()) {
      const std::string reason = overlay.failure().reason;
      const bool told = reason == "upper-in-use" || reason == "work-in-use";
      return told ? "" : Text(overlay.failure());
    }
    ++mounted;
    if (taken.exchange(true)) return "two have it";
    (void)::usleep(20'000);
    taken.store(false);
    return FailureOf(overlay.value().live->Close({}));
  }));
  CHECK(mounted.load() > 0);
}
