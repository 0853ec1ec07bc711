// From a picture that a person chooses to the apparent expression in it. Nothing leaves the page.
//
// The model takes a raw face, grey levels 0 to 255; equalising, scaling and temperature are inside it. Grey and size are
// made as OpenCV makes them: whole-number weights, the mean over areas where a face shrinks, bilinear where it grows.
import * as ort from "./runtime/ort.wasm.min.mjs";

const at = (id) => document.getElementById(id);
const GREY = [9798, 19235, 3735]; // OpenCV's weights of red, green and blue, times 2^15
ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
ort.env.wasm.numThreads = 1; // more would need headers that plain servers do not send

let facts, session, picture, box;

async function start() {
  facts = await (await fetch("fer_exp.json")).json();
  at("notice").textContent = facts.notice;
  describe();
  session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
  at("file").disabled = false;
  say("Ready. Choose a picture.");
}

function say(text) {
  at("status").textContent = text;
}

function describe() {
  const about = { Takes: facts.takes, Gives: facts.gives, Classes: facts.classes.join(", "),
    Temperature: facts.temperature ?? "none is recorded", "Trained on": facts.data || "not recorded",
    "Licence of the data": facts.licence || "not recorded", Protocol: facts.protocol || "not recorded" };
  for (const [name, value] of Object.entries(facts.metrics)) about[name] = value.toFixed(4);
  for (const [name, value] of Object.entries(about)) {
    at("about").append(element("dt", name), element("dd", String(value)));
  }
}

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

async function choose(file) {
  say("Reading the picture.");
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    say(`${file.name} is no picture that this browser can read.`);
    at("looks").hidden = true;
    return;
  }
  const side = Math.min(picture.width, picture.height);
  box = { x: Math.floor((picture.width - side) / 2), y: Math.floor((picture.height - side) / 2), side };
  await look();
}

async function look() {
  draw();
  const face = faceOf(box);
  show(face);
  const channels = facts.colour ? 3 : 1;
  const input = new ort.Tensor("float32", Float32Array.from(face.flat()), [1, facts.side, facts.side, channels]);
  const began = performance.now();
  const { probabilities } = await session.run({ raw_faces: input });
  answer(Array.from(probabilities.data), performance.now() - began);
}

function draw() {
  const canvas = at("picture"), pen = canvas.getContext("2d");
  canvas.width = picture.width;
  canvas.height = picture.height;
  pen.drawImage(picture, 0, 0);
  pen.strokeStyle = "#e4572e";
  pen.lineWidth = Math.max(1, picture.width / 200);
  pen.strokeRect(box.x, box.y, box.side, box.side);
}

// The square as the model takes it: one array a pixel, of one grey level or of red, green and blue.
function faceOf({ x, y, side }) {
  const canvas = new OffscreenCanvas(side, side), pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff"; // what is transparent is seen on white
  pen.fillRect(0, 0, side, side);
  pen.drawImage(picture, x, y, side, side, 0, 0, side, side);
  const { data } = pen.getImageData(0, 0, side, side);
  const planes = facts.colour ? [0, 1, 2].map((channel) => plane(data, side, (p) => data[p + channel]))
    : [plane(data, side, (p) => (GREY[0] * data[p] + GREY[1] * data[p + 1] + GREY[2] * data[p + 2] + 2 ** 14) >> 15)];
  const sized = planes.map((one) => resized(one, side, facts.side));
  return Array.from({ length: facts.side ** 2 }, (_, place) => sized.map((one) => one[place]));
}

function plane(data, side, level) {
  return Float64Array.from({ length: side * side }, (_, place) => level(4 * place));
}

