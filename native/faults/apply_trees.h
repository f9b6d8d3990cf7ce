// The trees of the scenarios of applying: layers with a change of every kind, and what a tree
// holds.
#ifndef OVL_FAULTS_APPLY_TREES_H_
#define OVL_FAULTS_APPLY_TREES_H_

#include <string>

namespace faults {

// What has to succeed: ends the program where it does not.
void Must(int result, const std::string& what);

void MakeLower(const std::string& path);
void MakeUpper(const std::string& path);

// Everything that has to be the same but inode numbers and change times; directory times included.
std::string Snapshot(const std::string& path);

}  // namespace faults

#endif  // OVL_FAULTS_APPLY_TREES_H_
