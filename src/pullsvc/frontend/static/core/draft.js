// Work in hand that is not sent yet: it survives a reload, and nobody else's hands take it up.

import { signal } from "@preact/signals-core";
import { Refusal } from "./api.js";
import { bad } from "./feedback.js";
import * as outbox from "./outbox.js";
import { owner } from "./session.js";
import { note, noted } from "./store.js";

/**
 * @template T
 * @param {string} name of the notes it is kept in, one for each person
 * @param {T} empty
 */
export function draft(name, empty) {
  const held = signal(empty);
  /** Whose it is since it was taken up; what comes late, when somebody else is here, changes nothing. */
  let whose = "";
  const isTheirs = () => whose === owner();
  const noteOf = (/** @type {string} */ whom) => `${name} ${whom}`;
  let lacksRoom = false;
  const kept = () => {
    if (lacksRoom) outbox.full.value = false;
    lacksRoom = false;
  };
  const notKept = () => {
    lacksRoom = true;
    outbox.full.value = true;
    bad();
  };
  return {
    /** @returns {T} */
    get value() {
      return held.value;
    },
    /** Take up what was left. */
    async open() {
      const opener = owner();
      if (opener !== whose) held.value = empty;
      const left = await noted(noteOf(opener));
      if (opener !== owner()) return;
      whose = opener;
      held.value = left ?? empty;
    },
    /** @param {Partial<T>} changes */
    change(changes) {
      if (!isTheirs()) return;
      held.value = { ...held.value, ...changes };
      note(noteOf(whose), held.value).then(kept, notKept);
    },
    /**
     * Change it together with an act that goes into the outbox: after a crash both have happened, or neither; the same
     * where there is no room left for it.
     * @param {Partial<T>} changes
     * @param {(notes: Record<string, unknown>) => Promise<any>} put
     */
    async changeWith(changes, put) {
      if (!isTheirs()) throw new Refusal({ status: 0, code: outbox.NOT_KEPT });
      const before = held.value;
      const after = { ...before, ...changes };
      held.value = after;
      try {
        return await put({ [noteOf(whose)]: after });
      } catch (failure) {
        if (held.value === after) held.value = before;
        throw failure;
      }
    },
  };
}
