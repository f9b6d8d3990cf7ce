// The two ways to the table of mounts, on real mounts: each test has a mount namespace of its own.
#include "core/mount_table.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "core/mountinfo.h"
#include "core/overlay_options.h"
#include "core/sys_file.h"
#include "core/sys_fs_context.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"
#include "core/sys_statmount.h"
#include "test/check.h"
#include "test/tree.h"

using ovl::MountEntry;
using ovl::ReadMountTable;
using ovl::TableSource;

namespace {

using Strings = std::vector<std::string>;
using Table = std::vector<MountEntry>;
using Body = void (*)(Tree&);

struct Alone {
  Body body;
  Tree tree;
};

void* RunAlone(void* arg) {
  auto& alone = *static_cast<Alone*>(arg);
  const std::string place = alone.tree.Path("place");
  if (::unshare(CLONE_NEWNS | CLONE_FS) != 0) {
    check::Skip("needs a mount namespace of its own");
    return nullptr;
  }
  if (!CHECK(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0)) return nullptr;
  if (!CHECK(::mount("none", place.c_str(), "tmpfs", 0, nullptr) == 0)) return nullptr;
  Tree inside(place);
  alone.body(inside);
  return nullptr;
}

// In a thread of its own: its namespace, its root and its mounts go when it ends.
void InOwnNamespace(Body body) {
  const TempDir temp;
  Alone alone{body, Tree(temp.path())};
  alone.tree.Dir("place");
  pthread_t thread{};
  if (!CHECK(::pthread_create(&thread, nullptr, RunAlone, &alone) == 0)) return;
  (void)::pthread_join(thread, nullptr);
}

bool HaveStatmount() { return ReadMountTable(TableSource::kStatmount).ok(); }

std::string Line(const MountEntry& entry) {
  const ovl::Propagation& groups = entry.propagation;
  std::string line;
  for (const uint64_t number :
       {entry.id, entry.parent, uint64_t{entry.device_major}, uint64_t{entry.device_minor},
        groups.peer_group, groups.master, groups.propagate_from}) {
    line.append(std::to_string(number)).append(" ");
  }
  line.append(groups.unbindable ? "unbindable " : "").append(entry.root_deleted ? "deleted " : "");
  for (const auto& text :
       {entry.root, entry.target, entry.mount_options, entry.fstype, entry.source}) {
    line.append("<").append(text).append("> ");
  }
  for (const std::string& option : entry.super_options) line.append("[").append(option).append("]");
  return line;
}

Table Read(TableSource source) {
  auto table = ReadMountTable(source);
  if (!CHECK(table.ok())) return {};
  return std::move(table.value());
}

// Both sources say the same of every mount.
void CheckSame() {
  const Table text = Read(TableSource::kMountinfo);
  CHECK(!text.empty());
  if (!HaveStatmount()) return check::Skip("statmount(2) is not there, or does not give options");
  const Table asked = Read(TableSource::kStatmount);
  if (!CHECK_EQ(asked.size(), text.size())) return;
  for (size_t i = 0; i < text.size(); ++i) {
    CHECK_EQ(Line(asked[i]), Line(text[i]));
    CHECK(asked[i].unique_id != 0);
    CHECK_EQ(text[i].unique_id, 0);
  }
}

const MountEntry* At(const Table& table, const std::string& target) {
  const auto found = std::find_if(table.rbegin(), table.rend(),
                                  [&](const MountEntry& entry) { return entry.target == target; });
  return found == table.rend() ? nullptr : &*found;
}

std::string MountTmpfs(Tree& tree, const std::string& name, const char* source = "none",
                       unsigned long flags = 0, const char* data = nullptr) {
  tree.Dir(name);
  const std::string target = tree.Path(name);
  CHECK(::mount(source, target.c_str(), "tmpfs", flags, data) == 0);
  return target;
}

}  // namespace

TEST(MountTableSaysTheSameOfOddNames) {
  InOwnNamespace([](Tree& tree) {
    int count = 0;
    for (const char* name :
         {"a b", "new\nline", "t\tab", "back\\slash", "octal\\040", "com,ma", "co:lon", "\xff\xfe",
          "ha#sh", "e=q", "qu\"ote", "end\\", "(deleted)", " ", "\\"}) {
      const std::string target = MountTmpfs(tree, name, name);
      const Table table = Read(TableSource::kAuto);
      const MountEntry* entry = At(table, target);
      if (!CHECK(entry != nullptr)) continue;
      CHECK_EQ(entry->source, name);
      ++count;
    }
    CHECK_EQ(count, 15);
    CheckSame();
  });
}

