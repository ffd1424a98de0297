// Both ends of signing in from a frame: the page that opened the window, and the last page of the window. Only a page of
// this origin is told the result, and only one of this origin is listened to.
const confirmation = document.getElementById("confirm");
const outcome = document.getElementById("outcome");

if (confirmation) {
  addEventListener("message", ({ origin, data }) => {
    if (origin !== location.origin || data?.source !== "invenicum-sign-in-window") return;
    confirmation.elements.result.value = data.result;
    confirmation.submit();
  });
}
if (outcome) {
  history.replaceState(null, "", location.pathname);
  if (window.opener) {
    const { result } = outcome.dataset;
    if (result) window.opener.postMessage({ source: "invenicum-sign-in-window", result }, location.origin);
    window.close();
  }
}
