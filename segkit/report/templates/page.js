"use strict";

/** Plain data that Python put into the page, or null. */
function readData(id) {
  const element = document.getElementById(`data-${id}`);
  return element && JSON.parse(element.textContent);
}

/** An element with properties and children; text stays text. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A share in 0..1 in percent, as the rest of the page writes it. */
function percent(share, digits = 2) {
  return share === null ? "n/a" : (100 * share).toFixed(digits);
}

function thousands(number) {
  return number.toLocaleString("en-US");
}

function swatch(colour) {
  const element = make("span", { className: "swatch" });
  element.style.background = colour;
  return element;
}

/** Fill a legend with classes by number, followed by those that are only predicted. */
function fillLegend(list, classes, labelled, onlyPredicted) {
  const entry = (number, note) => make("li", {}, swatch(classes[number][1]), classes[number][0] + note);
  list.replaceChildren(
    ...labelled.map((number) => entry(number, "")),
    ...onlyPredicted.map((number) => entry(number, " (only predicted)")),
  );
}

{
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  // A file opened from a disk may have no storage.
  const stored = (act) => {
    try {
      return act(localStorage);
    } catch {
      return null;
    }
  };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => button.setAttribute("aria-pressed", String(isDark()));

  const chosen = stored((storage) => storage.getItem("segkit-theme"));
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored((storage) => storage.setItem("segkit-theme", root.dataset.theme));
    show();
  });
  system.addEventListener("change", show);
  show();
}
