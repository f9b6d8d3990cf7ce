// Where execvp(3) looks for a program.
#include "core/program_search.h"

#include <string>
#include <vector>

#include "test/check.h"

using List = std::vector<std::string>;

TEST(ProgramWithASlashIsNotLookedFor) {
  CHECK_EQ(ovl::ProgramCandidates("./a", {"PATH=/x"}), List{"./a"});
  CHECK_EQ(ovl::ProgramCandidates("/a", {}), List{"/a"});
}

TEST(ProgramIsLookedForInPath) {
  CHECK_EQ(ovl::ProgramCandidates("a", {"XPATH=/no", "PATH=/x:/y/z", "PATH=/no"}),
           List{"/x/a", "/y/z/a"});
  CHECK_EQ(ovl::ProgramCandidates("a", {"HOME=/x"}), List{"/bin/a", "/usr/bin/a"});
}

TEST(EmptyDirectoryOfPathIsTheWorkingDirectory) {
  CHECK_EQ(ovl::ProgramCandidates("a", {"PATH="}), List{"a"});
  CHECK_EQ(ovl::ProgramCandidates("a", {"PATH=:/x::/y:"}), List{"a", "/x/a", "a", "/y/a", "a"});
}
