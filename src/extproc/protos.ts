import { fileURLToPath } from "node:url";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { decodeProcessingRequest } from "./codec/decode-request.ts";
import { encodeProcessingResponse } from "./codec/encode-response.ts";

/** Folder of the contract's proto files: beside `src` in a checkout, one level further up from `dist`. */
export function protoFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "protos", "envoy"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`Cannot find "protos": no such folder above ${import.meta.url}`);
    folder = parent;
  }
  return join(folder, "protos");
}

function loadService(file: string, name: string): ServiceDefinition {
  const definition = loadSync(file, { includeDirs: [protoFolder()], keepCase: true, oneofs: true })[name];
  if (definition === undefined) throw new Error(`Cannot load service "${name}": not in ${file}`);
  return definition as ServiceDefinition;
}

/**
 * `envoy.service.ext_proc.v3.ExternalProcessor` as proto-loader reads it, with the two serialisers of the hot path replaced
 * by src/extproc/codec: HostMessage comes in, PickerMessage goes out.
 */
export function loadExternalProcessor(): ServiceDefinition {
  const service = loadService(
    "envoy/service/ext_proc/v3/external_processor.proto",
    "envoy.service.ext_proc.v3.ExternalProcessor",
  );
  const process = service["Process"];
  if (process === undefined) throw new Error('Cannot load "ExternalProcessor": it has no method Process');
  return {
    Process: {
      ...process,
      requestDeserialize: decodeProcessingRequest,
      responseSerialize: encodeProcessingResponse,
    },
  };
}

/** `grpc.health.v1.Health`, messages as plain objects with the field names of the proto file. */
export function loadHealth(): ServiceDefinition {
  return loadService("grpc/health/v1/health.proto", "grpc.health.v1.Health");
}
