// Runs snippets of code and applications for the tests, in one process. A request has the name of a command and its
// arguments, and the response is what the command returns, all in JSON.

import { createServer } from "node:http";
import { inspect } from "node:util";

import express from "express";
import { Hono } from "hono";
import * as keyledger from "keyledger";
import { requiresKey as middleware, verificationOf as verificationOfNodeRequest } from "keyledger/express";
import { checkRequest, requiresKey as handler, verificationOf } from "keyledger/fetch";

const AsyncFunction = (async () => undefined).constructor;

const COMMANDS = {
  /** Run the body of a function with `client`, `given`, `keyledger` and `inspect`. Return its result or its error. */
  async evaluate({ code, url, key, options, given }) {
    const client = new keyledger.Keyledger(url, key, options);
    try {
      const run = new AsyncFunction("client", "given", "keyledger", "inspect", code);
      return { result: (await run(client, given, keyledger, inspect)) ?? null };
    } catch (error) {
      const { name, message } = error;
      return { error: { ...error, name, message, text: String(error), inspected: inspect(error) } };
    }
  },

  /** Start an application that requires a key at /, but not at /open. Return its URL. */
  async start({ kind, url, key, access }) {
    const client = new keyledger.Keyledger(url, key, { retries: keyledger.NO_RETRIES });
    return listening(APPLICATIONS[kind](client, access));
  },
};

const APPLICATIONS = {
  express(client, { address, trustedProxy, ...access }) {
    const app = express();
    if (trustedProxy !== undefined) app.set("trust proxy", trustedProxy);
    app.get("/open", (_request, response) => response.send("open"));
    app.use(middleware(client, { ...access, ...(address === undefined ? {} : { address: () => address }) }));
    app.get("/", (request, response) => response.send(verificationOfNodeRequest(request).key_id));
    return createServer(app);
  },

  node(client, { address, ...access }) {
    const check = middleware(client, { ...access, ...(address === undefined ? {} : { address: () => address }) });
    return createServer((request, response) => {
      if (request.url === "/open") response.end("open");
      else check(request, response, () => response.end(verificationOfNodeRequest(request).key_id));
    });
  },

  fetch(client, { address, ...access }) {
    const closed = handler(client, (request) => new Response(verificationOf(request).key_id), {
      ...access,
      address: (_request, peer) => address ?? peer,
    });
    return served((request, peer) => (isOpen(request) ? new Response("open") : closed(request, peer)));
  },

  hono(client, { address, ...access }) {
    const app = new Hono();
    app.get("/open", (context) => context.text("open"));
    app.use(async (context, next) => {
      const peer = address ?? context.env.peer;
      const checked = await checkRequest(client, context.req.raw, { ...access, address: peer });
      return checked instanceof Response ? checked : next();
    });
    app.get("/", (context) => context.text(verificationOf(context.req.raw).key_id));
    return served((request, peer) => app.fetch(request, { peer }));
  },
};

function isOpen(request) {
  return new URL(request.url).pathname === "/open";
}

/** Return a server that calls a function of a web-standard request and the address of the peer. */
function served(respond) {
  return createServer(async (incoming, outgoing) => {
    const headers = new Headers();
    for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
      headers.append(incoming.rawHeaders[index], incoming.rawHeaders[index + 1]);
    }
    const request = new Request(new URL(incoming.url, "http://application"), { method: incoming.method, headers });
    const response = await respond(request, incoming.socket.remoteAddress);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(await response.text());
  });
}

async function listening(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

async function contentOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces));
}

const control = createServer(async (request, response) => {
  const { command, ...given } = await contentOf(request);
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(await COMMANDS[command](given)));
});
console.log(await listening(control));
