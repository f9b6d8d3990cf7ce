// Helper threads of one piece of queued work: made when there is enough to do. Between two rounds
// of work they wait: a new thread begins on the processor of whoever makes it, and where the others
// were busy at that moment, in the time that a short round takes the kernel may never move it to
// one that is free.
#ifndef OVL_CORE_WORK_CREW_H_
#define OVL_CORE_WORK_CREW_H_

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace ovl {

// How many threads can be at work at a time: the processors that this thread may run on, bounded.
unsigned UsableProcessors();

class WorkCrew {
 public:
  explicit WorkCrew(size_t most);
  WorkCrew(const WorkCrew&) = delete;
  WorkCrew& operator=(const WorkCrew&) = delete;
  ~WorkCrew() { Dismiss(); }

  // A round: each member calls `work` once with its number, from 0. There are fewer than
  // the most, and none, where a limit on tasks says so (EAGAIN). They yield to the thread that
  // makes them, and take no signals. Who has waited long for the next round is gone.
  void Start(std::function<void(size_t)> work);
  // Waits for the end of the round; `work` has to come to an end by itself.
  void Join();
  // The same, and all of them are gone: no round is to follow soon.
  void Dismiss();

 private:
  struct Member {
    enum class State : uint8_t { kAbsent, kPresent, kLeft };
    WorkCrew* crew = nullptr;
    size_t number = 0;
    pthread_t thread{};
    uint64_t round = 0;  // the last that it took part in
    State state = State::kAbsent;
  };
  static void* Run(void* member);
  void Work(Member& member);
  void Complete();
  static bool Make(Member& member);

  std::vector<Member> members_;
  std::mutex mutex_;
  std::condition_variable begun_;
  std::condition_variable started_;
  std::condition_variable ended_;
  uint64_t round_ = 0;
  size_t working_ = 0;  // in this round
  size_t waiting_ = 0;  // of those, who have not begun
  bool over_ = false;
  std::function<void(size_t)> work_;
};

}  // namespace ovl

#endif  // OVL_CORE_WORK_CREW_H_
