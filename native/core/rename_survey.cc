#include "core/rename_survey.h"

#include <cstdint>
#include <cstring>
#include <utility>

namespace ovl {

namespace {

bool IsFile(const Found& found) { return found.kind == Found::Kind::kFile; }

Result<std::optional<FileHandle>> HandleOf(const LayerEntry& entry) {
  auto fd = entry.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto handle = HandleAt(fd.value(), entry.name);
  if (!handle.ok()) return Located(std::move(handle.failure()), entry.dir, entry.name);
  return handle;
}

// Whether a handle is of the form that most filesystems give theirs (FILEID_INO32_GEN in
// include/linux/exportfs.h: the numbers of an inode and of its generation) and names this inode. In
// one and the same layer that is this file, or one that is no more and is nowhere else.
bool HasInode(const FileHandle& handle, const struct stat& st) {
  constexpr int kIno32Gen = 1;
  uint32_t number = 0;
  if (handle.type != kIno32Gen || handle.bytes.size() != 2 * sizeof number) return false;
  std::memcpy(&number, handle.bytes.data(), sizeof number);
  return number == st.st_ino;
}

}  // namespace

Result<std::optional<Origin>> ForeignOrigin(const Layers& layers, const Sides& sides) {
  const std::optional<Origin> none;
  if (!sides.in_upper || !sides.origin || !IsFile(sides.after)) return none;
  auto origin = ReadOrigin(layers.marks, sides.after.top);
  if (!origin.ok()) {
    if (origin.failure().err == ENOENT) return none;  // vanished from a live upper
    return std::move(origin.failure());
  }
  if (!origin.value()) return none;
  if (IsFile(sides.before)) {
    if (layers.lowers.size() == 1 && HasInode(origin.value()->handle, sides.before.top.st)) {
      return none;
    }
    auto handle = HandleOf(sides.before.top);
    if (!handle.ok()) return std::move(handle.failure());
    if (handle.value() == origin.value()->handle) return none;
  }
  return origin;
}

std::string Renames::Find(const Origin& origin) const {
  const auto it = paths_.find(origin);
  return it == paths_.end() ? std::string() : it->second;
}

RenameSurvey::RenameSurvey(const Layers& layers, bool expand)
    : layers_(layers), filesystems_(layers.lowers), expand_(expand) {}

Status RenameSurvey::Begin() {
  auto own = layers_.Reopen();
  if (!own.ok()) return std::move(own.failure());
  walk_ = std::make_unique<MergedWalk>(std::move(own.value()),
                                       WalkScope{.expand = offering_ && expand_});
  return Done{};
}

Result<bool> RenameSurvey::Next(const WorkSlice& slice) {
  while (!slice.Over()) {
    if (!walk_) {
      auto begun = Begin();
      if (!begun.ok()) return std::move(begun.failure());
    }
    auto event = walk_->Step();
    if (!event.ok()) return std::move(event.failure());
    if (event.value() == MergedWalk::Event::kEntry) {
      const Sides& sides = walk_->entry().sides;
      auto status = offering_ ? Offer(sides) : Want(sides);
      if (!status.ok()) return std::move(status.failure());
    }
    if (event.value() != MergedWalk::Event::kEnd) continue;
    if (offering_ || renames_.paths_.empty()) return false;
    offering_ = true;
    walk_.reset();
  }
  return true;
}

Status RenameSurvey::Want(const Sides& sides) {
  auto origin = ForeignOrigin(layers_, sides);
  if (!origin.ok()) return std::move(origin.failure());
  if (origin.value()) renames_.paths_.emplace(std::move(*origin.value()), "");
  return Done{};
}

// A file that is no longer where it was may be the one that is somewhere else now.
Status RenameSurvey::Offer(const Sides& sides) {
  if (!IsFile(sides.before)) return Done{};
  if (IsFile(sides.after)) {
    if (!sides.in_upper) return Done{};
    if (sides.origin) {
      auto foreign = ForeignOrigin(layers_, sides);
      if (!foreign.ok()) return std::move(foreign.failure());
      if (!foreign.value()) return Done{};
    }
  }
  auto handle = HandleOf(sides.before.top);
  if (!handle.ok()) return std::move(handle.failure());
  if (!handle.value()) return Done{};
  // Sorted by handle: those that differ in the filesystem only follow each other.
  auto it = renames_.paths_.lower_bound(Origin{*handle.value(), ""});
  for (; it != renames_.paths_.end() && it->first.handle == *handle.value(); ++it) {
    auto may = filesystems_.May(it->first.uuid, sides.before.top);
    if (!may.ok()) return std::move(may.failure());
    if (may.value() && it->second.empty()) it->second = walk_->path();
  }
  return Done{};
}

}  // namespace ovl
