// Helper threads of one piece of queued work: made when there is enough to do, gone before it ends.
#ifndef OVL_CORE_WORK_CREW_H_
#define OVL_CORE_WORK_CREW_H_

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <vector>

namespace ovl {

// How many threads can be at work at a time: the processors that this thread may run on, bounded.
unsigned UsableProcessors();

class WorkCrew {
 public:
  WorkCrew() = default;
  WorkCrew(const WorkCrew&) = delete;
  WorkCrew& operator=(const WorkCrew&) = delete;
  ~WorkCrew() { Join(); }

  // Each calls `work` once with its number, from 0. Fewer than wanted, and none, where a limit on
  // tasks says so (EAGAIN). They yield to the thread that makes them, and take no signals.
  size_t Start(size_t wanted, std::function<void(size_t)> work);
  size_t size() const { return threads_.size(); }
  // Waits for all of them; `work` has to come to an end by itself.
  void Join();

 private:
  struct Member {
    WorkCrew* crew;
    size_t number;
  };
  static void* Run(void* member);

  std::function<void(size_t)> work_;
  std::vector<pthread_t> threads_;
  std::vector<Member> members_;
};

}  // namespace ovl

#endif  // OVL_CORE_WORK_CREW_H_
