// Parts of a page that are asked for again while they say so: data-part names one,
// data-refresh the seconds until the next look. Without scripts a reload does the same.
(() => {
  "use strict";
  const said = new Map(); // what a part was told, since clocks change what it shows
  const waiting = () => document.querySelector("[data-part][data-refresh]");

  // Whoever tabs through the links of a part stays where they are.
  function replace(part, fresh) {
    const inside = part.contains(document.activeElement);
    const href = inside ? document.activeElement.getAttribute("href") : null;
    part.replaceWith(fresh);
    if (href) fresh.querySelector(`[href="${CSS.escape(href)}"]`)?.focus();
  }

  async function look() {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (answer.redirected) { location.reload(); return; } // logged out meanwhile
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of document.querySelectorAll("[data-part]")) {
          const fresh = page.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
          if (!fresh || said.get(part.dataset.part) === fresh.outerHTML) continue;
          said.set(part.dataset.part, fresh.outerHTML);
          replace(part, fresh);
        }
        document.dispatchEvent(new CustomEvent("switchboard:refreshed"));
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the network: look again later
    }
    again();
  }

  function again() {
    const part = waiting();
    if (part) setTimeout(look, 1000 * Number(part.dataset.refresh));
  }

  document.addEventListener("DOMContentLoaded", again);
})();
