/* Page views, clicks, forms and your own events to `drips collect`. No cookies, no storage unless asked. */
((window, document) => {
  "use strict";
  const script = document.currentScript, early = window.drips;
  let queue = [], tries = 0, timer, key, host, store, anonymousId, userId, userHash;

  const newId = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    return Array.from(bytes, byte => (byte + 256).toString(16).slice(1)).join("")
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  };

  const remember = () => {
    try { store && store.setItem("drips", JSON.stringify([anonymousId, userId, userHash])); } catch (full) { /* this page only */ }
  };

  const soon = wait => { timer = timer || setTimeout(flush, wait); };

  const send = (type, parts) => {
    if (!key) return;
    const context = userHash && { userHash };
    queue.push({ type, messageId: newId(), anonymousId, userId, context, timestamp: new Date().toISOString(), ...parts });
    if (queue.length > 500) queue.shift();
    soon(50);
  };

  const flush = () => {
    clearTimeout(timer);
    timer = 0;
    // A beacon takes 64 KB.
    const batch = [];
    for (let size = 0; queue.length && batch.length < 50; batch.push(queue.shift())) {
      size += JSON.stringify(queue[0]).length * 2;
      if (batch.length && size > 5e4) break;
    }
    if (!batch.length) return;
    const url = host + "/v1/batch";
    // As text, which needs no preflight (CORS).
    const body = JSON.stringify({ writeKey: key, sentAt: new Date().toISOString(), batch });
    if (!(navigator.sendBeacon && navigator.sendBeacon(url, body))) {
      fetch(url, { method: "POST", body, keepalive: body.length < 3e4, credentials: "omit" }).then(answer => {
        if (answer.status > 499) throw answer;
        tries = 0;
      }).catch(() => {
        queue = batch.concat(queue);
        if (++tries < 6) soon(1000 * 2 ** tries);
      });
    }
    if (queue.length) soon(50);
  };

  const page = (name, properties) => send("page", { name, properties: {
    url: location.href.split("#")[0], path: location.pathname, search: location.search,
    title: document.title, referrer: document.referrer, ...properties
  } });

  const track = (event, properties) => send("track", { event, properties: properties || {} });

  // data-drips-plan="pro" is the property plan.
  const described = (element, properties) => {
    for (const [name, value] of Object.entries(element.dataset)) {
      const own = /^drips([A-Z])(.*)$/.exec(name);
      if (own && name !== "dripsTrack") properties[own[1].toLowerCase() + own[2]] = value;
    }
    return { path: location.pathname, ...properties };
  };

  const clicked = event => {
    const element = event.target.closest("[data-drips-track]");
    if (!element || element.tagName === "FORM") return;
    track(element.dataset.dripsTrack || "clicked", described(element, {
      text: (element.textContent || element.value || "").trim().slice(0, 100), href: element.href
    }));
  };

  // That it was sent, never what was written into it.
  const submitted = ({ target }) => track(target.dataset.dripsTrack || "form_submitted", described(target, {
    form: target.id || target.getAttribute("name")
  }));

  const drips = window.drips = {
    track, page, flush,
    load(writeKey, options = {}) {
      if (key) return;
      key = writeKey;
      host = (options.host || new URL(script.src).origin).replace(/\/$/, "");
      if (options.persist) {
        try {
          store = localStorage;
          [anonymousId, userId, userHash] = JSON.parse(store.getItem("drips")) || [];
        } catch (refused) { /* as without */ }
      }
      anonymousId = anonymousId || newId();
      remember();
      const { clicks, forms, pages } = options;
      if (clicks !== false) document.addEventListener("click", clicked, true);
      if (forms !== false) document.addEventListener("submit", submitted, true);
      document.addEventListener("visibilitychange", () => document.hidden && flush());
      window.addEventListener("pagehide", flush);
      if (pages === false) return;
      page();
      const push = history.pushState;
      history.pushState = function (...parts) {
        const from = location.pathname + location.search;
        push.apply(this, parts);
        if (location.pathname + location.search !== from) page();
      };
    },
    // options.userHash: HMAC-SHA256 of the id, made by your server, proves who it is.
    identify(id, traits, options) {
      if (id && typeof id === "object") [id, traits, options] = [userId, id, { userHash }];
      userId = id ? String(id) : undefined;
      userHash = userId && options && options.userHash || undefined;
      remember();
      send("identify", { traits: traits || {} });
    },
    reset() { flush(); anonymousId = newId(); userId = userHash = undefined; remember(); },
    push: ([name, ...parts]) => drips[name](...parts)
  };

  const given = script ? script.dataset : {};
  if (given.writeKey) {
    const on = name => given[name] !== "false";
    drips.load(given.writeKey, {
      host: given.host, persist: given.persist === "true", pages: on("pages"), clicks: on("clicks"), forms: on("forms")
    });
  }
  if (Array.isArray(early)) early.forEach(drips.push);
})(window, document);
