// Unmounting what is named, who holds a mount, and making an overlay forget what it has cached.
#include <napi.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/work.h"
#include "core/mount_holders.h"
#include "core/overlay_refresh.h"
#include "core/overlay_unmount.h"

namespace ovl {

namespace {

constexpr std::chrono::milliseconds kSliceLength{20};

UnmountScope ToScope(const Napi::Value& value) {
  const auto from = value.As<Napi::Object>();
  UnmountScope scope;
  scope.any = from.Get("any").As<Napi::Boolean>().Value();
  scope.recursive = from.Get("recursive").As<Napi::Boolean>().Value();
  scope.all = from.Get("all").As<Napi::Boolean>().Value();
  return scope;
}

using Mounts = std::vector<MountEntry>;

// What was unmounted before a failure is part of the answer, so a failure is no failed call.
Napi::Value FromUnmounted(Napi::Env env, Unmounted& unmounted) {
  auto object = Napi::Object::New(env);
  object.Set("places", FromBytesList(env, unmounted.places));
  object.Set("failure", unmounted.failure ? FromFailure(env, *unmounted.failure) : env.Null());
  object.Set("rest", Handle<Mounts>::New(env, std::make_shared<Mounts>(std::move(unmounted.rest))));
  return object;
}

// (target, flags, {any, recursive, all}, sync)
Napi::Value CallUnmountAt(const Napi::CallbackInfo& info) {
  auto target = ToBytes(info[0]);
  const int flags = info[1].As<Napi::Number>().Int32Value();
  const UnmountScope scope = ToScope(info[2]);
  return Run<Unmounted>(
      info.Env(), info[3].As<Napi::Boolean>().Value(),
      [target = std::move(target), flags, scope] { return UnmountAt(target, flags, scope); },
      FromUnmounted);
}

// (id, flags, {any, recursive, all}, sync)
Napi::Value CallUnmountById(const Napi::CallbackInfo& info) {
  bool lossless = false;  // lib/ has checked the range
  const uint64_t id = info[0].As<Napi::BigInt>().Uint64Value(&lossless);
  const int flags = info[1].As<Napi::Number>().Int32Value();
  const UnmountScope scope = ToScope(info[2]);
  return Run<Unmounted>(
      info.Env(), info[3].As<Napi::Boolean>().Value(),
      [id, flags, scope] { return UnmountById(id, flags, scope); }, FromUnmounted);
}

// (rest, flags, sync)
Napi::Value CallUnmountRest(const Napi::CallbackInfo& info) {
  const int flags = info[1].As<Napi::Number>().Int32Value();
  return Run<Unmounted>(
      info.Env(), info[2].As<Napi::Boolean>().Value(),
      [rest = Handle<Mounts>::Get(info[0]), flags] { return UnmountRest(*rest, flags); },
      FromUnmounted);
}

const char* WordFor(HoldKind kind) {
  switch (kind) {
    case HoldKind::kCwd:
      return "cwd";
    case HoldKind::kRoot:
      return "root";
    case HoldKind::kExe:
      return "exe";
    case HoldKind::kFile:
      return "fd";
    case HoldKind::kMapping:
      return "mapping";
  }
  return "";
}

template <typename T, typename Convert>
Napi::Array FromList(Napi::Env env, const std::vector<T>& list, const Convert& convert) {
  auto array = Napi::Array::New(env, list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), convert(list[i]));
  }
  return array;
}

Napi::Value FromReport(Napi::Env env, const HolderReport& report) {
  const auto from_hold = [env](const Hold& hold) {
    auto object = Napi::Object::New(env);
    object.Set("kind", WordFor(hold.kind));
    object.Set("fd", hold.fd);
    object.Set("path", FromBytes(env, hold.path));
    return object;
  };
  const auto from_holder = [&](const MountHolder& holder) {
    auto object = Napi::Object::New(env);
    object.Set("pid", holder.pid);
    object.Set("command", FromBytes(env, holder.command));
    object.Set("args", FromBytesList(env, holder.args));
    object.Set("holds", FromList(env, holder.holds, from_hold));
    object.Set("omitted", static_cast<double>(holder.omitted));
    object.Set("copy", holder.copy);
    return object;
  };
  const auto from_copy = [env](const MountCopy& copy) {
    auto object = Napi::Object::New(env);
    object.Set("namespace", Napi::BigInt::New(env, copy.mount_namespace));
    object.Set("pid", copy.pid);
    object.Set("command", FromBytes(env, copy.command));
    object.Set("target", FromBytes(env, copy.target));
    return object;
  };
  const auto from_submount = [env](const MountEntry& entry) {
    auto object = Napi::Object::New(env);
    object.Set("mountId", static_cast<double>(entry.id));
    object.Set("fstype", FromBytes(env, entry.fstype));
    object.Set("target", FromBytes(env, entry.target));
    return object;
  };
  auto object = Napi::Object::New(env);
  object.Set("holders", FromList(env, report.holders, from_holder));
  object.Set("submounts", FromList(env, report.submounts, from_submount));
  object.Set("copies", FromList(env, report.copies, from_copy));
  object.Set("unreadable", static_cast<double>(report.unreadable));
  return object;
}

using SearchPtr = std::shared_ptr<HolderSearch>;

// (target, sync)
Napi::Value CallOpenHolders(const Napi::CallbackInfo& info) {
  return Run<SearchPtr>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [target = ToBytes(info[0])]() -> Result<SearchPtr> {
        auto search = HolderSearch::Open(target);
        if (!search.ok()) return std::move(search.failure());
        return SearchPtr(std::move(search.value()));
      },
      [](Napi::Env env, SearchPtr& search) -> Napi::Value {
        return Handle<HolderSearch>::New(env, std::move(search));
      });
}

// (search, sync): null while there is more to do.
Napi::Value CallNextHolders(const Napi::CallbackInfo& info) {
  using Found = std::optional<HolderReport>;
  return Run<Found>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [search = Handle<HolderSearch>::Get(info[0])]() -> Result<Found> {
        const CancelFlag never{false};  // a slice is short enough to wait for
        const auto more = search->Step(WorkSlice(never, kSliceLength));
        if (!more.ok()) return more.failure();
        return more.value() ? Found() : Found(std::move(search->report()));
      },
      [](Napi::Env env, Found& found) -> Napi::Value {
        return found ? FromReport(env, *found) : env.Null();
      });
}

// (target, sync)
Napi::Value CallRefreshOverlay(const Napi::CallbackInfo& info) {
  return RunStatus(info.Env(), info[1].As<Napi::Boolean>().Value(),
                   [target = ToBytes(info[0])] { return RefreshOverlayAt(target); });
}

}  // namespace

void ExportUnmounting(Napi::Env env, Napi::Object exports) {
  exports.Set("unmountAt", Napi::Function::New(env, CallUnmountAt));
  exports.Set("unmountById", Napi::Function::New(env, CallUnmountById));
  exports.Set("unmountRest", Napi::Function::New(env, CallUnmountRest));
  exports.Set("openHolders", Napi::Function::New(env, CallOpenHolders));
  exports.Set("nextHolders", Napi::Function::New(env, CallNextHolders));
  exports.Set("refreshOverlay", Napi::Function::New(env, CallRefreshOverlay));
}

}  // namespace ovl
