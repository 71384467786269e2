/** Reads newline-delimited JSON: one value a line, as watches send them. */
import { ConnectionError } from './client.ts';

/** Longest line: an object at its bound, with a table around it. */
const MAX_FRAME_BYTES = 8 * 1_048_576;
const NEWLINE = 10;

/** @throws ConnectionError where a line is no JSON or has no end; what the stream throws */
export async function* readFrames(stream: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, end)]).toString();
      rest = [];
      restBytes = 0;
      from = end + 1;
      if (line !== '') yield parse(line);
    }
    if (from === chunk.length) continue;
    rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes > MAX_FRAME_BYTES) throw new ConnectionError('the server sent a frame without an end');
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new ConnectionError('the server sent a frame that is no JSON', { cause });
  }
}
