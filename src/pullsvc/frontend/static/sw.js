// Keeps the app for use without a network: every file of one version, and the page that starts it. The API is never
// touched here; what a screen read last, and what waits to be sent, the page keeps itself (core/cache.js, outbox.js).

const BUILD = "__BUILD__";
const SHELL = "/app/";
const FILES = __FILES__;
const CACHE = `app-${BUILD}`;

addEventListener("install", (event) => event.waitUntil(keepAll()));
addEventListener("activate", (event) => event.waitUntil(dropOthers()));
addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || !url.pathname.startsWith("/app")) return;
  if (event.request.mode === "navigate") event.respondWith(shell(event.request));
  else if (url.pathname.startsWith(`/app/${BUILD}/`)) event.respondWith(kept(event.request));
});
// The page says when: as soon as nothing is about to be sent.
addEventListener("message", (event) => {
  if (event.data === "take-over") skipWaiting();
});

async function keepAll() {
  const cache = await caches.open(CACHE);
  const page = await fetch(SHELL, { cache: "reload" });
  const text = await page.clone().text();
  // Two versions may be running while the service is renewed; ours comes again with its own page.
  if (!page.ok || !text.includes(`data-build="${BUILD}"`)) throw new Error("the page is of another version");
  await cache.addAll(FILES);
  await cache.put(SHELL, page);
}

async function dropOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("app-") && name !== CACHE).map((name) => caches.delete(name)));
  await clients.claim();
}

async function shell(request) {
  return (await caches.match(SHELL, { cacheName: CACHE })) ?? fetch(request);
}

async function kept(request) {
  return (await caches.match(request, { cacheName: CACHE, ignoreVary: true })) ?? fetch(request);
}
