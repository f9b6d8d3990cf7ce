// What may be left where something has failed, and whether a failure names its call.
#ifndef OVL_FAULTS_LEAVINGS_H_
#define OVL_FAULTS_LEAVINGS_H_

#include <cstddef>
#include <string>

#include "core/result.h"

namespace faults {

// How many there are in a directory.
size_t Entries(const std::string& path);
// Of this process; always the same one too many, through which they are counted.
size_t Descriptors();
size_t Mounts();

// A failure that is said to have happened elsewhere than it did would send people the wrong way.
bool NamesCall(const ovl::Failure& failure);

}  // namespace faults

#endif  // OVL_FAULTS_LEAVINGS_H_
