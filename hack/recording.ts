/**
 * Records `mill drain` and `mill remove` on a real `mill up`, under real traffic, as docs/drain.svg. Nothing in the
 * picture is made up: it is what the commands printed. Needs dist/ (`npm run build`) and the ports of manifests/demo.
 *   npx tsx hack/recording.ts
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mill, type RunningMill, startMill } from './bench/processes.ts';
import { startTraffic } from './demo/traffic.ts';

const PICTURE = fileURLToPath(new URL('../docs/drain.svg', import.meta.url));
const MANIFESTS = fileURLToPath(new URL('../manifests/demo', import.meta.url));
const SERVICES = ['web', 'counter'];
const SERVICE_URL = 'http://127.0.0.1:18080/';

/** In pixels, for a monospaced font of this size. */
const FONT_SIZE = 14;
const CHARACTER_WIDTH = 8.45;
const LINE_HEIGHT = 20;
const MARGIN = 20;
const TITLE_HEIGHT = 34;
/** In seconds: the picture goes slower than mill, so that people can read along. */
const AFTER_PROMPT_S = 0.8;
const AFTER_LINE_S = 0.22;

/** One line of the terminal, and when it appears. */
interface Line {
  readonly text: string;
  readonly kind: 'prompt' | 'output' | 'note';
  readonly atS: number;
}

const home = await mkdtemp(join(tmpdir(), 'mill-recording-'));
const running = await startMill([], home);
try {
  await writeFile(PICTURE, drawing(await record(running)));
  console.log('wrote docs/drain.svg');
} finally {
  await running.stop();
  await rm(home, { recursive: true, force: true });
}

async function record({ env }: RunningMill): Promise<Line[]> {
  await mill(env, ['apply', '-f', MANIFESTS]);
  for (const service of SERVICES)
    await mill(env, ['wait', `service/${service}`, '--for', 'condition=Available']);
  const clients = [true, true, true, false, false, false].map((keepAlive) =>
    startTraffic({ url: SERVICE_URL, keepAlive, pauseMs: 5 }),
  );
  const lines: Line[] = [];
  let atS = 0.3;
  const add = (kind: Line['kind'], text: string, pauseS: number) => {
    lines.push({ kind, text, atS });
    atS += pauseS;
  };
  for (const words of ['nodes', 'drain node-3', 'remove node-3', 'nodes']) {
    add('prompt', `mill ${words}`, AFTER_PROMPT_S);
    for (const text of (await mill(env, words.split(' '))).trimEnd().split('\n')) {
      add('output', text, AFTER_LINE_S);
    }
  }
  await Promise.all(clients.map((client) => client.stop()));
  const requests = clients.reduce((sum, client) => sum + client.requests, 0);
  const failed = clients.reduce((sum, client) => sum + client.failures.length, 0);
  add('note', `# meanwhile ${requests} requests went through the gateway; ${failed} failed`, 0);
  return lines;
}

/** Animated by CSS alone; a viewer without it shows all lines at once. */
function drawing(lines: readonly Line[]): string {
  const columns = Math.max(...lines.map(({ text }) => text.length)) + 2;
  const width = Math.ceil(columns * CHARACTER_WIDTH) + 2 * MARGIN;
  const height = TITLE_HEIGHT + lines.length * LINE_HEIGHT + MARGIN;
  const rows = lines.map(({ text, kind, atS }, index) => {
    const y = TITLE_HEIGHT + (index + 1) * LINE_HEIGHT;
    const prompt = kind === 'prompt' ? '<tspan class="sign">$</tspan>\u00a0' : '';
    const style = `animation-delay:${atS.toFixed(2)}s`;
    return `  <text class="${kind}" x="${MARGIN}" y="${y}" style="${style}">${prompt}${escaped(text)}</text>`;
  });
  return `${head(width, height)}\n${rows.join('\n')}\n</svg>\n`;
}

function head(width: number, height: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="mill drains node-3 and removes it">
  <style>
    text { font: ${FONT_SIZE}px ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #c9d1d9; white-space: pre; animation: appear 0.05s linear backwards; }
    .prompt { fill: #f0f6fc; font-weight: bold; }
    .sign, .note { fill: #7ee787; }
    @keyframes appear { from { opacity: 0; } }
    @media (prefers-reduced-motion: reduce) { text { animation: none; } }
  </style>
  <rect width="100%" height="100%" rx="8" fill="#0d1117"/>
  <circle cx="20" cy="18" r="6" fill="#ff5f56"/><circle cx="40" cy="18" r="6" fill="#ffbd2e"/><circle cx="60" cy="18" r="6" fill="#27c93f"/>`;
}

/** Non-breaking spaces: a picture has no \`xml:space\` that all viewers know. */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(' ', '\u00a0');
}
