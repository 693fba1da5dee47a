/* Enter in the search of the permission picker would submit the form. The servers are already found. */

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("[data-picker-search]")) event.preventDefault();
});
