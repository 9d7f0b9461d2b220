// Draws what zobench recorded: nothing here computes a step.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MAP = 460, WIDE = 460, HIGH = 190, LEFT = 52, BELOW = 26, TOP = 18, RIGHT = 10;
  const CHUNK = 200, AHEAD = 60, MOST = 1500;
  const byId = (id) => document.getElementById(id);
  const held = byId("data") ? JSON.parse(byId("data").textContent) : null;
  const state = { scene: null, walks: [], same: [], over: [], at: 0, playing: false, asking: null, sides: [], failed: "" };
  window.zobench = state;

  const number = (value) => (typeof value === "number" ? value : value === "inf" ? Infinity : value === "-inf" ? -Infinity : NaN);
  const shown = (value) => {
    const v = number(value);
    if (!Number.isFinite(v)) return String(value);
    return v === 0 ? "0" : Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3 ? v.toExponential(5) : String(Number(v.toPrecision(7)));
  };
  const add = (parent, name, attributes, text) => {
    const node = document.createElementNS(parent.namespaceURI === SVG || name === "svg" ? SVG : "http://www.w3.org/1999/xhtml", name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.appendChild(node);
    return node;
  };

  async function get(path) {
    const answer = await fetch(path);
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error || answer.statusText);
    return told;
  }

  const loaded = () => Math.max(...state.walks.map((walk) => walk.length));
  const complete = () => state.over.length > 0 && state.over.every((said) => said);

  // asks for steps up to `end`; one request at a time
  async function need(end) {
    while (!complete() && loaded() < end) {
      if (!state.asking) {
        const from = loaded();
        state.asking = (held ? Promise.resolve(held.steps) : get(`steps.json?from=${from}&to=${from + CHUNK}`)).then((more) => {
          more.walks.forEach((steps, i) => state.walks[i].push(...steps));
          state.same.push(...more.same);
          state.over = more.over;
          state.ranges = null;
        }).finally(() => { state.asking = null; });
      }
      await state.asking;
    }
  }

  function build() {
    const scene = state.scene;
    document.body.dataset.sides = scene.sides.length;
    byId("plane").textContent = scene.plane + (scene.noise ? ` Queries are answered with noise: ${scene.noise}.` : "") +
      (scene.stochastic ? " Queries are answered with samples of f." : "");
    scene.sides.forEach((said, i) => {
      const section = add(byId("sides"), "section", { "aria-label": said.solver });
      add(section, "h2", {}, said.solver);
      const top = add(section, "p", { class: "soft" });
      const left = add(section, "div"), home = add(section, "div");
      top.textContent = said.said + (said.whole ? " The package owns its loop, so the run was recorded whole before it is shown." : "");
      const side = { walk: i, map: map(left, said), numbers: add(home, "dl", {}), asked: add(home, "table", {}) };
      side.curve = chart(home, `${scene.gap} against queries`);
      side.second = said.bound && !said.bound.is_gap ? chart(home, `${said.bound.quantity}, with the bound of ${said.bound.theorem}`) : null;
      if (said.bound) {
        const theorem = add(home, "p", { class: "soft" });
        theorem.textContent = `Bound: ${said.bound.statement} The bound is on the mean over seeds; this is one seed.`;
      }
      const line = said.run ? add(home, "p", { class: "soft" }, "The same run in a store: ") : null;
      if (line) add(line, "code", {}, said.run);
      state.sides.push(side);
      state.walks.push([]);
    });
  }

  function place(point) {
    const [u, v, half] = state.scene.window;
    if (state.scene.graph) {
      const [low, high] = state.tall;
      return [((number(point[0]) - u + half) / (2 * half)) * MAP, MAP - ((number(point[1]) - low) / (high - low)) * MAP];
    }
    return [((number(point[0]) - u + half) / (2 * half)) * MAP, MAP - ((number(point[1]) - v + half) / (2 * half)) * MAP];
  }
  const path = (points) => {
    let pen = "M", out = "";
    for (const [a, b] of points) {
      if (!Number.isFinite(a) || !Number.isFinite(b)) { pen = "M"; continue; }
      out += `${pen}${Math.max(-1e4, Math.min(1e4, a)).toFixed(2)} ${Math.max(-1e4, Math.min(1e4, b)).toFixed(2)}`;
      pen = "L";
    }
    return out || "M0 0";
  };

  function map(home, said) {
    const scene = state.scene;
    const svg = add(home, "svg", { class: "map", viewBox: `0 0 ${MAP} ${MAP}`, role: "img", "aria-label": `Contours of f with the run of ${said.solver}` });
    if (scene.graph && !state.tall) {
      const heights = scene.contours.lines.flatMap((line) => line.points.map((point) => point[1])).sort((a, b) => a - b);
      const low = heights[0], high = heights[Math.floor(heights.length * 0.98)];
      state.tall = [low - 0.08 * (high - low || 1), high + 0.08 * (high - low || 1)];
    }
    for (const line of scene.contours.lines) add(svg, "path", { class: "level", d: path(line.points.map(place)), "stroke-opacity": 0.45 + 0.5 * line.level });
    const layers = {};
    for (const name of ["trail", "between", "arrow"]) layers[name] = add(svg, "path", { class: name, fill: "none" });
    layers.queries = add(svg, "g");
    layers.before = add(svg, "circle", { class: "before", r: 4.5 });
    const [a, b] = place(scene.x0);
    add(svg, "circle", { class: "start", cx: a, cy: b, r: 4 });
    add(svg, "text", { x: a + 7, y: b - 6 }, "x0");
    if (scene.x_star) {
      const [c, d] = place(scene.x_star);
      const spikes = [...Array(10).keys()].map((i) => { const r = i % 2 ? 3 : 7, t = (Math.PI * i) / 5; return `${c + r * Math.sin(t)},${d - r * Math.cos(t)}`; });
      add(svg, "polygon", { class: "star", points: spikes.join(" ") });
      add(svg, "text", { x: c + 8, y: d + 12 }, "x_star");
    }
    layers.iterate = add(svg, "circle", { class: "iterate", r: 5 });
    layers.note = add(home, "p", { class: "soft" });
    return layers;
  }

  function chart(home, title) {
    const svg = add(home, "svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": title });
    add(svg, "text", { x: LEFT, y: 12 }, title);
    const parts = { svg, ticks: add(svg, "g") };
    for (const name of ["bound", "best", "curve"]) parts[name] = add(svg, "path", { class: name });
    parts.names = add(svg, "g");
    parts.now = add(svg, "circle", { class: "now", r: 3.5, cx: -20, cy: -20 });
    return parts;
  }

  // gaps of both sides share one axis, so that they can be compared
  function ranges() {
    if (state.ranges) return state.ranges;
    const scene = state.scene, gaps = [gap(scene.start)], second = [];
    state.walks.forEach((walk, i) => {
      const bound = scene.sides[i].bound, own = [];
      for (const step of walk) gaps.push(gap(step.value), gap(step.best));
      if (bound) (bound.is_gap ? gaps : own).push(...bound.values);
      if (bound && !bound.is_gap) for (const step of walk) own.push(number(step.bounded));
      second.push(span(own, true));
    });
    state.ranges = { gap: span(gaps, scene.reference !== null), second };
    return state.ranges;
  }
  const gap = (value) => number(value) - (state.scene.reference === null ? 0 : state.scene.reference);
  function span(values, log) {
    const good = values.filter((v) => Number.isFinite(v) && (!log || v > 0));
    if (!good.length) return { log, low: log ? -1 : 0, high: log ? 0 : 1 };
    let low = Infinity, high = -Infinity;
    for (const v of good) { low = Math.min(low, v); high = Math.max(high, v); }
    if (log) { low = Math.log10(Math.max(low, high * 1e-16)); high = Math.log10(high); }
    const room = 0.05 * (high - low || 1);
    return { log, low: low - room, high: high + room };
  }

  function axes(parts, range) {
    const signature = JSON.stringify(range);
    if (parts.signature === signature) return;
    parts.signature = signature;
    parts.ticks.replaceChildren();
    const { log, low, high } = range;
    const whole = log && high - low > 1.5;
    const step = whole ? Math.max(1, Math.ceil((high - low) / 5)) : (high - low) / 4;
    for (let y = whole ? Math.ceil(low) : low + step / 2; y <= high + 1e-12; y += step) {
      const at = tall(range, log ? 10 ** y : y);
      add(parts.ticks, "line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: at, y2: at });
      add(parts.ticks, "text", { x: LEFT - 5, y: at + 4, "text-anchor": "end" }, whole ? `1e${y}` : Number((log ? 10 ** y : y).toPrecision(2)));
    }
    for (let i = 0; i <= 4; i++) {
      const count = Math.round((state.scene.budget * i) / 4);
      add(parts.ticks, "text", { x: wide(count), y: HIGH - 8, "text-anchor": i === 4 ? "end" : "middle" }, i === 2 ? `${count} queries` : count);
    }
  }
  const wide = (count) => LEFT + (count / state.scene.budget) * (WIDE - LEFT - RIGHT);
  function tall(range, value) {
    const y = range.log ? Math.log10(value) : value;
    return HIGH - BELOW - ((y - range.low) / (range.high - range.low)) * (HIGH - BELOW - TOP);
  }
  const thin = (list) => {
    const stride = Math.ceil(list.length / MOST);
    return stride < 2 ? list : list.filter((_, i) => i % stride === 0 || i === list.length - 1);
  };

  function draw() {
    state.sides.forEach((side) => drawSide(side, state.walks[side.walk].slice(0, state.at)));
    const cosine = state.same[state.at - 1];
    const known = typeof cosine === "number";
    byId("same").textContent = state.sides.length < 2 ? "" :
      "Both runs draw from one random stream." + (known ? (Math.abs(Math.abs(cosine) - 1) < 1e-9 ?
        " In this step both try the same direction." : ` In this step they try other directions (cosine ${shown(cosine)}).`) : "");
    byId("same").dataset.cosine = known ? cosine : "";
    byId("back").disabled = byId("restart").disabled = state.at === 0;
    byId("step").disabled = byId("end").disabled = ended();
    byId("play").textContent = state.playing ? "Pause" : "Play";
    document.body.dataset.at = state.at;
    document.body.dataset.playing = state.playing;
    if (!state.playing) byId("status").textContent = said();
  }
  const ended = () => complete() && state.at >= loaded();

  function said() {
    if (state.failed) return state.failed;
    const parts = state.sides.map((side) => {
      const walk = state.walks[side.walk], step = walk[Math.min(state.at, walk.length) - 1];
      const where = step ? `${step.count} queries, ${state.scene.gap} = ${shown(gap(step.value))}` : "at x0";
      const over = complete() && state.at >= walk.length ? ` ${state.over[side.walk]}` : "";
      return `${state.scene.sides[side.walk].solver}: ${where}.${over}`;
    });
    return (state.at ? "" : "Before the first step. ") + parts.join("  ");
  }

  function drawSide(side, steps) {
    const scene = state.scene, step = steps[steps.length - 1];
    const before = steps.length > 1 ? steps[steps.length - 2].x : scene.x0, now = step ? step.x : scene.x0;
    const a = place(before), b = place(now), map = side.map;
    map.trail.setAttribute("d", path(thin([scene.x0, ...steps.map((one) => one.x)]).map(place)));
    map.arrow.setAttribute("d", path([a, b]));
    for (const [node, at] of [[map.before, a], [map.iterate, b]]) {
      const good = Number.isFinite(at[0]) && Number.isFinite(at[1]);
      node.setAttribute("cx", good ? at[0] : -50); node.setAttribute("cy", good ? at[1] : -50);
    }
    drawQueries(map, step, a);
    numbers(side, step);
    curves(side, steps);
  }

  function drawQueries(map, step, from) {
    map.queries.replaceChildren();
    map.between.setAttribute("d", "M0 0");
    let apart = 0;
    const spots = (step ? step.queries : []).slice(0, 200).map((query, i) => {
      let [c, d] = place(query.p);
      const far = Math.hypot(c - from[0], d - from[1]);
      if (far > 0 && far < 7) { apart += 1; c = from[0] + (14 * (c - from[0])) / far; d = from[1] + (14 * (d - from[1])) / far; }
      if (Number.isFinite(c) && Number.isFinite(d)) {
        const kind = `query q${i % 2}${i === step.taken ? " taken" : ""}`;
        if (i % 2) add(map.queries, "rect", { class: kind, x: c - 4, y: d - 4, width: 8, height: 8 });
        else add(map.queries, "circle", { class: kind, cx: c, cy: d, r: 4.5 });
      }
      return [c, d];
    });
    if (spots.length === 2) map.between.setAttribute("d", path(spots));
    const words = ["Circle and square: the points asked in this step, filled where the iterate moved to one; thick: the step taken."];
    if (apart) words.push("Tested points that lie too near x_k to be seen are drawn apart from it, in their true direction.");
    map.note.textContent = words.join(" ");
  }

  function numbers(side, step) {
    const scene = state.scene, rows = [["step k", step ? (step.kind === "step" ? step.k : step.kind === "start" ? "before step 0" : "cut by the budget") : "none yet", step ? step.k : ""],
      ["queries", step ? step.count : 0, step ? step.count : 0],
      ["f(x)", shown(step ? step.value : scene.start), step ? step.value : scene.start],
      [scene.gap, shown(gap(step ? step.value : scene.start)), gap(step ? step.value : scene.start)],
      ["best f asked", step ? shown(step.best) : "none yet", step ? step.best : ""]];
    if (step && step.bounded !== null) rows.push(["bounded quantity", shown(step.bounded), step.bounded]);
    side.numbers.replaceChildren();
    for (const [name, text, value] of rows) {
      const group = add(side.numbers, "div");
      add(group, "dt", {}, name);
      add(group, "dd", { "data-name": name, "data-value": value }, text);
    }
    side.asked.replaceChildren();
    const head = add(add(side.asked, "thead"), "tr");
    for (const name of ["query", "answer", ""]) add(head, "th", { scope: "col" }, name);
    const body = add(side.asked, "tbody"), queries = step ? step.queries : [];
    queries.slice(0, 4).forEach((query, i) => {
      const row = add(body, "tr", { "data-answer": query.answer });
      add(row, "td", {}, step.count - queries.length + 1 + i);
      add(row, "td", {}, shown(query.answer));
      add(row, "td", {}, i === step.taken ? "the new iterate" : "");
    });
    if (queries.length > 4) add(add(body, "tr"), "td", { colspan: 3 }, `and ${queries.length - 4} more`);
  }

  function curves(side, steps) {
    const scene = state.scene, bound = scene.sides[side.walk].bound, range = ranges().gap;
    const points = thin([{ count: 0, value: scene.start, best: "NaN" }, ...steps]);
    line(side.curve, range, points.map((one) => [one.count, gap(one.value)]), "at the iterate");
    side.curve.best.setAttribute("d", path(points.map((one) => [wide(one.count), tall(range, gap(one.best))])));
    name(side.curve, "best-name", "best so far (dotted)", 1);
    if (bound && bound.is_gap) line(side.curve, range, null, `bound of ${bound.theorem} (dashed)`, bound);
    if (!side.second) return;
    const other = ranges().second[side.walk];
    line(side.second, other, thin(steps.filter((one) => one.bounded !== null)).map((one) => [one.count, number(one.bounded)]), "this run");
    line(side.second, other, null, "bound (dashed)", bound);
  }
  function line(parts, range, points, text, bound) {
    axes(parts, range);
    if (bound) {
      const spots = bound.queries.map((count, i) => [wide(count), tall(range, bound.values[i])]);
      if (spots.length === 1) spots.unshift([LEFT, spots[0][1]]);
      parts.bound.setAttribute("d", path(spots));
      return name(parts, "bound-name", bound.queries.length === 1 ? `${text}, at K = ${bound.steps[0]} alone` : text, 2);
    }
    const spots = points.map(([count, value]) => [wide(count), tall(range, value)]);
    parts.curve.setAttribute("d", path(spots));
    const last = spots[spots.length - 1] || [-20, -20];
    parts.now.setAttribute("cx", last[0]); parts.now.setAttribute("cy", Number.isFinite(last[1]) ? last[1] : -20);
    name(parts, "curve-name", text, 0);
  }
  function name(parts, kind, text, row) {
    let node = parts.names.querySelector(`.${kind}`);
    node = node || add(parts.names, "text", { class: kind, x: WIDE - RIGHT - 4, y: TOP + 14 + 13 * row, "text-anchor": "end" });
    node.textContent = text;
  }

  // controls
  const rate = () => 1 * 10 ** (byId("speed").value / 100 * 2);
  async function move(to) {
    try {
      await need(to + AHEAD);
      state.failed = "";
    } catch (error) {
      state.failed = error instanceof TypeError ? "zobench watch has ended: start it again to see more steps." : `The run failed: ${error.message}`;
      state.playing = false;
    }
    state.at = Math.max(0, Math.min(to, loaded()));
    draw();
  }
  let last = 0, busy = false, due = 0;
  function tick(time) {
    if (state.playing) {
      due = Math.min(due + ((time - last) / 1000) * rate(), 20);
      if (due >= 1 && !busy) {
        busy = true;
        const many = Math.floor(due);
        due -= many;
        move(state.at + many).then(() => { busy = false; if (ended()) pause(); });
      }
    }
    last = time;
    requestAnimationFrame(tick);
  }
  function pause() { state.playing = false; draw(); }
  async function play() {
    if (ended()) await move(0);
    due = 0;
    state.playing = true;
    byId("status").textContent = "";
    draw();
  }
  const one = (by) => { state.playing = false; return move(state.at + by); };
  async function toEnd() {
    state.playing = false;
    await move(1e9);
  }
  function faster(by) { byId("speed").value = Number(byId("speed").value) + by; told(); }
  function told() { byId("rate").textContent = `${Number(rate().toPrecision(2))} steps a second`; }

  function wire() {
    byId("play").onclick = () => (state.playing ? pause() : play());
    byId("step").onclick = () => one(1);
    byId("back").onclick = () => one(-1);
    byId("restart").onclick = () => { state.playing = false; move(0); };
    byId("end").onclick = toEnd;
    byId("speed").oninput = told;
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const ours = event.target === byId("speed") ? [] : ["ArrowRight", "ArrowLeft", "Home", "End"];
      if (event.key === " " && event.target.tagName !== "BUTTON") byId("play").click();
      else if (event.key === "ArrowRight" && ours.length) one(1);
      else if (event.key === "ArrowLeft" && ours.length) one(-1);
      else if (event.key === "Home" && ours.length) { state.playing = false; move(0); }
      else if (event.key === "End" && ours.length) toEnd();
      else if (event.key === "+" || event.key === "=") faster(10);
      else if (event.key === "-") faster(-10);
      else return;
      event.preventDefault();
    });
    told();
  }

  (async () => {
    try {
      state.scene = held ? held.scene : await get("scene.json");
      build();
      wire();
      await move(0);
      document.body.dataset.ready = "yes";
      const still = location.hash === "#paused" || matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (!still) play();
      requestAnimationFrame((time) => { last = time; tick(time); });
    } catch (error) {
      byId("status").textContent = `This run cannot be shown: ${error.message}`;
    }
  })();
})();
