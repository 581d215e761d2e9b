// Runs the command line from its sources, as bin/epp.js runs it from the build.
import { run } from "../../src/cli/epp.ts";

process.exitCode = await run(process.argv);
