// Looking without mounting.
#include <napi.h>

#include <string>
#include <utility>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/spec.h"
#include "binding/work.h"
#include "core/finding.h"
#include "core/overlay_inspection.h"
#include "core/overlay_probe.h"
#include "core/upper_inspection.h"

namespace ovl {

namespace {

Napi::Value FromPath(Napi::Env env, const std::string& path) {
  return path.empty() ? env.Null() : FromBytes(env, path);
}

Napi::Value FromFindings(Napi::Env env, Findings& findings) {
  auto array = Napi::Array::New(env, findings.size());
  for (size_t i = 0; i < findings.size(); ++i) {
    const Finding& finding = findings[i];
    auto object = Napi::Object::New(env);
    object.Set("error", finding.severity == Severity::kError);
    object.Set("errno", finding.err);
    object.Set("reason", finding.reason);
    object.Set("path", FromPath(env, finding.path));
    object.Set("dest", FromPath(env, finding.dest));
    object.Set("detail", FromBytes(env, finding.detail));
    array.Set(static_cast<uint32_t>(i), object);
  }
  return array;
}

// null: nobody can say.
Napi::Value FromSupport(Napi::Env env, Support support) {
  if (support == Support::kUnknown) return env.Null();
  return Napi::Boolean::New(env, support == Support::kYes);
}

Napi::Value FromProbe(Napi::Env env, OverlayProbe& probe) {
  auto object = Napi::Object::New(env);
  object.Set("sysAdmin", probe.privileges.sys_admin);
  object.Set("userNamespace", probe.privileges.user_namespace);
  object.Set("ownsMountNamespace", probe.privileges.owns_mount_namespace);
  object.Set("openByHandle", probe.privileges.open_by_handle);
  object.Set("registered", probe.registered);
  object.Set("fsopen", FromSupport(env, probe.answers.fsopen));
  object.Set("layerDescriptors", FromSupport(env, probe.answers.layer_descriptors));
  auto options = Napi::Object::New(env);
  for (size_t i = 0; i < kProbedOptions.size(); ++i) {
    options.Set(kProbedOptions[i], FromSupport(env, probe.answers.options[i]));
  }
  object.Set("options", options);
  object.Set("statmount", FromSupport(env, probe.statmount));
  object.Set("listmount", FromSupport(env, probe.listmount));
  object.Set("openTreeAttr", FromSupport(env, probe.open_tree_attr));
  object.Set("mountBeneath", FromSupport(env, probe.mount_beneath));
  object.Set("mounting", probe.mounting ? FromFailure(env, *probe.mounting) : env.Null());
  object.Set("rootless", probe.rootless ? FromFailure(env, *probe.rootless) : env.Null());
  return object;
}

// (spec, sync)
Napi::Value CallInspect(const Napi::CallbackInfo& info) {
  return Run<Findings>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [spec = ToSpec(info[0].As<Napi::Object>())]() -> Result<Findings> {
        return InspectOverlay(spec);
      },
      FromFindings);
}

// (directory, sync)
Napi::Value CallInspectUpperParent(const Napi::CallbackInfo& info) {
  return Run<Findings>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [directory = ToBytes(info[0])]() -> Result<Findings> {
        return InspectUpperParent(directory);
      },
      FromFindings);
}

// (sync)
Napi::Value CallProbe(const Napi::CallbackInfo& info) {
  return Run<OverlayProbe>(
      info.Env(), info[0].As<Napi::Boolean>().Value(),
      []() -> Result<OverlayProbe> { return ProbeOverlay(); }, FromProbe);
}

}  // namespace

void ExportDiagnosis(Napi::Env env, Napi::Object exports) {
  exports.Set("inspect", Napi::Function::New(env, CallInspect));
  exports.Set("inspectUpperParent", Napi::Function::New(env, CallInspectUpperParent));
  exports.Set("probe", Napi::Function::New(env, CallProbe));
}

}  // namespace ovl
