// Which hard links are still the link groups they were before.
#ifndef OVL_CORE_LINK_GROUPS_H_
#define OVL_CORE_LINK_GROUPS_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/inode_table.h"

namespace ovl {

// For every multiply-linked file of what is there now: how many names it has, and whether all of
// them were names of one and the same file before. No names are kept, and of a file 18 to 37 bytes.
class LinkGroups {
 public:
  // `before` is null for a name that is new.
  void Add(const struct stat& after, const struct stat* before);

  // One name of a file as it was before, whatever has become of the name. Counted only where the
  // link count is no measure: it also counts names outside of the tree.
  void CountBefore(const struct stat& before);

  // Whether `after` has as many names as its file had before, and no other ones.
  bool Unchanged(const struct stat& after, const struct stat& before) const {
    return Same(after, before, before.st_nlink);
  }
  bool UnchangedAsCounted(const struct stat& after, const struct stat& before) const;

 private:
  using Id = std::pair<dev_t, ino_t>;
  static Id IdOf(const struct stat& st) { return {st.st_dev, st.st_ino}; }

  struct Group {
    Id before{0, 0};
    uint64_t names = 0;
    bool mixed = false;
  };

  std::optional<uint64_t> KeyOf(const Id& id) const;
  std::optional<uint64_t> NewKeyOf(const Id& id);
  std::optional<Group> Find(const Id& after) const;
  void Store(const Id& after, const Group& group);
  bool Same(const struct stat& after, const struct stat& before, uint64_t names) const;

  std::vector<dev_t> devices_;  // a key has the number of one
  InodeTable groups_;
  InodeTable before_;
  // What does not fit into so many bits.
  std::map<Id, Group> large_groups_;
  std::map<Id, uint64_t> large_before_;
};

}  // namespace ovl

#endif  // OVL_CORE_LINK_GROUPS_H_
