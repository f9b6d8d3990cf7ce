// Which hard links are still the link groups they were before.
#ifndef OVL_CORE_LINK_GROUPS_H_
#define OVL_CORE_LINK_GROUPS_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <utility>

namespace ovl {

// For every multiply-linked file of what is there now: how many names it has, and whether all of
// them were names of one and the same file before. No names are kept.
class LinkGroups {
 public:
  // `before` is null for a name that is new.
  void Add(const struct stat& after, const struct stat* before) {
    Group& group = groups_[IdOf(after)];
    const Id id = before ? IdOf(*before) : Id{0, 0};
    if (group.names == 0) group.before = id;
    if (before == nullptr || group.before != id) group.mixed = true;
    ++group.names;
  }

  // One name of a file as it was before, whatever has become of the name. Counted only where the
  // link count is no measure: it also counts names outside of the tree.
  void CountBefore(const struct stat& before) { ++before_[IdOf(before)]; }

  // Whether `after` has as many names as its file had before, and no other ones.
  bool Unchanged(const struct stat& after, const struct stat& before) const {
    return Same(after, before, before.st_nlink);
  }
  bool UnchangedAsCounted(const struct stat& after, const struct stat& before) const {
    const auto it = before_.find(IdOf(before));
    return Same(after, before, it == before_.end() ? 1 : it->second);
  }

 private:
  using Id = std::pair<dev_t, ino_t>;
  static Id IdOf(const struct stat& st) { return {st.st_dev, st.st_ino}; }

  bool Same(const struct stat& after, const struct stat& before, uint64_t names) const {
    const auto it = groups_.find(IdOf(after));
    if (it == groups_.end()) return names == 1;
    return !it->second.mixed && it->second.before == IdOf(before) && it->second.names == names;
  }

  struct Group {
    Id before{0, 0};
    uint32_t names = 0;
    bool mixed = false;
  };
  std::map<Id, Group> groups_;
  std::map<Id, uint32_t> before_;
};

}  // namespace ovl

#endif  // OVL_CORE_LINK_GROUPS_H_
