/** Amounts of resources as Kubernetes writes them: `500m` of a CPU, `256Mi` of memory. */
import { Type } from '@sinclair/typebox';

const PATTERN = '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$';
const SUFFIX: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** Schema of a quantity, with its default and what it means; a bare number is taken as well, as in Kubernetes. */
export const Quantity = (options: { default?: string; description?: string } = {}) =>
  Type.Unsafe<string | number>({
    type: ['string', 'number'],
    pattern: PATTERN,
    minimum: 0,
    maxLength: 24,
    title: 'a quantity such as 500m, 2, 256Mi, 10Gi',
    ...options,
  });

/**
 * The plain number that a quantity stands for: CPUs, bytes.
 * @throws RangeError where the text is no quantity
 */
function quantityValue(quantity: string | number): number {
  if (typeof quantity === 'number') return quantity;
  const match = new RegExp(PATTERN).exec(quantity);
  if (!match) throw new RangeError(`"${quantity}" is not a quantity: write for example 500m, 2 or 256Mi`);
  const suffix = match[2] ?? '';
  return Number(quantity.slice(0, quantity.length - suffix.length)) * (SUFFIX[suffix] ?? 1);
}

/** CPUs of a quantity in thousandths, a whole number. */
export const cpuMillis = (quantity: string | number): number => Math.round(quantityValue(quantity) * 1_000);

/** Bytes of a quantity, a whole number. */
export const bytes = (quantity: string | number): number => Math.round(quantityValue(quantity));

/** A short text for a person: bytes in the largest unit that keeps one digit before the point. */
export function formatBytes(value: number): string {
  for (const unit of ['Ti', 'Gi', 'Mi', 'Ki'] as const) {
    const size = SUFFIX[unit] ?? 1;
    if (value >= size) return `${Number((value / size).toFixed(1))}${unit}`;
  }
  return `${value}`;
}

/** CPUs for a person: `250m`, `1.5`, `4`. */
export const formatCpu = (millis: number): string =>
  millis % 1_000 === 0 ? `${millis / 1_000}` : millis > 1_000 ? `${millis / 1_000}` : `${millis}m`;
