// Takes the code out of the link's fragment, which no server sees, and sends it once.
const form = document.getElementById("open");
const code = location.hash.slice(1);
if (code) {
  history.replaceState(null, "", location.pathname);
  form.elements.code.value = code;
  form.submit();
}
