{
  const table = document.getElementById("finding-table");
  if (table) {
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));
    const [text, level, kind] = ["text", "level", "kind"].map((name) => document.getElementById(`finding-${name}`));
    const told = document.getElementById("findings-found");
    const filter = () => {
      const wanted = text.value.trim().toLowerCase();
      let shown = 0;
      for (const { row, text } of rows) {
        const fits =
          text.includes(wanted) &&
          (!level.value || row.dataset.level === level.value) &&
          (!kind.value || row.dataset.kind === kind.value);
        row.hidden = !fits;
        shown += fits;
      }
      const all = rows.length === 1 ? "1 finding" : `${thousands(rows.length)} findings`;
      told.textContent = shown === rows.length ? all : `${thousands(shown)} of ${all}`;
    };
    text.addEventListener("input", filter);
    for (const choice of [level, kind]) choice.addEventListener("change", filter);
    filter();
  }
}
