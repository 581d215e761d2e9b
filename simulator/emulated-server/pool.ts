/**
 * Emulated vLLM servers: many endpoints in one process, each with an address, an engine and a cache of its own. They speak
 * `POST /v1/completions` and `/v1/chat/completions` (streamed and not), `GET /v1/models`, `/health` and `/metrics`, and two
 * paths of their own:
 *
 * - `POST /emulator/fault` with JSON of any of `metrics` ("ok", "silent", "error", "frozen"), `slowFactor` (0.001..1000),
 *   `failRatio` (0..1) and `hang` (true, false) changes how that endpoint misbehaves and answers with all faults;
 * - `POST /emulator/reset` ends all faults.
 *
 * Four bytes of a prompt count as a token; `max_tokens` is the exact length of the output. Every answer names its endpoint in
 * `x-emulated-endpoint`.
 */
import type { Clock } from "../../src/lib/clock.ts";
import type { Random } from "../../src/lib/random.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import type { ReplicaLoad } from "../replica/load.ts";
import { presetConfig } from "../replica/presets.ts";
import { type EmulatedEndpoint, EndpointServer } from "./endpoint-server.ts";
import type { EmulatedModels } from "./model-service.ts";

/** What servers to emulate, as plain data. */
export interface EmulatedServersSpec {
  /** Number of endpoints, at least 1. They are named `server-0`, `server-1`, ... */
  readonly count: number;
  /** Number in the first one's name; default 0. */
  readonly firstNumber?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Port of the first endpoint, the others follow it; 0, the default, gives each a free port. */
  readonly firstPort?: number;
  /** A preset's name or a whole config. */
  readonly replica: string | ReplicaConfig;
  readonly models: EmulatedModels;
}

/** `EmulatedServersSpec` with what a process gives. */
export interface EmulatedServersOptions extends EmulatedServersSpec {
  readonly clock: Clock;
  readonly random: Random;
}

/** Totals of one endpoint since its start. */
export interface EndpointStats {
  readonly requests: number;
  readonly promptTokens: number;
  /** Prompt tokens looked up in the prefix cache, and those found. */
  readonly queriedTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly preemptions: number;
  readonly adapterLoads: number;
}

/** Running emulated servers. */
export interface EmulatedPool {
  /** In order of their number. */
  readonly endpoints: readonly EmulatedEndpoint[];
  /** Load now. Throws RangeError for an unknown name. */
  load(name: string): ReplicaLoad;
  /** Totals so far. Throws RangeError for an unknown name. */
  stats(name: string): EndpointStats;
  /** Cuts every connection; resolves when nothing listens any more. */
  close(): Promise<void>;
}

/** Starts the servers; rejects, with nothing left open, when one cannot listen or a config value is out of range. */
export async function startEmulatedServers(options: EmulatedServersOptions): Promise<EmulatedPool> {
  const { count, firstNumber = 0, host = "127.0.0.1", firstPort = 0, models, clock, random } = options;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot start emulated servers: count is ${count}, expected a whole number from 1`);
  }
  const config = typeof options.replica === "string" ? presetConfig(options.replica) : options.replica;
  const servers = Array.from(
    { length: count },
    (_, i) => new EndpointServer(`server-${firstNumber + i}`, { config, models, clock, random }),
  );
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()));
  };
  try {
    const listening = servers.map((server, i) => server.listen(host, firstPort === 0 ? 0 : firstPort + i));
    await Promise.allSettled(listening);
    return describePool(servers, await Promise.all(listening), close);
  } catch (error) {
    await close();
    throw error;
  }
}

function describePool(
  servers: readonly EndpointServer[],
  endpoints: readonly EmulatedEndpoint[],
  close: () => Promise<void>,
): EmulatedPool {
  const byName = new Map(servers.map((server) => [server.name, server]));
  const find = (name: string): EndpointServer => {
    const server = byName.get(name);
    if (server !== undefined) return server;
    throw new RangeError(
      `Cannot find emulated server "${name}": unknown, expected one of ${[...byName.keys()].join(", ")}`,
    );
  };
  return {
    endpoints,
    load: (name) => find(name).service.load(),
    stats: (name) => statsOf(find(name)),
    close,
  };
}

function statsOf({ service }: EndpointServer): EndpointStats {
  const load = service.load();
  return {
    requests: service.acceptedRequests,
    promptTokens: load.promptTokens,
    queriedTokens: load.prefixQueryTokens,
    cachedTokens: load.prefixHitTokens,
    outputTokens: load.generationTokens,
    preemptions: load.preemptions,
    adapterLoads: load.adapterLoads,
  };
}
