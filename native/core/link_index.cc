#include "core/link_index.h"

#include <dirent.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/sys_file.h"
#include "core/sys_handle.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

// An entry of a live upper that goes while it is looked at is one that was not met.
Status Vanished(Failure failure) {
  if (failure.err == ENOENT) return Done{};
  return failure;
}

}  // namespace

const LinkIndex::Inode* LinkIndex::Find(const struct stat& lower) const {
  if (lower.st_nlink < 2) return nullptr;
  const auto it = inodes_.find({lower.st_dev, lower.st_ino});
  return it == inodes_.end() ? nullptr : &it->second;
}

void LinkIndex::Apply(Sides& sides) const {
  Found& after = sides.after;
  if (sides.in_upper || after.kind != Found::Kind::kFile) return;
  const Inode* inode = Find(after.top.st);
  if (inode == nullptr) return;
  after.top = inode->entry;
  after.xattrs.Clear();  // they were the lower's
  if (!inode->metacopy) after.data = inode->entry;
  sides.indexed = true;
}

bool LinkIndex::Holds(const DirPtr& dir) const {
  return holders_.contains({dir->layer(), dir->dev(), dir->ino()});
}

bool LinkIndex::Holds(const DirStack& dirs) const {
  return std::any_of(dirs.begin(), dirs.end(), [this](const DirPtr& dir) { return Holds(dir); });
}

bool LinkIndex::Concerns(const DirPtr& dir, const DirEntry& entry) const {
  if (entry.type != DT_DIR) return entry.type == DT_UNKNOWN || numbers_.contains(entry.ino);
  // The root of a subvolume is listed by another number than it has.
  return holders_.contains({dir->layer(), dir->dev(), entry.ino}) ||
         crossings_.contains({dir->layer(), dir->dev(), dir->ino()});
}

LinkIndexReader::LinkIndexReader(Layers layers)
    : layers_(std::move(layers)), filesystems_(layers_.lowers) {}

Result<bool> LinkIndexReader::Next(const WorkSlice& slice) {
  while (phase_ != Phase::kDone && !slice.Over()) {
    auto status = [this]() -> Status {
      switch (phase_) {
        case Phase::kStart:
          return Start();
        case Phase::kIndex:
          return StepIndex();
        case Phase::kUpper:
          return StepUpper();
        case Phase::kLowers:
          return StepLowers();
        case Phase::kDone:
          break;
      }
      return Done{};
    }();
    if (!status.ok()) return std::move(status.failure());
  }
  return phase_ != Phase::kDone;
}

Status LinkIndexReader::Start() {
  phase_ = Phase::kDone;
  if (layers_.index_use == IndexUse::kOff || !layers_.marks.readable()) return Done{};
  if (layers_.index) {
    index_.used_ = true;
    walk_ = std::make_unique<RawWalk>(layers_.index);
    phase_ = Phase::kIndex;
    return Done{};
  }
  auto fd = layers_.upper->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  std::string list;
  auto listed = ListXattrs(fd.value(), list);
  if (!listed.ok()) return Located(std::move(listed.failure()), layers_.upper, "");
  auto marks = layers_.marks.Read(list, layers_.upper, "");
  if (!marks.ok()) return std::move(marks.failure());
  // A mount with an index marks the root of its upper with an origin, others do not.
  if (!marks.value().origin) return Done{};
  if (layers_.index_use == IndexUse::kUnknown) {
    return Refusal(ENOTSUP, "listxattr", "index-not-given", layers_.upper->PathOf(""));
  }
  index_.used_ = true;
  walk_ = std::make_unique<RawWalk>(layers_.upper);
  phase_ = Phase::kUpper;
  return Done{};
}

Status LinkIndexReader::StepIndex() {
  std::vector<std::string> names;
  auto more = walk_->Step([&](const DirPtr& dir, const DirEntry& entry) {
    // Directories have entries as well (nfs_export), but one name each.
    if (dir->IsRoot() && entry.type != DT_DIR) names.emplace_back(entry.name);
  });
  if (!more.ok()) return std::move(more.failure());
  for (const std::string& name : names) {
    auto status = AddIndexEntry(name);
    if (!status.ok()) return status;
  }
  if (!more.value()) BeginLowers();
  return Done{};
}

