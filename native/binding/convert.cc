#include "binding/convert.h"

namespace ovl {

std::string ToBytes(const Napi::Value& value) {
  const auto buffer = value.As<Napi::Buffer<char>>();
  return std::string(buffer.Data(), buffer.Length());
}

std::optional<std::string> ToOptionalBytes(const Napi::Value& value) {
  if (value.IsNull()) return std::nullopt;
  return ToBytes(value);
}

std::vector<std::string> ToBytesList(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> list;
  for (uint32_t i = 0; i < array.Length(); ++i) list.push_back(ToBytes(array.Get(i)));
  return list;
}

uint64_t ToUint64(const Napi::Value& value) {
  return static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
}

MountAttributeChange ToAttributeChange(const Napi::Value& value) {
  const auto from = value.As<Napi::Object>();
  MountAttributeChange change;
  change.set = ToUint64(from.Get("set"));
  change.clear = ToUint64(from.Get("clear"));
  change.propagation = ToUint64(from.Get("propagation"));
  change.userns_fd = ToUint64(from.Get("usernsFd"));
  return change;
}

Napi::Value FromBytes(Napi::Env env, const std::string& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

Napi::Value FromOptionalBytes(Napi::Env env, const std::optional<std::string>& bytes) {
  return bytes ? FromBytes(env, *bytes) : env.Null();
}

Napi::Array FromBytesList(Napi::Env env, const std::vector<std::string>& list) {
  auto array = Napi::Array::New(env, list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), FromBytes(env, list[i]));
  }
  return array;
}

Napi::Object FromFailure(Napi::Env env, const Failure& failure) {
  auto object = Napi::Object::New(env);
  object.Set("errno", failure.err);
  object.Set("syscall", failure.call);
  object.Set("path", failure.path.empty() ? env.Null() : FromBytes(env, failure.path));
  object.Set("dest", failure.dest.empty() ? env.Null() : FromBytes(env, failure.dest));
  object.Set("reason", failure.reason);
  object.Set("detail", FromBytes(env, failure.detail));
  object.Set("log", FromBytesList(env, failure.log));
  return object;
}

}  // namespace ovl
