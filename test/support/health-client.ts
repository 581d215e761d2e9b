import { once } from "node:events";
import type { TestContext } from "node:test";
import { type ChannelCredentials, type ClientReadableStream, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoFolder } from "../../src/extproc/protos.ts";

interface HealthAnswer {
  readonly status: string;
}

interface HealthService {
  Check(request: object, answer: (error: Error | null, value?: HealthAnswer) => void): void;
  List(
    request: object,
    answer: (error: Error | null, value?: { statuses: Record<string, HealthAnswer> }) => void,
  ): void;
  Watch(request: object): ClientReadableStream<HealthAnswer>;
  close(): void;
}

/** A watch of one service's health. */
export interface HealthWatch {
  /** Statuses in the order in which they came. */
  readonly statuses: readonly string[];
  /** Resolves with the next status. */
  next(): Promise<string>;
  /** Resolves with the gRPC code that ended the watch. */
  readonly over: Promise<number>;
}

/** Asks a picker's gRPC health; closes with the test. */
export interface HealthClient {
  check(service: string): Promise<string>;
  list(): Promise<Readonly<Record<string, string>>>;
  watch(service: string): HealthWatch;
}

/** Connects to the health service on `port` of loopback. */
export function connectHealth(
  t: TestContext,
  port: number,
  channel: ChannelCredentials = credentials.createInsecure(),
): HealthClient {
  const definition = loadSync("grpc/health/v1/health.proto", {
    includeDirs: [protoFolder()],
    keepCase: true,
    enums: String,
    defaults: true,
  });
  const loaded = loadPackageDefinition(definition) as unknown as {
    grpc: { health: { v1: { Health: new (address: string, channel: ChannelCredentials) => HealthService } } };
  };
  const client = new loaded.grpc.health.v1.Health(`127.0.0.1:${port}`, channel);
  t.after(() => client.close());
  return {
    check: (service) =>
      new Promise((resolve, reject) => {
        client.Check({ service }, (error, value) => (error === null ? resolve(value?.status ?? "") : reject(error)));
      }),
    list: () =>
      new Promise((resolve, reject) => {
        client.List({}, (error, value) => {
          if (error !== null) return reject(error);
          resolve(
            Object.fromEntries(Object.entries(value?.statuses ?? {}).map(([name, { status }]) => [name, status])),
          );
        });
      }),
    watch: (service) => watch(client.Watch({ service })),
  };
}

function watch(call: ClientReadableStream<HealthAnswer>): HealthWatch {
  const statuses: string[] = [];
  let taken = 0;
  call.on("data", ({ status }: HealthAnswer) => statuses.push(status));
  call.on("error", () => {});
  const over = new Promise<number>((resolve) => {
    call.once("status", ({ code }) => resolve(code));
  });
  return {
    statuses,
    over,
    next: async () => {
      while (statuses.length === taken) await once(call, "data");
      return statuses[taken++] ?? "";
    },
  };
}
