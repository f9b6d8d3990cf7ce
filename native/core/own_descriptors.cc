#include "core/own_descriptors.h"

#include <charconv>
#include <vector>

#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/sys_mount.h"

namespace ovl {

bool HoldsMount(uint64_t mount_id) {
  auto dir = OpenDirectory("/proc/self/fd");
  if (!dir.ok()) return false;
  std::vector<int> numbers;
  for (;;) {
    auto more = ReadSomeEntries(dir.value().get(), [&](const DirEntry& entry) {
      int number = -1;
      (void)std::from_chars(entry.name.data(), entry.name.data() + entry.name.size(), number);
      numbers.push_back(number);
    });
    if (!more.ok() || !more.value()) break;
  }
  for (const int number : numbers) {
    auto identity = IdentifyMount(number);  // EBADF: another thread has closed it
    if (identity.ok() && identity.value().id == mount_id) return true;
  }
  return false;
}

}  // namespace ovl
