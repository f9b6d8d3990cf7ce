// Handing on signals from a process to the program it runs for somebody.
#ifndef OVL_CORE_SIGNAL_RELAY_H_
#define OVL_CORE_SIGNAL_RELAY_H_

#include <vector>

#include "core/result.h"

namespace ovl {

// From now on each of these signals is sent on to the process of `pidfd`, at once and in the
// handler itself, instead of what it did here. One that the kernel has sent (the terminal: Ctrl-C,
// Ctrl-\, its size, its end) is not: the terminal sends it to every process of the group, and so to
// the program as well. The descriptor has to stay open until StopRelay. There is one relay in a
// process (EALREADY).
Status StartRelay(int pidfd, const std::vector<int>& signals);

// What the signals did before they do again.
void StopRelay();

}  // namespace ovl

#endif  // OVL_CORE_SIGNAL_RELAY_H_
