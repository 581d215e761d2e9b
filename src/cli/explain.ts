import type { Command } from "commander";
import type { PickerAddress } from "../decisions/ask-picker.ts";
import { findDecisions, tellDecisions, tellMissing } from "../decisions/find-decisions.ts";
import { jsonText } from "../lib/json-text.ts";
import { exitCode } from "./exit.ts";
import { addressValue } from "./option-values.ts";

interface ExplainOptions {
  addr: PickerAddress;
  json?: boolean;
}

/** `epp explain`: why a request went where it went, from the ring of a running picker. */
export function registerExplain(program: Command): void {
  program
    .command("explain")
    .description("Tell why a request was sent to its endpoint, from a running picker's decision record")
    .argument("<request-id>", "x-request-id of the request")
    .option("--addr <host:port>", "metrics port of the picker", addressValue, addressValue("127.0.0.1:9090"))
    .option("--json", "print the decisions of that id as one JSON document, newest first")
    .action(async (requestId: string, options: ExplainOptions) => {
      const found = await findDecisions(options.addr, requestId);
      if (options.json === true) console.log(jsonText(found, 2));
      else if (found.decisions.length > 0) console.log(tellDecisions(found));
      if (found.decisions.length > 0) return;
      console.error(`epp: ${tellMissing(found)}`);
      process.exitCode = exitCode.no;
    });
}
