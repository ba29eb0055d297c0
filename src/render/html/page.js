"use strict";
// Adds to a page that is whole without it: the theme, zoom, search. Nothing is fetched or stored.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  all(".js").forEach((e) => { e.hidden = false; });

  // The theme: what the system prefers, until somebody asks for the other.
  const theme = document.getElementById("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";
  const name = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  prefersDark.addEventListener("change", name);
  name();

  const SVG = "http://www.w3.org/2000/svg";
  const clamp = (v, lo, hi) => Math.min(Math.max(v, lo), hi);

  // Seconds with as many digits as a step of nanoseconds needs, in groups of three.
  const words = (ns, step) => {
    const digits = clamp(9 - Math.floor(Math.log10(step)), 0, 9);
    const [whole, part] = (ns / 1e9).toFixed(digits).split(".");
    return whole + (part ? "." + part.match(/.{1,3}/g).join("\u2009") : "") + "\u00a0s";
  };
  const length = (ns) => {
    const [unit, by] = ns >= 1e9 ? ["s", 1e9] : ns >= 1e6 ? ["ms", 1e6] : ["us", 1e3];
    return (ns / by).toPrecision(3) + "\u00a0" + unit;
  };
  const stepOf = (span) => {
    for (let ten = 1; ; ten *= 10) for (const d of [1, 2, 5]) if (span / (ten * d) <= 9) return ten * d;
  };

  const timeline = document.getElementById("fig-timeline");
  if (timeline) zoomTimeline(timeline);
  function zoomTimeline(svg) {
    const box = svg.closest(".wide");
    const clip = svg.querySelector("clipPath rect");
    const left = +clip.getAttribute("x"), width = +clip.getAttribute("width");
    const marks = all("[data-t]", svg).map((e) => ({ e, t: +e.dataset.t, d: +e.dataset.d }));
    const whole = Math.max(1, +clip.dataset.d);
    const ticks = svg.querySelector(".ticks");
    const grid = ticks.querySelector("path");
    const rule = grid ? grid.getAttribute("d").replace(/^M\S+/, "") : " 0V0";
    const base = ticks.querySelector("text").getAttribute("y");
    let lo = 0, hi = whole, asked = false;

    const tools = document.createElement("p");
    tools.className = "tools";
    const button = (text, label, act) => {
      const b = document.createElement("button");
      b.type = "button";
      b.textContent = text;
      b.setAttribute("aria-label", label);
      b.addEventListener("click", act);
      tools.append(b, " ");
    };
    button("+", "Zoom in", () => zoom(0.5));
    button("\u2212", "Zoom out", () => zoom(2));
    button("\u2190", "Earlier", () => move(-0.3));
    button("\u2192", "Later", () => move(0.3));
    button("All", "Show the whole recording", () => show(0, whole));
    const told = document.createElement("output");
    tools.append(told);
    box.before(tools);
    box.classList.add("zoomable");

    function draw() {
      asked = false;
      const span = hi - lo, scale = width / span;
      for (const { e, t, d } of marks) {
        const out = t + d < lo || t > hi;
        e.style.display = out ? "none" : "";
        if (out) continue;
        const x = Math.max((t - lo) * scale, -4), end = Math.min((t + d - lo) * scale, width + 4);
        e.setAttribute("x", (left + x).toFixed(3));
        e.setAttribute("width", Math.max(end - x, 1).toFixed(3));
      }
      ticks.replaceChildren();
      const step = stepOf(span);
      for (let at = Math.ceil(lo / step) * step; at <= hi; at += step) {
        const x = (left + (at - lo) * scale).toFixed(2);
        const line = document.createElementNS(SVG, "path");
        line.setAttribute("class", "grid");
        line.setAttribute("d", "M" + x + rule);
        const text = document.createElementNS(SVG, "text");
        text.setAttribute("class", "mid");
        text.setAttribute("x", x);
        text.setAttribute("y", base);
        text.textContent = words(at, step);
        ticks.append(line, text);
      }
      told.textContent = hi - lo >= whole ? "" : length(span) + " from +" + words(lo, step);
      box.dataset.span = Math.round(span);
    }
    function show(from, to) {
      // Not closer than a microsecond, not beyond the recording.
      const span = clamp(to - from, Math.min(1000, whole), whole);
      lo = clamp(from + (to - from - span) / 2, 0, whole - span);
      hi = lo + span;
      if (!asked) { asked = true; requestAnimationFrame(draw); }
    }
    function zoom(by, at = 0.5) {
      const pivot = lo + (hi - lo) * at, span = (hi - lo) * by;
      show(pivot - span * at, pivot + span * (1 - at));
    }
    function move(by) { const d = (hi - lo) * by; show(lo + d, hi + d); }
    const place = (event) => {
      const r = svg.getBoundingClientRect();
      return clamp(((event.clientX - r.left) * svg.viewBox.baseVal.width / r.width - left) / width, 0, 1);
    };
    box.addEventListener("wheel", (event) => {
      // The page scrolls as ever, unless the figure was asked for.
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== box) return;
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) move(Math.sign(event.deltaX) * 0.1);
      else zoom(event.deltaY > 0 ? 1.25 : 0.8, place(event));
    }, { passive: false });
    box.addEventListener("keydown", (event) => {
      const act = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), ArrowLeft: () => move(-0.2),
        ArrowRight: () => move(0.2), 0: () => show(0, whole), Home: () => show(0, whole) }[event.key];
      if (act && !event.ctrlKey && !event.metaKey) { event.preventDefault(); act(); }
    });
    let grabbed = null;
    svg.addEventListener("pointerdown", (event) => {
      // A finger scrolls the figure, as it does the page.
      if (event.button === 0 && event.pointerType !== "touch") grabbed = { x: event.clientX, lo, hi, moved: false };
    });
    svg.addEventListener("pointermove", (event) => {
      if (!grabbed) return;
      const r = svg.getBoundingClientRect();
      const shift = (event.clientX - grabbed.x) * svg.viewBox.baseVal.width / r.width / width * (grabbed.hi - grabbed.lo);
      if (!grabbed.moved && Math.abs(event.clientX - grabbed.x) < 4) return;
      if (!grabbed.moved) svg.setPointerCapture(event.pointerId);
      grabbed.moved = true;
      show(grabbed.lo - shift, grabbed.hi - shift);
    });
    svg.addEventListener("click", (event) => {
      if (grabbed && grabbed.moved) event.preventDefault();
      grabbed = null;
    }, true);
    svg.addEventListener("pointercancel", () => { grabbed = null; });
    svg.addEventListener("dblclick", (event) => zoom(0.25, place(event)));
  }

  // Flame graphs: a frame that is clicked fills the width; the lowest shows all again.
  const graphs = all("svg.frames").map((svg) => {
    const whole = +svg.dataset.all, width = +svg.getAttribute("width");
    const frames = all("g", svg).map((g) => {
      const rect = g.querySelector("rect"), text = g.querySelector("text");
      const title = g.querySelector("title").textContent;
      return { g, rect, text, x: +rect.dataset.x, w: +rect.dataset.w, y: +rect.getAttribute("y"),
        name: title.replace(/ \([^(]*\)$/, "") };
    });
    const show = (lo, span, y) => {
      for (const f of frames) {
        const x = (f.x - lo) / span, w = f.w / span;
        const out = x + w <= 0 || x >= 1 || w * width < 0.5;
        f.g.style.display = out ? "none" : "";
        // What carries the frame stays below it, pale.
        f.g.style.opacity = f.y > y && (f.x < lo || f.w > span) ? "0.5" : "";
        if (out) continue;
        const from = Math.max(x, 0), to = Math.min(x + w, 1);
        f.rect.setAttribute("x", from * 100 + "%");
        f.rect.setAttribute("width", (to - from) * 100 + "%");
        f.text.setAttribute("x", from * 100 + 0.3 + "%");
        const fits = Math.floor(((to - from) * width - 6) / 6.7);
        f.text.textContent = fits < 3 ? "" : f.name.length <= fits ? f.name : f.name.slice(0, fits - 2) + "..";
      }
    };
    const focus = (f) => show(f.x, f.w, f.y);
    for (const f of frames) {
      f.g.addEventListener("click", () => focus(f));
      f.g.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); focus(f); }
      });
      // Wide frames can be reached by key; all of them would be thousands of stops.
      if (f.w > whole / 20) f.g.setAttribute("tabindex", "0");
    }
    return { frames, whole };
  });

  const find = document.getElementById("find"), found = document.getElementById("found");
  if (find) find.addEventListener("input", () => {
    const wanted = find.value.toLowerCase();
    let hits = 0;
    graphs.forEach(({ frames }) => frames.forEach((f) => {
      const hit = wanted !== "" && f.name.toLowerCase().includes(wanted);
      f.g.classList.toggle("found", hit);
      hits += hit;
    }));
    found.textContent = wanted === "" ? "" : hits === 0 ? "not found" : hits + (hits === 1 ? " frame" : " frames");
  });
})();
