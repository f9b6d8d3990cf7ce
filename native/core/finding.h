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
  const char* call = "";  // the one that could not be made, where a question got no answer
};

using Findings = std::vector<Finding>;

inline Finding Mistake(int err, const char* reason, std::string path = {}, std::string dest = {},
                       std::string detail = {}) {
  return Finding{Severity::kError,  err, reason, std::move(path), std::move(dest),
                 std::move(detail), ""};
}

inline Finding Warning(int err, const char* reason, std::string path = {}, std::string dest = {},
                       std::string detail = {}) {
  return Finding{Severity::kWarning, err, reason, std::move(path), std::move(dest),
                 std::move(detail),  ""};
}

// A question that got no answer.
inline Finding Unanswered(const Failure& failure, std::string path) {
  Finding finding = Mistake(failure.err, failure.reason, std::move(path));
  finding.call = failure.call;
  return finding;
}

// The finding as the failure of the call it forestalls, or of its own.
inline Failure AsFailure(Finding finding, const char* call) {
  Failure failure(finding.err, finding.call[0] == '\0' ? call : finding.call,
                  std::move(finding.path), std::move(finding.dest), finding.reason);
  failure.detail = std::move(finding.detail);
  return failure;
}

}  // namespace ovl

#endif  // OVL_CORE_FINDING_H_
