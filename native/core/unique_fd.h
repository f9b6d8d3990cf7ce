// A file descriptor with one owner.
#ifndef OVL_CORE_UNIQUE_FD_H_
#define OVL_CORE_UNIQUE_FD_H_

#include <unistd.h>

#include <cerrno>

namespace ovl {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = other.Release();
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  // Keeps errno, so that a clean-up cannot change the error being reported. Linux frees the number
  // even when close(2) says EINTR: calling it again could close somebody else's descriptor.
  void Reset() {
    if (fd_ < 0) return;
    const int saved = errno;
    (void)::close(fd_);
    errno = saved;
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

}  // namespace ovl

#endif  // OVL_CORE_UNIQUE_FD_H_
