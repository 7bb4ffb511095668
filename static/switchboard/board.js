// The dashboard: counts summed over the reader's organizations, and its two lists.
(() => {
  "use strict";
  const SHOWN_LOSSES = 10;
  let counts = {}; // organization → status → how many

  function item(html, name, value) {
    const li = document.createElement("li");
    li.dataset[name] = value;
    li.innerHTML = html;
    return li;
  }

  function showCounts(board) {
    for (const tile of board.querySelectorAll("[data-count]")) {
      let sum = 0;
      for (const each of Object.values(counts)) sum += each[tile.dataset.count] || 0;
      tile.textContent = sum;
    }
  }

  function showAttention(list, phone, html) {
    const known = list.querySelector(`[data-phone="${phone}"]`);
    if (!html) { if (known) known.remove(); return; }
    if (known) known.innerHTML = html;
    else list.prepend(item(html, "phone", phone));
  }

  function showLoss(list, loss) {
    if (list.querySelector(`[data-id="${loss.id}"]`)) return;
    const newest = list.firstElementChild;
    if (newest && Number(newest.dataset.id) > loss.id) return; // an old one, listed before
    list.prepend(item(loss.html, "id", loss.id));
    while (list.children.length > SHOWN_LOSSES) list.lastElementChild.remove();
  }

  document.addEventListener("switchboard:message", ({ detail: message }) => {
    const board = document.querySelector("[data-board]");
    if (!board) return;
    if (message.counts) {
      counts[message.organization] = message.counts;
      showCounts(board);
    }
    if ("attention" in message) {
      showAttention(board.querySelector("[data-attention]"), message.phone, message.attention);
    }
    if (message.loss) showLoss(board.querySelector("[data-losses]"), message.loss);
  });

  document.addEventListener("DOMContentLoaded", () => {
    const board = document.querySelector("[data-board]");
    if (board) counts = JSON.parse(board.dataset.counts || "{}");
  });
})();
