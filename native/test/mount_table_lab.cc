#include "test/mount_table_lab.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <utility>

#include "test/check.h"

using ovl::MountEntry;
using ovl::ReadMountTable;
using ovl::TableSource;

namespace {

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

}  // namespace

void InOwnNamespace(Body body) {
  const TempDir temp;
  Alone alone{body, Tree(temp.path())};
  alone.tree.Dir("place");
  pthread_t thread{};
  if (!CHECK(::pthread_create(&thread, nullptr, RunAlone, &alone) == 0)) return;
  (void)::pthread_join(thread, nullptr);
}

bool HaveStatmount() { return ReadMountTable(TableSource::kStatmount).ok(); }

Table Read(TableSource source) {
  auto table = ReadMountTable(source);
  if (!CHECK(table.ok())) return {};
  return std::move(table.value());
}

const MountEntry* At(const Table& table, const std::string& target) {
  const auto found = std::find_if(table.rbegin(), table.rend(),
                                  [&](const MountEntry& entry) { return entry.target == target; });
  return found == table.rend() ? nullptr : &*found;
}

std::string MountTmpfs(Tree& tree, const std::string& name, const char* source, unsigned long flags,
                       const char* data) {
  tree.Dir(name);
  std::string target = tree.Path(name);
  CHECK(::mount(source, target.c_str(), "tmpfs", flags, data) == 0);
  return target;
}
