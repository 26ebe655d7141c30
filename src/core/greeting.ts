import type { Layout } from './stacks.ts';

export interface Greeting {
  readonly title: string;
  readonly layout: Layout;
  readonly url: string;
  /** Where the answers come from, in a few words. */
  readonly upstream: string;
  readonly windows: boolean;
}

/** What `dev` says once the server answers: the address, the docs, and a request to paste. */
export function formatGreeting({ title, layout, url, upstream, windows }: Greeting): string {
  const docs = layout === 'async' ? [`  docs      ${url}/docs`] : [];
  return [
    '',
    `${title} is ready.`,
    `  address   ${url}`,
    ...docs,
    `  upstream  ${upstream}`,
    '',
    `  ${formatCurl(url, windows)}`,
    '',
  ].join('\n');
}

/** cmd.exe and PowerShell's curl.exe know no single quotes that would keep the double ones. */
function formatCurl(url: string, windows: boolean): string {
  const body = '{"prompt":"Hello"}';
  const [type, data] = windows
    ? ['"Content-Type: application/json"', `"${body.replaceAll('"', '\\"')}"`]
    : ["'Content-Type: application/json'", `'${body}'`];
  return `curl ${url}/generate -H ${type} -d ${data}`;
}
