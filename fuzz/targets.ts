import { bodies } from "./bodies.ts";
import { codec } from "./codec.ts";
import { pages } from "./pages.ts";
import { sse } from "./sse.ts";
import { stream } from "./stream.ts";
import type { FuzzTarget } from "./target.ts";

/** Every target with its share of a run; the shares add up to 1. */
export const targets: readonly { readonly target: FuzzTarget; readonly share: number }[] = [
  { target: stream as FuzzTarget, share: 0.35 },
  { target: pages as FuzzTarget, share: 0.15 },
  { target: bodies as FuzzTarget, share: 0.2 },
  { target: sse as FuzzTarget, share: 0.2 },
  { target: codec as FuzzTarget, share: 0.1 },
];
