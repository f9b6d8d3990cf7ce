// Objects of the core that JavaScript holds on to.
#ifndef OVL_BINDING_HANDLE_H_
#define OVL_BINDING_HANDLE_H_

#include <napi.h>

#include <memory>
#include <utility>

#include "binding/work.h"

namespace ovl {

// What JavaScript holds is a reference that can be let go of early (closing), while queued work
// that still uses the object has one of its own.
template <typename T>
class Handle {
 public:
  static Napi::Value New(Napi::Env env, std::shared_ptr<T> object) {
    auto holder = std::make_unique<std::shared_ptr<T>>(std::move(object));
    auto value = Napi::External<std::shared_ptr<T>>::New(
        env, holder.get(), [](Napi::BasicEnv, std::shared_ptr<T>* gone) { delete gone; });
    if (!value.IsEmpty()) (void)holder.release();  // else there is none, and nobody to delete it
    return value;
  }
  static std::shared_ptr<T> Get(const Napi::Value& value) { return Holder(value); }
  // Lets go of the object in the pool: its last descriptors may be those of a whole filesystem, and
  // its memory may be much. The event loop is not the place for either.
  static Napi::Value Release(Napi::Env env, const Napi::Value& value, bool sync) {
    return RunStatus(env, sync, [gone = std::move(Holder(value))]() mutable -> Status {
      gone.reset();
      return Done{};
    });
  }

 private:
  static std::shared_ptr<T>& Holder(const Napi::Value& value) {
    return *value.As<Napi::External<std::shared_ptr<T>>>().Data();
  }
};

}  // namespace ovl

#endif  // OVL_BINDING_HANDLE_H_
