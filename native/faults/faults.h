// Failures on demand: the n-th call to the kernel from now on fails.
#ifndef OVL_FAULTS_FAULTS_H_
#define OVL_FAULTS_FAULTS_H_

#include <cstddef>
#include <string>

namespace faults {

// The `nth` call, counted from 1, fails with `err` and does nothing; the others are made. Those of
// children count too. With EINTR only calls that wait for others are counted; with kKill the
// process is killed instead.
inline constexpr int kKill = -1;
void Arm(size_t nth, int err);
void Disarm();
// Whether there were so many calls.
bool Happened();
// The one that failed, as the kernel calls it.
std::string Call();

// The scenarios of apply_faults.cc, program_faults.cc, session_faults.cc and walk_faults.cc, where
// `filter` lets them.
bool RunApply(const char* filter, size_t& passed, size_t& failed);
void RunSessions(const char* filter, size_t& passed, size_t& failed);
void RunPrograms(const char* filter, size_t& passed, size_t& failed);
void RunWalks(const char* filter, size_t& passed, size_t& failed);

}  // namespace faults

#endif  // OVL_FAULTS_FAULTS_H_
