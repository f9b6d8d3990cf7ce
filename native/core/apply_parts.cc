// New trees: the directories that are being filled, and what comes into them.
#include <sys/stat.h>

#include <utility>

#include "core/apply_prepare.h"

namespace ovl {

// Of the stage the group is ours, whatever it was made in.
BuildPlace ApplyPreparation::InSlots(uint64_t slot) const {
  return {setup_.stage->slots(), ApplyStage::SlotName(slot), build_.maker().gid};
}

// In the directory that is being filled, which has its owner already.
BuildPlace ApplyPreparation::InTree(std::string_view path) const {
  const ApplyUnit::Inner& inner = unit_->inner.back();
  return {inner.dir, NameIn(path), inner.st.st_gid};
}

Status ApplyPreparation::BeginInner(const Found& found, const BuildPlace& place,
                                    const std::string& path) {
  ApplyUnit::Inner inner;
  inner.path = path;
  inner.st = found.top.st;
  inner.mode = found.top.st.st_mode & 07777;
  ++plan_.inodes;
  if (dry()) {
    auto xattrs = ReadXattrs(found, build_.marks(), build_.names());
    if (!xattrs.ok()) return std::move(xattrs.failure());
    auto may = privilege_.MayMake(found.top.st, xattrs.value(), path);
    if (!may.ok()) return may;
  } else {
    auto dir = build_.BeginDirectory(found, place);
    if (!dir.ok()) return std::move(dir.failure());
    inner.dir = std::move(dir.value());
    inner.xattrs = build_.xattrs();
  }
  std::vector<ApplyUnit::Inner>& all = unit_->inner;
  all.push_back(std::move(inner));
  if (dry() || all.size() <= kOpenLevels) return Done{};
  all[all.size() - 1 - kOpenLevels].dir->Close();
  return Done{};
}

Status ApplyPreparation::EndInner() {
  const ApplyUnit::Inner inner = std::move(unit_->inner.back());
  unit_->inner.pop_back();
  if (dry()) return Done{};
  return build_.EndDirectory(inner.dir, inner.st, inner.xattrs, inner.mode);
}

ChangeInfo ApplyPreparation::Implied(const std::string& path) const {
  ChangeInfo info;
  info.kind = static_cast<uint8_t>(ChangeKind::kAdded);
  info.type = S_IFDIR;
  info.implied = true;
  info.path = path;
  return info;
}

// A new tree that begins with a directory that was not selected, but is needed.
Status ApplyPreparation::StartImplied(const std::string& path) {
  SideEntry implied;
  auto found = setup_.search->Find(path, implied);
  if (!found.ok()) return Fail(std::move(found.failure()));
  if (implied.sides.after.kind != Found::Kind::kDirectory) {
    return Fail(InDestination(ENOTDIR, "openat2", "changed-meanwhile"));
  }
  auto level = GoTo(DirectoryOf(path));
  if (!level.ok()) return std::move(level.failure());
  auto may = MayEnter(*level.value());
  if (!may.ok()) return Fail(std::move(may.failure()));
  ChangeInfo wanted = std::exchange(info_, Implied(path));
  std::string wanted_path = std::exchange(path_, path);
  unit_.emplace();
  unit_->path = path;
  unit_->mtime = implied.directory.st_mtim;
  unit_->record.path = path;
  unit_->record.slot = slots_++;
  unit_->record.change = info_;
  if (!dry()) place_ = InSlots(unit_->record.slot);
  auto begun = BeginInner(implied.sides.after, place_, path);
  if (begun.ok()) {
    unit_->record.after = Identity::Of(build_.made());
    begun = CommitUnit();
  } else {
    unit_.reset();
  }
  info_ = std::move(wanted);
  path_ = std::move(wanted_path);
  if (!begun.ok()) return Fail(std::move(begun.failure()));
  return StagePart();
}

// Something in a new tree.
Status ApplyPreparation::StagePart() {
  exists_ = false;
  if (info_.kind == static_cast<uint8_t>(ChangeKind::kDeleted)) {
    Report(ApplyOutcome::kAlready, nullptr);
    return Done{};
  }
  const std::string directory(DirectoryOf(path_));
  while (unit_->inner.back().path != directory &&
         !IsPathBelow(directory, unit_->inner.back().path)) {
    auto ended = EndInner();
    if (!ended.ok()) return ended;
  }
  while (unit_->inner.back().path != directory) {
    const std::string path =
        directory.substr(0, directory.find('/', unit_->inner.back().path.size() + 1));
    SideEntry implied;
    auto found = setup_.search->Find(path, implied);
    if (!found.ok()) return Fail(std::move(found.failure()));
    const BuildPlace place = InTree(path);
    auto begun = BeginInner(implied.sides.after, place, path);
    if (!begun.ok()) return Fail(std::move(begun.failure()));
    ChangeInfo wanted = std::exchange(info_, Implied(path));
    auto written = Write(PartRecord{info_});
    Report(ApplyOutcome::kApplied, nullptr);
    info_ = std::move(wanted);
    if (!written.ok()) return written;
  }
  place_ = InTree(path_);
  as_part_ = true;
  if (!BecomesDirectory()) return ActOnFile();
  auto begun = BeginInner(after(), place_, path_);
  if (!begun.ok()) return Fail(std::move(begun.failure()));
  auto written = Write(PartRecord{info_});
  Report(ApplyOutcome::kApplied, nullptr);
  return written;
}

}  // namespace ovl
