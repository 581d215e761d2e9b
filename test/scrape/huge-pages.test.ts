import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { systemClock } from "../../src/lib/clock.ts";
import { DeadlineSweep } from "../../src/scrape/deadline-sweep.ts";
import { PageFetcher } from "../../src/scrape/fetch.ts";
import { vllm } from "../../src/scrape/model-servers.ts";
import { createPageParser } from "../../src/scrape/parse.ts";

/** Answers every request with 100 MB of series, as fast as they are taken; in a process of its own, so that its memory is not ours. */
const generator = `
  const { createServer } = require("node:http");
  const lines = Array.from({ length: 2000 }, (_, i) => 'vllm:num_requests_waiting{x="' + i + '"} 1\\n').join("");
  const server = createServer((request, response) => {
    const isAnnounced = request.url === "/announced";
    response.writeHead(200, isAnnounced ? { "content-length": 100_000_000 } : {});
    let sent = 0;
    const more = () => {
      while (sent < 100_000_000) {
        sent += lines.length;
        if (!response.write(lines)) return response.once("drain", more);
      }
      response.end();
    };
    more();
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;

async function startGenerator(t: TestContext): Promise<number> {
  const child = spawn(process.execPath, ["-e", generator], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill());
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return Number(String(line));
}

test("F05 pages of 100 MB cost at most 8 MiB of memory", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const port = await startGenerator(t);
  const sweep = new DeadlineSweep(systemClock);
  const parse = createPageParser(vllm);
  const fetchers = ["/metrics", "/announced"].map((path) => {
    const fetcher = new PageFetcher({ host: "127.0.0.1", port, path, sweep, deadlineMs: 30_000 });
    t.after(() => fetcher.close());
    return fetcher;
  });
  const round = async (): Promise<number> => {
    for (const fetcher of fetchers) {
      const result = await fetcher.fetch(parse);
      assert.ok(result.kind === "failed" && result.reason === "too-large");
    }
    collect();
    return process.memoryUsage().rss;
  };
  // The allocator needs some rounds to get hold of what the process will go on using.
  for (let i = 0; i < 10; i++) await round();
  const before = process.memoryUsage().rss;
  let most = 0;
  for (let i = 0; i < 20; i++) most = Math.max(most, await round());
  const risenMiB = (most - before) / 2 ** 20;
  t.diagnostic(`20 rounds: ${risenMiB.toFixed(1)} MiB more`);
  assert.ok(risenMiB <= 8, `${risenMiB} MiB`);
});
