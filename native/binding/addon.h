// The functions of the addon, by file. lib/native-*.ts describe them in types.
#ifndef OVL_BINDING_ADDON_H_
#define OVL_BINDING_ADDON_H_

#include <napi.h>

namespace ovl {

void ExportMounts(Napi::Env env, Napi::Object exports);
void ExportLayers(Napi::Env env, Napi::Object exports);
void ExportMountCalls(Napi::Env env, Napi::Object exports);
void ExportSyscalls(Napi::Env env, Napi::Object exports);
void ExportUnmounting(Napi::Env env, Napi::Object exports);
void ExportDiagnosis(Napi::Env env, Napi::Object exports);
void ExportWalks(Napi::Env env, Napi::Object exports);
void ExportPatterns(Napi::Env env, Napi::Object exports);
void ExportSides(Napi::Env env, Napi::Object exports);
void ExportMountTable(Napi::Env env, Napi::Object exports);
void ExportStatmount(Napi::Env env, Napi::Object exports);
void ExportFdWatch(Napi::Env env, Napi::Object exports);
void ExportProcesses(Napi::Env env, Napi::Object exports);
void ExportApply(Napi::Env env, Napi::Object exports);
void ExportSandbox(Napi::Env env, Napi::Object exports);
void ExportSessions(Napi::Env env, Napi::Object exports);
void ExportUpperCopy(Napi::Env env, Napi::Object exports);
void ExportNamespaces(Napi::Env env, Napi::Object exports);

}  // namespace ovl

#endif  // OVL_BINDING_ADDON_H_