TEST(MountTableSaysTheSameOfFlags) {
  InOwnNamespace([](Tree& tree) {
    unsigned number = 0;
    for (const unsigned long flags :
         {0UL, MS_NOSUID | 0UL, MS_NODEV | MS_NOEXEC | 0UL, MS_NOATIME | 0UL, MS_NODIRATIME | 0UL,
          MS_STRICTATIME | 0UL, MS_RELATIME | MS_NODIRATIME | 0UL, MS_RDONLY | 0UL,
          MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME | 0UL, 256UL /* MS_NOSYMFOLLOW */}) {
      MountTmpfs(tree, "flags" + std::to_string(number++), "none", flags,
                 "size=64k,mode=700,huge=never");
    }
    // Of this mount alone, the filesystem stays writable.
    const std::string target = MountTmpfs(tree, "remounted");
    CHECK(::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID,
                  nullptr) == 0);
    const Table table = Read(TableSource::kAuto);
    const MountEntry* entry = At(table, target);
    if (CHECK(entry != nullptr)) {
      CHECK_EQ(entry->mount_options, "ro,nosuid,relatime");
      if (CHECK(!entry->super_options.empty())) CHECK_EQ(entry->super_options[0], "rw");
    }
    CheckSame();
  });
}

TEST(MountTableSaysTheSameOfPropagation) {
  InOwnNamespace([](Tree& tree) {
    const std::string shared = MountTmpfs(tree, "shared");
    CHECK(::mount(nullptr, shared.c_str(), nullptr, MS_SHARED, nullptr) == 0);
    tree.Dir("slave");
    tree.Dir("second");
    const std::string slave = tree.Path("slave");
    const std::string second = tree.Path("second");
    CHECK(::mount(shared.c_str(), slave.c_str(), nullptr, MS_BIND, nullptr) == 0);
    CHECK(::mount(nullptr, slave.c_str(), nullptr, MS_SLAVE, nullptr) == 0);
    CHECK(::mount(nullptr, slave.c_str(), nullptr, MS_SHARED, nullptr) == 0);
    CHECK(::mount(slave.c_str(), second.c_str(), nullptr, MS_BIND, nullptr) == 0);
    CHECK(::mount(nullptr, second.c_str(), nullptr, MS_SLAVE, nullptr) == 0);
    const std::string unbindable = MountTmpfs(tree, "unbindable");
    CHECK(::mount(nullptr, unbindable.c_str(), nullptr, MS_UNBINDABLE, nullptr) == 0);
    const Table table = Read(TableSource::kAuto);
    const MountEntry* a = At(table, shared);
    const MountEntry* b = At(table, slave);
    const MountEntry* c = At(table, second);
    const MountEntry* d = At(table, unbindable);
    if (!CHECK(a != nullptr && b != nullptr && c != nullptr && d != nullptr)) return;
    CHECK(a->propagation.peer_group != 0);
    CHECK_EQ(a->propagation.master, 0);
    CHECK_EQ(b->propagation.master, a->propagation.peer_group);
    CHECK(b->propagation.peer_group != 0);
    CHECK_EQ(c->propagation.master, b->propagation.peer_group);
    CHECK_EQ(c->propagation.peer_group, 0);
    CHECK(d->propagation.unbindable);
    CheckSame();
  });
}

