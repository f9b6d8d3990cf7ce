// What a preparation asks of the destination, and what it says of a change that is not carried out.
#include <sys/stat.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/apply_prepare.h"

namespace ovl {

namespace {

// What making a file in the stage failed with, said of the place that the file is for.
struct Making {
  const char* call;
  const char* forbidden;  // the reason where it is not permitted
};
constexpr Making kMaking[] = {
    {"fchown", "owner-not-permitted"},
    {"fchownat", "owner-not-permitted"},
    {"fsetxattr", "xattr-not-permitted"},
    {"setxattrat", "xattr-not-permitted"},
    {"lsetxattr", "xattr-not-permitted"},
    {"mknodat", "device-not-permitted"},
    {"fchmod", ""},
    {"fchmodat", ""},
    {"futimens", ""},
    {"utimensat", ""},
    {"symlinkat", ""},
    {"mkdirat", ""},
    {"linkat", ""},
    {"pwrite", ""},
    {"copy_file_range", ""},
    {"ftruncate", ""},
};

Failure AtDestination(Failure failure, std::string path) {
  for (const Making& making : kMaking) {
    if (std::string_view(failure.call) != making.call) continue;
    failure.path = std::move(path);
    if (failure.reason[0] != '\0') return failure;
    if (failure.err == EPERM) failure.reason = making.forbidden;
    // The id has no mapping in our user namespace.
    if (failure.err == EINVAL && std::string_view(failure.call).starts_with("fchown"))
      failure.reason = "owner-unmapped";
    if (failure.err == EOPNOTSUPP) failure.reason = "xattr-unsupported";
    return failure;
  }
  return failure;
}

}  // namespace

bool IsOfTheWhole(const Failure& failure) {
  switch (failure.err) {
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return true;
    default:
      return false;
  }
}

bool ApplyPreparation::IsOld(const struct stat& st) const {
  if (!setup_.options.since) return true;
  const struct timespec& since = *setup_.options.since;
  const auto linked = linked_.find(st.st_ino);
  const struct timespec& changed = linked == linked_.end() ? st.st_ctim : linked->second;
  // A change in the same tick of the clock may be a later one.
  return changed.tv_sec < since.tv_sec ||
         (changed.tv_sec == since.tv_sec && changed.tv_nsec < since.tv_nsec);
}

bool ApplyPreparation::HoldsMount(std::string_view path) const {
  return std::any_of(setup_.occupied.mounts.begin(), setup_.occupied.mounts.end(),
                     [&](const std::string& mount) { return IsPathBelow(mount, path); });
}

// A directory above one may have other attributes, but not go away.
bool ApplyPreparation::TouchesLayer(std::string_view path) const {
  const bool stays = BecomesDirectory();
  return std::any_of(
      setup_.occupied.layers.begin(), setup_.occupied.layers.end(), [&](const std::string& layer) {
        return path == layer || IsPathBelow(path, layer) || (!stays && IsPathBelow(layer, path));
      });
}

Failure ApplyPreparation::InDestination(int err, const char* call, const char* reason) const {
  return Refusal(err, call, reason, setup_.root->PathOf(path_));
}

void ApplyPreparation::Report(ApplyOutcome outcome, const Failure* failure) {
  if (outcome == ApplyOutcome::kApplied) {
    ++plan_.changes;
    if (!dry()) return;  // said when it is done
  }
  sink_->Add(outcome, info_, failure);
}

Status ApplyPreparation::Fail(Failure failure) {
  failure = AtDestination(std::move(failure), setup_.root->PathOf(path_));
  if (IsOfTheWhole(failure)) return failure;
  ++plan_.failed;
  skip_ = path_;
  Report(ApplyOutcome::kFailed, &failure);
  return Done{};
}

// What is in the directory can be carried out all the same.
Status ApplyPreparation::FailInPlace(Failure failure) {
  auto failed = Fail(std::move(failure));
  skip_.reset();
  return failed;
}

Status ApplyPreparation::Conflict(const char* reason) {
  const Failure failure = InDestination(ESTALE, "", reason);
  skip_ = path_;
  const bool kept = setup_.options.conflicts == Conflicts::kOurs;
  // Below a directory that has other attributes its own changes are judged one by one.
  const bool in_place = path_.empty() || (exists_ && S_ISDIR(look_.st.st_mode));
  if (BecomesDirectory() && in_place) skip_.reset();
  Report(kept ? ApplyOutcome::kKept : ApplyOutcome::kConflict, &failure);
  return Done{};
}

}  // namespace ovl
