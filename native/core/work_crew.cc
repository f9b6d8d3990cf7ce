#include "core/work_crew.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "core/signals_held.h"

namespace ovl {

namespace {

// More gain nothing: the kernel's own locks of a directory are what they would wait for.
constexpr int kMostThreads = 8;

// Above that of whoever made it: the event loop is to go first.
constexpr int kNicer = 5;

// Reading a directory takes 32 KiB of it.
constexpr size_t kStack = 256 * 1024;

}  // namespace

unsigned UsableProcessors() {
  cpu_set_t set;
  // Fails on machines with more processors than the set has room for.
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return kMostThreads;
  return static_cast<unsigned>(std::clamp(CPU_COUNT(&set), 1, kMostThreads));
}

size_t WorkCrew::Start(size_t wanted, std::function<void(size_t)> work) {
  Join();
  work_ = std::move(work);
  members_.resize(wanted);
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return 0;
  (void)::pthread_attr_setstacksize(&attributes,
                                    kStack);  // fails for a size that is too small only
  const SignalsHeld held;                     // a new thread begins with the same mask
  for (size_t i = 0; i < wanted; ++i) {
    members_[i] = {this, i};
    pthread_t thread;
    if (::pthread_create(&thread, &attributes, Run, &members_[i]) != 0) break;
    threads_.push_back(thread);
  }
  (void)::pthread_attr_destroy(&attributes);
  return threads_.size();
}

void* WorkCrew::Run(void* member) {
  const auto& [crew, number] = *static_cast<Member*>(member);
  // Of this thread alone, in spite of the name. Nobody is worse off where it is refused.
  (void)::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + kNicer);
  crew->work_(number);
  return nullptr;
}

void WorkCrew::Join() {
  for (const pthread_t thread : threads_) (void)::pthread_join(thread, nullptr);
  threads_.clear();
}

}  // namespace ovl
