import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type RunningEnvoy, startEnvoy } from "../../simulator/demo/envoy-process.ts";
import { findEnvoy } from "../../src/envoy/binary.ts";
import type { BootstrapOptions, SocketAddress } from "../../src/envoy/options.ts";
import { systemClock } from "../../src/lib/clock.ts";

const binary = await findEnvoy(process.env).catch(() => undefined);

/** Why tests with a real Envoy cannot run here; false when they can. For the `skip` option of a test. */
export const withoutEnvoy: string | false =
  binary === undefined ? "no Envoy here: set ENVOY_BIN, or run `npm run setup -- --envoy`" : false;

/** Starts a real Envoy on free ports, stopped with the test. */
export async function anEnvoy(
  t: TestContext,
  routing: BootstrapOptions["routing"],
  endpoints: readonly SocketAddress[],
): Promise<RunningEnvoy> {
  if (binary === undefined) throw new Error("no Envoy");
  const folder = mkdtempSync(join(tmpdir(), "epp-envoy-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const envoy = await startEnvoy({ binary: binary.path, folder, routing, endpoints, clock: systemClock });
  t.after(() => envoy.close());
  return envoy;
}
