import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { formatDoctorReport } from "../../src/cli/doctor-view.ts";
import type { DoctorReport } from "../../src/doctor/report.ts";
import { diagnosed, observe } from "../support/a-pool.ts";
import { enginePages } from "../support/engine-pages.ts";
import { closedPort, sendPage, startFakeModelServer } from "../support/fake-model-server.ts";
import { runEpp } from "../support/run-epp.ts";

const lora = 'vllm:lora_requests_info{max_lora="4",running_lora_adapters="",waiting_lora_adapters=""} 1.7e9\n';
const vllmPage = (running: number): string =>
  enginePages["vllm"]!({ waiting: 0, running, kvCacheRatio: running / 20 }) + lora;

/** Two ranks under the former name of the KV gauge. */
function oldPage(running: number): string {
  const ranks = [0, 1].map((rank) =>
    enginePages["vllm"]!({ waiting: 3 * rank, running: running + rank, kvCacheRatio: 0.25 }).replaceAll(
      'engine="0"',
      `engine="${rank}"`,
    ),
  );
  return ranks.join("").replaceAll("kv_cache_usage_perc", "gpu_cache_usage_perc");
}

function aReport(): DoctorReport {
  const refused = { kind: "failed", reason: "connect-refused", detail: "" } as const;
  return diagnosed([
    observe("vllm-0", [2, 3, 2, 5].map(vllmPage)),
    observe("vllm-1", [4, 6, 5, 5].map(oldPage), { port: 8001 }),
    observe("vllm-2", [refused, refused, refused, refused], { port: 8002 }),
  ]);
}

test("docs/operations.md shows a report as it is printed", () => {
  const docs = readFileSync("docs/operations.md", "utf8");
  const shown = /<!-- doctor -->\n```\n([^]*?)\n```/.exec(docs)?.[1];
  assert.equal(shown, formatDoctorReport(aReport()));
});

test("a pool without findings is said to be well", () => {
  const text = formatDoctorReport(diagnosed([observe("a", [vllmPage(1), vllmPage(2)])]));
  assert.match(text, /\n\nNothing to report: every signal is found and usable$/);
});

test("no line of a report is wider than 100 columns or holds what a terminal acts on", () => {
  const word = fc.string({ unit: "binary", maxLength: 300 });
  const page = fc
    .tuple(word, fc.double({ noNaN: true }), fc.nat(200))
    .map(([text, value, count]) =>
      Array.from({ length: count }, (_, i) => `vllm:num_requests_waiting{engine="${text}${i}"} ${value}\n`).join(""),
    );
  const name = fc.stringMatching(/^[a-z0-9]{1,250}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(name, page), { maxLength: 3 }), (endpoints) => {
      const pool = endpoints.map(([id, text]) =>
        observe(id, [text, text, { kind: "failed", reason: "other", detail: text }]),
      );
      for (const line of formatDoctorReport(diagnosed(pool)).split("\n")) {
        assert.ok(line.length <= 100, `${line.length}: ${line}`);
        assert.match(line, /^[\x20-\x7e\u2500-\u257f]*$/);
      }
    }),
    { numRuns: 100 },
  );
});

function inFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "epp-doctor-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "file.yaml"), text);
  return join(folder, "file.yaml");
}

const endpointsFile = (ports: readonly number[]): string =>
  `endpoints:\n${ports.map((port, i) => `  - { name: e${i}, address: 127.0.0.1, port: ${port} }\n`).join("")}`;

test("epp doctor --json prints one document; an endpoint that nobody reaches makes the exit code 1", async (t) => {
  const server = await startFakeModelServer(t);
  const file = inFile(t, endpointsFile([server.port, await closedPort()]));
  const { code, stdout, stderr } = await runEpp(t, ["doctor", "--endpoints", file, "--seconds", "1", "--json"]);
  const report = JSON.parse(stdout) as DoctorReport;
  assert.deepEqual([code, stderr, report.schemaVersion, report.errors], [1, "", 1, 1]);
  assert.deepEqual(
    report.endpoints.map(({ id, reads, failure }) => [id, reads.failed, failure?.reason]),
    [
      ["default/e0", 0, undefined],
      ["default/e1", 3, "connect-refused"],
    ],
  );
});

test("epp doctor reads engines and paths from the config, and exits 0 without an error", async (t) => {
  const server = await startFakeModelServer(t);
  server.answerWith((request, response) => {
    if (request.url !== "/prom") return void response.writeHead(404).end();
    sendPage(response, enginePages["sglang"]!({ waiting: 1, running: server.requests(), kvCacheRatio: 0.5 }));
  });
  const config = inFile(
    t,
    `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - { type: metrics-data-source, parameters: { path: /prom } }
  - { type: core-metrics-extractor, parameters: { defaultEngine: sglang } }
`,
  );
  const args = [
    "doctor",
    "--endpoints",
    inFile(t, endpointsFile([server.port])),
    "--config-file",
    config,
    "--seconds",
    "1",
  ];
  const { code, stdout } = await runEpp(t, args);
  assert.equal(code, 0);
  assert.match(stdout, /│ e0 +│ sglang +│ +3\/3 │/);
});

const wrong: readonly (readonly [what: string, args: readonly string[], code: number, stderr: RegExp])[] = [
  [
    "no endpoints",
    ["doctor"],
    2,
    /^epp: doctor needs one of --pool-name NAME, --endpoint-selector LABELS, --endpoints FILE$/m,
  ],
  ["no seconds", ["doctor", "--endpoints", "x", "--seconds", "0"], 2, /expected a whole number of at least 1/],
  [
    "a file that is not there",
    ["doctor", "--endpoints", "/nowhere.yaml"],
    1,
    /^epp: Cannot read "\/nowhere.yaml": ENOENT/m,
  ],
];
for (const [what, args, want, stderr] of wrong) {
  test(`epp doctor with ${what} exits ${want}`, async (t) => {
    const run = await runEpp(t, args);
    assert.deepEqual([run.code, run.stdout], [want, ""]);
    assert.match(run.stderr, stderr);
  });
}

test("epp doctor prints every problem of a file it cannot use", async (t) => {
  const file = inFile(t, "endpoints: [{ name: a, address: 10.0.0.256, port: 0 }]\n");
  const { code, stderr } = await runEpp(t, ["doctor", "--endpoints", file]);
  assert.equal(code, 1);
  assert.match(stderr, /endpoints\[0\]\.address: expected an IPv4.*\n.*endpoints\[0\]\.port: expected a port/);
});
