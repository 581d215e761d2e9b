import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { formatCluster } from "../../src/cli/doctor-cluster-view.ts";
import { formatDoctorReport } from "../../src/cli/doctor-view.ts";
import { neededRights } from "../../src/discovery/kubernetes/needed-rights.ts";
import type { ClusterFacts } from "../../src/doctor/examine-cluster.ts";
import type { DoctorReport } from "../../src/doctor/report.ts";
import { diagnosed, observe } from "../support/a-pool.ts";
import { enginePages } from "../support/engine-pages.ts";
import { aCluster, type TestCluster } from "../support/a-cluster.ts";
import { grantAllBut } from "../support/a-rights-review.ts";
import { closedPort, startFakeModelServer } from "../support/fake-model-server.ts";
import { aFolder } from "../support/kube/reflector-rig.ts";
import { type EppRun, runEpp } from "../support/run-epp.ts";

/** Runs `epp doctor` for the pool `ns/pool` of a cluster. */
function doctor(
  t: TestContext,
  { server }: TestCluster,
  args: readonly string[],
  user: Readonly<Record<string, unknown>> = {},
): Promise<EppRun> {
  const kubeconfig = join(aFolder(t), "config");
  server.writeKubeconfig(kubeconfig, { user });
  const pool = ["--pool-name=pool", "--pool-namespace=ns", "--allow-loopback", "--seconds=1"];
  return runEpp(t, ["doctor", ...pool, ...args], { KUBECONFIG: kubeconfig });
}

test("epp doctor --pool-name reads the pages of the pool's endpoints and says what the cluster lacks", async (t) => {
  const server = await startFakeModelServer(t);
  const cluster = await aCluster(t);
  cluster.server.review = grantAllBut(["watch pods"]);
  cluster.setPool({ ports: [server.port, await closedPort()] });
  cluster.setPod({ name: "a", ip: "127.0.0.1", annotations: { "llm-d.ai/active-ports": `${server.port}` } });
  cluster.setPod({ name: "b", ip: "127.0.0.1", isReady: false });
  const { code, stdout, stderr } = await doctor(t, cluster, ["--json"]);
  assert.deepEqual([code, stderr], [1, ""]);
  const report = JSON.parse(stdout) as DoctorReport;
  assert.deepEqual(
    report.endpoints.map(({ id, reads }) => [id, reads.done, reads.failed]),
    [["ns/a-rank-0", 3, 0]],
  );
  assert.deepEqual(
    report.cluster?.pods?.map(({ name, endpoints, why }) => [name, endpoints.join(), why]),
    [
      ["a", "ns/a-rank-0", undefined],
      ["b", "", "not-ready"],
    ],
  );
  assert.deepEqual(
    report.findings.filter(({ code: finding }) => /^right|^pod/.test(finding)).map(({ code: finding }) => finding),
    ["right-missing", "pod-excluded"],
  );
});

test("epp doctor --pool-name exits 0 without an error, and prints the pool, what is granted and the pods", async (t) => {
  const server = await startFakeModelServer(t);
  const cluster = await aCluster(t);
  cluster.server.review = grantAllBut();
  cluster.setPool({ ports: [server.port] });
  cluster.setPod({ name: "a", ip: "127.0.0.1" });
  const { code, stdout } = await doctor(t, cluster, []);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^pool ns\/pool at http:\/\/127\.0\.0\.1:\d+ as system:serviceaccount:ns:picker\n/);
  assert.match(stdout, /│ pods +│ yes +│ get list watch +│ - +│/);
  assert.match(stdout, /│ a +│ 127\.0\.0\.1 +│ +1 │ +- │/);
  assert.match(stdout, /│ ns\/a-rank-0 +│ vllm +│ +3\/3 │/);
});

test("epp doctor --pool-name: no pool and no rights are lines of the report", async (t) => {
  const cluster = await aCluster(t);
  cluster.server.review = grantAllBut(["list inferencepools"]);
  cluster.server.forbidden.add("list inferencepools");
  const { code, stdout } = await doctor(t, cluster, ["--metrics-endpoint-auth=false"]);
  assert.equal(code, 1);
  assert.match(stdout, /may not list inferencepools\.inference\.networking\.k8s\.io/);
  assert.match(stdout, /1 error, 0 warnings, 0 notes/);
});

const unusable: readonly (readonly [what: string, kubeconfig: string | undefined, stderr: RegExp])[] = [
  ["that is not there", undefined, /^epp: Cannot read kubeconfig ".*config": no such file, expected a kubeconfig\n$/],
  ["of broken YAML", "contexts: [", /^epp: Cannot use kubeconfig ".*config": .*\n$/],
  [
    "without a context",
    "apiVersion: v1\nkind: Config\n",
    /^epp: Cannot use kubeconfig ".*": no current-context, .*\n$/,
  ],
];
for (const [what, text, stderr] of unusable) {
  test(`epp doctor with a kubeconfig ${what} exits 1 with one line`, async (t) => {
    const path = join(aFolder(t), "config");
    if (text !== undefined) writeFileSync(path, text);
    const run = await runEpp(t, ["doctor", "--pool-name=p"], { KUBECONFIG: path });
    assert.deepEqual([run.code, run.stdout], [1, ""]);
    assert.match(run.stderr, stderr);
  });
}

