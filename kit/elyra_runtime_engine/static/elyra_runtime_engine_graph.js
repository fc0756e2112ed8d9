// The graph of the nodes, from left to right.

import { drawn, icon } from "./elyra_runtime_engine_common.js";

const [WIDTH, HEIGHT, ACROSS, BETWEEN, LANE, EDGE] = [192, 52, 48, 18, 16, 12];
const LANES = 5000; // With more, edges are drawn straight: some may pass below a node.
const SWEEPS = 5;

/** Place the nodes: each in the layer behind the last of its parents. `nodes` come with their parents first.
 *
 * An edge over several layers gets a lane of its own in those that it crosses, so that no node hides it. All edges
 * of a node share their lanes. Returns the items of each layer: nodes with a `number`, and lanes without. */
export function layout(nodes) {
  const items = nodes.map((_, number) => ({ number, height: HEIGHT + BETWEEN, before: [], after: [] }));
  for (const [number, { parents }] of nodes.entries()) {
    items[number].layer = parents.reduce((layer, parent) => Math.max(layer, items[parent].layer + 1), 0);
  }
  const layers = Array.from({ length: Math.max(...items.map((item) => item.layer)) + 1 }, () => []);
  for (const item of items) layers[item.layer].push(item);
  connect(nodes, items, layers);
  for (const layer of layers) pack(layer, layer.map((_, place) => place));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const [side, order] = sweep % 2 ? ["after", [...layers].reverse()] : ["before", layers];
    for (const layer of order) pack(layer, layer.map((item) => mean(item[side].map(({ y }) => y)) ?? item.y));
  }
  const top = Math.min(...layers.map((layer) => layer[0].y - layer[0].height / 2));
  for (const item of layers.flat()) item.y -= top;
  return layers;
}

function connect(nodes, items, layers) {
  const children = items.map(() => []);
  for (const [number, { parents }] of nodes.entries()) for (const parent of parents) children[parent].push(items[number]);
  let lanes = LANES;
  for (const item of items) {
    const ends = children[item.number];
    const last = ends.reduce((layer, end) => Math.max(layer, end.layer), 0);
    lanes -= Math.max(0, last - item.layer - 1);
    let from = item;
    for (let layer = item.layer + 1; layer <= last; layer++) {
      for (const end of ends.filter((end) => lanes < 0 ? layer === last : end.layer === layer)) link(from, end);
      if (layer === last || lanes < 0) continue;
      const lane = { layer, height: LANE, before: [], after: [] };
      layers[layer].push(lane);
      link(from, lane);
      from = lane;
    }
  }
}

function link(from, to) {
  from.after.push(to);
  to.before.push(from);
}

const mean = (numbers) => (numbers.length ? numbers.reduce((sum, number) => sum + number, 0) / numbers.length : null);

/** Put the items of a layer below each other, each as near to its aim as the others let it. */
function pack(layer, aims) {
  layer.forEach((item, place) => (item.aim = aims[place]));
  layer.sort((one, other) => one.aim - other.aim);
  let bottom = -Infinity;
  for (const item of layer) {
    item.y = Math.max(item.aim, bottom + item.height / 2);
    bottom = item.y + item.height / 2;
  }
  const shift = mean(layer.map((item) => item.aim - item.y));
  for (const item of layer) item.y += shift;
}

const left = (item) => EDGE + item.layer * (WIDTH + ACROSS);

function edgesFrom(item) {
  let path = "";
  for (const end of item.after) {
    const [x, y, to] = [left(item) + WIDTH, item.y, left(end)];
    path += `M${x} ${y}C${x + ACROSS / 2} ${y} ${to - ACROSS / 2} ${end.y} ${to} ${end.y}`;
    if (end.number === undefined) path += `h${WIDTH}`;
  }
  return path;
}

const pen = document.createElement("canvas").getContext("2d");

/** Shorten a text to the width that it may have. */
function fitted(text, room) {
  const letters = Array.from(text);
  if (letters.length < 400 && pen.measureText(text).width <= room) return text;
  let [fits, over] = [0, Math.min(letters.length, 400)];
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (pen.measureText(`${letters.slice(0, middle).join("")}…`).width <= room) fits = middle;
    else over = middle;
  }
  return `${letters.slice(0, fits).join("")}…`;
}

