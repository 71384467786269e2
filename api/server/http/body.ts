/** Reads a request's body, bounded in size and time, as JSON or YAML. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../clock.ts';
import { ApiError } from '../../errors.ts';

/** Twice an object's bound: the body of an object may be indented, and is measured again when it was read. */
const MAX_BODY_BYTES = 2 * 1_048_576;
/** A body that takes longer is sent by nobody who means it. */
const BODY_TIMEOUT_MS = 30_000;

export type Format = 'json' | 'yaml';

const FORMATS: ReadonlyMap<string, Format> = new Map([
  // `kubectl scale` sends no type with its JSON.
  ['', 'json'],
  ['application/json', 'json'],
  ['application/yaml', 'yaml'],
  ['application/x-yaml', 'yaml'],
  ['text/yaml', 'yaml'],
]);

/** The media type of the body, without its parameters. */
export const mediaType = (request: IncomingMessage): string =>
  (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** @throws ApiError UnsupportedMediaType */
export function formatOf(request: IncomingMessage): Format {
  const type = mediaType(request);
  const format = FORMATS.get(type);
  if (!format) throw new ApiError('UnsupportedMediaType', `"${type}" is not understood: send JSON or YAML`);
  return format;
}

/**
 * The body's value; undefined where it is empty.
 * @throws ApiError RequestEntityTooLarge, Timeout, or BadRequest with the place of the mistake
 */
export async function readBody(request: IncomingMessage, clock: Clock, format: Format): Promise<unknown> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ApiError('UnsupportedMediaType', `the content-encoding "${encoding}" is not understood`);
  }
  const text = decode(await readBytes(request, clock));
  if (text.trim() === '') return undefined;
  return format === 'json' ? parseJson(text) : parseYaml(text);
}

function readBytes(request: IncomingMessage, clock: Clock): Promise<Buffer> {
  const tooLarge = () =>
    new ApiError('RequestEntityTooLarge', `the body is larger than ${MAX_BODY_BYTES} bytes`);
  if (Number(request.headers['content-length']) > MAX_BODY_BYTES) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const settle = (finish: () => void) => {
      cancel();
      request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      finish();
    };
    const onData = (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= MAX_BODY_BYTES) chunks.push(chunk);
      else {
        request.pause();
        settle(() => reject(tooLarge()));
      }
    };
    const broken = (cause?: Error) => new ApiError('BadRequest', 'the body ended too early', {}, { cause });
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks)));
    const onError = (error: Error) => settle(() => reject(broken(error)));
    const onClose = () => settle(() => reject(broken()));
    const cancel = clock.schedule(BODY_TIMEOUT_MS, () =>
      settle(() =>
        reject(new ApiError('Timeout', `the body did not arrive within ${BODY_TIMEOUT_MS / 1_000} s`)),
      ),
    );
    request.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ApiError('BadRequest', 'the body is not UTF-8', {}, { cause: error });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ApiError('BadRequest', `the body is not JSON: ${withLine(text, reason)}`, {}, { cause: error });
  }
}

/** V8 tells the offset; people count lines. */
function withLine(text: string, reason: string): string {
  const [found, offset] = / in JSON at position (\d+).*$/s.exec(reason) ?? [];
  // Without an offset V8 says that the text ended, or shows a short piece of it.
  if (found === undefined) return reason.replaceAll('\n', ' ');
  const before = text.slice(0, Number(offset)).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  return `${reason.slice(0, -found.length)} at line ${before.length}, column ${column}`;
}

async function parseYaml(text: string): Promise<unknown> {
  // Loaded with the first YAML body: most clients send JSON.
  const { parseAllDocuments } = await import('../../yaml.ts');
  try {
    const [document, ...more] = parseAllDocuments(text, { prettyErrors: true });
    if (more.length)
      throw new ApiError('BadRequest', 'the body has more than one YAML document: send them one by one');
    const mistake = document?.errors[0];
    if (mistake) throw mistake;
    return document?.toJS();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new ApiError(
      'BadRequest',
      `the body is not YAML: ${reason?.replace(/:$/, '')}`,
      {},
      { cause: error },
    );
  }
}
