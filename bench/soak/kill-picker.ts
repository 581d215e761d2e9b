import type { Outcome } from "../../simulator/load/client.ts";
import { sleep, systemClock } from "../../src/lib/clock.ts";
import { startGateway } from "./gateway.ts";
import { startSteadyLoad } from "./steady-load.ts";
import { RequestTimes } from "./request-times.ts";

/** Requests may be on their way to a picker for so long before it has a stream for them, or before the host hears of its end. */
const onTheWayMs = 50;

const settleMs = 3000;

/** What pickers are killed with. */
export interface KillPickerSetup {
  readonly envoyBinary: string;
  readonly kills: number;
  readonly perSecond: number;
}

/** What the end of a picker cost. */
export interface KillPickerResult {
  /** Requests under way from the kill to the picker's end, through any picker. */
  readonly open: number;
  /** Those of them that failed. */
  readonly failed: number;
}

/** What came of it. */
export interface KillPickerReport {
  readonly requests: number;
  readonly kills: readonly KillPickerResult[];
  /** Failures of requests that were not under way at a kill. */
  readonly others: readonly Outcome[];
}

/** Two pickers behind one Envoy under a steady load: ends one after the other with SIGKILL and starts it again. */
export async function killPickers({ envoyBinary, kills, perSecond }: KillPickerSetup): Promise<KillPickerReport> {
  const gateway = await startGateway({ envoyBinary, servers: 2, pickers: 2, pickerFlags: [] });
  try {
    const times = new RequestTimes();
    const load = startSteadyLoad({ ...gateway.envoy.listener, ...times.observer, clock: systemClock }, perSecond);
    const ends: PickerEnd[] = [];
    for (let index = 0; index < kills; index++) {
      await sleep(systemClock, settleMs);
      const picker = gateway.pickers[index % 2];
      if (picker === undefined) throw new Error("Cannot kill a picker: there is none");
      process.kill(picker.pid, "SIGKILL");
      const killedAtMs = systemClock.nowMs();
      await picker.exitCode;
      ends.push({ killedAtMs, goneAtMs: systemClock.nowMs() });
      await sleep(systemClock, settleMs);
      await gateway.restartPicker(index % 2);
      await gateway.untilHealthy(2);
    }
    return explain(await load.stop(), ends, times);
  } finally {
    await gateway.close();
  }
}

/** On a busy machine a process takes a while to die, and its connections end only then. */
interface PickerEnd {
  readonly killedAtMs: number;
  readonly goneAtMs: number;
}

function explain(outcomes: readonly Outcome[], ends: readonly PickerEnd[], times: RequestTimes): KillPickerReport {
  const wasOpen = ({ request }: Outcome, { killedAtMs, goneAtMs }: PickerEnd): boolean => {
    const { sentAtMs, endedAtMs } = times.of(request.id);
    return sentAtMs <= goneAtMs + onTheWayMs && endedAtMs >= killedAtMs;
  };
  const failed = outcomes.filter(({ error }) => error !== undefined);
  return {
    requests: outcomes.length,
    kills: ends.map((end) => ({
      open: outcomes.filter((outcome) => wasOpen(outcome, end)).length,
      failed: failed.filter((outcome) => wasOpen(outcome, end)).length,
    })),
    others: failed.filter((outcome) => !ends.some((end) => wasOpen(outcome, end))),
  };
}
