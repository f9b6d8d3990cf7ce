#include "core/kernel_support.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <string_view>

#include "core/raw_calls.h"

namespace ovl {

namespace {

constexpr const char* kNoSuchOption = "node_overlayfs_probe";

class KeepErrno {
 public:
  KeepErrno() : saved_(errno) {}
  ~KeepErrno() { errno = saved_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  int saved_;
};

class RawFd {
 public:
  explicit RawFd(int fd) : fd_(fd) {}
  ~RawFd() {
    if (fd_ >= 0) (void)::close(fd_);
  }
  RawFd(const RawFd&) = delete;
  RawFd& operator=(const RawFd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// ENOSYS: no such call. ENODEV: no overlayfs. Anything else, EPERM above all, is no answer.
Support WithoutContext() {
  return errno == ENOSYS || errno == ENODEV ? Support::kNo : Support::kUnknown;
}

bool Set(const RawFd& fs, const char* flag) {
  return raw::Fsconfig(fs.get(), raw::kSetFlag, flag, nullptr, 0) == 0;
}

// "Unknown parameter" is what fs_parse() says of a name that is in no table, whatever comes with
// it; a name it knows is refused for the missing value instead.
bool SaysUnknown(const RawFd& fs) {
  char line[512];
  for (;;) {
    const ssize_t n = ::read(fs.get(), line, sizeof line);
    if (n < 0) return false;
    const std::string_view text(line, static_cast<size_t>(n));
    if (text.find("nknown parameter") != std::string_view::npos) return true;
  }
}

Support Once(std::atomic<Support>& known, Support (*ask)()) {
  Support answer = known.load(std::memory_order_relaxed);
  if (answer != Support::kUnknown) return answer;
  const KeepErrno keep;
  answer = ask();
  known.store(answer, std::memory_order_relaxed);
  return answer;
}

}  // namespace

Support FsopenSupport() {
  static std::atomic<Support> known = Support::kUnknown;
  return Once(known, raw::AskForFsopen);
}

Support LayerDescriptorSupport() {
  static std::atomic<Support> known = Support::kUnknown;
  return Once(known, raw::AskForLayerDescriptors);
}

Support OptionSupport(const std::string& key) {
  // Never destroyed: a worker thread may still ask while the process ends.
  static auto& known = *new std::map<std::string, Support>;
  static auto& lock = *new std::mutex;
  const std::lock_guard guard(lock);
  if (const auto found = known.find(key); found != known.end()) return found->second;
  const KeepErrno keep;
  const Support answer = raw::AskForOption(key.c_str());
  if (answer != Support::kUnknown) known.emplace(key, answer);
  return answer;
}

namespace raw {

Support AskForFsopen() {
  const RawFd fs(Fsopen("overlay"));
  if (fs.get() < 0) return WithoutContext();
  return Set(fs, kNoSuchOption) ? Support::kNo : Support::kYes;
}

Support AskForLayerDescriptors() {
  const Support fsopen = AskForFsopen();
  if (fsopen != Support::kYes) return fsopen;
  const RawFd fs(Fsopen("overlay"));
  if (fs.get() < 0) return WithoutContext();
  // Read-only and not O_PATH, which Linux 6.12 and older do not take for anything.
  const RawFd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) return Support::kUnknown;
  const int set = Fsconfig(fs.get(), kSetFd, "lowerdir+", nullptr, root.get());
  return set == 0 ? Support::kYes : Support::kNo;
}

Support AskForOption(const char* key) {
  if (AskForFsopen() != Support::kYes) return Support::kUnknown;
  const RawFd fs(Fsopen("overlay"));
  if (fs.get() < 0) return WithoutContext();
  if (Set(fs, key)) return Support::kYes;
  return SaysUnknown(fs) ? Support::kNo : Support::kYes;
}

}  // namespace raw

}  // namespace ovl
