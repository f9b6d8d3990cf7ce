#include "core/link_groups.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "test/check.h"

using ovl::LinkGroups;

namespace {

struct stat File(ino_t ino, nlink_t nlink, dev_t dev = 1) {
  struct stat st {};
  st.st_ino = ino;
  st.st_nlink = nlink;
  st.st_dev = dev;
  return st;
}

const struct stat kBefore = File(10, 2);
const struct stat kAfter = File(20, 2);

using Id = std::pair<dev_t, ino_t>;

Id IdOf(const struct stat& st) { return {st.st_dev, st.st_ino}; }

struct stat AnyFile(std::mt19937_64& random) {
  const ino_t number = random() % 3000;
  const unsigned shift = random() % 5 == 0 ? 56 : random() % 5 == 0 ? 41 : 0;
  return File(number | number << shift, 2, random() % 300);
}

void CompareWithAccount(unsigned seed) {
  constexpr size_t kFiles = 5000;
  std::mt19937_64 random(seed);
  std::vector<struct stat> files;
  files.reserve(kFiles);
  for (size_t i = 0; i < kFiles; ++i) files.push_back(AnyFile(random));
  std::map<Id, std::vector<Id>> names;  // of a file now: which it was
  std::map<Id, nlink_t> counted;
  LinkGroups groups;
  for (size_t i = 0; i < 4 * kFiles; ++i) {
    const struct stat after = files[random() % kFiles];
    std::vector<Id>& all = names[IdOf(after)];
    struct stat before = files[random() % kFiles];
    if (!all.empty() && random() % 4 != 0) before = File(all[0].second, 2, all[0].first);
    groups.Add(after, &before);
    groups.CountBefore(before);
    all.push_back(IdOf(before));
    ++counted[IdOf(before)];
  }
  size_t unchanged = 0;
  for (const auto& [id, all] : names) {
    const struct stat after = File(id.second, 2, id.first);
    const struct stat before = File(all[0].second, all.size(), all[0].first);
    const bool same =
        std::count(all.begin(), all.end(), all[0]) == static_cast<std::ptrdiff_t>(all.size());
    CHECK_EQ(groups.Unchanged(after, before), same);
    CHECK_EQ(groups.UnchangedAsCounted(after, before), same && all.size() == counted[all[0]]);
    CHECK(!groups.Unchanged(after, File(all[0].second, all.size() + 1, all[0].first)));
    unchanged += same ? 1 : 0;
  }
  CHECK(unchanged > kFiles / 20);
}

}  // namespace

TEST(GroupsWithTheSameNamesAreUnchanged) {
  LinkGroups groups;
  groups.Add(kAfter, &kBefore);
  CHECK(!groups.Unchanged(kAfter, kBefore));  // a name is missing so far
  groups.Add(kAfter, &kBefore);
  CHECK(groups.Unchanged(kAfter, kBefore));
  groups.Add(kAfter, &kBefore);
  CHECK(!groups.Unchanged(kAfter, kBefore));
}

TEST(GroupsWithANewNameAreChanged) {
  LinkGroups groups;
  groups.Add(kAfter, &kBefore);
  groups.Add(kAfter, nullptr);
  CHECK(!groups.Unchanged(kAfter, kBefore));
}

TEST(GroupsOfSeveralFilesAreChanged) {
  const struct stat other = File(11, 2);
  for (const bool first : {false, true}) {
    LinkGroups groups;
    groups.Add(kAfter, first ? &other : &kBefore);
    groups.Add(kAfter, first ? &kBefore : &other);
    CHECK(!groups.Unchanged(kAfter, kBefore));
    CHECK(!groups.Unchanged(kAfter, other));
  }
}

TEST(GroupsAreOfOneFilesystem) {
  const struct stat elsewhere = File(10, 2, 2);
  LinkGroups groups;
  groups.Add(kAfter, &elsewhere);
  groups.Add(kAfter, &elsewhere);
  CHECK(groups.Unchanged(kAfter, elsewhere));
  CHECK(!groups.Unchanged(kAfter, kBefore));
  CHECK(!groups.Unchanged(File(20, 2, 2), kBefore));
}

TEST(GroupsOfOneNameNeedNotBeAdded) {
  const LinkGroups groups;
  CHECK(groups.Unchanged(File(20, 1), File(10, 1)));
  CHECK(!groups.Unchanged(File(20, 1), kBefore));
}

TEST(GroupsAreCountedWhereTheLinkCountIsNoMeasure) {
  const struct stat before = File(10, 7);  // most names lie outside of the tree
  LinkGroups groups;
  CHECK(groups.UnchangedAsCounted(File(20, 1), before));
  groups.CountBefore(before);
  CHECK(groups.UnchangedAsCounted(File(20, 1), before));
  groups.CountBefore(before);
  CHECK(!groups.UnchangedAsCounted(File(20, 1), before));
  groups.Add(kAfter, &before);
  CHECK(!groups.UnchangedAsCounted(kAfter, before));
  groups.Add(kAfter, &before);
  CHECK(groups.UnchangedAsCounted(kAfter, before));
  CHECK(!groups.Unchanged(kAfter, before));
}

TEST(GroupsOfMoreNamesThanFit) {
  LinkGroups groups;
  const struct stat many = File(10, 70'000);
  for (int i = 0; i < 70'000; ++i) {
    CHECK(!groups.Unchanged(kAfter, many));
    groups.Add(kAfter, &many);
  }
  CHECK(groups.Unchanged(kAfter, many));
  groups.Add(kAfter, nullptr);
  CHECK(!groups.Unchanged(kAfter, File(10, 70'001)));
}

// Of any inode numbers and any number of devices, beside a plain account of the same.
TEST(GroupsOfManyFiles) {
  for (unsigned seed = 1; seed <= 3; ++seed) CompareWithAccount(seed);
}
