import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

interface Stage {
  readonly base: string;
  readonly name: string;
  readonly steps: readonly (readonly [instruction: string, rest: string])[];
}

const stages = readStages(readFileSync("Dockerfile", "utf8"));
const [build, packages, image] = stages as readonly [Stage, Stage, Stage];

function readStages(text: string): readonly Stage[] {
  const stages: { base: string; name: string; steps: [string, string][] }[] = [];
  const lines = text.replaceAll("\\\n", " ").split("\n");
  for (const line of lines.filter((each) => each.trim() !== "" && !each.startsWith("#"))) {
    const [, instruction = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    assert.notEqual(instruction, "", `not an instruction: ${line}`);
    const [, base, name = ""] = instruction === "FROM" ? (/^(\S+)(?: AS (\S+))?$/.exec(rest) ?? []) : [];
    if (base === undefined) stages.at(-1)?.steps.push([instruction, rest]);
    else stages.push({ base, name, steps: [] });
  }
  return stages;
}

const all = (stage: Stage, instruction: string): readonly string[] =>
  stage.steps.filter(([name]) => name === instruction).map(([, rest]) => rest);

test("the image has three stages, the last of them distroless Node 24 without root", () => {
  assert.deepEqual(
    stages.map(({ base, name }) => [base, name]),
    [
      ["node:24-bookworm-slim", "build"],
      ["node:24-bookworm-slim", "packages"],
      ["gcr.io/distroless/nodejs24-debian12:nonroot", ""],
    ],
  );
  assert.deepEqual(all(image, "USER"), ["65532:65532"]);
  assert.deepEqual(all(image, "RUN"), [], "there is no shell to run anything");
});

test("packages are installed as locked, without scripts, and only those of production run", () => {
  assert.deepEqual(all(build, "RUN"), ["npm ci --ignore-scripts", "npm run build"]);
  assert.deepEqual(all(packages, "RUN"), ["npm ci --omit=dev --ignore-scripts"]);
  const fromStages = all(image, "COPY").filter((rest) => rest.startsWith("--from="));
  assert.deepEqual(fromStages, ["--from=packages /app/node_modules node_modules", "--from=build /app/dist dist"]);
});

test("T42 the entry is serve, without a prototype to pollute and without an inspector to open", () => {
  assert.deepEqual(
    all(image, "ENTRYPOINT").map((rest) => JSON.parse(rest) as string[]),
    [["/nodejs/bin/node", "--disable-proto=delete", "--disable-sigusr1", "/app/bin/epp.js", "serve"]],
  );
  assert.deepEqual(all(image, "CMD"), []);
  assert.deepEqual(all(image, "ENV"), ["NODE_ENV=production"]);
  assert.deepEqual(all(image, "EXPOSE"), ["9002 9003 9090"]);
});

test("whatever is copied is there, and .dockerignore lets it through and nothing else", () => {
  const copied = stages
    .flatMap((stage) => all(stage, "COPY"))
    .filter((rest) => !rest.startsWith("--from="))
    .flatMap((rest) => rest.split(" ").slice(0, -1));
  assert.deepEqual(
    copied.filter((path) => !existsSync(path)),
    [],
  );
  const [first, ...letThrough] = readFileSync(".dockerignore", "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert.equal(first, "*");
  assert.deepEqual(letThrough.toSorted(), [...new Set(copied)].map((path) => `!${path}`).toSorted());
});
