// Pages of an import: ask for one step after another while a page is open, tick all, and
// say that a file is on its way. Without it, "Go on" does a step per press.
(() => {
  "use strict";
  const RETRIES = 5;
  const REFRESH = 8000; // ms; while phones are taken over
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  async function stepped(form) {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
    });
    if (!answer.ok || answer.redirected) throw new Error(`HTTP ${answer.status}`);
    return (await answer.json()).left;
  }

  async function run(form) {
    const bar = form.querySelector("progress");
    const opened = performance.now();
    const button = form.querySelector("[data-go-on]");
    button.hidden = true;
    for (let failures = 0; failures < RETRIES;) {
      try {
        const left = await stepped(form);
        failures = 0;
        bar.value = Math.max(0, bar.max - left);
        form.querySelector("[data-left]").textContent = left;
        // A page that is loaded again shows the phones so far, live, and goes on.
        const stale = "live" in form.dataset && performance.now() - opened > REFRESH;
        if (left === 0 || stale) { location.reload(); return; }
      } catch {
        failures += 1;
        await pause(1000 * failures);
      }
    }
    form.querySelector("[data-failed]").hidden = false;
    button.hidden = false;
  }

  function tickAll(form) {
    const label = form.querySelector("[data-all]");
    if (!label) return;
    const all = label.querySelector("input");
    const boxes = [...form.querySelectorAll('input[name="phone"]')];
    const show = () => {
      const ticked = boxes.filter((box) => box.checked).length;
      all.checked = ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    };
    label.hidden = boxes.length < 2;
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
    });
    form.addEventListener("change", show);
    show();
  }

  document.addEventListener("DOMContentLoaded", () => {
    // The theme's script looks for a text field beside each file field, finds none here
    // and fails; this is how it marks those it has been at.
    for (const input of document.querySelectorAll("input[type=file]")) {
      input.hasChangeListener = true;
    }
    for (const form of document.querySelectorAll("form[data-steps]")) run(form);
    for (const form of document.querySelectorAll("form[data-ticks]")) tickAll(form);
    for (const form of document.querySelectorAll("form[data-upload]")) {
      form.addEventListener("submit", () => {
        const button = form.querySelector("[data-busy]");
        const label = button.textContent;
        button.textContent = button.dataset.busy;
        button.disabled = true;
        // Back to this page: the browser may show it as it was left.
        window.addEventListener("pageshow", () => {
          button.textContent = label;
          button.disabled = false;
        }, { once: true });
      });
    }
  });
})();
