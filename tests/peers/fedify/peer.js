// One server on Fedify. It keeps what it hears and says what it is told to; the protocol is Fedify's alone.

import { createServer } from "node:http";

import {
  createFederation,
  getDocumentLoader,
  MemoryKvStore,
  parseNodeInfo,
  signRequest,
  verifyObject,
  verifyRequestDetailed,
} from "@fedify/fedify";
import { Activity, Endpoints, Note, Object as AnyObject, Person, PropertyValue, Question, QuoteAuthorization } from "@fedify/vocab";

import { Heard, listening, requestOf, respond } from "./loopback.js";

export const CAVAGE = "draft-cavage-http-signatures-12";
export const RFC9421 = "rfc9421";
const HTTP_SIGNATURE = ["Signature", "Signature-Input", "Digest", "Content-Digest"];

const RSA = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
const newKey = (algorithm) => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

export class Peer {
  #actors = new Map();
  #objects = new Map();
  #demanded = null;
  #knocks;
  #secure;
  #server;

  /** `knocks`: by which scheme it signs first. `secure`: it shows actors and objects to GETs signed by it alone. */
  static async begin({ knocks = CAVAGE, secure = false }) {
    const peer = new Peer();
    peer.#knocks = knocks;
    peer.#secure = secure;
    peer.#server = createServer(async (message, response) => {
      try {
        const request = await requestOf(message, peer.origin);
        await respond(await peer.#answer(request), response);
      } catch (error) {
        console.error(error);
        response.writeHead(500).end();
      }
    });
    peer.port = await listening(peer.#server, 0);
    peer.origin = `http://localhost:${peer.port}`;
    peer.heard = new Heard();
    peer.came = [];
    peer.federation = peer.#federation();
    return peer;
  }

