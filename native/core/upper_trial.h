// Whether the kernel has a directory in use as the upper or workdir of a live overlay: asked of the
// kernel itself, which alone knows of every namespace, detached mount and open file.
#ifndef OVL_CORE_UPPER_TRIAL_H_
#define OVL_CORE_UPPER_TRIAL_H_

#include <cstdint>
#include <optional>

#include "core/result.h"
#include "core/sys_privilege.h"

namespace ovl {

enum class UseOfUpper : uint8_t { kFree, kUpper, kWork };  // which of the two is in use

// Nothing where the kernel cannot be asked: it takes CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH in the
// initial user namespace, a filesystem that can be opened by file handles, and fsopen(2).
//
// The question is an overlay without an upper that has both as its lowers. It is configured and
// never mounted, and without an upper the kernel writes nothing anywhere. nfs_export=on implies
// index=on where redirects are not followed, and an index makes an error, EBUSY, of a lower that is
// the upper or workdir of another overlay (Linux 5.8; that a mount has an id to be told by is 5.8
// as well). A directory that others have as a lower is not in use in this sense.
//
// `own` is the caller's privilege: without it the kernel leaves the index out in silence, and
// everything would seem free.
std::optional<UseOfUpper> AskKernel(int upper, int work, const MountPrivilege& own);

}  // namespace ovl

#endif  // OVL_CORE_UPPER_TRIAL_H_
