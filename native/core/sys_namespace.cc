#include "core/sys_namespace.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

namespace ovl {

namespace {

struct Job {
  const std::function<Status()>& prepare;
  const std::function<Status()>& work;
  Status status = Done{};
};

Status EnterPrivateNamespace() {
  // Also ends the sharing of root and working directory with the other threads.
  if (::unshare(CLONE_NEWNS) != 0) return Errno("unshare", "mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return Errno("mount", "", "/");
  }
  return Done{};
}

Status LeaveSharedDirectory() {
  if (::unshare(CLONE_FS) != 0) return Errno("unshare", "working directory");
  return Done{};
}

void* RunJob(void* argument) {
  Job& job = *static_cast<Job*>(argument);
  job.status = job.prepare();
  if (job.status.ok()) job.status = job.work();
  return nullptr;
}

Status InThread(const std::function<Status()>& prepare, const std::function<Status()>& work) {
  Job job{prepare, work};
  pthread_t thread;
  // Not std::thread: where a container's limit on tasks is reached that would end the process.
  const int err = ::pthread_create(&thread, nullptr, RunJob, &job);
  if (err != 0) return Refusal(err, "pthread_create", "");
  (void)::pthread_join(thread, nullptr);  // fails only for a thread that is not ours to join
  return job.status;
}

}  // namespace

Status InThreadOfItsOwn(const std::function<Status()>& work) {
  return InThread(LeaveSharedDirectory, work);
}

Status InPrivateMountNamespace(const std::function<Status()>& work) {
  return InThread(EnterPrivateNamespace, work);
}

}  // namespace ovl
