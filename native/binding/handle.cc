#include "binding/handle.h"

namespace ovl {

namespace {

struct Environment {
  std::shared_ptr<bool> ends = std::make_shared<bool>(false);
};

}  // namespace

std::shared_ptr<const bool> EnvironmentEnds(Napi::Env env) {
  auto* known = env.GetInstanceData<Environment>();
  if (known == nullptr) {
    known = new Environment;
    env.SetInstanceData(known);  // which deletes it
    env.AddCleanupHook([ends = known->ends] { *ends = true; });
  }
  return known->ends;
}

}  // namespace ovl
