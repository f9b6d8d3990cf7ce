// What a child that shares our memory does to become a program: raw system calls only, and
// everything they need was made before.
#ifndef OVL_CORE_PROGRAM_CHILD_H_
#define OVL_CORE_PROGRAM_CHILD_H_

#include <array>

#include "core/view_step.h"

namespace ovl {

struct ProgramChild {
  const char* cwd = nullptr;
  std::array<int, 3> stdio{};
  bool by_path = false;                     // the only candidate is what was named
  const char* const* candidates = nullptr;  // ends with a null pointer, as the next two
  char* const* argv = nullptr;
  char* const* env = nullptr;
};

// Default actions for all signals, which are still blocked then.
void MakeSignalsOrdinary();

// Closes every descriptor from `first` on when a program is executed; those of this process only.
void CloseOnExecFrom(unsigned first);

// Signals are as after a login (none ignored, none blocked), and of the descriptors 0, 1 and 2 are
// left. Returns only to say in `fault` why not.
void BecomeProgram(const ProgramChild& program, ViewFault& fault);

}  // namespace ovl

#endif  // OVL_CORE_PROGRAM_CHILD_H_