Status LinkIndexReader::StepUpper() {
  std::vector<std::pair<DirPtr, std::string>> files;
  auto more = walk_->Step([&](const DirPtr& dir, const DirEntry& entry) {
    if (entry.type != DT_DIR) files.emplace_back(dir, entry.name);
  });
  if (!more.ok()) return std::move(more.failure());
  for (const auto& [dir, name] : files) {
    auto status = AddUpperEntry(dir, name);
    if (!status.ok()) return status;
  }
  if (!more.value()) BeginLowers();
  return Done{};
}

Status LinkIndexReader::AddIndexEntry(const std::string& name) {
  const auto origin = ParseIndexName(name);
  if (!origin) return Done{};  // the kernel's own temporary names
  auto fd = layers_.index->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  LayerEntry entry{layers_.index, name, {}};
  auto there = StatAt(fd.value(), name, entry.st);
  if (!there.ok()) return Located(std::move(there.failure()), layers_.index, name);
  // A whiteout stands for a file whose every name is gone.
  if (!there.value() || S_ISDIR(entry.st.st_mode) || IsWhiteoutDevice(entry.st)) return Done{};
  return Add(*origin, std::move(entry));
}

Status LinkIndexReader::AddUpperEntry(const DirPtr& dir, const std::string& name) {
  auto fd = dir->Fd();
  if (!fd.ok()) return fd.failure().err == ENOENT ? Status(Done{}) : std::move(fd.failure());
  LayerEntry entry{dir, name, {}};
  auto there = StatAt(fd.value(), name, entry.st);
  if (!there.ok()) return Located(std::move(there.failure()), dir, name);
  if (!there.value() || S_ISDIR(entry.st.st_mode) || IsWhiteoutDevice(entry.st)) return Done{};
  XattrList xattrs;
  auto marks = ReadFileMarks(layers_, entry, xattrs);
  if (!marks.ok()) return Vanished(std::move(marks.failure()));
  if (!marks.value().nlink) return Done{};
  auto origin = ReadOrigin(layers_.marks, entry);
  if (!origin.ok()) return Vanished(std::move(origin.failure()));
  if (!origin.value()) return Refusal(ENOTSUP, "getxattr", "index-unknown", dir->PathOf(name));
  return Add(*origin.value(), std::move(entry));
}

// The lower file of a handle, by the layer that is on its filesystem.
Status LinkIndexReader::Add(const Origin& origin, LayerEntry entry) {
  DirPtr on;
  for (size_t i = 0; i < layers_.ordinary() && !on; ++i) {
    const DirPtr& lower = layers_.lowers[i];
    LayerEntry root{lower, "", {}};
    root.st.st_dev = lower->dev();
    auto may = filesystems_.May(origin.uuid, root);
    if (!may.ok()) return std::move(may.failure());
    if (may.value()) on = lower;
  }
  const std::string path = entry.dir->PathOf(entry.name);
  if (!on && filesystems_.Confused(origin.uuid)) {
    return Refusal(ENOTSUP, "ioctl", "index-unknown", path);
  }
  if (!on) return Done{};  // no lower can have it
  auto fd = on->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto file = OpenHandle(fd.value(), origin.handle);
  if (!file.ok()) {
    if (file.failure().err == EPERM) {
      return Refusal(EPERM, "open_by_handle_at", "index-unreadable", path);
    }
    // The lower file is gone, and with it every name.
    if (file.failure().err == ESTALE || file.failure().err == EINVAL) return Done{};
    return Located(std::move(file.failure()), entry.dir, entry.name);
  }
  auto st = StatFd(file.value().get());
  if (!st.ok()) return Located(std::move(st.failure()), entry.dir, entry.name);
  const struct stat& lower = st.value();
  if ((lower.st_mode & S_IFMT) != (entry.st.st_mode & S_IFMT)) return Done{};
  if (lower.st_nlink < 2) return Done{};  // its only name is in the upper
  return index_.Add(layers_, lower, std::move(entry));
}

Status LinkIndex::Add(const Layers& layers, const struct stat& lower, LayerEntry entry) {
  XattrList xattrs;
  auto marks = ReadFileMarks(layers, entry, xattrs);
  if (!marks.ok()) return Vanished(std::move(marks.failure()));
  numbers_.insert(lower.st_ino);
  inodes_[{lower.st_dev, lower.st_ino}] = Inode{std::move(entry), marks.value().metacopy};
  return Done{};
}

