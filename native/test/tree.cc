#include "test/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "test/check.h"

namespace {

bool Did(bool good, const char* call, const std::string& path) {
  if (good) return true;
  const std::string what = std::string(call) + " " + path + ": errno " + std::to_string(errno);
  check::Fail(__FILE__, __LINE__, what);
  return false;
}

std::vector<std::string> NamesIn(int fd) {
  std::vector<std::string> names;
  DIR* const dir = ::fdopendir(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir == nullptr) return names;
  while (const dirent* entry = ::readdir(dir)) {  // NOLINT(concurrency-mt-unsafe): a stream of ours
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  (void)::closedir(dir);
  return names;
}

// One descriptor for every level of recursion would be too many for the deepest trees: a directory
// in the way is moved up to the root of the removal instead, and comes up again there.
void RemoveContents(int root) {
  size_t moved = 0;
  for (bool again = true; again;) {
    again = false;
    for (const std::string& name : NamesIn(root)) {
      if (::unlinkat(root, name.c_str(), 0) == 0) continue;
      (void)::fchmodat(root, name.c_str(), 0700, 0);
      const int dir = ::openat(root, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (dir < 0) continue;
      for (const std::string& inner : NamesIn(dir)) {
        if (::unlinkat(dir, inner.c_str(), 0) == 0) continue;
        // Its owner may move a directory only if he may write to it: ".." changes.
        (void)::fchmodat(dir, inner.c_str(), 0700, 0);
        const std::string aside = ".aside-" + std::to_string(moved++);
        if (::renameat(dir, inner.c_str(), root, aside.c_str()) == 0) again = true;
      }
      (void)::close(dir);
      (void)::unlinkat(root, name.c_str(), AT_REMOVEDIR);
    }
  }
}

void RemoveTree(const std::string& path) {
  const int root = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (!Did(root >= 0, "open", path)) return;
  RemoveContents(root);
  (void)::close(root);
  Did(::rmdir(path.c_str()) == 0, "rmdir", path);
}

std::string WhyNoXattrs(const std::string& directory, const char* name) {
  if (::setxattr(directory.c_str(), name, "y", 1, 0) != 0) {
    return std::string("cannot set ") + name + " in " + directory + ": errno " +
           std::to_string(errno);
  }
  (void)::removexattr(directory.c_str(), name);
  return "";
}

}  // namespace

TempDir::TempDir() {
  std::error_code error;
  path_ = std::filesystem::temp_directory_path(error) / "overlayfs-test-XXXXXX";
  Did(::mkdtemp(path_.data()) != nullptr, "mkdtemp", path_);
}

TempDir::~TempDir() { RemoveTree(path_); }

std::string Tree::Path(std::string_view name) const {
  return name.empty() || name == "." ? root_ : root_ + "/" + std::string(name);
}

std::string Tree::Prepare(std::string_view name) {
  for (size_t at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1)) {
    const std::string parent = Path(name.substr(0, at));
    Did(::mkdir(parent.c_str(), 0755) == 0 || errno == EEXIST, "mkdir", parent);
  }
  return Path(name);
}

void Tree::Dir(std::string_view name) {
  const std::string path = Prepare(name);
  Did(::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST, "mkdir", path);
}

void Tree::File(std::string_view name, std::string_view content) {
  const std::string path = Prepare(name);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (!Did(fd >= 0, "open", path)) return;
  const ssize_t n = ::write(fd, content.data(), content.size());
  Did(n == static_cast<ssize_t>(content.size()), "write", path);
  (void)::close(fd);
  Time(name, kTime);
}

void Tree::Symlink(std::string_view name, const std::string& target) {
  const std::string path = Prepare(name);
  Did(::symlink(target.c_str(), path.c_str()) == 0, "symlink", path);
  Time(name, kTime);
}

void Tree::HardLink(std::string_view name, std::string_view existing) {
  const std::string path = Prepare(name);
  Did(::link(Path(existing).c_str(), path.c_str()) == 0, "link", path);
}

void Tree::Fifo(std::string_view name) {
  const std::string path = Prepare(name);
  Did(::mkfifo(path.c_str(), 0644) == 0, "mkfifo", path);
  Time(name, kTime);
}

void Tree::Device(std::string_view name, mode_t type, unsigned major, unsigned minor) {
  const std::string path = Prepare(name);
  Did(::mknod(path.c_str(), type, makedev(major, minor)) == 0, "mknod", path);
  Time(name, kTime);
}

void Tree::Mode(std::string_view name, mode_t mode) {
  Did(::chmod(Path(name).c_str(), mode) == 0, "chmod", Path(name));
}

void Tree::Time(std::string_view name, time_t seconds, long nanoseconds) {
  const timespec times[2] = {{kTime, 0}, {seconds, nanoseconds}};
  const std::string path = Path(name);
  Did(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0, "utimensat", path);
}

void Tree::Xattr(std::string_view name, const std::string& attribute, std::string_view value) {
  const std::string path = Path(name);
  Did(::lsetxattr(path.c_str(), attribute.c_str(), value.data(), value.size(), 0) == 0,
      attribute.c_str(), path);
}

void Tree::Remove(std::string_view name) {
  const std::string path = Path(name);
  struct stat st;
  if (!Did(::lstat(path.c_str(), &st) == 0, "lstat", path)) return;
  if (S_ISDIR(st.st_mode)) {
    RemoveTree(path);
  } else {
    Did(::unlink(path.c_str()) == 0, "unlink", path);
  }
}

std::string WhyNoUserXattrs(const std::string& directory) {
  return WhyNoXattrs(directory, "user.overlay.test");
}

std::string WhyNoTrustedXattrs(const std::string& directory) {
  return WhyNoXattrs(directory, "trusted.overlay.test");
}
