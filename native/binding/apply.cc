// Applying changes, pulled batch by batch as walks are.
#include "core/apply.h"

#include <napi.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/packed_apply.h"
#include "binding/work.h"
#include "core/work_slice.h"

namespace ovl {

namespace {

// An exiting process and a terminated worker wait this long at most for a job that is running.
constexpr std::chrono::milliseconds kSlice{20};

struct Running {
  explicit Running(std::unique_ptr<Apply> apply) : core(std::move(apply)) {}
  std::unique_ptr<Apply> core;
  CancelFlag cancelled{false};
};

struct Batch {
  std::string bytes;
  bool more = true;
  Apply::Progress progress;
};

using Opened = std::unique_ptr<Apply>;

Napi::Value FromApply(Napi::Env env, Opened& core) {
  return Handle<Running>::New(env, std::make_shared<Running>(std::move(core)));
}

Napi::Value FromBatch(Napi::Env env, Batch& batch) {
  const Apply::Progress& progress = batch.progress;
  auto object = Napi::Object::New(env);
  object.Set("bytes", FromBytes(env, batch.bytes));
  object.Set("more", batch.more);
  object.Set("phase", static_cast<double>(progress.phase));
  object.Set("prepared", static_cast<double>(progress.prepared));
  object.Set("done", static_cast<double>(progress.done));
  object.Set("copied", static_cast<double>(progress.bytes));
  object.Set("refused", progress.refused);
  object.Set("rolledBack", progress.rolled_back);
  return object;
}

ApplyOptions ToOptions(const Napi::Object& given) {
  ApplyOptions options;
  const auto exclude = ToBytesList(given.Get("exclude"));
  const Napi::Value paths = given.Get("paths");
  options.filter = paths.IsNull() ? PathFilter(ToBytesList(given.Get("include")), exclude)
                                  : PathFilter(PathSelection(ToBytesList(paths)), exclude);
  options.conflicts =
      static_cast<Conflicts>(given.Get("conflicts").As<Napi::Number>().Uint32Value());
  const Napi::Value since = given.Get("since");
  if (!since.IsNull()) {
    const auto parts = since.As<Napi::Array>();
    struct timespec time {};
    time.tv_sec = static_cast<time_t>(parts.Get(0U).As<Napi::Number>().Int64Value());
    time.tv_nsec = static_cast<long>(parts.Get(1U).As<Napi::Number>().Int64Value());
    options.since = time;
  }
  options.dry_run = given.Get("dryRun").As<Napi::Boolean>().Value();
  options.keep_going = given.Get("keepGoing").As<Napi::Boolean>().Value();
  options.sync = given.Get("sync").As<Napi::Boolean>().Value();
  options.fingerprint = ToUint64(given.Get("fingerprint"));
  return options;
}

// (layers, to, mounted, options)
Napi::Value CallOpenApply(const Napi::CallbackInfo& info) {
  return Run<Opened>(
      info.Env(), false,
      [layers = Handle<Layers>::Get(info[0]), to = ToOptionalBytes(info[1]),
       mounted = info[2].As<Napi::Boolean>().Value(),
       options = ToOptions(info[3].As<Napi::Object>())]() -> Result<Opened> {
        if (!layers) return Refusal(EBADF, "openat", "closed");
        return Apply::Open(*layers, to, mounted, options);
      },
      FromApply);
}

// (destination, undo, sync)
Napi::Value CallOpenPendingApply(const Napi::CallbackInfo& info) {
  return Run<Opened>(
      info.Env(), false,
      [path = ToBytes(info[0]), undo = info[1].As<Napi::Boolean>().Value(),
       sync = info[2].As<Napi::Boolean>().Value()] {
        return undo ? Apply::Abort(path, sync) : Apply::Resume(path, sync);
      },
      FromApply);
}

// (destination)
Napi::Value CallFindPendingApply(const Napi::CallbackInfo& info) {
  using Found = std::optional<Apply::Pending>;
  return Run<Found>(
      info.Env(), false, [path = ToBytes(info[0])] { return Apply::FindPending(path); },
      [](Napi::Env env, Found& found) -> Napi::Value {
        if (!found) return env.Null();
        auto object = Napi::Object::New(env);
        object.Set("state", static_cast<double>(found->state));
        object.Set("stage", FromBytes(env, found->stage));
        object.Set("changes", static_cast<double>(found->changes));
        object.Set("seconds", static_cast<double>(found->seconds));
        object.Set("nanoseconds", static_cast<double>(found->nanoseconds));
        object.Set("source", FromBytes(env, found->source));
        return object;
      });
}

// (apply)
Napi::Value CallNextApply(const Napi::CallbackInfo& info) {
  return Run<Batch>(
      info.Env(), false,
      [running = Handle<Running>::Get(info[0])]() -> Result<Batch> {
        if (!running) return Refusal(EBADF, "read", "closed");
        PackedApply sink;
        const WorkSlice slice(running->cancelled, kSlice);
        auto more = running->core->Next(slice, sink);
        if (!more.ok()) return std::move(more.failure());
        return Batch{sink.bytes(), more.value(), running->core->progress()};
      },
      FromBatch);
}

void CallRollBackApply(const Napi::CallbackInfo& info) {
  const auto running = Handle<Running>::Get(info[0]);
  if (running) running->core->RollBack();
}

Napi::Value CallCloseApply(const Napi::CallbackInfo& info) {
  return Handle<Running>::Release(info.Env(), info[0], false);
}

}  // namespace

void ExportApply(Napi::Env env, Napi::Object exports) {
  exports.Set("openApply", Napi::Function::New(env, CallOpenApply));
  exports.Set("openPendingApply", Napi::Function::New(env, CallOpenPendingApply));
  exports.Set("findPendingApply", Napi::Function::New(env, CallFindPendingApply));
  exports.Set("nextApply", Napi::Function::New(env, CallNextApply));
  exports.Set("rollBackApply", Napi::Function::New(env, CallRollBackApply));
  exports.Set("closeApply", Napi::Function::New(env, CallCloseApply));
}

}  // namespace ovl
