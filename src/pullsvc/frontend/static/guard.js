// Says so when the app cannot start, where nothing but a name would stay on the screen: a module that did not arrive, a
// browser that is too old, a window that may keep nothing. No module, and in old words, as it is there for old browsers
// too; with texts of its own, as the others may be what is missing.

(function () {
  var SAID = {
    en: {
      lost: ["The app did not load", "Look whether there is a network, and try again."],
      unable: ["The app cannot run in this window", "It has to keep scans on the device. Use an up-to-date browser, no private window, and let the site keep its data."],
      again: "Try again",
    },
    es: {
      lost: ["La aplicación no se cargó", "Mira si hay red e inténtalo otra vez."],
      unable: ["La aplicación no funciona en esta ventana", "Tiene que guardar lecturas en el equipo. Usa un navegador actualizado, ninguna ventana privada, y deja que el sitio guarde sus datos."],
      again: "Reintentar",
    },
  };
  var words = SAID[(navigator.language || "en").slice(0, 2)] || SAID.en;

  function add(parent, name, text) {
    var made = document.createElement(name);
    made.textContent = text || "";
    parent.appendChild(made);
    return made;
  }

  function tell(why) {
    if (document.documentElement.hasAttribute("data-ready") || document.querySelector(".dead-end")) return;
    var place = add(document.body, "div");
    place.className = "dead-end";
    place.setAttribute("role", "alert");
    add(place, "h1", words[why][0]);
    add(place, "p", words[why][1]);
    var again = add(place, "button", words.again);
    again.className = "button primary";
    again.onclick = function () {
      location.reload();
    };
  }

  addEventListener("error", function (event) {
    var isScript = event.target && event.target.tagName === "SCRIPT";
    if (isScript || event.target === window) tell(isScript ? "lost" : "unable");
  }, true);
  addEventListener("unhandledrejection", function (event) {
    var isLost = event.reason instanceof TypeError && /import/.test(event.reason.message);
    tell(isLost ? "lost" : "unable");
  });
  if (!("noModule" in document.createElement("script"))) addEventListener("DOMContentLoaded", function () { tell("unable"); });
})();
