// Objects of the core that JavaScript holds on to.
#ifndef OVL_BINDING_HANDLE_H_
#define OVL_BINDING_HANDLE_H_

#include <napi.h>

#include <memory>
#include <mutex>
#include <utility>

#include "binding/work.h"

namespace ovl {

// What JavaScript holds is a reference that can be let go of early (closing), while queued work
// that still uses the object has one of its own.
template <typename T>
class Handle {
 public:
  static Napi::Value New(Napi::Env env, std::shared_ptr<T> object) {
    auto holder = std::make_unique<Holder>(std::make_shared<Slot>(std::move(object)));
    auto value = Napi::External<Holder>::New(env, holder.get(),
                                             [](Napi::BasicEnv, Holder* gone) { delete gone; });
    if (!value.IsEmpty()) (void)holder.release();  // else there is none, and nobody to delete it
    return value;  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): the finalizer deletes it
  }
  static std::shared_ptr<T> Get(const Napi::Value& value) { return SlotOf(value)->Copy(); }
  // Lets go of the object in the pool: its last descriptors may be those of a whole filesystem, and
  // its memory may be much. The event loop is not the place for either.
  static Napi::Value Release(Napi::Env env, const Napi::Value& value, bool sync) {
    return RunStatus(env, sync, [release = Releaser(value)]() -> Status {
      release();
      return Done{};
    });
  }
  // The same as the end of other work, if that goes well; from any thread.
  static auto Releaser(const Napi::Value& value) {
    return [slot = SlotOf(value)] { slot->Clear(); };
  }

 private:
  class Slot {
   public:
    explicit Slot(std::shared_ptr<T> object) : object_(std::move(object)) {}
    std::shared_ptr<T> Copy() {
      const std::lock_guard lock(mutex_);
      return object_;
    }
    void Clear() {
      std::shared_ptr<T> gone;  // ends after the lock, which the event loop may be waiting for
      const std::lock_guard lock(mutex_);
      std::swap(gone, object_);
    }

   private:
    std::mutex mutex_;
    std::shared_ptr<T> object_;
  };
  using Holder = std::shared_ptr<Slot>;

  static Holder SlotOf(const Napi::Value& value) {
    return *value.As<Napi::External<Holder>>().Data();
  }
};

}  // namespace ovl

#endif  // OVL_BINDING_HANDLE_H_
