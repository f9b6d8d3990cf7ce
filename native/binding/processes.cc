// Programs on detached overlays.
#include <fcntl.h>
#include <napi.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/program.h"
#include "binding/work.h"
#include "core/sys_pidfd.h"
#include "core/view_process.h"

namespace ovl {

namespace {

// What JavaScript holds of a program. After its end was told the descriptor is closed.
struct Program {
  explicit Program(UniqueFd fd) : pidfd(std::move(fd)) {}
  UniqueFd pidfd;
};

// The work is done in another thread, and by then JavaScript may have closed what it named.
class Start {
 public:
  explicit Start(const Napi::Object& from) {
    ReadProgram(from, spec_);
    spec_.mount = Hold(from.Get("mount"));
    spec_.user_namespace = Hold(from.Get("userNamespace"));
    spec_.at = ToBytes(from.Get("at"));
    const auto stdio = from.Get("stdio").As<Napi::Array>();
    for (uint32_t i = 0; i < spec_.stdio.size(); ++i) spec_.stdio[i] = Hold(stdio.Get(i));
  }

  Result<ViewProcess> operator()() const {
    if (failure_) return *failure_;
    return StartInView(spec_);
  }

 private:
  // Negative numbers stand for something else than a descriptor.
  int Hold(const Napi::Value& value) {
    const int fd = value.As<Napi::Number>().Int32Value();
    if (fd < 0) return fd;
    held_.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!held_.back()) failure_ = Errno("fcntl", "descriptor " + std::to_string(fd));
    return held_.back().get();
  }

  ViewProcessSpec spec_;
  std::vector<UniqueFd> held_;
  std::optional<Failure> failure_;
};

Napi::Value FromProcess(Napi::Env env, ViewProcess& process) {
  auto object = Napi::Object::New(env);
  object.Set("pid", process.pid);
  object.Set("pidfd", process.pidfd.get());
  auto pipes = Napi::Array::New(env, process.pipes.size());
  for (size_t i = 0; i < process.pipes.size(); ++i) {
    pipes.Set(static_cast<uint32_t>(i), process.pipes[i].Release());
  }
  object.Set("pipes", pipes);
  object.Set("program",
             Handle<Program>::New(env, std::make_shared<Program>(std::move(process.pidfd))));
  return object;
}

Napi::Value FromEnd(Napi::Env env, std::optional<ProcessEnd>& end) {
  if (!end) return env.Null();
  auto object = Napi::Object::New(env);
  object.Set("code", end->code);
  object.Set("signal", end->signal);
  return object;
}

// ({mount, userNamespace, at, file, args, env, cwd, stdio})
Napi::Value CallStartInView(const Napi::CallbackInfo& info) {
  return Run<ViewProcess>(
      info.Env(), false,
      [start = std::make_shared<Start>(info[0].As<Napi::Object>())] { return (*start)(); },
      FromProcess);
}

// (program)
Napi::Value CallReapProgram(const Napi::CallbackInfo& info) {
  const auto program = Handle<Program>::Get(info[0]);
  auto end = WaitPidfd(program->pidfd.get(), Waiting::kNo);
  if (!end.ok() || end.value()) program->pidfd.Reset();
  return Outcome<std::optional<ProcessEnd>>(info.Env(), end, FromEnd);
}

// (program)
Napi::Value CallWaitForProgram(const Napi::CallbackInfo& info) {
  return Run<std::optional<ProcessEnd>>(
      info.Env(), false,
      [program = Handle<Program>::Get(info[0])] {
        auto end = WaitPidfd(program->pidfd.get(), Waiting::kYes);
        program->pidfd.Reset();
        return end;
      },
      FromEnd);
}

// (program, signal)
Napi::Value CallSignalProgram(const Napi::CallbackInfo& info) {
  const auto program = Handle<Program>::Get(info[0]);
  const int signal = info[1].As<Napi::Number>().Int32Value();
  return RunStatus(info.Env(), true,
                   [program, signal] { return PidfdSendSignal(program->pidfd.get(), signal); });
}

}  // namespace

void ExportProcesses(Napi::Env env, Napi::Object exports) {
  exports.Set("startInView", Napi::Function::New(env, CallStartInView));
  exports.Set("reapProgram", Napi::Function::New(env, CallReapProgram));
  exports.Set("waitForProgram", Napi::Function::New(env, CallWaitForProgram));
  exports.Set("signalProgram", Napi::Function::New(env, CallSignalProgram));
}

}  // namespace ovl
