// What an apply reports, and what is asked of one.
#ifndef OVL_CORE_APPLY_EVENTS_H_
#define OVL_CORE_APPLY_EVENTS_H_

#include <cstdint>
#include <ctime>
#include <optional>

#include "core/apply_records.h"
#include "core/path_filter.h"
#include "core/result.h"

namespace ovl {

enum class ApplyOutcome : uint8_t {
  kApplied,   // or would be
  kAlready,   // the destination had it like that
  kConflict,  // the destination is not what the change was made from, and was left alone
  kKept,      // the same, as the caller wanted
  kFailed,
};

class ApplySink {
 public:
  virtual ~ApplySink() = default;
  // `failure` is null for what was applied or was like that already.
  virtual void Add(ApplyOutcome outcome, const ChangeInfo& change, const Failure* failure) = 0;
  virtual bool Full() const = 0;
};

enum class Conflicts : uint8_t {
  kSkip,    // reported, and left alone
  kTheirs,  // the change is carried out all the same
  kOurs,    // left alone, which is no failure
};

struct ApplyOptions {
  PathFilter filter = {};
  Conflicts conflicts = Conflicts::kSkip;
  // Since when the layers are what the changes were made from: what has changed in the lower since
  // is a conflict. Without it the lower as it is now is what they were made from.
  std::optional<struct timespec> since = {};
  bool dry_run = false;
  bool keep_going = false;  // carry out the rest where something is known to fail
  bool sync = true;
  uint64_t fingerprint = 0;  // of what is asked for: the same again finishes what was interrupted
};

// What a preparation has found.
struct ApplyPlan {
  uint64_t changes = 0;  // to be carried out
  uint64_t failed = 0;
  uint64_t bytes = 0;  // of new files
  uint64_t inodes = 0;
};

// An error of the whole and not of one path: going on would meet it again.
bool IsOfTheWhole(const Failure& failure);

}  // namespace ovl

#endif  // OVL_CORE_APPLY_EVENTS_H_
