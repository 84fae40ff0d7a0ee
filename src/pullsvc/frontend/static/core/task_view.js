// How a task looks once an act is done: pure, so that the screen can show at once what the service will say later.

/**
 * @typedef {object} Line a line of a TaskView
 * @property {number} line_no
 * @property {string} sku
 * @property {string} description
 * @property {string} department
 * @property {string[]} attributes
 * @property {number} case_pack
 * @property {string} from_location
 * @property {string} shelf
 * @property {string} state
 * @property {string | null} short_reason
 * @property {number} urgency
 * @property {number} qty_planned
 * @property {number} qty_picked
 * @property {number} qty_put
 * @property {number} qty_returned
 * @property {number} qty_damaged
 * @property {number} qty_missing
 */

/** @typedef {{task_id: number, state: string, tub: string | null, lane: string | null, fence: number, estimated_s: number, lines: Line[], [more: string]: any}} Task */

/** What was picked and is not accounted for yet. @param {Line} line */
export const inTub = (line) => line.qty_picked - line.qty_put - line.qty_returned - line.qty_damaged - line.qty_missing;

/** What is still to be picked. @param {Line} line */
export const toPick = (line) => (["planned", "skipped"].includes(line.state) ? line.qty_planned - line.qty_picked : 0);

/** Lines to pick, in the order of the walk, skipped ones last. @param {Task} task */
export function openLines(task) {
  const open = task.lines.filter((line) => toPick(line) > 0);
  return [...open.filter((line) => line.state === "planned"), ...open.filter((line) => line.state === "skipped")];
}

const byShelf = new Intl.Collator("en", { numeric: true });

/** Lines with units to put away, in the order of the shelves. @param {Task} task */
export const linesInTub = (task) =>
  task.lines.filter((line) => inTub(line) > 0).sort((a, b) => byShelf.compare(a.shelf, b.shelf));

/** @param {Task} task @param {number} lineNo @param {(line: Line) => Partial<Line>} change @returns {Task} */
function withLine(task, lineNo, change) {
  return { ...task, lines: task.lines.map((line) => (line.line_no === lineNo ? { ...line, ...change(line) } : line)) };
}

/** @type {Record<string, (task: Task, about: any) => Task>} What an act changes, by its kind. */
const CHANGES = {
  tub: (task, { tub }) => ({ ...task, tub }),
  pick: (task, { line_no, qty }) => ({
    ...withLine(task, line_no, (line) => {
      const picked = line.qty_picked + qty;
      return { qty_picked: picked, state: picked >= line.qty_planned ? "picked" : line.state };
    }),
    state: "filling",
  }),
  unpick: (task, { line_no, qty }) =>
    withLine(task, line_no, (line) => ({ qty_picked: line.qty_picked - qty, state: line.state === "picked" ? "planned" : line.state })),
  short: (task, { line_no, reason }) => withLine(task, line_no, () => ({ state: "short", short_reason: reason })),
  unshort: (task, { line_no }) => withLine(task, line_no, () => ({ state: "planned", short_reason: null })),
  skip: (task, { line_no }) => withLine(task, line_no, () => ({ state: "skipped" })),
  stage: (task, { lane }) => ({ ...task, state: "staged", lane }),
  put: (task, { line_no, put = 0, returned = 0, damaged = 0, missing = 0 }) => closed(
    withLine(task, line_no, (line) => ({
      qty_put: line.qty_put + put,
      qty_returned: line.qty_returned + returned,
      qty_damaged: line.qty_damaged + damaged,
      qty_missing: line.qty_missing + missing,
    })),
  ),
  put_rest: (task) => closed({ ...task, lines: task.lines.map((line) => ({ ...line, qty_put: line.qty_put + inTub(line) })) }),
};

/** A tub is done when nothing in it is unaccounted for. @param {Task} task */
const closed = (task) => (linesInTub(task).length ? task : { ...task, state: "closed" });

/** @param {Task} task @param {any} about of an act on it @returns {Task} */
export const after = (task, about) => (CHANGES[about.kind] ?? ((same) => same))(task, about);

/**
 * @param {Task | undefined} task as the service last told
 * @param {any} about of the act that was answered
 * @param {any} answer a TaskView, or what a pick left of its line
 * @returns {Task}
 */
export function told(task, about, answer) {
  if (answer?.lines) return answer;
  if (!task || !answer) return /** @type {Task} */ (task);
  const left = { qty_picked: answer.line_picked, qty_planned: answer.line_planned, state: answer.line_state };
  return { ...withLine(task, answer.line_no, () => left), state: "filling" };
}
