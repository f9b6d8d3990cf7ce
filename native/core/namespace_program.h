// A program with the rights over files of the ids that a user namespace maps.
#ifndef OVL_CORE_NAMESPACE_PROGRAM_H_
#define OVL_CORE_NAMESPACE_PROGRAM_H_

#include "core/program_spec.h"
#include "core/result.h"
#include "core/sys_pidfd.h"

namespace ovl {

// Runs a program in the user namespace, up to its end. The user stays who he is; of the
// capabilities it has those about owners and modes of files (CAP_CHOWN, CAP_DAC_OVERRIDE,
// CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID), which programs that it starts inherit, and none to
// mount. It gets SIGTERM when the calling thread ends.
Result<ProcessEnd> RunInUserNamespace(int user_namespace, const ProgramSpec& spec);

}  // namespace ovl

#endif  // OVL_CORE_NAMESPACE_PROGRAM_H_