/** The drawing. `choose` is called with the number of the node that the user chooses. */
export class Graph {
  constructor(place, nodes, choose) {
    this.place = place;
    this.nodes = nodes;
    this.layers = layout(nodes);
    this.boxes = [];
    pen.font = `600 14px ${getComputedStyle(place).fontFamily}`;
    const all = this.layers.flat();
    const width = 2 * EDGE + this.layers.length * (WIDTH + ACROSS) - ACROSS;
    const height = Math.max(...all.map((item) => item.y + item.height / 2));
    const edges = all.map((item) => drawn("path", { d: edgesFrom(item), class: "edge" }));
    this.items = all.filter((item) => item.number !== undefined);
    const boxes = this.items.map((item) => this.box(item, choose));
    const attributes = { width, height, role: "group", "aria-label": "Graph of the nodes. The arrow keys move." };
    const picture = drawn("svg", attributes, drawn("g", {}, ...edges), ...boxes);
    picture.addEventListener("keydown", (event) => this.walk(event));
    place.replaceChildren(picture);
    this.reach(0);
  }

  box(item, choose) {
    const node = this.nodes[item.number];
    const mark = drawn("g", { class: "mark", transform: "translate(12 18)" });
    const name = drawn("text", { x: 38, y: 22, class: "name" });
    name.textContent = fitted(node.name, WIDTH - 48);
    const what = drawn("text", { x: 38, y: 40 });
    const box = drawn(
      "g",
      { role: "button", tabindex: -1, transform: `translate(${left(item)} ${item.y - HEIGHT / 2})` },
      drawn("rect", { width: WIDTH, height: HEIGHT, rx: 8 }),
      mark, name, what, drawn("title"),
    );
    if (node.parents.length) box.append(drawn("path", { class: "arrow", d: `M-9 ${HEIGHT / 2 - 5}l9 5l-9 5z` }));
    box.addEventListener("click", () => choose(item.number));
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(item.number);
    });
    this.boxes[item.number] = { box, mark, what, item };
    return box;
  }

  /** Show the state of a node: its `look`, and that in words. */
  show(number, look, words) {
    const { box, mark, what } = this.boxes[number];
    const { name, kind } = this.nodes[number];
    box.setAttribute("class", `box ${look}`);
    mark.replaceChildren(icon(look));
    what.textContent = `${kind.replace(" script", "")} · ${words}`;
    box.querySelector("title").textContent = `${name}\n${kind}, ${words}`;
    box.setAttribute("aria-label", `${name}, ${kind}, ${words}`);
  }

  /** Mark the node `number` as chosen, and no other. */
  choose(number) {
    this.boxes.forEach(({ box }, other) => box.setAttribute("aria-pressed", other === number));
    this.reach(number);
    this.reveal(number);
  }

  /** Bring a node in sight, without moving the page. */
  reveal(number) {
    const { place } = this;
    const { item } = this.boxes[number];
    const [from, to] = [left(item) - ACROSS, left(item) + WIDTH + ACROSS];
    if (from < place.scrollLeft) place.scrollLeft = from;
    if (to > place.scrollLeft + place.clientWidth) place.scrollLeft = to - place.clientWidth;
    const hidden = item.y - HEIGHT < place.scrollTop || item.y + HEIGHT > place.scrollTop + place.clientHeight;
    if (hidden) place.scrollTop = item.y - place.clientHeight / 2;
  }

  /** Let the Tab key lead to the node `number`. */
  reach(number) {
    this.boxes[this.reached]?.box.setAttribute("tabindex", -1);
    this.boxes[number].box.setAttribute("tabindex", 0);
    this.reached = number;
  }

  walk(event) {
    const { item } = this.boxes[this.reached];
    const layer = this.layers[item.layer].filter(({ number }) => number !== undefined);
    const place = layer.indexOf(item);
    const next = {
      ArrowUp: layer[place - 1],
      ArrowDown: layer[place + 1],
      ArrowLeft: nodeBeside(item, "before"),
      ArrowRight: nodeBeside(item, "after"),
    };
    if (!(event.key in next)) return;
    event.preventDefault();
    if (!next[event.key]) return;
    this.reach(next[event.key].number);
    this.boxes[this.reached].box.focus();
  }
}

function nodeBeside(item, side) {
  let next = item;
  do next = next[side].find(({ number }) => number !== undefined) ?? next[side][0];
  while (next && next.number === undefined);
  return next;
}
