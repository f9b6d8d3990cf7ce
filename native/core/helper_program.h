// A program of the system that does one thing for us and ends, within a time.
#ifndef OVL_CORE_HELPER_PROGRAM_H_
#define OVL_CORE_HELPER_PROGRAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/program_spec.h"
#include "core/result.h"
#include "core/sys_pidfd.h"
#include "core/unique_fd.h"

namespace ovl {

// CLOCK_MONOTONIC, in milliseconds.
int64_t MonotonicMilliseconds();

class HelperProgram {
 public:
  HelperProgram() = default;
  HelperProgram(const HelperProgram&) = delete;
  HelperProgram& operator=(const HelperProgram&) = delete;
  // Ends it, if it still runs.
  ~HelperProgram();

  // `path` is absolute; no shell, an environment of its own, and nothing open but /dev/null and a
  // pipe for what it says on standard error.
  Status Start(const std::string& path, const std::vector<std::string>& args);

  // Until it has ended; `deadline` is a MonotonicMilliseconds. A failure has what the program said
  // as its detail: ETIMEDOUT with reason "helper-slow", after which it is killed, or EPERM with
  // reason "helper-failed".
  Status Finish(int64_t deadline);

 private:
  Status Failed(int err, const char* reason) const;
  void Listen();
  void Kill();

  PreparedProgram program_;
  ProcessEnd end_;
  bool running_ = false;
  UniqueFd pidfd_;
  UniqueFd errors_;
  std::string said_;
};

}  // namespace ovl

#endif  // OVL_CORE_HELPER_PROGRAM_H_
