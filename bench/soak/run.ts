import { parseArgs } from "node:util";
import { ensureEnvoy } from "../../src/envoy/binary.ts";
import { rollingRestarts } from "./rolling.ts";

/** Long runs with real processes that end by themselves: `npm run soak -- rolling` and `npm run soak -- kill-server`. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    restarts: { type: "string", default: "20" },
    rate: { type: "string", default: "100" },
    plain: { type: "boolean", default: false },
  },
});

const say = (line: string): void => console.log(line);
const perSecond = Number(values.rate);
const { path: envoyBinary } = await ensureEnvoy(process.env, say);

async function runRolling(): Promise<boolean> {
  const restarts = Number(values.restarts);
  say(`Two pickers behind Envoy, ${restarts} rolling restarts by SIGTERM at ${perSecond} requests/s`);
  const { requests, failed, exitCodes } = await rollingRestarts({
    envoyBinary,
    restarts,
    perSecond,
    pickerFlags: values.plain ? ["--secure-serving=false"] : [],
    restarted: (index, drainMs) => say(`  restart ${index + 1}: picker ended after ${(drainMs / 1000).toFixed(1)} s`),
  });
  say(`${requests} requests, ${failed.length} failed; exit codes ${exitCodes.join(" ")}`);
  for (const { request, error, endpoint } of failed.slice(0, 20)) {
    say(`  request ${request.id} (${endpoint ?? "no server"}): ${error}`);
  }
  return failed.length === 0 && exitCodes.every((code) => code === 0);
}

const soaks: Readonly<Record<string, () => Promise<boolean>>> = { rolling: runRolling };
const soak = soaks[positionals[0] ?? ""];
if (soak === undefined) {
  console.error(`Usage: npm run soak -- ${Object.keys(soaks).join("|")} [--restarts N] [--rate N] [--plain]`);
  process.exitCode = 2;
} else {
  process.exitCode = (await soak()) ? 0 : 1;
}
