/**
 * The three functions of the metadata reflection proposal that @peculiar/x509's injector (tsyringe) asks for before
 * it loads. Nothing that mill uses reads metadata that was written elsewhere.
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>();

function define(key: unknown, value: unknown, target: object): void {
  const own = metadata.get(target) ?? new Map<unknown, unknown>();
  own.set(key, value);
  metadata.set(target, own);
}

const getOwn = (key: unknown, target: object): unknown => metadata.get(target)?.get(key);

function get(key: unknown, target: object): unknown {
  for (let owner: object | null = target; owner; owner = Object.getPrototypeOf(owner) as object | null) {
    const own = metadata.get(owner);
    if (own?.has(key)) return own.get(key);
  }
  return undefined;
}

if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, { defineMetadata: define, getOwnMetadata: getOwn, getMetadata: get });
}
