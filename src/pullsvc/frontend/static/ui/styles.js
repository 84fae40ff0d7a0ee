// Style sheets of large screens come with them, so that a handheld does not carry what only a desk needs.

/** @param {string} url of a style sheet, as `import.meta.resolve` gives it @returns {Promise<void>} when it is in force */
export function wear(url) {
  if (document.querySelector(`link[href="${CSS.escape(url)}"]`)) return Promise.resolve();
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = url;
  return new Promise((resolve, reject) => {
    link.addEventListener("load", () => resolve(), { once: true });
    link.addEventListener("error", () => reject(new Error(`no style at ${url}`)), { once: true });
    document.head.append(link);
  });
}
