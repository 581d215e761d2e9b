import type { MetricsConfig } from "../config/metrics-plugins.ts";
import { formatAddress } from "../datastore/endpoint.ts";
import { type EndpointEntry, isHostName, specOf } from "../discovery/endpoints-file.ts";
import { HostResolver, type Resolve, systemResolve } from "../discovery/host-resolver.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { DeadlineSweep } from "../scrape/deadline-sweep.ts";
import { createEngines, type EngineMatch } from "../scrape/engines.ts";
import { PageFetcher } from "../scrape/fetch.ts";
import { createPageParser } from "../scrape/parse.ts";
import { openSource, type ScrapeSource } from "../scrape/source.ts";
import type { FailedRead, Observation, Read, ReadPage } from "./observation.ts";
import { createSurvey } from "./survey-page.ts";

/** What reading a pool needs. */
export interface ReadPoolOptions {
  readonly entries: readonly EndpointEntry[];
  /** Where pages are and what is looked for on them. */
  readonly metrics: MetricsConfig;
  readonly clock: Clock;
  /** Reads of an endpoint, at least one. */
  readonly reads: number;
  /** An endpoint that answers so slowly that its reads take longer gets fewer, at least two of them. */
  readonly maxMs: number;
  /** From the begin of one read of an endpoint to the begin of the next. */
  readonly intervalMs: number;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve | undefined;
}

/** Time for one page and for the names of all hosts: those of `epp serve`. */
const deadlineMs = 1000;
const resolveMs = 5000;

/**
 * Reads every endpoint's page several times, in the way that `epp serve` reads it: same connections, limits, parser and
 * engines. Endpoints are read at the same time, spread over an interval. Resolves in the order of `entries` and leaves no
 * connection behind; throws when a file that the source names cannot be used.
 */
export async function readPool(options: ReadPoolOptions): Promise<Observation[]> {
  const { entries, metrics, clock } = options;
  const source = openSource(metrics.source);
  const engines = createEngines(metrics);
  const sweep = new DeadlineSweep(clock);
  const ipOf = await resolveHosts(options);
  return Promise.all(
    entries.map(async (entry, index) => {
      const ip = ipOf(entry.host);
      const port = source.port ?? entry.port;
      const engine = engines.match(entry);
      const target = { host: typeof ip === "string" ? ip : entry.host, port, source, engine, sweep };
      const delayMs = (index / entries.length) * options.intervalMs;
      return {
        id: specOf(entry, target.host).id,
        servingAddress: formatAddress(entry.host, entry.port),
        metricsAddress: formatAddress(target.host, port),
        engine,
        reads:
          typeof ip === "string"
            ? await readEndpoint(target, options, delayMs)
            : [{ startedWallMs: clock.wallMs(), durationMs: 0, result: ip }],
      };
    }),
  );
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly source: ScrapeSource;
  readonly engine: EngineMatch;
  readonly sweep: DeadlineSweep;
}

async function readEndpoint(target: Target, options: ReadPoolOptions, delayMs: number): Promise<Read[]> {
  const { clock, reads: wanted, intervalMs, maxMs } = options;
  const { host, port, source, sweep } = target;
  const { path, tls } = source;
  const fetcher = new PageFetcher({ host, port, path, tls, sweep, deadlineMs });
  const readOnce = reader(target, fetcher, clock);
  const reads: Read[] = [];
  let dueMs = clock.nowMs() + delayMs;
  const endMs = dueMs + maxMs;
  while (reads.length < wanted && (reads.length < 2 || clock.nowMs() < endMs)) {
    await sleep(clock, dueMs - clock.nowMs());
    reads.push(await readOnce());
    dueMs += intervalMs;
  }
  await fetcher.close();
  return reads;
}

/** A read through the real parser; the page is surveyed while its buffer holds. */
function reader({ engine }: Target, fetcher: PageFetcher, clock: Clock): () => Promise<Read> {
  const parse = createPageParser(engine.metrics);
  const survey = createSurvey(engine.metrics);
  return async () => {
    const [startedMs, startedWallMs] = [clock.nowMs(), clock.wallMs()];
    let arrivedMs: number | undefined;
    const result = await fetcher.fetch((page): ReadPage | FailedRead => {
      arrivedMs = clock.nowMs();
      const reading = parse(page);
      if (reading.kind === "page") return { kind: "page", reading, facts: survey(page) };
      return { kind: "failed", reason: reading.kind, detail: reading.detail };
    });
    return { startedWallMs, durationMs: (arrivedMs ?? clock.nowMs()) - startedMs, result };
  };
}

/** Resolves host names, for 5 s at most; the result gives the IP address of a host, or why there is none. */
async function resolveHosts(options: ReadPoolOptions): Promise<(host: string) => string | FailedRead> {
  const { entries, clock, resolve } = options;
  const failures = new Map<string, string>();
  const resolver = new HostResolver(resolve ?? systemResolve, (host, message) => failures.set(host, message));
  const names = [...new Set(entries.map(({ host }) => host).filter(isHostName))];
  const waiting = new AbortController();
  const resolved = resolver.refresh(names).then(() => waiting.abort());
  await Promise.race([resolved, sleep(clock, names.length === 0 ? 0 : resolveMs, waiting.signal)]);
  return (host) => {
    const address = isHostName(host) ? resolver.addressOf(host) : host;
    if (address !== undefined) return address;
    const detail = failures.get(host) ?? `no answer within ${resolveMs} ms`;
    return { kind: "failed", reason: "unresolved", detail };
  };
}
