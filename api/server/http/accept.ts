/** What the client wants to be answered: the object, or a table of it. */
import type { IncomingMessage } from 'node:http';
import { ApiError } from '../../errors.ts';
import type { RowObject } from '../table.ts';

export type Answer = 'object' | 'table';

/** The first of the media types in `Accept` that mill can give. @throws ApiError NotAcceptable */
export function acceptedAnswer(request: IncomingMessage): Answer {
  const { accept } = request.headers;
  if (accept === undefined || accept.trim() === '') return 'object';
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (type !== 'application/json' && type !== 'application/*' && type !== '*/*') continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice('as='.length);
    if (as === undefined) return 'object';
    if (as === 'table' && parameters.includes('v=v1')) return 'table';
  }
  throw new ApiError('NotAcceptable', 'only application/json can be given, as an object or as a Table');
}

/** How much of the object a table's rows carry. @throws ApiError BadRequest */
export function rowObject(query: URLSearchParams): RowObject {
  const include = query.get('includeObject') || 'Metadata';
  if (include === 'None' || include === 'Metadata' || include === 'Object') return include;
  throw new ApiError('BadRequest', 'the parameter includeObject must be None, Metadata or Object');
}
