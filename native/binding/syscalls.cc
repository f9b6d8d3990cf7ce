// The newer mount calls, one to one. A descriptor that comes out is a plain number and the
// caller's.
#include <napi.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/work.h"
#include "core/sys_fs_context.h"
#include "core/sys_mount_tree.h"

namespace ovl {

namespace {

int ToFd(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }

uint32_t ToFlags(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

bool ToSync(const Napi::Value& value) { return value.As<Napi::Boolean>().Value(); }

Napi::Value RunOpening(Napi::Env env, bool sync, std::function<Result<UniqueFd>()> work) {
  return Run<UniqueFd>(env, sync, std::move(work), [](Napi::Env e, UniqueFd& fd) -> Napi::Value {
    return Napi::Number::New(e, fd.Release());
  });
}

// The log is read only after a failure: until then it is the caller's to read.
Napi::Value RunOnContext(Napi::Env env, bool sync, int fs, std::function<Status()> work) {
  return RunStatus(env, sync, [fs, work = std::move(work)]() -> Status {
    auto status = work();
    if (status.ok()) return status;
    return WithFsLog(std::move(status.failure()), fs);
  });
}

// (fstype, flags, sync)
Napi::Value CallFsopen(const Napi::CallbackInfo& info) {
  auto fstype = ToBytes(info[0]);
  const uint32_t flags = ToFlags(info[1]);
  return RunOpening(info.Env(), ToSync(info[2]),
                    [fstype = std::move(fstype), flags] { return Fsopen(fstype, flags); });
}

// (fs, key, sync)
Napi::Value CallSetFlag(const Napi::CallbackInfo& info) {
  const int fs = ToFd(info[0]);
  auto key = ToBytes(info[1]);
  return RunOnContext(info.Env(), ToSync(info[2]), fs,
                      [fs, key = std::move(key)] { return FsconfigFlag(fs, key); });
}

// (fs, key, value, sync)
template <Status (*Set)(int, const std::string&, const std::string&)>
Napi::Value CallSetBytes(const Napi::CallbackInfo& info) {
  const int fs = ToFd(info[0]);
  auto key = ToBytes(info[1]);
  auto value = ToBytes(info[2]);
  return RunOnContext(
      info.Env(), ToSync(info[3]), fs,
      [fs, key = std::move(key), value = std::move(value)] { return Set(fs, key, value); });
}

// (fs, key, path, dir, sync)
template <Status (*Set)(int, const std::string&, int, const std::string&)>
Napi::Value CallSetPath(const Napi::CallbackInfo& info) {
  const int fs = ToFd(info[0]);
  auto key = ToBytes(info[1]);
  auto path = ToBytes(info[2]);
  const int dir = ToFd(info[3]);
  return RunOnContext(
      info.Env(), ToSync(info[4]), fs,
      [fs, key = std::move(key), path = std::move(path), dir] { return Set(fs, key, dir, path); });
}

// (fs, key, fd, sync)
Napi::Value CallSetFd(const Napi::CallbackInfo& info) {
  const int fs = ToFd(info[0]);
  auto key = ToBytes(info[1]);
  const int fd = ToFd(info[2]);
  return RunOnContext(info.Env(), ToSync(info[3]), fs,
                      [fs, key = std::move(key), fd] { return FsconfigFd(fs, key, fd); });
}

// (fs, sync)
template <Status (*Command)(int)>
Napi::Value CallCommand(const Napi::CallbackInfo& info) {
  const int fs = ToFd(info[0]);
  return RunOnContext(info.Env(), ToSync(info[1]), fs, [fs] { return Command(fs); });
}

// (fs, flags, attributes, sync)
Napi::Value CallFsmount(const Napi::CallbackInfo& info) {
  const int fs = ToFd(info[0]);
  const uint32_t flags = ToFlags(info[1]);
  const uint32_t attributes = ToFlags(info[2]);
  return RunOpening(info.Env(), ToSync(info[3]), [fs, flags, attributes]() -> Result<UniqueFd> {
    auto mount = Fsmount(fs, attributes, flags);
    if (mount.ok()) return mount;
    return WithFsLog(std::move(mount.failure()), fs);
  });
}

// (dir, path, flags, sync)
template <Result<UniqueFd> (*Open)(int, const std::string&, uint32_t)>
Napi::Value CallOpenAt(const Napi::CallbackInfo& info) {
  const int dir = ToFd(info[0]);
  auto path = ToBytes(info[1]);
  const uint32_t flags = ToFlags(info[2]);
  return RunOpening(info.Env(), ToSync(info[3]),
                    [dir, path = std::move(path), flags] { return Open(dir, path, flags); });
}

// (dir, path, flags, attributes, sync)
Napi::Value CallOpenTreeAttr(const Napi::CallbackInfo& info) {
  const int dir = ToFd(info[0]);
  auto path = ToBytes(info[1]);
  const uint32_t flags = ToFlags(info[2]);
  const auto change = ToAttributeChange(info[3]);
  return RunOpening(info.Env(), ToSync(info[4]), [dir, path = std::move(path), flags, change] {
    return OpenTreeAttr(dir, path, flags, change);
  });
}

// (fromDir, from, toDir, to, flags, sync)
Napi::Value CallMoveMount(const Napi::CallbackInfo& info) {
  const int from_dir = ToFd(info[0]);
  auto from = ToBytes(info[1]);
  const int to_dir = ToFd(info[2]);
  auto to = ToBytes(info[3]);
  const uint32_t flags = ToFlags(info[4]);
  return RunStatus(info.Env(), ToSync(info[5]),
                   [from_dir, from = std::move(from), to_dir, to = std::move(to), flags] {
                     return MoveMountAt(from_dir, from, to_dir, to, flags);
                   });
}

// (dir, path, flags, attributes, sync)
Napi::Value CallMountSetattr(const Napi::CallbackInfo& info) {
  const int dir = ToFd(info[0]);
  auto path = ToBytes(info[1]);
  const uint32_t flags = ToFlags(info[2]);
  const auto change = ToAttributeChange(info[3]);
  return RunStatus(info.Env(), ToSync(info[4]), [dir, path = std::move(path), flags, change] {
    return MountSetattr(dir, path, flags, change);
  });
}

// (fs, sync)
Napi::Value CallReadFsLog(const Napi::CallbackInfo& info) {
  using Log = std::vector<std::string>;
  const int fs = ToFd(info[0]);
  return Run<Log>(
      info.Env(), ToSync(info[1]), [fs] { return ReadFsLogOf(fs); },
      [](Napi::Env env, Log& log) -> Napi::Value { return FromBytesList(env, log); });
}

}  // namespace

void ExportSyscalls(Napi::Env env, Napi::Object exports) {
  const auto set = [&](const char* name, Napi::Value (*call)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, call));
  };
  set("fsopen", CallFsopen);
  set("fsconfigSetFlag", CallSetFlag);
  set("fsconfigSetString", CallSetBytes<FsconfigString>);
  set("fsconfigSetBinary", CallSetBytes<FsconfigBinary>);
  set("fsconfigSetPath", CallSetPath<FsconfigPath>);
  set("fsconfigSetPathEmpty", CallSetPath<FsconfigPathEmpty>);
  set("fsconfigSetFd", CallSetFd);
  set("fsconfigCreate", CallCommand<FsconfigCreate>);
  set("fsconfigCreateExcl", CallCommand<FsconfigCreateExcl>);
  set("fsconfigReconfigure", CallCommand<FsconfigReconfigure>);
  set("fsmount", CallFsmount);
  set("fspick", CallOpenAt<Fspick>);
  set("openTree", CallOpenAt<OpenTree>);
  set("openTreeAttr", CallOpenTreeAttr);
  set("moveMount", CallMoveMount);
  set("mountSetattr", CallMountSetattr);
  set("readFsLog", CallReadFsLog);
}

}  // namespace ovl
