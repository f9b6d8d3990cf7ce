#include "binding/fd_watch.h"

#include <fcntl.h>

#include "binding/addon.h"
#include "binding/handle.h"
#include "binding/work.h"

namespace ovl {

Result<std::shared_ptr<FdWatch>> FdWatch::Start(Napi::Env env, const Wish& wish,
                                                const Napi::Function& callback) {
  // Not uv_default_loop: a worker has a loop of its own.
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) {
    return Refusal(ENOSYS, "epoll_ctl", "no-event-loop");
  }
  UniqueFd fd(::fcntl(wish.fd, F_DUPFD_CLOEXEC, 0));
  if (!fd) return Errno("fcntl");
  // The size is asked for at run time: one binary serves every Node.js, with the libuv of each.
  PollHandle poll(static_cast<uv_poll_t*>(std::calloc(1, uv_handle_size(UV_POLL))), &std::free);
  if (!poll) return Errno("malloc");
  const int initialised = uv_poll_init(loop, poll.get(), fd.get());
  if (initialised < 0) return Refusal(-initialised, "epoll_ctl", "");

  const std::shared_ptr<FdWatch> watch(new FdWatch(env, std::move(fd), std::move(poll)));
  watch->self_ = watch;
  watch->poll_->data = watch.get();
  watch->callback_ = Napi::Persistent(callback);
  watch->context_.emplace(env, "overlayfs.watchFd");
  const int started =
      uv_poll_start(watch->poll_.get(), wish.priority ? UV_PRIORITIZED : UV_READABLE, OnEvent);
  if (started < 0) {
    watch->Close();
    return Refusal(-started, "epoll_ctl", "");
  }
  // The loop of an ending environment must be empty before it is torn down, and uv_close has to
  // have called back by then: only a hook of this kind is waited for.
  if (napi_add_async_cleanup_hook(env, OnEnvironmentEnds, watch.get(), &watch->hook_) != napi_ok) {
    watch->Close();
    return Refusal(ENOSYS, "epoll_ctl", "no-event-loop");
  }
  if (!wish.keep_alive) uv_unref(watch->handle());
  return watch;
}

void FdWatch::Close() {
  if (closing_) return;
  closing_ = true;
  callback_.Reset();
  context_.reset();
  uv_close(handle(), OnClosed);
}

void FdWatch::OnClosed(uv_handle_t* poll) {
  const auto watch = std::move(static_cast<FdWatch*>(poll->data)->self_);
  watch->fd_.Reset();
  // In an environment that ends, this is what it has been waiting for.
  if (watch->hook_ != nullptr) (void)napi_remove_async_cleanup_hook(watch->hook_);
}

void FdWatch::OnEnvironmentEnds(napi_async_cleanup_hook_handle /*hook*/, void* watch) {
  static_cast<FdWatch*>(watch)->Close();
}

// An error is told like an event (libuv then stops): whoever looks at the descriptor meets it.
void FdWatch::OnEvent(uv_poll_t* poll, int /*status*/, int /*events*/) {
  const auto watch = static_cast<FdWatch*>(poll->data)->self_;  // the callback may close it
  watch->Call();
}

void FdWatch::Call() {
  const Napi::HandleScope scope(env_);
  napi_value receiver = env_.Global();
  const napi_status called =
      napi_make_callback(env_, *context_, receiver, callback_.Value(), 0, nullptr, nullptr);
  if (called != napi_pending_exception) return;  // or JavaScript may not run any more: it ends
  napi_value thrown = nullptr;
  if (napi_get_and_clear_last_exception(env_, &thrown) != napi_ok) return;
  // Nobody is below us on the stack to take it: an uncaught exception, as from any callback.
  (void)napi_fatal_exception(env_, thrown);
}

namespace {

// What JavaScript holds; unlike a `Handle` it ends the watch when it is collected.
using Holder = std::shared_ptr<FdWatch>;

// (fd, priority, keepAlive, callback)
Napi::Value CallWatchFd(const Napi::CallbackInfo& info) {
  FdWatch::Wish wish;
  wish.fd = info[0].As<Napi::Number>().Int32Value();
  wish.priority = info[1].As<Napi::Boolean>().Value();
  wish.keep_alive = info[2].As<Napi::Boolean>().Value();
  auto watch = FdWatch::Start(info.Env(), wish, info[3].As<Napi::Function>());
  return Outcome<Holder>(info.Env(), watch, [](Napi::Env env, Holder& started) -> Napi::Value {
    auto holder = std::make_unique<Holder>(std::move(started));
    auto value = Napi::External<Holder>::New(env, holder.get(), [](Napi::BasicEnv, Holder* gone) {
      (*gone)->Close();
      delete gone;
    });
    if (value.IsEmpty()) {
      (*holder)->Close();
    } else {
      (void)holder.release();
    }
    return value;
  });
}

// (watch)
Napi::Value CallUnwatchFd(const Napi::CallbackInfo& info) {
  (*info[0].As<Napi::External<Holder>>().Data())->Close();
  return info.Env().Undefined();
}

}  // namespace

void ExportFdWatch(Napi::Env env, Napi::Object exports) {
  exports.Set("watchFd", Napi::Function::New(env, CallWatchFd));
  exports.Set("unwatchFd", Napi::Function::New(env, CallUnwatchFd));
}

}  // namespace ovl
