#include "binding/program.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "binding/convert.h"

namespace ovl {

namespace {

// As it is, byte by byte: process.env is text. Only in the event loop of the main thread nobody
// changes it meanwhile.
std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> own;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) own.emplace_back(*each);
  return own;
}

}  // namespace

void ReadProgram(const Napi::Object& from, ProgramSpec& spec) {
  spec.file = ToBytes(from.Get("file"));
  spec.args = ToBytesList(from.Get("args"));
  const Napi::Value env = from.Get("env");
  spec.env = env.IsNull() ? OwnEnvironment() : ToBytesList(env);
  spec.cwd = ToBytes(from.Get("cwd"));
}

}  // namespace ovl
