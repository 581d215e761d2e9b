import type { Outcome } from "../../simulator/load/client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { startGateway } from "./gateway.ts";
import { startSteadyLoad } from "./steady-load.ts";

/** What rolling restarts are done with. */
export interface RollingSetup {
  readonly envoyBinary: string;
  readonly restarts: number;
  readonly perSecond: number;
  /** More flags of the pickers. */
  readonly pickerFlags?: readonly string[];
  /** Told of every restart when Envoy finds the new picker healthy. */
  readonly restarted?: (index: number, drainMs: number) => void;
}

/** What came of it. */
export interface RollingResult {
  readonly requests: number;
  readonly failed: readonly Outcome[];
  /** Exit code of every picker that was told to end, in order; undefined for one that a signal ended. */
  readonly exitCodes: readonly (number | undefined)[];
}

/**
 * Two pickers behind one Envoy under a steady load: tells one after the other with SIGTERM to end and starts it again when it
 * has, each time when Envoy finds both healthy.
 */
export async function rollingRestarts(setup: RollingSetup): Promise<RollingResult> {
  const { envoyBinary, restarts, perSecond, pickerFlags = [], restarted = () => {} } = setup;
  const gateway = await startGateway({ envoyBinary, servers: 2, pickers: 2, pickerFlags });
  try {
    const { host, port } = gateway.envoy.listener;
    const load = startSteadyLoad({ host, port, clock: systemClock }, perSecond);
    const exitCodes: (number | undefined)[] = [];
    for (let index = 0; index < restarts; index++) {
      const picker = gateway.pickers[index % 2];
      if (picker === undefined) throw new Error("Cannot restart a picker: there is none");
      const startedAtMs = systemClock.nowMs();
      process.kill(picker.pid, "SIGTERM");
      exitCodes.push(await picker.exitCode);
      const drainMs = systemClock.nowMs() - startedAtMs;
      await gateway.restartPicker(index % 2);
      await gateway.untilHealthy(2);
      restarted(index, drainMs);
    }
    const outcomes = await load.stop();
    return { requests: outcomes.length, failed: outcomes.filter(({ error }) => error !== undefined), exitCodes };
  } finally {
    await gateway.close();
  }
}
