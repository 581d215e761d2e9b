import type { ReplicaLoad } from "../replica/load.ts";
import { numberText } from "./number-text.ts";

/** Past label sets that stay on the page. */
const maxSeries = 64;

const head = "# HELP vllm:lora_requests_info Running stats on lora requests.\n# TYPE vllm:lora_requests_info gauge\n";

/**
 * The `vllm:lora_requests_info` family: absent until an adapter is used; then one series for every set of running and
 * waiting adapters seen at a scrape, whose value is the Unix time in seconds at which the set was last true. Old sets
 * stay, as vLLM leaves them, but only the newest 64.
 */
export class AdapterSeries {
  readonly #maxLoras: number;
  /** Value by labels, oldest first. */
  readonly #series = new Map<string, number>();
  #newest = "";

  constructor(maxLoras: number) {
    this.#maxLoras = maxLoras;
  }

  /** Notes the adapters of `load` and prints the family; "" while none was ever used. */
  render(load: ReplicaLoad, wallMs: number): string {
    this.#note(load, wallMs / 1000);
    if (this.#series.size === 0) return "";
    let text = head;
    for (const [labels, atSeconds] of this.#series) text += `${labels}${numberText(atSeconds)}\n`;
    return text;
  }

  #note(load: ReplicaLoad, atSeconds: number): void {
    const running = load.runningAdapters.join(",");
    const waiting = load.waitingAdapters.join(",");
    const isBusy = running !== "" || waiting !== "";
    if (load.adapterLoads === 0) return;
    const labels = `vllm:lora_requests_info{max_lora="${this.#maxLoras}",running_lora_adapters="${running}",waiting_lora_adapters="${waiting}"} `;
    if (!isBusy && labels === this.#newest) return;
    this.#newest = labels;
    this.#series.delete(labels);
    this.#series.set(labels, atSeconds);
    if (this.#series.size <= maxSeries) return;
    for (const oldest of this.#series.keys()) {
      this.#series.delete(oldest);
      return;
    }
  }
}
