#include "core/link_groups.h"

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
