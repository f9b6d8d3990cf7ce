#include "core/upper_copy.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "core/sys_file.h"
#include "core/sys_make.h"

namespace ovl {

namespace {

// So many of the deepest directories stay open on either side.
constexpr size_t kOpenFrames = 32;

// As they are stored: nothing is a mark, everything is an attribute.
Result<Xattrs> StoredXattrs(const LayerEntry& entry) {
  return ReadXattrs(entry, MarkReader::Decided(MarkerSpace::kNone), XattrNames::kStored);
}

// Two overlays of one identity would look like one filesystem.
bool IsIdentity(const Xattr& xattr) {
  return xattr.name == "trusted.overlay.uuid" || xattr.name == "user.overlay.uuid";
}

Failure At(Failure failure, const std::string& path) {
  failure.path = path;
  return failure;
}

}  // namespace

Result<std::unique_ptr<UpperCopy>> UpperCopy::Open(const std::string& from, const std::string& to) {
  auto source = OpenDirectory(from);
  if (!source.ok()) return At(std::move(source.failure()), from);
  auto root = LayerDir::Root(std::move(source.value()), LayerDir::kUpper, from);
  if (!root.ok()) return std::move(root.failure());
  const size_t slash = to.rfind('/');
  const std::string above = to.substr(0, slash == std::string::npos ? 0 : slash);
  auto target = OpenDirectory(above);
  if (!target.ok()) return At(std::move(target.failure()), above);
  auto parent = LayerDir::Root(std::move(target.value()), LayerDir::kUpper, above);
  if (!parent.ok()) return std::move(parent.failure());
  return std::unique_ptr<UpperCopy>(new UpperCopy(
      std::move(root.value()), std::move(parent.value()), to.substr(above.size() + 1)));
}

Result<bool> UpperCopy::Step() {
  Status status = Done{};
  if (!begun_) {
    begun_ = true;
    status = Begin();
  } else if (data_) {
    status = StepData();
  } else {
    Frame& frame = *frames_.back();
    if (!frame.read) {
      status = Read(frame);
    } else if (frame.next == frame.names.size()) {
      status = Leave();
    } else {
      const std::string name(frame.names.name(frame.next++));
      auto fd = frame.from->Fd();
      if (!fd.ok()) return std::move(fd.failure());
      Look look;
      auto there = LookAt(fd.value(), name, look);
      if (!there.ok()) return Located(std::move(there.failure()), frame.from, name);
      if (!there.value()) return true;
      if (look.mount_root) {
        return Refusal(EXDEV, "openat", "submount", frame.from->PathOf(name));
      }
      status = Copy({frame.from, name, look.st}, {frame.to, name});
    }
  }
  if (!status.ok()) return std::move(status.failure());
  if (data_ || !frames_.empty()) return true;
  auto fd = parent_->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto synced = SyncFilesystem(fd.value());
  if (!synced.ok()) return At(std::move(synced.failure()), parent_->PathOf(name_));
  return false;
}

Status UpperCopy::Begin() {
  auto fd = root_->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto st = StatFd(fd.value());
  if (!st.ok()) return At(std::move(st.failure()), root_->PathOf(""));
  auto entered = Enter({root_, "", st.value()}, {parent_, name_});
  if (entered.ok()) std::erase_if(frames_.back()->xattrs, IsIdentity);
  return entered;
}

Status UpperCopy::Read(Frame& frame) {
  auto fd = frame.from->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto more = ReadSomeNames(fd.value(), kInUpper, frame.names);
  if (!more.ok()) return Located(std::move(more.failure()), frame.from, "");
  frame.read = !more.value();
  return Done{};
}

// Its attributes follow when it is full: it may be one that nobody may write to.
Status UpperCopy::Enter(const LayerEntry& entry, const Place& place) {
  auto frame = std::make_unique<Frame>();
  auto xattrs = StoredXattrs(entry);
  if (!xattrs.ok()) return std::move(xattrs.failure());
  frame->xattrs = std::move(xattrs.value());
  frame->st = entry.st;
  auto dir = place.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  auto made = frames_.empty() ? MakeBareDirectoryAt(dir.value(), place.name)
                              : MakeDirectoryAt(dir.value(), place.name, 0700);
  if (!made.ok()) return Located(std::move(made.failure()), place.dir, place.name);
  struct stat st;
  auto there = StatAt(dir.value(), place.name, st);
  if (!there.ok()) return Located(std::move(there.failure()), place.dir, place.name);
  frame->to = LayerDir::Child(place.dir, place.name, st.st_dev, st.st_ino);
  frame->from = entry.name.empty()
                    ? entry.dir
                    : LayerDir::Child(entry.dir, entry.name, entry.st.st_dev, entry.st.st_ino);
  ++entries_;
  frames_.push_back(std::move(frame));
  if (frames_.size() > kOpenFrames) {
    const Frame& far = *frames_[frames_.size() - 1 - kOpenFrames];
    far.from->Close();
    far.to->Close();
  }
  return Done{};
}

Status UpperCopy::Leave() {
  const std::unique_ptr<Frame> frame = std::move(frames_.back());
  frames_.pop_back();
  auto fd = frame->to->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  (void)frame->to->OpenWayBack();
  (void)frame->from->OpenWayBack();
  auto status = GiveAll(-1, "", fd.value(), {frame->st, frame->xattrs, Owned(frame->st)});
  if (!status.ok()) return Located(std::move(status.failure()), frame->to, "");
  auto made = StatFd(fd.value());
  if (!made.ok()) return Located(std::move(made.failure()), frame->to, "");
  frame->to->Close();
  frame->from->Close();
  // Whoever is not in the group of a directory cannot give it the set-group-id bit, and is not
  // told.
  if ((made.value().st_mode & 07777) == (frame->st.st_mode & 07777)) return Done{};
  return Refusal(EPERM, "fchmod", "mode-not-taken", frame->to->PathOf(""));
}

Status UpperCopy::Copy(const LayerEntry& entry, const Place& place) {
  if (S_ISDIR(entry.st.st_mode)) return Enter(entry, place);
  if (entry.st.st_nlink > 1) {
    auto joined = Join(entry.st, place);
    if (!joined.ok()) return std::move(joined.failure());
    if (joined.value()) return Done{};
  }
  if (S_ISREG(entry.st.st_mode)) return BeginData(entry, place);
  auto xattrs = StoredXattrs(entry);
  if (!xattrs.ok()) return std::move(xattrs.failure());
  auto made = Make(entry, place, xattrs.value());
  if (!made.ok()) return Located(std::move(made.failure()), place.dir, place.name);
  Made(entry.st, place);
  return Done{};
}

// Another name of a file that is there already. Whiteouts are names of one file as well, and may be
// more than this filesystem allows.
Result<bool> UpperCopy::Join(const struct stat& st, const Place& place) {
  const auto found = groups_.find({st.st_dev, st.st_ino});
  if (found == groups_.end()) return false;
  auto to = place.dir->Fd();
  if (!to.ok()) return std::move(to.failure());
  auto from = found->second.dir->Fd();
  if (!from.ok()) return std::move(from.failure());
  auto linked = LinkAt(from.value(), found->second.name, to.value(), place.name);
  CloseUpTo(found->second.dir, frames_.back()->to);
  if (!linked.ok()) {
    if (linked.failure().err == EMLINK) return false;
    return Located(std::move(linked.failure()), place.dir, place.name);
  }
  ++entries_;
  return true;
}

Status UpperCopy::BeginData(const LayerEntry& entry, const Place& place) {
  auto xattrs = StoredXattrs(entry);
  if (!xattrs.ok()) return std::move(xattrs.failure());
  auto from = entry.dir->Fd();
  if (!from.ok()) return std::move(from.failure());
  auto file = OpenFileAt(from.value(), entry.name);
  if (!file.ok()) return Located(std::move(file.failure()), entry.dir, entry.name);
  auto st = StatFd(file.value().get());
  if (!st.ok()) return Located(std::move(st.failure()), entry.dir, entry.name);
  if (st.value().st_ino != entry.st.st_ino || !S_ISREG(st.value().st_mode)) {
    return Refusal(ESTALE, "openat", "replaced", entry.dir->PathOf(entry.name));
  }
  auto to = place.dir->Fd();
  if (!to.ok()) return std::move(to.failure());
  auto made = CreateFileAt(to.value(), place.name, ModeToMake(entry.st.st_mode));
  if (!made.ok()) return Located(std::move(made.failure()), place.dir, place.name);
  data_ = std::make_unique<FileCopy>(std::move(file.value()), st.value(), std::move(made.value()),
                                     st.value().st_size);
  xattrs_ = std::move(xattrs.value());
  entry_ = entry;
  place_ = place;
  return StepData();  // most files are done at once
}

Status UpperCopy::StepData() {
  auto more = data_->Step(facts_, place_.dir->dev());
  if (!more.ok()) return Located(std::move(more.failure()), place_.dir, place_.name);
  if (more.value()) return Done{};
  const std::unique_ptr<FileCopy> data = std::move(data_);
  auto made = GiveAllToFile(data->to(), {entry_.st, xattrs_, Owned(entry_.st)});
  if (!made.ok()) return Located(std::move(made.failure()), place_.dir, place_.name);
  bytes_ += static_cast<uint64_t>(data->written());
  Made(entry_.st, place_);
  return Done{};
}

// A whiteout is a device that everybody may make (Linux 5.8).
Status UpperCopy::Make(const LayerEntry& entry, const Place& place, const Xattrs& xattrs) {
  auto dir = place.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  Status made = Done{};
  if (S_ISLNK(entry.st.st_mode)) {
    auto from = entry.dir->Fd();
    if (!from.ok()) return std::move(from.failure());
    auto target = ReadLinkAt(from.value(), entry.name);
    if (!target.ok()) return Located(std::move(target.failure()), entry.dir, entry.name);
    made = MakeSymlinkAt(target.value(), dir.value(), place.name);
  } else {
    made =
        MakeNodeAt(dir.value(), place.name, (entry.st.st_mode & S_IFMT) | 0600, entry.st.st_rdev);
  }
  return made.ok() ? GiveAll(dir.value(), place.name, -1, {entry.st, xattrs, Owned(entry.st)})
                   : made;
}

void UpperCopy::Made(const struct stat& st, Place place) {
  ++entries_;
  if (st.st_nlink > 1) groups_.insert_or_assign({st.st_dev, st.st_ino}, std::move(place));
}

}  // namespace ovl
