// What script adds to pages that work without it: parts that follow the ledger.
(() => {
  const address = document.body.dataset.events;
  const isBusy = (part) => {
    const at = document.activeElement;
    const typed = [...part.querySelectorAll("input, textarea, select")].some((one) => one.type !== "hidden" && (one.value !== (one.defaultValue ?? one.value) || one === at));
    return typed || part.querySelector("details[open] form") !== null;
  };
  const refresh = async () => {
    const parts = [...document.querySelectorAll("[data-live][id]")];
    if (!parts.length) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html", "x-loopline-by-itself": "1" } });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const next = fresh.getElementById(part.id);
      if (next && !isBusy(part)) Idiomorph.morph(part, next, { ignoreActiveValue: true });
    }
  };
  if (!address || !window.EventSource) return;
  let due = 0;
  const events = new EventSource(address);
  events.addEventListener("moved", () => {
    clearTimeout(due);
    due = setTimeout(() => refresh().catch(() => {}), 400);
  });
  addEventListener("pagehide", () => events.close());
})();