TEST(MountTableSaysTheSameOfPropagationFromOutsideOfTheRoot) {
  InOwnNamespace([](Tree& tree) {
    // shared -> middle -> jail/second, where a jailed process sees neither middle nor shared, but
    // another member of shared's group.
    const std::string shared = MountTmpfs(tree, "shared");
    const std::string jail = MountTmpfs(tree, "jail");
    Tree inside(jail);
    inside.Dir("member");
    inside.Dir("second");
    inside.Dir("proc");
    tree.Dir("middle");
    const std::string middle = tree.Path("middle");
    const auto bind = [](const std::string& from, const std::string& to, unsigned long flags) {
      CHECK(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | flags, nullptr) == 0);
    };
    const auto change = [](const std::string& at, unsigned long flags) {
      CHECK(::mount(nullptr, at.c_str(), nullptr, flags, nullptr) == 0);
    };
    change(shared, MS_SHARED);
    bind(shared, inside.Path("member"), 0);
    bind(shared, middle, 0);
    change(middle, MS_SLAVE);
    change(middle, MS_SHARED);
    bind(middle, inside.Path("second"), 0);
    change(inside.Path("second"), MS_SLAVE);
    bind("/proc", inside.Path("proc"), MS_REC);
    if (!CHECK(::chroot(jail.c_str()) == 0 && ::chdir("/") == 0)) return;
    const Table table = Read(TableSource::kAuto);
    const MountEntry* member = At(table, "/member");
    const MountEntry* second = At(table, "/second");
    if (!CHECK(member != nullptr && second != nullptr)) return;
    CHECK_EQ(second->propagation.propagate_from, member->propagation.peer_group);
    CHECK(second->propagation.master != member->propagation.peer_group);
    CHECK(At(table, "/middle") == nullptr);
    CheckSame();
  });
}

TEST(MountTableSaysTheSameInAChroot) {
  InOwnNamespace([](Tree& tree) {
    tree.Dir("jail/inner");
    tree.Dir("jail/proc");
    const std::string outside = MountTmpfs(tree, "outside");
    MountTmpfs(tree, "jail/inner");
    CHECK(::mount("/proc", tree.Path("jail/proc").c_str(), nullptr, MS_BIND, nullptr) == 0);
    auto out = ovl::OpenPath(outside);
    if (!CHECK(out.ok())) return;
    if (!CHECK(::chroot(tree.Path("jail").c_str()) == 0 && ::chdir("/") == 0)) return;
    // The root of the jail is a plain directory, so the mount it lies on has no place below it.
    const Table table = Read(TableSource::kAuto);
    CHECK_EQ(table.size(), 2);
    CHECK(At(table, "/inner") != nullptr);
    CheckSame();
    for (const TableSource source : {TableSource::kAuto, TableSource::kMountinfo}) {
      auto found = ovl::FindMountOf(out.value().get(), source);
      if (CHECK(found.ok())) CHECK(!found.value());
    }
  });
}

TEST(MountTableSaysTheSameOfRemovedDirectories) {
  InOwnNamespace([](Tree& tree) {
    tree.Dir("bound");
    tree.File("file");
    tree.Dir("at");
    tree.File("at-file");
    CHECK(::mount(tree.Path("bound").c_str(), tree.Path("at").c_str(), nullptr, MS_BIND, nullptr) ==
          0);
    CHECK(::mount(tree.Path("file").c_str(), tree.Path("at-file").c_str(), nullptr, MS_BIND,
                  nullptr) == 0);
    CHECK(::rmdir(tree.Path("bound").c_str()) == 0);
    CHECK(::unlink(tree.Path("file").c_str()) == 0);
    const Table table = Read(TableSource::kAuto);
    for (const auto& [target, root] : {std::pair{"at", "/bound"}, std::pair{"at-file", "/file"}}) {
      const MountEntry* entry = At(table, tree.Path(target));
      if (!CHECK(entry != nullptr)) continue;
      CHECK(entry->root_deleted);
      CHECK_EQ(entry->root, root);
    }
    CheckSame();
  });
}

// A directory that is a mount point in one namespace only can be removed in another: what is
// mounted there is gone then, so that no target is ever a removed one.
TEST(MountTableHasNoRemovedTargets) {
  InOwnNamespace([](Tree& tree) {
    const std::string target = MountTmpfs(tree, "removed");
    pthread_t thread{};
    const auto elsewhere = [](void* arg) -> void* {
      const auto& path = *static_cast<const std::string*>(arg);
      if (CHECK(::unshare(CLONE_NEWNS) == 0) && CHECK(::umount2(path.c_str(), MNT_DETACH) == 0)) {
        CHECK(::rmdir(path.c_str()) == 0);
      }
      return nullptr;
    };
    if (!CHECK(::pthread_create(&thread, nullptr, elsewhere, const_cast<std::string*>(&target)) ==
               0)) {
      return;
    }
    (void)::pthread_join(thread, nullptr);
    const Table table = Read(TableSource::kAuto);
    CHECK(At(table, target) == nullptr);
    CHECK(std::none_of(table.begin(), table.end(), [](const MountEntry& entry) {
      return entry.target.ends_with("//deleted");
    }));
    CheckSame();
  });
}

