#include "core/unmount_plan.h"

#include <unordered_map>
#include <unordered_set>

namespace ovl {

namespace {

using ById = std::unordered_map<uint64_t, const MountEntry*>;

// The mounts of one place, from the top one down to that which stays.
std::unordered_set<uint64_t> Stack(const ById& by_id, const MountEntry& top,
                                   const UnmountScope& scope) {
  std::unordered_set<uint64_t> stack{top.id};
  const MountEntry* at = &top;
  while (scope.all) {
    const auto under = by_id.find(at->parent);
    // The root of all mounts is its own parent.
    if (under == by_id.end() || stack.contains(under->first)) break;
    at = under->second;
    if (at->target != top.target || (!scope.any && at->fstype != "overlay")) break;
    stack.insert(at->id);
  }
  return stack;
}

// A mount is below another if that is among its ancestors. The table need not have parents first.
bool IsBelow(const ById& by_id, const MountEntry& entry,
             const std::unordered_set<uint64_t>& roots) {
  const MountEntry* at = &entry;
  for (size_t steps = 0; steps < by_id.size(); ++steps) {
    const auto parent = by_id.find(at->parent);
    if (parent == by_id.end()) return false;
    if (roots.contains(parent->first)) return true;
    at = parent->second;
  }
  return false;
}

}  // namespace

std::vector<MountEntry> PlanUnmount(const std::vector<MountEntry>& table, uint64_t top,
                                    const UnmountScope& scope) {
  ById by_id;
  for (const MountEntry& entry : table) by_id.emplace(entry.id, &entry);
  const auto found = by_id.find(top);
  if (found == by_id.end()) return {};
  const auto stack = Stack(by_id, *found->second, scope);
  std::vector<MountEntry> plan;
  for (auto entry = table.rbegin(); entry != table.rend(); ++entry) {
    if (stack.contains(entry->id) || (scope.recursive && IsBelow(by_id, *entry, stack))) {
      plan.push_back(*entry);
    }
  }
  return plan;
}

Result<bool> RunPlan(std::vector<MountEntry>& plan,
                     const std::function<Result<bool>(const MountEntry&)>& take) {
  std::unordered_map<uint64_t, size_t> children;  // of the plan, mounted on each
  for (const MountEntry& entry : plan) ++children[entry.parent];
  bool progress = true;
  while (progress && !plan.empty()) {
    progress = false;
    for (size_t i = 0; i < plan.size();) {
      if (children[plan[i].id] != 0) {
        ++i;
        continue;
      }
      auto taken = take(plan[i]);
      if (!taken.ok()) return taken;
      if (!taken.value()) {
        ++i;
        continue;
      }
      --children[plan[i].parent];
      plan.erase(plan.begin() + static_cast<std::ptrdiff_t>(i));
      progress = true;
    }
  }
  return plan.empty();
}

}  // namespace ovl
