// How long one piece of queued work may run, and how it is told to stop.
#ifndef OVL_CORE_WORK_SLICE_H_
#define OVL_CORE_WORK_SLICE_H_

#include <atomic>
#include <chrono>

namespace ovl {

using CancelFlag = std::atomic<bool>;

// An exiting process or worker waits for running work (it cannot be interrupted from outside), so
// every batch ends by itself after a short while and is asked for again.
class WorkSlice {
 public:
  WorkSlice(const CancelFlag& cancelled, std::chrono::milliseconds length)
      : cancelled_(cancelled), end_(Clock::now() + length) {}

  bool Cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  bool Over() const { return Cancelled() || Clock::now() >= end_; }

 private:
  using Clock = std::chrono::steady_clock;
  const CancelFlag& cancelled_;
  Clock::time_point end_;
};

}  // namespace ovl

#endif  // OVL_CORE_WORK_SLICE_H_
