#include "core/entry_comparison.h"

#include <utility>

#include "core/entry_attributes.h"

namespace ovl {

Result<EntryComparison> EntryComparison::Open(const ComparedEntry& a, const ComparedEntry& b) {
  EntryComparison out;
  const struct stat& left = a.top.st;
  const struct stat& right = b.top.st;
  if (left.st_dev == right.st_dev && left.st_ino == right.st_ino) return out;
  out.state_ = State::kDifferent;
  if ((left.st_mode & S_IFMT) != (right.st_mode & S_IFMT)) return out;
  if (CompareStat(left, right) != 0) return out;
  if (S_ISREG(left.st_mode) && left.st_size != right.st_size) return out;
  auto left_xattrs = ReadXattrs(a.top, a.marks, XattrNames::kVisible);
  if (!left_xattrs.ok()) return std::move(left_xattrs.failure());
  auto right_xattrs = ReadXattrs(b.top, b.marks, XattrNames::kVisible);
  if (!right_xattrs.ok()) return std::move(right_xattrs.failure());
  if (left_xattrs.value() != right_xattrs.value()) return out;
  if (S_ISLNK(left.st_mode)) {
    auto same = SameTarget(a.top, b.top);
    if (!same.ok()) return std::move(same.failure());
    if (!same.value()) return out;
  }
  out.state_ = State::kSame;
  if (!S_ISREG(left.st_mode) || left.st_size == 0) return out;
  if (!a.data.dir) return MissingData(a.top);
  if (!b.data.dir) return MissingData(b.top);
  auto content = ContentComparison::Open(a.data, b.data, false);
  if (!content.ok()) return std::move(content.failure());
  out.content_ = std::move(content.value());
  out.a_ = a.data;
  out.b_ = b.data;
  out.state_ = State::kMore;
  return out;
}

Result<EntryComparison::State> EntryComparison::Step() {
  if (state_ != State::kMore) return state_;
  auto step = content_->Step(a_, b_, buffers_);
  if (!step.ok()) return std::move(step.failure());
  if (step.value() == ContentComparison::State::kSame) state_ = State::kSame;
  if (step.value() == ContentComparison::State::kDifferent) state_ = State::kDifferent;
  return state_;
}

}  // namespace ovl
