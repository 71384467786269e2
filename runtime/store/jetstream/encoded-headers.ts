/** Headers that are written as they are, for what is sent thousands of times a second. */
import { MsgHdrsImpl } from 'nats';

/** The package's own check and look up each header that is added; mill's are ids and numbers, and each is there once. */
export class EncodedHeaders extends MsgHdrsImpl {
  #text = 'NATS/1.0\r\n';

  add(name: string, value: string | number): this {
    this.#text += `${name}: ${value}\r\n`;
    return this;
  }

  override encode(): Uint8Array {
    return Buffer.from(`${this.#text}\r\n`);
  }
}