TEST(MountTableSaysTheSameOfOverlays) {
  InOwnNamespace([](Tree& tree) {
    for (const char* name : {"l1", "l:2", "up,per", "work", "m1", "m2", "d ata", "gone"}) {
      tree.Dir(name);
    }
    const auto path = [&](const char* name) { return tree.Path(name); };
    ovl::OverlayOptions string;
    string.lower = {path("l1"), path("l:2")};
    string.upper = path("up,per");
    string.work = path("work");
    CHECK(::mount("over lay", path("m1").c_str(), "overlay", 0,
                  ovl::FormatMountData(string).c_str()) == 0);

    // One layer each, by name and as a directory that was removed; data-only ones.
    auto gone = ovl::OpenDirectory(path("gone"));
    if (!CHECK(gone.ok())) return;
    CHECK(::rmdir(path("gone").c_str()) == 0);
    auto fs = ovl::Fsopen("overlay");
    if (!fs.ok()) return check::Skip("needs fsopen(2)");
    const int context = fs.value().get();
    const bool single = ovl::FsconfigString(context, "lowerdir+", path("l:2")).ok();
    if (!single) return check::Skip("needs lowerdir+ (Linux 6.7)");
    const bool by_fd = ovl::FsconfigFd(context, "lowerdir+", gone.value().get()).ok();
    // In a user namespace the kernel takes no data-only layers (EPERM).
    const bool data_only = ovl::CanReadTrustedXattrs();
    if (data_only) CHECK(ovl::FsconfigString(context, "datadir+", path("d ata")).ok());
    CHECK(ovl::FsconfigCreate(context).ok());
    auto mount = ovl::Fsmount(context, 0);
    auto place = ovl::OpenPath(path("m2"));
    if (!CHECK(mount.ok() && place.ok())) return;
    CHECK(ovl::MoveMount(mount.value().get(), place.value().get(), false, "m2").ok());

    const Table table = Read(TableSource::kAuto);
    const MountEntry* first = At(table, path("m1"));
    const MountEntry* second = At(table, path("m2"));
    if (!CHECK(first != nullptr && second != nullptr)) return;
    const ovl::OverlayOptions one = ovl::ParseOverlayOptions(first->super_options);
    CHECK_EQ(one.lower, string.lower);
    CHECK_EQ(one.upper.value_or(""), *string.upper);
    CHECK_EQ(first->source, "over lay");
    const ovl::OverlayOptions two = ovl::ParseOverlayOptions(second->super_options);
    CHECK_EQ(two.data_only, data_only ? Strings{path("d ata")} : Strings{});
    if (by_fd) {
      CHECK_EQ(two.lower, (Strings{path("l:2"), path("gone") + " (deleted)"}));
      CHECK_EQ(ovl::DeletedLayers(two), Strings{path("gone") + " (deleted)"});
    }
    CheckSame();
  });
}

TEST(MountTableSaysTheSameOf500LongLayers) {
  InOwnNamespace([](Tree& tree) {
    auto fs = ovl::Fsopen("overlay");
    if (!fs.ok()) return check::Skip("needs fsopen(2)");
    const int context = fs.value().get();
    const std::string longest(200 - tree.Path("").size(), 'x');
    Strings layers;
    for (int i = 0; i < 500; ++i) {
      layers.push_back(tree.Path(longest + std::to_string(1000 + i)));
      tree.Dir(longest + std::to_string(1000 + i));
      if (!ovl::FsconfigString(context, "lowerdir+", layers.back()).ok()) {
        return check::Skip("needs lowerdir+ (Linux 6.7)");
      }
    }
    tree.Dir("merged");
    CHECK(ovl::FsconfigCreate(context).ok());
    auto mount = ovl::Fsmount(context, 0);
    auto place = ovl::OpenPath(tree.Path("merged"));
    if (!CHECK(mount.ok() && place.ok())) return;
    CHECK(ovl::MoveMount(mount.value().get(), place.value().get(), false, "merged").ok());
    MountTmpfs(tree, "after");
    for (const TableSource source : {TableSource::kAuto, TableSource::kMountinfo}) {
      const Table table = Read(source);
      const MountEntry* entry = At(table, tree.Path("merged"));
      if (!CHECK(entry != nullptr)) return;
      CHECK(ovl::ParseOverlayOptions(entry->super_options).lower == layers);
      CHECK(At(table, tree.Path("after")) != nullptr);
    }
    CheckSame();
  });
}

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
