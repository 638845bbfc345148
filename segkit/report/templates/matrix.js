{
  const matrix = document.querySelector(".matrix");
  const data = readData("confusion");
  if (matrix && data) {
    const classes = readData("classes");
    const told = document.getElementById("told");
    const cells = matrix.querySelector(".matrix-cells");
    const cursor = matrix.querySelector(".matrix-cursor");
    const side = Number(matrix.dataset.side);
    const top = Number(matrix.dataset.top);
    const last = data.shown.length - 1;
    let [row, column] = [-1, -1];

    const tell = (newRow, newColumn) => {
      if (newRow < 0 || newColumn < 0 || newRow > last || newColumn > last) return;
      [row, column] = [newRow, newColumn];
      cursor.setAttribute("x", column * side);
      cursor.setAttribute("y", top + row * side);
      const [truth, predicted] = [row, column].map((place) => make("b", {}, classes[data.shown[place]][0]));
      const share = `${percent(data.shares[row][column])} % of its pixels (${thousands(data.counts[row][column])})`;
      told.replaceChildren(...(row === column ? [truth, ` is right in ${share}`] : [truth, " is taken for ", predicted, ` in ${share}`]));
    };

    cells.addEventListener("pointermove", (event) => {
      const box = cells.getBoundingClientRect();
      tell(Math.floor((event.clientY - box.top - top) / side), Math.floor((event.clientX - box.left) / side));
    });
    matrix.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      tell(Math.max(row, 0) + (row < 0 ? 0 : step[0]), Math.max(column, 0) + (row < 0 ? 0 : step[1]));
      const names = matrix.querySelector(".matrix-rows").clientWidth;
      const left = column * side;
      if (left < matrix.scrollLeft) matrix.scrollLeft = left;
      const hidden = names + left + side - matrix.clientWidth;
      if (hidden > matrix.scrollLeft) matrix.scrollLeft = hidden;
    });
  }
}
