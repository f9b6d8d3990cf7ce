// statmount(2) and listmount(2), as they are.
#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/work.h"
#include "core/sys_statmount.h"

namespace ovl {

namespace {

uint64_t ToUint64(const Napi::Value& value) {
  bool lossless = false;  // lib/ passes nothing else
  return value.As<Napi::BigInt>().Uint64Value(&lossless);
}

// By the names of struct statmount, what its mask says is there.
Napi::Value FromStat(Napi::Env env, const MountStat& stat) {
  auto object = Napi::Object::New(env);
  const auto number = [&](const char* name, uint32_t value) { object.Set(name, value); };
  const auto big = [&](const char* name, uint64_t value) {
    object.Set(name, Napi::BigInt::New(env, value));
  };
  const auto text = [&](uint64_t bit, const char* name, const std::string& value) {
    if ((stat.mask & bit) != 0) object.Set(name, FromBytes(env, value));
  };
  const auto list = [&](uint64_t bit, const char* name, const std::vector<std::string>& value) {
    if ((stat.mask & bit) != 0) object.Set(name, FromBytesList(env, value));
  };
  // Bits of today's kernels are far from what a number can hold.
  object.Set("mask", static_cast<double>(stat.mask));
  if ((stat.mask & kStatmountSbBasic) != 0) {
    number("sbDevMajor", stat.sb_dev_major);
    number("sbDevMinor", stat.sb_dev_minor);
    big("sbMagic", stat.sb_magic);
    number("sbFlags", stat.sb_flags);
  }
  if ((stat.mask & kStatmountMntBasic) != 0) {
    big("mntId", stat.mnt_id);
    big("mntParentId", stat.mnt_parent_id);
    number("mntIdOld", stat.mnt_id_old);
    number("mntParentIdOld", stat.mnt_parent_id_old);
    big("mntAttr", stat.mnt_attr);
    big("mntPropagation", stat.mnt_propagation);
    big("mntPeerGroup", stat.mnt_peer_group);
    big("mntMaster", stat.mnt_master);
  }
  if ((stat.mask & kStatmountPropagateFrom) != 0) big("propagateFrom", stat.propagate_from);
  text(kStatmountMntRoot, "mntRoot", stat.mnt_root);
  text(kStatmountMntPoint, "mntPoint", stat.mnt_point);
  text(kStatmountFsType, "fsType", stat.fs_type);
  if ((stat.mask & kStatmountMntNsId) != 0) big("mntNsId", stat.mnt_ns_id);
  text(kStatmountMntOpts, "mntOpts", stat.mnt_opts);
  text(kStatmountFsSubtype, "fsSubtype", stat.fs_subtype);
  text(kStatmountSbSource, "sbSource", stat.sb_source);
  list(kStatmountOptArray, "optArray", stat.opt_array);
  list(kStatmountOptSecArray, "optSecArray", stat.opt_sec_array);
  if ((stat.mask & kStatmountSupportedMask) != 0) big("supportedMask", stat.supported_mask);
  list(kStatmountMntUidmap, "mntUidmap", stat.mnt_uidmap);
  list(kStatmountMntGidmap, "mntGidmap", stat.mnt_gidmap);
  return object;
}

// (id, mask, mntNsId, sync)
Napi::Value CallStatmount(const Napi::CallbackInfo& info) {
  return Run<MountStat>(
      info.Env(), info[3].As<Napi::Boolean>().Value(),
      [id = ToUint64(info[0]), mask = info[1].As<Napi::Number>().Int64Value(),
       mnt_ns_id = ToUint64(info[2])] {
        return Statmount(id, static_cast<uint64_t>(mask), mnt_ns_id);
      },
      FromStat);
}

// (id, last, max, flags, mntNsId, sync)
Napi::Value CallListmount(const Napi::CallbackInfo& info) {
  using Ids = std::vector<uint64_t>;
  ListmountQuery query;
  query.id = ToUint64(info[0]);
  query.last = ToUint64(info[1]);
  query.max = info[2].As<Napi::Number>().Uint32Value();
  query.flags = info[3].As<Napi::Number>().Uint32Value();
  query.mnt_ns_id = ToUint64(info[4]);
  return Run<Ids>(
      info.Env(), info[5].As<Napi::Boolean>().Value(), [query] { return Listmount(query); },
      [](Napi::Env env, Ids& ids) -> Napi::Value {
        auto array = Napi::Array::New(env, ids.size());
        for (size_t i = 0; i < ids.size(); ++i) {
          array.Set(static_cast<uint32_t>(i), Napi::BigInt::New(env, ids[i]));
        }
        return array;
      });
}

}  // namespace

void ExportStatmount(Napi::Env env, Napi::Object exports) {
  exports.Set("statmount", Napi::Function::New(env, CallStatmount));
  exports.Set("listmount", Napi::Function::New(env, CallListmount));
}

}  // namespace ovl
