/**
 * Foreign text made fit for a terminal or a log: printable ASCII stays, everything else (control characters, escape
 * sequences, marks that turn the direction of writing) becomes `?`; longer texts end in `...` after `maxLength` in all.
 */
export function printableText(text: string, maxLength = 80): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength - 3)}...` : text;
  return cut.replaceAll(/[^\x20-\x7e]/g, "?");
}
