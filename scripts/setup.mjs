#!/usr/bin/env node
// Makes a checkout ready: packages, dist, Envoy. Does only what is missing, says each thing in one line on stderr and
// keeps stdout free. Needs nothing but Node and npm.
//   node scripts/setup.mjs [--envoy | --envoy=optional]
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { explainFailedNpm, planSetup, refuseNode } from "./setup-plan.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, "node_modules", ".setup-lock-hash");

const say = (line) => process.stderr.write(`${line}\n`);
const stop = (line) => {
  say(line);
  process.exit(1);
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((argument) => argument !== "--envoy" && argument !== "--envoy=optional");
if (unknown !== undefined) {
  say(`Cannot set up with "${unknown}": expected --envoy or --envoy=optional`);
  process.exit(2);
}
const refusal = refuseNode(process.versions.node);
if (refusal !== undefined) stop(refusal);

const facts = readFacts();
const step = planSetup(facts);
if (step === "install") {
  say("Installing packages (npm ci), then building");
  runNpm("install packages", ["ci", "--loglevel=error", "--no-audit", "--no-fund", "--include=dev"]);
}
if (step === "build") {
  say("Building dist (npm run build)");
  runNpm("build", ["run", "build", "--loglevel=error"]);
}
if (facts.stampedHash !== facts.lockHash) writeFileSync(stampFile, facts.lockHash);
if (wanted.length > 0) await setUpEnvoy(wanted.includes("--envoy"));

async function setUpEnvoy(isRequired) {
  const envoy = await import(pathToFileURL(join(root, "dist", "src", "envoy", "binary.js")).href);
  try {
    await envoy.ensureEnvoy(process.env, say);
  } catch (error) {
    if (!(error instanceof envoy.EnvoyUnavailableError)) throw error;
    if (isRequired) stop(error.message);
    say(`${error.message}. Tests that need Envoy are skipped.`);
  }
}

function runNpm(action, args) {
  // Under `npm run` this is the npm that runs us, also when PATH holds another one.
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  const run = spawnSync(command, [...first, ...args], { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (run.error !== undefined) stop(`Cannot ${action}: npm does not start (${run.error.message}); install npm`);
  if (run.status !== 0) stop(explainFailedNpm(action, `${run.stdout}\n${run.stderr}`));
}

function readFacts() {
  const lockFile = join(root, "package-lock.json");
  return {
    nodeVersion: process.versions.node,
    lockHash: createHash("sha256").update(readFileSync(lockFile)).digest("hex"),
    stampedHash: existsSync(stampFile) ? readFileSync(stampFile, "utf8") : undefined,
    installedAtMs: modifiedMs(join(root, "node_modules", ".package-lock.json")),
    lockAtMs: statSync(lockFile).mtimeMs,
    sourcesAtMs: Math.max(
      ...["src", "simulator", "tsconfig.json", "tsconfig.build.json"].map((name) => newestMs(join(root, name))),
    ),
    builtAtMs: modifiedMs(join(root, "dist", "src", "cli", "epp.js")),
  };
}

function modifiedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : undefined;
}

/** Newest change under `path`, folders included: removing a file changes its folder. */
function newestMs(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}
