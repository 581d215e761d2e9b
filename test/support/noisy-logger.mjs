// Logs 40 MB to standard error and tells what it cost: the longest wait of the event loop, and memory in MiB.
import { createLogger } from "../../src/telemetry/logger.ts";

const logger = createLogger(4);
const text = "x".repeat(180);
const before = process.memoryUsage();
let longestMs = 0;
for (let round = 0; round < 200; round++) {
  const startMs = performance.now();
  for (let line = 0; line < 1000; line++) logger.debug({ line }, text);
  await new Promise((resolve) => setImmediate(resolve));
  longestMs = Math.max(longestMs, performance.now() - startMs);
}
globalThis.gc();
const after = process.memoryUsage();
const grownMiB = (after.heapUsed + after.external - before.heapUsed - before.external) / 1024 / 1024;
process.send({ longestMs, grownMiB });
