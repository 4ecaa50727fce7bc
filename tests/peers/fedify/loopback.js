// What a server on the loopback needs beside Fedify: its requests, and waiting for what it hears.

import { EventEmitter } from "node:events";

export async function bodyOf(message) {
  const parts = [];
  for await (const part of message) parts.push(part);
  return Buffer.concat(parts);
}

/** Node's request as Fedify takes one: all headers as they came, under the peer's own origin. */
export async function requestOf(message, origin) {
  const headers = new Headers();
  for (let at = 0; at < message.rawHeaders.length; at += 2) {
    headers.append(message.rawHeaders[at], message.rawHeaders[at + 1]);
  }
  const bodiless = message.method === "GET" || message.method === "HEAD";
  const body = bodiless ? undefined : await bodyOf(message);
  return new Request(new URL(message.url, origin), { method: message.method, headers, body });
}

export async function respond(response, to) {
  to.writeHead(response.status, Object.fromEntries(response.headers));
  to.end(Buffer.from(await response.arrayBuffer()));
}

/** Resolves with the port once the server listens there; 0 takes a free one. */
export function listening(server, port) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server.address().port));
  });
}

// WebFinger of an acct: URI is always asked for by https. Nobody speaks it on the loopback.
const realFetch = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const url = String(input instanceof Request ? input.url : input);
  if (!url.startsWith("https://localhost:")) return realFetch(input, init);
  return realFetch(url.replace("https:", "http:"), init);
};

/** What listeners got, in order, to be waited for. */
export class Heard {
  static Nothing = class Nothing extends Error {};

  #all = [];
  #news = new EventEmitter().setMaxListeners(0);

  add(one) {
    this.#all.push(one);
    this.#news.emit("one");
  }

  /** All that have these members, once there are so many. Raises Nothing after `seconds`. */
  async of({ like = {}, count = 1, seconds = 45 }) {
    const late = AbortSignal.timeout(seconds * 1000);
    const fits = (one) => Object.entries(like).every(([name, value]) => one[name] === value);
    for (;;) {
      const found = this.#all.filter(fits);
      if (found.length >= count) return found;
      await new Promise((resolve, reject) => {
        this.#news.once("one", resolve);
        late.addEventListener("abort", () => reject(new Heard.Nothing(JSON.stringify(like))));
      });
    }
  }
}
