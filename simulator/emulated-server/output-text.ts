/** Words of the emulated output: three letters and a space before them, so that each is one token of 4 bytes. */
const words = (
  "the and for are but not you all any can had her was one our out day get has him his how man new now old see two way who " +
  "boy did its let put say she too use dad mom cat dog sun sky sea air car bus map key pen cup box bag hat red"
).split(" ");

const ring = words.map((word) => ` ${word}`).join("");

/** Bytes of one output token. */
export const bytesPerToken = 4;

/** Text of output token `index` of a generation that starts at word `start`; 4 ASCII letters and spaces. */
export function outputToken(start: number, index: number): string {
  const at = ((start + index) % words.length) * bytesPerToken;
  return ring.slice(at, at + bytesPerToken);
}

/** Text of the first `tokens` output tokens. */
export function outputText(start: number, tokens: number): string {
  const at = (start % words.length) * bytesPerToken;
  const bytes = tokens * bytesPerToken;
  return ring.repeat(Math.ceil((at + bytes) / ring.length)).slice(at, at + bytes);
}
