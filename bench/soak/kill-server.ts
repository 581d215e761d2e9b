import type { Outcome } from "../../simulator/load/client.ts";
import type { SpawnedPool } from "../../simulator/emulated-server/spawn.ts";
import { sleep, systemClock } from "../../src/lib/clock.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { RequestTimes } from "./request-times.ts";
import { startSteadyLoad } from "./steady-load.ts";

/** A dead server may be picked for so long: the time in which a picker has to notice. */
const noticeMs = 2000;

const warmUpMs = 3000;
const settleMs = 5000;

/** What servers are killed with. */
export interface KillSetup {
  readonly envoyBinary: string;
  /** Servers to kill, one after the other; two more are started. */
  readonly kills: number;
  readonly perSecond: number;
}

/** What the end of one server cost. */
export interface KillResult {
  readonly server: string;
  /** Requests that the server was busy with, as it said just before. */
  readonly served: number;
  /** Requests that were on their way to it, or answered by it, at that moment, as clients saw it; those are lost. */
  inFlight: number;
  /** Requests sent in the two seconds after that failed: the picker had not noticed. */
  picked: number;
  /** From the kill to the sending of the last of these; 0 without one. */
  lastPickedMs: number;
}

/** What came of it. */
export interface KillReport {
  readonly requests: number;
  readonly kills: readonly KillResult[];
  /** Failures that no kill explains. */
  readonly others: readonly Outcome[];
}

interface Kill {
  readonly server: string;
  readonly atMs: number;
  readonly served: number;
}

/** Model servers in a process each behind a picker and Envoy, under a steady load: ends some of them with SIGKILL. */
export async function killServers({ envoyBinary, kills, perSecond }: KillSetup): Promise<KillReport> {
  const gateway = await startGateway({ envoyBinary, servers: kills + 2, pickers: 1, pickerFlags: [] });
  try {
    const times = new RequestTimes();
    const load = startSteadyLoad({ ...gateway.envoy.listener, ...times.observer, clock: systemClock }, perSecond);
    const done = await killInTurn(gateway, kills);
    const outcomes = await load.stop();
    return explain(outcomes, done, times);
  } finally {
    await gateway.close();
  }
}

async function killInTurn({ servers }: Gateway, kills: number): Promise<Kill[]> {
  const done: Kill[] = [];
  await sleep(systemClock, warmUpMs);
  for (const server of servers.slice(0, kills)) {
    done.push(await kill(server));
    await sleep(systemClock, settleMs);
  }
  return done;
}

async function kill(pool: SpawnedPool): Promise<Kill> {
  const [report] = await pool.stats();
  process.kill(pool.pid, "SIGKILL");
  const atMs = systemClock.nowMs();
  const { name = "", load } = report ?? {};
  return { server: name, atMs, served: (load?.running ?? 0) + (load?.waiting ?? 0) };
}

/**
 * How Envoy answers for a server that is gone; it does not name it then. "protocol error" is its word for a connection that
 * ended with a request on it and an answer not begun.
 */
const goneServer = /connection termination|remote connection failure|delayed connect error|protocol error/;

function explain(outcomes: readonly Outcome[], kills: readonly Kill[], times: RequestTimes): KillReport {
  const others: Outcome[] = [];
  const results = kills.map(({ server, served }) => ({ server, served, inFlight: 0, picked: 0, lastPickedMs: 0 }));
  for (const outcome of outcomes) {
    const { error, endpoint, request } = outcome;
    if (error === undefined) continue;
    const { sentAtMs, endedAtMs } = times.of(request.id);
    const index = kills.findIndex(
      ({ server, atMs }) =>
        sentAtMs <= atMs + noticeMs &&
        endedAtMs >= atMs &&
        (endpoint === undefined ? goneServer.test(error) : endpoint === server),
    );
    const [kill, result] = [kills[index], results[index]];
    if (kill === undefined || result === undefined) {
      others.push(outcome);
    } else if (sentAtMs <= kill.atMs) {
      result.inFlight++;
    } else {
      result.picked++;
      result.lastPickedMs = Math.max(result.lastPickedMs, sentAtMs - kill.atMs);
    }
  }
  return { requests: outcomes.length, kills: results, others };
}
