/* Light or dark: the reader's choice if there is one, else the system's. Runs before the first paint. */
(function () {
  "use strict";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("faultline-theme"); } catch { /* storage is off: the system's choice stays */ }
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  }
  function tell() {
    const button = document.getElementById("theme");
    if (button) {
      button.hidden = false;
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
    }
    document.dispatchEvent(new CustomEvent("faultline:theme"));
  }
  document.addEventListener("DOMContentLoaded", function () {
    tell();
    const button = document.getElementById("theme");
    if (button) button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("faultline-theme", root.dataset.theme); } catch { /* holds for this page only */ }
      tell();
    });
  });
  system.addEventListener("change", tell);
})();
