import { expect } from 'chai';
import { MAX_REQUEST_LINE_BYTES, sniff, sniffStalled } from '../../../runtime/gateway/sniff.ts';

describe('sniffing the protocol', () => {
  const cases: [string, ReturnType<typeof sniff>][] = [
    ['GET / HTTP/1.1\r\nHost: x\r\n', 'http'],
    ['OPTIONS * HTTP/1.0\n', 'http'],
    ['CONNECT a:1 HTTP/1.1\r\n', 'http'],
    [`GET /${'x'.repeat(MAX_REQUEST_LINE_BYTES)}`, 'http'],
    ['', 'undecided'],
    ['G', 'undecided'],
    ['POST', 'undecided'],
    ['GET /path', 'undecided'],
    ['GET key\r\n', 'tcp'],
    ['GETX / HTTP/1.1\r\n', 'tcp'],
    ['get / HTTP/1.1\r\n', 'tcp'],
    ['*1\r\n$4\r\nPING\r\n', 'tcp'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'tcp'],
    ['\x16\x03\x01\x02\x00', 'tcp'],
    ['\r\n', 'tcp'],
  ];
  for (const [text, verdict] of cases) {
    it(`takes ${JSON.stringify(text.slice(0, 24))} for ${verdict}`, () => {
      expect(sniff(Buffer.from(text, 'latin1'))).to.equal(verdict);
    });
  }

  it('takes a stalled line for HTTP only when a whole method stands there', () => {
    expect(sniffStalled(Buffer.from('GET /slo'))).to.equal('http');
    expect(sniffStalled(Buffer.from('GE'))).to.equal('tcp');
  });
});
