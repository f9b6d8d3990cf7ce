// Objects of the core that JavaScript holds on to.
#ifndef OVL_BINDING_HANDLE_H_
#define OVL_BINDING_HANDLE_H_

#include <napi.h>

#include <memory>
#include <mutex>
#include <utility>

#include "binding/work.h"

namespace ovl {

// Lets go of an object in the pool.
class Burial final : public Napi::AsyncWorker {
 public:
  Burial(Napi::Env env, std::shared_ptr<void> object)
      : Napi::AsyncWorker(env, "overlayfs"), object_(std::move(object)) {}
  void Execute() override { object_.reset(); }

 private:
  std::shared_ptr<void> object_;
};

// Whether an environment is coming to its end, after which nothing can be queued any more.
std::shared_ptr<const bool> EnvironmentEnds(Napi::Env env);

// What JavaScript holds is a reference that can be let go of early (closing), while queued work
// that still uses the object has one of its own.
template <typename T>
class Handle {
 public:
  // What is collected and was never closed ends in the pool as well, for the same reason.
  static Napi::Value New(Napi::Env env, std::shared_ptr<T> object) {
    auto holder = std::make_unique<Holder>(
        Holder{std::make_shared<Slot>(std::move(object)), EnvironmentEnds(env)});
    auto value = Napi::External<Holder>::New(env, holder.get(), Finalize);
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
    return [slot = SlotOf(value)] { slot->Take().reset(); };
  }

 private:
  class Slot {
   public:
    explicit Slot(std::shared_ptr<T> object) : object_(std::move(object)) {}
    std::shared_ptr<T> Copy() {
      const std::lock_guard lock(mutex_);
      return object_;
    }
    // It ends with what is returned, not under the lock that the event loop may be waiting for.
    std::shared_ptr<T> Take() {
      const std::lock_guard lock(mutex_);
      return std::exchange(object_, nullptr);
    }

   private:
    std::mutex mutex_;
    std::shared_ptr<T> object_;
  };
  struct Holder {
    std::shared_ptr<Slot> slot;
    std::shared_ptr<const bool> environment_ends;
  };

  static std::shared_ptr<Slot> SlotOf(const Napi::Value& value) {
    return value.As<Napi::External<Holder>>().Data()->slot;
  }

  static void Finalize(Napi::Env env, Holder* holder) {
    const std::unique_ptr<Holder> gone(holder);
    // Queued work has a reference of its own, and ends the object itself.
    auto object = gone->slot->Take();
    if (!object || object.use_count() > 1 || *gone->environment_ends) return;
    (new Burial(env, std::move(object)))->Queue();  // deletes itself
  }
};

}  // namespace ovl

#endif  // OVL_BINDING_HANDLE_H_
