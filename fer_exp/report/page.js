// What a page does beside being read: the theme's button, and hover and brush of parallel coordinates.
"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();

  for (const chart of document.querySelectorAll("svg.parallel")) {
    const figure = chart.closest("figure");
    const controls = figure.querySelector(".controls");
    const told = controls.querySelector("output");
    const reset = controls.querySelector("button");
    const top = Number(chart.dataset.top), bottom = Number(chart.dataset.bottom);
    const trials = [...chart.querySelectorAll(".trial")].map((line) => ({
      line, at: line.dataset.at.split(",").map((spot) => (spot === "" ? null : Number(spot))),
    }));
    const brushes = new Map(); // axis -> {low, high, mark}
    controls.hidden = false;

    const inside = (trial) => [...brushes].every(([axis, b]) => trial.at[axis] !== null
      && trial.at[axis] >= b.low && trial.at[axis] <= b.high);
    const say = (words) => { told.textContent = words; };
    const rest = () => {
      const kept = trials.filter((trial) => !trial.line.classList.contains("out")).length;
      say(brushes.size ? `${kept} of ${trials.length} trials are inside what you marked` : `Best: ${chart.dataset.told}`);
    };
    const sift = () => {
      for (const trial of trials) trial.line.classList.toggle("out", !inside(trial));
      reset.disabled = brushes.size === 0;
      rest();
    };
    // Places of the drawing, whatever its size on the screen.
    const spot = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    const value = (y) => Math.min(Math.max((bottom - y) / (bottom - top), 0), 1);

    let over = null;
    const leave = () => { if (over) over.classList.remove("over"); over = null; };
    const distance = (p, a, b) => {
      const t = Math.min(Math.max((p.x - a.x) / (b.x - a.x || 1), 0), 1);
      return Math.hypot(p.x - a.x - t * (b.x - a.x), p.y - a.y - t * (b.y - a.y));
    };
    const corners = new Map(trials.map(({ line }) => [line, line.getAttribute("d").slice(1).split("L").map((pair) => {
      const [x, y] = pair.split(" ").map(Number);
      return { x, y };
    })]));
    chart.addEventListener("pointermove", (event) => {
      if (event.buttons) return;
      const p = spot(event);
      let nearest = null, least = 9;
      for (const { line } of trials) {
        if (line.classList.contains("out")) continue;
        const points = corners.get(line);
        for (let i = 1; i < points.length; i++) {
          if (p.x < points[i - 1].x - 9 || p.x > points[i].x + 9) continue;
          const far = distance(p, points[i - 1], points[i]);
          if (far < least) { least = far; nearest = line; }
        }
      }
      leave();
      if (nearest) { over = nearest; over.classList.add("over"); say(over.dataset.told); } else rest();
    });
    chart.addEventListener("pointerleave", () => { leave(); rest(); });

    for (const grip of chart.querySelectorAll(".grip")) {
      const axis = Number(grip.dataset.axis);
      grip.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        grip.setPointerCapture(event.pointerId);
        leave();
        const from = spot(event).y;
        const drop = () => { brushes.get(axis)?.mark.remove(); brushes.delete(axis); };
        drop();
        const mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        mark.setAttribute("class", "brush");
        mark.setAttribute("x", grip.getAttribute("x"));
        mark.setAttribute("width", grip.getAttribute("width"));
        chart.append(mark);
        const drag = (moved) => {
          const ends = [value(from), value(spot(moved).y)].sort((one, other) => one - other);
          mark.setAttribute("y", bottom - ends[1] * (bottom - top));
          mark.setAttribute("height", (ends[1] - ends[0]) * (bottom - top));
          brushes.set(axis, { low: ends[0] - 1e-4, high: ends[1] + 1e-4, mark });
          sift();
        };
        const end = (ended) => {
          grip.removeEventListener("pointermove", drag);
          if (Math.abs(spot(ended).y - from) < 3) { mark.remove(); brushes.delete(axis); } // a click clears the axis
          sift();
        };
        grip.addEventListener("pointermove", drag);
        grip.addEventListener("pointerup", end, { once: true });
        grip.addEventListener("pointercancel", end, { once: true });
      });
    }
    reset.addEventListener("click", () => {
      for (const { mark } of brushes.values()) mark.remove();
      brushes.clear();
      sift();
    });
    sift();
  }
})();
