#include "binding/spec.h"

#include <fcntl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "binding/convert.h"
#include "binding/handle.h"
#include "core/live_overlay.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

bool ToBool(const Napi::Value& value) { return value.As<Napi::Boolean>().Value(); }

std::optional<bool> ToOptionalBool(const Napi::Value& value) {
  if (value.IsNull()) return std::nullopt;
  return ToBool(value);
}

std::optional<std::string> ToOptionalText(const Napi::Value& value) {
  if (value.IsNull()) return std::nullopt;
  return value.As<Napi::String>().Utf8Value();
}

uint64_t ToCount(const Napi::Value& value) {
  return static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
}

uint32_t ToId(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

std::vector<IdRange> ToRanges(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<IdRange> ranges;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const auto range = array.Get(i).As<Napi::Object>();
    ranges.push_back({ToId(range.Get("from")), ToId(range.Get("to")), ToId(range.Get("count"))});
  }
  return ranges;
}

// A copy, since the work is done later and the caller may close his: an invalid number stays
// invalid, and is then refused as such.
std::shared_ptr<UniqueFd> CopyOf(int fd) {
  return std::make_shared<UniqueFd>(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

LayerSpec ToLayer(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  LayerSpec layer;
  if (auto path = ToOptionalBytes(object.Get("path"))) layer.path = std::move(*path);
  const Napi::Value fd = object.Get("fd");
  const Napi::Value mount = object.Get("mount");
  if (fd.IsNumber()) {
    const int number = fd.As<Napi::Number>().Int32Value();
    layer.fd = CopyOf(number);
    if (!*layer.fd) layer.path = "descriptor " + std::to_string(number);
  }
  if (!mount.IsNull()) {
    const auto overlay = Handle<LiveOverlay>::Get(mount);
    layer.fd = CopyOf(overlay->mount_fd());
    layer.user_namespace = overlay->user_namespace();
  }
  const Napi::Value idmap = object.Get("idmap");
  if (idmap.IsNull()) return layer;
  layer.idmap.uids = ToRanges(idmap.As<Napi::Object>().Get("uids"));
  layer.idmap.gids = ToRanges(idmap.As<Napi::Object>().Get("gids"));
  return layer;
}

std::vector<LayerSpec> ToLayers(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<LayerSpec> layers;
  for (uint32_t i = 0; i < array.Length(); ++i) layers.push_back(ToLayer(array.Get(i)));
  return layers;
}

UpperSpec ToUpper(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  UpperSpec upper;
  upper.kind = static_cast<UpperKind>(object.Get("kind").As<Napi::Number>().Uint32Value());
  if (auto path = ToOptionalBytes(object.Get("path"))) upper.path = std::move(*path);
  upper.size = ToCount(object.Get("size"));
  upper.inodes = ToCount(object.Get("inodes"));
  upper.init = ToBool(object.Get("init"));
  return upper;
}

FeatureSpec ToFeatures(const Napi::Object& object) {
  FeatureSpec features;
  features.redirect_dir = ToOptionalText(object.Get("redirectDir"));
  features.index = ToOptionalText(object.Get("index"));
  features.metacopy = ToOptionalText(object.Get("metacopy"));
  features.xino = ToOptionalText(object.Get("xino"));
  features.nfs_export = ToOptionalText(object.Get("nfsExport"));
  features.uuid = ToOptionalText(object.Get("uuid"));
  features.verity = ToOptionalText(object.Get("verity"));
  features.is_volatile = ToBool(object.Get("volatile"));
  features.userxattr = ToOptionalBool(object.Get("userxattr"));
  features.default_permissions = ToBool(object.Get("defaultPermissions"));
  features.override_creds = ToOptionalBool(object.Get("overrideCreds"));
  features.extra = ToBytesList(object.Get("extraOptions"));
  return features;
}

}  // namespace

OverlaySpec ToSpec(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  OverlaySpec spec;
  spec.lower = ToLayers(object.Get("lower"));
  spec.data_lower = ToLayers(object.Get("dataLower"));
  spec.upper = ToUpper(object.Get("upper"));
  spec.work = ToOptionalBytes(object.Get("work"));
  spec.target = ToOptionalBytes(object.Get("target"));
  spec.seen_on = ToOptionalBytes(object.Get("seenOn"));
  const Napi::Value beside = object.Get("beside");
  if (!beside.IsNull()) spec.user_namespace = Handle<LiveOverlay>::Get(beside)->user_namespace();
  const Napi::Value user_namespace = object.Get("userNamespace");
  if (!user_namespace.IsNull()) spec.user_namespace = Handle<UniqueFd>::Get(user_namespace);
  spec.beneath = ToBool(object.Get("beneath"));
  spec.features = ToFeatures(object);
  spec.attributes = ToCount(object.Get("attributes"));
  spec.propagation = ToCount(object.Get("propagation"));
  spec.interface =
      static_cast<MountInterface>(object.Get("interface").As<Napi::Number>().Uint32Value());
  spec.lowerdir_text = ToBool(object.Get("lowerdirText"));
  spec.accept_unclean = ToBool(object.Get("acceptUnclean"));
  return spec;
}

}  // namespace ovl
