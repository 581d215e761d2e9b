import assert from "node:assert/strict";
import test from "node:test";

interface SetupFacts {
  readonly lockHash: string;
  readonly stampedHash: string | undefined;
  readonly installedAtMs: number | undefined;
  readonly lockAtMs: number;
  readonly sourcesAtMs: number;
  readonly builtAtMs: number | undefined;
}
interface SetupPlan {
  readonly refuseNode: (nodeVersion: string) => string | undefined;
  readonly planSetup: (facts: SetupFacts) => string;
  readonly explainFailedNpm: (action: string, output: string) => string;
}
const file = new URL("../../scripts/setup-plan.mjs", import.meta.url).href;
const { refuseNode, planSetup, explainFailedNpm } = (await import(file)) as SetupPlan;

const ready: SetupFacts = {
  lockHash: "a",
  stampedHash: "a",
  installedAtMs: 10,
  lockAtMs: 5,
  sourcesAtMs: 20,
  builtAtMs: 30,
};

const plans: readonly { name: string; facts: Partial<SetupFacts>; want: string }[] = [
  { name: "does nothing when all is there", facts: {}, want: "nothing" },
  {
    name: "installs without node_modules",
    facts: { installedAtMs: undefined, stampedHash: undefined },
    want: "install",
  },
  { name: "installs when the lock file changed", facts: { lockHash: "b" }, want: "install" },
  {
    name: "trusts an npm ci done by hand after the lock file was written",
    facts: { stampedHash: undefined },
    want: "nothing",
  },
  {
    name: "installs over an older installation done by hand",
    facts: { stampedHash: undefined, lockAtMs: 11 },
    want: "install",
  },
  { name: "builds without dist", facts: { builtAtMs: undefined }, want: "build" },
  { name: "builds when a source is newer", facts: { sourcesAtMs: 31 }, want: "build" },
];
for (const { name, facts, want } of plans) {
  test(`planSetup ${name}`, () => assert.equal(planSetup({ ...ready, ...facts }), want));
}

test("refuseNode refuses Node below 20.19 in one line", () => {
  for (const version of ["20.19.0", "20.20.2", "22.0.0", "24.1.0"]) assert.equal(refuseNode(version), undefined);
  for (const version of ["18.20.4", "20.18.3", "8.0.0"]) {
    assert.match(refuseNode(version) ?? "", /^Cannot run with Node ".*": expected 20.19 or newer;.*$/);
  }
});

test("explainFailedNpm names a missing network, else shows npm's first lines", () => {
  assert.equal(
    explainFailedNpm("install packages", "npm error code EAI_AGAIN\nnpm error getaddrinfo"),
    "Cannot install packages: no way to the npm registry; connect to the network and try again",
  );
  assert.equal(explainFailedNpm("build", "src/a.ts(1,1): error TS1\n\n"), "Cannot build:\nsrc/a.ts(1,1): error TS1");
});
