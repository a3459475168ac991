/**
 * Finds the end of each HTTP/1.1 response in what a connection receives: by its length, or by its chunks. The
 * body is counted, not kept. A response without either has no body here.
 */
export class ResponseReader {
  readonly #done: (head: string, bodyBytes: number) => void;
  #pending: Buffer = Buffer.alloc(0);
  #head: string | null = null;
  #bytes = 0;
  #left = 0;
  #chunked = false;

  constructor(done: (head: string, bodyBytes: number) => void) {
    this.#done = done;
  }

  /** Whether it is between two responses. */
  get idle(): boolean {
    return this.#head === null && this.#pending.length === 0;
  }

  read(chunk: Buffer): void {
    let data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = EMPTY;
    if (this.#head === null) {
      const end = data.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#pending = data;
        return;
      }
      const head = data.toString('latin1', 0, end + 2);
      this.#head = head;
      this.#bytes = 0;
      this.#chunked = /^transfer-encoding: chunked\r/im.test(head);
      this.#left = Number(/^content-length: (\d+)\r/im.exec(head)?.[1] ?? 0);
      data = data.subarray(end + 4);
    }
    if (this.#chunked) this.#readChunks(data);
    else this.#readLength(data);
  }

  #readLength(data: Buffer): void {
    this.#bytes += data.length;
    this.#left -= data.length;
    if (this.#left <= 0) this.#finish();
  }

  /** `#left` is what is missing of the chunk under way, with the line end after it. */
  #readChunks(start: Buffer): void {
    let data = start;
    while (data.length > 0) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, data.length);
        this.#left -= taken;
        data = data.subarray(taken);
        continue;
      }
      const end = data.indexOf('\r\n');
      if (end < 0) break;
      const size = Number.parseInt(data.toString('latin1', 0, end), 16);
      if (size === 0) {
        if (data.length < end + 4) break;
        this.#finish();
        return;
      }
      this.#bytes += size;
      this.#left = size + 2;
      data = data.subarray(end + 2);
    }
    this.#pending = data;
  }

  #finish(): void {
    const head = this.#head ?? '';
    const bytes = this.#bytes;
    this.#head = null;
    this.#left = 0;
    this.#done(head, bytes);
  }
}

const EMPTY = Buffer.alloc(0);
