// Enhances pages, all of which work without it. A form with hx-boost is sent in place; an element with an id and
// data-live="4" is replaced by its newer self every four seconds, while the page is visible and not paused.
const IS_TYPED_IN = "input:not([type=checkbox]), select, textarea";
const CAN_FOCUS = "a, button, summary, input";
let refreshedAt = Date.now();

function pauseSwitch() {
  return document.querySelector("[data-live-switch]");
}

function showHelpers() {
  const pause = pauseSwitch();
  if (pause) pause.hidden = !document.querySelector("[data-live]");
  document.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = !navigator.clipboard; });
}

// A button with data-copy="id" copies the text of that element, and then says what data-copied has.
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = button.dataset.copied;
});

async function refresh(area) {
  const focused = [...area.querySelectorAll(CAN_FOCUS)].indexOf(document.activeElement);
  const key = (details, place) => details.id || place;
  const open = new Set([...area.querySelectorAll("details")].map((one, place) => one.open && key(one, place)));
  const target = `#${area.id}`;
  await htmx.ajax("GET", location.href, { target, select: target, swap: "outerHTML" });
  const fresh = document.querySelector(target);
  if (!fresh) return;
  fresh.querySelectorAll("details").forEach((one, place) => { one.open ||= open.has(key(one, place)); });
  if (focused >= 0) fresh.querySelectorAll(CAN_FOCUS)[focused]?.focus({ preventScroll: true });
  showHelpers();
}

setInterval(() => {
  const area = document.querySelector("[data-live]");
  const isPaused = pauseSwitch() && !pauseSwitch().querySelector("input").checked;
  if (!area || isPaused || document.visibilityState !== "visible" || area.matches(`:has(:is(${IS_TYPED_IN}):focus)`)) return;
  if (Date.now() - refreshedAt < Number(area.dataset.live) * 1000) return;
  refreshedAt = Date.now();
  refresh(area);
}, 500);

// What is not a page of ours, or an error, does not take the place of what is shown.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.requestConfig.verb === "get" && detail.xhr.status !== 200) detail.shouldSwap = false;
});
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target.id === "main" && document.activeElement === document.body) document.getElementById("main").focus();
  showHelpers();
});
showHelpers();
