import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import type { ArmProgress } from "../../simulator/demo/progress.ts";
import type { ArmName, ArmReport } from "../../simulator/demo/report.ts";
import type { DemoObserver } from "../../simulator/demo/run-demo.ts";
import { newTable } from "./report-text.ts";

/** Shows a demo that runs; `close` leaves what was shown last. */
export interface DemoView extends DemoObserver {
  close(): void;
}

const barCells = 30;

/** For terminals: one table that is drawn over and over. */
export function createLiveView(stream: NodeJS.WriteStream, useColor: boolean): DemoView {
  const draw = createLogUpdate(stream);
  const emphasize = (text: string): string => (useColor ? styleText("bold", text) : text);
  return {
    planned: (scenario) => stream.write(`${describePlan(scenario)}\n`),
    armStarting: (name) => draw(`${emphasize(name)}  starting servers and Envoy`),
    progress: (progress) => draw(`${emphasize(progress.arm)}  ${liveText(progress)}`),
    armEnded: (report, failures) => {
      draw.clear();
      stream.write(`${emphasize(report.name)}  ${resultText(report, failures)}\n`);
    },
    close: () => draw.done(),
  };
}

/** For files and pipes: a line every 5 seconds. */
export function createLineView(write: (line: string) => void): DemoView {
  let nextSeconds = 0;
  return {
    planned: (scenario) => write(describePlan(scenario)),
    armStarting: (name: ArmName) => {
      nextSeconds = 5;
      write(`${name}: starting servers and Envoy`);
    },
    progress: (progress) => {
      if (progress.elapsedSeconds < nextSeconds) return;
      nextSeconds += 5;
      write(`${progress.arm}: ${countsText(progress)}, TTFT ${formatTimes(progress.ttftMs)}`);
    },
    armEnded: (report, failures) => write(`${report.name}: ${resultText(report, failures)}`),
    close: () => {},
  };
}

/** Percentiles as one phrase. */
export function formatTimes({ p50, p90, p99 }: { p50: number; p90: number; p99: number }): string {
  return `p50 ${formatMs(p50)}, p90 ${formatMs(p90)}, p99 ${formatMs(p99)} ms`;
}

/** Milliseconds as a whole number, "-" for none. */
export function formatMs(ms: number): string {
  return Number.isNaN(ms) ? "-" : ms.toFixed(0);
}

function describePlan({
  capacity,
  offered,
  load,
}: {
  capacity: number;
  offered: number;
  load: readonly unknown[];
}): string {
  const share = ((offered / capacity) * 100).toFixed(0);
  return `Load: ${load.length} requests an arm, ${offered.toFixed(1)} a second, ${share} % of the ${capacity.toFixed(1)} a second that the servers can do under round robin`;
}

function resultText({ requests, errors, ttftMs }: ArmReport, failures: ReadonlyMap<string, number>): string {
  const reasons = Array.from(failures, ([reason, count]) => `, ${count} x ${reason}`).join("");
  return `${requests} requests, ${errors} errors${reasons}, TTFT ${formatTimes(ttftMs)}`;
}

function liveText(progress: ArmProgress): string {
  const done = Math.min(1, progress.elapsedSeconds / progress.seconds);
  const cells = Math.round(done * barCells);
  const bar = "█".repeat(cells) + "░".repeat(barCells - cells);
  const times = `TTFT ${formatTimes(progress.ttftMs)}\nwhole answer ${formatTimes(progress.e2eMs)}`;
  return `${bar}  ${countsText(progress)}\n${endpointTable(progress)}\n${times}`;
}

function countsText({ elapsedSeconds, seconds, requests, sent, ended, errors }: ArmProgress): string {
  const time = `${Math.min(elapsedSeconds, seconds).toFixed(0)} of ${seconds} s`;
  return `${time}, ${sent} of ${requests} sent, ${ended} answered, ${errors} errors`;
}

function endpointTable({ endpoints }: ArmProgress): string {
  const table = newTable(["endpoint", "waiting", "running", "KV used", "share of requests"], 1);
  for (const { name, waiting, running, kvCacheRatio, share } of endpoints) {
    table.push([name, waiting, running, formatPercent(kvCacheRatio), formatPercent(share)]);
  }
  return table.toString();
}

function formatPercent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
