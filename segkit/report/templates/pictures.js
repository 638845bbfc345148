{
  const table = document.getElementById("picture-table");
  if (table) {
    const CHUNK = 50;
    const classes = readData("classes");
    const pictures = readData("rows").map((row, index) => ({ index, row, lower: row[0].toLowerCase() }));
    const search = document.getElementById("search");
    const more = document.getElementById("more");
    const dialog = document.getElementById("closer");
    const body = table.tBodies[0];
    let thumbnails;
    let order = pictures;
    let found = pictures;
    let drawn = 0;
    let open = 0;

    const thumbnail = (index) => (thumbnails ??= readData("thumbnails"))[index];
    const holds = (picture, number) => picture.row[4].includes(number) || picture.row[5].includes(number);

    /** Pictures whose name has the text, or that have a class of that name; "class: NAME" is for the class alone. */
    const matching = (text) => {
      const wanted = text.trim().toLowerCase();
      if (!wanted) return order;
      const prefix = wanted.match(/^class:\s*/)?.[0] ?? "";
      const name = wanted.slice(prefix.length);
      const numbered = classes.map(([each], number) => [each.toLowerCase(), number]);
      const exact = numbered.filter(([each]) => each === name);
      const wantedClasses = (exact.length ? exact : numbered.filter(([each]) => each.includes(name))).map(([, number]) => number);
      return order.filter(
        (picture) => (!prefix && picture.lower.includes(name)) || wantedClasses.some((number) => holds(picture, number)),
      );
    };

    const image = (index) => {
      const src = thumbnail(index);
      return src ? make("img", { src, alt: "", loading: "lazy", decoding: "async" }) : "";
    };
    const draw = (picture) => {
      const [name, miou, right, pixels, labelled] = picture.row;
      const names = labelled.map((number) => classes[number][0]).join(", ");
      const button = make("button", { type: "button", title: name }, name);
      const row = make(
        "tr",
        {},
        make("td", { className: "thumb" }, image(picture.index)),
        make("td", {}, button, make("span", { className: "names", title: names }, names)),
        ...[percent(miou), percent(right), String(labelled.length), thousands(pixels)].map((text) =>
          make("td", { className: "number" }, text),
        ),
      );
      row.dataset.index = picture.index;
      return row;
    };
    const drawMore = () => {
      body.append(...found.slice(drawn, drawn + CHUNK).map(draw));
      drawn = Math.min(drawn + CHUNK, found.length);
      more.hidden = drawn === found.length;
      more.textContent = `Show more (${thousands(found.length - drawn)} left)`;
    };
    const drawAll = () => {
      found = matching(search.value);
      const all = `${thousands(pictures.length)} ${pictures.length === 1 ? "picture" : "pictures"}`;
      document.getElementById("found").textContent =
        found.length === pictures.length ? all : `${thousands(found.length)} of ${all}`;
      body.replaceChildren();
      drawn = 0;
      drawMore();
    };
    const show = (place) => {
      open = (place + found.length) % found.length;
      const { index, row } = found[open];
      const [name, miou, right, pixels, labelled, onlyPredicted] = row;
      const src = thumbnail(index);
      document.getElementById("closer-name").textContent = name;
      dialog.querySelector("img").hidden = !src;
      if (src) dialog.querySelector("img").src = src;
      dialog.querySelector(".note").textContent =
        `mIoU of this picture ${percent(miou)} %, ${percent(right)} % of ${thousands(pixels)} pixels right`;
      fillLegend(dialog.querySelector(".legend"), classes, labelled, onlyPredicted);
      if (!dialog.open) dialog.showModal();
    };

    onSort(table, (heading, direction) => {
      const key = Number(heading.dataset.key);
      const value = ({ row }) => (key === 4 ? row[4].length : row[key]);
      order = [...pictures].sort((a, b) => compareValues(value(a), value(b), direction));
      drawAll();
    });
    search.addEventListener("input", drawAll);
    more.addEventListener("click", drawMore);
    new IntersectionObserver((entries) => entries[0].isIntersecting && drawMore(), { rootMargin: "600px" }).observe(more);
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) show(found.findIndex((picture) => picture.index === Number(row.dataset.index)));
    });
    dialog.addEventListener("click", (event) => {
      const step = event.target.closest("[data-step]")?.dataset.step;
      if (step) show(open + Number(step));
      else if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) show(open + step);
    });
    for (const link of document.querySelectorAll("a[data-class]")) {
      link.addEventListener("click", () => {
        search.value = `class: ${link.dataset.class}`;
        drawAll();
      });
    }
    drawAll();
  }
}
