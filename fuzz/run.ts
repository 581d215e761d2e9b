import { parseArgs } from "node:util";
import { systemClock } from "../src/lib/clock.ts";
import { corpusOf } from "./corpus.ts";
import { failureOf, type Finding, type FuzzTarget, runCase } from "./target.ts";
import { targets } from "./targets.ts";

/**
 * npm run fuzz [-- --total 1000000 --seed N --only TARGET --from INDEX]
 *
 * Replays the corpus, then runs `total` cases, divided among the targets or all of one. Exits 1 after findings, each printed
 * with the seed and index that repeat it and as the smallest case found.
 */
const { values } = parseArgs({
  options: {
    total: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    from: { type: "string", default: "0" },
  },
});
const [total, seed, from] = [Number(values.total), Number(values.seed), Number(values.from)];
if (![total, seed, from].every((number) => Number.isSafeInteger(number) && number >= 0)) {
  usage(
    `--total, --seed and --from: found "${values.total}", "${values.seed}", "${values.from}", expected whole numbers`,
  );
}
const chosen = targets.filter(({ target }) => values.only === undefined || target.name === values.only);
if (chosen.length === 0)
  usage(`--only: found "${values.only}", expected one of ${targets.map(({ target }) => target.name).join(", ")}`);

/** After so many findings of one target there is enough to mend. */
const mostFindings = 5;
const startedAtMs = systemClock.nowMs();
let [cases, findings] = [0, 0];
for (const { target, share } of chosen) {
  for (const { file, testCase } of corpusOf(target.name)) {
    const error = failureOf(target, testCase);
    cases++;
    if (error === undefined) continue;
    findings++;
    console.log(`corpus/${file}: ${error.stack ?? error.message}`);
  }
  const count = Math.round(total * (values.only === undefined ? share : 1));
  findings += fuzz(target, count);
  cases += count;
}
console.log(`${cases} cases in ${seconds()} s, seed ${seed}: ${findings} findings`);
process.exitCode = findings > 0 ? 1 : 0;

function fuzz(target: FuzzTarget, count: number): number {
  let found = 0;
  let saidAtMs = systemClock.nowMs();
  for (let index = from; index < from + count && found < mostFindings; index++) {
    const finding = runCase(target, seed, index);
    if (finding !== undefined) {
      found++;
      report(finding);
    }
    if (systemClock.nowMs() - saidAtMs < 10_000) continue;
    saidAtMs = systemClock.nowMs();
    console.log(`  ${target.name} ${index - from + 1} of ${count}, ${seconds()} s`);
  }
  const counts = [...target.counts].toSorted(([, a], [, b]) => b - a).map(([name, times]) => `${times} ${name}`);
  console.log(`${target.name}: ${count} cases, ${found} findings (${counts.join(", ")})`);
  return found;
}

function report({ target, index, testCase, error }: Finding): void {
  console.log(`${target}: ${error.stack ?? error.message}`);
  console.log(`  again: npm run fuzz -- --only ${target} --seed ${seed} --from ${index} --total 1`);
  console.log(`  case, to be kept as fuzz/corpus/${target}/NAME.json:\n${JSON.stringify(testCase)}`);
}

function seconds(): string {
  return ((systemClock.nowMs() - startedAtMs) / 1000).toFixed(0);
}

function usage(problem: string): never {
  console.error(problem);
  process.exit(2);
}
