// Where a program is looked for, as execvp(3) does it.
#ifndef OVL_CORE_PROGRAM_SEARCH_H_
#define OVL_CORE_PROGRAM_SEARCH_H_

#include <string>
#include <vector>

namespace ovl {

// The paths to try, in order: the name itself if it has a slash, else in every directory of PATH,
// of which an empty one is the working directory. `env` is "NAME=value" and that of the program.
std::vector<std::string> ProgramCandidates(const std::string& file,
                                           const std::vector<std::string>& env);

}  // namespace ovl

#endif  // OVL_CORE_PROGRAM_SEARCH_H_
