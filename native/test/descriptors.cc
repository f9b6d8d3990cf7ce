#include "test/descriptors.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

size_t Descriptors() {
  size_t count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; at != end;
       at.increment(error)) {
    ++count;
  }
  return count;
}

std::string ReadAll(int fd) {
  std::string all;
  char block[4096];
  for (ssize_t n = 0; (n = ::read(fd, block, sizeof block)) > 0;) {
    all.append(block, static_cast<size_t>(n));
  }
  return all;
}
