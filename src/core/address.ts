/** Port numbers that a server can be asked for; undefined for any other text. */
export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** Where a server that listens on `host` is reached from the same machine. */
export function formatUrl(host: string, port: number): string {
  return `http://${reachableHost(host).replace(/^.*:.*$/, '[$&]')}:${port}`;
}

/** An address that means "all of them" is one to listen on, not one to call. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** An address as it may be shown: one that was typed may hold a password, or a key in its query. */
export function hideSecrets(address: string): string {
  return address.replace(/^([a-z0-9+.-]+:\/\/)?[^/?#]*@/i, '$1…@').replace(/[?#].*$/, '');
}

/** A URL as it may be shown, with the names in its query: each of the values may be a key. */
export function maskQuery({ origin, pathname, search }: URL): string {
  const parts = search.slice(1).split('&');
  const masked = parts.map((part) => (part.includes('=') ? part.replace(/=.*/, '=…') : '…'));
  return `${origin}${pathname}${search === '' ? '' : `?${masked.join('&')}`}`;
}
