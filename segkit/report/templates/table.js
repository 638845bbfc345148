/** Compare two values in a direction; what is missing (null or "") comes last in both. */
function compareValues(a, b, direction) {
  const missing = (value) => value === null || value === "";
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  const order = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
  return direction === "descending" ? -order : order;
}

/** Let the headings of a table sort: `sort(heading, direction)` is called, and the heading says so. */
function onSort(table, sort) {
  const headings = [...table.tHead.querySelectorAll("th[aria-sort]")];
  for (const heading of headings) {
    heading.querySelector("button").addEventListener("click", () => {
      const other = { ascending: "descending", descending: "ascending" };
      const direction = other[heading.ariaSort] ?? heading.dataset.begin;
      for (const each of headings) each.ariaSort = each === heading ? direction : "none";
      sort(heading, direction);
    });
  }
}

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  onSort(table, (heading, direction) => {
    const isText = heading.dataset.begin === "ascending";
    const value = ([row]) => {
      const text = row.cells[heading.cellIndex].dataset.value;
      return isText || text === "" ? text : Number(text);
    };
    const rows = [...body.rows].filter((row) => !row.matches(".opened"));
    // What a row opens to stays below it.
    const groups = rows.map((row) => [row, ...(row.nextElementSibling?.matches(".opened") ? [row.nextElementSibling] : [])]);
    body.append(...groups.sort((a, b) => compareValues(value(a), value(b), direction)).flat());
  });
}
