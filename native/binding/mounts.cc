// Mounting, and unmounting what was mounted here.
#include <napi.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/spec.h"
#include "binding/work.h"
#include "core/live_overlay.h"
#include "core/overlay_mount.h"
#include "core/overlay_unmount.h"
#include "core/sys_mount.h"
#include "core/sys_privilege.h"

namespace ovl {

namespace {

// (source, target, fstype, flags, data, sync)
Napi::Value CallMount(const Napi::CallbackInfo& info) {
  MountArgs args;
  args.source = ToOptionalBytes(info[0]);
  args.target = ToBytes(info[1]);
  args.fstype = ToOptionalBytes(info[2]);
  args.flags = static_cast<uint64_t>(info[3].As<Napi::Number>().Int64Value());
  args.data = ToOptionalBytes(info[4]);
  return RunStatus(info.Env(), info[5].As<Napi::Boolean>().Value(),
                   [args = std::move(args)] { return Mount(args); });
}

// (target, flags, sync)
Napi::Value CallUmount(const Napi::CallbackInfo& info) {
  auto target = ToBytes(info[0]);
  const int flags = info[1].As<Napi::Number>().Int32Value();
  return RunStatus(info.Env(), info[2].As<Napi::Boolean>().Value(),
                   [target = std::move(target), flags] { return Umount(target, flags); });
}

Napi::Value FromNotices(Napi::Env env, const std::vector<Notice>& notices) {
  auto array = Napi::Array::New(env, notices.size());
  for (size_t i = 0; i < notices.size(); ++i) {
    auto object = Napi::Object::New(env);
    object.Set("reason", notices[i].reason);
    object.Set("path", FromBytes(env, notices[i].path));
    object.Set("dest", FromBytes(env, notices[i].dest));
    object.Set("detail", FromBytes(env, notices[i].detail));
    array.Set(static_cast<uint32_t>(i), object);
  }
  return array;
}

// In the order of NativeMounted in lib/native-mounts.ts: a property by name costs as much as a
// system call.
Napi::Value FromMounted(Napi::Env env, MountedOverlay& mounted) {
  auto array = Napi::Array::New(env, 11);
  uint32_t next = 0;
  const auto add = [&](Napi::Value value) { array.Set(next++, value); };
  add(FromOptionalBytes(env, mounted.target));
  add(FromOptionalBytes(env, mounted.upper));
  add(FromOptionalBytes(env, mounted.work));
  add(Napi::Boolean::New(env, mounted.layers.upper != nullptr));
  add(Napi::BigInt::New(env, mounted.live->ids().identity.id));
  add(Napi::Boolean::New(env, mounted.layers.marks.space() == MarkerSpace::kUser));
  add(Napi::Boolean::New(env, mounted.rootless));
  add(Napi::Number::New(env, static_cast<double>(mounted.interface)));
  add(FromNotices(env, mounted.warnings));
  add(Handle<LiveOverlay>::New(env, std::shared_ptr<LiveOverlay>(std::move(mounted.live))));
  add(Handle<Layers>::New(env, std::make_shared<Layers>(std::move(mounted.layers))));
  return array;
}

// (spec, sync)
Napi::Value CallMountOverlay(const Napi::CallbackInfo& info) {
  return Run<MountedOverlay>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [spec = ToSpec(info[0])] { return MountOverlay(spec); }, FromMounted);
}

// (mount, target, beneath, propagation, sync)
Napi::Value CallAttachOverlay(const Napi::CallbackInfo& info) {
  const bool beneath = info[2].As<Napi::Boolean>().Value();
  const auto propagation = static_cast<uint64_t>(info[3].As<Napi::Number>().Int64Value());
  return Run<std::string>(
      info.Env(), info[4].As<Napi::Boolean>().Value(),
      [mount = Handle<LiveOverlay>::Get(info[0]), target = ToBytes(info[1]), beneath, propagation] {
        return mount->Attach(target, beneath, propagation);
      },
      [](Napi::Env env, std::string& path) { return FromBytes(env, path); });
}

// (mount, layers, lazy, synced, sync): of an overlay that is closed the layers are, too
Napi::Value CallCloseOverlay(const Napi::CallbackInfo& info) {
  CloseRequest request;
  request.lazy = info[2].As<Napi::Boolean>().Value();
  request.sync = info[3].As<Napi::Boolean>().Value();
  auto mount = Handle<LiveOverlay>::Get(info[0]);
  auto close_layers = Handle<Layers>::Releaser(info[1]);
  return RunStatus(info.Env(), info[4].As<Napi::Boolean>().Value(),
                   [mount = std::move(mount), close_layers = std::move(close_layers), request] {
                     auto status = mount->Close(request);
                     if (status.ok()) close_layers();
                     return status;
                   });
}

// (mount, sync)
Napi::Value CallRefreshOwn(const Napi::CallbackInfo& info) {
  return RunStatus(info.Env(), info[1].As<Napi::Boolean>().Value(),
                   [mount = Handle<LiveOverlay>::Get(info[0])] { return mount->Refresh(); });
}

// (mount): -1 where it is not a detached one
Napi::Value CallOverlayFd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Handle<LiveOverlay>::Get(info[0])->mount_fd());
}

// (mount, sync): a descriptor, which is the caller's from then on
Napi::Value CallOpenOverlay(const Napi::CallbackInfo& info) {
  return Run<UniqueFd>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [mount = Handle<LiveOverlay>::Get(info[0])] { return mount->OpenRoot(); },
      [](Napi::Env env, UniqueFd& fd) { return Napi::Number::New(env, fd.Release()); });
}

// (mount)
Napi::Value CallOverlayGone(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Handle<LiveOverlay>::Get(info[0])->gone());
}

// (mount): -1 where it was made in our own
Napi::Value CallOverlayNamespace(const Napi::CallbackInfo& info) {
  const auto user_namespace = Handle<LiveOverlay>::Get(info[0])->user_namespace();
  return Napi::Number::New(info.Env(), user_namespace ? user_namespace->get() : -1);
}

Napi::Value CallCanReadTrusted(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), CanReadTrustedXattrs());
}

Napi::Value CallMayMount(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), MayMount());
}

}  // namespace

void ExportMounts(Napi::Env env, Napi::Object exports) {
  exports.Set("mount", Napi::Function::New(env, CallMount));
  exports.Set("umount", Napi::Function::New(env, CallUmount));
  exports.Set("mountOverlay", Napi::Function::New(env, CallMountOverlay));
  exports.Set("attachOverlay", Napi::Function::New(env, CallAttachOverlay));
  exports.Set("closeOverlay", Napi::Function::New(env, CallCloseOverlay));
  exports.Set("refreshOwn", Napi::Function::New(env, CallRefreshOwn));
  exports.Set("openOverlay", Napi::Function::New(env, CallOpenOverlay));
  exports.Set("overlayGone", Napi::Function::New(env, CallOverlayGone));
  exports.Set("overlayNamespace", Napi::Function::New(env, CallOverlayNamespace));
  exports.Set("overlayFd", Napi::Function::New(env, CallOverlayFd));
  exports.Set("canReadTrusted", Napi::Function::New(env, CallCanReadTrusted));
  exports.Set("mayMount", Napi::Function::New(env, CallMayMount));
}

}  // namespace ovl
