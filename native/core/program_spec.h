// A program that is to be started in a view, and what it needs ready before a child that may not
// allocate becomes it.
#ifndef OVL_CORE_PROGRAM_SPEC_H_
#define OVL_CORE_PROGRAM_SPEC_H_

#include <array>
#include <string>
#include <vector>

#include "core/program_child.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "core/view_step.h"

namespace ovl {

// Instead of a descriptor in ProgramSpec::stdio.
inline constexpr int kStdioNull = -1;  // /dev/null
inline constexpr int kStdioPipe = -2;  // a new pipe; its other end is the caller's

// Descriptors are borrowed, and texts are bytes.
struct ProgramSpec {
  std::string file;               // looked for in the PATH of `env` if it has no slash
  std::vector<std::string> args;  // from argv[0] on
  std::vector<std::string> env;   // "NAME=value"
  std::string cwd;                // absolute; where the overlays are in place already
  std::array<int, 3> stdio{kStdioNull, kStdioNull, kStdioNull};
};

// Holds all that `child` points to, and so stays where it is.
class PreparedProgram {
 public:
  PreparedProgram() = default;
  PreparedProgram(const PreparedProgram&) = delete;
  PreparedProgram& operator=(const PreparedProgram&) = delete;
  ~PreparedProgram() = default;

  Status Prepare(ProgramSpec spec);
  const ProgramChild& child() const { return child_; }
  const ProgramSpec& spec() const { return spec_; }
  // Our ends of its pipes.
  std::array<UniqueFd, 3> TakePipes() { return std::move(kept_); }
  // Its own ends, once it has them: else nobody would see when it closes them.
  void CloseItsEnds();

 private:
  Status OpenStdio();

  ProgramSpec spec_;
  std::array<UniqueFd, 3> owned_;
  std::array<UniqueFd, 3> kept_;
  std::vector<std::string> candidates_;
  std::vector<char*> candidate_pointers_;
  std::vector<char*> argv_;
  std::vector<char*> env_;
  ProgramChild child_;
};

// What failed, by the name of the call; `at`: where the mount in question was to be seen.
Failure ExplainFault(const ViewFault& fault, const ProgramSpec& spec, const std::string& at);

}  // namespace ovl

#endif  // OVL_CORE_PROGRAM_SPEC_H_
