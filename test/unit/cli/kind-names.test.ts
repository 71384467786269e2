import { expect } from 'chai';
import { duration } from '../../../api/cli/arguments.ts';
import { KIND_NAMES, lookUpKind, readTargets } from '../../../api/cli/kind-names.ts';
import { API_GROUP_VERSION } from '../../../api/cli/output/format.ts';
import { durationMs } from '../../../api/duration.ts';
import { KIND_NAMES as ALL, findKind, KINDS } from '../../../api/kinds/index.ts';
import { API_VERSION } from '../../../api/meta.ts';

describe('the names of kinds on the command line', () => {
  it('are those of the kinds themselves', () => {
    expect(Object.keys(KIND_NAMES)).to.deep.equal(ALL);
    for (const kind of ALL) {
      const { plural, singular, shortNames, description, internal } = KINDS[kind];
      expect(KIND_NAMES[kind]).to.deep.equal({
        plural,
        singular,
        shortNames,
        description,
        ...(internal ? { internal } : {}),
      });
      for (const word of [kind, plural, singular, ...shortNames, `${plural}.mill.dev`]) {
        expect(lookUpKind(word), word).to.equal(findKind(word));
      }
    }
  });

  it('go with the API version of the objects', () => {
    expect(API_GROUP_VERSION).to.equal(API_VERSION);
  });

  it('are read as KIND, KIND NAME and KIND/NAME', () => {
    expect(readTargets(['no,svc'])).to.deep.equal({ kinds: ['Node', 'Service'], objects: [] });
    expect(readTargets(['node', 'a', 'b']).objects).to.deep.equal([
      { kind: 'Node', name: 'a' },
      { kind: 'Node', name: 'b' },
    ]);
    expect(readTargets(['node/a', 'svc/web']).objects).to.deep.equal([
      { kind: 'Node', name: 'a' },
      { kind: 'Service', name: 'web' },
    ]);
    for (const words of [
      [],
      ['nope'],
      ['node/'],
      ['node/a/b'],
      ['node/a', 'b'],
      ['node', 'svc/web'],
      ['no,svc', 'a'],
    ]) {
      expect(() => readTargets(words), words.join(' '))
        .to.throw()
        .with.property('exitCode', 2);
    }
  });
});

describe('a duration on the command line', () => {
  for (const text of ['500ms', '30s', '1h30m', '0s', '1.5h', '', '5', '-1s', 'soon', '1w', '1s ']) {
    it(`"${text}" is one exactly where the API says so`, () => {
      const accepts = (check: (text: string) => unknown) => {
        try {
          check(text);
          return true;
        } catch {
          return false;
        }
      };
      expect(accepts(duration)).to.equal(accepts(durationMs));
    });
  }
});
