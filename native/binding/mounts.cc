// Mounting, unmounting and the table of mounts.
#include <napi.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/spec.h"
#include "binding/work.h"
#include "core/mount_table.h"
#include "core/overlay_mount.h"
#include "core/overlay_options.h"
#include "core/overlay_unmount.h"
#include "core/sys_mount.h"
#include "core/sys_privilege.h"

namespace ovl {

namespace {

// What identifies a mount of ours when it is to be unmounted.
struct OwnMount {
  OwnMount(std::string place, const MountIds& mount) : target(std::move(place)), ids(mount) {}
  std::string target;
  MountIds ids;
  // Looking and unmounting are two calls: of two closings at a time the second would take off what
  // lies beneath.
  std::mutex closing;
};

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

Napi::Value FromMounted(Napi::Env env, MountedOverlay& mounted) {
  auto object = Napi::Object::New(env);
  object.Set("target", FromBytes(env, mounted.target));
  object.Set("work", FromOptionalBytes(env, mounted.work));
  object.Set("mountId", Napi::BigInt::New(env, mounted.ids.identity.id));
  object.Set("userxattr", mounted.layers.marks.space() == MarkerSpace::kUser);
  auto warnings = Napi::Array::New(env, mounted.warnings.size());
  for (size_t i = 0; i < mounted.warnings.size(); ++i) {
    warnings.Set(static_cast<uint32_t>(i), mounted.warnings[i]);
  }
  object.Set("warnings", warnings);
  object.Set("mount",
             Handle<OwnMount>::New(env, std::make_shared<OwnMount>(mounted.target, mounted.ids)));
  object.Set("layers",
             Handle<Layers>::New(env, std::make_shared<Layers>(std::move(mounted.layers))));
  return object;
}

// ({lower, upper, work, target, userxattr}, sync)
Napi::Value CallMountOverlay(const Napi::CallbackInfo& info) {
  OverlaySpec spec = ToSpec(info[0].As<Napi::Object>());
  return Run<MountedOverlay>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [spec = std::move(spec)] { return MountOverlay(spec); }, FromMounted);
}

// (mount, flags, sync)
Napi::Value CallUnmountOwn(const Napi::CallbackInfo& info) {
  auto mount = Handle<OwnMount>::Get(info[0]);
  const int flags = info[1].As<Napi::Number>().Int32Value();
  return RunStatus(info.Env(), info[2].As<Napi::Boolean>().Value(),
                   [mount = std::move(mount), flags] {
                     const std::lock_guard lock(mount->closing);
                     return UnmountExactly(mount->target, mount->ids, flags);
                   });
}

// (target, flags, any, sync)
Napi::Value CallUnmountAt(const Napi::CallbackInfo& info) {
  auto target = ToBytes(info[0]);
  const int flags = info[1].As<Napi::Number>().Int32Value();
  const bool any = info[2].As<Napi::Boolean>().Value();
  return RunStatus(
      info.Env(), info[3].As<Napi::Boolean>().Value(),
      [target = std::move(target), flags, any] { return UnmountAt(target, flags, any); });
}

struct ListedOverlay {
  MountEntry entry;
  OverlayOptions options;
};

Napi::Value FromListed(Napi::Env env, const ListedOverlay& listed) {
  auto object = Napi::Object::New(env);
  object.Set("target", FromBytes(env, listed.entry.target));
  object.Set("source", FromBytes(env, listed.entry.source));
  object.Set("mountId", static_cast<double>(listed.entry.id));
  object.Set("parentId", static_cast<double>(listed.entry.parent));
  object.Set("mountOptions", FromBytes(env, listed.entry.mount_options));
  object.Set("superOptions", FromBytes(env, listed.entry.super_options));
  object.Set("lower", FromBytesList(env, listed.options.lower));
  object.Set("dataLower", FromBytesList(env, listed.options.data_only));
  object.Set("upper", FromOptionalBytes(env, listed.options.upper));
  object.Set("work", FromOptionalBytes(env, listed.options.work));
  object.Set("userxattr", listed.options.userxattr);
  object.Set("options", FromBytesList(env, listed.options.rest));
  return object;
}

// (sync)
Napi::Value CallListOverlays(const Napi::CallbackInfo& info) {
  using List = std::vector<ListedOverlay>;
  return Run<List>(
      info.Env(), info[0].As<Napi::Boolean>().Value(),
      []() -> Result<List> {
        auto table = ReadMountTable();
        if (!table.ok()) return std::move(table.failure());
        List list;
        for (MountEntry& entry : table.value()) {
          if (entry.fstype != "overlay") continue;
          auto options = ParseOverlayOptions(entry.super_options);
          list.push_back(ListedOverlay{std::move(entry), std::move(options)});
        }
        return list;
      },
      [](Napi::Env env, List& list) -> Napi::Value {
        auto array = Napi::Array::New(env, list.size());
        for (size_t i = 0; i < list.size(); ++i) {
          array.Set(static_cast<uint32_t>(i), FromListed(env, list[i]));
        }
        return array;
      });
}

Napi::Value CallCanReadTrusted(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), CanReadTrustedXattrs());
}

}  // namespace

void ExportMounts(Napi::Env env, Napi::Object exports) {
  exports.Set("mount", Napi::Function::New(env, CallMount));
  exports.Set("umount", Napi::Function::New(env, CallUmount));
  exports.Set("mountOverlay", Napi::Function::New(env, CallMountOverlay));
  exports.Set("unmountOwn", Napi::Function::New(env, CallUnmountOwn));
  exports.Set("unmountAt", Napi::Function::New(env, CallUnmountAt));
  exports.Set("listOverlays", Napi::Function::New(env, CallListOverlays));
  exports.Set("canReadTrusted", Napi::Function::New(env, CallCanReadTrusted));
}

}  // namespace ovl
