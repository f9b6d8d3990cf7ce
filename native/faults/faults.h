// Failures on demand: the n-th call to the kernel from now on fails.
#ifndef OVL_FAULTS_FAULTS_H_
#define OVL_FAULTS_FAULTS_H_

#include <cstddef>
#include <string>

namespace faults {

// The `nth` call, counted from 1, fails with `err` and does nothing; the others are made.
void Arm(size_t nth, int err);
void Disarm();
// Whether there were so many calls.
bool Happened();
// The one that failed, as the kernel calls it.
std::string Call();

}  // namespace faults

#endif  // OVL_FAULTS_FAULTS_H_
