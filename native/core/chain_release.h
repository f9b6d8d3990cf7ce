// Letting go of a chain of objects that share their way to the root.
#ifndef OVL_CORE_CHAIN_RELEASE_H_
#define OVL_CORE_CHAIN_RELEASE_H_

#include <memory>
#include <utility>

namespace ovl {

// For the destructor of a link: gives up the link above, and those above that whose last owner it
// was, one after another. Recursion would be as deep as the tree, and a tree may be deeper than the
// stack. Whether an owner is the last one is left to the pointer: other threads have them as well.
template <typename Link>
void ReleaseChain(std::shared_ptr<Link>& above) {
  thread_local std::shared_ptr<Link>* next = nullptr;
  if (next != nullptr) {
    *next = std::move(above);
    return;
  }
  std::shared_ptr<Link> slot = std::move(above);
  next = &slot;
  while (slot) {
    const std::shared_ptr<Link> gone = std::move(slot);  // its destructor fills the slot again
  }
  next = nullptr;
}

}  // namespace ovl

#endif  // OVL_CORE_CHAIN_RELEASE_H_
