// The WebSocket: commands out, texts and frames of numbers in. `protocol.rs` of the program documents the messages.

const TYPES = { u8: Uint8Array, u32: Uint32Array, f32: Float32Array };

/** A frame as an object: the fields of its header and its arrays under their names. */
export function readFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  for (const [name, type, count] of header.arrays) {
    const array = new TYPES[type](buffer, at, count);
    header[name] = array;
    at += Math.ceil(array.byteLength / 8) * 8;
  }
  return header;
}

export class Connection {
  #socket;
  #id = 0;
  /** When each of the last commands was sent, by its number. */
  #sent = new Map();

  constructor(onMessage, onClosed) {
    const address = new URL("socket", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.#socket = new WebSocket(address);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = ({ data }) => onMessage(typeof data === "string" ? JSON.parse(data) : readFrame(data));
    this.#socket.onclose = onClosed;
  }

  /** Whether commands reach the program. */
  get open() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  close() {
    this.#socket.close();
  }

  /** Sends a command and returns its number. */
  send(command, fields = {}) {
    if (!this.open) return this.#id;
    this.#id += 1;
    if (command !== "shown") this.#sent.set(this.#id, performance.now());
    if (this.#sent.size > 500) this.#sent.delete(this.#sent.keys().next().value);
    this.#socket.send(JSON.stringify({ id: this.#id, do: command, ...fields }));
    return this.#id;
  }

  /** Milliseconds since command `id` was sent; nothing if it is long ago. */
  age(id) {
    const sent = this.#sent.get(id);
    return sent === undefined ? undefined : performance.now() - sent;
  }
}
