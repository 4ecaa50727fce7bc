// Peers on loopback, each a server of its own, made and told what to do in JSON at HVX_FEDIFY_PORT.

import { createServer } from "node:http";

import { bodyOf, Heard, listening } from "./loopback.js";
import { Peer } from "./peer.js";

const peers = new Map();

// Each verb of a peer gets what was asked, and gives what is answered.
const verbs = {
  actor: (peer, asked) => peer.addActor(asked),
  say: (peer, asked) => peer.say(asked),
  tell: (peer, asked) => peer.tellFollowers(asked),
  knock: (peer, asked) => peer.knock(asked),
  keep: (peer, asked) => peer.keep(asked),
  demand: (peer, asked) => peer.demand(asked),
  heard: (peer, asked) => peer.heard.of(asked),
  came: (peer) => peer.came,
  look: (peer, asked) => peer.look(asked),
  walk: (peer, asked) => peer.walk(asked),
  webfinger: (peer, asked) => peer.webFinger(asked),
  nodeinfo: (peer, asked) => peer.nodeInfo(asked),
};

async function answer(path, asked) {
  const [, origin, verb] = path.split("/").map(decodeURIComponent);
  if (origin === "new") {
    const peer = await Peer.begin(asked);
    peers.set(peer.origin, peer);
    return { origin: peer.origin };
  }
  const peer = peers.get(origin);
  if (verb === "end") {
    peers.delete(origin);
    return await peer.end();
  }
  return await verbs[verb](peer, asked);
}

const control = createServer(async (request, response) => {
  let status = 200;
  let told;
  try {
    told = await answer(request.url, JSON.parse((await bodyOf(request)).toString() || "{}"));
  } catch (error) {
    status = error instanceof Heard.Nothing ? 504 : 500;
    told = { error: `${error.name}: ${error.message}` };
  }
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(told ?? null));
});
await listening(control, Number(process.env.HVX_FEDIFY_PORT));
