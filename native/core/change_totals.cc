#include "core/change_totals.h"

#include <algorithm>

namespace ovl {

namespace {

double SizeOf(const struct stat* side) {
  return side != nullptr && S_ISREG(side->st_mode) ? static_cast<double>(side->st_size) : 0;
}

bool HasOtherNames(const struct stat* side) {
  return side != nullptr && S_ISREG(side->st_mode) && side->st_nlink > 1;
}

std::string_view DirectoryOf(const Change& change) {
  if (change.path == ".") return {};
  if (change.type == S_IFDIR) return change.path;
  const size_t slash = change.path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : change.path.substr(0, slash);
}

}  // namespace

void ChangeTotals::Add(const ChangeTotals& more) {
  added += more.added;
  modified += more.modified;
  deleted += more.deleted;
  added_bytes += more.added_bytes;
  freed_bytes += more.freed_bytes;
  changed_bytes += more.changed_bytes;
}

ChangeTotals ByteCounter::Measure(const Change& change, const struct stat* before,
                                  const struct stat* after) {
  const double now = IsFirst(after) ? SizeOf(after) : 0;
  const double was = IsLast(before) ? SizeOf(before) : 0;
  ChangeTotals totals;
  totals.added = change.kind == ChangeKind::kAdded ? 1 : 0;
  totals.modified = change.kind == ChangeKind::kModified ? 1 : 0;
  totals.deleted = change.kind == ChangeKind::kDeleted ? 1 : 0;
  totals.added_bytes = std::max(0.0, now - was);
  totals.freed_bytes = std::max(0.0, was - now);
  totals.changed_bytes = (change.aspects & kAspectContent) != 0 ? SizeOf(after) : 0;
  return totals;
}

bool ByteCounter::IsFirst(const struct stat* side) {
  return !HasOtherNames(side) || seen_.emplace(side->st_dev, side->st_ino).second;
}

bool ByteCounter::IsLast(const struct stat* side) {
  if (!HasOtherNames(side)) return true;
  const Id id(side->st_dev, side->st_ino);
  const auto names = names_left_.try_emplace(id, static_cast<int64_t>(side->st_nlink)).first;
  return --names->second == 0;
}

void DirectoryCounter::Add(const Change& change, const ChangeTotals& totals, TotalsSink& sink) {
  const std::string_view directory = DirectoryOf(change);
  size_t level = 0;
  for (size_t end = 0; level < depth_ && end < directory.size();) {
    end = std::min(directory.find('/', end == 0 ? 0 : end + 1), directory.size());
    const std::string_view path = directory.substr(0, end);
    ++level;
    if (level < levels_.size() && levels_[level].path == path) continue;
    Leave(level, sink);
    levels_.push_back({std::string(path), {}});
  }
  Leave(level + 1, sink);
  levels_.back().totals.Add(totals);
}

// From this level on. What they hold counts for those above as well.
void DirectoryCounter::Leave(size_t level, TotalsSink& sink) {
  while (levels_.size() > level) {
    const Level left = std::move(levels_.back());
    levels_.pop_back();
    if (!levels_.empty()) levels_.back().totals.Add(left.totals);
    sink.Add(left.path.empty() ? "." : left.path, left.totals);
  }
}

}  // namespace ovl
