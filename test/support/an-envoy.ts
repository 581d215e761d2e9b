import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type EnvoyRun, type RunningEnvoy, startEnvoy } from "../../simulator/demo/envoy-process.ts";
import type { BootstrapOptions, SocketAddress } from "../../src/envoy/options.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { envoyPath } from "./envoy.ts";

/** Starts a real Envoy on free ports, its bootstrap changed by `adapt`; stopped with the test. */
export async function anEnvoy(
  t: TestContext,
  routing: BootstrapOptions["routing"],
  endpoints: readonly SocketAddress[],
  adapt: EnvoyRun["adapt"] = (bootstrap) => bootstrap,
): Promise<RunningEnvoy> {
  const folder = mkdtempSync(join(tmpdir(), "epp-envoy-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const envoy = await startEnvoy({ binary: envoyPath, folder, routing, endpoints, clock: systemClock, adapt });
  t.after(() => envoy.close());
  return envoy;
}
