/* Keeps the page current: fetches it again and replaces only the parts whose digest changed, so that scroll, focus,
   opened details and the reader's place in wide parts stay. Pauses while the page is not visible. */
(function () {
  "use strict";
  const EVERY_MS = 2500;
  const SLOWEST_MS = 30000;
  let wait = EVERY_MS;
  let etag = null;
  let timer = null;

  function remember(part) {
    return {
      open: [...part.querySelectorAll("details[open][id]")].map((d) => d.id),
      scrolled: [...part.querySelectorAll("[id]")].filter((e) => e.scrollLeft || e.scrollTop).map((e) => [e.id, e.scrollLeft, e.scrollTop]),
      focus: part.contains(document.activeElement) ? document.activeElement : null,
    };
  }

  function restore(part, kept) {
    const byId = (id) => part.querySelector("#" + CSS.escape(id));
    for (const id of kept.open) byId(id)?.setAttribute("open", "");
    for (const [id, left, top] of kept.scrolled) byId(id)?.scrollTo(left, top);
    if (!kept.focus) return;
    const key = kept.focus.id ? "#" + CSS.escape(kept.focus.id)
      : kept.focus.getAttribute("href") ? 'a[href="' + CSS.escape(kept.focus.getAttribute("href")) + '"]' : null;
    const target = kept.focus.tagName === "SUMMARY" && kept.focus.parentElement.id
      ? part.querySelector("#" + CSS.escape(kept.focus.parentElement.id) + " > summary")
      : key && part.querySelector(key);
    target?.focus({ preventScroll: true });
  }

  function merge(fresh) {
    const now = [...document.querySelectorAll("[data-part]")], next = new Map();
    fresh.querySelectorAll("[data-part]").forEach((part) => next.set(part.id, part));
    if (now.length !== next.size || now.some((part) => !next.has(part.id))) {
      location.reload(); /* from no incident to the first one, or back: the page has another shape */
      return;
    }
    let changed = false;
    for (const part of now) {
      const newer = next.get(part.id);
      if (newer.dataset.digest === part.dataset.digest) continue;
      const kept = remember(part);
      part.replaceChildren(...newer.childNodes);
      part.dataset.digest = newer.dataset.digest;
      restore(part, kept);
      changed = true;
    }
    document.title = fresh.title;
    if (changed) document.dispatchEvent(new CustomEvent("faultline:parts"));
  }

  async function look() {
    const headers = etag ? { "If-None-Match": etag } : {};
    const answer = await fetch(location.pathname + location.search, { headers, cache: "no-store", signal: AbortSignal.timeout(15000) });
    if (answer.status === 304) return;
    if (!answer.ok) throw new Error("HTTP " + answer.status);
    etag = answer.headers.get("ETag");
    merge(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }

  async function tick() {
    timer = null;
    if (!document.hidden) {
      try {
        await look();
        wait = EVERY_MS;
        document.getElementById("lost").hidden = true;
      } catch {
        wait = Math.min(wait * 2, SLOWEST_MS);
        document.getElementById("lost").hidden = false;
      }
    }
    timer = setTimeout(tick, wait);
  }

  function openTarget() {
    const row = location.hash.startsWith("#row-") && document.getElementById(location.hash.slice(1));
    if (!row) return;
    row.closest("details").open = true;
    row.scrollIntoView({ block: "center" });
  }
  function showRoot() {
    const frame = document.getElementById("map-scroll"), root = frame && frame.querySelector(".node.root");
    if (!root || frame.scrollWidth <= frame.clientWidth) return;
    const seen = frame.getBoundingClientRect(), box = root.getBoundingClientRect();
    frame.scrollLeft += box.left + box.width / 2 - seen.left - seen.width / 2;
  }

  window.addEventListener("hashchange", openTarget);
  showRoot();
  openTarget();
  document.addEventListener("visibilitychange", function () {
    if (document.hidden || timer === null) return;
    clearTimeout(timer);
    tick();
  });
  timer = setTimeout(tick, EVERY_MS);
})();
