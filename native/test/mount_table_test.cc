// The two ways to the table of mounts, on real mounts: each test has a mount namespace of its own.
#include "core/mount_table.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "core/overlay_options.h"
#include "core/sys_file.h"
#include "core/sys_fs_context.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"
#include "test/check.h"
#include "test/mount_table_lab.h"
#include "test/tree.h"

using ovl::MountEntry;
using ovl::TableSource;

namespace {

using Strings = std::vector<std::string>;

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
