// Files that the service makes, as downloads: by fetch, so that a refusal is a sentence and not a broken file.

import { Refusal } from "./api.js";

/**
 * Save what an address answers as a file.
 * @param {string} path @param {string} name of the file
 * @throws {Refusal}
 */
export async function save(path, name) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (!answer) throw new Refusal({ status: 0, code: "offline" });
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Refusal({ status: answer.status, code: said.code ?? `http-${answer.status}`, title: said.title, detail: said.detail, facts: said });
  }
  const url = URL.createObjectURL(await answer.blob());
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
