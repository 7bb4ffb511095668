// One linked device on Baileys, driven by JSON lines: commands on stdin, events on
// stdout. Nothing but 127.0.0.1 can be reached from this process.
//
//   {"do": "start", "url", "state": {"kind": "folder", "path"}
//                              or {"kind": "rows", "path", "organization", "jid"}}
//   {"do": "send", "id", "to", "text"}      {"do": "ask", "id", "numbers"}
//   {"do": "stop"}                          {"do": "logout"}

import dns from "node:dns";
import net from "node:net";
import readline from "node:readline";

import makeWASocket, { DisconnectReason, useMultiFileAuthState } from "baileys";
import pino from "pino";

import { useRowState } from "./row_state.mjs";

const LOOPBACK = "127.0.0.1";
const QUIET_MS = 60;
const CLOSE_MS = 3000;

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const [options] = net._normalizeArgs(given[0]?.[0] ? given[0] : given);
  if (options.path === undefined && options.host !== LOOPBACK) {
    throw new Error(`only ${LOOPBACK} may be reached, not ${options.host}`);
  }
  return connect.apply(this, given);
};
dns.lookup = () => {
  throw new Error("no name may be looked up");
};
// libsignal prints whole Signal sessions.
for (const name of ["log", "info", "debug", "warn", "error", "trace"]) {
  console[name] = () => {};
}

const logger = pino({ level: process.env.BAILEYS_LOG ?? "silent" }, pino.destination(2));
const sent = new Map(); // message id -> message, for those who ask for it again
let received = Date.now();
let working = new Set();
let state;
let socket;
let url;
let isStopping = false;

function say(event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");
}

function textOf(message) {
  return message?.conversation || message?.extendedTextMessage?.text || "";
}

async function start(command) {
  url = command.url;
  state =
    command.state.kind === "rows"
      ? await useRowState(command.state)
      : await useMultiFileAuthState(command.state.path);
  open();
}

function open() {
  socket = makeWASocket.default ? makeWASocket.default(config()) : makeWASocket(config());
  socket.ev.on("creds.update", () => track(state.saveCreds()));
  socket.ev.on("connection.update", onConnection);
  socket.ev.on("messages.upsert", ({ messages }) => messages.forEach(onMessage));
  socket.ws.on("frame", () => (received = Date.now()));
}

function config() {
  return {
    auth: state.state,
    waWebSocketUrl: url,
    version: [2, 3000, 1023223821], // a fixed one: asking for the newest needs a network
    logger,
    // Else messages wait up to 20 s for a history that the simulated phone never sends.
    shouldSyncHistoryMessage: () => false,
    getMessage: async (key) => sent.get(key.id),
    generateHighQualityLinkPreview: false,
  };
}

function onConnection({ connection, qr, isNewLogin, lastDisconnect }) {
  if (qr) say("qr", { code: qr });
  if (isNewLogin) say("paired");
  if (connection === "open") say("open", { jid: socket.user.id, lid: socket.user.lid });
  if (connection !== "close") return;
  const status = lastDisconnect?.error?.output?.statusCode ?? null;
  if (isStopping) return;
  if (status === DisconnectReason.restartRequired) {
    setImmediate(open);
    return;
  }
  say("close", { status, reason: String(lastDisconnect?.error?.message ?? "") });
}

function onMessage({ key, message, messageStubParameters }) {
  const fields = { id: key.id, from: key.remoteJid, from_me: Boolean(key.fromMe) };
  if (message) {
    if (textOf(message)) say("message", { ...fields, text: textOf(message) });
  } else {
    say("undecryptable", { ...fields, reason: messageStubParameters?.[0] ?? "" });
  }
}

function track(promise) {
  working.add(promise);
  promise.finally(() => working.delete(promise)).catch(() => {});
  return promise;
}

async function send({ id, to, text }) {
  const jid = to.includes("@") ? to : `${to}@s.whatsapp.net`;
  try {
    const message = await socket.sendMessage(jid, { text, linkPreview: null });
    sent.set(message.key.id, message.message);
    say("sent", { id, message_id: message.key.id });
  } catch (error) {
    say("not_sent", { id, reason: String(error.message) });
  }
}

async function ask({ id, numbers }) {
  say("answer", { id, contacts: await socket.onWhatsApp(...numbers) });
}

// Reading stops first: what was decrypted must also be told and acknowledged, for the
// Signal session has moved on. Then everything that is written must be on the disk.
async function drain() {
  socket?.ws?.socket?.pause?.();
  do {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    await socket?.processingMutex?.mutex(async () => {});
    await Promise.allSettled(working);
  } while (Date.now() - received < QUIET_MS || working.size);
}

// The server must have read our last receipts: a process that ends with unread bytes in
// its socket resets the connection, and what was on its way is lost.
async function close() {
  const connection = socket?.ws?.socket;
  if (!connection) return;
  const closed = new Promise((resolve) => connection.once("close", resolve));
  const late = new Promise((resolve) => setTimeout(resolve, CLOSE_MS));
  socket.end(undefined);
  connection.resume(); // nobody listens any more: what still comes stays queued there
  await Promise.race([closed, late]);
}

async function stop() {
  await drain();
  isStopping = true;
  await close();
  await state?.saveCreds();
  await state?.close?.();
  say("stopped");
  process.stdout.write("", () => process.exit(0));
}

async function logout() {
  await socket.logout();
}

const COMMANDS = { start, send, ask, stop, logout };
process.on("unhandledRejection", (error) => say("fault", { reason: String(error) }));
const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = JSON.parse(line);
  const work = COMMANDS[command.do](command);
  // A stop waits for all other work.
  (command.do === "stop" ? work : track(work)).catch((error) =>
    say("fault", { reason: String(error.stack) }),
  );
});
// The test that drives this process is gone.
lines.on("close", () => process.exit(isStopping ? 0 : 1));
