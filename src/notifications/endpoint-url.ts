/** Which URLs an endpoint may have: checked when it is made, and again before every attempt. */
import { familyOf, isLoopback, mayReach } from './public-address.js';

export const URL_CHARACTERS_MAX = 2048;

/** Names that mean a machine or network of one's own, wherever they are asked (RFC 6761, 6762, 8375, 9476). */
const OWN_NAMES = ['localhost', 'local', 'internal', 'localdomain', 'lan', 'home.arpa'];

export type CheckedUrl = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly problem: string };

/**
 * Reads the URL of an endpoint. It is judged as parsed, never as written: parsing folds `0x7f.1`, `2130706433` and
 * full-width digits into the address that they are. `problem` says what is wrong, without repeating any of it.
 *
 * Without `allowPrivate` (ALLOW_PRIVATE_ENDPOINTS): https, port 443, a host name with a dot that is nobody's own, no IP
 * address. With it any port, any name, addresses of private networks, and plain http on loopback.
 */
export function checkEndpointUrl(text: string, allowPrivate: boolean): CheckedUrl {
  const url = text.length <= URL_CHARACTERS_MAX && URL.canParse(text) ? new URL(text) : null;
  if (url === null) return refused('must be a URL');
  const host = hostOf(url);
  const plainAllowed = allowPrivate && (host === 'localhost' || isLoopback(host));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && plainAllowed))
    return refused('must begin with https://');
  if (url.username !== '' || url.password !== '') return refused('must not hold a user name or password');
  if (url.hash !== '') return refused('must not have a fragment');
  if (url.port !== '' && !allowPrivate) return refused('must use port 443');
  const problem = familyOf(host) === null ? nameProblem(host, allowPrivate) : addressProblem(host, allowPrivate);
  return problem === null ? { ok: true, url } : refused(problem);
}

/** The host of a URL as a name or address, an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function nameProblem(host: string, allowPrivate: boolean): string | null {
  if (host === '' || host.endsWith('.')) return 'must have a host name that does not end in a dot';
  if (allowPrivate) return null;
  if (!host.includes('.')) return 'must have a host name with a domain';
  const isOwn = OWN_NAMES.some((name) => host === name || host.endsWith(`.${name}`));
  return isOwn ? 'must have a public host name' : null;
}

function addressProblem(host: string, allowPrivate: boolean): string | null {
  if (!allowPrivate) return 'must have a host name, not an address';
  return mayReach(host, true) ? null : 'must not have an address of this kind';
}

function refused(problem: string): CheckedUrl {
  return { ok: false, problem };
}
