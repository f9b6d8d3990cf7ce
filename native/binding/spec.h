// What an overlay is to be, as lib/mount-options.ts hands it over.
#ifndef OVL_BINDING_SPEC_H_
#define OVL_BINDING_SPEC_H_

#include <napi.h>

#include "core/overlay_spec.h"

namespace ovl {

OverlaySpec ToSpec(const Napi::Object& from);

}  // namespace ovl

#endif  // OVL_BINDING_SPEC_H_
