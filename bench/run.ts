import { benchDecisionRing } from "./decision-ring.ts";
import { benchRecording } from "./recording.ts";
import { benchRequestScan } from "./request-scan.ts";
import { benchSchedule } from "./schedule.ts";
import { benchScrape } from "./scrape.ts";
import { benchSimulator } from "./simulator.ts";
import { benchSimulatorReplica } from "./simulator-replica.ts";

/** Every benchmark, one after the other so that none disturbs another; those of whole simulations take minutes. */
const print = (line: string): void => console.log(`  ${line}`);

console.log("Scheduling: time of one decision");
for (const { name, microseconds, limitMicroseconds } of benchSchedule()) {
  print(`${name.padEnd(18)} ${microseconds.toFixed(1).padStart(7)} us   limit ${limitMicroseconds} us`);
}
console.log("Decision ring and in-flight ledger: CPU time a request");
benchDecisionRing(print);
console.log("Recording: CPU time of a second of load, with against without");
await benchRecording(print);
console.log("Metrics pages: CPU time of reading one, against parsing it whole");
benchScrape(print);
console.log("Request bodies: 10 MB in pieces of 62,000 bytes");
benchRequestScan(print);
console.log("Simulated replicas: eight of an 8B model, one core");
benchSimulatorReplica(print);
console.log("Whole simulations: eight replicas, default policy, from process start");
benchSimulator(print);