// The names of an index are handles: the one of the file is looked for, and no other entry
// examined.
Result<LinkIndex> FindInIndex(const Layers& layers, const LayerEntry& lower) {
  LinkIndex found;
  auto dir = lower.dir->Fd();
  if (!dir.ok()) return std::move(dir.failure());
  auto handle = HandleAt(dir.value(), lower.name);
  if (!handle.ok()) return Located(std::move(handle.failure()), lower.dir, lower.name);
  if (!handle.value()) return found;
  auto index = layers.index->Reopen();
  if (!index.ok()) return std::move(index.failure());
  auto fd = index.value()->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  LayerFilesystems filesystems(layers.lowers);
  std::vector<std::pair<std::string, std::string>> names;  // and the UUIDs they begin with
  for (bool more = true; more;) {
    auto read = ReadSomeEntries(fd.value(), [&](const DirEntry& entry) {
      const auto origin = ParseIndexName(entry.name);
      if (origin && origin->handle == *handle.value()) names.emplace_back(entry.name, origin->uuid);
    });
    if (!read.ok()) return Located(std::move(read.failure()), index.value(), "");
    more = read.value();
  }
  std::string name;
  for (auto& [each, uuid] : names) {
    auto may = filesystems.May(uuid, lower);
    if (!may.ok()) return std::move(may.failure());
    if (may.value()) name = each;
  }
  if (name.empty()) return found;
  LayerEntry entry{index.value(), name, {}};
  auto there = StatAt(fd.value(), name, entry.st);
  if (!there.ok()) return Located(std::move(there.failure()), index.value(), name);
  if (!there.value() || IsWhiteoutDevice(entry.st)) return found;
  auto status = found.Add(layers, lower.st, std::move(entry));
  if (!status.ok()) return std::move(status.failure());
  return found;
}

// The directory, and those on the way to it.
void LinkIndex::AddHolder(const DirPtr& dir) {
  for (const LayerDir* at = dir.get(); at != nullptr; at = at->parent().get()) {
    if (!holders_.insert({at->layer(), at->dev(), at->ino()}).second) break;
    const LayerDir* const parent = at->parent().get();
    if (parent != nullptr && parent->dev() != at->dev()) {
      crossings_.insert({parent->layer(), parent->dev(), parent->ino()});
    }
  }
}

void LinkIndexReader::BeginLowers() {
  walk_.reset();
  phase_ = Phase::kLowers;
}

Status LinkIndexReader::StepLowers() {
  if (index_.empty() || lower_ == layers_.ordinary()) {
    phase_ = Phase::kDone;
    return Done{};
  }
  if (!walk_) walk_ = std::make_unique<RawWalk>(layers_.lowers[lower_]);
  // Below a redirected directory are the names of another one in a layer further down.
  const bool redirects = layers_.marks.FollowsRedirects() && lower_ + 1 < layers_.ordinary();
  std::vector<std::tuple<DirPtr, std::string, ino_t>> directories;
  auto more = walk_->Step([&](const DirPtr& dir, const DirEntry& entry) {
    const bool maybe_directory = entry.type == DT_DIR || entry.type == DT_UNKNOWN;
    if (maybe_directory && redirects) directories.emplace_back(dir, entry.name, entry.ino);
    if (entry.type != DT_DIR && index_.numbers_.contains(entry.ino)) index_.AddHolder(dir);
  });
  for (const auto& [dir, name, ino] : directories) {
    auto fd = dir->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    std::string list;
    auto listed = ListXattrsAt(fd.value(), name, list);
    if (!listed.ok()) {
      if (listed.failure().err == ENOENT) continue;
      return Located(std::move(listed.failure()), dir, name);
    }
    if (!FindMarkers(list, layers_.marks.space()).redirect) continue;
    index_.holders_.insert({dir->layer(), dir->dev(), ino});
    index_.AddHolder(dir);
  }
  if (!more.ok()) return std::move(more.failure());
  if (!more.value()) {
    walk_.reset();
    ++lower_;
  }
  return Done{};
}

Result<LinkIndex> ReadLinkIndex(const Layers& layers) {
  auto own = layers.Reopen();
  if (!own.ok()) return std::move(own.failure());
  LinkIndexReader reader(std::move(own.value()));
  const CancelFlag never{false};
  for (bool more = true; more;) {
    auto read = reader.Next(WorkSlice(never, std::chrono::hours(1)));
    if (!read.ok()) return std::move(read.failure());
    more = read.value();
  }
  return reader.Take();
}

}  // namespace ovl
