import type { SimulationOptions } from "./options.ts";
import type { SimulationRun } from "./simulation-run.ts";
import { Simulation } from "./simulation.ts";

/**
 * Runs a load over a pool in virtual time under one policy. The result is a function of the options: the same seed gives
 * the same result to the last bit, and of two policies with one seed every request meets the same chance. Throws RangeError
 * naming what is out of range in the options, TypeError for a config that cannot be used.
 */
export function simulate(options: SimulationOptions): SimulationRun {
  return new Simulation(options).run();
}
