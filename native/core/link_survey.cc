#include "core/link_survey.h"

#include <utility>

namespace ovl {

namespace {

bool IsFile(const Found& found) { return found.kind == Found::Kind::kFile; }

// Where every name is counted, on both sides: of a file that an index has kept. Elsewhere a link
// count stands for those before, and with it names that the file has in other places and another
// file has not.
bool Counted(const LinkIndex& index, const Sides& sides, bool plain) {
  if (plain) return true;
  const LinkIndex::Inode* kept = index.Find(sides.before.top.st);
  const struct stat& after = sides.after.top.st;
  return kept != nullptr && kept->entry.st.st_dev == after.st_dev &&
         kept->entry.st.st_ino == after.st_ino;
}

bool Grouped(const Sides& sides, bool plain) {
  if (!plain && !sides.in_upper && !sides.indexed) return false;
  return sides.after.top.st.st_nlink > 1 || sides.indexed;
}

}  // namespace

LinkSurvey::LinkSurvey(Layers layers, const LinkIndex& index)
    : plain_(layers.plain != nullptr),
      index_(index),
      walk_(std::move(layers), WalkScope{.every_name = true, .index = &index}) {}

bool LinkSurvey::Needed(const Sides& sides, bool plain) {
  if (!IsFile(sides.before) || !IsFile(sides.after)) return false;
  const struct stat& before = sides.before.top.st;
  const struct stat& after = sides.after.top.st;
  if ((before.st_mode & S_IFMT) != (after.st_mode & S_IFMT)) return false;
  return Grouped(sides, plain) || (plain && before.st_nlink > 1);
}

bool LinkSurvey::Changed(const LinkGroups* groups, const LinkIndex& index, const Sides& sides,
                         bool plain) {
  const struct stat& before = sides.before.top.st;
  const struct stat& after = sides.after.top.st;
  // Alone in the upper and alone below is the common case and needs no survey.
  if (!Needed(sides, plain)) return (plain || sides.in_upper) && before.st_nlink != 1;
  return Counted(index, sides, plain) ? !groups->UnchangedAsCounted(after, before)
                                      : !groups->Unchanged(after, before);
}

Result<bool> LinkSurvey::Next(const WorkSlice& slice) {
  while (!slice.Over()) {
    auto event = walk_.Step();
    if (!event.ok()) return std::move(event.failure());
    if (event.value() == MergedWalk::Event::kEnd) return false;
    if (event.value() == MergedWalk::Event::kEntry) Count(walk_.entry().sides);
  }
  return true;
}

void LinkSurvey::Count(const Sides& sides) {
  const bool was = IsFile(sides.before);
  if (IsFile(sides.after) && Grouped(sides, plain_)) {
    groups_.Add(sides.after.top.st, was ? &sides.before.top.st : nullptr);
  }
  if (!was || sides.before.top.st.st_nlink < 2) return;
  if (plain_ || index_.Find(sides.before.top.st) != nullptr) {
    groups_.CountBefore(sides.before.top.st);
  }
}

}  // namespace ovl
