// Copying an upper, pulled slice by slice as walks are.
#include "core/upper_copy.h"

#include <napi.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/work.h"
#include "core/work_slice.h"

namespace ovl {

namespace {

// An exiting process and a terminated worker wait this long at most for a job that is running, but
// for the last one, which waits for the disk.
constexpr std::chrono::milliseconds kSlice{20};

using Opened = std::unique_ptr<UpperCopy>;

struct Progress {
  bool more = true;
  uint64_t entries = 0;
  uint64_t bytes = 0;
};

// (from, to)
Napi::Value CallOpenUpperCopy(const Napi::CallbackInfo& info) {
  return Run<Opened>(
      info.Env(), false,
      [from = ToBytes(info[0]), to = ToBytes(info[1])] { return UpperCopy::Open(from, to); },
      [](Napi::Env env, Opened& copy) {
        return Handle<UpperCopy>::New(env, std::shared_ptr<UpperCopy>(std::move(copy)));
      });
}

// (copy)
Napi::Value CallNextUpperCopy(const Napi::CallbackInfo& info) {
  return Run<Progress>(
      info.Env(), false,
      [copy = Handle<UpperCopy>::Get(info[0])]() -> Result<Progress> {
        if (!copy) return Refusal(EBADF, "read", "closed");
        const CancelFlag never{false};
        const WorkSlice slice(never, kSlice);
        Progress progress;
        do {
          auto more = copy->Step();
          if (!more.ok()) return std::move(more.failure());
          progress.more = more.value();
        } while (progress.more && !slice.Over());
        progress.entries = copy->entries();
        progress.bytes = copy->bytes();
        return progress;
      },
      [](Napi::Env env, Progress& progress) -> Napi::Value {
        auto object = Napi::Object::New(env);
        object.Set("more", progress.more);
        object.Set("entries", static_cast<double>(progress.entries));
        object.Set("bytes", static_cast<double>(progress.bytes));
        return object;
      });
}

// (copy)
Napi::Value CallCloseUpperCopy(const Napi::CallbackInfo& info) {
  return Handle<UpperCopy>::Release(info.Env(), info[0], false);
}

}  // namespace

void ExportUpperCopy(Napi::Env env, Napi::Object exports) {
  exports.Set("openUpperCopy", Napi::Function::New(env, CallOpenUpperCopy));
  exports.Set("nextUpperCopy", Napi::Function::New(env, CallNextUpperCopy));
  exports.Set("closeUpperCopy", Napi::Function::New(env, CallCloseUpperCopy));
}

}  // namespace ovl
