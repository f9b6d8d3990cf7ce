// The table of mounts while it changes, and what is looked for in it.
#include <pthread.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <utility>

#include "core/mount_table.h"
#include "core/mountinfo.h"
#include "core/sys_file.h"
#include "core/sys_mount_tree.h"
#include "core/sys_statmount.h"
#include "test/check.h"
#include "test/mount_table_lab.h"
#include "test/tree.h"

using ovl::MountEntry;
using ovl::TableSource;

namespace {

// Two mounts of which one at most is inside a directory, while many others stay where they are. One
// of the two is the oldest of all and one the youngest: the first and the last of a table.
struct Turns {
  std::string old_inside, old_outside;
  std::string young_inside, young_outside;
  std::string churned;
  useconds_t rest = 0;
  std::atomic<bool> stop{false};
};

void* TakeTurns(void* arg) {
  auto& turns = *static_cast<Turns*>(arg);
  const auto move = [](const std::string& from, const std::string& to) {
    CHECK(::mount(from.c_str(), to.c_str(), nullptr, MS_MOVE, nullptr) == 0);
  };
  while (!turns.stop.load()) {
    move(turns.old_inside, turns.old_outside);
    move(turns.young_outside, turns.young_inside);
    ::usleep(turns.rest);
    move(turns.young_inside, turns.young_outside);
    move(turns.old_outside, turns.old_inside);
    CHECK(::mount("churned", turns.churned.c_str(), "tmpfs", 0, nullptr) == 0);
    ::usleep(turns.rest);
    CHECK(::umount2(turns.churned.c_str(), 0) == 0);
  }
  return nullptr;
}

}  // namespace

TEST(MountTableIsThatOfOneMomentWhile2000MountsAreChurned) {
  InOwnNamespace([](Tree& tree) {
    constexpr size_t kSteady = 2000;
    Turns turns;
    for (const char* name : {"old", "young", "inside/old", "inside/young", "churned"}) {
      tree.Dir(name);
    }
    turns.old_inside = tree.Path("inside/old");
    turns.old_outside = tree.Path("old");
    turns.young_inside = tree.Path("inside/young");
    turns.young_outside = tree.Path("young");
    turns.churned = tree.Path("churned");
    MountTmpfs(tree, "inside/old", "turn");
    for (size_t i = 0; i < kSteady; ++i) MountTmpfs(tree, "steady" + std::to_string(i), "steady");
    MountTmpfs(tree, "young", "turn");
    // A busy machine reads more slowly: the table has to rest for longer than a reading takes.
    const auto started = std::chrono::steady_clock::now();
    (void)Read(TableSource::kMountinfo);
    (void)Read(TableSource::kAuto);
    const std::chrono::microseconds twice = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - started);
    turns.rest = static_cast<useconds_t>(std::clamp<long>(4 * twice.count(), 10'000, 500'000));
    pthread_t thread{};
    if (!CHECK(::pthread_create(&thread, nullptr, TakeTurns, &turns) == 0)) return;
    for (const TableSource source : {TableSource::kAuto, TableSource::kMountinfo}) {
      for (int reading = 0; reading < 60; ++reading) {
        const Table table = Read(source);
        size_t steady = 0;
        size_t inside = 0;
        for (const MountEntry& entry : table) {
          steady += entry.source == "steady" ? 1 : 0;
          inside += entry.target.find("/inside/") != std::string::npos ? 1 : 0;
        }
        CHECK_EQ(steady, kSteady);
        CHECK(inside <= 1);
      }
    }
    turns.stop = true;
    (void)::pthread_join(thread, nullptr);
  });
}

