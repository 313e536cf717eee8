"use strict";
// Without this script the page shows the whole list. With it, the list shows the pages that contain every
// word of the search field. The search is part of the address, so a search can be linked.
const field = document.querySelector("#search");
const count = document.querySelector("#count");
const items = [...document.querySelectorAll("li[data-text]")].map((item) => ({
  item,
  text: (item.textContent + " " + item.dataset.text).toLowerCase(),
}));
const headings = [...document.querySelectorAll("h2")];
function filter() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { item, text } of items) {
    item.hidden = !words.every((word) => text.includes(word));
    if (!item.hidden) shown += 1;
  }
  for (const heading of headings) {
    const list = heading.nextElementSibling;
    heading.hidden = list !== null && list.querySelector("li:not([hidden])") === null;
  }
  count.textContent = words.length === 0 ? "" : shown + " of " + items.length + " pages";
}
try {
  field.value = decodeURIComponent(location.hash.slice(1));
} catch {
  field.value = "";
}
field.parentElement.hidden = false;
field.addEventListener("input", () => {
  history.replaceState(null, "", "#" + encodeURIComponent(field.value));
  filter();
});
filter();
