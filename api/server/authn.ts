/** Who asks: a bearer token becomes an actor. Tokens are compared and looked up by their SHA-256 only. */
import { hash, timingSafeEqual } from 'node:crypto';
import { ApiError, UNKNOWN_HERE } from '../errors.ts';
import { NODE_GROUP } from '../groups.ts';
import type { Actor, Reader } from '../store.ts';

/** Longest token, in characters: what is longer is none of ours, and need not be hashed. */
const MAX_TOKEN_LENGTH = 1_024;

/** A token that the server knows from its start: an operator's, or a lone gateway's. */
export interface StaticToken {
  readonly token: string;
  readonly actor: Actor;
}

export class Authenticator {
  readonly #state: Reader;
  readonly #static: readonly { hash: Buffer; actor: Actor }[];

  /** @param state where the nodes' credentials are */
  constructor(state: Reader, tokens: readonly StaticToken[]) {
    this.#state = state;
    this.#static = tokens.map(({ token, actor }) => ({ hash: sha256(token), actor }));
  }

  /**
   * @param authorization the request's header
   * @throws ApiError Unauthorized, with what is wrong with the credential
   */
  authenticate(authorization: string | undefined): Actor {
    if (authorization === undefined) {
      throw unauthorized('this needs a credential: send a token as "Authorization: Bearer TOKEN"');
    }
    const [, token] = /^Bearer +(\S+) *$/i.exec(authorization.slice(0, MAX_TOKEN_LENGTH * 2)) ?? [];
    if (token === undefined || token.length > MAX_TOKEN_LENGTH) {
      throw unauthorized('the credential cannot be read: send a token as "Authorization: Bearer TOKEN"');
    }
    const hashed = sha256(token);
    let known: Actor | undefined;
    // All of them, whichever fits: the time taken tells nothing.
    for (const entry of this.#static) if (timingSafeEqual(entry.hash, hashed)) known = entry.actor;
    return known ?? this.#agent(hashed.toString('hex'));
  }

  /** By an index: whoever times it learns about a hash of 256 bits, which is of no use. */
  #agent(hash: string): Actor {
    const [credential] = this.#state.byIndex('Credential', 'token', hash);
    if (!credential) {
      const message = 'the token is not known here: it is of another server, or was replaced';
      throw new ApiError('Unauthorized', message, {
        causes: [{ field: '', message: 'this server has no credential with it', reason: UNKNOWN_HERE }],
      });
    }
    const { node, nodeUid, revoked } = credential.spec;
    if (revoked) throw unauthorized(`the credential of node "${node}" was revoked: the node was removed`);
    return { user: `system:node:${node}`, groups: [NODE_GROUP], nodeUid };
  }
}

const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer');
const unauthorized = (message: string): ApiError => new ApiError('Unauthorized', message);
