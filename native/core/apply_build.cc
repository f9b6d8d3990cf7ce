#include "core/apply_build.h"

#include <fcntl.h>

#include <string_view>

#include "core/sys_file.h"
#include "core/sys_make.h"

namespace ovl {

namespace {

// Reading, of the two sides of a copy.
bool IsOfSource(const Failure& failure) {
  const std::string_view call = failure.call;
  return call == "read" || call == "pread" || call == "lseek";
}

}  // namespace

Failure ApplyBuild::Abandon(Failure failure, const BuildPlace& place) {
  copy_.reset();
  auto dir = place.dir->Fd();
  // What cannot be removed now is removed with the rest of the stage.
  if (dir.ok()) (void)UnlinkAt(dir.value(), place.name, 0);
  return failure;
}

Status ApplyBuild::Look(const BuildPlace& place) {
  auto dir = place.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  auto there = StatAt(dir.value(), place.name, made_);
  if (!there.ok()) return Located(std::move(there.failure()), place.dir, place.name);
  if (!there.value()) return Refusal(ENOENT, "fstatat", "replaced", place.dir->PathOf(place.name));
  return Done{};
}

Result<bool> ApplyBuild::BeginFile(const Found& after, const BuildPlace& place,
                                   std::optional<DataFile> data) {
  auto xattrs = ReadXattrs(after, marks_, names_);
  if (!xattrs.ok()) return std::move(xattrs.failure());
  xattrs_ = std::move(xattrs.value());
  if (S_ISREG(after.top.st.st_mode)) {
    if (data) return BeginData(after, place, std::move(*data));
    auto opened = OpenData(after);
    if (!opened.ok()) return std::move(opened.failure());
    return BeginData(after, place, std::move(opened.value()));
  }
  auto dir = place.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  auto made = MakeOther(after, place);
  if (!made.ok()) return Located(std::move(made.failure()), place.dir, place.name);
  auto given = GiveAll(dir.value(), place.name, -1,
                       {after.top.st, xattrs_, maker_.Gives(after.top.st, place.group)});
  if (!given.ok()) return Abandon(std::move(given.failure()), place);
  auto looked = Look(place);
  if (!looked.ok()) return std::move(looked.failure());
  return true;
}

Status ApplyBuild::MakeOther(const Found& after, const BuildPlace& place) {
  auto dir = place.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  const struct stat& st = after.top.st;
  if (!S_ISLNK(st.st_mode)) {
    return MakeNodeAt(dir.value(), place.name, (st.st_mode & S_IFMT) | 0600, st.st_rdev);
  }
  auto from = after.top.dir->Fd();
  if (!from.ok()) return std::move(from.failure());
  auto target = ReadLinkAt(from.value(), after.top.name);
  if (!target.ok()) return Located(std::move(target.failure()), after.top.dir, after.top.name);
  return MakeSymlinkAt(target.value(), dir.value(), place.name);
}

Result<DataFile> ApplyBuild::OpenData(const Found& after) {
  const LayerEntry& data = after.data;
  if (!data.dir || after.data_unknown) return MissingData(after.top);
  auto dir = data.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  auto fd = OpenFileAt(dir.value(), data.name);
  if (!fd.ok()) return Located(std::move(fd.failure()), data.dir, data.name);
  auto st = StatFd(fd.value().get());
  if (!st.ok()) return Located(std::move(st.failure()), data.dir, data.name);
  if (!S_ISREG(st.value().st_mode)) {
    return Refusal(EINVAL, "openat", "changed-meanwhile", data.dir->PathOf(data.name));
  }
  return DataFile{std::move(fd.value()), st.value()};
}

Result<bool> ApplyBuild::BeginData(const Found& after, const BuildPlace& place, DataFile from) {
  auto dir = place.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  auto to = CreateFileAt(dir.value(), place.name, ModeToMake(after.top.st.st_mode));
  if (!to.ok()) return Located(std::move(to.failure()), place.dir, place.name);
  copy_ = std::make_unique<FileCopy>(std::move(from.fd), from.st, std::move(to.value()),
                                     after.top.st.st_size);
  after_ = after.top.st;
  place_ = place;
  source_ = after.data.dir->PathOf(after.data.name);
  // Most files are done at once.
  auto more = StepCopy();
  if (!more.ok()) return std::move(more.failure());
  return !more.value();
}

Result<bool> ApplyBuild::StepCopy() {
  auto more = copy_->Step(facts_, place_.dir->dev());
  if (!more.ok()) {
    Failure failure = std::move(more.failure());
    failure.path = IsOfSource(failure) ? source_ : place_.dir->PathOf(place_.name);
    return Abandon(std::move(failure), place_);
  }
  if (more.value()) return true;
  const int fd = copy_->to();
  auto made = GiveAllToFile(fd, {after_, xattrs_, maker_.Gives(after_, place_.group)});
  if (!made.ok()) {
    made.failure().path = place_.dir->PathOf(place_.name);
    return Abandon(std::move(made.failure()), place_);
  }
  made_ = made.value();
  bytes_ += static_cast<uint64_t>(copy_->written());
  copy_.reset();
  return false;
}

Result<DirPtr> ApplyBuild::BeginDirectory(const Found& after, const BuildPlace& place) {
  auto xattrs = ReadXattrs(after, marks_, names_);
  if (!xattrs.ok()) return std::move(xattrs.failure());
  xattrs_ = std::move(xattrs.value());
  auto dir = place.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  auto made = MakeDirectoryAt(dir.value(), place.name, 0700);
  if (!made.ok()) return Located(std::move(made.failure()), place.dir, place.name);
  Status status = Done{};
  if (!maker_.Gives(after.top.st, place.group)) {
    status = GiveOwner(dir.value(), place.name, -1, after.top.st);
  }
  if (status.ok()) status = GiveXattrs(dir.value(), place.name, -1, xattrs_, false);
  if (!status.ok()) {
    (void)UnlinkAt(dir.value(), place.name, AT_REMOVEDIR);
    return std::move(status.failure());
  }
  auto looked = Look(place);
  if (!looked.ok()) return std::move(looked.failure());
  return LayerDir::Child(place.dir, place.name, made_.st_dev, made_.st_ino);
}

Status ApplyBuild::EndDirectory(const DirPtr& dir, const struct stat& st, const Xattrs& xattrs,
                                mode_t mode) {
  auto fd = dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  (void)dir->OpenWayBack();  // as long as everything may be done here
  auto status = GiveXattrs(-1, "", fd.value(), xattrs, true);
  if (status.ok()) status = SetMode(fd.value(), mode);
  if (status.ok()) status = SetTimes(fd.value(), st.st_atim, st.st_mtim);
  if (status.ok() && (mode & S_ISGID) != 0) {
    auto made = StatFd(fd.value());
    if (!made.ok()) return std::move(made.failure());
    // As with files: who is not in the group is not told.
    if ((made.value().st_mode & S_ISGID) == 0) status = Refusal(EPERM, "fchmod", "mode-not-taken");
  }
  if (!status.ok()) status.failure().path = dir->PathOf("");
  dir->Close();
  return status;
}

Result<bool> ApplyBuild::JoinGroup(const struct stat& st, const BuildPlace& place) {
  const auto found = groups_.find({st.st_dev, st.st_ino});
  if (found == groups_.end()) return false;
  auto from = found->second.dir->Fd();
  if (!from.ok()) return std::move(from.failure());
  auto to = place.dir->Fd();
  if (!to.ok()) return std::move(to.failure());
  auto linked = LinkAt(from.value(), found->second.name, to.value(), place.name);
  CloseUpTo(found->second.dir, place.dir);
  if (!linked.ok()) return Located(std::move(linked.failure()), place.dir, place.name);
  auto looked = Look(place);
  if (!looked.ok()) return std::move(looked.failure());
  return true;
}

void ApplyBuild::RememberGroup(const struct stat& st, BuildPlace place) {
  groups_.insert_or_assign({st.st_dev, st.st_ino}, std::move(place));
}

void ApplyBuild::ForgetGroup(const DirPtr& dir, const std::string& name) {
  std::erase_if(groups_, [&](const auto& group) {
    return group.second.dir == dir && group.second.name == name;
  });
}

Result<bool> ApplyBuild::LinkExisting(int dir, const std::string& name, const BuildPlace& place) {
  auto to = place.dir->Fd();
  if (!to.ok()) return std::move(to.failure());
  auto linked = LinkAt(dir, name, to.value(), place.name);
  if (!linked.ok()) {
    const int err = linked.failure().err;
    if (err == EMLINK || err == EXDEV || err == EPERM) return false;
    return Located(std::move(linked.failure()), place.dir, place.name);
  }
  auto looked = Look(place);
  if (!looked.ok()) return std::move(looked.failure());
  return true;
}

}  // namespace ovl
