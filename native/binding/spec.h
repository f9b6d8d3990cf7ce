// What lib/native-mounts.ts calls NativeSpec.
#ifndef OVL_BINDING_SPEC_H_
#define OVL_BINDING_SPEC_H_

#include <napi.h>

#include "core/overlay_spec.h"

namespace ovl {

OverlaySpec ToSpec(const Napi::Value& value);

}  // namespace ovl

#endif  // OVL_BINDING_SPEC_H_
