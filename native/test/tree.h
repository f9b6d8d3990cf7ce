// Making trees for tests by plain system calls. Nothing of the core is used, so that no mistake is
// shared with it.
#ifndef OVL_TEST_TREE_H_
#define OVL_TEST_TREE_H_

#include <sys/types.h>

#include <string>
#include <string_view>

// A fresh directory overlayfs-test-* in TMPDIR, removed with everything in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Changes what lies below one directory. Names are relative to it; the directories that lead to a
// new name are made as well. What cannot be done is a failed check.
class Tree {
 public:
  explicit Tree(std::string root) : root_(std::move(root)) {}

  // Unless said otherwise everything has this modification time, so that equal files are equal.
  static constexpr time_t kTime = 1'000'000'000;

  std::string Path(std::string_view name) const;

  void Dir(std::string_view name);
  void File(std::string_view name, std::string_view content = "");
  void Symlink(std::string_view name, const std::string& target);
  void HardLink(std::string_view name, std::string_view existing);
  void Fifo(std::string_view name);
  void Device(std::string_view name, mode_t type, unsigned major, unsigned minor);
  void Whiteout(std::string_view name) { Device(name, 0020000, 0, 0); }

  void Mode(std::string_view name, mode_t mode);
  void Time(std::string_view name, time_t seconds, long nanoseconds = 0);
  void Xattr(std::string_view name, const std::string& attribute, std::string_view value);
  void Remove(std::string_view name);  // with everything below it

 private:
  std::string Prepare(std::string_view name);

  std::string root_;
};

// Why a test that needs it cannot run here; empty if it can.
std::string WhyNoUserXattrs(const std::string& directory);
std::string WhyNoTrustedXattrs(const std::string& directory);

#endif  // OVL_TEST_TREE_H_
