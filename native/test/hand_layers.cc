#include "test/hand_layers.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "test/check.h"

using ovl::Failure;
using ovl::Found;
using ovl::Layers;
using ovl::MarkerSpace;
using ovl::Result;

namespace {

std::string ErrorName(int err) {
  switch (err) {
    case EINVAL:
      return "EINVAL";
    case EACCES:
      return "EACCES";
    case EIO:
      return "EIO";
    case ENOENT:
      return "ENOENT";
    case ENOTSUP:
      return "ENOTSUP";
    default:
      return "errno " + std::to_string(err);
  }
}

std::string TypeName(mode_t type) {
  switch (type) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "dir";
    case S_IFLNK:
      return "symlink";
    case S_IFIFO:
      return "fifo";
    case S_IFCHR:
      return "chr";
    case S_IFBLK:
      return "blk";
    default:
      return "type " + std::to_string(type);
  }
}

}  // namespace

HandLayers::HandLayers(size_t lowers, MarkerSpace space)
    : space_(space), upper_(temp_.path() + "/u") {
  upper_.Dir("");
  for (size_t i = 0; i < lowers; ++i) {
    lowers_.emplace_back(temp_.path() + "/l" + std::to_string(i));
    lowers_.back().Dir("");
  }
}

bool HandLayers::Usable() {
  const std::string why = space_ == MarkerSpace::kUser ? WhyNoUserXattrs(temp_.path())
                                                       : WhyNoTrustedXattrs(temp_.path());
  if (!why.empty()) check::Skip(why);
  return why.empty();
}

void HandLayers::Mark(Tree& tree, std::string_view name, std::string_view mark,
                      std::string_view value) {
  const std::string prefix = space_ == MarkerSpace::kUser ? "user.overlay." : "trusted.overlay.";
  tree.Xattr(name, prefix + std::string(mark), value);
}

void HandLayers::Metacopy(Tree& tree, std::string_view name, size_t size,
                          std::string_view redirect) {
  tree.File(name);
  CHECK(::truncate(tree.Path(name).c_str(), static_cast<off_t>(size)) == 0);
  tree.Time(name, Tree::kTime);
  Mark(tree, name, "metacopy", "");
  if (!redirect.empty()) Redirect(tree, name, redirect);
}

void HandLayers::XattrWhiteout(Tree& tree, std::string_view name) {
  tree.File(name);
  Mark(tree, name, "whiteout", "y");
}

Layers HandLayers::Open(size_t data_only) {
  Layers layers;
  layers.marks = ovl::MarkReader::Decided(space_);
  layers.data_only = data_only;
  auto upper = ovl::OpenLayer(upper_.Path(""), ovl::LayerDir::kUpper);
  if (CHECK(upper.ok())) layers.upper = upper.value();
  for (const Tree& tree : lowers_) {
    auto lower = ovl::OpenLayer(tree.Path(""), static_cast<uint32_t>(layers.lowers.size()));
    if (CHECK(lower.ok())) layers.lowers.push_back(lower.value());
  }
  return layers;
}

std::string HandLayers::Short(const std::string& path) const {
  const std::string prefix = temp_.path() + "/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

std::string ShowFailure(const HandLayers& hand, const Failure& failure) {
  std::string out = ErrorName(failure.err);
  if (*failure.reason != '\0') out.append(" ").append(failure.reason);
  return out.append(" ").append(hand.Short(failure.path));
}

std::string ShowFound(const HandLayers& hand, const Result<Found>& result) {
  if (!result.ok()) return ShowFailure(hand, result.failure());
  const Found& found = result.value();
  const auto entry = [&](const ovl::LayerEntry& at) {
    return at.dir ? hand.Short(at.dir->PathOf(at.name)) : std::string("nowhere");
  };
  switch (found.kind) {
    case Found::Kind::kNothing:
      return "nothing";
    case Found::Kind::kFile: {
      const std::string top = entry(found.top);
      const std::string data = entry(found.data);
      return "file " + top + (data == top ? "" : ", data " + data);
    }
    case Found::Kind::kDirectory: {
      std::string out = "dirs";
      for (const ovl::DirPtr& dir : found.dirs) out.append(" ").append(hand.Short(dir->PathOf("")));
      CHECK_EQ(entry(found.top), hand.Short(found.dirs.front()->PathOf("")));
      return out;
    }
  }
  return "";
}

std::string LookupPath(const HandLayers& hand, const Layers& layers, const std::string& path) {
  ovl::DirStack stack(layers.lowers.begin(),
                      layers.lowers.begin() + static_cast<std::ptrdiff_t>(layers.ordinary()));
  for (size_t at = 0;;) {
    const size_t end = path.find('/', at);
    auto found = ovl::LookupName(layers, stack, {path.substr(at, end - at), false, false});
    if (end == std::string::npos || !found.ok() || found.value().kind != Found::Kind::kDirectory) {
      return ShowFound(hand, found);
    }
    stack = std::move(found.value().dirs);
    at = end + 1;
  }
}

void ChangeLines::Add(const ovl::Change& change) {
  ++batch_;
  static constexpr char kLetters[] = {'A', 'M', 'D'};
  std::string line(1, kLetters[static_cast<size_t>(change.kind)]);
  line.append(" ").append(TypeName(change.type)).append(" ").append(change.path);
  if (change.previous_type != 0) line.append(" was ").append(TypeName(change.previous_type));
  static constexpr std::pair<ovl::Aspect, const char*> kNames[] = {
      {ovl::kAspectType, "type"},     {ovl::kAspectContent, "content"},
      {ovl::kAspectMode, "mode"},     {ovl::kAspectOwner, "owner"},
      {ovl::kAspectXattrs, "xattrs"}, {ovl::kAspectTimes, "times"},
      {ovl::kAspectDevice, "device"}, {ovl::kAspectTarget, "target"},
      {ovl::kAspectLinks, "links"}};
  for (const auto& [bit, name] : kNames) {
    if ((change.aspects & bit) != 0) line.append(" ").append(name);
  }
  if (change.content_unknown) line.append(" content?");
  lines_.push_back(std::move(line));
}

std::vector<std::string> ListChanges(HandLayers& hand, const Layers& layers,
                                     ovl::ChangeOptions options) {
  ChangeLines sink;
  auto walk = ovl::ChangeWalk::Open(layers, options);
  if (!CHECK(walk.ok())) return {};
  const ovl::CancelFlag cancelled{false};
  for (;;) {
    auto more = walk.value()->Next({cancelled, std::chrono::hours(1)}, sink);
    if (!more.ok()) {
      std::vector<std::string> lines = sink.lines();
      lines.push_back(ShowFailure(hand, more.failure()));
      return lines;
    }
    if (!more.value()) return sink.lines();
  }
}
