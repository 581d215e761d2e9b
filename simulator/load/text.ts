import type { Random } from "../../src/lib/random.ts";

/** Bytes of one token of generated text, as the emulated servers count them. */
export const bytesPerToken = 4;

/** Three letters and a space each, so that a word is a token. */
const words = (
  "ace act add age aid aim air ale all and ant any ape apt arc are ark arm art ash ask ate awe axe bad bag ban bar bat bay bed bee beg bet bid big " +
  "bin bit bow box boy bud bug bus but buy cab can cap car cat cow cry cub cup cut dad day den dew did die dig dim dip dog dot dry due dug ear eat " +
  "egg end era eve eye fan far fat few fig fin fit fix fly fog for fox fun fur gap gas gem get gum gun guy hat hay hen her hid him hip his hit hot"
).split(" ");

/** Random words of exactly `tokens` tokens; two texts of more than a few tokens are practically never equal. */
export function randomText(random: Random, tokens: number): string {
  let text = "";
  for (let i = 0; i < tokens; i++) text += `${words[Math.floor(random() * words.length)] ?? ""} `;
  return text;
}
