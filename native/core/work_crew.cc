#include "core/work_crew.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
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

// For all to begin. One that was woken while every processor was busy is put behind somebody, who
// may well be the one that woke it, and stays there for milliseconds when another processor becomes
// free. Whoever sleeps is woken on one that is.
constexpr std::chrono::microseconds kStart{200};

// For the next round. Who reads what was found takes far less; else nobody may come again.
constexpr std::chrono::milliseconds kPatience{200};

}  // namespace

unsigned UsableProcessors() {
  cpu_set_t set;
  // Fails on machines with more processors than the set has room for.
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return kMostThreads;
  return static_cast<unsigned>(std::clamp(CPU_COUNT(&set), 1, kMostThreads));
}

WorkCrew::WorkCrew(size_t most) : members_(most) {
  for (size_t i = 0; i < most; ++i) {
    members_[i].crew = this;
    members_[i].number = i;
  }
}

void WorkCrew::Dismiss() {
  Join();
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    begun_.notify_all();
  }
  for (Member& member : members_) {
    if (member.state == Member::State::kAbsent) continue;
    (void)::pthread_join(member.thread, nullptr);
    member.state = Member::State::kAbsent;
  }
  over_ = false;
}

void WorkCrew::Start(std::function<void(size_t)> work) {
  Join();
  std::unique_lock lock(mutex_);
  work_ = std::move(work);
  ++round_;
  Complete();
  waiting_ = working_;
  begun_.notify_all();
  started_.wait_for(lock, kStart, [&] { return waiting_ == 0; });
}

// Makes those that are not there, as far as possible.
void WorkCrew::Complete() {
  for (Member& member : members_) {
    if (member.state == Member::State::kLeft) {
      (void)::pthread_join(member.thread, nullptr);
      member.state = Member::State::kAbsent;
    }
    if (member.state == Member::State::kAbsent) {
      member.round = round_ - 1;
      // Others may still be there, and take part.
      if (!Make(member)) continue;
      member.state = Member::State::kPresent;
    }
    ++working_;
  }
}

bool WorkCrew::Make(Member& member) {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return false;
  // Fails for a size that is too small only.
  (void)::pthread_attr_setstacksize(&attributes, kStack);
  const SignalsHeld held;  // a new thread begins with the same mask
  const bool made = ::pthread_create(&member.thread, &attributes, Run, &member) == 0;
  (void)::pthread_attr_destroy(&attributes);
  return made;
}

void* WorkCrew::Run(void* member) {
  // Of this thread alone, in spite of the name. Nobody is worse off where it is refused.
  (void)::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + kNicer);
  auto& self = *static_cast<Member*>(member);
  self.crew->Work(self);
  return nullptr;
}

void WorkCrew::Work(Member& member) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool wanted =
        begun_.wait_for(lock, kPatience, [&] { return over_ || member.round != round_; });
    if (!wanted) member.state = Member::State::kLeft;
    if (!wanted || over_) return;
    member.round = round_;
    if (--waiting_ == 0) started_.notify_one();
    lock.unlock();
    work_(member.number);
    lock.lock();
    if (--working_ == 0) ended_.notify_all();
  }
}

void WorkCrew::Join() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return working_ == 0; });
}

}  // namespace ovl
