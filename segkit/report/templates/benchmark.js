/** Rows that open: what stands in the row below is hidden until the button in the row is pressed. */
for (const button of document.querySelectorAll(".opener")) {
  const opened = document.getElementById(button.getAttribute("aria-controls"));
  const turn = (open) => {
    button.ariaExpanded = String(open);
    opened.hidden = !open;
  };
  button.addEventListener("click", () => turn(button.ariaExpanded !== "true"));
  turn(false); // in the page they are open, for those without a script
}
