// One unit of work of the core, run in the pool for a promise or at once for a blocking call.
#ifndef OVL_BINDING_WORK_H_
#define OVL_BINDING_WORK_H_

#include <napi.h>

#include <functional>
#include <optional>
#include <utility>

#include "binding/convert.h"
#include "core/result.h"

namespace ovl {

// What settles either way: {value} or {failure}.
template <typename T>
Napi::Object Outcome(Napi::Env env, Result<T>& result,
                     const std::function<Napi::Value(Napi::Env, T&)>& convert) {
  auto outcome = Napi::Object::New(env);
  if (result.ok()) {
    outcome.Set("value", convert(env, result.value()));
  } else {
    outcome.Set("failure", FromFailure(env, result.failure()));
  }
  return outcome;
}

template <typename T>
class PromiseWork final : public Napi::AsyncWorker {
 public:
  PromiseWork(Napi::Env env, std::function<Result<T>()> work,
              std::function<Napi::Value(Napi::Env, T&)> convert)
      : Napi::AsyncWorker(env, "overlayfs"),
        deferred_(Napi::Promise::Deferred::New(env)),
        work_(std::move(work)),
        convert_(std::move(convert)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }
  void Execute() override {
    result_.emplace(work_());
    work_ = nullptr;  // here, since what it held may take long to let go of
  }
  void OnOK() override { deferred_.Resolve(Outcome<T>(Env(), *result_, convert_)); }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<Result<T>()> work_;
  std::function<Napi::Value(Napi::Env, T&)> convert_;
  std::optional<Result<T>> result_;
};

template <typename T>
Napi::Value Run(Napi::Env env, bool sync, std::function<Result<T>()> work,
                std::function<Napi::Value(Napi::Env, T&)> convert) {
  if (sync) {
    auto result = work();
    return Outcome<T>(env, result, convert);
  }
  auto* queued = new PromiseWork<T>(env, std::move(work), std::move(convert));  // deletes itself
  const auto promise = queued->Promise();
  queued->Queue();
  return promise;
}

inline Napi::Value RunStatus(Napi::Env env, bool sync, std::function<Status()> work) {
  return Run<Done>(env, sync, std::move(work), [](Napi::Env e, Done&) { return e.Undefined(); });
}

}  // namespace ovl

#endif  // OVL_BINDING_WORK_H_
