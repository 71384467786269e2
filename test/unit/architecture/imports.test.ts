import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';

const ROOT = new URL('../../..', import.meta.url).pathname;
/** Imports point from left to right only. */
const LAYERS = ['main.ts', 'controllers', 'runtime', 'api'];
const STATIC_IMPORT = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'(\.[^']+\.ts)'/g;
const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'(\.[^']+\.ts)'|import\('(\.[^']+\.ts)'\)/g;

describe('the imports', () => {
  const graph = new Map(sources().map((file) => [file, importsOf(file, IMPORT)]));
  /** What is loaded when the file is: an import at a later time closes no circle. */
  const loaded = new Map(sources().map((file) => [file, importsOf(file, STATIC_IMPORT)]));

  it('point from main to controllers to runtime to api, never up', () => {
    const upward: string[] = [];
    for (const [file, imports] of graph) {
      for (const target of imports) if (layerOf(target) < layerOf(file)) upward.push(`${file} → ${target}`);
    }
    expect(upward).to.deep.equal([]);
  });

  it('have no cycle that runs through more than types', () => {
    const cycles: string[] = [];
    for (const file of graph.keys()) {
      const path = findCycle(file);
      if (path) cycles.push(path.join(' → '));
    }
    expect(cycles).to.deep.equal([]);
  });

  it('load packages late only through a module of their own', () => {
    // A split bundle gives `import('package')` of a CommonJS package nothing but a default export.
    const late = sources().filter((file) => {
      const text = readFileSync(join(ROOT, file), 'utf8');
      return /await import\('(?!\.|node:)/.test(text);
    });
    expect(late).to.deep.equal([]);
  });

  function findCycle(start: string): string[] | undefined {
    const seen = new Set<string>();
    const visit = (file: string, path: string[]): string[] | undefined => {
      for (const next of loaded.get(file) ?? []) {
        if (next === start) return [...path, next];
        if (seen.has(next)) continue;
        seen.add(next);
        const cycle = visit(next, [...path, next]);
        if (cycle) return cycle;
      }
      return undefined;
    };
    return visit(start, [start]);
  }
});

function sources(): string[] {
  const folders = LAYERS.filter((layer) => !layer.endsWith('.ts'));
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  return ['main.ts', ...files.filter((file) => file.endsWith('.ts'))];
}

/** What a file imports of mill's own; imports of types alone are no dependency at run time, but count as arrows. */
function importsOf(file: string, pattern: RegExp): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found: string[] = [];
  for (const match of text.matchAll(pattern)) {
    if (/^\s*(?:import|export)\s+type\s/.test(match[0])) continue;
    found.push(relative(ROOT, join(ROOT, dirname(file), match[1] ?? match[2] ?? '')));
  }
  return found;
}

const layerOf = (file: string): number =>
  LAYERS.findIndex((layer) => file === layer || file.startsWith(`${layer}/`));
