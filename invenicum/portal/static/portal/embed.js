// What a page in a frame tells the page around it: its height, and what happened. Each message is addressed to the
// origins that may frame the portal, so that no other page can read it.
const origins = document.body.dataset.frameOrigins.split(" ");

function tell(event, more) {
  if (window.parent === window) return;
  for (const origin of origins) window.parent.postMessage({ source: "invenicum-integrations", event, ...more }, origin);
}

function tellNews() {
  for (const element of document.querySelectorAll("[data-tell]")) {
    tell(element.dataset.tell, element.dataset.type ? { type: element.dataset.type } : {});
    element.removeAttribute("data-tell");
  }
}

new ResizeObserver(() => tell("height", { height: Math.ceil(document.body.getBoundingClientRect().height) })).observe(document.body);
document.addEventListener("htmx:afterSettle", tellNews);
document.addEventListener("click", ({ target }) => { if (target.closest("[data-closes]")) tell("closed"); });
tellNews();
