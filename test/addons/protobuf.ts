/** As much of protobuf's wire format as OTLP needs: https://protobuf.dev/programming-guides/encoding/ */
export class Message {
  readonly #fields = new Map<number, (bigint | Buffer)[]>();

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    let at = 0;
    const readVarint = (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes[at++] ?? 0;
        value |= BigInt(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
      }
    };
    const take = (length: number): Buffer => {
      at += length;
      return bytes.subarray(at - length, at);
    };
    while (at < bytes.length) {
      const tag = Number(readVarint());
      const value = [readVarint, () => take(8), () => take(Number(readVarint()))][tag & 7];
      const values = this.#fields.get(tag >> 3) ?? [];
      values.push(value ? value() : take(4));
      this.#fields.set(tag >> 3, values);
    }
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  bytes(field: number): Buffer {
    const value = this.#fields.get(field)?.at(-1);
    return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
  }

  text(field: number): string {
    return this.bytes(field).toString();
  }

  hex(field: number): string {
    return this.bytes(field).toString('hex');
  }

  message(field: number): Message {
    return new Message(this.bytes(field));
  }

  messages(field: number): readonly Message[] {
    const values = this.#fields.get(field) ?? [];
    return values.map((value) => new Message(value as Buffer));
  }

  int(field: number): number {
    const value = this.#fields.get(field)?.at(-1);
    return Number(typeof value === 'bigint' ? BigInt.asIntN(64, value) : 0);
  }

  double(field: number): number {
    return this.has(field) ? this.bytes(field).readDoubleLE() : 0;
  }

  fixed64(field: number): bigint {
    return this.has(field) ? this.bytes(field).readBigUInt64LE() : 0n;
  }

  /** A packed list of doubles. */
  doubles(field: number): readonly number[] {
    const bytes = this.bytes(field);
    return Array.from({ length: bytes.length / 8 }, (_, index) => bytes.readDoubleLE(8 * index));
  }
}
