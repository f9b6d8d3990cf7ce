#include "faults/leavings.h"

#include <filesystem>
#include <iterator>
#include <system_error>

#include "core/mount_table.h"
#include "faults/faults.h"

namespace faults {

size_t Entries(const std::string& path) {
  std::error_code error;  // where there is no such directory there are none
  const std::filesystem::directory_iterator entries(path, error);
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

size_t Descriptors() { return Entries("/proc/self/fd"); }

size_t Mounts() {
  auto table = ovl::ReadMountTable();
  return table.ok() ? table.value().size() : 0;
}

bool NamesCall(const ovl::Failure& failure) {
  return failure.call == Call() || failure.reason[0] != '\0';
}

}  // namespace faults
