#include "core/open_directories.h"

#include <algorithm>
#include <cstddef>

namespace ovl {

namespace {

// Besides those of directories that are being worked on: enough for what a walk finds ahead of its
// front, and far below the usual limit of 1024 for a process, so that several walks fit.
constexpr size_t kMost = 96;
// Where there is no room so many are left, so that it is seldom looked for.
constexpr size_t kLeft = 72;

}  // namespace

void OpenDirectories::Use(const DirPtr& dir) {
  if (dir->IsRoot() || !dir->IsOpen()) return;
  Keep(dir);
  // Directories that were opened again on the way to it; their own units may be long done.
  for (const DirPtr* at = &dir->parent(); !(*at)->IsRoot() && (*at)->IsOpen() && (*at)->used() == 0;
       at = &(*at)->parent()) {
    Keep(*at);
  }
}

void OpenDirectories::Keep(const DirPtr& dir) {
  const bool known = dir->used() != 0;
  dir->Used(++clock_);
  if (known) return;
  if (kept_.size() >= kMost) MakeRoom();
  kept_.push_back({dir, clock_});
}

// Those that are gone have closed their descriptors themselves: most have, before it comes to the
// ones that somebody will want again. Pinned ones stay.
void OpenDirectories::MakeRoom() {
  auto left = kept_.begin();
  for (Kept& kept : kept_) {
    const DirPtr dir = kept.dir.lock();
    if (dir) *left++ = {dir, dir->used()};
  }
  kept_.erase(left, kept_.end());
  if (kept_.size() <= kLeft) return;
  const auto end = kept_.end() - static_cast<std::ptrdiff_t>(kLeft);
  std::nth_element(kept_.begin(), end, kept_.end(),
                   [](const Kept& a, const Kept& b) { return a.when < b.when; });
  kept_.erase(std::remove_if(kept_.begin(), end,
                             [](const Kept& kept) {
                               const DirPtr dir = kept.dir.lock();
                               if (dir) dir->Close();
                               return !dir || !dir->IsOpen();
                             }),
              end);
}

}  // namespace ovl
