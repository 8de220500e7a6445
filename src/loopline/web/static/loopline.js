// What script adds to pages that work without it: they follow the ledger and the clock, and say when they no longer can.
(() => {
  const MINUTE_MS = 60000, SOON_MS = 5000, GATHER_MS = 300, SPREAD_MS = 500, SENT_MS = 8000;
  const address = document.body.dataset.events;
  const said = document.getElementById("connection");

  // Who was brought back to a form that was refused reads why first, however they were brought.
  document.getElementById("refused")?.focus();

  const isChanged = (one) => {
    if (one.type === "hidden" || one.type === "submit" || one.tagName === "BUTTON") return false;
    if (one === document.activeElement) return true;
    if (one.type === "checkbox" || one.type === "radio") return one.checked !== one.defaultChecked;
    if (one.tagName !== "SELECT") return one.value !== one.defaultValue;
    const options = [...one.options];
    const first = Math.max(0, options.findIndex((option) => option.defaultSelected));
    return options.some((option, at) => option.selected !== (one.multiple ? option.defaultSelected : at === first));
  };
  const isBusy = (node) => node.nodeType === 1 && [...(node.tagName === "FORM" ? [node] : node.querySelectorAll("form"))].some((form) => form.matches("[data-refused]") || [...form.elements].some(isChanged));

  // A form that was sent is sent no second time by a second click.
  addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    // Nothing tells that the reader has stopped it: after a while it may be sent again.
    clearTimeout(form.again);
    form.again = setTimeout(() => delete form.dataset.sent, SENT_MS);
  });

  // A form that somebody fills in stays as it is, and so does what they opened, what they were told, and what has a life of its own.
  const callbacks = {
    beforeNodeMorphed: (old) => !(old.nodeType === 1 && (old.matches("[data-still], .said") || (old.tagName === "FORM" && isBusy(old)))),
    beforeNodeRemoved: (old) => !(old.nodeType === 1 && (old.matches(".said, [data-refused]") || isBusy(old))),
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
  };

  let away = "";
  const tell = (what) => {
    if (what && !away) away = new Date().toTimeString().slice(0, 5);
    if (!what) away = "";
    const text = what ? `${what} since ${away}: what stands here may have changed.` : "";
    if (said && said.textContent !== text) said.textContent = text;
  };

  const refresh = async () => {
    const parts = [...document.querySelectorAll("[data-live][id]")];
    if (!parts.length) return true;
    const answer = await fetch(location.href, { headers: { accept: "text/html", "x-loopline-by-itself": "1" }, cache: "no-store", signal: AbortSignal.timeout(MINUTE_MS) });
    if (answer.redirected) {
      if (new URL(answer.url).pathname.startsWith("/sign-in")) tell("Signed out");
      else location.reload();
      return false;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const next = fresh.getElementById(part.id);
      if (!next) continue;
      Idiomorph.morph(part, next, { ignoreActiveValue: true, callbacks });
      window.htmx?.process(part);
    }
    document.title = fresh.title;
    tell("");
    return answer.status < 500;
  };

  document.body.addEventListener("htmx:responseError", (event) => event.detail.xhr.status === 401 && tell("Signed out"));

  let due = 0, isAsking = false, events = null;
  // Moves that follow each other are asked for once, and those who are told of one at the same moment do not all ask at the same moment.
  const soon = () => GATHER_MS + Math.random() * SPREAD_MS;
  const look = (after) => {
    clearTimeout(due);
    due = setTimeout(ask, after);
  };
  const ask = async () => {
    // A slow server is not asked a second time before it has answered.
    if (isAsking) return look(soon());
    isAsking = true;
    const mine = due;
    let went = true;
    if (!document.hidden) {
      went = await refresh().catch(() => {
        tell("Not connected");
        return false;
      });
    }
    isAsking = false;
    if (went) follow();
    // What moved meanwhile is not in the answer: it has set a time of its own.
    if (due === mine) look(went ? MINUTE_MS : SOON_MS);
  };
  const follow = () => {
    if (!address || !window.EventSource || (events && events.readyState !== EventSource.CLOSED)) return;
    events = new EventSource(address);
    events.addEventListener("moved", () => look(soon()));
    // A stream that ends comes again by itself: whether the server is there is told by asking for the page.
    events.addEventListener("error", () => look(soon()));
  };
  document.addEventListener("visibilitychange", () => document.hidden || look(0));
  addEventListener("pagehide", () => {
    clearTimeout(due);
    if (events) events.close();
  });
  addEventListener("pageshow", (event) => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    if (event.persisted) look(0);
  });
  follow();
  look(MINUTE_MS);
})();
