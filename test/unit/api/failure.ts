/** How tests look at errors. */
import { expect } from 'chai';
import { ConnectionError } from '../../../api/client/client.ts';
import { ApiError, type StatusReason } from '../../../api/errors.ts';

/** The ApiError that `act` throws or rejects with; fails where it does neither, or for another reason. */
export async function refusal(reason: StatusReason, act: () => unknown): Promise<ApiError> {
  try {
    await act();
  } catch (error) {
    expect(error).to.be.instanceOf(ApiError);
    const refused = error as ApiError;
    expect(refused.reason, refused.message).to.equal(reason);
    return refused;
  }
  throw new Error(`nothing was refused; expected ${reason}`);
}

/** The ConnectionError that `act` throws or rejects with. */
export async function brokenBy(act: () => unknown): Promise<ConnectionError> {
  try {
    await act();
  } catch (error) {
    expect(error).to.be.instanceOf(ConnectionError);
    return error as ConnectionError;
  }
  throw new Error('the connection held');
}
