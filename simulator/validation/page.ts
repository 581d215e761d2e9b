/**
 * `page` with `text` in place of what stands between `<!-- NAME -->` and `<!-- /NAME -->`. Throws TypeError when the page has no such
 * section.
 */
export function replaceSection(page: string, name: string, text: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(open), page.indexOf(close)];
  if (from < 0 || to < from)
    throw new TypeError(`Cannot write section "${name}": the page has no ${open} ... ${close}`);
  return `${page.slice(0, from + open.length)}\n${text}\n${page.slice(to)}`;
}
