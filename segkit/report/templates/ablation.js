{
  const form = document.getElementById("switches");
  const cells = readData("cells");
  if (form && cells?.length) {
    const changes = readData("changes");
    const switches = [...form.querySelectorAll("fieldset")].map((each) => [...each.querySelectorAll("input")]);
    const told = document.getElementById("turned");
    const marked = [...document.querySelectorAll("[data-point]")];
    const cellAt = (at) => cells.find((cell) => cell.at.every((place, axis) => place === at[axis]));
    const places = () => switches.map((inputs) => inputs.findIndex((input) => input.checked));

    /** What a position changes against the first of its switch, all other switches as they are. */
    const showChange = (input, cell, first) => {
      const change = cell && first && changes[cell.name]?.[first.name];
      const [points, interval, holds, costs] = input.parentElement.querySelector(".change").children;
      points.textContent = change?.points ?? (cell ? (cell === first ? "the first value" : "not compared") : "not in the grid");
      points.classList.toggle("holds", !change || change.holds);
      interval.textContent = change?.interval ?? "";
      holds.textContent = change?.holds ? "holds 0: no difference is shown" : "";
      costs.replaceChildren(...(change?.costs ?? []).map((text) => make("span", {}, text)));
    };
    const show = () => {
      const at = places();
      const chosen = cellAt(at);
      switches.forEach((inputs, axis) => {
        const first = cellAt(at.with(axis, 0));
        inputs.forEach((input, place) => {
          const cell = cellAt(at.with(axis, place));
          input.disabled = !cell;
          if (inputs.length > 1) showChange(input, cell, first);
        });
      });
      for (const panel of document.querySelectorAll(".panel")) panel.hidden = panel.dataset.cell !== chosen.name;
      for (const element of marked) element.classList.toggle("chosen", element.dataset.point === chosen.title);
      // What is drawn last lies over the others.
      for (const point of document.querySelectorAll("svg .chosen")) point.parentElement.append(point);
      for (const row of document.querySelectorAll(".cells tbody tr")) row.ariaCurrent = String(row.dataset.cell === chosen.name);
      told.textContent = `${chosen.title}: ${document.querySelector(".panel[data-told]:not([hidden])").dataset.told}`;
    };
    const turnTo = (name) => {
      const { at } = cells.find((cell) => cell.name === name);
      at.forEach((place, axis) => (switches[axis][place].checked = true));
      show();
    };

    form.addEventListener("change", show);
    for (const row of document.querySelectorAll(".cells tbody tr")) row.addEventListener("click", () => turnTo(row.dataset.cell));
    show();
  }
}
