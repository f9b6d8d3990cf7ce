#include "binding/spec.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binding/convert.h"

namespace ovl {

namespace {

std::vector<LayerSpec> ToLayers(const Napi::Value& value) {
  std::vector<LayerSpec> layers;
  for (std::string& path : ToBytesList(value)) layers.push_back(LayerSpec{std::move(path), {}, {}});
  return layers;
}

std::optional<bool> ToOptionalBool(const Napi::Value& value) {
  if (!value.IsBoolean()) return std::nullopt;
  return value.As<Napi::Boolean>().Value();
}

FeatureSpec ToFeatures(const Napi::Object& from) {
  FeatureSpec features;
  features.redirect_dir = ToOptionalBytes(from.Get("redirectDir"));
  features.index = ToOptionalBytes(from.Get("index"));
  features.metacopy = ToOptionalBytes(from.Get("metacopy"));
  features.nfs_export = ToOptionalBytes(from.Get("nfsExport"));
  features.uuid = ToOptionalBytes(from.Get("uuid"));
  features.is_volatile = from.Get("volatile").As<Napi::Boolean>().Value();
  features.userxattr = ToOptionalBool(from.Get("userxattr"));
  features.extra = ToBytesList(from.Get("extra"));
  return features;
}

}  // namespace

OverlaySpec ToSpec(const Napi::Object& from) {
  OverlaySpec spec;
  spec.lower = ToLayers(from.Get("lower"));
  if (auto upper = ToOptionalBytes(from.Get("upper"))) {
    spec.upper.kind = UpperKind::kDirectory;
    spec.upper.path = std::move(*upper);
  }
  spec.work = ToOptionalBytes(from.Get("work"));
  spec.target = ToOptionalBytes(from.Get("target"));
  spec.features = ToFeatures(from.Get("features").As<Napi::Object>());
  return spec;
}

}  // namespace ovl
