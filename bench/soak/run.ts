import { parseArgs } from "node:util";
import type { Outcome } from "../../simulator/load/client.ts";
import { ensureEnvoy } from "../../src/envoy/binary.ts";
import { apiOutage } from "./api-outage.ts";
import { killPickers } from "./kill-picker.ts";
import { killServers } from "./kill-server.ts";
import { rollingRestarts } from "./rolling.ts";

/** Long runs with real processes that end by themselves: `npm run soak -- rolling` and `npm run soak -- kill-server`. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    restarts: { type: "string", default: "20" },
    kills: { type: "string", default: "3" },
    seconds: { type: "string", default: "90" },
    rate: { type: "string", default: "100" },
    plain: { type: "boolean", default: false },
  },
});

const say = (line: string): void => console.log(line);
const perSecond = Number(values.rate);
const { path: envoyBinary } = await ensureEnvoy(process.env, say);

function sayFailure({ request, error, endpoint }: Outcome): void {
  say(`  request ${request.id} (${endpoint ?? "no server"}): ${error}`);
}

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
  failed.slice(0, 20).forEach(sayFailure);
  return failed.length === 0 && exitCodes.every((code) => code === 0);
}

async function runKillServer(): Promise<boolean> {
  const kills = Number(values.kills);
  say(
    `${kills + 2} model servers behind Envoy and a picker at ${perSecond} requests/s, ${kills} of them killed by SIGKILL`,
  );
  const report = await killServers({ envoyBinary, kills, perSecond });
  for (const { server, served, inFlight, picked, lastPickedMs } of report.kills) {
    const late = picked === 0 ? "" : ` (the last ${lastPickedMs.toFixed(0)} ms after the kill)`;
    say(`  ${server}: served ${served}; failed: ${inFlight} in flight there, ${picked} picked within 2 s${late}`);
  }
  say(`${report.requests} requests, ${report.others.length} others failed`);
  report.others.slice(0, 20).forEach(sayFailure);
  return report.others.length === 0;
}

async function runKillPicker(): Promise<boolean> {
  const kills = Number(values.kills);
  say(`Two pickers behind Envoy at ${perSecond} requests/s, ${kills} times one of them killed by SIGKILL`);
  const report = await killPickers({ envoyBinary, kills, perSecond });
  for (const { open, failed } of report.kills) say(`  ${open} requests open, ${failed} of them failed`);
  say(`${report.requests} requests, ${report.others.length} others failed`);
  report.others.slice(0, 20).forEach(sayFailure);
  return report.others.length === 0;
}

async function runApiOutage(): Promise<boolean> {
  const seconds = Number(values.seconds);
  say(`A picker in a cluster at ${perSecond} requests/s, its API server away for ${seconds} s`);
  const { requests, wrong, resyncMs } = await apiOutage({ seconds, perSecond });
  say(`${requests} requests; resynced ${(resyncMs / 1000).toFixed(1)} s after its return`);
  for (const [answer, count] of wrong) say(`  ${count} answers "${answer}"`);
  return wrong.size === 0 && resyncMs <= 35_000;
}

const soaks: Readonly<Record<string, () => Promise<boolean>>> = {
  rolling: runRolling,
  "kill-server": runKillServer,
  "kill-picker": runKillPicker,
  "api-outage": runApiOutage,
};
const soak = soaks[positionals[0] ?? ""];
if (soak === undefined) {
  console.error(
    `Usage: npm run soak -- ${Object.keys(soaks).join("|")} [--restarts N] [--kills N] [--seconds N] [--rate N] [--plain]`,
  );
  process.exitCode = 2;
} else {
  process.exitCode = (await soak()) ? 0 : 1;
}
