// Live pages: a socket whose messages replace the content of [data-slot] elements, and
// clocks that count by the server's time. No page needs this to be usable.
(() => {
  "use strict";
  const FORBIDDEN = 4403;
  const SLOWEST = 30000; // ms between attempts to connect again
  const lang = document.documentElement.lang || "en";
  const said = new Map(); // what a slot shows, so that nothing is redrawn in vain
  let skew = 0; // ms by which the server's clock is ahead of this one

  const all = (selector, root = document) => root.querySelectorAll(selector);
  const now = () => Date.now() + skew;

  function apply(message) {
    if (message.now) skew = message.now * 1000 - Date.now();
    for (const [name, html] of Object.entries(message.slots || {})) {
      if (said.get(name) === html) continue;
      said.set(name, html);
      for (const slot of all(`[data-slot="${CSS.escape(name)}"]`)) slot.innerHTML = html;
    }
    if (message.state) showState(message.state);
    if (message.offers) showOffers(message.offers);
    document.dispatchEvent(new CustomEvent("switchboard:message", { detail: message }));
    tick();
  }

  function showState(state) {
    for (const stage of all("[data-stage]")) stage.dataset.state = state;
    for (const part of all("[data-when]")) {
      part.hidden = !part.dataset.when.split(" ").includes(state);
    }
  }

  function showOffers(offers) {
    for (const button of all("[data-verb]")) {
      button.hidden = !offers.includes(button.dataset.verb);
    }
  }

  function tick() {
    for (const time of all("time[data-ago]")) {
      time.textContent = inWords(Date.parse(time.dateTime) - now());
    }
    for (const time of all("time[data-until]")) {
      time.textContent = counted(Date.parse(time.dateTime) - now());
    }
    for (const code of all("[data-over]")) {
      const over = Date.parse(code.dataset.over) <= now();
      code.hidden = over;
      const note = code.parentElement.querySelector("[data-over-note]");
      if (note) note.hidden = !over;
    }
  }

  const words = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" });
  function inWords(ms) {
    const units = [["day", 86400000], ["hour", 3600000], ["minute", 60000]];
    for (const [unit, size] of units) {
      if (Math.abs(ms) >= size) return words.format(Math.trunc(ms / size), unit);
    }
    return words.format(Math.trunc(ms / 1000), "second");
  }

  function counted(ms) {
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    const two = (n) => String(n).padStart(2, "0");
    const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    return seconds < 3600 ? rest : `${Math.floor(seconds / 3600)}:${rest}`;
  }

  function wire(state) {
    for (const element of all("[data-wire]")) {
      if (element.dataset.wire === state) continue;
      element.dataset.wire = state;
      element.textContent = element.getAttribute(`data-text-${state}`) || "";
    }
  }

  function connect(path, wait = 1000) {
    const url = new URL(path, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("language", lang);
    const socket = new WebSocket(url);
    let opened = false;
    socket.onopen = () => { opened = true; wire("live"); };
    socket.onmessage = (event) => apply(JSON.parse(event.data));
    socket.onclose = (event) => {
      if (event.code === FORBIDDEN) { wire("forbidden"); return; }
      wire("lost");
      const next = opened ? 1000 : Math.min(wait * 2, SLOWEST);
      setTimeout(() => connect(path, next), next * (0.5 + Math.random() / 2));
    };
  }

  document.addEventListener("switchboard:refreshed", tick);
  document.addEventListener("DOMContentLoaded", () => {
    const page = document.querySelector("[data-socket]");
    if (page && page.dataset.socket) connect(page.dataset.socket);
    tick();
    setInterval(tick, 1000);
    // A browser that is busy skips autofocus; the keyboard needs it.
    if (document.activeElement === document.body) {
      document.querySelector("[autofocus]")?.focus();
    }
  });
})();
