#include "core/foreign_entries.h"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/sys_privilege.h"

namespace ovl {

namespace {

class Search {
 public:
  Search(UniqueFd root, std::string path) : root_(std::move(root)), path_(std::move(path)) {}

  Result<std::optional<ForeignEntry>> Run() {
    auto st = StatFd(root_.get());
    if (!st.ok()) return std::move(st.failure());
    Look(st.value(), "");
    for (pending_.emplace_back("."); !found_ && !pending_.empty();) {
      const std::string name = std::move(pending_.back());
      pending_.pop_back();
      auto read = Read(name);
      if (!read.ok()) return std::move(read.failure());
    }
    return std::move(found_);
  }

 private:
  void Look(const struct stat& st, const std::string& name) {
    if (found_ || (st.st_uid == uid_ && IsOwnGroup(st.st_gid))) return;
    found_ = ForeignEntry{name.empty() ? path_ : path_ + "/" + name, st.st_uid, st.st_gid};
  }

  Status Read(const std::string& name) {
    auto dir = OpenDirectoryAt(root_.get(), name);
    if (!dir.ok()) return Unread(std::move(dir.failure()));
    const std::string prefix = name == "." ? "" : name + "/";
    for (;;) {
      auto more = ReadSomeEntries(dir.value().get(), [&](const DirEntry& entry) {
        struct stat st;
        const std::string entry_name(entry.name);
        auto there = StatAt(dir.value().get(), entry_name, st);
        if (!there.ok() || !there.value()) return;  // it was removed meanwhile
        Look(st, prefix + entry_name);
        if (S_ISDIR(st.st_mode)) pending_.push_back(prefix + entry_name);
      });
      if (!more.ok()) return std::move(more.failure());
      if (!more.value() || found_) return Done{};
    }
  }

  // The user's own that he has closed to himself, or one that is gone by now, is nobody else's.
  // What is below a path that is too long for one call may be: then whoever asks takes care.
  Status Unread(Failure failure) {
    if (failure.err == EACCES || failure.err == ENOENT) return Done{};
    if (failure.err != ENAMETOOLONG) return failure;
    found_ = ForeignEntry{path_, uid_, ::getegid()};
    return Done{};
  }

  UniqueFd root_;
  std::string path_;
  const uid_t uid_ = ::geteuid();
  std::vector<std::string> pending_;  // directories, relative to the root
  std::optional<ForeignEntry> found_;
};

}  // namespace

Result<std::optional<ForeignEntry>> FindForeignEntry(const std::string& path) {
  auto root = OpenDirectory(path);
  if (!root.ok()) return std::move(root.failure());
  return Search(std::move(root.value()), path).Run();
}

}  // namespace ovl
