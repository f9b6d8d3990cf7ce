#include "core/sys_namespace.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

namespace ovl {

namespace {

struct Job {
  const std::function<Status()>& work;
  Status status = Done{};
};

Status Enter() {
  // Also ends the sharing of root and working directory with the other threads.
  if (::unshare(CLONE_NEWNS) != 0) return Errno("unshare", "mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return Errno("mount", "", "/");
  }
  return Done{};
}

void* Run(void* argument) {
  Job& job = *static_cast<Job*>(argument);
  job.status = Enter();
  if (job.status.ok()) job.status = job.work();
  return nullptr;
}

}  // namespace

Status InPrivateMountNamespace(const std::function<Status()>& work) {
  Job job{work};
  pthread_t thread;
  // Not std::thread: where a container's limit on tasks is reached that would end the process.
  const int err = ::pthread_create(&thread, nullptr, Run, &job);
  if (err != 0) return Refusal(err, "pthread_create", "");
  (void)::pthread_join(thread, nullptr);  // fails only for a thread that is not ours to join
  return job.status;
}

}  // namespace ovl
