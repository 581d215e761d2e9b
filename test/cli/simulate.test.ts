import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type EppRun, runEpp } from "../support/run-epp.ts";

/** A Mooncake trace of 60 requests over half a minute, in sessions that share prefixes. */
const trace = Array.from({ length: 60 }, (_, i) => {
  const session = i % 6;
  const blocks = Array.from({ length: 2 + Math.floor(i / 12) }, (_, block) => session * 100 + block);
  const hash_ids = [...blocks, 1000 + i];
  return `${JSON.stringify({ timestamp: 500 * i, input_length: 512 * hash_ids.length - 7, output_length: 20 + i, hash_ids })}\n`;
}).join("");

function inFolder(t: TestContext): (name: string, text?: string) => string {
  const folder = mkdtempSync(join(tmpdir(), "epp-simulate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return (name, text) => {
    const path = join(folder, name);
    if (text !== undefined) writeFileSync(path, text);
    return path;
  };
}

const simulate = (t: TestContext, ...args: string[]): Promise<EppRun> => runEpp(t, ["simulate", ...args]);

interface Document {
  readonly trace: string;
  readonly requests: number;
  readonly replicas: number;
  readonly policies: readonly { readonly name: string; readonly decisions: number }[];
  readonly paired: readonly unknown[];
  readonly knees?: readonly { readonly policy: string; readonly rateScale: number | null }[];
}

test("epp simulate --json prints one document and nothing else, the same for the same seed in any number of threads", async (t) => {
  const file = inFolder(t);
  const args = ["--trace", file("t.jsonl", trace), "--replicas", "2", "--seeds", "2", "--sensitivity", "1", "--json"];
  const [one, two] = await Promise.all([
    simulate(t, ...args, "--threads", "1"),
    simulate(t, ...args, "--threads", "2"),
  ]);
  assert.deepEqual([one.code, one.stderr, two.code], [0, "", 0]);
  assert.equal(one.stdout, two.stdout);
  const document = JSON.parse(one.stdout) as Document;
  assert.deepEqual([document.trace, document.requests, document.replicas], ["t.jsonl", 60, 2]);
  assert.deepEqual(
    document.policies.map(({ name, decisions }) => [name, decisions]),
    [
      ["round-robin", 60],
      ["go-default", 60],
      ["default", 60],
    ],
  );
  assert.equal(document.paired.length, 33);
});

test("epp simulate prints a table, verdicts and what was assumed; --html writes a report", async (t) => {
  const file = inFolder(t);
  const args = ["--trace", file("t.jsonl", trace), "--policy", "round-robin", "--policy", "default", "--seeds", "2"];
  const { code, stdout } = await simulate(
    t,
    ...args,
    "--replicas",
    "2",
    "--sensitivity",
    "0",
    "--html",
    file("r.html"),
  );
  assert.equal(code, 0);
  assert.match(stdout, /^60 requests of t\.jsonl, llama-3-8b-h100, 2 seeds\n/);
  assert.match(stdout, /│ {30}│ round-robin │ +default │/);
  assert.match(stdout, /\ndefault (beats|loses to|against|equals) round-robin/);
  assert.match(stdout, /not the milliseconds/);
  for (const line of stdout.split("\n")) assert.ok(line.length <= 110, line);
  assert.match(readFileSync(file("r.html"), "utf8"), /^<!doctype html>[^]*<\/html>\n$/);
});

test("an EndpointPickerConfig is a policy by the name of its file", async (t) => {
  const file = inFolder(t);
  const { code, stdout } = await simulate(
    t,
    "--trace",
    file("t.jsonl", trace),
    "--policy",
    "manifests/config/demo.yaml",
    "--limit",
    "20",
    "--json",
  );
  assert.equal(code, 0);
  const { policies, requests } = JSON.parse(stdout) as Document;
  assert.deepEqual([policies.map(({ name }) => name), requests], [["demo"], 20]);
});

test("a scenario brings its own servers and policies, which flags change", async (t) => {
  const { code, stdout } = await simulate(
    t,
    "--scenario",
    "uniform",
    "--limit",
    "50",
    "--seeds",
    "1",
    "--policy",
    "random",
    "--replicas",
    "3",
    "--json",
  );
  assert.equal(code, 0);
  const document = JSON.parse(stdout) as Document & { preset: string };
  assert.deepEqual([document.trace, document.requests, document.replicas], ["uniform", 50, 3]);
});

test("a scenario whose pool changes says what happens when", async (t) => {
  const few = ["--limit", "1500", "--seeds", "1", "--policy", "round-robin"];
  const { code, stdout } = await simulate(t, "--scenario", "flapping-server", ...few);
  assert.equal(code, 0);
  assert.match(stdout, /The pool changes: replica 0 dies at 20.0 s, replica 0 joins at 30.0 s,/);
  assert.match(stdout, /refused, failed, unfinished\s+│\s+0 \/ [1-9][\d.]* \/ 0/);
});

test("the document lists the changes of the pool, and when the load ends", async (t) => {
  const few = ["--limit", "200", "--seeds", "1", "--policy", "round-robin", "--json"];
  const [changing, still] = await Promise.all(
    ["cold-scale-out", "uniform"].map((name) => simulate(t, "--scenario", name, ...few)),
  );
  const { poolChanges, lastArrivalMs } = JSON.parse(changing?.stdout ?? "") as Record<string, unknown>;
  assert.deepEqual(poolChanges, [{ atMs: 60_000, replica: 8, kind: "joins" }]);
  assert.ok(typeof lastArrivalMs === "number" && lastArrivalMs > 60_000, String(lastArrivalMs));
  assert.equal("poolChanges" in (JSON.parse(still?.stdout ?? "") as object), false);
});

const ends: readonly (readonly [flags: readonly string[], told: RegExp | undefined])[] = [
  [[], undefined],
  [
    ["--limit", "1000"],
    /The last request arrives at 3\d\.\d s \(--limit and --rate-scale end a load sooner\), and none is sent after these changes: replica 0 dies at 40\.0 s,.* replica 0 joins at 70\.0 s\./,
  ],
  [
    ["--rate-scale", "10"],
    /The last request arrives at [\d.]+ s .*, and none is sent after these changes: replica 0 dies at 20\.0 s,/,
  ],
];
for (const [flags, told] of ends) {
  test(`flapping-server ${flags.join(" ")} tells which changes no request meets`, async (t) => {
    const few = ["--seeds", "1", "--policy", "round-robin", ...flags];
    const { code, stdout } = await simulate(t, "--scenario", "flapping-server", ...few);
    assert.equal(code, 0);
    const text = stdout.replaceAll(/\s+/g, " ");
    if (told === undefined) assert.doesNotMatch(text, /The last request arrives/);
    else assert.match(text, told);
  });
}

test("a sweep in two parts, merged, is the sweep in one", async (t) => {
  const file = inFolder(t);
  file("t.jsonl", trace);
  const sweep = file(
    "sweep.yaml",
    `trace: t.jsonl
seeds: 2
policies: [round-robin]
weights: { grid: { prefix-cache-scorer: [0, 3] } }
rateScales: [1, 4]
replicas: [2]
`,
  );
  const parts = [0, 1].map((i) => file(`part-${i}.json`));
  const runs = parts.map((part, i) => simulate(t, "--sweep", sweep, "--shard", `${i}/2`, "--out", part));
  const [whole, ...done] = await Promise.all([simulate(t, "--sweep", sweep, "--json"), ...runs]);
  assert.deepEqual(
    done.map(({ code, stdout, stderr }) => [code, stdout, stderr]),
    [
      [0, "", ""],
      [0, "", ""],
    ],
  );
  const merged = await simulate(t, "--merge", ...parts, "--json");
  assert.deepEqual([merged.code, merged.stdout], [0, whole.stdout]);
  const { cells } = JSON.parse(whole.stdout) as { cells: { rateScale: number; policies: { name: string }[] }[] };
  assert.deepEqual(
    cells.map(({ rateScale, policies }) => [rateScale, ...policies.map(({ name }) => name)]),
    [
      [1, "round-robin", "prefix-cache=0", "prefix-cache=3"],
      [4, "round-robin", "prefix-cache=0", "prefix-cache=3"],
    ],
  );
  const missing = await simulate(t, "--merge", parts[0] ?? "");
  assert.deepEqual([missing.code, missing.stderr], [1, "epp: Cannot merge: part 1 of 2 is missing\n"]);
});

test("--find-knee tells the knee of every policy and compares at the greatest", async (t) => {
  const file = inFolder(t);
  const policies = ["--policy", "round-robin", "least-request", "--replicas", "1"];
  const terms = ["--seeds", "2", "--sensitivity", "0", "--slo-ttft-ms", "150", "--find-knee", "--json"];
  const args = ["--trace", file("t.jsonl", trace), ...policies, ...terms];
  const { code, stdout } = await simulate(t, ...args);
  assert.equal(code, 0);
  const { knees = [], ...document } = JSON.parse(stdout) as Document & { rateScale: number };
  assert.deepEqual(
    knees.map(({ policy }) => policy),
    ["round-robin", "least-request"],
  );
  const scales = knees.map(({ rateScale }) => rateScale ?? 0);
  assert.ok(Math.max(...scales) > 0);
  assert.equal(document.rateScale, Math.max(...scales));
});

const wrong: readonly (readonly [what: string, args: readonly string[], code: number, stderr: RegExp])[] = [
  [
    "no load",
    [],
    2,
    /^epp: simulate needs one of --trace FILE, --recording DIR, --metrics PATH and --scenario NAME: found none$/m,
  ],
  ["two loads", ["--trace", "a", "--scenario", "uniform"], 2, /found --trace and --scenario$/m],
  [
    "an unknown policy",
    ["--trace", "a", "--policy", "defualt"],
    2,
    /^epp: cannot use policy "defualt": unknown, did you mean "default"\?$/m,
  ],
  [
    "a policy given twice",
    ["--trace", "a", "--policy", "random", "random"],
    2,
    /cannot compare policy "random" with itself/,
  ],
  [
    "an unknown preset",
    ["--trace", "a", "--preset", "gpt"],
    2,
    /^epp: cannot use preset "gpt": unknown, expected one of llama-3-8b-h100/m,
  ],
  [
    "an unknown scenario",
    ["--scenario", "unifrom"],
    2,
    /^epp: cannot use scenario "unifrom": unknown, did you mean "uniform"\?$/m,
  ],
  [
    "too few servers for what happens to them",
    ["--scenario", "cold-scale-out", "--replicas", "8"],
    2,
    /^epp: cannot simulate scenario "cold-scale-out" with 8 replicas: it changes replica 8, expected at least 9$/m,
  ],
  ["a bad number", ["--trace", "a", "--rate-scale", "0"], 2, /expected a number above 0/],
  ["a bad part", ["--trace", "a", "--shard", "2/2"], 2, /expected I\/N with I from 0 to N-1, or auto\/N/],
  [
    "a part of nobody's job",
    ["--trace", "a", "--shard", "auto/2"],
    2,
    /JOB_COMPLETION_INDEX does not name one of 2 parts/,
  ],
  ["a knee of a sweep", ["--sweep", "a", "--find-knee"], 2, /cannot use --find-knee together with --sweep/],
  [
    "a trace that is not there",
    ["--trace", "/nowhere.jsonl"],
    1,
    /^epp: Cannot read trace "\/nowhere\.jsonl": there is no such file/,
  ],
  ["a foreign file", ["--trace", "package.json"], 1, /^epp: Cannot read trace "package\.json": /],
  [
    "a config that is not there",
    ["--trace", "a", "--policy", "/nowhere.yaml"],
    1,
    /^epp: Cannot read "\/nowhere\.yaml": ENOENT/,
  ],
  [
    "a config that is none",
    ["--trace", "a", "--policy", "biome.json"],
    1,
    /^epp: Cannot use policy "biome":\nbiome\.json:\d+:\d+ /,
  ],
  ["a sweep that is none", ["--sweep", "biome.json"], 1, /^epp: biome\.json:\d+:\d+ \S+: unknown field/],
];
for (const [what, args, code, stderr] of wrong) {
  test(`epp simulate with ${what} exits ${code}`, async (t) => {
    const run = await simulate(t, ...args);
    assert.deepEqual([run.code, run.stdout], [code, ""]);
    assert.match(run.stderr, stderr);
  });
}

test("rows that cannot be used are named and counted, and the others are simulated", async (t) => {
  const file = inFolder(t);
  const cut = `${trace.slice(0, -30)}\n`;
  const { code, stdout, stderr } = await simulate(t, "--trace", file("t.jsonl", cut), "--policy", "random", "--json");
  assert.equal(code, 0);
  assert.equal((JSON.parse(stdout) as Document).requests, 59);
  assert.match(stderr, /^Cannot use row ".*t\.jsonl:60": /);
});

test("epp simulate loads neither plots nor gRPC nor the table for --json", async (t) => {
  const file = inFolder(t);
  const out = file("loaded.txt");
  const hook = file(
    "hook.mjs",
    `import { appendFileSync } from "node:fs";
export async function resolve(specifier, context, next) { appendFileSync(${JSON.stringify(out)}, specifier + "\\n"); return next(specifier, context); }`,
  );
  const register = file(
    "register.mjs",
    `import { register } from "node:module"; register(${JSON.stringify(`file://${hook}`)});`,
  );
  const { startEpp } = await import("../support/run-epp.ts");
  const args = ["simulate", "--trace", file("t.jsonl", trace), "--policy", "random", "--json"];
  assert.equal((await startEpp(t, args, ["--import", register]).ended).code, 0);
  assert.ok(existsSync(out));
  const loaded = readFileSync(out, "utf8");
  assert.match(loaded, /simulate-policy/);
  assert.doesNotMatch(loaded, /observablehq|linkedom|grpc|kubernetes|cli-table3|log-update|undici|pino/);
});