  async end() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Somebody with two RSA keys and an Ed25519 one. */
  async addActor({ name, aliases = [] }) {
    const keys = await Promise.all([newKey(RSA), newKey(RSA), newKey("Ed25519")]);
    this.#actors.set(name, { keys, aliases });
    return { id: this.#context().getActorUri(name).href };
  }

  /** From now on an inbox takes what is signed by this scheme, or what has a "proof", and nothing else. */
  demand({ scheme }) {
    this.#demanded = scheme;
  }

  /** A post that stands at its address and is sent to nobody. */
  keep({ document }) {
    this.#objects.set(document.id, { "@context": "https://www.w3.org/ns/activitystreams", ...document });
  }

  /** Fedify's own delivery of an activity. Keys of RSA sign the request, by double knocking, and Ed25519 makes a proof. */
  async say({ by, to, activity, keys }) {
    const context = this.#context();
    const read = await this.#read(activity);
    this.#remember(activity);
    const pairs = await context.getActorKeyPairs(by);
    const chosen = pairs.filter((pair) => keys.includes(pair.privateKey.algorithm.name));
    const sender = chosen.map((pair) => ({ keyId: this.#keyId(pair), privateKey: pair.privateKey }));
    const recipient = { id: new URL(to.id), inboxId: new URL(to.inbox), endpoints: null };
    await context.sendActivity(sender, recipient, read, { immediate: true });
  }

  /** The same to all `followers`, who are its actor's from now on, with what they come to (FEP-8fcf). */
  async tellFollowers({ by, activity, followers }) {
    this.#actors.get(by).followers = followers;
    const read = await this.#read(activity);
    const options = { immediate: true, preferSharedInbox: true, syncCollection: true };
    await this.#context().sendActivity({ identifier: by }, "followers", read, options);
  }

  /** One POST signed by Fedify in one scheme, `spoilt` after that; gives the answer's status. */
  async knock({ by, inbox, activity, scheme, key = 0, spoilt = {} }) {
    const pair = (await this.#context().getActorKeyPairs(by))[key];
    const request = new Request(inbox, {
      method: "POST",
      headers: { "Content-Type": "application/activity+json", Accept: "application/activity+json" },
      body: JSON.stringify(activity),
    });
    const signed = await signRequest(request, pair.privateKey, new URL(spoilt.keyId ?? pair.keyId), { spec: scheme });
    const headers = new Headers(signed.headers);
    for (const [name, value] of Object.entries(spoilt.headers ?? {})) headers.set(name, value);
    const body = spoilt.activity ? JSON.stringify(spoilt.activity) : await signed.text();
    const response = await fetch(spoilt.inbox ?? inbox, { method: "POST", headers, body });
    return { status: response.status, body: await response.text() };
  }

  /** What stands at an address as Fedify reads it; signed for as one of its actors, or not. */
  async look({ url, by }) {
    const options = { ...(await this.#loaders(by)) };
    const found = await this.#context().lookupObject(url, options);
    return found && (await this.#said(found));
  }

  /** All that a collection has, page by page. */
  async walk({ url, by }) {
    const context = this.#context();
    const options = await this.#loaders(by);
    const collection = await context.lookupObject(url, options);
    const found = [];
    for await (const item of context.traverseCollection(collection, options)) found.push(await this.#said(item));
    return { total: collection.totalItems, found };
  }

  webFinger({ resource }) {
    return this.#context().lookupWebFinger(resource, { allowPrivateAddress: true });
  }

  /** What Fedify makes of a NodeInfo document. It fetches none from the loopback by itself. */
  async nodeInfo({ url }) {
    const { links } = await (await fetch(new URL("/.well-known/nodeinfo", url))).json();
    const { href } = links.find((link) => link.rel === "http://nodeinfo.diaspora.software/ns/schema/2.1");
    const { software, protocols, usage } = parseNodeInfo(await (await fetch(href)).json());
    return { software: software.name, protocols, people: usage.users.total };
  }

  #context() {
    return this.federation.createContext(new URL(this.origin));
  }

  async #loaders(by) {
    const fresh = getDocumentLoader({ allowPrivateAddress: true });
    return { documentLoader: by ? await this.#context().getDocumentLoader({ identifier: by }) : fresh };
  }

  #read(document) {
    const { documentLoader, contextLoader } = this.#context();
    return AnyObject.fromJsonLd(document, { documentLoader, contextLoader });
  }

  /** An object as Fedify understood it, and not as it came. */
  #said(object) {
    return object.toJsonLd({ format: "compact", contextLoader: this.#context().contextLoader });
  }

  #keyId({ keyId, multikey, privateKey }) {
    return privateKey.algorithm.name === "Ed25519" ? multikey.id : keyId;
  }

  /** Its own posts are served as they were said last. */
  #remember({ type, object }) {
    if (type === "Create" || type === "Update") this.keep({ document: object });
    if (type === "Delete") this.#objects.delete(object?.id ?? object);
  }

  #federation() {
    const federation = createFederation({
      kv: new MemoryKvStore(),
      allowPrivateAddress: true,
      firstKnock: this.#knocks,
    });
    const signedGets = (context) => this.#mayRead(context);
    federation
      .setActorDispatcher("/users/{identifier}", (context, name) => this.#actor(context, name))
      .setKeyPairsDispatcher((_, name) => this.#actors.get(name)?.keys ?? [])
      .authorize(signedGets);
    for (const [type, place] of [[Note, "posts"], [Question, "polls"], [QuoteAuthorization, "stamps"]]) {
      const stored = (_, { id }) => this.#stored(`${this.origin}/${place}/${id}`);
      federation.setObjectDispatcher(type, `/${place}/{id}`, stored).authorize(signedGets);
    }
    federation.setFollowersDispatcher("/users/{identifier}/followers", (_, name) => this.#followers(name));
    federation.setFeaturedDispatcher("/users/{identifier}/featured", () => ({ items: [] }));
    federation
      .setInboxListeners("/users/{identifier}/inbox", "/inbox")
      .setSharedKeyDispatcher(() => (this.#secure ? { identifier: "bob" } : null))
      .on(Activity, async (context, activity) => {
        const said = await this.#said(activity);
        const about = activity.objectId?.href;
        this.heard.add({ id: activity.id.href, type: said.type, about, recipient: context.recipient, activity: said });
      });
    federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
      software: { name: "fedify-peer", version: "1.0.0" },
      protocols: ["activitypub"],
      usage: { users: {}, localPosts: 0, localComments: 0 },
    }));
    return federation;
  }

  #followers(name) {
    const followers = this.#actors.get(name)?.followers ?? [];
    const items = followers.map(({ id, inbox, shared }) => ({
      id: new URL(id),
      inboxId: new URL(inbox),
      endpoints: { sharedInbox: new URL(shared) },
    }));
    return { items };
  }

  #stored(url) {
    const document = this.#objects.get(url);
    return document ? this.#read(document) : null;
  }

  async #mayRead(context) {
    if (!this.#secure) return true;
    const by = context.request.headers.has("Signature-Input") ? RFC9421 : CAVAGE;
    return by === this.#knocks && (await context.getSignedKeyOwner()) != null;
  }

  async #actor(context, name) {
    if (!this.#actors.has(name)) return null;
    const pairs = await context.getActorKeyPairs(name);
    return new Person({
      id: context.getActorUri(name),
      preferredUsername: name,
      name: `${name} of the peer`,
      inbox: context.getInboxUri(name),
      followers: context.getFollowersUri(name),
      featured: context.getFeaturedUri(name),
      endpoints: new Endpoints({ sharedInbox: context.getInboxUri() }),
      aliases: this.#actors.get(name).aliases.map((alias) => new URL(alias)),
      attachments: [new PropertyValue({ name: "peer", value: "Fedify" })],
      publicKeys: pairs.filter((pair) => pair.privateKey.algorithm.name !== "Ed25519").map((pair) => pair.cryptographicKey),
      assertionMethods: pairs.map((pair) => pair.multikey),
    });
  }

  async #answer(request) {
    const context = { contextData: undefined };
    if (request.method !== "POST") return await this.federation.fetch(request, context);
    const evidence = await this.#evidence(request);
    const raw = {
      path: new URL(request.url).pathname,
      headers: [...request.headers],
      body: await request.clone().text(),
      ...evidence,
    };
    const demanded = this.#demanded;
    let response;
    if (demanded === "proof") {
      const bare = new Request(request);
      for (const name of HTTP_SIGNATURE) bare.headers.delete(name);
      response = await this.federation.fetch(bare, context);
    } else if (demanded && evidence.scheme !== demanded) {
      response = new Response("signed by another scheme, or not", { status: 401 });
    } else {
      response = await this.federation.fetch(request, context);
    }
    this.came.push({ ...raw, status: response.status });
    return response;
  }

  /** By what Fedify itself finds a request to be signed: scheme and key, and whether the proof holds. */
  async #evidence(request) {
    const context = this.#context();
    const options = { contextLoader: context.contextLoader, ...(await this.#loaders(this.#secure ? "bob" : null)) };
    const spec = request.headers.has("Signature-Input") ? RFC9421 : CAVAGE;
    const signed = await verifyRequestDetailed(request.clone(), { ...options, spec });
    const document = await request.clone().json();
    const proof = "proof" in document && (await verifyObject(Activity, document, options)) != null;
    return { scheme: signed.verified ? spec : null, key: signed.verified ? signed.key.id.href : null, proof };
  }
}