test("epp doctor with an API server that nobody runs exits 1 with one line", async (t) => {
  const cluster = await aCluster(t);
  await cluster.server.kill();
  const { code, stdout, stderr } = await doctor(t, cluster, []);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^epp: Cannot ask the API server http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED .*\n$/);
});

test("epp doctor with credentials that are refused exits 1 with one line", async (t) => {
  const cluster = await aCluster(t);
  cluster.server.authorizations.add("Bearer good");
  const { code, stdout, stderr } = await doctor(t, cluster, [], { token: "bad" });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^epp: Cannot ask the API server http:\S+: create SelfSubjectReview: found status 401, .*\n$/);
});

const poolGroup = "inference.networking.k8s.io";
const [namespace, poolName] = ["default", "llm"];

/** A pool of two pods, one of them no endpoint, and a service account without a right and without two CRDs. */
function someFacts(): ClusterFacts {
  const rights = neededRights({ namespace, poolName, poolGroup, hasElection: false, hasReaders: true });
  const ip = "10.0.0.7";
  const spec = { namespace, host: ip, labels: {}, port: 8000, address: `${ip}:8000` };
  const aPod = { namespace, serviceAccount: "vllm", ip };
  const rank = { ...spec, id: "default/vllm-0-rank-0", incarnation: "uid@10.0.0.7:8000", name: "vllm-0-rank-0" };
  return {
    apiServer: "https://10.96.0.1:443",
    user: "system:serviceaccount:default:llm-epp",
    namespace,
    poolName,
    kinds: [
      { group: poolGroup, version: "v1", resource: "inferencepools", standing: "known" },
      ...["llm-d.ai", "inference.networking.x-k8s.io"].flatMap((group, i) =>
        ["inferenceobjectives", "inferencemodelrewrites"].map((resource) => {
          return { group, version: "v1alpha2", resource, standing: i === 0 ? "known" : "absent" } as const;
        }),
      ),
    ],
    rights: {
      rights: rights.map((right) => ({
        ...right,
        isGranted: right.group !== "inference.networking.x-k8s.io" && right.verb !== "create",
      })),
      problem: undefined,
    },
    pool: { kind: "ok", pool: { selector: { app: "vllm" }, targetPorts: [8000], appProtocol: undefined } },
    pods: [
      { ...aPod, name: "vllm-0", endpoints: [rank], exclusion: undefined },
      {
        ...aPod,
        name: "vllm-1",
        ip: undefined,
        endpoints: [],
        exclusion: { kind: "not-ready", detail: "ContainersNotReady: containers with unready status: [vllm]" },
      },
    ],
  };
}

test("docs/operations.md shows what is printed of a cluster", () => {
  const lora = 'vllm:lora_requests_info{max_lora="4",running_lora_adapters="",waiting_lora_adapters=""} 1.7e9\n';
  const pages = [2, 3].map((running) => enginePages["vllm"]!({ waiting: 0, running, kvCacheRatio: 0.5 }) + lora);
  const report = diagnosed([observe("vllm-0-rank-0", pages)], undefined, someFacts());
  const text = formatDoctorReport(report).split("\n\n");
  const shown = /<!-- doctor cluster -->\n```\n([^]*?)\n```/.exec(readFileSync("docs/operations.md", "utf8"))?.[1];
  // Without the three tables of pages, which are those of endpoints of a file.
  assert.equal(shown, [...text.slice(0, 3), ...text.slice(6)].join("\n\n"));
});

const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?$/);
const words = fc.subarray(["get", "list", "watch"]);

test("no line about a cluster is wider than 100 columns or holds what a terminal acts on", () => {
  const text = fc.string({ unit: "binary", maxLength: 300 });
  const report = fc.record({
    apiServer: text,
    user: text,
    namespace: name,
    poolName: name,
    pool: fc.record({ selector: fc.dictionary(name, name), targetPorts: fc.array(fc.nat(65_535), { maxLength: 8 }) }),
    resources: fc.array(fc.record({ resource: text, granted: words, missing: words, unknown: words })),
    pods: fc.array(
      fc.record({
        name,
        ip: fc.ipV6(),
        endpoints: fc.array(name, { maxLength: 8 }),
        why: fc.constant("service-account"),
      }),
    ),
  });
  fc.assert(
    fc.property(report, (cluster) => {
      for (const line of formatCluster(cluster, 100).join("\n").split("\n")) {
        assert.ok(line.length <= 100, `${line.length}: ${line}`);
        assert.match(line, /^[\x20-\x7e\u2500-\u257f]*$/);
      }
    }),
    { numRuns: 100 },
  );
});
