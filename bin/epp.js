#!/usr/bin/env node
import { run } from "../dist/src/cli/epp.js";

process.exitCode = await run(process.argv);
