/** Tells HTTP/1 from any other protocol by the first bytes that a client sends. Pure. */
import { METHODS } from 'node:http';

/** A request line longer than this is taken for HTTP, whose parser then refuses it in HTTP's own words. Bytes. */
export const MAX_REQUEST_LINE_BYTES = 8 * 1024;

const LINE_FEED = 0x0a;
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

/**
 * Judges the bytes seen so far. The whole request line is asked for, because a method and a space alone also
 * begin commands of other protocols (`GET key` is one of Redis's inline commands).
 */
export function sniff(prefix: Buffer): 'http' | 'tcp' | 'undecided' {
  const lineEnd = prefix.indexOf(LINE_FEED);
  const line = prefix.toString(
    'latin1',
    0,
    lineEnd === -1 ? Math.min(prefix.length, MAX_REQUEST_LINE_BYTES) : lineEnd,
  );
  if (!mayBeginWithMethod(line)) return 'tcp';
  if (lineEnd !== -1) return / HTTP\/1\.[0-9]\r?$/.test(line) ? 'http' : 'tcp';
  return line.length >= MAX_REQUEST_LINE_BYTES ? 'http' : 'undecided';
}

/** The judgement when the client has paused in the middle of its first line: HTTP once a whole method stands there. */
export function sniffStalled(prefix: Buffer): 'http' | 'tcp' {
  const text = prefix.toString('latin1');
  return text.includes(' ') && mayBeginWithMethod(text) ? 'http' : 'tcp';
}

function mayBeginWithMethod(line: string): boolean {
  const space = line.indexOf(' ');
  if (space !== -1) return KNOWN_METHODS.has(line.slice(0, space));
  return METHODS.some((method) => method.startsWith(line));
}
