#include "core/apply_levels.h"

#include <utility>

namespace ovl {

ApplyLevels::ApplyLevels(DirPtr root, const struct stat& st) {
  ApplyLevel level;
  level.dir = std::move(root);
  level.st = st;
  levels_.push_back(std::move(level));
}

Result<ApplyLevel*> ApplyLevels::GoTo(std::string_view path, const Left& left) {
  while (levels_.size() > 1 && path != levels_.back().path &&
         !IsPathBelow(path, levels_.back().path)) {
    auto popped = Pop(left);
    if (!popped.ok()) return std::move(popped.failure());
  }
  while (levels_.back().path != path) {
    if (!levels_.back().dir) return &levels_.back();
    const size_t from = levels_.back().path.empty() ? 0 : levels_.back().path.size() + 1;
    const size_t end = std::min(path.find('/', from), path.size());
    auto pushed =
        Push(std::string(path.substr(0, end)), std::string(path.substr(from, end - from)));
    if (!pushed.ok()) return std::move(pushed.failure());
  }
  return &levels_.back();
}

Status ApplyLevels::Push(std::string path, const std::string& name) {
  ApplyLevel level;
  level.path = std::move(path);
  const ApplyLevel& above = levels_.back();
  auto fd = above.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  Look look;
  auto there = LookAt(fd.value(), name, look);
  if (!there.ok()) return Located(std::move(there.failure()), above.dir, name);
  if (there.value()) {
    level.st = look.st;
    level.fixed = look.fixed;
    // A subvolume of btrfs is no mount, and nothing can be moved into it either.
    level.submount = look.mount_root || look.st.st_dev != above.st.st_dev;
    if (S_ISDIR(look.st.st_mode) && !level.submount) {
      level.dir = LayerDir::Child(above.dir, name, look.st.st_dev, look.st.st_ino);
    }
  }
  level.removing = above.removing;
  levels_.push_back(std::move(level));
  if (levels_.size() > kOpenLevels) {
    ApplyLevel& outer = levels_[levels_.size() - 1 - kOpenLevels];
    if (outer.dir) outer.dir->Close();
  }
  return Done{};
}

Status ApplyLevels::Pop(const Left& left) {
  auto status = left(levels_.back());
  if (!status.ok()) return status;
  const DirPtr dir = std::move(levels_.back().dir);
  levels_.pop_back();
  if (dir) (void)dir->OpenWayBack();
  return Done{};
}

Status ApplyLevels::Finish(const Left& left) {
  while (levels_.size() > 1) {
    auto popped = Pop(left);
    if (!popped.ok()) return popped;
  }
  return left(levels_.back());
}

}  // namespace ovl