function resized(levels, side, target) {
  if (side === target) return levels;
  const weights = side > target ? areas(side, target) : between(side, target);
  const across = new Float64Array(side * target);
  for (let row = 0; row < side; row++) {
    for (let to = 0; to < target; to++) {
      for (const [from, share] of weights[to]) across[row * target + to] += share * levels[row * side + from];
    }
  }
  const found = new Float64Array(target * target);
  for (let to = 0; to < target; to++) {
    for (const [from, share] of weights[to]) {
      for (let column = 0; column < target; column++) found[to * target + column] += share * across[from * target + column];
    }
  }
  return found.map((level) => Math.min(255, Math.max(0, Math.round(level))));
}

// Of each target pixel, the pixels it covers and by which share.
function areas(side, target) {
  const scale = side / target;
  return Array.from({ length: target }, (_, to) => {
    const found = [];
    for (let from = Math.floor(to * scale); from < Math.min(side, (to + 1) * scale - 1e-9); from++) {
      found.push([from, (Math.min(from + 1, (to + 1) * scale) - Math.max(from, to * scale)) / scale]);
    }
    return found;
  });
}

function between(side, target) {
  return Array.from({ length: target }, (_, to) => {
    const place = Math.min(side - 1, Math.max(0, ((to + 0.5) * side) / target - 0.5));
    const before = Math.min(side - 1, Math.floor(place)), after = Math.min(side - 1, before + 1);
    return [[before, 1 - (place - before)], [after, place - before]];
  });
}

function show(face) {
  const canvas = at("seen");
  canvas.width = canvas.height = facts.side;
  const image = new ImageData(facts.side, facts.side);
  face.forEach((levels, place) => image.data.set([levels[0], levels.at(facts.colour ? 1 : 0), levels.at(-1), 255], 4 * place));
  canvas.getContext("2d").putImageData(image, 0, 0);
  at("seen-as").textContent = `What the model is given: ${facts.side} x ${facts.side} pixels.`;
}

function answer(probabilities, milliseconds) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  at("label").textContent = `Appears ${facts.classes[best]}`;
  at("answers").replaceChildren(...facts.classes.map((name, place) => {
    const row = document.createElement("tr"), meter = document.createElement("meter"), bar = document.createElement("td");
    const value = element("td", probabilities[place].toFixed(4));
    meter.value = probabilities[place];
    meter.setAttribute("aria-label", `${name}: ${value.textContent}`);
    bar.append(meter);
    const head = element("th", name);
    head.scope = "row";
    row.append(head, bar, value);
    return row;
  }));
  at("looks").hidden = false;
  say(`Looked at in ${milliseconds.toFixed(0)} ms, on this machine.`);
}

function place(event) {
  const canvas = at("picture"), seen = canvas.getBoundingClientRect();
  return [(event.clientX - seen.left) * canvas.width / seen.width, (event.clientY - seen.top) * canvas.height / seen.height];
}

let began = null;
at("picture").addEventListener("pointerdown", (event) => {
  began = place(event);
  at("picture").setPointerCapture(event.pointerId);
});
at("picture").addEventListener("pointermove", (event) => {
  if (began === null) return;
  box = square(began, place(event));
  draw();
});
at("picture").addEventListener("pointerup", async () => {
  if (began === null) return;
  began = null;
  await look();
});

// The square from where a person began to where the pointer is, inside the picture.
function square([x, y], [toX, toY]) {
  const wanted = Math.max(8, Math.round(Math.max(Math.abs(toX - x), Math.abs(toY - y))));
  const side = Math.min(wanted, picture.width, picture.height);
  const kept = (from, to, most) => Math.round(Math.min(most - side, Math.max(0, to < from ? from - side : from)));
  return { x: kept(x, toX, picture.width), y: kept(y, toY, picture.height), side };
}

at("file").addEventListener("change", async (event) => {
  if (event.target.files.length) await choose(event.target.files[0]);
});

const OPENED = "Serve this folder over HTTP (python -m http.server --bind 127.0.0.1): browsers run no WebAssembly from files.";
start().catch((error) => say(`The model could not be loaded: ${error.message}. ${OPENED}`));
