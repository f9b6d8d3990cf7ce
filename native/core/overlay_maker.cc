#include "core/overlay_maker.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <utility>

#include "core/kernel_support.h"
#include "core/mount_by_data.h"
#include "core/overlay_build.h"
#include "core/raw_calls.h"
#include "core/rootless_child.h"
#include "core/sys_mount_tree.h"

namespace ovl {

namespace {

// Whether an ordinary user's kernel takes descriptors is found out by trying.
std::atomic<bool> child_needs_names = false;

bool RefusedDescriptor(const Failure& failure) {
  return std::string_view(failure.call) == "fsconfig" && failure.err == EINVAL &&
         std::any_of(failure.log.begin(), failure.log.end(), [](const std::string& line) {
           return line.find("Bad value") != std::string::npos;
         });
}

void BuildRaw(void* plan) { (void)raw::Build(*static_cast<raw::BuildPlan*>(plan)); }

// What failed in Build is in the plan; a failure here is one of the child's.
Status RunBuild(raw::BuildPlan& plan, bool in_child,
                std::shared_ptr<const UniqueFd>& user_namespace) {
  if (!in_child) {
    BuildRaw(&plan);
    return Done{};
  }
  if (user_namespace) return InUserNamespaceOf(user_namespace->get(), BuildRaw, &plan);
  auto made = InRootlessChild(BuildRaw, &plan);
  if (!made.ok()) return std::move(made.failure());
  user_namespace = std::make_shared<const UniqueFd>(std::move(made.value()));
  return Done{};
}

struct ReadOnlyCall {
  int mount;
  int err;
};

void SetReadOnly(void* argument) {
  auto& call = *static_cast<ReadOnlyCall*>(argument);
  raw::MountAttr attr;
  attr.attr_set = kAttrReadOnly;
  call.err = raw::MountSetattr(call.mount, "", AT_EMPTY_PATH, attr) == 0 ? 0 : errno;
}

}  // namespace

Result<UniqueFd> OverlayMaker::Make(bool in_child,
                                    std::shared_ptr<const UniqueFd>& user_namespace) {
  const bool by_name = spec_.interface == MountInterface::kFsopenNames ||
                       (in_child ? child_needs_names.load() : !HasLayerDescriptors());
  auto made = CarryOut(by_name, in_child, user_namespace);
  if (made.ok() || !in_child || by_name || !RefusedDescriptor(made.failure())) return made;
  child_needs_names.store(true);
  return CarryOut(true, in_child, user_namespace);
}

void OverlayMaker::AddLayers(OverlayPlan& plan, bool in_child) {
  if (spec_.lowerdir_text) {
    plan.SetLowerdirText(FormatLowerdir(Named(), "\\:"));
  } else {
    for (size_t i = 0; i < lowers_.size(); ++i) {
      IsDataOnly(i) ? plan.AddDataLower(lowers_[i].planned) : plan.AddLower(lowers_[i].planned);
    }
  }
  if (spec_.upper.kind == UpperKind::kNone) return;
  if (!dirs_.upper_fd) {
    plan.SetScratchUpper(spec_.upper.size, spec_.upper.inodes, scratch_.Raw());
  } else if (in_child) {
    plan.SetUpper({-1, dirs_.upper}, {-1, dirs_.work});
  } else {
    plan.SetUpper({dirs_.upper_fd.get(), dirs_.upper}, {dirs_.work_fd.get(), dirs_.work});
  }
}

Result<UniqueFd> OverlayMaker::CarryOut(bool by_name, bool in_child,
                                        std::shared_ptr<const UniqueFd>& user_namespace) {
  OverlayPlan plan;
  AddLayers(plan, in_child);
  for (const std::string& option : options_) plan.AddOption(option);
  if (by_name) plan.ByName();
  // Read-only comes after the check whether the kernel made the overlay so by itself.
  plan.SetAttributes(spec_.attributes & ~kAttrReadOnly);
  auto ran = RunBuild(plan.Ready(), in_child, user_namespace);
  if (!ran.ok()) return std::move(ran.failure());
  auto mount = plan.TakeMount();
  if (!mount.ok() || spec_.upper.kind == UpperKind::kNone || dirs_.upper_fd) return mount;
  auto kept = KeepScratch(plan);
  if (!kept.ok()) return std::move(kept.failure());
  return mount;
}

// Upper and work of a tmpfs have no path: what was opened is all there is.
Status OverlayMaker::KeepScratch(const OverlayPlan& plan) {
  for (const auto& [from, to] :
       {std::pair{plan.upper_fd(), &dirs_.upper_fd}, std::pair{plan.work_fd(), &dirs_.work_fd}}) {
    *to = UniqueFd(::fcntl(from, F_DUPFD_CLOEXEC, 0));
    if (!*to) return Errno("fcntl", "tmpfs");
  }
  return Done{};
}

Result<bool> OverlayMaker::MakeAt(const std::string& target) {
  MountByDataArgs args;
  for (size_t i = 0; i < lowers_.size(); ++i) {
    (IsDataOnly(i) ? args.data_lower : args.lower).push_back(lowers_[i].planned);
  }
  if (dirs_.upper_fd) {
    args.upper = PlannedLayer{dirs_.upper_fd.get(), dirs_.upper};
    args.work = PlannedLayer{dirs_.work_fd.get(), dirs_.work};
  }
  args.options = options_;
  args.target = target;
  args.attributes = spec_.attributes & ~kAttrReadOnly;
  args.text_only = spec_.lowerdir_text;
  bool compacted = false;
  auto mounted = MountByData(args, compacted);
  if (!mounted.ok()) return std::move(mounted.failure());
  return compacted;
}

OverlayOptions OverlayMaker::Named() const {
  OverlayOptions options;
  for (size_t i = 0; i < lowers_.size(); ++i) {
    (IsDataOnly(i) ? options.data_only : options.lower).push_back(lowers_[i].shown);
  }
  if (!dirs_.upper.empty()) options.upper = dirs_.upper;
  if (!dirs_.work.empty()) options.work = dirs_.work;
  options.rest = options_;
  return options;
}

Status MakeReadOnly(int mount, const std::shared_ptr<const UniqueFd>& user_namespace) {
  ReadOnlyCall call{mount, 0};
  if (user_namespace) {
    auto ran = InUserNamespaceOf(user_namespace->get(), SetReadOnly, &call);
    if (!ran.ok()) return ran;
  } else {
    SetReadOnly(&call);
  }
  return call.err == 0 ? Status(Done{}) : Refusal(call.err, "mount_setattr", "");
}

}  // namespace ovl
