#include "core/overlay_plan.h"

#include <string_view>

#include "core/raw_calls.h"
#include "core/sys_fs_context.h"

namespace ovl {

namespace {

void CloseAndForget(int& fd) { UniqueFd(fd).Reset(), fd = -1; }

// The one level that the kernel takes off upperdir and workdir, also outside of mount(2).
std::string EscapeBackslashes(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace

OverlayPlan::OverlayPlan() {
  plan_.overlay.type = "overlay";
  AddString("source", "overlay");  // else the table of mounts says "none"
}

OverlayPlan::~OverlayPlan() {
  for (raw::Filesystem* filesystem : {&plan_.overlay, &plan_.scratch}) {
    CloseAndForget(filesystem->context);
    CloseAndForget(filesystem->mount);
  }
  for (raw::Directory& directory : directories_) {
    if (directory.ours) CloseAndForget(directory.fd);
  }
}

int OverlayPlan::AddDirectory(const PlannedLayer& layer) {
  raw::Directory directory;
  directory.fd = layer.fd;
  if (!layer.path.empty()) directory.path = Keep(layer.path);
  directories_.push_back(directory);
  return static_cast<int>(directories_.size() - 1);
}

void OverlayPlan::AddLayer(const char* key, const PlannedLayer& layer) {
  raw::Step step;
  step.key = key;
  step.directory = AddDirectory(layer);
  step.value = directories_.back().path;
  steps_.push_back(step);
}

void OverlayPlan::SetUpper(const PlannedLayer& upper, const PlannedLayer& work) {
  plan_.upper = static_cast<int>(directories_.size());
  AddLayer("upperdir", upper);
  plan_.work = static_cast<int>(directories_.size());
  AddLayer("workdir", work);
  for (size_t i = steps_.size() - 2; i < steps_.size(); ++i) {
    if (steps_[i].value != nullptr) steps_[i].value = Keep(EscapeBackslashes(steps_[i].value));
  }
}

void OverlayPlan::SetScratchUpper(uint64_t size, uint64_t inodes, raw::RootAttributes* attributes) {
  SetUpper(PlannedLayer{-1, kScratchUpper}, PlannedLayer{-1, kScratchWork});
  // Without a name of their own: these are relative to the root of the scratch filesystem.
  for (size_t i = steps_.size() - 2; i < steps_.size(); ++i) steps_[i].value = nullptr;
  plan_.scratch.type = "tmpfs";
  plan_.root_attributes = attributes;
  const auto add = [this](const char* key, const std::string& value) {
    scratch_steps_.push_back(raw::Step{raw::kSetString, key, Keep(value), -1});
  };
  add("mode", "0700");
  if (size > 0) add("size", std::to_string(size));
  if (inodes > 0) add("nr_inodes", std::to_string(inodes));
}

void OverlayPlan::AddString(const char* key, const std::string& value) {
  steps_.push_back(raw::Step{raw::kSetString, key, Keep(value), -1});
}

void OverlayPlan::AddOption(const std::string& option) {
  const size_t equals = option.find('=');
  const char* const key = Keep(option.substr(0, equals));
  if (equals == std::string::npos) {
    steps_.push_back(raw::Step{raw::kSetFlag, key, nullptr, -1});
  } else {
    AddString(key, option.substr(equals + 1));
  }
}

raw::BuildPlan& OverlayPlan::Ready() {
  plan_.directories = directories_.data();
  plan_.directory_count = directories_.size();
  plan_.overlay.steps = {steps_.data(), steps_.size()};
  plan_.scratch.steps = {scratch_steps_.data(), scratch_steps_.size()};
  return plan_;
}

Failure OverlayPlan::Failed() const {
  Failure failure = Refusal(plan_.err, plan_.call, "");
  // The first thing that takes room in a tmpfs.
  if (plan_.err == ENOSPC && std::string_view(plan_.call) == "mkdirat") {
    failure.reason = "tmpfs-too-small";
  }
  if (plan_.at_directory >= 0) {
    const char* const path = directories_[static_cast<size_t>(plan_.at_directory)].path;
    if (path != nullptr) failure.path = path;
  } else {
    failure.path = plan_.at_key;
  }
  const int context = plan_.overlay.context >= 0 ? plan_.overlay.context : plan_.scratch.context;
  if (context >= 0) failure.log = ReadFsLog(context);
  return failure;
}

Result<UniqueFd> OverlayPlan::TakeMount() {
  if (plan_.overlay.mount < 0) return Failed();
  CloseAndForget(plan_.overlay.context);
  CloseAndForget(plan_.scratch.context);
  UniqueFd mount(plan_.overlay.mount);
  plan_.overlay.mount = -1;
  return mount;
}

}  // namespace ovl
