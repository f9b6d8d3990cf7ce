#include "core/merged_walk.h"

#include <algorithm>
#include <utility>

namespace ovl {

namespace {

// Directory descriptors kept open at a time, in all levels together: far below the usual limit of
// 1024 for a process, so that several walks fit.
constexpr size_t kOpenDirectories = 256;
constexpr size_t kMinOpenLevels = 1;

}  // namespace

MergedWalk::MergedWalk(Layers layers, WalkScope scope)
    : layers_(std::move(layers)),
      scope_(std::move(scope)),
      open_levels_(std::max(kMinOpenLevels, kOpenDirectories / (1 + 2 * layers_.lowers.size()))) {}

MergedWalk::~MergedWalk() = default;

Result<MergedWalk::Event> MergedWalk::Step() {
  if (!std::exchange(started_, true)) {
    auto status = MergedFrame::VisitRoot(layers_, scope_, entry_);
    if (!status.ok()) return std::move(status.failure());
    entered_ = false;
    return Event::kEntry;
  }
  if (!std::exchange(entered_, true) && MergedFrame::GoesBelow(layers_, scope_, entry_)) {
    Push(MergedFrame::Below(entry_, scope_));
  }
  if (levels_.empty()) return Event::kEnd;
  Level& level = levels_.back();
  if (!level.frame->sorted()) {
    auto more = level.frame->Read();
    if (!more.ok()) return std::move(more.failure());
    return Event::kBusy;
  }
  if (level.next == level.frame->size()) {
    Leave();
    return Event::kBusy;
  }
  auto something = level.frame->Visit(layers_, level.next++, entry_);
  if (!something.ok()) return std::move(something.failure());
  if (!something.value()) return Event::kBusy;
  entered_ = false;
  return Event::kEntry;
}

// Back to where there is something left.
void MergedWalk::Leave() {
  const auto left = std::move(levels_.back().frame);
  levels_.pop_back();
  while (!levels_.empty() && levels_.back().next == levels_.back().frame->size()) {
    levels_.pop_back();
  }
  if (levels_.empty()) return;
  left->EachDirectory([](const DirPtr& dir) { (void)dir->OpenWayBack(); });
}

void MergedWalk::Push(std::shared_ptr<MergedFrame> frame) {
  levels_.push_back({std::move(frame), 0});
  if (levels_.size() <= open_levels_) return;
  levels_[levels_.size() - 1 - open_levels_].frame->EachDirectory(
      [](const DirPtr& dir) { dir->Close(); });
}

}  // namespace ovl
