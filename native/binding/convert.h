// Between JavaScript values and the core's: no decisions, and everything that crosses is copied.
#ifndef OVL_BINDING_CONVERT_H_
#define OVL_BINDING_CONVERT_H_

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sys_mount_tree.h"

namespace ovl {

// The library passes every path as a Buffer and absent values as null.
std::string ToBytes(const Napi::Value& value);
std::optional<std::string> ToOptionalBytes(const Napi::Value& value);
std::vector<std::string> ToBytesList(const Napi::Value& value);
// Numbers that lib/ has checked; exact up to 2^53.
uint64_t ToUint64(const Napi::Value& value);
// {set, clear, propagation, usernsFd}
MountAttributeChange ToAttributeChange(const Napi::Value& value);

Napi::Value FromBytes(Napi::Env env, const std::string& bytes);
Napi::Value FromOptionalBytes(Napi::Env env, const std::optional<std::string>& bytes);
Napi::Array FromBytesList(Napi::Env env, const std::vector<std::string>& list);

// {errno, syscall, path, dest, reason, detail, log}; lib/ makes the error of it, so that the stack
// is the caller's.
Napi::Object FromFailure(Napi::Env env, const Failure& failure);

}  // namespace ovl

#endif  // OVL_BINDING_CONVERT_H_
