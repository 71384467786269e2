/** Leases as they say of themselves, where one clock is all there is. */
import type { Lease } from '../../api/kinds/lease.ts';
import type { LeaseTimes } from '../../runtime/lease-sight.ts';

export const saidExpiryMs = ({ spec }: Lease): number => Date.parse(spec.renewTime) + spec.durationMs;

export const byTheirWord: LeaseTimes = { expiryMs: saidExpiryMs, hasHeard: () => true };
