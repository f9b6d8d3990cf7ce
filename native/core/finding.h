// What is wrong, or surprising, about an overlay that somebody wants.
#ifndef OVL_CORE_FINDING_H_
#define OVL_CORE_FINDING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"

namespace ovl {

enum class Severity : uint8_t {
  kError,    // it cannot be mounted, or would do harm
  kWarning,  // it can, and something will not be as one may expect
};

struct Finding {
  Severity severity = Severity::kError;
  int err = 0;              // errno that mounting fails with; of a warning, what comes later or 0
  const char* reason = "";  // a stable word, lib/ has the sentence
  std::string path;
  std::string dest;
  std::string detail;
};

using Findings = std::vector<Finding>;

inline Finding Mistake(int err, const char* reason, std::string path = {}, std::string dest = {},
                       std::string detail = {}) {
  return Finding{Severity::kError, err, reason, std::move(path), std::move(dest),
                 std::move(detail)};
}

inline Finding Warning(int err, const char* reason, std::string path = {}, std::string dest = {},
                       std::string detail = {}) {
  return Finding{Severity::kWarning, err, reason, std::move(path), std::move(dest),
                 std::move(detail)};
}

// The finding as the failure of the call it forestalls.
inline Failure AsFailure(Finding finding, const char* call) {
  return Failure{finding.err,
                 call,
                 std::move(finding.path),
                 std::move(finding.dest),
                 finding.reason,
                 std::move(finding.detail),
                 {}};
}

}  // namespace ovl

#endif  // OVL_CORE_FINDING_H_
