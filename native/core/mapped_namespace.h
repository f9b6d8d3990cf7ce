// A user namespace with the ids that an ordinary user was granted, made with the help of
// newuidmap(1) and newgidmap(1).
#ifndef OVL_CORE_MAPPED_NAMESPACE_H_
#define OVL_CORE_MAPPED_NAMESPACE_H_

#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// In it every id is itself: the caller's own, and those that /etc/subuid and /etc/subgid grant him.
// The helpers are looked for in the absolute directories of `search` (a PATH), then in /usr/bin.
// No process lives in it.
//
// Failures that only say that there is none to be had have the reason "no-id-helper" (detail: the
// helper), "no-subordinate-ids" (path: the file), "no-new-privileges"; a helper that was run and
// has not done it "helper-failed" or "helper-slow", with what it has said. Together they are given
// so many milliseconds.
Result<UniqueFd> MakeMappedNamespace(const std::string& search, int milliseconds);

}  // namespace ovl

#endif  // OVL_CORE_MAPPED_NAMESPACE_H_
