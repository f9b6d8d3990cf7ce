// Handing on signals from a process to the program it runs for somebody.
#ifndef OVL_CORE_SIGNAL_RELAY_H_
#define OVL_CORE_SIGNAL_RELAY_H_

#include <vector>

#include "core/result.h"

namespace ovl {

// From now on each of these signals is for the program, which is yet to be started, instead of what
// it did here: it waits for AimRelay. One that the kernel has sent (the terminal: Ctrl-C, Ctrl-\,
// its size, its end) is for nobody: the terminal sends it to every process of the group, and so to
// the program as well; but that it has hung up only the leader of the session is told, which hands
// that on. There is one relay in a process (EBUSY).
Status StartRelay(const std::vector<int>& signals);

// The program is there: what has waited is sent to it, and what comes is sent on by the handler
// itself. The descriptor has to stay open until StopRelay.
void AimRelay(int pidfd);

// What the signals did before they do again.
void StopRelay();

}  // namespace ovl

#endif  // OVL_CORE_SIGNAL_RELAY_H_
