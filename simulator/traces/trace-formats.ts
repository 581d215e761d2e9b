import { azureFormat } from "./azure.ts";
import { burstGptFormat } from "./burst-gpt.ts";
import { inferencePerfFormat } from "./inference-perf.ts";
import { mooncakeFormat } from "./mooncake.ts";
import { qwenBailianFormat } from "./qwen-bailian.ts";
import type { TraceFormat } from "./trace-format.ts";

/** Every format of requests that is read; of those that recognize a file the first counts. */
export const traceFormats: readonly TraceFormat[] = [
  mooncakeFormat,
  qwenBailianFormat,
  azureFormat,
  burstGptFormat,
  inferencePerfFormat,
];
