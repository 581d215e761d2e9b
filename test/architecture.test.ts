import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Which room may import which; every room may import itself. The order is the direction: left never knows right. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  datastore: ["lib"],
  request: ["lib"],
  scheduling: ["datastore", "request", "lib"],
  admission: ["scheduling", "datastore", "request", "lib"],
  config: ["admission", "scheduling", "lib"],
  scrape: ["datastore", "lib"],
  discovery: ["datastore", "config", "lib"],
  doctor: ["config", "discovery", "scrape", "datastore", "lib"],
  routing: ["admission", "scheduling", "datastore", "request", "lib"],
  decisions: ["routing", "scheduling", "datastore", "request", "lib"],
  recording: ["decisions", "routing", "scheduling", "datastore", "request", "lib"],
  top: ["decisions", "lib"],
  extproc: ["routing", "scheduling", "request", "lib"],
  telemetry: ["extproc", "discovery", "scrape", "datastore", "lib"],
  envoy: ["datastore", "lib"],
  main: [
    "admission",
    "config",
    "datastore",
    "decisions",
    "discovery",
    "extproc",
    "request",
    "recording",
    "routing",
    "scheduling",
    "scrape",
    "telemetry",
    "lib",
  ],
  simulator: [
    "admission",
    "config",
    "datastore",
    "discovery",
    "envoy",
    "lib",
    "recording",
    "request",
    "routing",
    "scheduling",
  ],
  cli: [
    "main",
    "simulator",
    "config",
    "datastore",
    "decisions",
    "discovery",
    "doctor",
    "envoy",
    "extproc",
    "recording",
    "routing",
    "scheduling",
    "scrape",
    "telemetry",
    "top",
    "lib",
  ],
};

/** Rooms that a room knows by type only: it is told of them, it does not use them. */
const typesOnly: Readonly<Record<string, readonly string[]>> = {
  extproc: ["scheduling"],
  telemetry: ["extproc", "discovery", "scrape", "datastore"],
};

/** The one room that uses a package. */
const ownerOf: Readonly<Record<string, string>> = {
  "@grpc/grpc-js": "extproc",
  "@grpc/proto-loader": "extproc",
  "@peculiar/x509": "extproc",
  "reflect-metadata": "extproc",
  "prom-client": "telemetry",
  pino: "telemetry",
  undici: "scrape",
  "parse-prometheus-text-format": "scrape",
  "@kubernetes/client-node": "discovery",
  "@observablehq/plot": "simulator",
  linkedom: "simulator",
  "csv-parse": "simulator",
  yaml: "lib",
  zod: "lib",
  "xxhash-wasm": "scheduling",
  commander: "cli",
  "cli-table3": "cli",
  "log-update": "cli",
};

interface SourceFile {
  readonly file: string;
  readonly room: string;
  readonly lines: number;
  readonly imports: readonly { readonly from: string; readonly isTypeOnly: boolean }[];
}

function roomOf(file: string): string {
  const [top, second = ""] = file.split("/");
  if (top === "simulator") return "simulator";
  return second.endsWith(".ts") ? second.slice(0, -3) : second;
}

function readSources(): SourceFile[] {
  return ["src", "simulator"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
      .map((name) => {
        const file = join(folder, name);
        const text = readFileSync(join(root, file), "utf8");
        const statements = text.matchAll(
          /^(?:import|export)(\s+type)?\s[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|import\("([^"]+)"\)/gms,
        );
        const imports = [...statements].map(([, isType, named, bare, dynamic]) => ({
          from: named ?? bare ?? dynamic ?? "",
          isTypeOnly: isType !== undefined,
        }));
        return { file, room: roomOf(file), lines: text.split("\n").length - 1, imports };
      }),
  );
}

/** The package of an import, without the path within it. */
function packageOf(from: string): string {
  return from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");
}

const sources = readSources();

test("every room imports only the rooms left of it", () => {
  const breaches: string[] = [];
  for (const { file, room, imports } of sources) {
    assert.ok(mayImport[room] !== undefined, `${file}: room "${room}" is not in the table`);
    for (const { from, isTypeOnly } of imports) {
      if (!from.startsWith(".")) continue;
      const target = roomOf(relative(root, resolve(root, dirname(file), from)));
      if (target === room) continue;
      if (mayImport[room].includes(target) && (isTypeOnly || !typesOnly[room]?.includes(target))) continue;
      breaches.push(`${file} imports ${from}`);
    }
  }
  assert.deepEqual(breaches, []);
});

test("every package belongs to one room", () => {
  const breaches: string[] = [];
  for (const { file, room, imports } of sources) {
    for (const { from } of imports) {
      if (from.startsWith(".") || from.startsWith("node:")) continue;
      const owner = ownerOf[packageOf(from)];
      if (owner !== room) breaches.push(`${file} imports ${from}, which belongs to ${owner ?? "no room"}`);
    }
  }
  assert.deepEqual(breaches, []);
});

test("every dependency of the package is in the table", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  assert.deepEqual(Object.keys(manifest.dependencies).toSorted(), Object.keys(ownerOf).toSorted());
});

test("no source file is longer than 500 lines", () => {
  assert.deepEqual(
    sources.filter(({ lines }) => lines > 500).map(({ file, lines }) => `${file}: ${lines}`),
    [],
  );
});

test("time and chance come only from lib", () => {
  const forbidden = /\b(Date\.now|performance\.now|Math\.random|setTimeout|setInterval|new Date\(\))/;
  const breaches = sources
    .filter(({ room }) => room !== "lib" && room !== "cli")
    .flatMap(({ file }) =>
      readFileSync(join(root, file), "utf8")
        .split("\n")
        .flatMap((line, index) =>
          forbidden.test(line.replace(/\/\/.*|^\s*\*.*/, "")) ? [`${file}:${index + 1} ${line.trim()}`] : [],
        ),
    );
  assert.deepEqual(breaches, []);
});
