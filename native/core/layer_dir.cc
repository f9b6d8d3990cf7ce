#include "core/layer_dir.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/chain_release.h"

namespace ovl {

namespace {

// Of a chain that has to be re-opened this many of the deepest directories stay open, so that on
// the way out of a deep tree it is re-opened once for so many levels.
constexpr size_t kKeepOpen = 16;

// As the calls that read are named where they fail. What is made is forbidden by the directory.
bool IsReading(std::string_view call) {
  return call.starts_with("open") || call == "getdents64" || call == "readlinkat" ||
         call == "fstatat" || call.find("listxattr") != std::string_view::npos ||
         call.find("getxattr") != std::string_view::npos;
}

Failure AtPath(Failure failure, std::string path) {
  failure.path = std::move(path);
  return failure;
}

}  // namespace

Result<DirPtr> LayerDir::Root(UniqueFd fd, uint32_t layer, std::string display,
                              AttachedClonePtr clone) {
  auto st = StatFd(fd.get());
  if (!st.ok()) return AtPath(std::move(st.failure()), display);
  DirPtr dir(new LayerDir);
  dir->name_ = std::move(display);
  dir->fd_.store(fd.Release());
  dir->dev_ = st.value().st_dev;
  dir->ino_ = st.value().st_ino;
  dir->layer_ = layer;
  dir->clone_ = std::move(clone);
  return dir;
}

Result<DirPtr> LayerDir::UnreadRoot(UniqueFd fd, uint32_t layer, std::string display) {
  auto dir = Root(std::move(fd), layer, std::move(display));
  if (dir.ok()) dir.value()->later_ = std::make_unique<PrivateClone>();
  return dir;
}

LayerDir::~LayerDir() {
  const UniqueFd last(fd_.load());
  ReleaseChain(parent_);
}

DirPtr LayerDir::Child(const DirPtr& parent, std::string name, dev_t dev, ino_t ino) {
  DirPtr dir(new LayerDir);
  dir->layer_ = parent->layer_;
  dir->parent_ = Owned(parent);
  dir->name_ = std::move(name);
  dir->dev_ = dev;
  dir->ino_ = ino;
  return dir;
}

Result<DirPtr> LayerDir::OpenedChild(const DirPtr& parent, const std::string& name, DirUse use,
                                     struct stat& st) {
  auto above = parent->Fd();
  if (!above.ok()) return std::move(above.failure());
  auto opened = OpenDirectoryAt(above.value(), name, use);
  if (!opened.ok()) {
    if (opened.failure().err == ENOENT) return DirPtr();
    return std::move(opened.failure());
  }
  auto there = StatFd(opened.value().get());
  if (!there.ok()) return std::move(there.failure());
  st = there.value();
  DirPtr dir = Child(parent, name, st.st_dev, st.st_ino);
  dir->use_ = use;
  dir->fd_.store(opened.value().Release(), std::memory_order_release);
  return dir;
}

Result<DirPtr> LayerDir::Reopen() const {
  auto from = later_ ? later_->Of(fd_.load())
                     : Result<PrivateClone::Made>(PrivateClone::Made{fd_.load(), clone_});
  if (!from.ok()) return AtPath(std::move(from.failure()), name_);
  auto fd = OpenDirectoryAt(from.value().fd, ".");
  if (!fd.ok()) return AtPath(std::move(fd.failure()), name_);
  return Root(std::move(fd.value()), layer_, name_, std::move(from.value().clone));
}

std::string LayerDir::PathOf(const std::string& name) const {
  std::vector<const std::string*> parts{&name};
  for (const LayerDir* at = this; at != nullptr; at = at->parent_.get())
    parts.push_back(&at->name_);
  std::string path = *parts.back();
  for (size_t i = parts.size() - 1; i-- > 0;) {
    if (!parts[i]->empty()) path.append("/").append(*parts[i]);
  }
  return path;
}

Result<int> LayerDir::Open() {
  std::vector<LayerDir*> closed;  // deepest first
  LayerDir* at = this;
  for (;; at = at->parent_.get()) {
    at->Pin();
    if (at->IsOpen()) break;
    at->Unpin();
    closed.push_back(at);
  }
  LayerDir* above = at;  // pinned, or null where `passing` is the way on
  int parent_fd = at->fd_.load(std::memory_order_acquire);
  UniqueFd passing;  // a directory that is opened only to reach the next one
  auto opened = OpenBelow(closed, above, parent_fd, passing);
  if (above != nullptr) above->Unpin();
  return opened;
}

// Opens the directories that are `closed`, from the last to the first.
Result<int> LayerDir::OpenBelow(const std::vector<LayerDir*>& closed, LayerDir*& above,
                                int parent_fd, UniqueFd& passing) {
  for (size_t i = closed.size(); i-- > 0;) {
    LayerDir* dir = closed[i];
    auto opened = OpenDirectoryAt(parent_fd, dir->name_, dir->use_);
    if (!opened.ok()) {
      Failure failure = Located(std::move(opened.failure()), dir->parent_, dir->name_);
      // A file, a symbolic link or a whiteout has taken its place.
      if (failure.err == ENOTDIR) failure = Refusal(ENOENT, failure.call, "replaced", failure.path);
      return failure;
    }
    auto st = StatFd(opened.value().get());
    if (!st.ok()) return AtPath(std::move(st.failure()), dir->parent_->PathOf(dir->name_));
    if (!dir->IsSame(st.value())) {
      return Refusal(ENOENT, "openat", "replaced", dir->parent_->PathOf(dir->name_));
    }
    if (above != nullptr) std::exchange(above, nullptr)->Unpin();
    if (i < kKeepOpen) {
      dir->Pin();
      above = dir;
      parent_fd = dir->Give(std::move(opened.value()));
    } else {
      parent_fd = opened.value().get();
      passing = std::move(opened.value());
    }
  }
  return parent_fd;
}

// The descriptor that it has then: another thread may have been quicker.
int LayerDir::Give(UniqueFd opened) {
  int there = -1;
  if (!fd_.compare_exchange_strong(there, opened.get(), std::memory_order_acq_rel)) return there;
  return opened.Release();
}

DirPtr LayerDir::OpenWayBack() {
  // Those that nobody else has go with this one.
  const DirPtr* above = &parent_;
  while (*above && above->use_count() == 1) above = &(*above)->parent_;
  if (!*above || (*above)->IsRoot() || (*above)->IsOpen()) return nullptr;
  Pin();
  UniqueFd passing;
  int fd = fd_.load(std::memory_order_acquire);
  for (const LayerDir* at = this; fd >= 0 && at != above->get(); at = at->parent_.get()) {
    const bool there = at->parent_ == *above;
    auto up = OpenDirectoryAt(fd, "..", there ? (*above)->use_ : DirUse::kLookUp);
    if (up.ok()) passing = std::move(up.value());
    fd = up.ok() ? passing.get() : -1;
  }
  Unpin();
  if (fd < 0) return nullptr;
  // A directory that was moved has another one above it.
  auto st = StatFd(fd);
  if (!st.ok() || !(*above)->IsSame(st.value())) return nullptr;
  (void)(*above)->Give(std::move(passing));
  return *above;
}

void LayerDir::Pin() {
  uint32_t had = pins_.load(std::memory_order_relaxed);
  for (;;) {
    if (had == kClosing) {
      had = pins_.load(std::memory_order_relaxed);
    } else if (pins_.compare_exchange_weak(had, had + 1, std::memory_order_acquire)) {
      return;
    }
  }
}

void LayerDir::Close() {
  if (IsRoot()) return;
  uint32_t pins = 0;
  if (!pins_.compare_exchange_strong(pins, kClosing, std::memory_order_acquire)) return;
  const UniqueFd closed(fd_.exchange(-1));
  Used(0);
  pins_.store(0, std::memory_order_release);
}

void CloseUpTo(const DirPtr& dir, const DirPtr& here) {
  for (DirPtr at = dir; at && !at->IsRoot() && at != here; at = at->parent()) at->Close();
}

Failure Located(Failure failure, const DirPtr& dir, const std::string& name) {
  failure.path = dir->PathOf(name);
  if (failure.err == EACCES && failure.reason[0] == '\0' && IsReading(failure.call)) {
    failure.reason = "not-readable";
  }
  return failure;
}

bool HasVanished(const Failure& failure, const DirPtr& dir, const std::string& name) {
  if (failure.err != ENOENT || failure.path.empty()) return false;
  const std::string path = dir->PathOf(name);
  return failure.path == path || path.starts_with(failure.path + "/");
}

bool SameStack(const DirStack& a, const DirStack& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const DirPtr& x, const DirPtr& y) {
    return x == y || (x->layer() == y->layer() && x->dev() == y->dev() && x->ino() == y->ino());
  });
}

}  // namespace ovl
