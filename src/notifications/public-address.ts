/**
 * Which addresses a notification may be sent to. Whoever makes an endpoint chooses where we connect to: nothing of our
 * own network may be reached so (server-side request forgery).
 */
import { BlockList, isIP } from 'node:net';

type Family = 'ipv4' | 'ipv6';

function listOf(...subnets: readonly (readonly [net: string, prefix: number, family: Family])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix, family] of subnets) list.addSubnet(net, prefix, family);
  return list;
}

/** IANA's special-purpose IPv4 blocks, multicast and the reserved ones. */
const SPECIAL_V4 = listOf(
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
);
/**
 * Of IPv6 only what is handed out for the internet. Outside lie ::1, IPv4 in all its disguises (mapped, compatible,
 * 64:ff9b::/96), unique local, link-local and multicast addresses.
 */
const GLOBAL_V6 = listOf(['2000::', 3, 'ipv6']);
/** Teredo and its neighbours, documentation, 6to4 (which wraps an IPv4 address), documentation again. */
const SPECIAL_V6 = listOf(
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['3fff::', 20, 'ipv6'],
);
/** What ALLOW_PRIVATE_ENDPOINTS adds. Link-local is not among it: there the metadata services of clouds answer. */
const PRIVATE = listOf(
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
);
const LOOPBACK = listOf(['127.0.0.0', 8, 'ipv4'], ['::1', 128, 'ipv6']);

/** The family of an address, or null for what is none, or has a zone. */
export function familyOf(address: string): Family | null {
  if (address.includes('%')) return null;
  const version = isIP(address);
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : null;
}

/** True when the address is one of the public internet. */
export function isPublic(address: string): boolean {
  switch (familyOf(address)) {
    case 'ipv4':
      return !SPECIAL_V4.check(address, 'ipv4');
    case 'ipv6':
      return GLOBAL_V6.check(address, 'ipv6') && !SPECIAL_V6.check(address, 'ipv6');
    case null:
      return false;
  }
}

/** True when we may connect to the address: a public one or, with `allowPrivate`, one of a private network or loopback. */
export function mayReach(address: string, allowPrivate: boolean): boolean {
  const family = familyOf(address);
  return isPublic(address) || (allowPrivate && family !== null && PRIVATE.check(address, family));
}

export function isLoopback(address: string): boolean {
  const family = familyOf(address);
  return family !== null && LOOPBACK.check(address, family);
}
