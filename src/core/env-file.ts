/**
 * The text of a `.env` file with one variable set: its line replaced where there is one, else
 * added at the end. Everything else stays byte for byte.
 *
 * @param value without quotes, spaces or `#` (see parseKey): it is written as it stands
 */
export function setEnvValue(text: string, name: string, value: string): string {
  const line = `${name}=${value}`;
  const existing = new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=.*$`, 'm');
  if (existing.test(text)) return text.replace(existing, () => line);
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
}
