// Bind mounts, tmpfs, moving, remounting and propagation.
#include "core/mount_calls.h"

#include <napi.h>

#include <optional>
#include <string>
#include <utility>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/work.h"

namespace ovl {

namespace {

template <typename T>
std::optional<T> ToOptionalNumber(const Napi::Value& value) {
  if (value.IsNull()) return std::nullopt;
  return static_cast<T>(ToUint64(value));
}

bool ToFlag(const Napi::Value& value) { return value.As<Napi::Boolean>().Value(); }

// 0, 1, 2 in the order of MountInterface.
MountInterface ToInterface(const Napi::Value& value) {
  return static_cast<MountInterface>(ToUint64(value));
}

Napi::Value FromMade(Napi::Env env, MadeMount& made) {
  auto object = Napi::Object::New(env);
  object.Set("path", FromBytes(env, made.path));
  object.Set("mountId", Napi::BigInt::New(env, made.id));
  return object;
}

// (source, target, recursive, change, interface, sync)
Napi::Value CallBindMount(const Napi::CallbackInfo& info) {
  BindSpec spec;
  spec.source = ToBytes(info[0]);
  spec.target = ToBytes(info[1]);
  spec.recursive = ToFlag(info[2]);
  spec.change = ToAttributeChange(info[3]);
  spec.interface = ToInterface(info[4]);
  return Run<MadeMount>(
      info.Env(), ToFlag(info[5]), [spec = std::move(spec)] { return BindMount(spec); }, FromMade);
}

// (target, {size, inodes, mode, uid, gid}, change, interface, sync)
Napi::Value CallMountTmpfs(const Napi::CallbackInfo& info) {
  TmpfsSpec spec;
  spec.target = ToBytes(info[0]);
  const auto from = info[1].As<Napi::Object>();
  spec.size = ToOptionalNumber<uint64_t>(from.Get("size"));
  spec.inodes = ToOptionalNumber<uint64_t>(from.Get("inodes"));
  spec.mode = ToOptionalNumber<uint32_t>(from.Get("mode"));
  spec.uid = ToOptionalNumber<uint32_t>(from.Get("uid"));
  spec.gid = ToOptionalNumber<uint32_t>(from.Get("gid"));
  spec.change = ToAttributeChange(info[2]);
  spec.interface = ToInterface(info[3]);
  return Run<MadeMount>(
      info.Env(), ToFlag(info[4]), [spec = std::move(spec)] { return MountTmpfs(spec); }, FromMade);
}

// (source, target, beneath, interface, sync)
Napi::Value CallMoveMountPoint(const Napi::CallbackInfo& info) {
  MoveSpec spec;
  spec.source = ToBytes(info[0]);
  spec.target = ToBytes(info[1]);
  spec.beneath = ToFlag(info[2]);
  spec.interface = ToInterface(info[3]);
  return RunStatus(info.Env(), ToFlag(info[4]),
                   [spec = std::move(spec)] { return MoveMountPoint(spec); });
}

// (target, recursive, change, interface, sync)
Napi::Value CallChangeMount(const Napi::CallbackInfo& info) {
  ChangeSpec spec;
  spec.target = ToBytes(info[0]);
  spec.recursive = ToFlag(info[1]);
  spec.change = ToAttributeChange(info[2]);
  spec.interface = ToInterface(info[3]);
  return RunStatus(info.Env(), ToFlag(info[4]),
                   [spec = std::move(spec)] { return ChangeMount(spec); });
}

}  // namespace

void ExportMountCalls(Napi::Env env, Napi::Object exports) {
  exports.Set("bindMount", Napi::Function::New(env, CallBindMount));
  exports.Set("mountTmpfs", Napi::Function::New(env, CallMountTmpfs));
  exports.Set("moveMountPoint", Napi::Function::New(env, CallMoveMountPoint));
  exports.Set("changeMount", Napi::Function::New(env, CallChangeMount));
}

}  // namespace ovl
