#include "core/own_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/sys_dir.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

constexpr const char* kOwn = "/proc/self/fdinfo";

bool Says(int dir, const std::string& name, std::string_view line) {
  const UniqueFd fd(::openat(dir, name.c_str(), O_RDONLY | O_CLOEXEC));
  char text[256];  // the line is one of the first
  const ssize_t n = fd ? ::read(fd.get(), text, sizeof text) : -1;
  return n > 0 &&
         std::string_view(text, static_cast<size_t>(n)).find(line) != std::string_view::npos;
}

}  // namespace

bool HoldsMount(uint64_t table_id) {
  auto dir = OpenDirectory(kOwn);
  if (!dir.ok()) return false;
  std::vector<std::string> names;
  for (;;) {
    auto more = ReadSomeEntries(dir.value().get(),
                                [&](const DirEntry& entry) { names.emplace_back(entry.name); });
    if (!more.ok() || !more.value()) break;
  }
  const std::string line = "mnt_id:\t" + std::to_string(table_id) + "\n";
  for (const std::string& name : names) {
    if (Says(dir.value().get(), name, line)) return true;
  }
  return false;
}

}  // namespace ovl
