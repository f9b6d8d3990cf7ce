// Numbers by inode, of which there may be millions: 16 bytes and some room for each.
#ifndef OVL_CORE_INODE_TABLE_H_
#define OVL_CORE_INODE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ovl {

// By open addressing. No number is 0, which is what is not there has; nothing is ever taken out.
class InodeTable {
 public:
  uint64_t Get(uint64_t key) const;
  void Set(uint64_t key, uint64_t number);

 private:
  struct Slot {
    uint64_t key = 0;
    uint64_t number = 0;
  };
  size_t Place(uint64_t key) const;
  void Grow();

  std::vector<Slot> slots_;  // a power of two, or none
  size_t used_ = 0;
};

}  // namespace ovl

#endif  // OVL_CORE_INODE_TABLE_H_
