// Printed codes that stand for a button, for hands that hold a scanner and nothing else. The same list as in
// pullsvc/labels/rules.py, from which their cards are printed; a test compares them.

const PREFIX = "CMD:";

export const COMMANDS = Object.freeze(["OK", "BACK", "+1", "-1", "CASE", "DONE", "SHORT", "UNDO", "SKIP", "STAGE"]);

/** @param {string} code as scanned @returns {string | null} the command, null when it is none */
export function commandOf(code) {
  const text = code.replace(/^\][A-Za-z][0-9]/, "").trim();
  const name = text.toUpperCase().startsWith(PREFIX) ? text.slice(PREFIX.length).toUpperCase() : "";
  return COMMANDS.includes(name) ? name : null;
}
