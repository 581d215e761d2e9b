import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const loaded = loadSync("vllm_engine.proto", {
  includeDirs: [dirname(fileURLToPath(import.meta.url))],
  keepCase: true,
}) as unknown as Record<string, ServiceDefinition>;

/** Who answers: vLLM itself, or its Rust router, whose responses have other field numbers. */
export type VllmServer = "VllmEngine" | "RouterEngine";

/** A method of vLLM's gRPC API: writes its messages as a client or server would. */
export function vllmMethod(
  name: "Generate" | "Embed",
  server: VllmServer = "VllmEngine",
): MethodDefinition<object, object> {
  const method = loaded[`vllm.grpc.engine.${server}`]?.[name];
  if (method === undefined) throw new Error(`Cannot find method "${name}" of "${server}"`);
  return method as MethodDefinition<object, object>;
}

/** One gRPC frame around a message. */
export function grpcFrame(message: Uint8Array, flags = 0): Buffer {
  const header = Buffer.alloc(5);
  header[0] = flags;
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** The body of a call: its request message in a frame. */
export function vllmRequest(name: "Generate" | "Embed", message: object): Buffer {
  return grpcFrame(vllmMethod(name).requestSerialize(message));
}

/** The body of a response: its messages, each in a frame. */
export function vllmResponse(name: "Generate" | "Embed", messages: readonly object[], server?: VllmServer): Buffer {
  const { responseSerialize } = vllmMethod(name, server);
  return Buffer.concat(messages.map((message) => grpcFrame(responseSerialize(message))));
}
