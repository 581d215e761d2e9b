import type { Anchor } from "./anchor.ts";
import { hotSpot, nullCase, staleness } from "./load-anchors.ts";
import { prefixFactor, prefixOrder } from "./shared-prefix-anchors.ts";

/** Every anchor, in the order of the document. */
export const anchors: readonly Anchor[] = [prefixFactor, prefixOrder, hotSpot, staleness, nullCase];
