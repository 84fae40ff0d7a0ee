// A scan at the edge of the floor: a lane, known or new here; never an item, a tub or another place.

import { bad, good } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { recall } from "../../core/known.js";
import { itemOf } from "../../core/range.js";
import * as tasks from "../../core/tasks.js";
import { hush } from "../../ui/ui.js";

const RETAIL_CODE = /^\d{14}$/;

/** Stand the tub in hand in the lane that was scanned. @param {string} scanned */
export async function standIn(scanned) {
  const { kind, code } = tasks.meaning(scanned);
  if (kind !== "lane" && (kind !== "unknown" || (await isKnownOtherwise(code)))) return bad(t("stage.not_a_lane"));
  good(code);
  hush();
  return tasks.stage(code);
}

// The service would say no only once the network is back, when the tub stands who knows where.
/** @param {string} code normal @returns {Promise<boolean>} whether it is something else than a lane */
async function isKnownOtherwise(code) {
  const heard = recall(code);
  return RETAIL_CODE.test(code) || (heard ? heard.kind !== "lane" : Boolean(await itemOf(code)));
}
