#include "core/origin_search.h"

#include <algorithm>
#include <utility>

#include "core/rename_survey.h"
#include "core/sides.h"
#include "core/sys_file.h"
#include "core/sys_handle.h"

namespace ovl {

namespace {

// Each level holds descriptors while the search stays there.
constexpr std::ptrdiff_t kDeepest = 24;

bool IsFile(const Found& found) { return found.kind == Found::Kind::kFile; }

constexpr Listed kPerhapsInUpper{true, 0, false};

}  // namespace

OriginSearch::OriginSearch(const Layers& layers, bool expand)
    : layers_(layers), filesystems_(layers.lowers) {
  scope_.expand = expand;
}

std::optional<std::string> OriginSearch::Find(const Origin& origin) {
  if (!layers_.upper || layers_.lowers.size() != 1) return std::nullopt;
  auto found = Ask(origin);
  if (found.ok()) return std::move(found.value());
  directory_.reset();
  return std::nullopt;
}

Result<std::optional<std::string>> OriginSearch::Ask(const Origin& origin) {
  const std::optional<std::string> none{""};
  const DirPtr& lower = layers_.lowers.front();
  LayerEntry root{lower, "", {}};
  root.st.st_dev = lower->dev();
  auto may = filesystems_.May(origin.uuid, root);
  if (!may.ok()) return std::move(may.failure());
  if (!may.value()) return none;
  auto fd = lower->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto file = OpenHandle(fd.value(), origin.handle);
  if (!file.ok()) {
    if (file.failure().err == ESTALE) return none;  // there is no such file any more
    return std::move(file.failure());
  }
  auto st = StatFd(file.value().get());
  if (!st.ok()) return std::move(st.failure());
  if (S_ISDIR(st.value().st_mode) || st.value().st_nlink != 1) return std::optional<std::string>();
  auto path = PathOf(file.value().get());
  if (!path.ok()) return std::move(path.failure());
  if (path.value().empty()) return std::optional<std::string>();
  return FindAt(path.value(), st.value());
}

Result<std::string> OriginSearch::PathOf(int file) {
  if (lower_path_.empty()) {
    auto fd = layers_.lowers.front()->Fd();
    if (!fd.ok()) return std::move(fd.failure());
    auto own = PathOfFd(fd.value());
    if (!own.ok()) return std::move(own.failure());
    lower_path_ = std::move(own.value());
    if (lower_path_.back() != '/') lower_path_.push_back('/');
  }
  auto path = PathOfFd(file);
  if (!path.ok()) return std::move(path.failure());
  if (!path.value().starts_with(lower_path_)) return std::string();
  path.value().erase(0, lower_path_.size());
  return path;
}

// Whether it is gone from there is decided as RenameSurvey does.
Result<std::optional<std::string>> OriginSearch::FindAt(const std::string& path,
                                                        const struct stat& lower) {
  const std::optional<std::string> none{""};
  const size_t slash = path.rfind('/');
  const std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
  if (std::count(path.begin(), path.end(), '/') > kDeepest) return std::optional<std::string>();
  auto there = Enter(above);
  if (!there.ok()) return std::move(there.failure());
  if (!there.value()) return none;
  Sides sides;
  const std::string name = path.substr(slash + 1);  // npos + 1 is 0
  Listed listed = kPerhapsInUpper;
  listed.in_upper = directory_->upper != nullptr;
  auto status = ResolveSides(layers_, *directory_, name, listed, sides);
  if (!status.ok()) return std::move(status.failure());
  const struct stat& before = sides.before.top.st;
  // The name may be one of before a rename of the lower itself, or end in " (deleted)".
  if (!IsFile(sides.before) || before.st_dev != lower.st_dev || before.st_ino != lower.st_ino) {
    return std::optional<std::string>();
  }
  if (!sides.in_upper && !directory_->split) return none;
  if (IsFile(sides.after)) {
    if (!sides.in_upper) return none;
    auto foreign = ForeignOrigin(layers_, sides);
    if (!foreign.ok()) return std::move(foreign.failure());
    if (sides.origin && !foreign.value()) return none;
  }
  return std::optional<std::string>(path);
}

Result<bool> OriginSearch::Enter(std::string_view path) {
  if (directory_ && path == at_) return true;
  directory_ = std::make_unique<MergedDirectory>(layers_.upper, layers_.lowers, layers_.lowers);
  for (std::string_view rest = path; !rest.empty();) {
    const size_t end = std::min(rest.find('/'), rest.size());
    auto entered = EnterBelow(rest.substr(0, end));
    if (!entered.ok()) return std::move(entered.failure());
    if (!entered.value()) {
      directory_.reset();
      return false;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  at_ = path;
  return true;
}

Result<bool> OriginSearch::EnterBelow(std::string_view name) {
  WalkEntry entry;
  entry.name = name;
  Listed listed = kPerhapsInUpper;
  listed.in_upper = directory_->upper != nullptr;
  auto status = ResolveSides(layers_, *directory_, entry.name, listed, entry.sides);
  if (!status.ok()) return std::move(status.failure());
  const bool named = entry.sides.in_upper || directory_->split;
  if (!named || !MergedFrame::GoesBelow(layers_, scope_, entry)) return false;
  directory_ = std::make_unique<MergedDirectory>(std::move(entry.sides.upper_dir),
                                                 std::move(entry.sides.after.dirs),
                                                 std::move(entry.sides.before.dirs));
  return true;
}

}  // namespace ovl