// What watchMounts rests upon.
TEST(MountTableTellsOfItsChangesOnce) {
  InOwnNamespace([](Tree& tree) {
    const std::string target = MountTmpfs(tree, "mount");
    tree.Dir("way/at");
    tree.Dir("moved");
    auto changes = ovl::TableChanges::Open(ovl::kOwnMountinfo);
    if (!CHECK(changes.ok())) return;
    const auto any = [&] {
      auto changed = changes.value().Any();
      return CHECK(changed.ok()) && changed.value();
    };
    const auto mount = [](const std::string& from, const std::string& to, unsigned long flags) {
      CHECK(::mount(from.c_str(), to.c_str(), "tmpfs", flags, nullptr) == 0);
    };
    CHECK(!any());
    mount("none", tree.Path("way/at"), 0);
    CHECK(any());
    CHECK(!any());
    mount("none", target, MS_REMOUNT | MS_BIND | MS_NOSUID);
    CHECK(any());
    mount("none", target, MS_REMOUNT | MS_NOSUID | MS_RDONLY);
    CHECK(any());
    mount(target, tree.Path("moved"), MS_MOVE);
    CHECK(any());
    CHECK(::umount2(tree.Path("moved").c_str(), 0) == 0);
    CHECK(any());
    // Of these the kernel (6.18) says nothing, although the text of the table is another one.
    mount("none", tree.Path("way/at"), MS_UNBINDABLE);
    CHECK(::rename(tree.Path("way").c_str(), tree.Path("path").c_str()) == 0);
    CHECK(At(Read(TableSource::kAuto), tree.Path("path/at")) != nullptr);
    CHECK(!any());
  });
}

TEST(MountTableFindsTheMountOfADescriptor) {
  InOwnNamespace([](Tree& tree) {
    const std::string lower = MountTmpfs(tree, "foo", "lower");
    const std::string upper = MountTmpfs(tree, "foo", "upper");
    tree.Dir("foobar");
    Tree(upper).Dir("inside");
    for (const TableSource source :
         {TableSource::kAuto, TableSource::kStatmount, TableSource::kMountinfo}) {
      if (source == TableSource::kStatmount && !HaveStatmount()) continue;
      for (const auto& [name, expected] :
           {std::pair{"foo/inside", "upper"}, {"foo", "upper"}, {"foobar", "none"}}) {
        auto fd = ovl::OpenPath(tree.Path(name));
        if (!CHECK(fd.ok())) continue;
        auto found = ovl::FindMountOf(fd.value().get(), source);
        if (!CHECK(found.ok() && found.value())) continue;
        CHECK_EQ(found.value()->source, expected);
      }
      // Detached: in no table.
      auto fd = ovl::OpenPath(upper);
      if (!CHECK(fd.ok())) continue;
      auto clone = ovl::OpenTreeClone(fd.value().get());
      if (!CHECK(clone.ok())) continue;
      auto found = ovl::FindMountOf(clone.value().get(), source);
      if (CHECK(found.ok())) CHECK(!found.value());
    }
  });
}

TEST(MountTableComparesPathsByComponents) {
  const auto table = ovl::ParseMountinfo(
      "1 0 0:1 / / rw - a root rw\n"
      "2 1 0:2 / /foo rw - a foo rw\n"
      "3 1 0:3 / /foobar/baz rw - a baz rw\n"
      "4 2 0:4 / /foo rw - a over rw\n");
  for (const auto& [path, source] : {std::pair{"/foo", "over"},
                                     {"/foo/x", "over"},
                                     {"/foobar", "root"},
                                     {"/foobarx", "root"},
                                     {"/foobar/baz", "baz"},
                                     {"/foobar/bazz", "root"},
                                     {"/", "root"},
                                     {"/fo", "root"}}) {
    const MountEntry* found = ovl::LongestPrefix(table, path);
    if (CHECK(found != nullptr)) CHECK_EQ(found->source, source);
  }
  CHECK(ovl::LongestPrefix(ovl::ParseMountinfo("2 1 0:2 / /foo rw - a foo rw\n"), "/bar") ==
        nullptr);
}

TEST(StatmountSaysWhereThereIsNoSuchMount) {
  auto stat = ovl::Statmount(~uint64_t{0} - 1, ovl::kStatmountMntBasic, 0);
  if (!CHECK(!stat.ok())) return;
  CHECK_EQ(std::string(stat.failure().call), "statmount");
  if (stat.failure().err == ENOSYS) return check::Skip("needs statmount(2) (Linux 6.8)");
  CHECK_EQ(stat.failure().err, ENOENT);
}
