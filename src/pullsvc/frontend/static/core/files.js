// Files as downloads: of the service, by fetch, so that a refusal is a sentence and not a broken file; and of this device.

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
  offer(await answer.blob(), name);
}

/** @param {Blob} content @param {string} name of the file */
function offer(content, name) {
  const url = URL.createObjectURL(content);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Save rows that this device holds, as CSV.
 * @param {string[][]} rows the first one names the columns @param {string} name of the file
 */
export function saveRows(rows, name) {
  const text = rows.map((row) => row.map(cell).join(",")).join("\r\n");
  // The mark in front tells spreadsheets that it is UTF-8.
  offer(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv;charset=utf-8" }), name);
}

/** No cell is a formula for a spreadsheet. @param {string} value */
const cell = (value) => `"${value.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
