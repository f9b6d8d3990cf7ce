#include "core/raw_walk.h"

#include <dirent.h>

#include <string>
#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// Descriptors kept open on the way down; directories above are opened anew when they are needed.
constexpr size_t kOpenLevels = 64;

}  // namespace

RawWalk::RawWalk(DirPtr root) { frames_.push_back(Frame{std::move(root), false, {}}); }

Result<bool> RawWalk::Step(const std::function<void(const DirPtr&, const DirEntry&)>& visit) {
  if (frames_.empty()) return false;
  Frame& frame = frames_.back();
  if (!frame.read) {
    auto status = Read(frame, visit);
    if (!status.ok()) return std::move(status.failure());
    return true;
  }
  if (frame.below.empty()) {
    // Back to where there is something left.
    const DirPtr left = std::move(frame.dir);
    frames_.pop_back();
    while (!frames_.empty() && frames_.back().below.empty()) frames_.pop_back();
    if (!frames_.empty()) (void)left->OpenWayBack();
    return true;
  }
  Frame next{std::move(frame.below.back()), false, {}};
  frame.below.pop_back();
  frames_.push_back(std::move(next));
  if (frames_.size() > kOpenLevels) frames_[frames_.size() - 1 - kOpenLevels].dir->Close();
  return true;
}

Status RawWalk::Read(Frame& frame,
                     const std::function<void(const DirPtr&, const DirEntry&)>& visit) {
  auto fd = frame.dir->Fd();
  if (!fd.ok()) {
    if (fd.failure().err != ENOENT) return std::move(fd.failure());
    frame.read = true;
    return Done{};
  }
  std::vector<std::string> maybe;
  auto more = ReadSomeEntries(fd.value(), [&](const DirEntry& entry) {
    visit(frame.dir, entry);
    if (entry.type == DT_DIR || entry.type == DT_UNKNOWN) maybe.emplace_back(entry.name);
  });
  if (!more.ok()) return Located(std::move(more.failure()), frame.dir, "");
  for (std::string& name : maybe) {
    struct stat st;
    auto there = StatAt(fd.value(), name, st);
    if (!there.ok()) return Located(std::move(there.failure()), frame.dir, name);
    if (!there.value() || !S_ISDIR(st.st_mode)) continue;
    frame.below.push_back(LayerDir::Child(frame.dir, std::move(name), st.st_dev, st.st_ino));
  }
  frame.read = !more.value();
  return Done{};
}

}  // namespace ovl
