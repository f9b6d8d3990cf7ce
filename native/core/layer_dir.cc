#include "core/layer_dir.h"

#include <algorithm>

#include "core/sys_file.h"

namespace ovl {

namespace {

// Of a chain that has to be re-opened this many of the deepest directories stay open, so that
// climbing out of a deep tree re-opens each directory a bounded number of times.
constexpr size_t kKeepOpen = 16;

Failure AtPath(Failure failure, std::string path) {
  failure.path = std::move(path);
  return failure;
}

}  // namespace

Result<DirPtr> LayerDir::Root(UniqueFd fd, uint32_t layer, std::string display) {
  auto st = StatFd(fd.get());
  if (!st.ok()) return AtPath(std::move(st.failure()), display);
  DirPtr dir(new LayerDir);
  dir->name_ = std::move(display);
  dir->fd_ = std::move(fd);
  dir->dev_ = st.value().st_dev;
  dir->ino_ = st.value().st_ino;
  dir->layer_ = layer;
  return dir;
}

Result<DirPtr> LayerDir::UnreadRoot(UniqueFd fd, uint32_t layer, std::string display) {
  auto dir = Root(std::move(fd), layer, std::move(display));
  if (dir.ok()) dir.value()->clone_ = std::make_unique<PrivateClone>();
  return dir;
}

LayerDir::~LayerDir() {
  DirPtr up = std::move(parent_);
  while (up && up.use_count() == 1) {
    DirPtr next = std::move(up->parent_);
    up = std::move(next);
  }
}

DirPtr LayerDir::Child(DirPtr parent, std::string name, dev_t dev, ino_t ino) {
  DirPtr dir(new LayerDir);
  dir->layer_ = parent->layer_;
  dir->parent_ = std::move(parent);
  dir->name_ = std::move(name);
  dir->dev_ = dev;
  dir->ino_ = ino;
  return dir;
}

Result<DirPtr> LayerDir::Reopen() const {
  auto from = clone_ ? clone_->Of(fd_.get()) : Result<int>(fd_.get());
  if (!from.ok()) return AtPath(std::move(from.failure()), name_);
  auto fd = OpenDirectoryAt(from.value(), ".");
  if (!fd.ok()) return AtPath(std::move(fd.failure()), name_);
  return Root(std::move(fd.value()), layer_, name_);
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

Result<int> LayerDir::Fd() {
  if (fd_) return fd_.get();
  std::vector<LayerDir*> closed;  // deepest first
  LayerDir* at = this;
  for (; !at->fd_; at = at->parent_.get()) closed.push_back(at);
  int parent_fd = at->fd_.get();
  UniqueFd passing;  // a directory that is opened only to reach the next one
  for (size_t i = closed.size(); i-- > 0;) {
    LayerDir* dir = closed[i];
    auto opened = OpenDirectoryAt(parent_fd, dir->name_);
    if (!opened.ok()) {
      Failure failure = AtPath(std::move(opened.failure()), dir->parent_->PathOf(dir->name_));
      // A file, a symbolic link or a whiteout has taken its place.
      if (failure.err == ENOTDIR) failure = Refusal(ENOENT, failure.call, "replaced", failure.path);
      return failure;
    }
    auto st = StatFd(opened.value().get());
    if (!st.ok()) return AtPath(std::move(st.failure()), dir->parent_->PathOf(dir->name_));
    if (st.value().st_dev != dir->dev_ || st.value().st_ino != dir->ino_) {
      return Refusal(ENOENT, "openat", "replaced", dir->parent_->PathOf(dir->name_));
    }
    parent_fd = opened.value().get();
    if (i < kKeepOpen) {
      dir->fd_ = std::move(opened.value());
    } else {
      passing = std::move(opened.value());
    }
  }
  return fd_.get();
}

void LayerDir::Close() {
  if (!IsRoot()) fd_.Reset();
}

bool SameStack(const DirStack& a, const DirStack& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const DirPtr& x, const DirPtr& y) {
    return x == y || (x->layer() == y->layer() && x->dev() == y->dev() && x->ino() == y->ino());
  });
}

}  // namespace ovl
