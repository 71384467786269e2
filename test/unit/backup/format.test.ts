import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { backedUpKinds, MAX_LINE_BYTES } from '../../../api/backup/format.ts';
import { node, nodeLease, service, volume } from '../../vocabulary/objects.ts';
import { backupOf, readAll, refusalOf, stateOf, states } from './states.ts';

/** A backup whose lines a test has changed, with the checksum that they should have. */
function sealed(lines: readonly string[]): Buffer {
  const body = lines.map((line) => `${line}\n`).join('');
  const sha256 = createHash('sha256').update(body).digest('hex');
  return Buffer.from(`${body}${JSON.stringify({ end: { objects: lines.length - 1, sha256 } })}\n`);
}

/** Header and objects. */
const linesOf = (backup: Buffer): string[] => backup.toString().trimEnd().split('\n').slice(0, -1);

describe('a backup', () => {
  const backup = backupOf(stateOf(node('node-1'), node('node-2'), service('web'), volume('data')));

  it('is read back as what was written, of any state, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(states, fc.integer({ min: 1, max: 3_000 }), async (state, size) => {
        const written = backedUpKinds().flatMap((kind) => [...state.list(kind)]);
        expect(await readAll(backupOf(state), size)).to.deep.equal(written);
      }),
      { numRuns: 60 },
    );
  });

  it('may be compressed', async () => {
    expect(await readAll(gzipSync(backup))).to.deep.equal(await readAll(backup));
  });

  it('holds no heartbeats', async () => {
    expect(await readAll(backupOf(stateOf(nodeLease('node-1'))))).to.deep.equal([]);
  });

  it('is a line an object, between a header and an end', () => {
    const lines = backup
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    expect(lines[0]).to.include({
      format: 'mill-backup',
      version: 1,
      mill: '0.1.0',
      revision: 1_000,
      objects: 4,
    });
    expect(lines.slice(1, -1).map(({ kind, metadata }) => `${kind}/${metadata.name}`)).to.deep.equal([
      'Node/node-1',
      'Node/node-2',
      'Service/web',
      'Volume/data',
    ]);
    expect(lines.at(-1).end).to.include({ objects: 4 });
  });

  it('is refused wherever it is cut, with the line', async () => {
    for (let length = 0; length < backup.length; length += 1) {
      const line = backup.subarray(0, length).toString().split('\n').length;
      expect(await refusalOf(backup.subarray(0, length)), `${length} bytes`).to.match(
        new RegExp(`^line ${line}: it is`),
      );
    }
  });

  it('is refused wherever a bit is flipped', async () => {
    for (let at = 0; at < backup.length; at += 1) {
      const damaged = Buffer.from(backup);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      expect(await refusalOf(damaged), `byte ${at}`).to.match(/^line \d+: \S/);
    }
  });

  it('is refused wherever it is cut while compressed, and never read as something else', async () => {
    const compressed = gzipSync(backup);
    const whole = await readAll(backup);
    for (let at = 0; at < compressed.length; at += 1) {
      expect(await refusalOf(compressed.subarray(0, at)), `${at} bytes`).to.match(/^line \d+: \S/);
      const damaged = Buffer.from(compressed);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      // The time and the system in gzip's own header are of no meaning.
      const read = await readAll(damaged).catch(() => whole);
      expect(read, `byte ${at}`).to.deep.equal(whole);
    }
  });

  const refused: readonly (readonly [string, (lines: string[]) => Buffer, RegExp])[] = [
    [
      'an object twice',
      ([head = '', a = '', ...rest]) => sealed([renumbered(head, 5), a, a, ...rest]),
      /^line 3: Node "node-1" is there twice$/,
    ],
    [
      'objects out of order',
      ([head = '', a = '', b = '', ...rest]) => sealed([head, b, a, ...rest]),
      /^line 3: Node "node-1" is out of order$/,
    ],
    [
      'a kind in two places',
      ([head = '', a = '', b = '', c = '', d = '']) => sealed([head, a, c, b, d]),
      /^line 4: Node "node-2" is not with the others of its kind$/,
    ],
    [
      'a line left out',
      ([head = '', , ...rest]) => sealed([head, ...rest]),
      /^line 5: 3 objects are before it \(4 are named in the header, 3 here\): something is missing$/,
    ],
    [
      'more objects than it says',
      ([head = '', ...rest]) => sealed([renumbered(head, 3), ...rest]),
      /^line 5: the header says that there are only 3 objects$/,
    ],
    [
      'something after its end',
      (lines) => Buffer.concat([sealed(lines), Buffer.from('\n')]),
      /^line 7: something follows the end$/,
    ],
    [
      'a kind that mill does not keep',
      (lines) => sealed(changedLine(lines, 1, '"Node"', '"Pod"')),
      /^line 2: it is a Pod, which this version of mill does not keep$/,
    ],
    [
      'a field that the kind does not have',
      (lines) => sealed(changedLine(lines, 1, '"address"', '"addres"')),
      /^line 2: Node "node-1", written by mill 0\.1\.0, is not valid here: spec\.addres: unknown field/,
    ],
    [
      'an object later than itself',
      (lines) => sealed(changedLine(lines, 1, '"resourceVersion":"1"', '"resourceVersion":"2000"')),
      /metadata\.resourceVersion: must be a revision up to 1000/,
    ],
    [
      'an object without uid',
      (lines) => sealed(changedLine(lines, 1, '"uid":"node-node-1-uid",', '')),
      /metadata\.uid: is required/,
    ],
    [
      'a later format',
      (lines) => sealed(changedLine(lines, 0, '"version":1', '"version":2')),
      /^line 1: this version of mill reads backups of version 1; it is of version 2, made by mill 0\.1\.0$/,
    ],
    ['another program as its maker', () => Buffer.from('{"a":1}\n'), /^line 1: it is no backup of mill$/],
    [
      'no end to its first line',
      () => Buffer.alloc(MAX_LINE_BYTES + 1, 0x20),
      /^line 1: it is longer than \d+ bytes, which no object is$/,
    ],
    [
      'nesting without end',
      ([head = '', ...rest]) => sealed([head, '['.repeat(500_000), ...rest.slice(1)]),
      /^line 2: it is not JSON/,
    ],
  ];
  for (const [what, change, expected] of refused) {
    it(`is refused with ${what}`, async () => {
      expect(await refusalOf(change(linesOf(backup)), 65_536)).to.match(expected);
    });
  }
});

const renumbered = (header: string, objects: number): string =>
  JSON.stringify({ ...JSON.parse(header), objects });

function changedLine(lines: readonly string[], index: number, from: string, to: string): string[] {
  expect(lines[index]).to.include(from);
  return lines.map((line, at) => (at === index ? line.replace(from, to) : line));
}
