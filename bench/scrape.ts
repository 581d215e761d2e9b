import parsePrometheusTextFormat from "parse-prometheus-text-format";
import { systemClock } from "../src/lib/clock.ts";
import { vllm } from "../src/scrape/model-servers.ts";
import { createPageParser } from "../src/scrape/parse.ts";

const pages: readonly { name: string; engines: number; loraSeries: number }[] = [
  { name: "one engine, no adapters", engines: 1, loraSeries: 0 },
  { name: "one engine, 250 adapter series", engines: 1, loraSeries: 250 },
  { name: "two engines, 500 adapter series", engines: 2, loraSeries: 500 },
];

/**
 * Prints, per kind of page, the CPU time of reading it with the line filter and of parsing it whole with the library,
 * and the ratio of the two, which holds on any machine.
 */
export function benchScrape(print: (line: string) => void): void {
  for (const { name, engines, loraSeries } of pages) {
    // A page in 16 variants, so that no reading is a repeat of the one before.
    const variants = Array.from({ length: 16 }, (_, i) => Buffer.from(renderPage(engines, loraSeries, i)));
    const parse = createPageParser(vllm);
    const filteredUs = bestUs((i) => parse(variants[i % 16] ?? Buffer.alloc(0)), 400);
    const wholeUs = bestUs((i) => parsePrometheusTextFormat(String(variants[i % 16])), 20);
    const size = `${((variants[0]?.length ?? 0) / 1000).toFixed(0)} KB`;
    const ratio = (wholeUs / filteredUs).toFixed(0);
    print(
      `${name.padEnd(32)} ${size.padStart(7)}   filter ${filteredUs.toFixed(0).padStart(4)} us   library ${wholeUs.toFixed(0).padStart(5)} us   ${ratio}x`,
    );
  }
}

function bestUs(work: (i: number) => unknown, times: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 6; round++) {
    const startMs = systemClock.nowMs();
    for (let i = 0; i < times; i++) work(i);
    best = Math.min(best, ((systemClock.nowMs() - startMs) * 1000) / times);
  }
  return best;
}

/** A page in the shape of vLLM's: few gauges among many histogram lines. */
function renderPage(engines: number, loraSeries: number, variant: number): string {
  const lines: string[] = [];
  const gauge = (name: string, value: (engine: number) => number): void => {
    lines.push(`# HELP vllm:${name} Something.`, `# TYPE vllm:${name} gauge`);
    for (let engine = 0; engine < engines; engine++) {
      lines.push(`vllm:${name}{engine="${engine}",model_name="base"} ${value(engine)}.0`);
    }
  };
  gauge("num_requests_running", (engine) => variant + engine);
  gauge("num_requests_waiting", (engine) => variant * 2 + engine);
  gauge("kv_cache_usage_perc", () => variant % 2);
  for (let family = 0; family < 40; family++) {
    const name = `vllm:request_stage_${family}_seconds`;
    lines.push(`# HELP ${name} Histogram of a stage in seconds.`, `# TYPE ${name} histogram`);
    for (let bucket = 0; bucket < 16 * engines; bucket++) {
      const labels = `engine="${bucket % engines}",le="${bucket}.0",model_name="base"`;
      lines.push(`${name}_bucket{${labels}} ${bucket * (variant + 1)}.0`);
    }
  }
  lines.push("# TYPE vllm:cache_config_info gauge");
  lines.push('vllm:cache_config_info{block_size="16",cache_dtype="auto",engine="0",num_gpu_blocks="8192"} 1.0');
  if (loraSeries > 0) lines.push("# TYPE vllm:lora_requests_info gauge");
  for (let series = 0; series < loraSeries; series++) {
    const names = Array.from({ length: 4 }, (_, i) => `adapter-${(series * 7 + i) % 97}`).join(",");
    const time = 1_787_000_000 + ((series * 31 + variant) % loraSeries);
    lines.push(
      `vllm:lora_requests_info{max_lora="4",running_lora_adapters="${names}",waiting_lora_adapters=""} ${time}.0`,
    );
  }
  return `${lines.join("\n")}\n`;
}
