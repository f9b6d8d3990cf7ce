#include "faults/apply_trees.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace faults {

void Must(int result, const std::string& what) {
  if (result >= 0) return;
  std::perror(what.c_str());
  std::_Exit(2);
}

namespace {

class Builder {
 public:
  explicit Builder(std::string root) : root_(std::move(root)) {
    Must(::mkdir(root_.c_str(), 0755), root_);
  }
  std::string At(const char* name) const { return root_ + "/" + name; }
  void Dir(const char* name, mode_t mode = 0755) {
    Must(::mkdir(At(name).c_str(), 0755), name);
    Must(::chmod(At(name).c_str(), mode), name);
  }
  void File(const char* name, const char* text) {
    const int fd = ::open(At(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    Must(fd, name);
    Must(static_cast<int>(::write(fd, text, std::strlen(text))), name);
    Must(::close(fd), name);
  }
  void Link(const char* from, const char* to) {
    Must(::link(At(from).c_str(), At(to).c_str()), to);
  }
  void Whiteout(const char* name) { Must(::mknod(At(name).c_str(), S_IFCHR, makedev(0, 0)), name); }
  void Xattr(const char* name, const char* attribute, const char* value) {
    Must(::setxattr(At(name).c_str(), attribute, value, std::strlen(value), 0), name);
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

std::string Content(const std::string& path) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char buffer[256];
  for (ssize_t n; fd >= 0 && (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  if (fd >= 0) (void)::close(fd);
  return text;
}

std::string Xattrs(const std::string& path) {
  char list[1024];
  const ssize_t size = ::llistxattr(path.c_str(), list, sizeof list);
  std::vector<std::string> all;
  for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(std::strlen(list + at)) + 1) {
    char value[256] = {};
    const ssize_t n = ::lgetxattr(path.c_str(), list + at, value, sizeof value);
    all.push_back(std::string(list + at) + "=" +
                  std::string(value, n > 0 ? static_cast<size_t>(n) : 0));
  }
  std::sort(all.begin(), all.end());
  std::string text;
  for (const std::string& each : all) text += each + " ";
  return text;
}

void Describe(const std::string& path, const std::string& name, std::map<ino_t, std::string>& seen,
              std::string& out) {
  struct stat st;
  if (::lstat(path.c_str(), &st) != 0) return;
  char line[256];
  (void)std::snprintf(line, sizeof line, " %o %u:%u %ld.%09ld", st.st_mode, st.st_uid, st.st_gid,
                      static_cast<long>(st.st_mtim.tv_sec), st.st_mtim.tv_nsec);
  out += name + line + " " + Xattrs(path);
  if (S_ISREG(st.st_mode)) {
    const auto [first, is_new] = seen.emplace(st.st_ino, name);
    out += "of " + first->second + " x" + std::to_string(st.st_nlink) + ": " + Content(path);
  }
  out += "\n";
  if (!S_ISDIR(st.st_mode)) return;
  std::vector<std::string> names;
  DIR* const dir = ::opendir(path.c_str());
  while (const struct dirent* entry = dir == nullptr ? nullptr : ::readdir(dir)) {
    const std::string each = entry->d_name;
    if (each != "." && each != "..") names.push_back(each);
  }
  if (dir != nullptr) (void)::closedir(dir);
  std::sort(names.begin(), names.end());
  for (const std::string& each : names) Describe(path + "/" + each, name + "/" + each, seen, out);
}

}  // namespace

void MakeLower(const std::string& path) {
  Builder lower(path);
  lower.File("a", "old");
  lower.File("f", "to be deleted");
  lower.Dir("g");
  lower.File("g/in", "deleted with its directory");
  lower.Dir("h");
  lower.File("h/in", "replaced with its directory");
  lower.File("i", "becomes a directory");
  lower.Dir("j", 0755);
  lower.File("j/kept", "untouched");
  lower.File("k", "one of two");
  lower.Link("k", "l");
  lower.Dir("moved");
  lower.File("moved/file", "moves along");
  lower.Link("moved/file", "moved/again");
  lower.Dir("opaque");
  lower.File("opaque/hidden", "hidden");
}

void MakeUpper(const std::string& path) {
  Builder upper(path);
  upper.File("a", "new content");
  upper.Xattr("a", "user.test", "value");
  upper.Whiteout("f");
  upper.Whiteout("g");
  upper.File("h", "was a directory");
  upper.Dir("i", 0750);
  upper.File("i/in", "in a new directory");
  upper.Dir("j", 0700);
  upper.Xattr("j", "user.dir", "value");
  upper.File("j/new", "added");
  upper.File("k", "one of two, changed");
  upper.Link("k", "m");
  upper.Dir("n");
  upper.Xattr("n", "trusted.overlay.redirect", "/moved");
  upper.Xattr("n", "trusted.overlay.opaque", "x");
  Must(::removexattr(upper.At("n").c_str(), "trusted.overlay.opaque"), "n");
  upper.Whiteout("moved");
  upper.Dir("opaque");
  upper.Xattr("opaque", "trusted.overlay.opaque", "y");
  upper.File("opaque/shown", "shown");
  Must(::symlink("a", upper.At("link").c_str()), "link");
  Must(::mkfifo(upper.At("pipe").c_str(), 0600), "pipe");
}

std::string Snapshot(const std::string& path) {
  std::map<ino_t, std::string> seen;
  std::string out;
  Describe(path, "", seen, out);
  return out;
}

}  // namespace faults
