// Work in hand that is not sent yet: it survives a reload, and nobody else's hands take it up.

import { signal } from "@preact/signals-core";
import { person, storePath } from "./session.js";
import { note, noted } from "./store.js";

/**
 * @template T
 * @param {string} name of the note it is kept in
 * @param {T} empty
 */
export function draft(name, empty) {
  const held = signal(empty);
  const owner = () => `${storePath("")}${person.value?.principal_id}`;
  const written = (/** @type {T} */ value) => ({ owner: owner(), value });
  return {
    /** @returns {T} */
    get value() {
      return held.value;
    },
    /** Take up what was left. */
    async open() {
      const kept = await noted(name);
      held.value = kept?.owner === owner() ? kept.value : empty;
    },
    /** @param {Partial<T>} changes */
    change(changes) {
      held.value = { ...held.value, ...changes };
      void note(name, written(held.value));
    },
    /**
     * Change it together with an act that goes into the outbox: after a crash both have happened, or neither; the same
     * where there is no room left for it.
     * @param {Partial<T>} changes
     * @param {(notes: Record<string, unknown>) => Promise<any>} put
     */
    async changeWith(changes, put) {
      const before = held.value;
      const after = { ...before, ...changes };
      held.value = after;
      try {
        return await put({ [name]: written(after) });
      } catch (failure) {
        if (held.value === after) held.value = before;
        throw failure;
      }
    },
  };
}
