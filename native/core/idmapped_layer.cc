#include "core/idmapped_layer.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "core/signals_held.h"
#include "core/sys_mount_tree.h"

namespace ovl {

namespace {

// The lines of uid_map: first the id inside, which is the one on the disk.
std::string MapText(const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& range : ranges) {
    text += std::to_string(range.from) + " " + std::to_string(range.to) + " " +
            std::to_string(range.count) + "\n";
  }
  return text;
}

Status WriteMap(const std::string& path, const std::vector<IdRange>& ranges) {
  const std::string text = MapText(ranges);
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return Errno("open", path);
  // One write: the kernel takes a map only once and whole.
  if (::write(fd.get(), text.data(), text.size()) < 0) {
    Failure failure = Errno("write", path);
    if (failure.err == EINVAL) failure.reason = "bad-idmap";
    return failure;
  }
  return Done{};
}

// A process that holds a new user namespace, and ends with this object, or with the calling thread.
// fork(2)'s copy of the heap does not matter: idmapped layers are for root, and rare. It has no
// descriptors of its own: copies of ours would keep busy what other threads unmount meanwhile.
class NamespaceHolder {
 public:
  NamespaceHolder() = default;
  NamespaceHolder(const NamespaceHolder&) = delete;
  NamespaceHolder& operator=(const NamespaceHolder&) = delete;
  ~NamespaceHolder() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
  }

  Status Start() {
    const SignalsHeld held;
    const pid_t parent = ::getpid();
    pid_ = static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | CLONE_FILES, 0, 0, 0, 0));
    if (pid_ < 0) return Errno("clone", "user namespace");
    if (pid_ == 0) {
      (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);  // known to every kernel
      if (::getppid() != parent) ::_exit(0);     // it was too late for that
      for (;;) (void)::pause();
    }
    return Done{};
  }
  std::string Proc(const char* name) const { return "/proc/" + std::to_string(pid_) + "/" + name; }

 private:
  pid_t pid_ = -1;
};

Result<UniqueFd> UserNamespaceWith(const IdMap& map) {
  NamespaceHolder holder;
  auto status = holder.Start();
  if (!status.ok()) return std::move(status.failure());
  status = WriteMap(holder.Proc("uid_map"), map.uids);
  if (status.ok()) status = WriteMap(holder.Proc("gid_map"), map.gids);
  if (!status.ok()) return std::move(status.failure());
  const std::string path = holder.Proc("ns/user");
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Errno("open", path);
  return fd;
}

}  // namespace

Result<UniqueFd> IdmappedClone(int layer, const IdMap& map, const std::string& path) {
  auto user_namespace = UserNamespaceWith(map);
  if (!user_namespace.ok()) return user_namespace;
  auto clone = OpenTreeClone(layer);
  if (!clone.ok()) {
    clone.failure().path = path;
    return clone;
  }
  MountAttributeChange change;
  change.set = kAttrIdmap;
  change.userns_fd = static_cast<uint64_t>(user_namespace.value().get());
  auto mapped = MountSetattr(clone.value().get(), "", AT_EMPTY_PATH, change);
  if (!mapped.ok()) {
    Failure failure = std::move(mapped.failure());
    failure.path = path;
    failure.reason = failure.err == EPERM ? "idmap-forbidden" : "idmap-refused";
    return failure;
  }
  return clone;
}

}  // namespace ovl
