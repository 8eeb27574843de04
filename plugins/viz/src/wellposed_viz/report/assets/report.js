"use strict";
(() => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  root.classList.add("ready");

  // Table: click a heading to sort; numbers start with the best, unknown values come last.
  const table = $("scores");
  if (table) {
    const headings = [...table.tHead.rows[0].cells];
    const descendingFirst = (column) => column === 1 || column === 2;
    const sort = (column) => {
      const now = headings[column].getAttribute("aria-sort");
      const first = descendingFirst(column) ? "descending" : "ascending";
      const other = first === "descending" ? "ascending" : "descending";
      const order = now === first ? other : first;
      headings.forEach((h) => h.hasAttribute("aria-sort") && h.setAttribute("aria-sort", "none"));
      headings[column].setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const value = (row) => row.cells[column].dataset.value;
      const number = (text) => ({ inf: Infinity, "-inf": -Infinity })[text] ?? (text === "" ? NaN : Number(text));
      const compare = (a, b) => {
        if (column === 0) return sign * value(a).localeCompare(value(b));
        const [x, y] = [number(value(a)), number(value(b))];
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
        return x === y ? 0 : sign * (x < y ? -1 : 1);
      };
      table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
    };
    headings.forEach((h, i) => h.querySelector("button")?.addEventListener("click", () => sort(i)));
  }

  // Windowed pictures of packs' sections: ".windowed" holds images whose red and green are the high and low
  // byte of values from data-low to data-high; two sliders choose what is black and what is white.
  const show = (canvas, black, white) => {
    const { levels, low, step } = canvas;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(canvas.width, canvas.height);
    const gain = 255 / Math.max(white - black, 1e-30);
    for (let i = 0; i < levels.length; i += 1) {
      const grey = (low + levels[i] * step - black) * gain;
      pixels.data.set([grey, grey, grey, 255], 4 * i);
    }
    context.putImageData(pixels, 0, 0);
  };
  const unpack = async (image) => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
    canvas.levels = new Uint16Array(bytes.length / 4);
    for (let i = 0; i < canvas.levels.length; i += 1) canvas.levels[i] = 256 * bytes[4 * i] + bytes[4 * i + 1];
    canvas.low = Number(image.dataset.low);
    canvas.step = (Number(image.dataset.high) - canvas.low) / 65535;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", image.alt);
    image.previousElementSibling?.replaceWith(canvas);
    return canvas;
  };
  document.querySelectorAll(".windowed").forEach(async (box) => {
    const canvases = await Promise.all([...box.querySelectorAll("img[data-low]")].map(unpack));
    const [least, most] = [Number(box.dataset.least), Number(box.dataset.most)];
    const sliders = ["Level", "Width"].map((name) => {
      const label = document.createElement("label");
      const slider = document.createElement("input");
      const text = document.createElement("output");
      Object.assign(slider, { type: "range", min: 0, max: 1000, step: 1 });
      slider.setAttribute("aria-label", name);
      label.append(name, slider, text);
      return { label, slider, text };
    });
    const [level, width] = sliders;
    const span = most - least || 1;
    const word = (x) => String(Number(x.toPrecision(3)));
    const draw = () => {
      const centre = least + (level.slider.value / 1000) * span;
      const broad = Math.max(width.slider.value / 1000, 0.001) * span;
      level.text.textContent = word(centre);
      width.text.textContent = word(broad);
      canvases.forEach((canvas) => show(canvas, centre - broad / 2, centre + broad / 2));
    };
    const begin = () => {
      const [black, white] = [Number(box.dataset.black), Number(box.dataset.white)];
      level.slider.value = (1000 * ((black + white) / 2 - least)) / span;
      width.slider.value = (1000 * (white - black)) / span;
      draw();
    };
    const reset = document.createElement("button");
    Object.assign(reset, { type: "button", className: "reset", textContent: "Reset" });
    reset.addEventListener("click", begin);
    sliders.forEach(({ slider }) => slider.addEventListener("input", draw));
    const bar = document.createElement("div");
    bar.className = "toolbar";
    bar.append(level.label, width.label, reset);
    box.prepend(bar);
    begin();
  });

  const figures = [...document.querySelectorAll("#gallery figure")];
  if (!figures.length) return;
  const stage = $("stage");
  const split = $("split");
  const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

  // One view for all pictures: zoom z about the point (x, y), as fractions of the picture.
  const view = { z: 1, x: 0.5, y: 0.5 };
  const look = (z, x, y) => {
    const edge = 0.5 / z;
    Object.assign(view, { z, x: clamp(x, edge, 1 - edge), y: clamp(y, edge, 1 - edge) });
    root.style.setProperty("--z", z);
    root.style.setProperty("--px", (0.5 - view.x) * z * 100);
    root.style.setProperty("--py", (0.5 - view.y) * z * 100);
    root.classList.toggle("zoomed", z > 1);
    root.classList.toggle("enlarged", z >= 4);
    const button = document.querySelector(`#zoom input[value="${z}"]`);
    if (button) button.checked = true;
  };
  $("zoom").addEventListener("change", (event) => look(Number(event.target.value), view.x, view.y));

  // Comparison: two of the gallery's pictures, one clipped at the divider.
  const choose = (side) => {
    const figure = figures[$(side).selectedIndex];
    const shown = document.querySelector("#show input:checked")?.value === "error" && figure.querySelector(".error");
    const image = shown || figure.querySelector(".picture");
    $(`${side}-image`).src = image.src;
    $(`${side}-image`).alt = image.alt;
    $(`${side}-name`).textContent = figure.querySelector("b").textContent;
    if (side === "right") {
      const ratio = image.width / image.height;
      stage.style.aspectRatio = String(ratio);
      stage.style.maxWidth = `calc(min(84vh, 46rem) * ${ratio})`;
    }
  };
  const divide = (percent) => {
    split.value = clamp(percent, 0, 100);
    split.setAttribute("aria-valuetext", `${Math.round(split.value)} percent left picture`);
    stage.style.setProperty("--split", split.value);
  };
  ["left", "right"].forEach((side) => $(side).addEventListener("change", () => choose(side)));
  split.addEventListener("input", () => divide(Number(split.value)));
  document.querySelectorAll("[data-pick]").forEach((button) => {
    button.addEventListener("click", () => {
      $("right").selectedIndex = Number(button.dataset.pick);
      choose("right");
      $("pictures").scrollIntoView({ behavior: "smooth" });
    });
  });
  $("show")?.addEventListener("change", (event) => {
    const errors = event.target.value === "error";
    root.classList.toggle("errors", errors);
    $("scale").hidden = !errors;
    ["left", "right"].forEach(choose);
  });

  // Pointer: on the stage the divider follows; away from the divider, a zoomed picture is dragged.
  const position = (element, event) => {
    const box = element.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height, box };
  };
  let drag = null;
  const start = (element, event) => {
    if (event.button) return;
    const at = position(element, event);
    const onDivider = element === stage && (view.z === 1 || Math.abs(at.x * 100 - split.value) * at.box.width < 3200);
    if (!onDivider && view.z === 1) return;
    drag = { element, onDivider, at, x: view.x, y: view.y };
    element.setPointerCapture(event.pointerId);
    if (onDivider) {
      split.focus({ preventScroll: true, focusVisible: false });
      divide(at.x * 100);
    }
    event.preventDefault();
  };
  const move = (element, event) => {
    if (!drag || drag.element !== element) return;
    const at = position(element, event);
    if (drag.onDivider) divide(at.x * 100);
    else look(view.z, drag.x - (at.x - drag.at.x) / view.z, drag.y - (at.y - drag.at.y) / view.z);
  };
  const end = () => { drag = null; };
  const enter = (element, event) => {
    const at = position(element, event);
    const x = view.x + (at.x - 0.5) / view.z;
    const y = view.y + (at.y - 0.5) / view.z;
    look(view.z >= 8 ? 1 : view.z * 2, x, y);
  };
  const keys = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const press = (event) => {
    const step = keys[event.key];
    if (step && view.z > 1) look(view.z, view.x + (step[0] * 0.1) / view.z, view.y + (step[1] * 0.1) / view.z);
    else if (event.key === "+" || event.key === "=") look(Math.min(8, view.z * 2), view.x, view.y);
    else if (event.key === "-") look(Math.max(1, view.z / 2), view.x, view.y);
    else return;
    event.preventDefault();
  };
  [stage, ...document.querySelectorAll("#gallery .view")].forEach((element) => {
    element.addEventListener("pointerdown", (event) => start(element, event));
    element.addEventListener("pointermove", (event) => move(element, event));
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", end);
    element.addEventListener("dblclick", (event) => enter(element, event));
    if (element !== stage) element.addEventListener("keydown", press);
  });

  // Begin with the measured input against the best method, or the last one.
  const index = (selector) => figures.findIndex((f) => f.matches(selector));
  const best = document.querySelector("tbody tr:has(td:nth-child(2).best) .pick");
  $("left").selectedIndex = Math.max(0, index(".input"));
  $("right").selectedIndex = best ? Number(best.dataset.pick) : Math.min(1, figures.length - 1);
  ["left", "right"].forEach(choose);
  divide(50);
  look(1, 0.5, 0.5);
})();
