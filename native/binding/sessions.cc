// Sessions on disk: locked, made, written, taken out of use.
#include <napi.h>

#include <functional>
#include <memory>
#include <utility>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/work.h"
#include "core/apply_stage.h"
#include "core/directory_identity.h"
#include "core/session_directory.h"
#include "core/sys_lock.h"
#include "core/tree_removal.h"
#include "core/unique_fd.h"
#include "core/upper_guard.h"

namespace ovl {

namespace {

// (text, durable) from the argument `at` on.
SessionText ToSessionText(const Napi::CallbackInfo& info, size_t at) {
  return {ToBytes(info[at]), info[at + 1].As<Napi::Boolean>().Value()};
}

// A locked directory, as a descriptor that is JavaScript's from now on; -1 where there is none.
Napi::Value RunLocking(Napi::Env env, std::function<Result<UniqueFd>()> work) {
  return Run<UniqueFd>(env, false, std::move(work), [](Napi::Env e, UniqueFd& lock) {
    return Napi::Number::New(e, lock.Release());
  });
}

// (path)
Napi::Value CallLockDirectory(const Napi::CallbackInfo& info) {
  return RunLocking(info.Env(), [path = ToBytes(info[0])] { return LockDirectory(path); });
}

// (fd)
Napi::Value CallLockHolder(const Napi::CallbackInfo& info) {
  const int fd = info[0].As<Napi::Number>().Int32Value();
  return Napi::Number::New(info.Env(), static_cast<double>(LockHolder(fd)));
}

// (draft, places)
Napi::Value CallDraftSession(const Napi::CallbackInfo& info) {
  return RunLocking(info.Env(),
                    [draft = ToBytes(info[0]), places = info[1].As<Napi::Number>().Uint32Value()] {
                      return DraftSession(draft, places);
                    });
}

// (draft, path, text, durable)
Napi::Value CallNameSession(const Napi::CallbackInfo& info) {
  return RunStatus(info.Env(), false,
                   [draft = ToBytes(info[0]), path = ToBytes(info[1]),
                    record = ToSessionText(info, 2)] { return NameSession(draft, path, record); });
}

// (draft, places, path, text, durable)
Napi::Value CallMakeSession(const Napi::CallbackInfo& info) {
  return RunLocking(info.Env(),
                    [draft = ToBytes(info[0]), places = info[1].As<Napi::Number>().Uint32Value(),
                     path = ToBytes(info[2]), record = ToSessionText(info, 3)] {
                      return MakeSession(draft, places, path, record);
                    });
}

// (path, text, durable)
Napi::Value CallWriteSessionText(const Napi::CallbackInfo& info) {
  return RunStatus(info.Env(), false, [path = ToBytes(info[0]), record = ToSessionText(info, 1)] {
    return WriteSessionText(path, record);
  });
}

// (fd): what was given as a descriptor is let go of at the end of the environment as well: a worker
// may be terminated at any moment, and the process goes on.
Napi::Value CallHoldLock(const Napi::CallbackInfo& info) {
  const int fd = info[0].As<Napi::Number>().Int32Value();
  return Handle<UniqueFd>::New(info.Env(), std::make_shared<UniqueFd>(fd));
}

// (lock)
Napi::Value CallReleaseLock(const Napi::CallbackInfo& info) {
  return Handle<UniqueFd>::Release(info.Env(), info[0], false);
}

// (path, retired, lock)
Napi::Value CallRetireSession(const Napi::CallbackInfo& info) {
  return RunStatus(
      info.Env(), false,
      [path = ToBytes(info[0]), retired = ToBytes(info[1]), lock = Handle<UniqueFd>::Get(info[2]),
       release = Handle<UniqueFd>::Releaser(info[2])]() mutable -> Status {
        auto status = RetireSession(path, retired, lock ? lock->get() : -1);
        // In here: the last to close a directory that was removed waits for the disk.
        if (status.ok()) {
          release();
          lock.reset();
        }
        return status;
      });
}

// (upper, work)
Napi::Value CallCheckUpperFree(const Napi::CallbackInfo& info) {
  return RunStatus(info.Env(), false, [upper = ToBytes(info[0]), work = ToBytes(info[1])] {
    return CheckUpperFree(upper, work);
  });
}

struct Looked {
  DirectoryIdentity identity;
  bool pending = false;
};

// (path, sync)
Napi::Value CallLookAtDirectory(const Napi::CallbackInfo& info) {
  return Run<Looked>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [path = ToBytes(info[0])]() -> Result<Looked> {
        auto found = IdentifyDirectory(path);
        if (!found.ok()) return std::move(found.failure());
        const bool pending = ApplyStage::SeemsThere(path);
        return Looked{std::move(found.value()), pending};
      },
      [](Napi::Env env, Looked& looked) {
        auto object = Napi::Object::New(env);
        const auto& [type, filesystem, inode, born, boot] = looked.identity;
        object.Set("type", type);
        object.Set("filesystem", filesystem);
        object.Set("inode", inode);
        object.Set("born", born);
        object.Set("boot", boot);
        object.Set("pending", looked.pending);
        return object;
      });
}

// (path, sync)
Napi::Value CallRemoveTree(const Napi::CallbackInfo& info) {
  return RunStatus(info.Env(), info[1].As<Napi::Boolean>().Value(),
                   [path = ToBytes(info[0])] { return RemoveTree(path); });
}

}  // namespace

void ExportSessions(Napi::Env env, Napi::Object exports) {
  exports.Set("lockDirectory", Napi::Function::New(env, CallLockDirectory));
  exports.Set("holdLock", Napi::Function::New(env, CallHoldLock));
  exports.Set("releaseLock", Napi::Function::New(env, CallReleaseLock));
  exports.Set("lockHolder", Napi::Function::New(env, CallLockHolder));
  exports.Set("draftSession", Napi::Function::New(env, CallDraftSession));
  exports.Set("nameSession", Napi::Function::New(env, CallNameSession));
  exports.Set("makeSession", Napi::Function::New(env, CallMakeSession));
  exports.Set("writeSessionText", Napi::Function::New(env, CallWriteSessionText));
  exports.Set("retireSession", Napi::Function::New(env, CallRetireSession));
  exports.Set("checkUpperFree", Napi::Function::New(env, CallCheckUpperFree));
  exports.Set("lookAtDirectory", Napi::Function::New(env, CallLookAtDirectory));
  exports.Set("removeTree", Napi::Function::New(env, CallRemoveTree));
}

}  // namespace ovl
