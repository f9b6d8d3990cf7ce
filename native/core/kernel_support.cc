#include "core/kernel_support.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/sys_file.h"
#include "core/sys_fs_context.h"
#include "core/unique_fd.h"

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

// ENOSYS: no such call. ENODEV: no overlayfs. Anything else, EPERM above all, is no answer.
Support FromFsopen(int err) {
  return err == ENOSYS || err == ENODEV ? Support::kNo : Support::kUnknown;
}

// "Unknown parameter" is what fs_parse() says of a name that is in no table, whatever comes with
// it; a name it knows is refused for the missing value instead.
bool SaysUnknown(int fs) {
  const std::vector<std::string> log = ReadFsLog(fs);
  return std::any_of(log.begin(), log.end(), [](std::string_view line) {
    return line.find("nknown parameter") != std::string_view::npos;
  });
}

Support AskForFsopen() {
  auto fs = Fsopen("overlay");
  if (!fs.ok()) return FromFsopen(fs.failure().err);
  return FsconfigFlag(fs.value().get(), kNoSuchOption).ok() ? Support::kNo : Support::kYes;
}

Support AskForDescriptors() {
  if (const Support fsopen = FsopenSupport(); fsopen != Support::kYes) return fsopen;
  auto fs = Fsopen("overlay");
  if (!fs.ok()) return FromFsopen(fs.failure().err);
  // Read-only and not O_PATH, which Linux 6.12 and older do not take for anything.
  auto root = OpenDirectory("/");
  if (!root.ok()) return Support::kUnknown;
  const Status set = FsconfigFd(fs.value().get(), "lowerdir+", root.value().get());
  return set.ok() ? Support::kYes : Support::kNo;
}

Support AskForOption(const std::string& key) {
  if (FsopenSupport() != Support::kYes) return Support::kUnknown;
  auto fs = Fsopen("overlay");
  if (!fs.ok()) return FromFsopen(fs.failure().err);
  if (FsconfigFlag(fs.value().get(), key).ok()) return Support::kYes;
  return SaysUnknown(fs.value().get()) ? Support::kNo : Support::kYes;
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
  return Once(known, AskForFsopen);
}

Support LayerDescriptorSupport() {
  static std::atomic<Support> known = Support::kUnknown;
  return Once(known, AskForDescriptors);
}

Support OptionSupport(const std::string& key) {
  // Never destroyed: a worker thread may still ask while the process ends.
  static auto& known = *new std::map<std::string, Support>;
  static auto& lock = *new std::mutex;
  const std::lock_guard guard(lock);
  if (const auto found = known.find(key); found != known.end()) return found->second;
  const KeepErrno keep;
  const Support answer = AskForOption(key);
  if (answer != Support::kUnknown) known.emplace(key, answer);
  return answer;
}

}  // namespace ovl
