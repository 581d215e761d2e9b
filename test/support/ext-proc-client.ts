import { once } from "node:events";
import type { TestContext } from "node:test";
import { type ChannelCredentials, type ClientDuplexStream, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoFolder } from "../../src/extproc/protos.ts";

/** A ProcessingResponse as proto-loader gives it, defaults left out. */
export interface Answer {
  request_headers?: { response?: CommonResponse };
  response_headers?: { response?: CommonResponse };
  request_body?: { response?: CommonResponse };
  response_body?: { response?: CommonResponse };
  request_trailers?: object;
  response_trailers?: object;
  immediate_response?: {
    status?: { code: number };
    headers?: Mutation;
    body?: Buffer;
    details?: string;
  };
  dynamic_metadata?: { fields: Record<string, { structValue: { fields: Record<string, { stringValue?: string }> } }> };
}

interface Mutation {
  set_headers?: { header: { key: string; raw_value: Buffer } }[];
  remove_headers?: string[];
}

interface CommonResponse {
  header_mutation?: Mutation;
  body_mutation?: { streamed_response?: { body?: Buffer; end_of_stream?: boolean } };
  clear_route_cache?: boolean;
}

type Call = ClientDuplexStream<object, Answer>;
interface ExternalProcessor {
  Process(): Call;
  close(): void;
}

/** Header pairs, `raw_value` as Envoy fills it. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** A gRPC client that speaks ext_proc as Envoy does; closes with the test. */
export function connectAsEnvoy(
  t: TestContext,
  port: number,
  channel: ChannelCredentials = credentials.createInsecure(),
): { open: () => EnvoyStream } {
  const definition = loadSync("envoy/service/ext_proc/v3/external_processor.proto", {
    includeDirs: [protoFolder()],
    keepCase: true,
    oneofs: true,
    enums: Number,
  });
  const loaded = loadPackageDefinition(definition) as unknown as {
    envoy: {
      service: {
        ext_proc: {
          v3: { ExternalProcessor: new (address: string, channel: ChannelCredentials) => ExternalProcessor };
        };
      };
    };
  };
  const client = new loaded.envoy.service.ext_proc.v3.ExternalProcessor(`127.0.0.1:${port}`, channel);
  t.after(() => client.close());
  return { open: () => new EnvoyStream(client.Process()) };
}

/** One stream: sends what a host sends, keeps the answers in order. */
export class EnvoyStream {
  readonly call: Call;
  readonly answers: Answer[] = [];
  /** Resolves when the stream is over, with the gRPC error that ended it, if any. */
  readonly over: Promise<Error | undefined>;
  #wake: () => void = () => {};
  #isOver = false;

  constructor(call: Call) {
    this.call = call;
    call.on("data", (answer: Answer) => {
      this.answers.push(answer);
      this.#wake();
    });
    let failure: Error | undefined;
    call.on("error", (error) => {
      failure = error;
    });
    this.over = once(call, "status").then(
      ([status]: { code: number }[]) => {
        this.#isOver = true;
        this.#wake();
        return status?.code === 0 ? undefined : failure;
      },
      (error: Error) => {
        this.#isOver = true;
        this.#wake();
        return error;
      },
    );
  }

  /** The next answer that was not taken yet; rejects when the stream ends first. */
  async next(): Promise<Answer> {
    while (this.answers.length === 0) {
      if (this.#isOver) throw new Error("the stream ended without another answer");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.answers.shift() as Answer;
  }

  /** Answers until `isLast` says so, that one included. */
  async until(isLast: (answer: Answer) => boolean): Promise<Answer[]> {
    const taken: Answer[] = [];
    for (;;) {
      const answer = await this.next();
      taken.push(answer);
      if (isLast(answer)) return taken;
    }
  }

  requestHeaders(headers: HeaderPairs, endOfStream = false, more: object = {}): this {
    return this.#write({ request_headers: headersMessage(headers, endOfStream), ...more });
  }

  requestBody(body: string | Uint8Array, endOfStream = true, more: object = {}): this {
    return this.#write({ request_body: { body: Buffer.from(body as string), end_of_stream: endOfStream }, ...more });
  }

  requestTrailers(): this {
    return this.#write({ request_trailers: {} });
  }

  responseHeaders(headers: HeaderPairs, endOfStream = false, more: object = {}): this {
    return this.#write({ response_headers: headersMessage(headers, endOfStream), ...more });
  }

  responseBody(body: string | Uint8Array, endOfStream = false): this {
    return this.#write({ response_body: { body: Buffer.from(body as string), end_of_stream: endOfStream } });
  }

  responseTrailers(): this {
    return this.#write({ response_trailers: {} });
  }

  /** Half-closes and waits for the server's end. */
  async close(): Promise<Error | undefined> {
    this.call.end();
    return this.over;
  }

  #write(message: object): this {
    this.call.write(message);
    return this;
  }
}

function headersMessage(headers: HeaderPairs, endOfStream: boolean): object {
  return {
    headers: { headers: headers.map(([key, value]) => ({ key, raw_value: Buffer.from(value) })) },
    end_of_stream: endOfStream,
  };
}

/** Headers that a header answer sets, as text. */
export function setHeaders(answer: Answer): Record<string, string> {
  const common = answer.request_headers?.response ?? answer.response_headers?.response;
  const mutation = answer.immediate_response?.headers ?? common?.header_mutation;
  return Object.fromEntries(
    (mutation?.set_headers ?? []).map(({ header }) => [header.key, header.raw_value.toString()]),
  );
}

/** Names that a header answer removes. */
export function removedHeaders(answer: Answer): string[] {
  const common = answer.request_headers?.response ?? answer.response_headers?.response;
  return common?.header_mutation?.remove_headers ?? [];
}

/** Body bytes of a streamed answer, and whether it ends the stream. */
export function streamed(answer: Answer): { body: string; endOfStream: boolean } {
  const common = answer.request_body?.response ?? answer.response_body?.response;
  const response = common?.body_mutation?.streamed_response;
  if (response === undefined) throw new Error(`expected a streamed body, got ${JSON.stringify(answer)}`);
  return { body: (response.body ?? Buffer.alloc(0)).toString(), endOfStream: response.end_of_stream ?? false };
}
