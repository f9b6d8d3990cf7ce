#include "core/inode_table.h"

#include <utility>

namespace ovl {

namespace {

constexpr size_t kFirst = 64;

// Inode numbers follow one another; the upper half of the product depends on all of their bits
// (Knuth, The Art of Computer Programming, 6.4: multiplicative hashing).
uint64_t Spread(uint64_t key) { return (key * 0x9e3779b97f4a7c15U) >> 32; }

}  // namespace

// Of the key, or where it would come.
size_t InodeTable::Place(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  size_t at = static_cast<size_t>(Spread(key)) & mask;
  while (slots_[at].number != 0 && slots_[at].key != key) at = (at + 1) & mask;
  return at;
}

uint64_t InodeTable::Get(uint64_t key) const {
  return slots_.empty() ? 0 : slots_[Place(key)].number;
}

void InodeTable::Set(uint64_t key, uint64_t number) {
  if ((used_ + 1) * 8 > slots_.size() * 7) Grow();
  Slot& slot = slots_[Place(key)];
  if (slot.number == 0) ++used_;
  slot = {key, number};
}

void InodeTable::Grow() {
  std::vector<Slot> old(slots_.empty() ? kFirst : 2 * slots_.size());
  std::swap(old, slots_);
  for (const Slot& slot : old) {
    if (slot.number != 0) slots_[Place(slot.key)] = slot;
  }
}

}  // namespace ovl
