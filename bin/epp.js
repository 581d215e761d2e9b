#!/usr/bin/env node
import "../dist/src/cli/epp.js";
