// What others do for a moment is waited for: ten attempts, 45 ms in all.
#ifndef OVL_CORE_PATIENCE_H_
#define OVL_CORE_PATIENCE_H_

#include <ctime>

namespace ovl {

class Patience {
 public:
  // Waits before the next attempt; false when there is none left.
  bool Another() {
    constexpr struct timespec kBetween = {0, 5'000'000};
    if (++attempt_ >= kAttempts) return false;
    (void)::nanosleep(&kBetween, nullptr);  // a signal only shortens the wait
    return true;
  }

 private:
  static constexpr int kAttempts = 10;
  int attempt_ = 0;
};

}  // namespace ovl

#endif  // OVL_CORE_PATIENCE_H_
