import { createHash } from "node:crypto";
import { once } from "node:events";
import { Client, credentials, type MethodDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { Answer } from "../test/support/ext-proc-client.ts";
import { protoFolder } from "../src/extproc/protos.ts";

/** What came of a prompt. */
export interface Exchanged {
  /** Of the body that the picker told to forward. */
  readonly sha256: string;
  /** Status of the picker's own answer, when it gave one. */
  readonly refusal: number | undefined;
}

/** Bytes of one message, as Envoy sends them. */
const chunkBytes = 62_000;

const { Process: method } = loadSync("envoy/service/ext_proc/v3/external_processor.proto", {
  includeDirs: [protoFolder()],
  keepCase: true,
  oneofs: true,
})["envoy.service.ext_proc.v3.ExternalProcessor"] as unknown as { Process: MethodDefinition<object, Answer> };

/** A host's connection to a picker on loopback. */
export function connectHost(port: number): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure());
}

/** Sends a chat request over a stream of its own, as a host with full-duplex bodies does, and its answered response. */
export async function sendPrompt(host: Client, body: Buffer): Promise<Exchanged> {
  const call = host.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
  const hash = createHash("sha256");
  let refusal: number | undefined;
  call.on("data", ({ request_body, immediate_response }: Answer) => {
    refusal ??= immediate_response?.status?.code;
    const streamed = request_body?.response?.body_mutation?.streamed_response;
    if (streamed?.body !== undefined) hash.update(streamed.body);
    if (streamed?.end_of_stream !== true) return;
    call.write({
      response_headers: {
        headers: { headers: [{ key: ":status", raw_value: Buffer.from("200") }] },
        end_of_stream: true,
      },
    });
    call.end();
  });
  const headers = [
    [":method", "POST"],
    [":path", "/v1/chat/completions"],
    ["content-type", "application/json"],
  ].map(([key, value]) => ({ key, raw_value: Buffer.from(value ?? "") }));
  call.write({ request_headers: { headers: { headers } } });
  for (let from = 0; from < body.length; from += chunkBytes) {
    const end_of_stream = from + chunkBytes >= body.length;
    call.write({ request_body: { body: body.subarray(from, from + chunkBytes), end_of_stream } });
  }
  call.on("error", () => {});
  await once(call, "status");
  return { sha256: hash.digest("hex"), refusal };
}
