#include "core/program_search.h"

#include <string_view>

namespace ovl {

namespace {

// What execvp(3) uses where there is no PATH.
constexpr std::string_view kDefaultPath = "/bin:/usr/bin";

std::string_view PathOf(const std::vector<std::string>& env) {
  constexpr std::string_view kPrefix = "PATH=";
  for (const std::string& each : env) {
    if (each.starts_with(kPrefix)) return std::string_view(each).substr(kPrefix.size());
  }
  return kDefaultPath;
}

}  // namespace

std::vector<std::string> ProgramCandidates(const std::string& file,
                                           const std::vector<std::string>& env) {
  if (file.find('/') != std::string::npos) return {file};
  std::vector<std::string> candidates;
  std::string_view rest = PathOf(env);
  for (;;) {
    const size_t end = rest.find(':');
    const std::string_view directory = rest.substr(0, end);
    candidates.push_back(directory.empty() ? file : std::string(directory) + "/" + file);
    if (end == std::string_view::npos) return candidates;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace ovl
