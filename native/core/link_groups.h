// Which hard links of the upper are still the link groups they were below.
#ifndef OVL_CORE_LINK_GROUPS_H_
#define OVL_CORE_LINK_GROUPS_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <utility>

namespace ovl {

// For every multiply-linked file of the upper: how many names it has there, and whether all of them
// were names of one and the same file before. No names are kept.
class LinkGroups {
 public:
  // `before` is null for a name that is new.
  void Add(const struct stat& upper, const struct stat* before) {
    Group& group = groups_[{upper.st_dev, upper.st_ino}];
    const Id id = before ? Id{before->st_dev, before->st_ino} : Id{0, 0};
    if (group.names == 0) group.before = id;
    if (before == nullptr || group.before != id) group.mixed = true;
    ++group.names;
  }

  // Whether `upper` has exactly the names that `before` had.
  bool Unchanged(const struct stat& upper, const struct stat& before) const {
    const auto it = groups_.find({upper.st_dev, upper.st_ino});
    if (it == groups_.end()) return before.st_nlink == 1;
    return !it->second.mixed && it->second.names == before.st_nlink;
  }

 private:
  using Id = std::pair<dev_t, ino_t>;
  struct Group {
    Id before{0, 0};
    uint32_t names = 0;
    bool mixed = false;
  };
  std::map<Id, Group> groups_;
};

}  // namespace ovl

#endif  // OVL_CORE_LINK_GROUPS_H_
