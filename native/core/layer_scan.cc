#include "core/layer_scan.h"

#include "core/markers.h"
#include "core/sys_file.h"
#include "core/sys_xattr.h"

namespace ovl {

namespace {

constexpr size_t kOpenLevels = 256;  // directory descriptors kept open at a time

// `name` is empty for the directory itself.
Status ReadMarks(const DirPtr& dir, const std::string& name, ScanEntry& entry) {
  auto fd = dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  std::string list;
  auto listed = name.empty() ? ListXattrs(fd.value(), list) : ListXattrsAt(fd.value(), name, list);
  if (!listed.ok()) return Located(std::move(listed.failure()), dir, name);
  for (auto& attribute : OverlayXattrs(list)) {
    std::string value;
    auto got = name.empty() ? GetXattr(fd.value(), attribute, value)
                            : GetXattrAt(fd.value(), name, attribute, value);
    if (!got.ok()) return Located(std::move(got.failure()), dir, name);
    if (got.value()) entry.marks.emplace_back(std::move(attribute), std::move(value));
  }
  return Done{};
}

}  // namespace

struct LayerScan::Frame {
  DirPtr dir;
  size_t path_size = 0;
  NameList names;
  bool sorted = false;
  size_t next = 0;
};

LayerScan::LayerScan(DirPtr root) : root_(std::move(root)) {}

LayerScan::~LayerScan() = default;

Result<bool> LayerScan::Next(const WorkSlice& slice, ScanSink& sink) {
  while (!slice.Over() && !sink.Full()) {
    if (started_ && frames_.empty()) return false;
    auto status = Step(sink);
    if (!status.ok()) return std::move(status.failure());
  }
  return true;
}

Status LayerScan::Step(ScanSink& sink) {
  if (!started_) {
    started_ = true;
    ScanEntry entry;
    entry.path = ".";
    auto fd = root_->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    auto st = StatFd(fd.value());
    if (!st.ok()) return Located(std::move(st.failure()), root_, "");
    entry.st = st.value();
    auto marks = ReadMarks(root_, "", entry);
    if (!marks.ok()) return marks;
    sink.Add(entry);
    Push(root_);
    return Done{};
  }
  Frame& frame = *frames_.back();
  if (!frame.sorted) {
    auto fd = frame.dir->Fd();
    if (!fd.ok()) {
      if (fd.failure().err != ENOENT) return std::move(fd.failure());
      frame.sorted = true;  // the layer is alive, and the directory is gone
      return Done{};
    }
    auto more = ReadSomeNames(fd.value(), kInUpper, frame.names);
    if (!more.ok()) return Located(std::move(more.failure()), frame.dir, "");
    if (!more.value()) {
      frame.names.Sort();
      frame.sorted = true;
    }
    return Done{};
  }
  if (frame.next < frame.names.size()) return Visit(frame, sink);
  Leave();
  return Done{};
}

// Back to where there is something left.
void LayerScan::Leave() {
  const DirPtr left = std::move(frames_.back()->dir);
  frames_.pop_back();
  while (!frames_.empty() && frames_.back()->next == frames_.back()->names.size()) {
    frames_.pop_back();
  }
  if (!frames_.empty()) (void)left->OpenWayBack();
}

void LayerScan::Push(DirPtr dir) {
  auto frame = std::make_unique<Frame>();
  frame->dir = std::move(dir);
  frame->path_size = path_.size();
  frames_.push_back(std::move(frame));
  if (frames_.size() > kOpenLevels) frames_[frames_.size() - 1 - kOpenLevels]->dir->Close();
}

Status LayerScan::Visit(Frame& frame, ScanSink& sink) {
  const std::string name(frame.names.name(frame.next++));
  auto fd = frame.dir->Fd();
  if (!fd.ok()) {
    if (fd.failure().err == ENOENT) return Done{};
    return std::move(fd.failure());
  }
  ScanEntry entry;
  auto there = StatAt(fd.value(), name, entry.st);
  if (!there.ok()) return Located(std::move(there.failure()), frame.dir, name);
  if (!there.value()) return Done{};
  auto marks = ReadMarks(frame.dir, name, entry);
  if (!marks.ok()) {
    if (marks.failure().err == ENOENT) return Done{};
    return marks;
  }
  if (S_ISLNK(entry.st.st_mode)) {
    auto target = ReadLinkAt(fd.value(), name);
    if (!target.ok()) {
      // Gone, or no link any more.
      if (target.failure().err == ENOENT || target.failure().err == EINVAL) return Done{};
      return Located(std::move(target.failure()), frame.dir, name);
    }
    entry.target = std::move(target.value());
  }
  path_.resize(frame.path_size);
  if (!path_.empty()) path_.push_back('/');
  path_.append(name);
  entry.path = path_;
  sink.Add(entry);
  if (S_ISDIR(entry.st.st_mode)) {
    Push(LayerDir::Child(frame.dir, name, entry.st.st_dev, entry.st.st_ino));
  }
  return Done{};
}

}  // namespace ovl
