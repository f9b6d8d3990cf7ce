// Opening the layers that are to be read.
#include "core/layers.h"

#include <napi.h>

#include <memory>
#include <string>
#include <utility>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/work.h"
#include "core/mount_layers.h"

namespace ovl {

namespace {

Napi::Value FromLayers(Napi::Env env, Layers& layers) {
  return Handle<Layers>::New(env, std::make_shared<Layers>(std::move(layers)));
}

Result<Layers> Open(const std::string& upper, const std::vector<std::string>& lowers,
                    MarkerSpace space) {
  Layers layers;
  layers.space = space;
  auto upper_dir = OpenLayer(upper, LayerDir::kUpper);
  if (!upper_dir.ok()) return std::move(upper_dir.failure());
  layers.upper = std::move(upper_dir.value());
  for (const std::string& path : lowers) {
    auto lower = OpenLayer(path, static_cast<uint32_t>(layers.lowers.size()));
    if (!lower.ok()) return std::move(lower.failure());
    layers.lowers.push_back(std::move(lower.value()));
  }
  return layers;
}

// (upper, lowers, user)
Napi::Value CallOpenLayers(const Napi::CallbackInfo& info) {
  const auto space =
      info[2].As<Napi::Boolean>().Value() ? MarkerSpace::kUser : MarkerSpace::kTrusted;
  return Run<Layers>(
      info.Env(), false,
      [upper = ToBytes(info[0]), lowers = ToBytesList(info[1]), space] {
        return Open(upper, lowers, space);
      },
      FromLayers);
}

// (target)
Napi::Value CallOpenMountLayers(const Napi::CallbackInfo& info) {
  return Run<Layers>(
      info.Env(), false, [target = ToBytes(info[0])] { return OpenMountLayers(target); },
      FromLayers);
}

// (layers, sync)
Napi::Value CallCloseLayers(const Napi::CallbackInfo& info) {
  return Handle<Layers>::Release(info.Env(), info[0], info[1].As<Napi::Boolean>().Value());
}

}  // namespace

void ExportLayers(Napi::Env env, Napi::Object exports) {
  exports.Set("openLayers", Napi::Function::New(env, CallOpenLayers));
  exports.Set("openMountLayers", Napi::Function::New(env, CallOpenMountLayers));
  exports.Set("closeLayers", Napi::Function::New(env, CallCloseLayers));
}

}  // namespace ovl
