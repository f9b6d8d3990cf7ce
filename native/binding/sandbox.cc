// Programs in a sandbox.
#include <fcntl.h>
#include <napi.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/program.h"
#include "binding/work.h"
#include "core/sandbox_process.h"
#include "core/signal_relay.h"
#include "core/sys_pidfd.h"

namespace ovl {

namespace {

// Letting go of it ends everything in the sandbox.
struct Sandboxed {
  explicit Sandboxed(SandboxProcess& process)
      : pidfd(std::move(process.pidfd)), reports(std::move(process.reports)) {}
  UniqueFd pidfd;
  UniqueFd reports;
};

int ToInt(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }

SandboxSpec ToSandboxSpec(const Napi::Object& from) {
  SandboxSpec spec;
  ReadProgram(from, spec);
  const auto mounts = from.Get("mounts").As<Napi::Array>();
  for (uint32_t i = 0; i < mounts.Length(); ++i) {
    const auto mount = mounts.Get(i).As<Napi::Object>();
    spec.mounts.push_back({ToInt(mount.Get("mount")), ToBytes(mount.Get("at"))});
  }
  spec.user_namespace = ToInt(from.Get("userNamespace"));
  const auto kept = from.Get("kept").As<Napi::Array>();
  for (uint32_t i = 0; i < kept.Length(); ++i) spec.kept.push_back(ToInt(kept.Get(i)));
  spec.grace = ToInt(from.Get("grace"));
  spec.network = from.Get("network").As<Napi::Boolean>();
  const auto stdio = from.Get("stdio").As<Napi::Array>();
  for (uint32_t i = 0; i < spec.stdio.size(); ++i) spec.stdio[i] = ToInt(stdio.Get(i));
  return spec;
}

Napi::Value FromSandboxProcess(Napi::Env env, SandboxProcess& process) {
  auto object = Napi::Object::New(env);
  object.Set("pid", process.pid);
  object.Set("reports", process.reports.get());
  auto pipes = Napi::Array::New(env, process.pipes.size());
  for (size_t i = 0; i < process.pipes.size(); ++i) {
    pipes.Set(static_cast<uint32_t>(i), process.pipes[i].Release());
  }
  object.Set("pipes", pipes);
  object.Set("program", Handle<Sandboxed>::New(env, std::make_shared<Sandboxed>(process)));
  return object;
}

// ({mounts, userNamespace, network, file, args, env, cwd, stdio, kept, grace}). Blocks as
// child_process.spawn does: until the program has been executed.
Napi::Value CallStartInSandbox(const Napi::CallbackInfo& info) {
  auto started = StartInSandbox(ToSandboxSpec(info[0].As<Napi::Object>()));
  return Outcome<SandboxProcess>(info.Env(), started, FromSandboxProcess);
}

// (program)
Napi::Value CallSandboxReport(const Napi::CallbackInfo& info) {
  const auto program = Handle<Sandboxed>::Get(info[0]);
  auto report = ReadReport(program->reports.get());
  return Outcome<SandboxReport>(info.Env(), report,
                                [](Napi::Env env, SandboxReport& said) -> Napi::Value {
                                  auto object = Napi::Object::New(env);
                                  object.Set("kind", static_cast<int>(said.kind));
                                  object.Set("code", said.end.code);
                                  object.Set("signal", said.end.signal);
                                  return object;
                                });
}

// (program, signal)
Napi::Value CallSignalSandboxed(const Napi::CallbackInfo& info) {
  const auto program = Handle<Sandboxed>::Get(info[0]);
  const int signal = ToInt(info[1]);
  return RunStatus(info.Env(), true,
                   [program, signal] { return PidfdSendSignal(program->pidfd.get(), signal); });
}

// (program). Its reports go on until everything is gone.
Napi::Value CallEndSandboxed(const Napi::CallbackInfo& info) {
  const auto program = Handle<Sandboxed>::Get(info[0]);
  return RunStatus(info.Env(), true, [program] { return EndSandbox(program->reports.get()); });
}

// (program). Once everything is gone: its descriptors are not left to the garbage collector.
Napi::Value CallReleaseSandboxed(const Napi::CallbackInfo& info) {
  return Handle<Sandboxed>::Release(info.Env(), info[0], true);
}

// (signals)
Napi::Value CallStartRelay(const Napi::CallbackInfo& info) {
  std::vector<int> signals;
  const auto list = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) signals.push_back(ToInt(list.Get(i)));
  return RunStatus(info.Env(), true, [&] { return StartRelay(signals); });
}

// (program)
Napi::Value CallAimRelay(const Napi::CallbackInfo& info) {
  AimRelay(Handle<Sandboxed>::Get(info[0])->pidfd.get());
  return info.Env().Undefined();
}

Napi::Value CallStopRelay(const Napi::CallbackInfo& info) {
  StopRelay();
  return info.Env().Undefined();
}

}  // namespace

void ExportSandbox(Napi::Env env, Napi::Object exports) {
  exports.Set("startInSandbox", Napi::Function::New(env, CallStartInSandbox));
  exports.Set("sandboxReport", Napi::Function::New(env, CallSandboxReport));
  exports.Set("signalSandboxed", Napi::Function::New(env, CallSignalSandboxed));
  exports.Set("endSandboxed", Napi::Function::New(env, CallEndSandboxed));
  exports.Set("releaseSandboxed", Napi::Function::New(env, CallReleaseSandboxed));
  exports.Set("startRelay", Napi::Function::New(env, CallStartRelay));
  exports.Set("aimRelay", Napi::Function::New(env, CallAimRelay));
  exports.Set("stopRelay", Napi::Function::New(env, CallStopRelay));
}

}  // namespace ovl
