#include "core/result.h"

namespace ovl {

Failure::Failure() = default;
Failure::Failure(int error, const char* its_call, std::string its_path, std::string its_dest,
                 const char* its_reason)
    : err(error),
      call(its_call),
      path(std::move(its_path)),
      dest(std::move(its_dest)),
      reason(its_reason) {}
Failure::Failure(const Failure& other) = default;
Failure::Failure(Failure&& other) noexcept = default;
Failure& Failure::operator=(const Failure& other) = default;
Failure& Failure::operator=(Failure&& other) noexcept = default;
Failure::~Failure() = default;

Failure Errno(const char* call, std::string path, std::string dest) {
  const int err = errno;
  return {err, call, std::move(path), std::move(dest)};
}

Failure Refusal(int err, const char* call, const char* reason, std::string path, std::string dest) {
  return {err, call, std::move(path), std::move(dest), reason};
}

}  // namespace ovl
