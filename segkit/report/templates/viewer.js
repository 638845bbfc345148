{
  const viewer = document.getElementById("viewer");
  const examples = readData("examples") ?? [];
  if (viewer && examples.length) {
    const classes = readData("classes");
    const rows = readData("rows");
    const find = (selector) => viewer.querySelector(selector);
    const stage = find(".stage");
    const wipe = find(".wipe");
    const opacity = find(".opacity input");
    const halves = [...viewer.querySelectorAll(".half")];
    let shown = examples.find((example) => example.group === "median") ?? examples[0];

    /** As large as the box lets it be, in the picture's own proportions. */
    const fit = () => {
      const box = find(".stage-box");
      const factor = Math.min(box.clientWidth / shown.width, box.clientHeight / shown.height);
      stage.style.width = `${Math.floor(shown.width * factor)}px`;
      stage.style.height = `${Math.floor(shown.height * factor)}px`;
      stage.classList.toggle("magnified", factor >= 2);
    };
    const showLayers = () => {
      for (const half of halves) {
        const side = half.dataset.side;
        const layer = viewer.querySelector(`input[name="${side}"]:checked`).value;
        const [picture, over] = half.children;
        half.dataset.layer = layer;
        picture.src = shown.picture;
        over.hidden = layer === "picture";
        if (layer !== "picture") over.src = shown[layer];
        find(`.tag[data-side="${side}"]`).textContent = layer;
      }
    };
    const show = (example) => {
      shown = example;
      const [name, miou, right, , labelled, onlyPredicted] = rows[example.row];
      find(".shown-name").textContent = name;
      find(".shown-figures").textContent = `mIoU of this picture ${percent(miou)} %, ${percent(right)} % of its pixels right`;
      halves[0].firstElementChild.alt = `${name} under its layers`;
      fillLegend(find(".legend"), classes, labelled, onlyPredicted);
      for (const button of viewer.querySelectorAll(".strip button")) {
        button.ariaCurrent = String(button.dataset.row === String(example.row));
      }
      fit();
      showLayers();
    };
    const thumb = (example) => {
      const [name, miou] = rows[example.row];
      const images = [example.picture, example.prediction].map((src) => make("img", { src, alt: "" }));
      const button = make(
        "button",
        { type: "button", title: name, ariaLabel: `${name}, mIoU ${percent(miou, 1)} %` },
        make("span", { className: "frame" }, ...images),
        make("span", { className: "under" }, percent(miou, 1)),
      );
      button.dataset.row = example.row;
      button.addEventListener("click", () => show(example));
      return button;
    };

    for (const group of new Set(examples.map((example) => example.group))) {
      const buttons = examples.filter((example) => example.group === group).map(thumb);
      const heading = make("h3", {}, `${group[0].toUpperCase()}${group.slice(1)}`);
      find(".strip").append(make("div", {}, heading, make("div", { className: "strip-group" }, ...buttons)));
    }
    wipe.addEventListener("input", () => stage.style.setProperty("--wipe", `${wipe.value}%`));
    opacity.addEventListener("input", () => {
      stage.style.setProperty("--opacity", opacity.value / 100);
      find(".opacity output").textContent = `${opacity.value} %`;
    });
    for (const input of viewer.querySelectorAll(".choice input")) input.addEventListener("change", showLayers);
    new ResizeObserver(fit).observe(find(".stage-box"));
    show(shown);
  }
}
