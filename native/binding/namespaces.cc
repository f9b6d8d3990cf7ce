// User namespaces with an ordinary user's subordinate ids, and what is done in them.
#include <linux/capability.h>
#include <napi.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/program.h"
#include "binding/work.h"
#include "core/foreign_entries.h"
#include "core/mapped_namespace.h"
#include "core/namespace_program.h"
#include "core/namespace_work.h"
#include "core/owner_text.h"
#include "core/sys_privilege.h"
#include "core/tree_removal.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

// (search, milliseconds)
Napi::Value CallMakeMappedNamespace(const Napi::CallbackInfo& info) {
  auto search = ToBytes(info[0]);
  const int milliseconds = info[1].As<Napi::Number>().Int32Value();
  return Run<UniqueFd>(
      info.Env(), false,
      [search = std::move(search), milliseconds] {
        return MakeMappedNamespace(search, milliseconds);
      },
      [](Napi::Env env, UniqueFd& fd) {
        return Handle<UniqueFd>::New(env, std::make_shared<UniqueFd>(std::move(fd)));
      });
}

// (namespace)
Napi::Value CallReleaseNamespace(const Napi::CallbackInfo& info) {
  return Handle<UniqueFd>::Release(info.Env(), info[0], true);
}

// (namespace, path)
Napi::Value CallRemoveTreeIn(const Napi::CallbackInfo& info) {
  auto path = ToBytes(info[1]);
  return RunStatus(
      info.Env(), false, [user_namespace = Handle<UniqueFd>::Get(info[0]), path = std::move(path)] {
        return WorkInUserNamespace(user_namespace->get(), [&path] { return RemoveTree(path); });
      });
}

// (namespace, {file, args, env, cwd, stdio})
Napi::Value CallRunInNamespace(const Napi::CallbackInfo& info) {
  ProgramSpec spec;
  const auto from = info[1].As<Napi::Object>();
  ReadProgram(from, spec);
  const auto stdio = from.Get("stdio").As<Napi::Array>();
  for (uint32_t i = 0; i < spec.stdio.size(); ++i) {
    spec.stdio[i] = stdio.Get(i).As<Napi::Number>().Int32Value();
  }
  return Run<ProcessEnd>(
      info.Env(), false,
      [user_namespace = Handle<UniqueFd>::Get(info[0]), spec = std::move(spec)] {
        return RunInUserNamespace(user_namespace->get(), spec);
      },
      [](Napi::Env env, ProcessEnd& end) -> Napi::Value {
        auto object = Napi::Object::New(env);
        object.Set("code", end.code);
        object.Set("signal", end.signal);
        return object;
      });
}

Napi::Value CallMayChown(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), HasCapability(CAP_CHOWN));
}

// (path)
Napi::Value CallFindForeignEntry(const Napi::CallbackInfo& info) {
  auto path = ToBytes(info[0]);
  return Run<std::optional<ForeignEntry>>(
      info.Env(), false, [path = std::move(path)] { return FindForeignEntry(path); },
      [](Napi::Env env, std::optional<ForeignEntry>& found) -> Napi::Value {
        if (!found) return env.Null();
        auto object = Napi::Object::New(env);
        object.Set("path", FromBytes(env, found->path));
        object.Set("owner", OwnerText(found->uid, found->gid));
        return object;
      });
}

}  // namespace

void ExportNamespaces(Napi::Env env, Napi::Object exports) {
  exports.Set("makeMappedNamespace", Napi::Function::New(env, CallMakeMappedNamespace));
  exports.Set("releaseNamespace", Napi::Function::New(env, CallReleaseNamespace));
  exports.Set("removeTreeIn", Napi::Function::New(env, CallRemoveTreeIn));
  exports.Set("runInNamespace", Napi::Function::New(env, CallRunInNamespace));
  exports.Set("mayChown", Napi::Function::New(env, CallMayChown));
  exports.Set("findForeignEntry", Napi::Function::New(env, CallFindForeignEntry));
}

}  // namespace ovl
