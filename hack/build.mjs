// Bundles mill into dist/, so that a command starts in milliseconds: one small entry, and a chunk for each
// part that only some commands need (the client commands never load the store or the controllers).
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;

rmSync(`${root}dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: ['main.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'linked',
  minifySyntax: true,
  // Some bundled packages are CommonJS and ask for Node's own modules by `require`.
  banner: {
    js: "import { createRequire as millCreateRequire } from 'node:module'; const require = millCreateRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
chmodSync(`${root}dist/main.js`, 0o755);

// npm does not link a project's own commands for itself: do it, so that `npx mill` works in a checkout.
mkdirSync(`${root}node_modules/.bin`, { recursive: true });
rmSync(`${root}node_modules/.bin/mill`, { force: true });
symlinkSync('../../dist/main.js', `${root}node_modules/.bin/mill`);
