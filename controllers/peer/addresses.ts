/** Addresses of the mesh: 10.42.0.0/16, one a node. */

/** First two bytes of every address; a private network (RFC 1918) that is seldom in use. */
const PREFIX = '10.42';
/** Host numbers 1 to 65534: neither the network's own address nor its broadcast. */
const HOSTS = 65_534;

/**
 * A free address for a node, as an allowed IP (`10.42.7.9/32`); undefined where there is none left. It depends on the
 * name only, as long as the place is free: a node that joins again gets the address that it had.
 */
export function chooseAddress(node: string, isFree: (address: string) => boolean): string | undefined {
  const start = hash(node);
  for (let step = 0; step < HOSTS; step++) {
    const host = 1 + ((start + step) % HOSTS);
    const address = `${PREFIX}.${host >> 8}.${host & 0xff}/32`;
    if (isFree(address)) return address;
  }
  return undefined;
}

/** True where it is one that `chooseAddress` may give. */
export const isMeshAddress = (address: string): boolean =>
  address.startsWith(`${PREFIX}.`) && address.endsWith('/32');

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
