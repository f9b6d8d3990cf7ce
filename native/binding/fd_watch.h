// Waiting for a descriptor in libuv's loop: no thread waits, and no interval is asked for.
#ifndef OVL_BINDING_FD_WATCH_H_
#define OVL_BINDING_FD_WATCH_H_

#include <napi.h>
#include <uv.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// Used by the thread of its environment only. It lives until the loop has let go of it, whoever
// still points to it.
class FdWatch {
 public:
  struct Wish {
    int fd = -1;
    bool priority = false;    // UV_PRIORITIZED (POLLPRI), else UV_READABLE
    bool keep_alive = false;  // the loop does not end while this watches
  };

  // The descriptor is duplicated, so that the caller may close his; libuv makes it non-blocking,
  // and that is shared by all its duplicates.
  static Result<std::shared_ptr<FdWatch>> Start(Napi::Env env, const Wish& wish,
                                                const Napi::Function& callback);

  // Never calls back again. May be called any number of times.
  void Close();

 private:
  using PollHandle = std::unique_ptr<uv_poll_t, decltype(&std::free)>;

  FdWatch(Napi::Env env, UniqueFd fd, PollHandle poll)
      : env_(env), fd_(std::move(fd)), poll_(std::move(poll)) {}

  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(poll_.get()); }
  void Call();

  static void OnEvent(uv_poll_t* poll, int status, int events);
  static void OnEnvironmentEnds(napi_async_cleanup_hook_handle hook, void* watch);
  static void OnClosed(uv_handle_t* poll);

  Napi::Env env_;
  UniqueFd fd_;
  PollHandle poll_;
  Napi::FunctionReference callback_;
  std::optional<Napi::AsyncContext> context_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::shared_ptr<FdWatch> self_;  // while the loop has a pointer to it
  bool closing_ = false;
};

}  // namespace ovl

#endif  // OVL_BINDING_FD_WATCH_H_
