// A scan in the form in which the service keeps codes, so that a handheld without a network knows what it sees. The
// service reads every code again; what is unclear here is left as it is (catalog/rules.py is the truth, a test compares).

const GTIN_LENGTHS = new Set([8, 12, 13, 14]);
const AIM = /^\]([A-Za-z][0-9])/;
const RETAIL_AIMS = new Set(["E0", "E4", "I0", "I1"]);
const PLATE = "TUB-";

/** Whether a normal code can only be the plate of a tub. @param {string} code */
export const isPlate = (code) => code.startsWith(PLATE) || /^\d{18}$/.test(code);

/** @param {string} digits with check digit @returns {boolean} */
export function checks(digits) {
  const sum = [...digits].reverse().reduce((total, digit, place) => total + Number(digit) * (place % 2 ? 3 : 1), 0);
  return sum % 10 === 0;
}

/** @param {string} code UPC-E of eight digits @returns {string | null} the UPC-A it stands for */
function expanded(code) {
  if (!/^[01]\d{7}$/.test(code)) return null;
  const [body, last, check] = [code.slice(1, 6), code[6], code[7]];
  let digits;
  if ("012".includes(last)) digits = body.slice(0, 2) + last + "0000" + body.slice(2);
  else if (last === "3") digits = body.slice(0, 3) + "00000" + body.slice(3);
  else if (last === "4") digits = body.slice(0, 4) + "00000" + body.slice(4);
  else digits = body + "0000" + last;
  const upc = code[0] + digits + check;
  return checks(upc) ? upc : null;
}

/** @param {string} digits @returns {string | null} the GTIN-14 of a retail code */
function gtin14(digits) {
  if (!/^\d+$/.test(digits) || !GTIN_LENGTHS.has(digits.length)) return null;
  const upcE = digits.length === 8 ? expanded(digits) : null;
  if (upcE && digits.startsWith("0")) return upcE.padStart(14, "0");
  if (checks(digits)) return digits.padStart(14, "0");
  return upcE ? upcE.padStart(14, "0") : null;
}

/**
 * @param {string} raw as it came from the scanner
 * @returns {string} GTIN-14 of an item, SSCC or GRAI of a tub, or the code itself
 */
export function normalCode(raw) {
  const aim = AIM.exec(raw);
  const text = raw.slice(aim ? 3 : 0).trim();
  if (aim && RETAIL_AIMS.has(aim[1])) return gtin14(text) ?? text;
  if (text.startsWith(PLATE)) return text;
  const elements = elementsOf(text, aim?.[1]);
  return elements ?? gtin14(text) ?? text;
}

/** @param {string} text @param {string} [aim] @returns {string | null} what a GS1 label names */
function elementsOf(text, aim) {
  const link = /^https?:\/\/[^/]+\/(?:.*\/)?(01|00|8003)\/([^/?#]+)/.exec(text);
  if (link) return link[1] === "01" ? gtin14(link[2].padStart(14, "0")) : link[2];
  const flat = text.replace(/^[\x1d|]/, "").replace(/\((\d{2,4})\)/g, "$1");
  const marked = ["C1", "d2", "Q3", "e0"].includes(aim ?? "") || flat !== text || /[\x1d|]/.test(text);
  if (!marked && !/^(01\d{14}|00\d{18}|8003\d{14})/.test(flat)) return null;
  const item = /^0[12](\d{14})/.exec(flat);
  if (item && checks(item[1])) return item[1];
  const pallet = /^00(\d{18})/.exec(flat);
  if (pallet && checks(pallet[1])) return pallet[1];
  return /^8003([^\x1d|]+)/.exec(flat)?.[1] ?? null;
}
