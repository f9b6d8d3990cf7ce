#include "core/apply_stage.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "core/entry_attributes.h"
#include "core/overlay_magic.h"
#include "core/patience.h"
#include "core/sys_file.h"
#include "core/sys_lock.h"
#include "core/sys_make.h"
#include "core/sys_mount.h"

namespace ovl {

namespace {

constexpr char kInsideName[] = ".overlayfs-apply";
constexpr char kSuffix[] = ".overlayfs-apply";
constexpr char kSlots[] = "slots";
constexpr size_t kLongestName = 255;

struct Marker {
  ApplyStage::State state;
  const char* name;
};
constexpr Marker kMarkers[] = {
    {ApplyStage::State::kDone, "done"},
    {ApplyStage::State::kUndone, "undone"},
    {ApplyStage::State::kReady, "journal"},
    {ApplyStage::State::kPreparing, "journal.new"},
};

const char* NameOf(ApplyStage::State state) {
  for (const Marker& marker : kMarkers) {
    if (marker.state == state) return marker.name;
  }
  return "";
}

Failure At(Failure failure, const std::string& path) {
  failure.path = path;
  return failure;
}

Failure Running(const std::string& path, uint64_t holder) {
  Failure failure = Refusal(EBUSY, "flock", "apply-running", path);
  if (holder != 0) failure.detail = std::to_string(holder);
  return failure;
}

Status Lock(int fd, const std::string& path) {
  Patience patience;
  do {
    auto locked = TryLock(fd);
    if (!locked.ok()) return At(std::move(locked.failure()), path);
    if (locked.value()) return Done{};
    const uint64_t holder = LockHolder(fd);
    if (holder != 0) return Running(path, holder);
    // It was given up since, or its holder is in a pid namespace that ours cannot see.
  } while (patience.Another());
  return Running(path, 0);
}

Result<UniqueFd> CopyOf(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return Errno("fcntl");
  return copy;
}

}  // namespace

Result<Destination> Destination::Open(const std::string& path, Use use) {
  auto fd = OpenDirectory(path);
  if (!fd.ok()) {
    if (fd.failure().err == ENOENT) fd.failure().reason = "destination-missing";
    if (fd.failure().err == ENOTDIR) fd.failure().reason = "destination-not-directory";
    return std::move(fd.failure());
  }
  auto st = StatFd(fd.value().get());
  if (!st.ok()) return At(std::move(st.failure()), path);
  auto fs = StatFs(fd.value().get());
  if (!fs.ok()) return At(std::move(fs.failure()), path);
  if (IsOverlay(fs.value())) {
    auto mount = IdentifyMount(fd.value().get());
    if (!mount.ok()) return At(std::move(mount.failure()), path);
    if (mount.value().root) return Refusal(EINVAL, "statfs", "destination-is-overlay", path);
  }
  if (use == Use::kWrite && IsReadOnly(fs.value()))
    return Refusal(EROFS, "statfs", "destination-read-only", path);
  return Destination{std::move(fd.value()), path, st.value()};
}

// Nothing where there is no such place: the parent lies on another mount or filesystem, the
// destination is no longer found in it, or its name is too long to be added to.
Result<std::optional<ApplyStage::Place>> ApplyStage::Beside(const Destination& destination) {
  const int fd = destination.fd.get();
  auto resolved = PathOfFd(fd);
  if (!resolved.ok()) return std::move(resolved.failure());
  const size_t slash = resolved.value().rfind('/');
  const std::string base = resolved.value().substr(slash + 1);
  std::string name = "." + base + kSuffix;
  if (base.empty() || name.size() > kLongestName) return std::optional<Place>();
  UniqueFd parent(::openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) {
    if (errno == EACCES) return std::optional<Place>();
    return Errno("openat", destination.path);
  }
  auto here = IdentifyMount(fd);
  if (!here.ok()) return At(std::move(here.failure()), destination.path);
  auto there = IdentifyMount(parent.get());
  if (!there.ok()) return At(std::move(there.failure()), destination.path);
  struct stat st;
  auto known = StatAt(parent.get(), base, st);
  if (!known.ok()) return At(std::move(known.failure()), destination.path);
  auto above = StatFd(parent.get());
  if (!above.ok()) return At(std::move(above.failure()), destination.path);
  // A subvolume has a device of its own, and nothing can be moved into it.
  const bool same = here.value().id == there.value().id && known.value() &&
                    st.st_ino == destination.st.st_ino && st.st_dev == destination.st.st_dev &&
                    above.value().st_dev == st.st_dev;
  if (!same) return std::optional<Place>();
  std::string path = resolved.value().substr(0, slash + 1) + name;
  return std::optional<Place>(Place{std::move(parent), std::move(name), std::move(path), false});
}

Result<ApplyStage::Place> ApplyStage::Inside(const Destination& destination) {
  auto parent = CopyOf(destination.fd.get());
  if (!parent.ok()) return std::move(parent.failure());
  return Place{std::move(parent.value()), kInsideName, destination.path + "/" + kInsideName, true};
}

Result<std::optional<ApplyStage>> ApplyStage::OpenAt(Place place) {
  auto fd = OpenDirectoryAt(place.parent.get(), place.name);
  if (!fd.ok()) {
    if (fd.failure().err == ENOENT) return std::optional<ApplyStage>();
    const int err = fd.failure().err;
    if (err != ENOTDIR && err != ELOOP && err != EACCES) {
      return At(std::move(fd.failure()), place.path);
    }
    return Refusal(EEXIST, fd.failure().call, "stage-foreign", place.path);
  }
  auto st = StatFd(fd.value().get());
  if (!st.ok()) return At(std::move(st.failure()), place.path);
  // Who may write to the parent could have put it there.
  if (st.value().st_uid != ::geteuid() || (st.value().st_mode & 077) != 0) {
    return Refusal(EEXIST, "fstat", "stage-foreign", place.path);
  }
  auto locked = Lock(fd.value().get(), place.path);
  if (!locked.ok()) return std::move(locked.failure());
  // Whoever had the lock before may have removed it.
  struct stat now;
  auto named = StatAt(place.parent.get(), place.name, now);
  if (!named.ok()) return At(std::move(named.failure()), place.path);
  if (!named.value() || now.st_dev != st.value().st_dev || now.st_ino != st.value().st_ino) {
    return std::optional<ApplyStage>();
  }
  ApplyStage stage;
  stage.parent_ = std::move(place.parent);
  stage.fd_ = std::move(fd.value());
  stage.name_ = std::move(place.name);
  stage.path_ = std::move(place.path);
  stage.ino_ = st.value().st_ino;
  stage.inside_ = place.inside;
  for (const Marker& marker : kMarkers) {
    struct stat found;
    auto there = StatAt(stage.fd(), marker.name, found);
    if (!there.ok()) return At(std::move(there.failure()), stage.PathOf(marker.name));
    if (!there.value()) continue;
    stage.state_ = marker.state;
    stage.marked_ = true;
    break;
  }
  if (!stage.marked_ && (st.value().st_mode & S_ISVTX) != 0) stage.state_ = State::kDone;
  // Where it was being removed, or hardly begun, there may be none.
  auto slots = stage.OpenSlots();
  if (!slots.ok() && slots.failure().err != ENOENT) return std::move(slots.failure());
  return std::optional<ApplyStage>(std::move(stage));
}

Status ApplyStage::OpenSlots() {
  auto fd = OpenDirectoryAt(fd_.get(), kSlots);
  if (!fd.ok()) return At(std::move(fd.failure()), PathOf(kSlots));
  auto slots = LayerDir::Root(std::move(fd.value()), 0, PathOf(kSlots));
  if (!slots.ok()) return std::move(slots.failure());
  slots_ = std::move(slots.value());
  return Done{};
}

Result<std::optional<ApplyStage>> ApplyStage::Find(const Destination& destination) {
  auto beside = Beside(destination);
  if (!beside.ok()) return std::move(beside.failure());
  if (beside.value()) {
    auto stage = OpenAt(std::move(*beside.value()));
    if (!stage.ok() || stage.value()) return stage;
  }
  auto inside = Inside(destination);
  if (!inside.ok()) return std::move(inside.failure());
  return OpenAt(std::move(inside.value()));
}

bool ApplyStage::SeemsThere(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string base = path.substr(slash + 1);
  const bool nameable = !base.empty() && base.size() + sizeof kSuffix <= kLongestName;
  struct stat st;
  const auto is_there = [&st](const std::string& name) { return ::lstat(name.c_str(), &st) == 0; };
  if (nameable && is_there(path.substr(0, slash + 1) + "." + base + kSuffix)) return true;
  // Where it could not be beside it is inside: that is no matter of who we are, since a parent may
  // be immutable, or belong to nobody that our user namespace knows.
  return is_there(path + "/" + kInsideName);
}

// Nothing where we may not make it there.
Result<std::optional<ApplyStage>> ApplyStage::CreateAt(Place place) {
  auto made = MakeDirectoryAt(place.parent.get(), place.name, 0700);
  // Another apply was quicker: it has the lock, or it finds out that we have.
  if (!made.ok() && made.failure().err != EEXIST) {
    const int err = made.failure().err;
    const bool forbidden = err == EACCES || err == EPERM || err == EROFS;
    if (!place.inside && forbidden) return std::optional<ApplyStage>();
    if (forbidden) made.failure().reason = "destination-not-writable";
    return At(std::move(made.failure()), place.path);
  }
  const std::string path = place.path;
  auto stage = OpenAt(std::move(place));
  if (!stage.ok()) return stage;
  // That one has come to its end already, or was killed.
  const bool ours = stage.value() && stage.value()->state() == State::kPreparing &&
                    !stage.value()->marked() && !stage.value()->slots();
  if (!ours) return Running(path, 0);
  auto slots = MakeBareDirectoryAt(stage.value()->fd(), kSlots);
  if (slots.ok()) slots = stage.value()->OpenSlots();
  if (!slots.ok()) return At(std::move(slots.failure()), stage.value()->PathOf(kSlots));
  return stage;
}

Result<ApplyStage> ApplyStage::Create(const Destination& destination) {
  auto beside = Beside(destination);
  if (!beside.ok()) return std::move(beside.failure());
  if (beside.value()) {
    auto stage = CreateAt(std::move(*beside.value()));
    if (!stage.ok()) return std::move(stage.failure());
    if (stage.value()) return std::move(*stage.value());
  }
  auto inside = Inside(destination);
  if (!inside.ok()) return std::move(inside.failure());
  auto stage = CreateAt(std::move(inside.value()));
  if (!stage.ok()) return std::move(stage.failure());
  return std::move(*stage.value());
}

const char* ApplyStage::JournalName() const { return NameOf(state_); }

Status ApplyStage::Enter(State state, bool sync) {
  auto renamed =
      RenameAt(fd_.get(), NameOf(state_), fd_.get(), NameOf(state), Renaming::kNoReplace);
  if (!renamed.ok()) return At(std::move(renamed.failure()), PathOf(NameOf(state_)));
  state_ = state;
  if (!sync) return Done{};
  auto synced = Sync(fd_.get());
  if (!synced.ok()) return At(std::move(synced.failure()), path_);
  return Done{};
}

// The marker goes last: until then it says what the slots are.
Result<bool> ApplyStage::RemoveSome() {
  if (!cleared_) {
    if (!removal_) {
      auto own = CopyOf(fd_.get());
      if (!own.ok()) return std::move(own.failure());
      slots_.reset();
      removal_ = std::make_unique<TreeRemoval>(std::move(own.value()), kSlots);
    }
    auto more = removal_->Step();
    if (!more.ok()) {
      more.failure().path = PathOf(more.failure().path.c_str());
      return std::move(more.failure());
    }
    cleared_ = !more.value();
    return true;
  }
  // Without one an empty stage looks like one that has just been made.
  if (state_ == State::kDone) {
    auto told = SetMode(fd_.get(), S_ISVTX | S_IRWXU);
    if (!told.ok()) return At(std::move(told.failure()), path_);
  }
  for (const Marker& marker : kMarkers) {
    auto gone = UnlinkAt(fd_.get(), marker.name, 0);
    if (!gone.ok() && gone.failure().err != ENOENT) {
      return At(std::move(gone.failure()), PathOf(marker.name));
    }
  }
  auto gone = UnlinkAt(parent_.get(), name_, AT_REMOVEDIR);
  if (!gone.ok() && gone.failure().err != ENOENT) {
    const int err = gone.failure().err;
    if (err == ENOTEMPTY || err == EEXIST) gone.failure().reason = "stage-not-empty";
    return At(std::move(gone.failure()), path_);
  }
  return false;
}

std::string ApplyStage::SlotName(uint64_t slot) { return std::to_string(slot); }

}  // namespace ovl
